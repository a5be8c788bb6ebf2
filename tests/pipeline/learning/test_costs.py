"""Costs in reviewer-seconds: when a look is worth it, and what a day buys."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.learning.costs import (
    Costs,
    CostThresholds,
    Team,
    buy_reviews,
    cost_thresholds,
)

NAN = float("nan")
seconds = st.floats(0.1, 1e5)
human = st.floats(0, 0.9)
all_costs = st.builds(Costs, seconds, seconds, seconds, human, human)
score_lists = st.lists(
    st.just(NAN) | st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1), min_size=1
)


def expected(costs: Costs, p: float) -> dict[str, float]:
    """What each act costs at a confidence, in seconds, told act by act."""
    missed = p * costs.human_miss * costs.miss_s
    wronged = (1 - p) * costs.human_false_remove * costs.false_remove_s
    return {
        "pass": p * costs.miss_s,
        "review": costs.review_s + missed + wronged,
        "remove": (1 - p) * costs.false_remove_s,
    }


@given(all_costs, st.floats(0, 1))
def test_a_review_is_cheaper_than_a_pass_from_the_lower_and_than_a_removal_to_the_upper(
    costs: Costs, p: float
) -> None:
    found, cost = cost_thresholds(costs), expected(costs, p)
    slack = 1e-9 * (cost["pass"] + cost["review"] + cost["remove"])

    if p < found.review:
        assert cost["pass"] <= cost["review"] + slack
    elif p > found.review:
        assert cost["review"] <= cost["pass"] + slack
    if p > found.remove:
        assert cost["remove"] <= cost["review"] + slack
    elif p < found.remove:
        assert cost["review"] <= cost["remove"] + slack


def test_the_example_of_the_specification() -> None:
    found = cost_thresholds(Costs(12, 3600, 600, 0.05, 0.02))

    assert found.review == pytest.approx(24 / 3432)
    assert found.remove == pytest.approx(0.75)
    assert found.is_review_worth_it


@pytest.mark.parametrize(
    ("costs", "expected_thresholds"),
    [
        pytest.param(Costs(1e6, 10, 10, 0, 0), CostThresholds(1, 0), id="a-look-costs-too-much"),
        pytest.param(Costs(1, 10, 10, 0, 0), CostThresholds(0.1, 0.9), id="reviewers-never-err"),
    ],
)
def test_costs_by_hand(costs: Costs, expected_thresholds: CostThresholds) -> None:
    found = cost_thresholds(costs)

    assert (found.review, found.remove) == pytest.approx(
        (expected_thresholds.review, expected_thresholds.remove)
    )
    assert found.is_review_worth_it == (found.review < found.remove)


@pytest.mark.parametrize(
    "numbers",
    [(0, 1, 1, 0, 0), (1, -1, 1, 0, 0), (1, 1, math.inf, 0, 0), (NAN, 1, 1, 0, 0),
     (1, 1, 1, 1, 0), (1, 1, 1, 0, -0.1), (1, 1, 1, NAN, 0)],
)  # fmt: skip
def test_costs_that_cannot_be(numbers: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="must"):
        Costs(*numbers)


def slow_threshold(scores: list[float], affordable: float) -> float:
    """The lowest score of any video from which on no more than can be afforded are reviewed."""
    told = [math.inf if math.isnan(score) else score for score in scores]
    fits = [t for t in told if sum(score >= t for score in told) <= affordable]
    return min((t for t in fits if t < math.inf), default=math.inf)


@given(score_lists, st.integers(0, 120))
def test_the_threshold_is_the_lowest_that_can_be_afforded(
    scores: list[float], affordable: int
) -> None:
    team = Team(budget_s=12.0 * affordable, review_s=12, videos_a_day=len(scores))
    found = buy_reviews(np.array(scores), np.array([0.4]), team=team, confidence=0.95)

    assert found.threshold == slow_threshold(scores, affordable)
    due = sum(math.isnan(score) or score >= found.threshold for score in scores)
    assert found.reviews_a_day == pytest.approx(due)


@given(score_lists, st.lists(st.floats(0, 1)), st.integers(0, 50), st.integers(0, 50))
def test_more_hours_never_raise_the_threshold_or_the_bound(
    scores: list[float], positives: list[float], one: int, other: int
) -> None:
    few, many = (
        buy_reviews(
            np.array(scores),
            np.array(positives, np.float64),
            team=Team(12.0 * budget, 12, len(scores)),
            confidence=0.95,
        )
        for budget in sorted((one, other))
    )

    assert many.threshold <= few.threshold
    assert many.miss_bound <= few.miss_bound
    assert many.missed <= few.missed


def test_what_stands_exactly_at_the_threshold_is_not_missed() -> None:
    found = buy_reviews(
        np.array([0.1, 0.5, 0.9]), np.array([0.5, 0.4]), team=Team(24, 12, 3), confidence=0.95
    )

    assert (found.threshold, found.missed, found.positives) == (0.5, 1, 2)
    assert found.reviews_a_day == pytest.approx(2)


def test_without_positives_nothing_is_known_of_misses() -> None:
    found = buy_reviews(np.array([0.1]), np.array([]), team=Team(24, 12, 3), confidence=0.95)

    assert found.miss_bound == 1.0


@pytest.mark.parametrize(
    ("scores", "positives", "match"), [([], [], "scores are needed"), ([0.1], [NAN], "NaN")]
)
def test_what_is_refused(scores: list[float], positives: list[float], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        buy_reviews(np.array(scores), np.array(positives), team=Team(24, 12, 3), confidence=0.95)


@pytest.mark.parametrize("numbers", [(-1, 1, 1), (1, 0, 1), (1, 1, 0), (NAN, 1, 1)])
def test_teams_that_cannot_be(numbers: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="needed"):
        Team(*numbers)
