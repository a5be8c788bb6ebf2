"""The vote: pictures of one object come to one answer, or go to a person with a named doubt.

Who votes: good pictures that were scored and are no strangers. A bad picture changes nothing,
wherever it stands. What they say together is in `opinions`; whether that is an answer is here.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.judging.copies import find_copies
from pipeline.judging.opinions import (
    Opinion,
    count_majority,
    disagreement,
    pool,
    shown_shares,
    with_none,
)
from pipeline.records import Gate
from pipeline.votes import (
    Ballots,
    Candidates,
    Doubt,
    DoubtKind,
    PictureVote,
    Standing,
    Vote,
    VoteRule,
    require_shares,
)

LEVEL = 1e-9  # what rounding may add to or take from a difference of confidences


def vote(
    ballots: Ballots,
    candidates: Candidates,
    *,
    rule: VoteRule,
    text: NDArray[np.float32] | None,
) -> Vote:
    """Return what the pictures of one submission come to.

    Args:
        ballots: the pictures, N of them, 0 or more.
        candidates: the K possible answers, and when there is one.
        rule: how the votes are counted; text, priors, copies and parts are the POOLED rule's.
        text: shape (K,), float32, how likely the title means each candidate, a sum of at most 1;
            None where it says nothing.

    Raises:
        ValueError: if the ballots or the text are not of K candidates.
    """
    _require_width(ballots, text, len(candidates.candidates))
    turnout = _turn_out(ballots, candidates)
    if len(turnout.voters) == 0:
        return _nobody_voted(turnout, rule)
    match rule:
        case VoteRule.MAJORITY:
            said = with_none(ballots.confidences[turnout.voters])
            return _decide(turnout.without_copies(), rule, count_majority(said))
        case VoteRule.POOLED:
            return _decide(turnout, rule, _pool(turnout, text))


@dataclass(frozen=True, slots=True, eq=False)
class _Turnout:
    """Who votes on what.

    Attributes:
        ballots: all pictures.
        candidates: the possible answers.
        voters: shape (V,), the rows of the pictures that vote.
        sets: shape (V,), which of them share one vote, being copies; numbers from 0.
        different: how many of them are no copies of one another.
        strangers: how many different good pictures are strangers, and do not vote.
    """

    ballots: Ballots
    candidates: Candidates
    voters: NDArray[np.int64]
    sets: NDArray[np.int64]
    different: int
    strangers: int

    def without_copies(self) -> Self:
        """Return the same voters with one vote each."""
        return replace(self, sets=np.arange(len(self.voters)))


def _turn_out(ballots: Ballots, candidates: Candidates) -> _Turnout:
    good = [gate for gate in Gate if gate.is_good]
    may_vote = np.isin(ballots.gates, good) & ballots.is_scored & (ballots.weights > 0)
    voters = np.flatnonzero(may_vote & ~ballots.is_stranger)
    strangers = np.flatnonzero(may_vote & ballots.is_stranger)
    sets, others = (
        find_copies(ballots.signatures[rows], copy_below=candidates.pooling.copy_below)
        for rows in (voters, strangers)
    )
    return _Turnout(
        ballots, candidates, voters, sets, different=_count(sets), strangers=_count(others)
    )


def _count(sets: NDArray[np.int64]) -> int:
    return int(sets.max(initial=-1)) + 1


def _pool(turnout: _Turnout, text: NDArray[np.float32] | None) -> Opinion:
    rows = [
        _one_vote(turnout.ballots, turnout.voters[turnout.sets == i])
        for i in range(turnout.different)
    ]
    said = np.stack([row for row, _ in rows])
    weights = np.array([weight for _, weight in rows])
    title = None if text is None else with_none(text)
    return pool(said, weights, title, turnout.candidates)


def _one_vote(ballots: Ballots, copies: NDArray[np.int64]) -> tuple[NDArray[np.float64], float]:
    """Return what the copies of one picture say: the mean of the different rows, the best weight.

    Rows that are the same count once, so that one more copy of a picture changes nothing at all.
    """
    said = np.unique(with_none(ballots.confidences[copies]), axis=0).mean(axis=0)
    return said, float(ballots.weights[copies].max())


def _decide(turnout: _Turnout, rule: VoteRule, opinion: Opinion) -> Vote:
    candidates = turnout.candidates
    names = candidates.names
    ranked = [int(column) for column in opinion.order if column < len(names)]
    best = tuple(Standing(names[k], float(opinion.confidences[k])) for k in ranked[:2])
    against = disagreement(opinion, ranked[0], shown_shares(candidates))
    doubts = (*_doubts_of_turnout(turnout), *_doubts_of(opinion, against, candidates))
    return Vote(
        rule=rule,
        answer=None if doubts else names[ranked[0]],
        best=best,
        other=float(opinion.confidences[-1]),
        margin=opinion.margin,
        disagreement=against,
        doubts=doubts,
        pictures=_picture_votes(turnout, opinion.weights),
    )


def _doubts_of_turnout(turnout: _Turnout) -> Iterator[Doubt]:
    wanted = turnout.candidates.answer
    if turnout.different < wanted.min_good_pictures:
        yield Doubt(DoubtKind.FEW_PICTURES, turnout.different, wanted.min_good_pictures)
    seen = turnout.different + turnout.strangers
    share = turnout.strangers / seen if seen else 0.0
    if share > wanted.max_stranger_share + LEVEL:
        yield Doubt(DoubtKind.STRANGERS, share, wanted.max_stranger_share)


def _doubts_of(opinion: Opinion, against: float, candidates: Candidates) -> Iterator[Doubt]:
    wanted, best = candidates.answer, int(opinion.order[0])
    confidence = float(opinion.confidences[best])
    if best == len(candidates.candidates):
        yield Doubt(DoubtKind.NOTHING_SAID, confidence)
    elif confidence < wanted.min_confidence - LEVEL:
        yield Doubt(DoubtKind.LOW_CONFIDENCE, confidence, wanted.min_confidence)
    if opinion.margin <= LEVEL:
        yield Doubt(DoubtKind.TIE)
    elif opinion.margin < wanted.min_margin - LEVEL:
        yield Doubt(DoubtKind.THIN_MARGIN, opinion.margin, wanted.min_margin)
    if against > wanted.max_disagreement + LEVEL:
        yield Doubt(DoubtKind.DISAGREEMENT, against, wanted.max_disagreement)


def _nobody_voted(turnout: _Turnout, rule: VoteRule) -> Vote:
    return Vote(
        rule=rule,
        answer=None,
        best=(),
        other=math.nan,
        margin=math.nan,
        disagreement=math.nan,
        doubts=tuple(_doubts_of_turnout(turnout)),
        pictures=_picture_votes(turnout, np.empty(0)),
    )


def _picture_votes(turnout: _Turnout, votes: NDArray[np.float64]) -> tuple[PictureVote, ...]:
    """Return what each picture said and counted, given the weight of each set's vote."""
    ballots, names = turnout.ballots, turnout.candidates.names
    weights = np.zeros(len(ballots.gates))
    sharers = np.zeros(len(ballots.gates), dtype=np.int64)
    if len(votes):
        sharers[turnout.voters] = np.bincount(turnout.sets)[turnout.sets]
        shares = votes[turnout.sets] / votes.sum()
        weights[turnout.voters] = shares / sharers[turnout.voters]
    columns = (ballots.confidences, ballots.is_scored, weights.tolist(), sharers.tolist())
    return tuple(
        PictureVote(_best_of(row, names) if is_scored else None, weight, shared)
        for row, is_scored, weight, shared in zip(*columns, strict=True)
    )


def _best_of(row: NDArray[np.float32], names: tuple[str, ...]) -> Standing:
    k = int(np.argmax(row))
    return Standing(names[k], float(row[k]))


def _require_width(ballots: Ballots, text: NDArray[np.float32] | None, k: int) -> None:
    if ballots.confidences.shape[1] != k:
        raise ValueError(f"ballots must be of {k} candidates, got {ballots.confidences.shape[1]}")
    if text is not None:
        if text.shape != (k,):
            raise ValueError(f"text must have shape ({k},), got {text.shape}")
        require_shares("text", text[None])
