"""Edges: where segments begin and end, placed to a tenth of a second.

The first look knows an edge only to lie between two samples. The second look halves that interval:
the frames in it are decoded once, and of n of them only about log2(n) are scored.
"""

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from pipeline.judging.runs import reach_ms
from pipeline.judging.segments import segment_spans
from pipeline.records import Policy, Rule, Timeline

EDGE_PRECISION_MS = 100  # an edge known to lie within this is known well enough


class EdgeKind(Enum):
    """Which edge of a segment it is."""

    RISING = "rising"  # the start: below before it, at or above the threshold after it
    FALLING = "falling"  # the end


@dataclass(frozen=True, slots=True)
class EdgeSearch:
    """An edge of a segment and the interval that it lies in.

    Attributes:
        category: index of the category, a column of the timeline's confidences.
        stream: index of the video stream, from 0.
        below_ms: timestamp of the nearest frame that is known not to be at or above the threshold,
            be it below or bad.
        above_ms: timestamp of the nearest frame that is known to be.
        kind: whether the segment begins or ends there.
    """

    category: int
    stream: int
    below_ms: int
    above_ms: int
    kind: EdgeKind

    def __post_init__(self) -> None:
        is_rising = self.kind is EdgeKind.RISING
        earlier_ms = self.below_ms if is_rising else self.above_ms
        later_ms = self.above_ms if is_rising else self.below_ms
        if not earlier_ms < later_ms:
            raise ValueError(f"a rising edge needs below_ms < above_ms, a falling >, got {self}")

    @property
    def low_ms(self) -> int:
        """The earlier end of the interval."""
        return min(self.below_ms, self.above_ms)

    @property
    def high_ms(self) -> int:
        """The later end of the interval."""
        return max(self.below_ms, self.above_ms)


def edges_to_refine(timeline: Timeline, policy: Policy) -> tuple[EdgeSearch, ...]:
    """Return the edges of segments that are not placed to 100 ms yet, in order of time.

    Segments that are too short for their rule are among them: placing the edges may lengthen them,
    and shows whether a peak is an insert or a slip. No edge is searched for at the video's start
    and end, nor beyond what is covered.
    """
    searches = [
        search
        for category, rule in enumerate(policy.rules)
        for search in _edges_of(timeline, category, rule, policy.merge_gap_ms)
        if search.high_ms - search.low_ms > EDGE_PRECISION_MS
    ]
    return tuple(sorted(searches, key=lambda search: (search.low_ms, search.category)))


def next_probe(candidates_ms: NDArray[np.int64], low_ms: int, high_ms: int) -> int | None:
    """Return the index of the frame to score next; None when the edge is placed.

    It is the frame nearest to the middle of the interval, the earlier of two as near. The edge is
    placed when the interval is no longer than 100 ms or no frame lies inside it.

    Args:
        candidates_ms: shape (M,), increasing timestamps of the frames that can be scored.
        low_ms: the earlier end of the interval, exclusive.
        high_ms: the later end, exclusive.

    >>> next_probe(np.array([0, 200, 400, 600, 800]), 0, 800)
    2
    """
    first, end = np.searchsorted(candidates_ms, [low_ms + 1, high_ms], side="left")
    if high_ms - low_ms <= EDGE_PRECISION_MS or first == end:
        return None
    from_middle = np.abs(2 * candidates_ms[first:end] - (low_ms + high_ms))
    return int(first + np.argmin(from_middle))


def narrow_above(search: EdgeSearch, probe_ms: int) -> EdgeSearch:
    """Return the search after a probe that stands at or above the threshold."""
    return replace(search, above_ms=probe_ms)


def narrow_below(search: EdgeSearch, probe_ms: int) -> EdgeSearch:
    """Return the search after a probe that does not: it is below, or bad."""
    return replace(search, below_ms=probe_ms)


def _edges_of(timeline: Timeline, category: int, rule: Rule, merge_gap_ms: int) -> list[EdgeSearch]:
    times, reached = timeline.timestamps_ms, reach_ms(timeline)
    edges = []
    for span in segment_spans(timeline, rule, merge_gap_ms):
        first, after = np.searchsorted(times, [span.start_ms, span.end_ms])
        if first > 0 and reached[first - 1] == span.start_ms:
            below, above = int(times[first - 1]), span.start_ms
            edges.append(EdgeSearch(category, timeline.stream, below, above, EdgeKind.RISING))
        if after < len(times) and times[after] == span.end_ms:
            below, above = span.end_ms, int(times[after - 1])
            edges.append(EdgeSearch(category, timeline.stream, below, above, EdgeKind.FALLING))
    return edges
