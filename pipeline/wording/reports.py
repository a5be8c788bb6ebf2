"""A report in words: the headline, the caveats and the text that stands for the picture."""

import math

from pipeline.records import (
    CategorySummary,
    Judgement,
    Outcome,
    Reason,
    ReasonKind,
    Report,
    Segment,
)
from pipeline.wording.cleaning import strip_controls
from pipeline.wording.times import format_length, format_span, format_time

DOUBTS = {
    ReasonKind.COVERAGE: "part of the video was not sampled",
    ReasonKind.FEW_GOOD_FRAMES: "too few frames can be judged",
    ReasonKind.DECODE: "frames are missing or damaged",
    ReasonKind.UNREADABLE: "the file could not be read",
    ReasonKind.LIMIT: "the video exceeds a limit",
    ReasonKind.UNFAMILIAR: "much of it is unlike what the model knows",
}
# What the details of these doubts are said of; those of damage are whole sentences.
SUBJECTS = {
    ReasonKind.DECODE: "",
    ReasonKind.UNREADABLE: "the file ",
    ReasonKind.LIMIT: "the video ",
    ReasonKind.UNFAMILIAR: "",
}


def headline(judgement: Judgement) -> str:
    """Return the gravest reason in a few words, and the other categories that fired."""
    if not judgement.verdict.reasons:
        return "nothing reached a threshold"
    main, *others = judgement.verdict.reasons
    also = dict.fromkeys(
        reason.category
        for reason in others
        if reason.kind is ReasonKind.THRESHOLD and reason.category not in (None, main.category)
    )
    names = ", ".join(name for name in also if name is not None)
    return say_reason(main) + (f", also {names}" if names else "")


def headline_confidence(judgement: Judgement) -> float:
    """Return the confidence behind the headline, else the highest of any category.

    NaN where no frame was scored.
    """
    for reason in judgement.verdict.reasons[:1]:
        if reason.confidence is not None:
            return reason.confidence
    highest = highest_category(judgement)
    return math.nan if highest is None else highest.confidence


def highest_category(judgement: Judgement) -> CategorySummary | None:
    """Return the category with the highest confidence, None where no frame was scored."""
    scored = [each for each in judgement.categories if not math.isnan(each.confidence)]
    return max(scored, key=lambda each: each.confidence, default=None)


def say_reason(reason: Reason) -> str:
    """Return one reason in a few words."""
    if reason.kind in SUBJECTS and reason.detail:
        return f"{SUBJECTS[reason.kind]}{reason.detail}"
    if reason.kind in DOUBTS:
        return f"{DOUBTS[reason.kind]}: {reason.detail}" if reason.detail else DOUBTS[reason.kind]
    name = reason.category or "a category"
    if reason.start_ms is None or reason.end_ms is None:
        said = name
    elif reason.kind is ReasonKind.UNCONFIRMED:
        said = f"{name} {format_time(reason.start_ms)}"
    else:
        length = format_length(reason.end_ms - reason.start_ms)
        said = f"{name} {format_span(reason.start_ms, reason.end_ms)} ({length})"
    return f"{said}, not confirmed" if reason.kind is ReasonKind.UNCONFIRMED else said


def say_segment(segment: Segment) -> str:
    """Return one segment in a line: where, how long, how high, and whether it is borne out."""
    length = format_length(segment.end_ms - segment.start_ms)
    doubt = "" if segment.is_confirmed else ", not confirmed"
    return (
        f"{format_span(segment.start_ms, segment.end_ms)} ({length}), "
        f"peak {segment.max_score:.2f} at {format_time(segment.peak_ms)}{doubt}"
    )


def caveats(report: Report) -> str:
    """Return what else one should know before trusting the headline, in one line."""
    judgement = report.judgement
    parts = [
        *_other_peaks(judgement),
        *_unconfirmed(judgement),
        *(_not_sampled(judgement) if report.video else []),
        *_rejected(judgement),
        *(DOUBTS[r.kind] for r in judgement.verdict.reasons[1:] if r.kind in _OWN_WORDS),
    ]
    if judgement.frames_scored and judgement.coverage >= 1:
        gap = format_length(report.max_gap_ms)
        parts.append(f"{_count(judgement.frames_scored, 'frame')} scored, no gap over {gap}")
    return "; ".join(parts)


# The other doubts have a part of their own in the line of caveats.
_OWN_WORDS = (
    ReasonKind.DECODE,
    ReasonKind.LIMIT,
    ReasonKind.UNREADABLE,
    ReasonKind.UNFAMILIAR,
)


def _other_peaks(judgement: Judgement) -> list[str]:
    confirmed = sum(segment.is_confirmed for segment in judgement.segments)
    reasons = judgement.verdict.reasons
    is_headline = bool(reasons) and reasons[0].kind is ReasonKind.THRESHOLD
    others = confirmed - 1 if is_headline else confirmed
    return [_count(others, "other peak" if is_headline else "peak")] if others > 0 else []


def _unconfirmed(judgement: Judgement) -> list[str]:
    peaks = [segment.peak_ms for segment in judgement.segments if not segment.is_confirmed]
    if not peaks:
        return []
    where = f" at {format_time(peaks[0])}" if len(peaks) == 1 else ""
    return [_count(len(peaks), "peak") + f" not confirmed{where}"]


def _not_sampled(judgement: Judgement) -> list[str]:
    percent = percent_not_sampled(judgement)
    return [f"{percent} % of the video not sampled"] if percent else []


def _rejected(judgement: Judgement) -> list[str]:
    rejected = judgement.frames_rejected
    return [f"{_count(rejected, 'frame')} unusable"] if rejected else []


def percent_not_sampled(judgement: Judgement) -> int:
    """Return the share of the video outside the sampling guarantee, rounded up, in percent."""
    return math.ceil(round((1 - judgement.coverage) * 100, 6))


def alt_text(report: Report) -> str:
    """Return the picture in a few sentences, for those who cannot see it.

    "Review. Violence 0.98 from 5:00 to 5:22. 2 other peaks. 5 percent not sampled."
    """
    judgement = report.judgement
    sentences = [judgement.verdict.outcome.value, _main_sentence(judgement)]
    sentences += _other_peaks(judgement) + _unconfirmed(judgement)
    percent = percent_not_sampled(judgement)
    if percent and judgement.verdict.outcome is not Outcome.ERROR:
        sentences.append(f"{percent} percent not sampled")
    said = (strip_controls(sentence).rstrip(".") for sentence in sentences)
    return " ".join(f"{sentence[:1].upper()}{sentence[1:]}." for sentence in said)


def _main_sentence(judgement: Judgement) -> str:
    if not judgement.verdict.reasons:
        highest = highest_category(judgement)
        peak = f"; highest {highest.category} {highest.confidence:.2f}" if highest else ""
        return f"nothing reached a threshold{peak}"
    main = judgement.verdict.reasons[0]
    if main.confidence is None or main.start_ms is None or main.end_ms is None:
        return say_reason(main)
    doubt = ", not confirmed" if main.kind is ReasonKind.UNCONFIRMED else ""
    start, end = format_time(main.start_ms), format_time(main.end_ms)
    when = f"at {start}" if start == end else f"from {start} to {end}"
    return f"{main.category} {main.confidence:.2f} {when}{doubt}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
