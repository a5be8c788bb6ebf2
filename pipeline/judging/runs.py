"""Runs: how long a frame speaks, and which frames stand in a row without a break.

Segments, confirmation and the unjudged spans all rest on these two notions.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Gate, Rule, Timeline


def confidences_of(timeline: Timeline, rule: Rule) -> NDArray[np.float32]:
    """Return one category's confidences, shape (N,); NaN where the frame is bad."""
    return timeline.confidences[:, timeline.categories.index(rule.category)]


def is_judged(timeline: Timeline) -> NDArray[np.bool_]:
    """Return which frames have confidences, shape (N,): what the model said nothing of is out."""
    return np.asarray(~np.isnan(timeline.confidences).any(axis=1))


def is_good(gates: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which frames are good, given the values of their Gate, shape (N,)."""
    return np.isin(gates, [gate for gate in Gate if gate.is_good])


def is_over(confidences: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Return which confidences stand at or above a threshold; NaN never does.

    The threshold is compared as float32, as a score comes: a score of 0.7 reaches a threshold of
    0.7, although the nearest float32 lies below the nearest float64.

    >>> is_over(np.array([0.7, np.nan], dtype=np.float32), 0.7)
    array([ True, False])
    """
    return confidences >= np.float32(threshold)


def reach_ms(timeline: Timeline) -> NDArray[np.int64]:
    """Return until when each frame speaks, shape (N,), exclusive, always after its timestamp.

    A frame speaks until the next frame, good or bad, or until the guarantee ends (an uncovered
    span begins), or until the video does.
    """
    next_frame = np.append(timeline.timestamps_ms[1:], timeline.duration_ms)
    span_starts = np.array([span.start_ms for span in timeline.uncovered], dtype=np.int64)
    next_span = np.searchsorted(span_starts, timeline.timestamps_ms, side="right")
    guaranteed = np.append(span_starts, timeline.duration_ms)[next_span]
    return np.asarray(np.minimum(next_frame, guaranteed))


def find_runs(timeline: Timeline, is_in: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the runs of frames that are in, as half-open index ranges (first, last + 1).

    A run breaks at a frame that is not in and where a frame does not speak until the next one.
    """
    if not is_in.any():
        return []
    speaks_on = reach_ms(timeline)[:-1] == timeline.timestamps_ms[1:]
    goes_on = is_in[:-1] & is_in[1:] & speaks_on
    begins = is_in & ~np.append(False, goes_on)
    ends = is_in & ~np.append(goes_on, False)
    firsts, lasts = np.flatnonzero(begins).tolist(), np.flatnonzero(ends).tolist()
    return [(first, last + 1) for first, last in zip(firsts, lasts, strict=True)]
