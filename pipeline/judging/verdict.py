"""The verdict: all that is known of a video becomes one word, with its reasons.

It is a pure function of (timelines, policy, what the decoder said), so it can be recomputed at will
under another policy. A machine's doubt is no error but a verdict of `review`; `error` is for what
could not be judged at all.
"""

from collections.abc import Sequence

import numpy as np

from pipeline.judging.coverage import coverage
from pipeline.judging.events import find_events
from pipeline.judging.findings import Finding, category_findings, doubt_findings
from pipeline.judging.pooling import video_confidence
from pipeline.judging.runs import is_good
from pipeline.judging.segments import find_segments, merge_spans
from pipeline.judging.unjudged import find_unjudged
from pipeline.records import (
    CategorySummary,
    Gate,
    Judgement,
    Outcome,
    Policy,
    Reason,
    ReasonKind,
    Rule,
    Segment,
    Span,
    Timeline,
    Verdict,
)

EVENTS_SHOWN = 8  # the tiles of a contact sheet


def judge(
    timelines: Sequence[Timeline], policy: Policy, *, faults: tuple[Reason, ...]
) -> Judgement:
    """Return all that judging makes of a video.

    - `block`: a confirmed segment at or above the `block` of its rule, and long enough for it.
    - `review`: a confirmed segment at or above `review`; an unconfirmed one, if its category is
      strict, if the policy doubts the unconfirmed, or if there were no frames to ask; a fault, a
      coverage below 1, no good frame; few good ones, or many strangers, where the policy lists that
      doubt.
    - `error`: no frame was sampled.
    - `pass`: none of these. Peaks that were refuted stay visible as unconfirmed segments.

    Args:
        timelines: one a video stream, of the policy's categories.
        policy: its rules and doubts.
        faults: what the decoder has to say of missing or damaged parts.
    """
    if not any(len(timeline.timestamps_ms) for timeline in timelines):
        nothing = Reason(ReasonKind.UNREADABLE, detail="holds no frame that can be decoded")
        return _unjudgeable(faults or (nothing,))
    findings = category_findings(timelines, policy) + doubt_findings(timelines, policy, faults)
    segments = [segment for timeline in timelines for segment in find_segments(timeline, policy)]
    segments.sort(key=lambda segment: (segment.start_ms, segment.category))
    unjudged = [span for timeline in timelines for span in find_unjudged(timeline)]
    gates = np.concatenate([timeline.gates for timeline in timelines])
    return Judgement(
        verdict=_decide(findings),
        categories=tuple(_summarise(timelines, rule, segments) for rule in policy.rules),
        segments=tuple(segments),
        unjudged=tuple(sorted(unjudged, key=lambda span: (span.start_ms, span.end_ms))),
        events=find_events(timelines, policy, limit=EVENTS_SHOWN),
        coverage=min(coverage(timeline) for timeline in timelines),
        frames_scored=int(np.count_nonzero(gates == Gate.OK)),
        frames_rejected=int(np.count_nonzero(~is_good(gates))),
    )


def error_judgement(kind: ReasonKind, detail: str) -> Judgement:
    """Return the judgement of what could not be judged at all, with one line saying why."""
    return _unjudgeable((Reason(kind, detail=detail),))


def _unjudgeable(reasons: tuple[Reason, ...]) -> Judgement:
    return Judgement(
        verdict=Verdict(Outcome.ERROR, 0, reasons),
        categories=(),
        segments=(),
        unjudged=(),
        events=(),
        coverage=0.0,
        frames_scored=0,
        frames_rejected=0,
    )


def _decide(findings: Sequence[Finding]) -> Verdict:
    """Return the verdict: the gravest finding's outcome, the highest severity of any."""
    gravest_first = sorted(findings, key=lambda finding: finding.gravity, reverse=True)
    return Verdict(
        gravest_first[0].outcome if gravest_first else Outcome.PASS,
        max((finding.severity for finding in findings), default=0),
        tuple(finding.reason for finding in gravest_first),
    )


def _summarise(
    timelines: Sequence[Timeline], rule: Rule, segments: Sequence[Segment]
) -> CategorySummary:
    """Return how one category stands over all streams; what two of them show counts once."""
    confidences = [video_confidence(timeline, rule) for timeline in timelines]
    own = [Span(s.start_ms, s.end_ms) for s in segments if s.category == rule.category]
    over_ms = sum(span.length_ms for span in merge_spans(own, gap_ms=1))
    return CategorySummary(
        rule.category,
        float(np.fmax.reduce(confidences)),
        over_ms / 1000,
        max((span.length_ms for span in own), default=0),
    )
