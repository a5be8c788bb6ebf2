"""The verdict: a pure function of timelines, policy and what the decoder said."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judging.verdict import error_judgement, judge
from pipeline.records import (
    Gate,
    Judgement,
    Outcome,
    Policy,
    Reason,
    ReasonKind,
    Span,
    Timeline,
    Unjudged,
)
from tests.pipeline.judging.builders import NAN, policy, rule, timeline, timelines

RUN = [(0, 0.1), (1_000, 0.9), (1_500, 0.8), (2_000, 0.7), (2_500, 0.1)]
REFUTED = [(0, 0.1), (1_250, 0.1), (1_500, 0.9), (1_750, 0.1), (2_500, 0.1)]
ALONE = [(0, 0.1), (1_000, 0.1), (2_000, 0.9), (3_000, 0.1)]
QUIET = [(0, 0.1), (1_000, 0.2), (2_000, 0.1), (3_000, 0.1)]
ALL_DOUBTS = frozenset(
    {
        ReasonKind.COVERAGE,
        ReasonKind.DECODE,
        ReasonKind.FEW_GOOD_FRAMES,
        ReasonKind.UNCONFIRMED,
    }
)
FAULT = Reason(ReasonKind.DECODE, detail="3 packets gave no frame")


def verdict_of(
    frames: list[tuple[int, float]], with_policy: Policy, **changes: Any
) -> tuple[str, int, list[str]]:
    """Return the word, the severity and the kinds of the reasons."""
    verdict = judge([timeline(*frames, **changes)], with_policy, faults=()).verdict
    return (
        verdict.outcome.value,
        verdict.severity,
        [reason.kind.value for reason in verdict.reasons],
    )


STRICT = policy(rule(is_strict=True))
DOUBTS_LONE = policy(doubts=ALL_DOUBTS)


@pytest.mark.parametrize(
    ("frames", "with_policy", "expected"),
    [
        pytest.param(QUIET, policy(), ("pass", 0, []), id="nothing"),
        pytest.param(QUIET, STRICT, ("pass", 0, []), id="nothing-strict"),
        pytest.param(RUN, policy(), ("review", 3, ["threshold"]), id="confirmed"),
        pytest.param(RUN, policy(rule(block=0.8)), ("block", 3, ["threshold"]), id="at-block"),
        pytest.param(
            RUN, policy(rule(block=0.81)), ("review", 2, ["threshold"]), id="just-below-block"
        ),
        pytest.param(
            RUN,
            policy(rule(block=0.8, min_duration_ms=1_500)),
            ("block", 3, ["threshold"]),
            id="just-long-enough",
        ),
        pytest.param(
            RUN, policy(rule(block=0.8, min_duration_ms=1_501)), ("pass", 0, []), id="too-short"
        ),
        pytest.param(
            RUN,
            policy(rule(block=0.8, min_duration_ms=1_501, is_strict=True)),
            ("review", 3, ["threshold"]),
            id="strict-and-too-short-is-seen-but-not-blocked",
        ),
        pytest.param(REFUTED, policy(), ("pass", 0, []), id="refuted"),
        pytest.param(REFUTED, STRICT, ("review", 2, ["unconfirmed"]), id="refuted-strict"),
        pytest.param(
            REFUTED, DOUBTS_LONE, ("review", 2, ["unconfirmed"]), id="refuted-where-that-is-doubted"
        ),
        pytest.param(
            ALONE, policy(), ("review", 2, ["unconfirmed"]), id="nobody-asked-is-not-refuted"
        ),
        pytest.param(
            ALONE, policy(rule(block=0.6)), ("review", 2, ["unconfirmed"]), id="never-blocks"
        ),
        pytest.param([(0, 0.9)], policy(), ("review", 2, ["unconfirmed"]), id="one-frame"),
        pytest.param([(0, 0.1)], policy(), ("pass", 0, []), id="one-harmless-frame"),
        pytest.param([(0, NAN)], policy(), ("review", 0, ["few_good_frames"]), id="one-bad-frame"),
        pytest.param([], policy(), ("error", 0, ["unreadable"]), id="no-frames"),
    ],
)
def test_the_verdict(
    frames: list[tuple[int, float]], with_policy: Policy, expected: tuple[str, int, list[str]]
) -> None:
    assert verdict_of(frames, with_policy) == expected


HALF_BAD = [(0, 0.1), (1_000, NAN)]


@pytest.mark.parametrize(
    ("min_good_share", "doubts", "expected"),
    [
        pytest.param(0.5, ALL_DOUBTS, "pass", id="just-enough"),
        pytest.param(0.51, ALL_DOUBTS, "review", id="too-few"),
        pytest.param(0.51, frozenset(), "pass", id="too-few-but-not-listed"),
    ],
)
def test_few_good_frames(
    min_good_share: float, doubts: frozenset[ReasonKind], expected: str
) -> None:
    own = policy(min_good_share=min_good_share, doubts=doubts)

    assert verdict_of(HALF_BAD, own)[0] == expected


def test_no_good_frame_is_never_passed_whatever_the_policy_lists() -> None:
    own = policy(min_good_share=0.0, doubts=frozenset())

    assert verdict_of([(0, NAN), (1_000, NAN)], own) == ("review", 0, ["few_good_frames"])
    assert verdict_of([(0, NAN)], own, gates={0: Gate.OK})[0] == "review"


def test_a_part_that_is_not_covered_is_never_passed() -> None:
    own = policy(doubts=frozenset())

    found = judge([timeline(*QUIET, uncovered=[Span(3_900, 4_000)])], own, faults=())

    (reason,) = found.verdict.reasons
    assert found.verdict.outcome is Outcome.REVIEW
    assert (reason.kind, reason.start_ms, reason.end_ms) == (ReasonKind.COVERAGE, 3_900, 4_000)
    assert reason.detail == "stream 0: 2.50% of it lies outside the sampling guarantee"
    assert found.coverage == 0.975
    assert found.unjudged == (Unjudged(3_900, 4_000, "not sampled"),)


def test_a_fault_of_the_decoder_is_never_passed() -> None:
    found = judge([timeline(*QUIET)], policy(doubts=frozenset()), faults=(FAULT,))

    assert found.verdict.outcome is Outcome.REVIEW
    assert found.verdict.reasons == (FAULT,)


def test_the_worst_stream_counts() -> None:
    hidden = timeline(*RUN, stream=1, uncovered=[Span(3_000, 4_000)])

    found = judge([timeline(*QUIET), hidden], policy(), faults=())

    assert [reason.kind for reason in found.verdict.reasons] == [
        ReasonKind.THRESHOLD,
        ReasonKind.COVERAGE,
    ]
    assert [segment.stream for segment in found.segments] == [1]
    assert found.coverage == 0.75
    assert found.categories[0].confidence == 0.8


def test_reasons_are_sorted_gravest_first() -> None:
    def column(frames: list[tuple[int, float]]) -> Any:
        return timeline(*frames).confidences

    base = timeline(*RUN)
    refuted = [(0, 0.1), (1_000, 0.99), (1_500, 0.1), (2_000, 0.1), (2_500, 0.1)]
    columns = [column(refuted), column(RUN), column(RUN)]
    line = Timeline(
        ("lone", "reviewed", "blocked"),
        *(0, base.duration_ms, base.timestamps_ms, base.looks, base.gates),
        np.concatenate(columns, axis=1),
        (),
        (),
    )
    own = policy(
        rule("lone", is_strict=True, severity=4),
        rule("reviewed", severity=4),
        rule("blocked", block=0.8, severity=1),
    )

    verdict = judge([line], own, faults=(FAULT,)).verdict

    names = [reason.category for reason in verdict.reasons]
    assert names == ["blocked", "reviewed", "lone", None]
    assert (verdict.outcome, verdict.severity) == (Outcome.BLOCK, 4)


def test_a_reason_says_what_was_found_where_and_against_what() -> None:
    (reason,) = judge([timeline(*RUN)], policy(rule(review=0.6)), faults=()).verdict.reasons

    assert reason == Reason(ReasonKind.THRESHOLD, "nudity", 0.8, 0.6, 1_000, 2_500)


def test_a_category_has_one_reason_its_gravest() -> None:
    twice = [*RUN, (3_000, 0.95), (3_200, 0.95), (3_400, 0.95)]

    (reason,) = judge([timeline(*twice)], policy(), faults=()).verdict.reasons

    assert (reason.confidence, reason.start_ms, reason.end_ms) == (0.95, 3_000, 4_000)


def test_a_segment_with_one_peak_that_nobody_asked_about_is_not_refuted() -> None:
    refuted = [(1_250, 0.1), (1_500, 0.9), (1_750, 0.1)]
    unasked = [(2_300, 0.1), (3_000, 0.9), (3_700, 0.1)]

    assert verdict_of([*refuted, *unasked], policy(merge_gap_ms=2_000))[0] == "review"
    assert verdict_of([*refuted, (2_300, 0.1)], policy(merge_gap_ms=2_000))[0] == "pass"


def test_only_what_is_confirmed_in_a_segment_can_block() -> None:
    run, unasked = [(0, 0.6), (250, 0.6), (500, 0.6), (800, 0.1)], [(2_000, 0.99), (2_600, 0.1)]
    own = policy(rule(block=0.9), merge_gap_ms=2_000)

    (reason,) = judge([timeline(*run, *unasked)], own, faults=()).verdict.reasons

    assert (reason.confidence, reason.threshold) == (0.6, 0.5)


def test_a_refuted_peak_stays_visible() -> None:
    found = judge([timeline(*REFUTED)], policy(), faults=())

    (segment,) = found.segments
    assert (segment.peak_ms, segment.is_confirmed) == (1_500, False)
    assert found.categories[0].confidence == 0.1
    assert found.events[0].timestamp_ms == 1_500


def test_a_judgement_counts_and_sums_up() -> None:
    frames = [*RUN, (3_000, 0.9), (3_250, NAN), (3_500, 0.1)]
    line = timeline(*frames, gates={2_500: Gate.FROZEN})

    found = judge([line, timeline(*RUN, stream=1)], policy(), faults=())

    (summary,) = found.categories
    assert (found.frames_scored, found.frames_rejected) == (11, 1)
    assert (summary.confidence, summary.seconds_over, summary.longest_ms) == (0.8, 1.75, 1_500)
    assert found.unjudged == (Unjudged(3_250, 3_500, "black"),)


def test_without_a_good_frame_a_category_has_no_confidence() -> None:
    (summary,) = judge([timeline((0, NAN))], policy(), faults=()).categories

    assert np.isnan(summary.confidence)


def test_what_could_not_be_judged_is_an_error_with_its_reason() -> None:
    found = error_judgement(ReasonKind.LIMIT, "7 h is longer than 6 h")

    assert found.verdict.outcome is Outcome.ERROR
    assert found.verdict.reasons == (Reason(ReasonKind.LIMIT, detail="7 h is longer than 6 h"),)
    assert found.coverage == 0


def test_without_frames_the_decoders_word_stands() -> None:
    found = judge([], policy(), faults=(FAULT,))

    assert (found.verdict.outcome, found.verdict.reasons) == (Outcome.ERROR, (FAULT,))


ORDER = [Outcome.PASS, Outcome.REVIEW, Outcome.BLOCK]


def rank(found: Judgement) -> int:
    return ORDER.index(found.verdict.outcome)


@given(line=timelines(min_size=1), block=st.sampled_from([None, 0.7, 0.9]), is_strict=st.booleans())
def test_a_pass_has_no_reason_and_nothing_else_lacks_one(
    line: Timeline, block: float | None, *, is_strict: bool
) -> None:
    found = judge([line], policy(rule(block=block, is_strict=is_strict)), faults=())

    assert (found.verdict.outcome is Outcome.PASS) is (not found.verdict.reasons)
    if found.verdict.outcome is Outcome.PASS:
        assert found.coverage == 1
        assert not any(segment.is_confirmed for segment in found.segments)


@given(timelines(min_size=1), st.sampled_from([None, 0.7, 0.9]))
def test_more_doubt_and_more_strictness_never_soften_the_verdict(
    line: Timeline, block: float | None
) -> None:
    plain = judge([line], policy(rule(block=block), doubts=frozenset()), faults=())
    listed = judge([line], policy(rule(block=block), doubts=ALL_DOUBTS), faults=())
    strict = judge([line], policy(rule(block=block, is_strict=True)), faults=())
    faulty = judge([line], policy(rule(block=block)), faults=(FAULT,))

    assert all(rank(plain) <= rank(found) for found in (listed, strict, faulty))


@given(timelines(min_size=1), timelines(min_size=1))
def test_another_stream_never_softens_the_verdict(line: Timeline, other: Timeline) -> None:
    alone = judge([line], policy(), faults=())
    together = judge([line, other], policy(), faults=())

    assert rank(alone) <= rank(together)
    assert alone.verdict.severity <= together.verdict.severity
