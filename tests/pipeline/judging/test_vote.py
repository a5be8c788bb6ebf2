"""The vote: pictures of one object come to one answer, or go to a person with a named doubt."""

import math
from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.judging.opinions import shown_shares
from pipeline.judging.vote import vote
from pipeline.records import Gate
from pipeline.votes import Ballots, Candidates, DoubtKind, Vote, VoteRule
from tests.pipeline.judging.vote_parts import (
    COPY_BELOW,
    NAN,
    any_ballots,
    any_candidates,
    ballots,
    candidate,
    candidates,
    join,
    sayings,
    take,
)

ANIMALS = candidates()
rules = st.sampled_from(VoteRule)
texts = st.none() | sayings().map(lambda row: np.array(row, np.float32))


def pooled(
    chosen: Ballots, wanted: Candidates = ANIMALS, text: Sequence[float] | None = None
) -> Vote:
    title = None if text is None else np.array(text, np.float32)
    return vote(chosen, wanted, rule=VoteRule.POOLED, text=title)


def majority(chosen: Ballots, wanted: Candidates = ANIMALS) -> Vote:
    return vote(chosen, wanted, rule=VoteRule.MAJORITY, text=None)


def kinds(voted: Vote) -> list[DoubtKind]:
    return [doubt.kind for doubt in voted.doubts]


def confidence_of(voted: Vote, name: str) -> float:
    return next(each.confidence for each in voted.best if each.name == name)


@pytest.mark.parametrize(
    ("rows", "by_majority", "by_pool"),
    [
        pytest.param([[0.9, 0.05, 0.0]], "cat", "cat", id="one-picture"),
        pytest.param([[0.8, 0.1, 0.1]] * 3, "cat", "cat", id="all-agree"),
        pytest.param(
            [[0.4, 0.35, 0.2], [0.4, 0.35, 0.2], [0.0, 0.97, 0.0]],
            "cat",
            "dog",
            id="two-that-hardly-know-and-one-that-does",
        ),
        pytest.param(
            [[0.6, 0.4, 0.0], [0.1, 0.9, 0.0]], "dog", "dog", id="the-score-breaks-a-tie-of-votes"
        ),
        pytest.param(
            [[0.99, 0.0, 0.0], [0.99, 0.0, 0.0], [0.0, 0.99, 0.0]],
            "cat",
            "cat",
            id="one-sure-stray-does-not-outvote-two",
        ),
    ],
)
def test_the_two_rules(rows: list[list[float]], by_majority: str, by_pool: str) -> None:
    assert majority(ballots(*rows)).best[0].name == by_majority
    assert pooled(ballots(*rows)).best[0].name == by_pool


@pytest.mark.parametrize(
    ("chosen", "changes", "expected"),
    [
        pytest.param(ballots(), {}, [DoubtKind.FEW_PICTURES], id="no-picture"),
        pytest.param(
            ballots([0.9, 0, 0], gates=[Gate.BLUR]), {}, [DoubtKind.FEW_PICTURES], id="all-bad"
        ),
        pytest.param(ballots([NAN] * 3), {}, [DoubtKind.FEW_PICTURES], id="none-scored"),
        pytest.param(
            ballots([0.9, 0, 0], weights=[0]), {}, [DoubtKind.FEW_PICTURES], id="weightless"
        ),
        pytest.param(
            ballots([0.99, 0, 0], [0.99, 0, 0], levels=[0, 1]),
            {"min_good_pictures": 2},
            [DoubtKind.FEW_PICTURES],
            id="copies-are-one-picture",
        ),
        pytest.param(
            ballots([0.99, 0, 0], [0.99, 0, 0]), {"min_good_pictures": 2}, [], id="just-enough"
        ),
        pytest.param(
            ballots([0.99, 0, 0], strangers=[0]),
            {},
            [DoubtKind.FEW_PICTURES, DoubtKind.STRANGERS],
            id="nobody-but-a-stranger",
        ),
        pytest.param(
            ballots(*[[0.99, 0, 0]] * 3, strangers=[1, 2]),
            {},
            [DoubtKind.STRANGERS],
            id="two-of-three-are-strangers",
        ),
        pytest.param(
            ballots(*[[0.99, 0, 0]] * 4, strangers=[1, 2]), {}, [], id="half-are-strangers"
        ),
        pytest.param(ballots([0.05, 0.05, 0]), {}, [DoubtKind.NOTHING_SAID], id="none-of-them"),
        pytest.param(
            ballots([0.45, 0.45, 0]),
            {"min_confidence": 0.1},
            [DoubtKind.TIE],
            id="a-tie",
        ),
        pytest.param(
            ballots([0.99, 0, 0], [0, 0.99, 0]),
            {"min_confidence": 0.1},
            [DoubtKind.TIE],
            id="two-sure-ones-tie",
        ),
        pytest.param(
            ballots([0.5, 0.4, 0]),
            {"min_confidence": 0.1},
            [DoubtKind.THIN_MARGIN],
            id="a-thin-margin",
        ),
        pytest.param(
            ballots([0.6, 0.2, 0.2]),
            {"min_confidence": 0.9},
            [DoubtKind.LOW_CONFIDENCE],
            id="not-sure-enough",
        ),
        pytest.param(
            ballots(*[[0.9, 0.05, 0]] * 2, *[[0.1, 0.15, 0.05]] * 3),
            {"min_margin": 0.0, "max_disagreement": 0.3, "min_confidence": 0.0},
            [],
            id="who-says-none-of-them-does-not-disagree",
        ),
        pytest.param(
            ballots([0.5, 0.3, 0], [0.4, 0.4, 0]),
            {"max_disagreement": 0.0, "min_margin": 0.0},
            [],
            id="who-cannot-choose-does-not-disagree",
        ),
        pytest.param(
            ballots([0.99, 0, 0], [0.99, 0, 0], [0.4, 0.45, 0]),
            {"max_disagreement": 0.3},
            [DoubtKind.DISAGREEMENT],
            id="a-third-says-something-else",
        ),
    ],
)
def test_doubts(chosen: Ballots, changes: dict[str, float], expected: list[DoubtKind]) -> None:
    voted = pooled(chosen, candidates(answer=changes))

    assert kinds(voted) == expected
    assert (voted.answer is None) is bool(expected)


def test_a_doubt_says_what_was_found_and_what_was_wanted() -> None:
    voted = majority(
        ballots(*[[0.9, 0, 0]] * 3, [0, 0.9, 0]), candidates(answer={"min_margin": 0.6})
    )

    (doubt,) = voted.doubts
    assert (doubt.found, doubt.threshold) == (0.5, 0.6)


@pytest.mark.parametrize(
    ("field", "on_the_edge", "beyond"),
    [
        pytest.param("min_margin", 0.2, 0.21, id="margin"),  # 0.6 - 0.4 is a little below 0.2
        pytest.param("min_confidence", 0.6, 0.61, id="confidence"),
        pytest.param("max_disagreement", 0.4, 0.39, id="disagreement"),
    ],
)
def test_a_value_on_a_threshold_is_on_the_answers_side(
    field: str, on_the_edge: float, beyond: float
) -> None:
    three_to_two = ballots(*[[0.9, 0, 0]] * 3, *[[0, 0.9, 0]] * 2)

    assert majority(three_to_two, candidates(answer={field: on_the_edge})).answer == "cat"
    assert majority(three_to_two, candidates(answer={field: beyond})).answer is None


def test_a_tie_of_votes_and_of_scores_is_a_tie() -> None:
    voted = majority(ballots([0.9, 0, 0], [0, 0.9, 0]), candidates(answer={"min_margin": 0.0}))

    assert kinds(voted) == [DoubtKind.TIE]


def test_of_a_tie_of_votes_the_margin_is_that_of_the_scores() -> None:
    voted = majority(ballots([0.8, 0.2, 0], [0, 0.9, 0]))

    assert voted.best[0].name == "dog"
    assert voted.margin == pytest.approx(0.15, abs=1e-6)


def test_each_picture_says_what_it_said_and_what_it_counted() -> None:
    chosen = ballots(
        [0.9, 0, 0],
        [0.8, 0, 0],
        [0, 0.7, 0],
        [NAN] * 3,
        gates=[Gate.OK, Gate.OK, Gate.OK, Gate.BLACK],
        weights=[1, 0.5, 0.5, 1],
        levels=[0, 1, 50, 100],
    )

    first, copy, other, black = pooled(chosen).pictures

    assert (first.weight, copy.weight, other.weight) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert (first.sharers, copy.sharers, other.sharers, black.sharers) == (2, 2, 1, 0)
    assert (black.best, black.weight) == (None, 0)
    assert other.best is not None
    assert other.best.name == "dog"
    assert other.best.confidence == pytest.approx(0.7)
    assert [picture.weight for picture in majority(chosen).pictures] == pytest.approx(
        [1 / 3, 1 / 3, 1 / 3, 0]
    )


def test_nobody_votes_with_nothing_known() -> None:
    voted = pooled(ballots([NAN] * 3))

    assert voted.best == ()
    assert all(math.isnan(x) for x in (voted.margin, voted.other, voted.disagreement))


def test_with_one_candidate_the_rival_is_none_of_them() -> None:
    only = candidates(candidate("cat", 0.5))

    assert pooled(ballots([0.9]), only).answer == "cat"
    assert kinds(pooled(ballots([0.1]), only)) == [DoubtKind.NOTHING_SAID]


class TestParts:
    """A picture of a part speaks for the whole as well; it does not outvote it."""

    shop = candidates(
        candidate("bicycle", 0.3), candidate("tire", 0.3, {"bicycle": 0.2}), candidate("rat", 0.3)
    )
    bicycle, tire = [0.9, 0.05, 0.0], [0.05, 0.9, 0.0]

    def test_tires_alone_are_a_tire(self) -> None:
        assert pooled(ballots(self.tire, self.tire), self.shop).answer == "tire"

    @pytest.mark.parametrize("tires", [1, 2])
    def test_a_bicycle_and_its_tires_are_a_bicycle(self, tires: int) -> None:
        sure = [0.99, 0.0, 0.0]
        voted = pooled(ballots(sure, *[[0.0, 0.99, 0.0]] * tires), self.shop)

        assert voted.best[0].name == "bicycle"

    def test_its_tires_do_not_disagree_with_a_bicycle(self) -> None:
        shown = ballots(self.bicycle, self.bicycle, self.tire)

        assert pooled(shown, self.shop).disagreement == 0
        assert pooled(shown, self.shop).answer == "bicycle"

    def test_without_the_relation_they_do(self) -> None:
        apart = candidates(*(candidate(name) for name in ("bicycle", "tire", "rat")))

        voted = pooled(ballots(self.bicycle, self.bicycle, self.tire), apart)
        assert voted.disagreement == pytest.approx(1 / 3)

    def test_a_part_of_a_part_is_a_part(self) -> None:
        nested = candidates(
            candidate("bicycle", 0.3),
            candidate("wheel", 0.3, {"bicycle": 0.4}),
            candidate("tire", 0.3, {"wheel": 0.5}),
        )

        expected = np.array([[0.6, 0.2, 0.2, 0], [0, 0.5, 0.5, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
        np.testing.assert_allclose(shown_shares(nested), expected)


class TestText:
    """The title is one more witness."""

    def test_it_breaks_a_tie(self) -> None:
        tied = ballots([0.45, 0.45, 0])

        assert pooled(tied, text=[0, 1, 0]).answer == "dog"

    def test_it_does_not_outvote_pictures_that_are_sure(self) -> None:
        assert pooled(ballots(*[[0.95, 0, 0]] * 2), text=[0, 1, 0]).best[0].name == "cat"

    def test_alone_it_answers_nothing(self) -> None:
        assert kinds(pooled(ballots(), text=[0, 1, 0])) == [DoubtKind.FEW_PICTURES]

    def test_with_a_strength_of_0_it_changes_nothing(self) -> None:
        deaf = candidates(pooling={"text_strength": 0.0})
        shown = ballots([0.6, 0.3, 0])

        assert pooled(shown, deaf, [0, 0, 1]).best == pooled(shown, deaf).best

    @pytest.mark.parametrize("text", [[0.5, 0.5], [0.7, 0.7, 0], [-0.1, 0, 0], [NAN, 0, 0]])
    def test_what_is_no_distribution_is_refused(self, text: list[float]) -> None:
        with pytest.raises(ValueError, match="text must"):
            pooled(ballots([0.9, 0, 0]), text=text)


def test_priors_decide_where_pictures_do_not() -> None:
    rare = candidates(candidate("cat", 0.1), candidate("dog", 0.8), candidate("rat", 0.05))

    assert pooled(ballots([0.48, 0.48, 0]), rare).best[0].name == "dog"


def test_a_prior_comes_in_once_however_many_pictures_there_are() -> None:
    wanted = candidates(candidate("cat", 0.6), candidate("dog", 0.3), candidate("rat", 0.05))
    unsure = [0.25, 0.25, 0.25]

    for count in (1, 2, 6):
        voted = pooled(ballots(*[unsure] * count), wanted)
        ratio = confidence_of(voted, "cat") / confidence_of(voted, "dog")
        assert ratio == pytest.approx(2)


def test_the_better_picture_weighs_more() -> None:
    rows = [[0.7, 0.2, 0], [0.2, 0.7, 0]]

    assert pooled(ballots(*rows, weights=[1, 0.5])).best[0].name == "cat"
    assert pooled(ballots(*rows, weights=[0.5, 1])).best[0].name == "dog"


def test_with_no_independence_many_pictures_are_as_sure_as_one() -> None:
    wanted = candidates(pooling={"independence": 0.0})
    one, many = (
        pooled(ballots([0.6, 0.2, 0]), wanted),
        pooled(ballots(*[[0.6, 0.2, 0]] * 5), wanted),
    )

    assert one.best[0].confidence == pytest.approx(many.best[0].confidence)


def test_ballots_of_other_candidates_are_refused() -> None:
    with pytest.raises(ValueError, match="ballots must be of 3 candidates, got 2"):
        pooled(ballots([0.5, 0.5]))


def slow_pool(chosen: Ballots, wanted: Candidates, text: list[float] | None) -> list[float]:
    """Return the pooled confidences of voters that are no copies, by products and plain loops."""
    wide = len(wanted.candidates) + 1
    shares = shown_shares(wanted).tolist()
    priors = [each.prior for each in wanted.candidates]
    pool = [*priors, 1 - sum(priors)]
    total = sum(chosen.weights.tolist())
    scale = min(1.0, total ** (wanted.pooling.independence - 1))
    stray = wanted.pooling.stray_share
    for row, weight in zip(chosen.confidences.tolist(), chosen.weights.tolist(), strict=True):
        said = [*row, 1 - sum(row)]
        for k in range(wide):
            explained = sum(shares[k][x] * said[x] for x in range(wide))
            pool[k] *= ((1 - stray) * wide * explained + stray) ** (weight * scale)
    if text is not None:
        strength = wanted.pooling.text_strength
        said = [*text, 1 - sum(text)]
        pool = [p * (strength * wide * s + 1 - strength) for p, s in zip(pool, said, strict=True)]
    return [each / sum(pool) for each in pool]


@given(
    st.lists(st.tuples(sayings(), st.sampled_from([0.5, 0.7, 1.0])), min_size=1, max_size=6),
    any_candidates(),
    st.none() | sayings(),
)
def test_the_pool_is_the_product_that_it_says_it_is(
    pictures: list[tuple[list[float], float]], wanted: Candidates, text: list[float] | None
) -> None:
    rows, weights = zip(*pictures, strict=True)
    chosen = ballots(*rows, weights=weights)

    voted = pooled(chosen, wanted, text)

    expected = slow_pool(chosen, wanted, text)
    ranked = sorted(expected[:-1], reverse=True)[:2]
    assert [each.confidence for each in voted.best] == pytest.approx(ranked, rel=1e-4, abs=1e-6)
    assert voted.other == pytest.approx(expected[-1], rel=1e-4, abs=1e-6)


@given(any_ballots(), any_candidates(), rules, texts, st.randoms(use_true_random=False))
def test_the_order_of_pictures_never_matters(
    chosen: Ballots,
    wanted: Candidates,
    rule: VoteRule,
    text: NDArray[np.float32] | None,
    random: Random,
) -> None:
    order = list(range(len(chosen.gates)))
    random.shuffle(order)

    before = vote(chosen, wanted, rule=rule, text=text)
    after = vote(take(chosen, order), wanted, rule=rule, text=text)

    assert without_pictures(after) == without_pictures(before)
    assert list(after.pictures) == [before.pictures[i] for i in order]


@pytest.mark.parametrize("rule", VoteRule)
@pytest.mark.parametrize("seed", range(5))
def test_not_even_the_last_bit_depends_on_the_order(rule: VoteRule, seed: int) -> None:
    rng = np.random.default_rng(seed)
    chosen = ballots(*rng.dirichlet([1] * 4, 9)[:, :3].tolist(), weights=rng.random(9).tolist())

    found = {
        vote(take(chosen, rng.permutation(9).tolist()), ANIMALS, rule=rule, text=None).best
        for _ in range(20)
    }

    assert len(found) == 1


@given(any_ballots(min_size=1), any_candidates(), texts, st.data())
def test_one_more_copy_of_a_picture_changes_nothing(
    chosen: Ballots, wanted: Candidates, text: NDArray[np.float32] | None, data: st.DataObject
) -> None:
    n = len(chosen.gates)
    copies = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=4))

    before = vote(chosen, wanted, rule=VoteRule.POOLED, text=text)
    after = vote(take(chosen, [*range(n), *copies]), wanted, rule=VoteRule.POOLED, text=text)

    assert without_pictures(after) == without_pictures(before)


@given(any_ballots(), any_ballots(max_size=3), any_candidates(), rules, texts)
def test_a_bad_picture_never_changes_anything(
    chosen: Ballots,
    others: Ballots,
    wanted: Candidates,
    rule: VoteRule,
    text: NDArray[np.float32] | None,
) -> None:
    bad = Ballots(
        others.confidences,
        np.full_like(others.gates, Gate.BLUR),
        others.weights,
        others.is_stranger,
        others.signatures,
    )

    before = vote(chosen, wanted, rule=rule, text=text)
    after = vote(join(bad, chosen), wanted, rule=rule, text=text)

    assert without_pictures(after) == without_pictures(before)
    assert after.pictures[len(bad.gates) :] == before.pictures


def without_pictures(voted: Vote) -> tuple[object, ...]:
    """Return all of a vote but its pictures, NaN made comparable."""
    numbers = (voted.other, voted.margin, voted.disagreement)
    return (voted.answer, voted.best, voted.doubts, [str(number) for number in numbers])


@given(
    any_ballots(min_size=1),
    any_candidates(),
    texts,
    st.integers(0, 2),
    st.floats(0, 1, width=32),
    st.data(),
)
def test_raising_a_confidence_never_lowers_the_pooled_one(  # noqa: PLR0913, PLR0917 - all it depends on
    chosen: Ballots,
    wanted: Candidates,
    text: NDArray[np.float32] | None,
    column: int,
    share: float,
    data: st.DataObject,
) -> None:
    row = data.draw(st.integers(0, len(chosen.gates) - 1))
    assume(bool(chosen.is_scored[row]))
    raised = chosen.confidences.copy()
    room = 1 - float(raised[row].sum())
    raised[row, column] += np.float32(max(0.0, room) * share)
    assume(raised[row].sum() <= 1)
    changed = Ballots(raised, chosen.gates, chosen.weights, chosen.is_stranger, chosen.signatures)

    before, after = all_pooled(chosen, wanted, text), all_pooled(changed, wanted, text)

    assert after[column] >= before[column] - 1e-6


def all_pooled(
    chosen: Ballots, wanted: Candidates, text: NDArray[np.float32] | None
) -> list[float]:
    """Return the pooled confidence of each of three candidates, 0 where nobody voted.

    A vote tells only the two best: the third is what they and "none of them" leave.
    """
    voted = vote(chosen, wanted, rule=VoteRule.POOLED, text=text)
    if not voted.best:
        return [0.0] * 3
    known = {each.name: each.confidence for each in voted.best}
    rest = 1 - voted.other - sum(known.values())
    return [known.get(name, rest) for name in wanted.names]


@given(st.lists(st.floats(0.1, 0.8), min_size=1, max_size=12), sayings())
def test_near_copies_say_no_more_than_one_of_them_would(
    jitter: list[float], other: list[float]
) -> None:
    copies = [[each, 0.9 - each, 0.0] for each in jitter]

    def confidence(*rows: list[float]) -> float:
        levels = [i % COPY_BELOW for i in range(len(rows))]
        shown = ballots(*rows, other, levels=[*levels, 200])
        return all_pooled(shown, ANIMALS, None)[0]

    alone = [confidence(row) for row in copies]
    assert min(alone) - 1e-6 <= confidence(*copies) <= max(alone) + 1e-6
