"""Segments: the spans where a category stands at or above its review threshold."""

from collections.abc import Iterable

import numpy as np

from pipeline.judging.pooling import Peaks, as_confidence, settle_peaks
from pipeline.judging.runs import confidences_of, find_runs, is_over, reach_ms
from pipeline.records import Policy, Rule, Segment, Span, Timeline


def find_segments(timeline: Timeline, policy: Policy) -> tuple[Segment, ...]:
    """Return the segments of all categories of one stream, by start, then category.

    A segment runs from its first frame at or above `review` to the next frame that is not, good or
    bad, to the start of an uncovered span, or to the video's end. Segments of a category closer
    than `merge_gap_ms` are one. One that is then shorter than the rule's `min_duration_ms` is
    dropped, unless the rule is strict. It is confirmed if any of its frames is: a slip of the
    model beside a real peak is no reason to doubt that peak.
    """
    found = (
        segment
        for rule in policy.rules
        for segment in _segments_of(timeline, rule, policy.merge_gap_ms)
        if rule.is_strict or segment.end_ms - segment.start_ms >= rule.min_duration_ms
    )
    return tuple(sorted(found, key=lambda segment: (segment.start_ms, segment.category)))


def segment_spans(timeline: Timeline, rule: Rule, merge_gap_ms: int) -> list[Span]:
    """Return the spans of one category's segments, merged, none dropped for its length."""
    over = is_over(confidences_of(timeline, rule), rule.review)
    runs = find_runs(timeline, over)
    starts, ends = timeline.timestamps_ms, reach_ms(timeline)
    return merge_spans(
        (Span(int(starts[first]), int(ends[end - 1])) for first, end in runs), merge_gap_ms
    )


def merge_spans(spans: Iterable[Span], gap_ms: int) -> list[Span]:
    """Return spans, given by start, with those made one that overlap or lie closer than gap_ms.

    >>> merge_spans([Span(0, 10), Span(14, 20), Span(25, 30)], gap_ms=5)
    [Span(start_ms=0, end_ms=20), Span(start_ms=25, end_ms=30)]
    """
    merged: list[Span] = []
    for span in spans:
        if merged and span.start_ms - merged[-1].end_ms < gap_ms:
            end_ms = max(merged[-1].end_ms, span.end_ms)
            merged[-1] = Span(merged[-1].start_ms, end_ms)
        else:
            merged.append(span)
    return merged


def frames_within(timeline: Timeline, start_ms: int, end_ms: int) -> slice:
    """Return the frames of a half-open span of time."""
    first, end = np.searchsorted(timeline.timestamps_ms, [start_ms, end_ms], side="left")
    return slice(int(first), int(end))


def _segments_of(timeline: Timeline, rule: Rule, merge_gap_ms: int) -> list[Segment]:
    peaks = settle_peaks(timeline, rule)
    spans = segment_spans(timeline, rule, merge_gap_ms)
    return [_describe(timeline, rule, peaks, span) for span in spans]


def _describe(timeline: Timeline, rule: Rule, peaks: Peaks, span: Span) -> Segment:
    within = frames_within(timeline, span.start_ms, span.end_ms)
    confidences = confidences_of(timeline, rule)[within]
    peak = int(np.nanargmax(confidences))
    return Segment(
        category=rule.category,
        stream=timeline.stream,
        start_ms=span.start_ms,
        end_ms=span.end_ms,
        max_score=as_confidence(confidences[peak]),
        mean_score=as_confidence(np.nanmean(confidences)),
        frames=int(np.count_nonzero(~np.isnan(confidences))),
        peak_ms=int(timeline.timestamps_ms[within][peak]),
        is_confirmed=bool(peaks.is_confirmed[within].any()),
    )
