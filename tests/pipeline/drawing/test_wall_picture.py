"""The wall: a whole library in one picture, worst first."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.drawing.assets import ColourMap, colour_table
from pipeline.drawing.colours import HATCH_DARK, HATCH_LIGHT, OUTCOME_COLOUR, REVIEW_BAR, WHITE
from pipeline.drawing.wall import BANDS, PAGE_TILES, draw_wall, sort_tiles, split_pages
from pipeline.drawing.wall_layout import lay_out_wall
from pipeline.drawing.wall_tile import WallTile, make_wall_tile
from pipeline.drawing.wall_tiles import stretch
from pipeline.records import Outcome
from tests.pipeline.drawing.drawing_golden import read_pixels
from tests.pipeline.drawing.drawing_samples import many_events, nothing_found, one_event, unreadable

HOSTILE = (
    "x" * 100_000,
    "\u202egnp\x00\n",
    "🎉" * 80,
    "bad\udcffname",
    "שלום " * 60,
    "z\u0334" * 60,
    "",
)


def make_tile(outcome: Outcome = Outcome.PASS, **changes: object) -> WallTile:
    """Return the tile of a quiet video."""
    peaks = np.full(36, 0.02, dtype=np.float32)
    tile = WallTile("holiday.mp4", outcome, 0, 0.1, 0.0, peaks, 60_000, "nothing")
    return replace(tile, **changes)  # type: ignore[arg-type]


def library(n: int) -> list[WallTile]:
    """Return n tiles of all verdicts, most of them passes."""
    outcomes = {0: Outcome.BLOCK, 1: Outcome.REVIEW, 2: Outcome.ERROR}
    return [make_tile(outcomes.get(i % 20, Outcome.PASS), name=f"{i:05}.mp4") for i in range(n)]


def test_bands_stand_in_the_order_of_who_needs_a_person() -> None:
    shuffled = [make_tile(outcome) for outcome in Outcome]

    assert [tile.outcome for tile in sort_tiles(shuffled)] == [
        Outcome.BLOCK, Outcome.REVIEW, Outcome.ERROR, Outcome.PASS,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "worse", "better"),
    [
        pytest.param(Outcome.PASS, {"strongest_unconfirmed": 0.9}, {"confidence": 0.9}, id="pass"),
        pytest.param(Outcome.BLOCK, {"severity": 4}, {"confidence": 0.9}, id="severity-first"),
        pytest.param(Outcome.REVIEW, {"confidence": 0.9}, {"confidence": 0.5}, id="confidence"),
        pytest.param(Outcome.REVIEW, {"confidence": 0.0}, {"confidence": math.nan}, id="nan-last"),
        pytest.param(
            Outcome.REVIEW,
            {"confidence": 0.9},
            {"confidence": 0.8, "strongest_unconfirmed": 1.0},
            id="unconfirmed-sorts-only-passes",
        ),
        pytest.param(Outcome.ERROR, {"name": "a"}, {"name": "b"}, id="names-settle-it"),
    ],
)
def test_the_worst_of_a_band_comes_first(
    outcome: Outcome, worse: dict[str, object], better: dict[str, object]
) -> None:
    first, second = make_tile(outcome, **worse), make_tile(outcome, **better)

    assert sort_tiles([second, first]) == [first, second]


counts = st.lists(st.integers(1, 700), min_size=1, max_size=4).filter(lambda c: sum(c) <= 2_000)


@given(counts)
def test_any_page_has_room_and_no_tile_touches_another(counts: list[int]) -> None:
    layout = lay_out_wall(counts)

    boxes = [box for band in layout.bands for box in band.tiles]
    assert len(boxes) == sum(counts)
    assert layout.height_px <= 1_000
    taken = np.zeros((1_000, 1_680), dtype=np.uint8)
    for box in boxes:
        assert box.right <= 1_680
        taken[box.top : box.bottom, box.left : box.right] += 1
    assert taken.max() == 1


@pytest.mark.parametrize(
    ("counts", "columns"),
    [
        ([1], 1), ([1, 1, 1, 3], 1), ([2, 5], 2), ([4, 6, 1, 40], 4),
        ([10, 10, 1, 179], 12), ([50, 450], 20), ([100, 100, 20, 1_780], 40),
        ([1, 1, 1, 1_997], 40),
    ],
)  # fmt: skip
def test_tiles_are_as_large_as_their_number_allows(counts: list[int], columns: int) -> None:
    assert lay_out_wall(counts).size.columns == columns


def test_two_thousand_tiles_are_those_of_the_specification() -> None:
    layout = lay_out_wall([100, 100, 1_800])
    first, second = layout.bands[0].tiles[:2]

    assert (second.left - first.left, layout.size.pitch_px) == (40, 18)
    assert (first.width_px, layout.size.strip_px, layout.size.bar_px) == (36, 12, 3)
    gap = layout.bands[1].tiles[0].top - layout.bands[0].tiles[-1].bottom
    assert gap == 5


@pytest.mark.parametrize("n", [0, 1, 6, 7, 60, 200, 500, 2_000])
def test_any_number_of_videos_gives_a_picture_the_same_each_time(n: int) -> None:
    tiles = library(n)
    png = draw_wall(tiles, title="Library")

    assert png == draw_wall(tiles[::-1], title="Library")
    height, width = read_pixels(png).shape[:2]
    assert width == 1_680
    assert 140 <= height <= 1_000


def test_a_page_holds_two_thousand() -> None:
    with pytest.raises(ValueError, match="at most 2000"):
        draw_wall(library(PAGE_TILES + 1), title="Library")


def test_pages_hold_every_video_once_and_the_worst_first() -> None:
    tiles = library(4_500)
    pages = split_pages(tiles)

    assert [len(page) for page in pages] == [2_000, 2_000, 500]
    assert [tile for page in pages for tile in page] == sort_tiles(tiles)
    assert split_pages([]) == []


def lines_of(tile: WallTile, others: int) -> np.ndarray:
    """Draw a wall with this tile and many passes, and return the pixels of its box."""
    tiles = [tile, *(make_tile(name=f"{i}") for i in range(others))]
    places = lay_out_wall([1, others])
    box = places.bands[0].tiles[0]
    pixels = read_pixels(draw_wall(tiles, title="Library"))
    return pixels[box.top : box.bottom, box.left : box.right]


@pytest.mark.parametrize("others", [3, 20, 100, 400, 1_500])
def test_bars_tell_block_from_review_without_colour(others: int) -> None:
    thick = {}
    for outcome, colour in ((Outcome.BLOCK, WHITE), (Outcome.REVIEW, REVIEW_BAR)):
        part = lines_of(make_tile(outcome), others)
        thick[outcome] = int((part == colour).all(axis=(1, 2)).sum())

    assert thick[Outcome.BLOCK] > thick[Outcome.REVIEW] >= 1


@pytest.mark.parametrize("others", [3, 20, 100, 400, 1_500])
def test_an_error_is_hatched_and_has_its_mark(others: int) -> None:
    unknown = np.full(36, np.nan, dtype=np.float32)
    part = lines_of(make_tile(Outcome.ERROR, peaks=unknown, duration_ms=0), others)

    colours = set(map(tuple, part.reshape(-1, 3).tolist()))
    assert {HATCH_LIGHT, HATCH_DARK, OUTCOME_COLOUR[Outcome.ERROR]} <= colours
    assert tuple(colour_table(ColourMap.INFERNO)[0].tolist()) not in colours


@pytest.mark.parametrize("others", [3, 20, 100, 400, 1_500])
def test_one_bright_bin_is_seen_at_any_size(others: int) -> None:
    peaks = np.full(36, 0.02, dtype=np.float32)
    peaks[20] = 0.9
    part = lines_of(make_tile(Outcome.REVIEW, peaks=peaks), others)

    bright = colour_table(ColourMap.INFERNO)[round(0.9 * 255)]
    columns = np.flatnonzero((part == bright).all(axis=2).any(axis=0))
    assert len(columns) >= 1
    assert abs(columns.mean() / part.shape[1] - 20.5 / 36) < 0.05


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("others", [3, 20, 100, 250])
def test_a_hostile_name_stays_in_its_tile(name: str, others: int) -> None:
    tiles = [make_tile(name=f"{i:04}") for i in range(others)]
    walls = [
        read_pixels(draw_wall([make_tile(Outcome.BLOCK, name=each, reason=each), *tiles], title=""))
        for each in ("plain", name)
    ]

    changed = (walls[0] != walls[1]).any(axis=2)
    box = lay_out_wall([1, others]).bands[0].tiles[0]
    changed[box.top : box.bottom, box.left : box.right] = False
    assert not changed.any()


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_title_stays_in_its_line(title: str) -> None:
    walls = [read_pixels(draw_wall(library(60), title=each)) for each in ("plain", title)]

    changed = (walls[0] != walls[1]).any(axis=2)
    assert not changed[36:].any()
    assert not changed[:, 1_410:].any()


@given(
    arrays(
        np.float32,
        st.integers(1, 60),
        elements=st.one_of(st.just(float("nan")), st.floats(0, 1, width=32)),
    ),
    st.integers(1, 80),
)
def test_stretching_keeps_the_maximum_of_all_that_a_column_touches(
    peaks: np.ndarray, width: int
) -> None:
    stretched = stretch(peaks, width)

    def slow(column: int) -> float:
        n = len(peaks)
        touched: Sequence[float] = [
            float(peaks[b])
            for b in range(n)
            if b * width < (column + 1) * n and column * n < (b + 1) * width
        ]
        return max((peak for peak in touched if not math.isnan(peak)), default=math.nan)

    np.testing.assert_array_equal(stretched, [slow(column) for column in range(width)])


def test_a_tile_is_made_of_its_report() -> None:
    peaks = np.zeros(36, dtype=np.float32)

    tile = make_wall_tile(many_events().report, peaks=peaks)
    assert (tile.name, tile.outcome, tile.duration_ms) == ("upload-123", Outcome.BLOCK, 754_000)
    assert tile.strongest_unconfirmed == pytest.approx(0.98)
    assert tile.reason.startswith("violence 5:00")
    assert make_wall_tile(nothing_found().report, peaks=peaks).strongest_unconfirmed == 0
    assert math.isnan(make_wall_tile(unreadable().report, peaks=peaks).confidence)
    assert make_wall_tile(one_event(tag="").report, peaks=peaks).name == "holiday.mp4"


def test_a_tile_needs_a_column() -> None:
    with pytest.raises(ValueError, match="at least one column"):
        make_tile(peaks=np.array([], dtype=np.float32))


def test_every_verdict_has_a_band() -> None:
    assert set(BANDS) == set(Outcome)
