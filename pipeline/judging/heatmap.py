"""Heatmaps: when in a video each category scored high.

A heatmap is a video's timelines seen from further away. Time is cut into equal columns, and a cell
keeps the highest confidence of any sample in its column: the maximum and not the mean, because
half a second of violation must still show in a ten-second column.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal
from pipeline.records import Span, Timeline


@dataclass(frozen=True, slots=True, eq=False)
class Heatmap:
    """The peak confidence of each category in each column of time.

    Column b of B is the half-open time [b * duration_ms / B, (b + 1) * duration_ms / B).

    Attributes:
        categories: names of the K rows.
        duration_ms: length of the video.
        peaks: shape (K, B), float32 in [0, 1], higher = more likely to violate; NaN where no good
            frame speaks for any of the column, which is unlike a confidence of 0.
    """

    categories: tuple[str, ...]
    duration_ms: int
    peaks: NDArray[np.float32]

    def __post_init__(self) -> None:
        require_array("peaks", self.peaks, np.float32, (len(self.categories), None))
        seal(self)


def reduce_to_heatmap(timelines: Sequence[Timeline], *, columns: int) -> Heatmap:
    """Reduce the timelines of a video's streams to one heatmap, the maximum over the streams.

    A column with samples holds the highest of them, NaN if all are bad. A column between two
    samples holds the higher of those that speak for it: each speaks up to the midpoint between it
    and the next, good or bad, and never into an uncovered span.

    Args:
        timelines: one a stream, with the same categories; the longest gives the duration.
        columns: the number B of columns, at least 1.

    Raises:
        ValueError: if there is no timeline, the categories differ, or columns is not positive.

    >>> t = np.array([0, 400, 2_500], dtype=np.int64)
    >>> v = np.array([[0.1], [0.9], [0.3]], dtype=np.float32)
    >>> flags = np.zeros(3, dtype=np.uint8)
    >>> timeline = Timeline(("nudity",), 0, 3_000, t, flags, flags, v, (), ())
    >>> reduce_to_heatmap([timeline], columns=3).peaks
    array([[0.9, 0.9, 0.3]], dtype=float32)
    """
    if columns <= 0:
        raise ValueError(f"columns must be positive, got {columns}")
    if len({timeline.categories for timeline in timelines}) != 1:
        raise ValueError("timelines must be at least one, all with the same categories")

    duration_ms = max(timeline.duration_ms for timeline in timelines)
    streams = [_reduce(timeline, duration_ms, columns) for timeline in timelines]
    return Heatmap(timelines[0].categories, duration_ms, np.fmax.reduce(streams, axis=0).T)


def _reduce(timeline: Timeline, duration_ms: int, columns: int) -> NDArray[np.float32]:
    """Return one stream's peaks, shape (B, K): neighbours fill first, own samples have the word."""
    peaks = np.full((columns, len(timeline.categories)), np.nan, dtype=np.float32)
    if len(timeline.timestamps_ms) == 0:
        return peaks

    start_ms, end_ms, sample = _spoken_for(timeline)
    if len(sample) > 0:
        # Pieces lie in order and apart, so those that touch a column lie side by side, and where
        # the column has no sample of its own they belong to the sample before or the one after it.
        index = np.arange(columns)
        first = np.searchsorted((end_ms * columns - 1) // duration_ms, index, side="left")
        last = np.searchsorted(start_ms * columns // duration_ms, index, side="right") - 1
        touched = first <= last
        before, after = sample[first[touched]], sample[last[touched]]
        peaks[touched] = np.fmax(timeline.confidences[before], timeline.confidences[after])

    # Timestamps ascend, so the samples of a column lie side by side: one reduceat takes them all.
    own, first_sample = np.unique(
        timeline.timestamps_ms * columns // duration_ms, return_index=True
    )
    peaks[own] = np.fmax.reduceat(timeline.confidences, first_sample, axis=0)
    return peaks


def _spoken_for(
    timeline: Timeline,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Cut [0, duration) into the pieces that are covered: start_ms, end_ms, index of the sample."""
    times = timeline.timestamps_ms
    # The millisecond t is the earlier sample's while 2 t < the sum of both timestamps.
    borders = (times[:-1] + times[1:] + 1) // 2
    span_edges = [edge for span in timeline.uncovered for edge in (span.start_ms, span.end_ms)]
    ends = np.array([0, timeline.duration_ms], dtype=np.int64)
    edges = np.unique(np.concatenate([ends, borders, np.array(span_edges, dtype=np.int64)]))
    edges = edges[edges <= timeline.duration_ms]
    start_ms, end_ms = edges[:-1], edges[1:]
    covered = ~_lies_in(start_ms, timeline.uncovered)
    sample = np.searchsorted(borders, start_ms, side="right")
    return start_ms[covered], end_ms[covered], sample[covered]


def _lies_in(times_ms: NDArray[np.int64], spans: Sequence[Span]) -> NDArray[np.bool_]:
    """Return which of the times lie in one of the spans, which are in order and apart."""
    starts = np.array([span.start_ms for span in spans], dtype=np.int64)
    ends = np.array([span.end_ms for span in spans], dtype=np.int64)
    begun = np.searchsorted(starts, times_ms, side="right")
    ended = np.searchsorted(ends, times_ms, side="right")
    return np.asarray(begun > ended)
