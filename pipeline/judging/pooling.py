"""Pooling: from the confidences of frames to the one of a video, peak by peak.

A single high frame is as often the model's slip as the video's fault: over a long video the plain
maximum flags nearly everything, the mean loses every flash, and noisy-or does both. So a peak
counts only once its neighbours were asked, and its confidence is then their median ("peak_confirm",
REVIEW.md section 5): of an even number the lower of the two in the middle, so that more than half
must bear it out. Two groups of neighbours can do so, and the higher median counts:

- the frames within half a second around it, as the second look samples them;
- the run it stands in: the frames in a row at or above the threshold. The first group alone is
  blind to an insert of less than 0.6 s, most of whose neighbours lie outside. A slip of the model
  does not last, so at least three frames in a row that span at least 250 ms are no slip: after the
  edges of a 0.5 s insert are placed to 100 ms, its frames always span 300 ms.

A frame that neither group speaks for was not looked at again: it is neither confirmed nor refuted.
"""

from dataclasses import dataclass
from statistics import median_low

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal
from pipeline.judging.runs import confidences_of, find_runs, is_over
from pipeline.records import Look, Rule, Timeline

LOOK_REACH_MS = 500  # the second look samples at 250 and 500 ms to both sides of a peak
MIN_WITNESSES = 3  # fewest frames a median is taken of, the peak among them
# Longer than one picture of footage at 4 frames a second or more stands, repeated or not.
MIN_RUN_MS = 250


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """What the frames of one category come to once their neighbours were asked.

    Attributes:
        confidences: shape (N,), float32 in [0, 1]: the median that stands for a frame at or above
            the review threshold, its own confidence where there is none or it is below; NaN where
            the frame is bad.
        is_settled: shape (N,), bool: at or above the review threshold, and a median stands for it.
        is_confirmed: shape (N,), bool: settled, and the median too is at or above the threshold.
    """

    confidences: NDArray[np.float32]
    is_settled: NDArray[np.bool_]
    is_confirmed: NDArray[np.bool_]

    def __post_init__(self) -> None:
        shape = self.confidences.shape
        require_array("confidences", self.confidences, np.float32, (None,))
        require_array("is_settled", self.is_settled, np.bool_, shape)
        require_array("is_confirmed", self.is_confirmed, np.bool_, shape)
        seal(self)


def settle_peaks(timeline: Timeline, rule: Rule) -> Peaks:
    """Ask the neighbours of every frame that stands at or above the rule's review threshold."""
    confidences = confidences_of(timeline, rule)
    over = is_over(confidences, rule.review)
    medians = np.fmax(_look_medians(timeline, confidences, over), _run_medians(timeline, rule))
    is_settled = ~np.isnan(medians)
    return Peaks(
        np.where(is_settled, medians, confidences),
        is_settled,
        is_settled & is_over(medians, rule.review),
    )


def video_confidence(timeline: Timeline, rule: Rule) -> float:
    """Return one category's confidence for the whole stream; NaN where no frame is good.

    It is the maximum over the frames, each that was looked at again replaced by its median. One
    that was not keeps what the model said: what nobody checked is not thereby refuted.
    """
    settled = settle_peaks(timeline, rule).confidences
    return as_confidence(np.fmax.reduce(settled, initial=np.nan))


def as_confidence(value: np.float32) -> float:
    """Return a float32 confidence as the number that people would write, to seven places.

    >>> as_confidence(np.float32(0.7)), float(np.float32(0.7))
    (0.7, 0.699999988079071)
    """
    return round(float(value), 7)


def _look_medians(
    timeline: Timeline, confidences: NDArray[np.float32], over: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return the medians within half a second, shape (N,); NaN where too few were looked at.

    Frames that were sampled to place an edge are passed over: they crowd to both sides of it and
    would outvote the evenly spaced ones. A frame with none in the half second after it is one that
    is shown for so long, or that was not looked at: nobody may speak against it.
    """
    medians = np.full(len(over), np.nan, dtype=np.float32)
    is_even = ~np.isnan(confidences) & (timeline.looks != Look.EDGE)
    starts, ends = _within_reach(timeline.timestamps_ms)
    for i in np.flatnonzero(over & _is_followed(timeline)).tolist():
        witnesses = is_even[starts[i] : ends[i]].copy()
        witnesses[i - starts[i]] = True
        if np.count_nonzero(witnesses) >= MIN_WITNESSES:
            medians[i] = median_low(confidences[starts[i] : ends[i]][witnesses].tolist())
    return medians


def _is_followed(timeline: Timeline) -> NDArray[np.bool_]:
    """Return which frames have another, good or bad, or the end, in the half second after them."""
    next_ms = np.append(timeline.timestamps_ms[1:], timeline.duration_ms)
    return np.asarray(next_ms - timeline.timestamps_ms <= LOOK_REACH_MS)


def _run_medians(timeline: Timeline, rule: Rule) -> NDArray[np.float32]:
    """Return the medians within the runs that are no slip, shape (N,); NaN outside them."""
    confidences = confidences_of(timeline, rule)
    times = timeline.timestamps_ms
    medians = np.full(len(times), np.nan, dtype=np.float32)
    for first, end in find_runs(timeline, is_over(confidences, rule.review)):
        if end - first >= MIN_WITNESSES and times[end - 1] - times[first] >= MIN_RUN_MS:
            medians[first:end] = _medians_within(times[first:end], confidences[first:end].tolist())
    return medians


def _medians_within(times_ms: NDArray[np.int64], run: list[float]) -> list[float]:
    """Return for each frame of a run the median of those within reach, or of the nearest three."""
    starts, ends = _within_reach(times_ms)
    times = times_ms.tolist()
    spans = (
        slice(start, end) if end - start >= MIN_WITNESSES else _nearest_three(times, i)
        for i, (start, end) in enumerate(zip(starts, ends, strict=True))
    )
    return [median_low(run[span]) for span in spans]


def _nearest_three(times_ms: list[int], i: int) -> slice:
    """Return the three frames in a row, frame i among them, of which the farthest is nearest."""
    rows = range(max(0, i - MIN_WITNESSES + 1), min(i, len(times_ms) - MIN_WITNESSES) + 1)

    def farthest_ms(row: int) -> int:
        return max(times_ms[i] - times_ms[row], times_ms[row + MIN_WITNESSES - 1] - times_ms[i])

    start = min(rows, key=farthest_ms)
    return slice(start, start + MIN_WITNESSES)


def _within_reach(times_ms: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Return per frame the half-open range of frames within half a second, both ends in."""
    starts = np.searchsorted(times_ms, times_ms - LOOK_REACH_MS, side="left")
    ends = np.searchsorted(times_ms, times_ms + LOOK_REACH_MS, side="right")
    return starts.tolist(), ends.tolist()
