"""Edges: where segments begin and end, placed to a tenth of a second."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judging.edges import (
    EdgeKind,
    EdgeSearch,
    edges_to_refine,
    narrow_above,
    narrow_below,
    next_probe,
)
from pipeline.records import Policy, Span, Timeline
from tests.pipeline.judging.builders import NAN, policy, rule, timeline, timelines

RISING, FALLING = EdgeKind.RISING, EdgeKind.FALLING


def edges(line: Timeline, with_policy: Policy | None = None) -> list[tuple[EdgeKind, int, int]]:
    """Return the edges as (kind, below_ms, above_ms)."""
    found = edges_to_refine(line, with_policy or policy())
    return [(search.kind, search.below_ms, search.above_ms) for search in found]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param([], [], id="no-frames"),
        pytest.param([(0, 0.9), (1_000, 0.9)], [], id="from-start-to-end"),
        pytest.param([(0, 0.1), (1_000, 0.9)], [(RISING, 0, 1_000)], id="a-start"),
        pytest.param([(0, 0.9), (1_000, 0.1)], [(FALLING, 1_000, 0)], id="an-end"),
        pytest.param([(0, 0.1), (100, 0.9)], [], id="known-to-100-ms"),
        pytest.param([(0, 0.1), (101, 0.9)], [(RISING, 0, 101)], id="not-quite-known"),
        pytest.param([(0, NAN), (500, 0.9)], [(RISING, 0, 500)], id="after-a-bad-frame"),
        pytest.param([(0, 0.9), (500, NAN)], [(FALLING, 500, 0)], id="before-a-bad-frame"),
        pytest.param(
            [(0, 0.1), (500, 0.9), (1_000, 0.1)],
            [(RISING, 0, 500), (FALLING, 1_000, 500)],
            id="a-lone-peak-has-both",
        ),
    ],
)
def test_the_edges_to_refine(
    frames: list[tuple[int, float]], expected: list[tuple[EdgeKind, int, int]]
) -> None:
    assert edges(timeline(*frames)) == expected


def test_no_edge_is_searched_for_where_nothing_is_covered() -> None:
    line = timeline((0, 0.1), (2_000, 0.9), (4_000 - 1, 0.1), uncovered=[Span(500, 1_500)])

    assert edges(line) == [(FALLING, 3_999, 2_000)]


def test_merged_segments_have_outer_edges_only() -> None:
    line = timeline((0, 0.1), (500, 0.9), (1_000, 0.1), (1_500, 0.9), (2_000, 0.1))

    assert edges(line, policy(merge_gap_ms=501)) == [(RISING, 0, 500), (FALLING, 2_000, 1_500)]


def test_edges_of_a_segment_that_seems_too_short_are_refined_too() -> None:
    line = timeline((0, 0.1), (500, 0.9), (1_000, 0.1))

    assert len(edges(line, policy(rule(min_duration_ms=900)))) == 2


@pytest.mark.parametrize(
    ("below", "above", "kind"),
    [(5, 5, RISING), (5, 5, FALLING), (0, 5, FALLING), (5, 0, RISING)],
)
def test_an_edge_of_the_wrong_kind_is_refused(below: int, above: int, kind: EdgeKind) -> None:
    with pytest.raises(ValueError, match="a rising edge needs below_ms < above_ms"):
        EdgeSearch(0, 0, below, above, kind)


@pytest.mark.parametrize(
    ("candidates", "low", "high", "expected"),
    [
        pytest.param([], 0, 1_000, None, id="no-frames"),
        pytest.param([0, 1_000], 0, 1_000, None, id="the-bounds-are-known-already"),
        pytest.param([0, 50, 100], 0, 100, None, id="near-enough"),
        pytest.param([0, 50, 101], 0, 101, 1, id="not-quite"),
        pytest.param([0, 100, 900, 1_000], 0, 1_000, 1, id="of-two-as-near-the-earlier"),
        pytest.param([0, 100, 899, 1_000], 0, 1_000, 2, id="the-nearest-to-the-middle"),
        pytest.param([10, 300, 700], 200, 600, 1, id="only-inside"),
    ],
)
def test_the_next_probe(candidates: list[int], low: int, high: int, expected: int | None) -> None:
    assert next_probe(np.array(candidates, dtype=np.int64), low, high) == expected


@given(
    st.sets(st.integers(1, 2_999), max_size=90),
    st.integers(1, 3_000),
    st.sampled_from(EdgeKind),
)
def test_probing_places_the_edge_as_well_as_scoring_every_frame(
    inner: set[int], edge_ms: int, kind: EdgeKind
) -> None:
    """The truth changes at edge_ms: from there on above (rising) or below (falling)."""
    candidates = np.array(sorted(inner), dtype=np.int64)
    ends = (0, 3_000) if kind is RISING else (3_000, 0)
    search = EdgeSearch(0, 0, *ends, kind)
    while (i := next_probe(candidates, search.low_ms, search.high_ms)) is not None:
        probe = int(candidates[i])
        is_above = (probe >= edge_ms) is (kind is RISING)
        search = (narrow_above if is_above else narrow_below)(search, probe)

    assert search.low_ms < edge_ms <= search.high_ms
    between = [t for t in inner if search.low_ms < t < search.high_ms]
    assert search.high_ms - search.low_ms <= 100 or not between


@given(st.integers(1, 3_000), st.integers(20, 50))
def test_evenly_spaced_frames_take_about_log2_probes(edge_ms: int, step_ms: int) -> None:
    candidates = np.arange(0, 3_000, step_ms, dtype=np.int64)
    low, high, probes = 0, 3_000, 0
    while (i := next_probe(candidates, low, high)) is not None:
        probe = int(candidates[i])
        low, high = (probe, high) if probe < edge_ms else (low, probe)
        probes += 1

    assert probes <= math.ceil(math.log2(3_000 / step_ms)) + 1


@given(timelines())
def test_an_edge_lies_between_neighbouring_frames_one_over_one_not(line: Timeline) -> None:
    times = line.timestamps_ms.tolist()
    over = dict(zip(times, line.confidences[:, 0] >= 0.5, strict=True))

    for search in edges_to_refine(line, policy()):
        assert times.index(search.high_ms) - times.index(search.low_ms) == 1
        assert over[search.above_ms]
        assert not over[search.below_ms]
        assert search.high_ms - search.low_ms > 100
