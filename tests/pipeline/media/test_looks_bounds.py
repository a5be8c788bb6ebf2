"""The looks at their bounds: what is decoded how well, and of which frames a look is made."""

from fractions import Fraction
from pathlib import Path

import pytest

from pipeline.media.decode import Damage, Effort
from pipeline.media.encode import Encoding, write_video
from pipeline.media.looks import (
    Looker,
    effort_of,
    nearest_pts,
    pts_between,
    runs_to,
    shown_spans,
)
from pipeline.media.plan import Plan, Run
from pipeline.media.video import probe
from pipeline.records import Change, Examination, Fit, Geometry, Look, Span
from tests.damage import overwrite
from tests.films import SHOT_MS, even_ms, film
from tests.pipeline.media.media_parts import LIMITS, budget, gop, index_of
from tests.scanning import colour_policy

SIZE = Geometry(96, 96, 96, Fit.STRETCH)


def looker(path: Path, examination: Examination = Examination.PICTURES) -> Looker:
    video = probe(path, limits=LIMITS, budget=budget())
    policy = colour_policy(max_gap_ms=3_000, examination=examination)
    return Looker(video, video.streams[0], SIZE, policy, budget(), Damage())


@pytest.mark.parametrize(
    ("step_ms", "has_fills", "effort"),
    [
        pytest.param(250, False, Effort.ROUGH_REFERENCE_FRAMES, id="to-see-changes"),
        pytest.param(250, True, Effort.REFERENCE_FRAMES, id="to-sample-between-keyframes"),
        pytest.param(251, False, Effort.EVERY_FRAME, id="a-frame-is-shown-for-long"),
        pytest.param(251, True, Effort.EVERY_FRAME, id="and-between-keyframes"),
    ],
)
def test_effort(step_ms: int, has_fills: bool, effort: Effort) -> None:  # noqa: FBT001 - a column
    index = index_of((0, 9, True), (50, 1, False), (50 + step_ms, 1, False), end_ms=900)

    assert effort_of(index, Plan((), (), frozenset(), has_fills)) is effort


@pytest.mark.parametrize(
    ("ahead_ms", "effort"),
    [(250, Effort.ROUGH_REFERENCE_FRAMES), (251, Effort.EVERY_FRAME)],
)
def test_frames_between_two_that_lie_far_apart_are_all_decoded(
    ahead_ms: int, effort: Effort
) -> None:
    """They come behind a frame that is shown later: no other refers to them, it may be."""
    between = [(shown_ms, 1, False) for shown_ms in range(50, ahead_ms, 50)]
    index = index_of((0, 9, True), (ahead_ms, 1, False), *between, end_ms=900)

    assert effort_of(index, Plan((), (), frozenset(), has_fills=False)) is effort


def test_a_cut_that_the_encoder_saw_starts_a_shot(tmp_path: Path) -> None:
    """By packets alone, no two pictures are close enough to be compared."""
    how = Encoding(rate_hz=20, keyframe_interval=80, options={"preset": "veryfast"})
    write_video(tmp_path / "a.mkv", film(even_ms(9_000, 20)), how)
    look = looker(tmp_path / "a.mkv", Examination.PACKETS)

    found = {frame.timestamp_ms: frame.change for frame in look.first_look(look.plan())}

    assert found[SHOT_MS] is Change.SHOT
    assert found[0] is Change.NONE


def test_a_damaged_frame_is_marked(tmp_path: Path) -> None:
    how = Encoding(codec="mpeg4", rate_hz=20, keyframe_interval=20)
    write_video(tmp_path / "a.mkv", film(even_ms(2_000, 20)), how)
    overwrite(tmp_path / "a.mkv", (0, 20), keep=0.3)
    look = looker(tmp_path / "a.mkv")

    frames = look.second_look(nearest_pts(look.index, [500, 1_000]), Look.EDGE)

    assert [frame.is_corrupt for frame in frames] == [False, True]


def test_two_moments_may_mean_one_frame() -> None:
    index = index_of((0, 9, True), (500, 1, False), (40, 1, False), end_ms=900)

    assert nearest_pts(index, [600, 10, 0, 400]) == (0, 500)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        pytest.param(Span(100, 180), [110, 140], id="neither-end-is-in-it"),
        pytest.param(Span(100, 110), [], id="nothing-between-neighbours"),
        pytest.param(Span(1_985, 9_000), [1_990], id="past-the-end"),
    ],
)
def test_frames_between_two_moments(span: Span, expected: list[int]) -> None:
    index = index_of(*gop(0, 9, *[1] * 199, step_ms=10), end_ms=2_000)

    assert list(pts_between(index, span)) == expected


def test_frames_between_two_moments_are_at_most_64() -> None:
    index = index_of(*gop(0, 9, *[1] * 999, step_ms=10), end_ms=10_000)

    offered = pts_between(index, Span(0, 10_000))

    assert 48 <= len(offered) <= 64
    assert (offered[0], offered[-1] > 9_800) == (10, True)


# In the order of the file: a keyframe, then what is shown before it.
LEADING_FIRST = [(150, 9, True), (100, 1, False), (250, 9, True), (200, 1, False)]
LEADING_LATER = [(0, 9, True), (50, 1, False), (150, 9, True), (100, 1, False), (200, 1, False)]


@pytest.mark.parametrize(
    ("rows", "wanted", "expected"),
    [
        pytest.param(LEADING_FIRST, [100], Run(0, 2), id="of-the-first-group-there-is-no-other"),
        pytest.param(LEADING_LATER, [100, 150], Run(0, 4), id="and-the-keyframe-it-follows"),
        pytest.param(LEADING_LATER, [100, 200], Run(0, 5), id="and-one-after-it"),
    ],
)
def test_a_frame_shown_before_its_keyframe(
    rows: list[tuple[int, int, bool]], wanted: list[int], expected: Run
) -> None:
    assert runs_to(index_of(*rows, end_ms=300), wanted) == (expected,)


def test_a_frame_shown_for_less_than_a_millisecond_spans_nothing() -> None:
    index = index_of(
        (0, 9, True), (10, 1, False), (9_000, 1, False), end_ms=18_000,
        time_base=Fraction(1, 90_000),
    )  # fmt: skip

    assert shown_spans(index, [0, 10, 9_000]) == (Span(0, 100), Span(100, 200))
