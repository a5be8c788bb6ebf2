"""Peaks: where the second look goes back to, before a single high frame counts."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pipeline.judging.pooling import LOOK_REACH_MS, Peaks, settle_peaks
from pipeline.judging.runs import confidences_of, is_over
from pipeline.records import Policy, Rule, Timeline

PEAK_GAP_MS = 2_000  # peaks of one category closer than this are one (REVIEW.md section 5)
SAME_PEAK_MS = 250  # peaks of two categories this close are looked at together
LOOK_OFFSETS_MS = (-500, -250, 250, 500)  # where the second look samples about a peak


def peaks_to_confirm(
    timeline: Timeline, policy: Policy, *, visited: Iterable[int]
) -> tuple[int, ...]:
    """Return the timestamps of the peaks to go back to next, in order; empty when none is left.

    Of each category these are its highest frames at or above `review` that are not confirmed yet,
    at least 2 s apart, up to `max_confirmations`. One that frames of the first look speak against
    is gone back to as well: they crowd where pictures change, so on both sides of a short incident.
    A visited peak that was borne out uses up one of those, a refuted one does not: behind the
    highest slips of the model a real peak may stand.
    So a caller looks, scores, asks again, and stops at an empty answer. It comes to an end,
    because nothing within half a second of a visited peak is asked for again, even where the look
    found no good frame.

    Args:
        timeline: of everything that was sampled so far.
        policy: its rules and how many peaks to look at.
        visited: what this function returned before, for this stream; nothing at first.
    """
    visited = sorted(visited)
    chosen: list[int] = []
    for rule in policy.rules:
        for peak_ms in _peaks_of(timeline, rule, policy.max_confirmations, visited):
            if _distance_ms(peak_ms, chosen) > SAME_PEAK_MS:
                chosen.append(peak_ms)
    return tuple(sorted(chosen))


def confirm_targets(peak_ms: int, duration_ms: int) -> tuple[int, ...]:
    """Return the moments to sample about a peak: 250 and 500 ms to both sides, inside the video.

    >>> confirm_targets(250, 700)
    (0, 500)
    """
    targets = (peak_ms + offset for offset in LOOK_OFFSETS_MS)
    return tuple(target for target in targets if 0 <= target < duration_ms)


def _peaks_of(
    timeline: Timeline, rule: Rule, max_confirmations: int, visited: list[int]
) -> list[int]:
    """Return one category's peaks to go back to, highest first, the earlier of equal ones first."""
    confidences = confidences_of(timeline, rule)
    peaks = settle_peaks(timeline, rule)
    unconfirmed = np.flatnonzero(is_over(confidences, rule.review) & ~peaks.is_confirmed)
    highest_first = unconfirmed[np.argsort(-confidences[unconfirmed], kind="stable")]
    left = max_confirmations - _count_confirmed(timeline, peaks, visited)
    chosen: list[int] = []
    for peak_ms in timeline.timestamps_ms[highest_first].tolist():
        if len(chosen) >= left:
            break
        is_new = _distance_ms(peak_ms, visited) > LOOK_REACH_MS
        if is_new and _distance_ms(peak_ms, chosen) >= PEAK_GAP_MS:
            chosen.append(peak_ms)
    return chosen


def _count_confirmed(timeline: Timeline, peaks: Peaks, visited: list[int]) -> int:
    times: NDArray[np.int64] = timeline.timestamps_ms[peaks.is_confirmed]
    return int(np.count_nonzero(np.isin(times, visited)))


def _distance_ms(time_ms: int, others: list[int]) -> float:
    """Return the distance to the nearest of the others, infinite where there is none."""
    return min((abs(time_ms - other) for other in others), default=float("inf"))
