"""Findings: each single thing that asks for more than a pass, and how much it asks for."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.judging.coverage import coverage
from pipeline.judging.pooling import Peaks, as_confidence, settle_peaks
from pipeline.judging.runs import confidences_of, is_judged, is_over
from pipeline.judging.segments import find_segments, frames_within
from pipeline.judging.severity import doubtful_severity, severity_of
from pipeline.records import (
    Gate,
    Outcome,
    Policy,
    Reason,
    ReasonKind,
    Rule,
    Segment,
    Timeline,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that asks for more than a pass.

    Attributes:
        outcome: what it asks for, `review` or `block`.
        severity: 0 (a doubt about the judging itself) to 4.
        reason: what stands behind it.
    """

    outcome: Outcome
    severity: int
    reason: Reason

    @property
    def gravity(self) -> tuple[bool, int, int, float]:
        """A key that sorts findings by how grave they are, the gravest highest.

        First what blocks, then what is confirmed, then what is not, then doubts.
        """
        kinds = (ReasonKind.UNCONFIRMED, ReasonKind.THRESHOLD)
        rank = kinds.index(self.reason.kind) + 1 if self.reason.kind in kinds else 0
        confidence = self.reason.confidence or 0.0
        return self.outcome is Outcome.BLOCK, rank, self.severity, confidence


def category_findings(timelines: Sequence[Timeline], policy: Policy) -> list[Finding]:
    """Return the gravest finding of each category that has one, over all streams."""
    gravest: dict[str, Finding] = {}
    rules = {rule.category: rule for rule in policy.rules}
    for timeline in timelines:
        peaks = {name: settle_peaks(timeline, rule) for name, rule in rules.items()}
        for segment in find_segments(timeline, policy):
            name = segment.category
            finding = _judge_segment(timeline, segment, rules[name], peaks[name], policy)
            if finding and (name not in gravest or finding.gravity > gravest[name].gravity):
                gravest[name] = finding
    return list(gravest.values())


def doubt_findings(
    timelines: Sequence[Timeline], policy: Policy, faults: Sequence[Reason]
) -> list[Finding]:
    """Return the doubts about the judging itself.

    A fault of the decoder, a part outside the sampling guarantee, and a stream without any good
    frame are never passed, whatever the policy lists; few good frames, and many that are unlike
    what the model knows, are where it lists them not.
    """
    reasons = list(faults)
    for timeline in timelines:
        if (covered := coverage(timeline)) < 1:
            reasons.append(_coverage_reason(timeline, covered))
        good, sampled = int(np.count_nonzero(is_judged(timeline))), len(timeline.gates)
        is_listed = ReasonKind.FEW_GOOD_FRAMES in policy.doubts
        if good == 0 or (is_listed and good < policy.min_good_share * sampled):
            detail = f"stream {timeline.stream}: {good} of {sampled} sampled frames are good"
            detail += _why_bad(timeline)
            reasons.append(Reason(ReasonKind.FEW_GOOD_FRAMES, detail=detail))
        reasons += _unfamiliar_reasons(timeline, policy)
    return [Finding(Outcome.REVIEW, 0, reason) for reason in reasons]


def _why_bad(timeline: Timeline) -> str:
    """Say how many frames are bad in which way, the commonest first; nothing where none is."""
    bad = Counter(Gate(value) for value in timeline.gates.tolist() if not Gate(value).is_good)
    ways = [f"{count} {gate.words}" for gate, count in bad.most_common()]
    return f" ({', '.join(ways)})" if ways else ""


def _unfamiliar_reasons(timeline: Timeline, policy: Policy) -> list[Reason]:
    """Return the doubt that a stream is unlike what the model knows, in a list; else none."""
    share = policy.max_unfamiliar_share
    is_listed = ReasonKind.UNFAMILIAR in policy.doubts
    if timeline.strangers is None or share is None or not is_listed:
        return []
    good = is_judged(timeline)
    strangers, frames = np.count_nonzero(timeline.strangers & good), np.count_nonzero(good)
    if strangers <= share * frames:
        return []
    counts = f"{strangers} of {frames} good frames ({100 * strangers / frames:.0f} %)"
    detail = f"{counts} are unlike what the model knows"
    where = f"in stream {timeline.stream}, " if timeline.stream else ""
    return [Reason(ReasonKind.UNFAMILIAR, detail=where + detail)]


def _judge_segment(
    timeline: Timeline, segment: Segment, rule: Rule, peaks: Peaks, policy: Policy
) -> Finding | None:
    """Return what one segment asks for; None where its peak was refuted and nobody minds."""
    within = frames_within(timeline, segment.start_ms, segment.end_ms)
    if segment.is_confirmed:
        highest = np.max(peaks.confidences[within][peaks.is_confirmed[within]])
        return _confirmed(segment, rule, as_confidence(highest))
    over = is_over(confidences_of(timeline, rule)[within], rule.review)
    is_refuted = bool(peaks.is_settled[within][over].all())
    if is_refuted and not rule.is_strict and ReasonKind.UNCONFIRMED not in policy.doubts:
        return None
    return _unconfirmed(segment, rule, is_refuted=is_refuted)


def _confirmed(segment: Segment, rule: Rule, confidence: float) -> Finding:
    is_long = segment.end_ms - segment.start_ms >= rule.min_duration_ms
    blocks = rule.block is not None and is_long and confidence >= rule.block
    reason = Reason(
        ReasonKind.THRESHOLD,
        category=segment.category,
        confidence=confidence,
        threshold=rule.block if blocks else rule.review,
        start_ms=segment.start_ms,
        end_ms=segment.end_ms,
    )
    outcome = Outcome.BLOCK if blocks else Outcome.REVIEW
    return Finding(outcome, severity_of(confidence, rule), reason)


def _unconfirmed(segment: Segment, rule: Rule, *, is_refuted: bool) -> Finding:
    said = "the frames around it do not bear it out" if is_refuted else "no frame stands beside it"
    reason = Reason(
        ReasonKind.UNCONFIRMED,
        category=segment.category,
        confidence=segment.max_score,
        threshold=rule.review,
        start_ms=segment.start_ms,
        end_ms=segment.end_ms,
        detail=said,
    )
    return Finding(Outcome.REVIEW, doubtful_severity(rule), reason)


def _coverage_reason(timeline: Timeline, covered: float) -> Reason:
    """Return a reason that is never rounded up to "100 %"."""
    share = f"{max(1 - covered, 0.0001):.2%}"
    detail = f"stream {timeline.stream}: {share} of it lies outside the sampling guarantee"
    first = next(iter(timeline.uncovered), None)
    if first is None:  # a stream of no length
        return Reason(ReasonKind.COVERAGE, detail=detail)
    return Reason(ReasonKind.COVERAGE, start_ms=first.start_ms, end_ms=first.end_ms, detail=detail)
