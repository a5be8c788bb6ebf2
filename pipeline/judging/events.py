"""Events: the few moments of a video that a person is shown first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.judging.pooling import as_confidence, settle_peaks
from pipeline.judging.runs import confidences_of, is_judged, is_over
from pipeline.judging.segments import find_segments
from pipeline.judging.severity import certain_at
from pipeline.records import Event, Policy, Rule, Segment, Timeline

MIN_GAP_MS = 5_000  # closer than this, two pictures mostly show the same
MIN_GAP_SHARE = 0.02  # and in a long video, closer than this share of it
MAX_PER_SEGMENT = 2  # one long scene must not fill the sheet
# Heights of `review` and "certain" on the common scale; REVIEW.md section 3 colours by the same.
REVIEW_URGENCY = 0.35
CERTAIN_URGENCY = 0.75


@dataclass(frozen=True, slots=True)
class _Moment:
    """One good frame, seen through the category that stands highest on it."""

    urgency: tuple[bool, float]
    event: Event


def find_events(timelines: Sequence[Timeline], policy: Policy, *, limit: int) -> tuple[Event, ...]:
    """Return up to *limit* distinct events, worst first; some for any video with a good frame.

    Moments compete on one scale, on which the `review` thresholds of all categories are level.
    Those that can fire by themselves (confirmed, or of a strict category) come first. By
    non-maximum suppression no two events of a stream are closer than 5 s or 2 % of the duration,
    and no segment gives more than two.

    An event's confidence is the frame's median where it is confirmed, else what the model said. One
    below `review` is never "confirmed": there is nothing to confirm.
    """
    moments = [moment for timeline in timelines for moment in _moments(timeline, policy)]
    moments.sort(key=lambda moment: moment.urgency, reverse=True)  # stable: the earlier one first
    gap_ms = {line.stream: max(MIN_GAP_MS, MIN_GAP_SHARE * line.duration_ms) for line in timelines}
    segments = [segment for line in timelines for segment in find_segments(line, policy)]
    chosen: list[Event] = []
    for event in (moment.event for moment in moments):
        if len(chosen) >= limit:
            break
        is_apart = _is_apart(event, chosen, gap_ms[event.stream])
        if is_apart and _shown_of_segment(event, chosen, segments) < MAX_PER_SEGMENT:
            chosen.append(event)
    return tuple(chosen)


def _moments(timeline: Timeline, policy: Policy) -> Iterator[_Moment]:
    """Yield the good frames of one stream in order of time."""
    views = [_view(timeline, rule) for rule in policy.rules]
    fires = np.stack([view.fires for view in views], axis=1)
    urgency = np.stack([view.urgency for view in views], axis=1)
    worst = np.argmax(urgency + fires, axis=1)  # urgency is at most 1: what fires goes first
    for i in np.flatnonzero(is_judged(timeline)).tolist():
        k = int(worst[i])
        event = Event(
            timestamp_ms=int(timeline.timestamps_ms[i]),
            category=policy.rules[k].category,
            confidence=as_confidence(views[k].confidences[i]),
            is_confirmed=bool(views[k].is_confirmed[i]),
            stream=timeline.stream,
        )
        yield _Moment((bool(fires[i, k]), float(urgency[i, k])), event)


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """One category's frames as events would show them; arrays of shape (N,)."""

    confidences: NDArray[np.float32]
    is_confirmed: NDArray[np.bool_]
    fires: NDArray[np.bool_]
    urgency: NDArray[np.float64]


def _view(timeline: Timeline, rule: Rule) -> _View:
    peaks, raw = settle_peaks(timeline, rule), confidences_of(timeline, rule)
    confidences = np.where(peaks.is_confirmed, peaks.confidences, raw)
    fires = is_over(raw, rule.review) if rule.is_strict else peaks.is_confirmed
    knots = [0.0, rule.review, certain_at(rule), 1.0]
    urgency = np.interp(confidences, knots, [0.0, REVIEW_URGENCY, CERTAIN_URGENCY, 1.0])
    return _View(confidences, peaks.is_confirmed, fires, urgency)


def _is_apart(event: Event, chosen: Sequence[Event], gap_ms: float) -> bool:
    return all(
        abs(event.timestamp_ms - other.timestamp_ms) >= gap_ms
        for other in chosen
        if other.stream == event.stream
    )


def _shown_of_segment(event: Event, chosen: Sequence[Event], segments: Sequence[Segment]) -> int:
    """Return how many events the segment that the event lies in already has."""
    return max(
        (
            sum(_lies_in(other, segment) for other in chosen)
            for segment in segments
            if _lies_in(event, segment)
        ),
        default=0,
    )


def _lies_in(event: Event, segment: Segment) -> bool:
    return (
        event.stream == segment.stream and segment.start_ms <= event.timestamp_ms < segment.end_ms
    )
