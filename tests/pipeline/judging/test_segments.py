"""Segments: the spans where a category stands at or above its threshold."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judging.segments import find_segments, frames_within, merge_spans
from pipeline.records import Policy, Segment, Span, Timeline
from tests.pipeline.judging.builders import NAN, policy, rule, spans, timeline, timelines


def bounds(line: Timeline, with_policy: Policy | None = None) -> list[tuple[int, int]]:
    found = find_segments(line, with_policy or policy())
    return [(segment.start_ms, segment.end_ms) for segment in found]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param([], [], id="no-frames"),
        pytest.param([(0, 0.49), (1_000, NAN)], [], id="nothing-over"),
        pytest.param([(0, 0.5)], [(0, 4_000)], id="one-frame-to-the-end"),
        pytest.param([(0, 0.1), (500, 0.5), (900, 0.4)], [(500, 900)], id="to-the-next-below"),
        pytest.param([(0, 0.9), (700, NAN), (800, 0.1)], [(0, 700)], id="to-the-next-bad"),
        pytest.param([(0, 0.9), (9, 0.9), (10, 0.1)], [(0, 10)], id="frames-in-a-row-are-one"),
        pytest.param([(0, 0.9), (5, 0.1), (7, 0.9)], [(0, 5), (7, 4_000)], id="two"),
        pytest.param([(3_999, 0.9)], [(3_999, 4_000)], id="the-last-millisecond"),
    ],
)
def test_where_segments_lie(
    frames: list[tuple[int, float]], expected: list[tuple[int, int]]
) -> None:
    assert bounds(timeline(*frames)) == expected


def test_a_segment_ends_where_the_guarantee_does() -> None:
    line = timeline((0, 0.9), (3_000, 0.9), uncovered=[Span(500, 2_500)])

    assert bounds(line) == [(0, 500), (3_000, 4_000)]


@pytest.mark.parametrize(
    ("merge_gap_ms", "expected"),
    [(500, [(0, 500), (1_000, 4_000)]), (501, [(0, 4_000)])],
)
def test_segments_closer_than_the_gap_are_one(
    merge_gap_ms: int, expected: list[tuple[int, int]]
) -> None:
    line = timeline((0, 0.9), (500, 0.1), (1_000, 0.9))

    assert bounds(line, policy(merge_gap_ms=merge_gap_ms)) == expected


SHORT = [(0, 0.9), (500, 0.1), (1_000, 0.9), (1_500, 0.1)]


@pytest.mark.parametrize(
    ("min_duration_ms", "is_strict", "expected"),
    [
        pytest.param(500, False, [(0, 500), (1_000, 1_500)], id="just-long-enough"),
        pytest.param(501, False, [], id="too-short"),
        pytest.param(501, True, [(0, 500), (1_000, 1_500)], id="strict-is-never-too-short"),
    ],
)
def test_short_segments_are_dropped(
    min_duration_ms: int, *, is_strict: bool, expected: list[tuple[int, int]]
) -> None:
    one = rule(min_duration_ms=min_duration_ms, is_strict=is_strict)

    assert bounds(timeline(*SHORT), policy(one)) == expected


def test_length_is_asked_after_merging() -> None:
    one = policy(rule(min_duration_ms=1_500), merge_gap_ms=600)

    assert bounds(timeline(*SHORT), one) == [(0, 1_500)]


def test_a_segment_is_described_by_its_own_good_frames() -> None:
    line = timeline((0, 0.5), (100, 0.25), (200, NAN), (300, 0.75), (400, 0.1), stream=3)

    (found,) = find_segments(line, policy(merge_gap_ms=1_000))

    assert found == Segment(
        "nudity", 3, 0, 400, 0.75, 0.5, frames=3, peak_ms=300, is_confirmed=False
    )


def test_a_segment_is_confirmed_if_any_of_its_frames_is() -> None:
    run = [(0, 0.6), (250, 0.6), (500, 0.6), (800, 0.1)]
    refuted = [(1_050, 0.1), (1_300, 0.99), (1_550, 0.1)]

    (found,) = find_segments(timeline(*run, *refuted), policy(merge_gap_ms=1_000))

    assert (found.peak_ms, found.is_confirmed) == (1_300, True)


def test_segments_of_categories_come_by_start_then_name() -> None:
    base = timeline((0, 0.9), (1_000, 0.1), (2_000, 0.9))
    line = Timeline(
        ("nudity", "gore"),
        *(0, base.duration_ms, base.timestamps_ms, base.looks, base.gates),
        np.repeat(base.confidences, 2, axis=1),
        (),
        (),
    )

    found = find_segments(line, policy(rule("nudity"), rule("gore")))

    assert [(s.start_ms, s.category) for s in found] == [
        (0, "gore"),
        (0, "nudity"),
        (2_000, "gore"),
        (2_000, "nudity"),
    ]


@given(timelines())
def test_a_moment_is_in_a_segment_if_the_frame_that_speaks_for_it_is_over(line: Timeline) -> None:
    inside = {t for start, end in bounds(line) for t in range(start, end)}

    times, breaks = line.timestamps_ms.tolist(), [span.start_ms for span in line.uncovered]
    for t in range(0, line.duration_ms, 25):
        i = int(np.searchsorted(line.timestamps_ms, t, side="right")) - 1
        is_over = i >= 0 and line.confidences[i, 0] >= 0.5
        is_silent = i >= 0 and any(times[i] < at <= t for at in breaks)
        assert (t in inside) == (is_over and not is_silent)


@given(timelines(), st.integers(0, 2_000))
def test_a_wider_merge_only_adds_time_and_keeps_segments_apart(line: Timeline, gap: int) -> None:
    narrow, wide = bounds(line), bounds(line, policy(merge_gap_ms=gap))

    assert all(any(a <= start and end <= b for a, b in wide) for start, end in narrow)
    assert all(b - a >= gap for (_, a), (b, _) in pairwise(wide))


@given(timelines(min_size=1), st.sampled_from([0.2, 0.7, 0.9]))
def test_a_higher_threshold_never_adds_time(line: Timeline, review: float) -> None:
    low = bounds(line, policy(rule(review=min(review, 0.5))))
    high = bounds(line, policy(rule(review=max(review, 0.5))))

    assert all(any(a <= start and end <= b for a, b in low) for start, end in high)


@given(spans(), spans(), st.integers(0, 100))
def test_merged_spans_hold_what_they_held(
    one: tuple[Span, ...], other: tuple[Span, ...], gap_ms: int
) -> None:
    given_spans = sorted([*one, *other])
    merged = merge_spans(given_spans, gap_ms)

    assert all(
        any(m.start_ms <= s.start_ms <= s.end_ms <= m.end_ms for m in merged) for s in given_spans
    )
    assert all(b.start_ms - a.end_ms >= gap_ms for a, b in pairwise(merged))


def test_the_frames_of_a_span_are_half_open() -> None:
    line = timeline((0, 0.1), (10, 0.1), (20, 0.1))

    assert frames_within(line, 0, 10) == slice(0, 1)
    assert frames_within(line, 10, 21) == slice(1, 3)
    assert frames_within(line, 11, 12) == slice(2, 2)
