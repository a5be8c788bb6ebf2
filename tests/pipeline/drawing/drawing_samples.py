"""Realistic videos to draw, each with all that its heatmap is drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.records import (
    Gate,
    Outcome,
    Policy,
    Reason,
    ReasonKind,
    Report,
    Span,
    Thumbnails,
    Timeline,
)
from tests.pipeline.drawing.drawing_parts import (
    BLOCK,
    FIVE,
    make_event,
    make_policy,
    make_reason,
    make_report,
    make_segment,
    make_thumbnails,
    make_timeline,
    quiet,
)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """All that one heatmap is drawn from."""

    report: Report
    policy: Policy
    timelines: tuple[Timeline, ...]
    thumbnails: tuple[Thumbnails, ...]


def nothing_found() -> Sample:
    """One category, one minute, nothing in it."""
    policy = make_policy(block=None, review=0.85)
    cuts_ms = (9_000, 17_500, 30_000, 44_200)
    timeline = make_timeline(
        quiet(60, 1), categories=policy.categories, duration_ms=60_000, cuts_ms=cuts_ms
    )
    report = make_report(timeline, outcome=Outcome.PASS)
    return Sample(report, policy, (timeline,), (make_thumbnails(timeline),))


def one_event(*, is_portrait: bool = False, tag: str = "upload-123") -> Sample:
    """One category, one minute, four seconds of nudity at 0:20."""
    policy = make_policy(block=None, review=0.85)
    confidences = quiet(60, 1, seed=4)
    confidences[20:24, 0] = (0.91, 0.97, 0.95, 0.9)
    confidences[19, 0], confidences[24, 0] = 0.4, 0.55
    timeline = make_timeline(
        confidences, categories=policy.categories, duration_ms=60_000, cuts_ms=(20_000, 24_000)
    )
    segment = replace(make_segment("nudity", 20_000, 24_000, 0.97), peak_ms=21_000)
    report = make_report(
        timeline,
        outcome=Outcome.REVIEW,
        reasons=[make_reason(segment, threshold=0.85)],
        segments=[segment],
        events=[make_event(segment)],
        tag=tag,
    )
    thumbnails = make_thumbnails(timeline, is_portrait=is_portrait)
    return Sample(report, policy, (timeline,), (thumbnails,))


def many_events(
    categories: Sequence[str] = FIVE, *, duration_ms: int = 754_000, tag: str = "upload-123"
) -> Sample:
    """Many categories and events, an uncovered stretch, peaks that are not confirmed."""
    policy = make_policy(categories)
    k, n = len(categories), 754
    step_ms = duration_ms / n
    confidences = quiet(n, k, seed=7)
    planted = (
        (1, 300, 322, 0.98, True),
        (2, 305, 314, 0.80, True),
        (0, 611, 613, 0.99, True),
        (4, 100, 101, 0.98, False),
        (3, 230, 231, 0.55, True),
        (0, 38, 39, 0.44, True),
        (4, 144, 145, 0.41, False),
        (1, 536, 537, 0.32, True),
    )
    segments = []
    for category, first, last, peak, is_confirmed in planted:
        row = category % k
        confidences[first:last, row] = np.maximum(confidences[first:last, row], peak)
        start_ms, end_ms = int(first * step_ms), max(int(first * step_ms) + 1, int(last * step_ms))
        segment = make_segment(categories[row], start_ms, end_ms, peak)
        segments.append(replace(segment, is_confirmed=is_confirmed))
    uncovered = (Span(int(430 * step_ms), int(470 * step_ms)),)
    cuts_ms = sorted({i * i * 7_919 % duration_ms for i in range(1, 70)})
    timeline = make_timeline(
        confidences,
        categories=categories,
        duration_ms=duration_ms,
        uncovered=uncovered,
        cuts_ms=cuts_ms,
    )
    report = make_report(
        timeline,
        outcome=Outcome.BLOCK,
        reasons=[make_reason(s) for s in segments[:3]] + [Reason(ReasonKind.COVERAGE)],
        segments=sorted(segments, key=lambda s: (s.start_ms, s.category)),
        events=[make_event(s) for s in sorted(segments, key=lambda s: -s.max_score)],
        tag=tag,
    )
    return Sample(report, policy, (timeline,), (make_thumbnails(timeline),))


def unreadable(detail: str = "moov atom not found: it is no MP4, or it was cut off") -> Sample:
    """A file that could not be opened as a video."""
    reason = Reason(ReasonKind.UNREADABLE, detail=detail)
    report = make_report(None, outcome=Outcome.ERROR, reasons=[reason])
    return Sample(report, make_policy(), (), ())


def a_millisecond() -> Sample:
    """One frame that lasts one millisecond."""
    policy = make_policy()
    confidences = np.array([[0.9]], dtype=np.float32)
    timeline = make_timeline(confidences, categories=policy.categories, duration_ms=1)
    segment = make_segment("nudity", 0, 1, 0.9)
    report = make_report(
        timeline,
        outcome=Outcome.BLOCK,
        reasons=[make_reason(segment, threshold=BLOCK)],
        segments=[segment],
        events=[make_event(segment)],
    )
    return Sample(report, policy, (timeline,), (make_thumbnails(timeline),))


def all_bad() -> Sample:
    """A video whose every frame is black."""
    policy = make_policy()
    confidences = np.full((30, 1), np.nan, dtype=np.float32)
    timeline = make_timeline(confidences, categories=policy.categories, duration_ms=30_000)
    timeline = replace(timeline, gates=np.full(30, Gate.BLACK, dtype=np.uint8))
    reason = Reason(ReasonKind.FEW_GOOD_FRAMES, detail="30 of 30 frames are black")
    report = make_report(timeline, outcome=Outcome.REVIEW, reasons=[reason])
    return Sample(report, policy, (timeline,), (make_thumbnails(timeline),))
