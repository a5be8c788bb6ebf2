"""The heatmap as a picture: what its pixels say."""

import json
from dataclasses import replace
from io import BytesIO
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipeline.drawing.assets import ColourMap, colour_table
from pipeline.drawing.chips import draw_mark
from pipeline.drawing.colours import (
    BLACK,
    HATCH_DARK,
    HATCH_LIGHT,
    OUTCOME_COLOUR,
    PAGE,
    REVIEW_BAR,
    TRACE,
    WHITE,
)
from pipeline.drawing.layout import PLOT_LEFT_PX, Box, film_boxes, lay_out, tile_box, time_to_px
from pipeline.drawing.style import HeatmapStyle
from pipeline.drawing.text import new_canvas
from pipeline.drawing.thumbnails import Pictures
from pipeline.records import Outcome, Span
from tests.pipeline.drawing.drawing_golden import (
    GOLDEN,
    TWELVE,
    describe,
    draw,
    golden_samples,
    read_pixels,
)
from tests.pipeline.drawing.drawing_parts import (
    FIVE,
    make_policy,
    make_report,
    make_timeline,
    quiet,
)
from tests.pipeline.drawing.drawing_samples import (
    Sample,
    a_millisecond,
    all_bad,
    many_events,
    nothing_found,
    one_event,
    unreadable,
)

HATCH = {HATCH_DARK, HATCH_LIGHT}
CASES = {
    **golden_samples(),
    "portrait": one_event(is_portrait=True),
    "unreadable": unreadable(),
    "all bad": all_bad(),
    "no thumbnails": replace(many_events(), thumbnails=()),
}


def colours_in(pixels: NDArray[np.uint8]) -> set[tuple[int, ...]]:
    return set(map(tuple, pixels.reshape(-1, 3).tolist()))


def crop(pixels: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    return pixels[box.top : box.bottom, box.left : box.right]


def action_at(pixels: NDArray[np.uint8], x: int, y: int) -> float:
    """Return the action value whose colour a pixel has."""
    (index,) = np.flatnonzero((colour_table(ColourMap.INFERNO) == pixels[y, x]).all(axis=1))
    return float(index) / 255


def planted(peak: float, *, first: int = 30, n: int = 1, block: float | None = 0.85) -> Sample:
    """One category of a minute, silent but for n samples from second `first` on."""
    policy = make_policy(block=block)
    confidences = np.full((60, 1), 0.01, dtype=np.float32)
    confidences[first : first + n] = peak
    timeline = make_timeline(confidences, categories=policy.categories, duration_ms=60_000)
    return Sample(make_report(timeline, outcome=Outcome.PASS), policy, (timeline,), ())


@pytest.mark.parametrize("name", list(CASES))
def test_any_video_gives_a_picture_of_the_right_size_the_same_each_time(name: str) -> None:
    first, second = draw(CASES[name]), draw(CASES[name])

    assert first == second
    assert read_pixels(first).shape == (720, 1280, 3)


@pytest.mark.parametrize("name", list(golden_samples()))
def test_the_goldens(name: str) -> None:
    golden: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))

    assert describe(golden_samples()[name]) == golden[name]


def test_no_box_of_the_layout_touches_another() -> None:
    for n in range(1, 13):
        layout = lay_out(n)
        boxes = [layout.any_row, *layout.rows, layout.trace]
        for upper, lower in pairwise(boxes):
            assert lower.top - upper.bottom >= 6  # the bar of 5 px and its gap
        assert layout.trace.bottom <= 618


def test_five_categories_have_the_heights_of_the_specification() -> None:
    layout = lay_out(5)

    assert [box.height_px for box in (layout.any_row, *layout.rows)] == [44, 34, 34, 34, 34, 34]
    assert layout.trace == Box(168, 534, 1192, 618)


@pytest.mark.parametrize(
    ("peak", "low", "high", "bar", "bar_px"),
    [
        pytest.param(0.9, 0.75, 1.0, WHITE, 5, id="block"),
        pytest.param(0.5, 0.35, 0.74, REVIEW_BAR, 2, id="review"),
        pytest.param(0.2, 0.0, 0.34, None, 0, id="below"),
    ],
)
def test_a_peak_has_the_colour_and_the_bar_of_its_action(
    peak: float, low: float, high: float, bar: tuple[int, int, int] | None, bar_px: int
) -> None:
    pixels = read_pixels(draw(planted(peak)))
    row, x = lay_out(1).any_row, time_to_px(30_000, 60_000)

    assert low <= action_at(pixels, x, row.middle_px) <= high
    assert action_at(pixels, x - 40, row.middle_px) < 0.05
    under = pixels[row.bottom + 1 : row.bottom + 6, x]
    assert [tuple(pixel) == bar for pixel in under.tolist()].count(True) == bar_px
    assert tuple(pixels[row.bottom + 1, x - 40]) == PAGE


def test_without_a_block_threshold_nothing_has_the_bar_of_block() -> None:
    pixels = read_pixels(draw(planted(1.0, block=None)))
    row, x = lay_out(1).any_row, time_to_px(30_000, 60_000)

    assert action_at(pixels, x, row.middle_px) == 1.0
    assert WHITE not in colours_in(pixels[row.bottom : row.bottom + 6, PLOT_LEFT_PX:1192])


def test_the_shortest_event_is_three_pixels_wide() -> None:
    policy = make_policy()
    confidences = np.full((10_000, 1), 0.01, dtype=np.float32)
    confidences[5_000] = 0.95
    timeline = make_timeline(confidences, categories=policy.categories, duration_ms=10_000_000)
    report = make_report(timeline, outcome=Outcome.PASS)
    pixels = read_pixels(draw(Sample(report, policy, (timeline,), ())))

    row = lay_out(1).any_row
    line = pixels[row.middle_px, row.left : row.right]
    assert (line.sum(axis=1) > 300).sum() == 3
    assert (pixels[row.bottom + 3, row.left : row.right] == 255).all(axis=1).sum() == 3


def test_what_was_not_sampled_is_hatched_in_every_row_and_a_gap_in_the_trace() -> None:
    sample = many_events()
    pixels = read_pixels(draw(sample))
    span = sample.timelines[0].uncovered[0]
    duration_ms = sample.timelines[0].duration_ms
    left, right = time_to_px(span.start_ms, duration_ms) + 2, time_to_px(span.end_ms, duration_ms)

    layout = lay_out(len(FIVE))
    for row in (layout.any_row, *layout.rows):
        assert colours_in(pixels[row.top : row.bottom, left : right - 2]) == HATCH
    inside = pixels[layout.trace.top + 2 : layout.trace.bottom - 2]
    assert TRACE not in colours_in(inside[:, left : right - 2])
    assert TRACE in colours_in(inside[:, left - 20 : left])


def test_the_hatch_is_no_colour_of_either_map() -> None:
    for colour_map in ColourMap:
        assert HATCH.isdisjoint(set(map(tuple, colour_table(colour_map).tolist())))


def test_a_video_of_black_frames_is_hatched_from_end_to_end() -> None:
    pixels = read_pixels(draw(all_bad()))

    assert colours_in(crop(pixels, lay_out(1).any_row)) == HATCH


def test_the_trace_has_no_hole_where_it_rises() -> None:
    pixels = read_pixels(draw(planted(0.99, n=5)))
    trace = lay_out(1).trace
    is_stroke = (crop(pixels, trace) == TRACE).all(axis=2)

    assert is_stroke.any(axis=0).all()
    rise = is_stroke[:, time_to_px(29_500, 60_000) - 168 - 1 :][:, :3].sum(axis=0).max()
    assert rise > 0.8 * trace.height_px


@pytest.mark.parametrize(("block", "lines"), [(0.85, 2), (None, 1)])
def test_there_is_a_dashed_line_for_each_threshold_of_the_policy(
    block: float | None, lines: int
) -> None:
    pixels = read_pixels(draw(planted(0.01, block=block)))
    trace = lay_out(1).trace
    dash = crop(pixels, trace)[2:-12, 0]

    assert (dash != PAGE).any(axis=1).sum() == lines


@pytest.mark.parametrize("size_px", [9, 16, 96])
@pytest.mark.parametrize(("one", "other"), list(combinations(Outcome, 2)))
def test_each_verdict_has_a_shape_of_its_own(one: Outcome, other: Outcome, size_px: int) -> None:
    shapes = []
    for outcome in (one, other):
        canvas = new_canvas(size_px, size_px, BLACK)
        draw_mark(canvas, (0, 0), outcome, size_px)
        pixels = np.asarray(canvas.image).astype(float)
        shapes.append(pixels.max(axis=2) > 90)

    both, either = (shapes[0] & shapes[1]).sum(), (shapes[0] | shapes[1]).sum()
    assert both / either < 0.75


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_chip_has_the_colour_of_the_verdict(outcome: Outcome) -> None:
    sample = nothing_found()
    reasons = many_events().report.judgement.verdict.reasons[:1]
    report = make_report(sample.timelines[0], outcome=outcome, reasons=reasons)

    chip = read_pixels(draw(replace(sample, report=report)))[13:51, 16:152]
    assert OUTCOME_COLOUR[outcome] in colours_in(chip)


def test_tiles_have_the_border_of_their_action_and_a_white_badge() -> None:
    sample = many_events()
    pixels = read_pixels(draw(sample))

    for index, event in enumerate(sample.report.judgement.events):
        box = tile_box(index)
        value = action_at(pixels, box.right - 2, box.bottom - 2)
        assert (value >= 0.745) == (event.confidence >= 0.85)
        assert tuple(pixels[box.top + 1, box.left + 1]) == WHITE


def test_fewer_events_have_fewer_tiles() -> None:
    pixels = read_pixels(draw(one_event()))

    assert tuple(pixels[tile_box(0).top, tile_box(0).right - 1]) != PAGE
    assert tuple(pixels[tile_box(4).top, tile_box(4).right - 1]) == PAGE


def test_thumbnails_are_blurred_unless_asked_otherwise() -> None:
    sample = many_events()
    inside = tile_box(1)
    detail = {}
    for pictures in Pictures:
        pixels = read_pixels(draw(sample, HeatmapStyle(pictures=pictures)))
        tile = pixels[inside.top + 24 : inside.bottom - 4, inside.left + 24 : inside.right - 4]
        film = crop(pixels, film_boxes()[0])[10:38]
        detail[pictures] = [
            float(np.abs(np.diff(part.astype(float), axis=1)).mean()) for part in (tile, film)
        ]

    tile_blurred, film_blurred = detail[HeatmapStyle().pictures]
    tile_sharp, film_sharp = detail[Pictures.SHARP]
    assert tile_blurred < 0.3 * tile_sharp
    assert film_blurred < 0.5 * film_sharp


def test_hidden_pictures_leave_no_trace_of_the_frames() -> None:
    one = one_event()
    other = replace(one, thumbnails=one_event(is_portrait=True).thumbnails)
    hidden = HeatmapStyle(pictures=Pictures.HIDDEN)

    assert draw(one) != draw(other)
    assert draw(one, hidden) == draw(other, hidden)


def test_the_colour_map_can_be_chosen() -> None:
    pixels = read_pixels(draw(planted(0.99), HeatmapStyle(colour_map=ColourMap.CIVIDIS)))
    row, x = lay_out(1).any_row, time_to_px(30_000, 60_000)

    assert pixels[row.middle_px, x].tolist() in colour_table(ColourMap.CIVIDIS)[-10:].tolist()


def test_an_error_says_why_in_words() -> None:
    one, other = draw(unreadable("no video stream")), draw(unreadable("it is a text file"))

    panels = [read_pixels(png)[80:500] for png in (one, other)]
    assert (panels[0] != panels[1]).any()


def test_the_plot_is_drawn_for_an_error_that_was_partly_judged() -> None:
    sample = many_events()
    reasons = unreadable().report.judgement.verdict.reasons
    report = make_report(sample.timelines[0], outcome=Outcome.ERROR, reasons=reasons)
    pixels = read_pixels(draw(replace(sample, report=report)))

    row = lay_out(5).any_row
    assert action_at(pixels, time_to_px(310_000, 754_000), row.middle_px) > 0.9


def test_more_events_than_tiles_are_cut() -> None:
    sample = many_events()
    events = sample.report.judgement.events
    judgement = replace(sample.report.judgement, events=events + events)
    doubled = replace(sample, report=replace(sample.report, judgement=judgement))

    assert draw(doubled) == draw(sample)


def test_events_past_the_first_stream_take_their_own_thumbnails() -> None:
    sample = one_event()
    (timeline,) = sample.timelines
    (event,) = sample.report.judgement.events
    judgement = replace(sample.report.judgement, events=(replace(event, stream=1),))
    moved = replace(sample.report, judgement=judgement)
    streams = (timeline, replace(timeline, stream=1))

    tile = crop(read_pixels(draw(replace(sample, report=moved, timelines=streams))), tile_box(0))
    assert len(colours_in(tile)) < 200  # it has no thumbnail: words on a plain ground


def test_the_file_says_what_it_was_drawn_from() -> None:
    with Image.open(BytesIO(draw(many_events(TWELVE[:1])))) as image:
        facts = dict(image.info)

    assert facts["heatreel:submission_id"].startswith("sha256:8f3c21a9")
    assert facts["heatreel:model_sha256"] == "a" * 64
    assert facts["heatreel:policy_sha256"] == "b" * 64
    assert json.loads(facts["heatreel:thresholds"]) == {"category 0": [0.3, 0.85]}
    assert float(facts["heatreel:ms_per_column"]) == 754_000 / 1_024
    assert facts["heatreel:schema_version"] == "1"
    assert "tIME" not in facts


def test_a_timeline_of_no_length_is_not_judged() -> None:
    policy = make_policy()
    timeline = make_timeline(quiet(0, 1), categories=policy.categories, duration_ms=0)
    sample = unreadable()

    assert draw(replace(sample, timelines=(timeline,))) == draw(sample)


def test_a_film_cell_in_an_uncovered_span_is_hatched() -> None:
    sample = many_events()
    cells = film_boxes()
    spans: tuple[Span, ...] = sample.timelines[0].uncovered
    duration_ms = sample.timelines[0].duration_ms
    pixels = read_pixels(draw(sample))

    for index, box in enumerate(cells):
        centre_ms = (2 * index + 1) * duration_ms // 32
        is_uncovered = any(span.start_ms <= centre_ms < span.end_ms for span in spans)
        top_half = crop(pixels, box)[:30]
        assert (colours_in(top_half) == HATCH) == is_uncovered


def test_a_millisecond_fills_the_row() -> None:
    pixels = read_pixels(draw(a_millisecond()))

    assert len(colours_in(crop(pixels, lay_out(1).any_row))) == 1
