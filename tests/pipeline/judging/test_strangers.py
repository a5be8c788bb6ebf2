"""A video that is mostly unlike what the model knows is not passed, where the policy says so."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judging.timeline import build_timeline
from pipeline.judging.verdict import judge
from pipeline.records import (
    BankFacts,
    Exclusivity,
    FrameScores,
    Gate,
    Outcome,
    Reason,
    ReasonKind,
    Span,
    Timeline,
)
from tests.pipeline.judging.builders import NAN, policy

BANK = BankFacts("cc", "knn", 0.5, 0.05)
UNFAMILIAR = ReasonKind.UNFAMILIAR
LISTED = policy(doubts=frozenset({UNFAMILIAR}), max_unfamiliar_share=0.5)


def line_of(
    oods: list[float],
    *,
    bad: tuple[int, ...] = (),
    bank: BankFacts | None = BANK,
    stream: int = 0,
) -> Timeline:
    """Return the timeline of frames with these OOD scores, a second apart; some of them black."""
    n = len(oods)
    gates = [Gate.BLACK if i in bad else Gate.OK for i in range(n)]
    scores = FrameScores(
        labels=("nsfw",),
        stream=stream,
        duration_ms=1_000 * n,
        timestamps_ms=np.arange(n, dtype=np.int64) * 1_000,
        pts=np.arange(n, dtype=np.int64),
        looks=np.zeros(n, np.uint8),
        gates=np.array(gates, np.uint8),
        scores=np.where(np.array(gates)[:, None] == Gate.OK, 0.1, NAN).astype(np.float32),
        ood=np.array(oods, np.float32),
        examined=(Span(0, 1_000 * n),),
        cuts_ms=(),
        bank=bank,
    )
    return build_timeline(scores, LISTED, Exclusivity.SOFTMAX)


def doubts(*lines: Timeline, own: object = LISTED) -> list[Reason]:
    reasons = judge(lines, own, faults=()).verdict.reasons  # type: ignore[arg-type]
    return [reason for reason in reasons if reason.kind is UNFAMILIAR]


@pytest.mark.parametrize(
    ("ood", "is_stranger"),
    [
        pytest.param(0.4, False, id="below"),
        pytest.param(0.5, False, id="on-the-threshold"),
        pytest.param(float(np.nextafter(np.float32(0.5), np.float32(1))), True, id="just-above"),
        pytest.param(NAN, True, id="what-cannot-be-compared-is-not-thereby-familiar"),
    ],
)
def test_a_frame_above_the_threshold_is_a_stranger(ood: float, *, is_stranger: bool) -> None:
    strangers = line_of([ood]).strangers

    assert strangers is not None
    assert strangers.tolist() == [is_stranger]


def test_a_bad_frame_is_no_stranger() -> None:
    strangers = line_of([0.9, NAN, 0.9], bad=(1, 2)).strangers

    assert strangers is not None
    assert strangers.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("oods", "bad", "outcome"),
    [
        pytest.param([0.1, 0.2, 0.9, 0.9], (), Outcome.PASS, id="just-the-share-that-may-be"),
        pytest.param([0.1, 0.9, 0.9], (), Outcome.REVIEW, id="more"),
        pytest.param([0.1, 0.2, 0.3], (), Outcome.PASS, id="none"),
        pytest.param([0.9], (), Outcome.REVIEW, id="the-only-frame"),
        pytest.param([0.1, 0.1, 0.9, 0.9], (0,), Outcome.REVIEW, id="shares-are-of-good-frames"),
        pytest.param([0.1, 0.1, 0.9, 0.9], (3,), Outcome.PASS, id="a-bad-frame-is-none-of-them"),
    ],
)
def test_a_video_of_many_strangers_goes_to_a_person(
    oods: list[float], bad: tuple[int, ...], outcome: Outcome
) -> None:
    verdict = judge([line_of(oods, bad=bad)], LISTED, faults=()).verdict

    assert (verdict.outcome, verdict.severity) == (outcome, 0)


def test_the_reason_has_counts_and_share_in_words() -> None:
    (reason,) = doubts(line_of([0.9] * 31 + [0.1] * 9))

    assert reason.detail == "31 of 40 good frames (78 %) are unlike what the model knows"
    assert (reason.category, reason.confidence, reason.start_ms) == (None, None, None)


def test_the_stream_is_named_where_it_is_not_the_first() -> None:
    first, second = line_of([0.1, 0.1]), line_of([0.9, 0.9], stream=1)

    (reason,) = doubts(first, second)

    said = "2 of 2 good frames (100 %) are unlike what the model knows"
    assert reason.detail == f"in stream 1, {said}"


def test_without_a_bank_there_is_no_doubt() -> None:
    line = line_of([NAN, NAN], bank=None)

    assert line.strangers is None
    assert judge([line], LISTED, faults=()).verdict.outcome is Outcome.PASS


@pytest.mark.parametrize(
    "own",
    [
        policy(doubts=frozenset(), max_unfamiliar_share=0.5),
        policy(doubts=frozenset(), max_unfamiliar_share=None),
        policy(doubts=frozenset({UNFAMILIAR}), max_unfamiliar_share=1.0),
    ],
    ids=["not-listed", "no-share", "all-may-be"],
)
def test_a_policy_that_does_not_mind_passes_strangers(own: object) -> None:
    assert doubts(line_of([0.9] * 4), own=own) == []


def test_a_policy_that_minds_must_say_from_when() -> None:
    with pytest.raises(ValueError, match="max_unfamiliar_share"):
        policy(doubts=frozenset({UNFAMILIAR}), max_unfamiliar_share=None)


def test_a_rule_that_fires_stands_before_the_doubt() -> None:
    line = line_of([0.9, 0.9, 0.9])
    sure = replace(line, confidences=np.full((3, 1), 0.9, np.float32))

    verdict = judge([sure], LISTED, faults=()).verdict

    assert [reason.category for reason in verdict.reasons] == ["nudity", None]
    assert verdict.reasons[1].kind is UNFAMILIAR


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.floats(0, 1), st.data())
def test_one_more_stranger_never_makes_a_pass(
    strange: list[bool], share: float, data: st.DataObject
) -> None:
    own = policy(doubts=frozenset({UNFAMILIAR}), max_unfamiliar_share=share)
    more = list(strange)
    more[data.draw(st.integers(0, len(strange) - 1))] = True
    before, after = (
        doubts(line_of([0.9 if one else 0.1 for one in each]), own=own) for each in (strange, more)
    )

    assert bool(before) == (sum(strange) > share * len(strange))
    assert not before or after


def test_strangers_must_be_one_a_frame() -> None:
    with pytest.raises(ValueError, match="strangers must be"):
        replace(line_of([0.1, 0.1]), strangers=np.zeros(3, np.bool_))
