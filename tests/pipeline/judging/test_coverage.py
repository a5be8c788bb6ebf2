"""Coverage: which part of a video lies inside the sampling guarantee."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judging.coverage import coverage, uncovered_spans
from pipeline.records import Span
from tests.pipeline.judging.builders import spans, timeline

DURATION_MS = 40
moments = st.sets(st.integers(0, DURATION_MS - 1), max_size=6)
gaps = st.integers(1, DURATION_MS + 2)


def uncovered(
    times_ms: set[int],
    examined: tuple[Span, ...] = (),
    *,
    duration_ms: int = DURATION_MS,
    max_gap_ms: int = 10,
) -> tuple[Span, ...]:
    times = np.array(sorted(times_ms), dtype=np.int64)
    return uncovered_spans(times, examined, duration_ms=duration_ms, max_gap_ms=max_gap_ms)


def slowly_uncovered(times_ms: set[int], examined: tuple[Span, ...], max_gap_ms: int) -> set[int]:
    """Return the uncovered milliseconds, asking each of them by itself."""
    sampled = set(times_ms)
    for span in examined:
        sampled |= set(range(span.start_ms, span.end_ms + 1))
    lost = set()
    for t in range(DURATION_MS):
        before = max((s for s in sampled if s <= t), default=None)
        after = min((s for s in sampled if s > t), default=None)
        gap = (DURATION_MS if after is None else after) - (0 if before is None else before)
        near = [before is not None and 2 * (t - before) < max_gap_ms]
        near += [after is not None and 2 * (after - t) <= max_gap_ms]
        if not sampled or (gap > max_gap_ms and not any(near)):
            lost.add(t)
    return lost


def milliseconds(found: tuple[Span, ...]) -> list[int]:
    return [t for span in found for t in range(span.start_ms, span.end_ms)]


@pytest.mark.parametrize(
    ("times_ms", "expected"),
    [
        pytest.param({0, 10, 20, 30}, (), id="a-gap-of-just-the-promise-is-covered"),
        pytest.param({0, 11, 20, 30}, (Span(5, 6),), id="of-a-longer-one-the-middle-is-not"),
        pytest.param({10, 20, 30}, (), id="the-start-is-as-near-as-the-promise"),
        pytest.param({11, 20, 30}, (Span(0, 6),), id="the-start-is-too-far"),
        pytest.param({0, 10, 20, 29}, (Span(34, 40),), id="the-end-is-too-far"),
        pytest.param(set(), (Span(0, 40),), id="no-frames"),
    ],
)
def test_uncovered_spans(times_ms: set[int], expected: tuple[Span, ...]) -> None:
    assert uncovered(times_ms) == expected


def test_an_examined_span_counts_as_sampled_throughout() -> None:
    assert uncovered({0}, (Span(5, 35), Span(8, 9))) == ()
    assert uncovered(set(), (Span(0, 40),)) == ()


def test_an_examined_span_past_the_end_covers_no_more_than_there_is() -> None:
    assert uncovered({0}, (Span(60, 70),)) == (Span(5, 35),)


def test_nothing_sampled_is_nothing_covered_however_short_the_video() -> None:
    assert uncovered(set(), duration_ms=1) == (Span(0, 1),)
    assert uncovered({0}, duration_ms=1) == ()


def test_a_video_of_no_length_has_no_uncovered_span_and_no_coverage() -> None:
    assert uncovered(set(), duration_ms=0) == ()
    assert coverage(timeline(duration_ms=0)) == 0


@given(moments, spans(duration_ms=DURATION_MS), gaps)
def test_it_is_what_asking_every_millisecond_gives(
    times_ms: set[int], examined: tuple[Span, ...], max_gap_ms: int
) -> None:
    found = uncovered(times_ms, examined, max_gap_ms=max_gap_ms)

    assert milliseconds(found) == sorted(slowly_uncovered(times_ms, examined, max_gap_ms))


@given(moments, st.integers(0, DURATION_MS - 1), gaps)
def test_one_more_sample_never_adds_uncovered_time(
    times_ms: set[int], one_more: int, max_gap_ms: int
) -> None:
    before = milliseconds(uncovered(times_ms, max_gap_ms=max_gap_ms))
    after = milliseconds(uncovered(times_ms | {one_more}, max_gap_ms=max_gap_ms))

    assert set(after) <= set(before)


@given(spans())
def test_coverage_is_one_only_where_nothing_is_uncovered(found: tuple[Span, ...]) -> None:
    share = coverage(timeline(uncovered=found))

    assert (share == 1) is (not found)
    assert share == pytest.approx(1 - sum(span.length_ms for span in found) / 4_000)
