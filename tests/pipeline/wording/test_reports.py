"""A report in words."""

# ruff: noqa: RUF001 - a span of time takes an en dash

import math
from dataclasses import replace

import pytest

from pipeline.records import Outcome, Reason, ReasonKind, Report, Span
from pipeline.wording.reports import alt_text, caveats, headline, headline_confidence
from tests.pipeline.drawing.drawing_parts import (
    make_reason,
    make_report,
    make_segment,
    make_timeline,
    quiet,
)
from tests.pipeline.drawing.drawing_samples import (
    a_millisecond,
    many_events,
    nothing_found,
    one_event,
    unreadable,
)


def report_of(*reasons: Reason, coverage: float = 1.0, rejected: int = 0) -> Report:
    """Return a report of one quiet minute with these reasons."""
    timeline = make_timeline(quiet(60, 1), categories=("nudity",), duration_ms=60_000)
    outcome = Outcome.REVIEW if reasons else Outcome.PASS
    report = make_report(timeline, outcome=outcome, reasons=reasons)
    judgement = replace(report.judgement, coverage=coverage, frames_rejected=rejected)
    return replace(report, judgement=judgement)


NUDITY = make_reason(make_segment("nudity", 100_000, 104_000, 0.97))
GORE = make_reason(make_segment("gore", 100_000, 101_000, 0.9))
FLASH = replace(NUDITY, kind=ReasonKind.UNCONFIRMED)


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        pytest.param([], "nothing reached a threshold", id="none"),
        pytest.param([NUDITY], "nudity 1:40–1:44 (4 s)", id="a-rule"),
        pytest.param([NUDITY, GORE, GORE], "nudity 1:40–1:44 (4 s), also gore", id="two-rules"),
        pytest.param([NUDITY, NUDITY], "nudity 1:40–1:44 (4 s)", id="the-same-again"),
        pytest.param([FLASH], "nudity 1:40, not confirmed", id="one-frame"),
        pytest.param(
            [Reason(ReasonKind.LIMIT, detail="has 16000x16000 pixels")],
            "the video has 16000x16000 pixels",
            id="a-doubt-with-its-detail",
        ),
        pytest.param(
            [Reason(ReasonKind.UNFAMILIAR, detail="31 of 40 good frames (78 %) are unlike it")],
            "31 of 40 good frames (78 %) are unlike it",
            id="strangers-in-their-own-words",
        ),
        pytest.param(
            [Reason(ReasonKind.COVERAGE)], "part of the video was not sampled", id="a-doubt"
        ),
        pytest.param([Reason(ReasonKind.THRESHOLD, "gore")], "gore", id="without-times"),
    ],
)
def test_the_headline(reasons: list[Reason], said: str) -> None:
    assert headline(report_of(*reasons).judgement) == said


@pytest.mark.parametrize("kind", list(ReasonKind))
def test_every_reason_can_be_said(kind: ReasonKind) -> None:
    report = report_of(Reason(kind))

    assert headline(report.judgement)
    assert alt_text(report).startswith("Review. ")


def test_the_score_is_the_one_behind_the_headline() -> None:
    assert headline_confidence(report_of(NUDITY).judgement) == 0.97
    quiet_peak = report_of().judgement.categories[0].confidence
    assert headline_confidence(report_of().judgement) == quiet_peak


def test_the_caveats_name_what_one_should_doubt() -> None:
    said = caveats(many_events().report)

    assert said == "5 other peaks; 2 peaks not confirmed; 6 % of the video not sampled"


def test_a_doubt_behind_the_headline_is_a_caveat() -> None:
    said = caveats(report_of(NUDITY, Reason(ReasonKind.UNFAMILIAR, detail="9 of 9")))

    assert said.startswith("much of it is unlike what the model knows; ")


def test_caveats_of_a_clean_pass() -> None:
    assert caveats(report_of()) == "60 frames scored, no gap over 1 s"


def test_one_frame_is_no_plural() -> None:
    assert caveats(a_millisecond().report) == "1 frame scored, no gap over 1 s"


@pytest.mark.parametrize(
    ("coverage", "percent"), [(0.999, "1 %"), (0.95, "5 %"), (0.9, "10 %"), (0.0, "100 %")]
)
def test_what_is_not_sampled_is_never_rounded_away(coverage: float, percent: str) -> None:
    assert f"{percent} of the video not sampled" in caveats(report_of(coverage=coverage))


def test_unusable_frames_are_counted() -> None:
    assert "1 frame unusable" in caveats(report_of(rejected=1))
    assert "3 frames unusable" in caveats(report_of(rejected=3))


@pytest.mark.parametrize(
    ("report", "said"),
    [
        pytest.param(
            nothing_found().report,
            "Pass. Nothing reached a threshold; highest nudity 0.15.",
            id="pass",
        ),
        pytest.param(one_event().report, "Review. Nudity 0.97 from 0:20 to 0:24.", id="one-event"),
        pytest.param(
            many_events().report,
            "Block. Violence 0.98 from 5:00 to 5:22. 5 other peaks. 2 peaks not confirmed. "
            "6 percent not sampled.",
            id="many",
        ),
        pytest.param(
            unreadable("has no video stream").report,
            "Error. The file has no video stream.",
            id="error",
        ),
        pytest.param(
            report_of(replace(FLASH, end_ms=100_500)),
            "Review. Nudity 0.97 at 1:40, not confirmed.",
            id="one-frame",
        ),
    ],
)
def test_the_alt_text(report: Report, said: str) -> None:
    assert alt_text(report) == said


def test_the_alt_text_is_one_line_whatever_a_detail_holds() -> None:
    said = alt_text(unreadable("has line one\nline two\x00\u202e").report)

    assert said == "Error. The file has line one line two."


def test_a_video_without_good_frames_has_no_score() -> None:
    timeline = make_timeline(
        quiet(0, 1), categories=("nudity",), duration_ms=60_000, uncovered=[Span(0, 60_000)]
    )
    reason = Reason(ReasonKind.COVERAGE)
    report = make_report(timeline, outcome=Outcome.REVIEW, reasons=[reason])

    assert math.isnan(headline_confidence(report.judgement))
