"""Costs in reviewer-seconds: from which confidence on a look is worth it, and what a day buys."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.thresholds import miss_bound


@dataclass(frozen=True, slots=True)
class Costs:
    """What things cost, all in the seconds of a reviewer.

    Attributes:
        review_s: one review, above 0.
        miss_s: a video that should have been removed and was not, above 0.
        false_remove_s: one that was removed and should not have been, above 0.
        human_miss: share of the former that a reviewer allows, in [0, 1).
        human_false_remove: share of the latter that a reviewer removes, in [0, 1).
    """

    review_s: float
    miss_s: float
    false_remove_s: float
    human_miss: float
    human_false_remove: float

    def __post_init__(self) -> None:
        seconds = (self.review_s, self.miss_s, self.false_remove_s)
        if not all(0 < second < math.inf for second in seconds):
            raise ValueError(f"the seconds must be above 0 and finite, got {self}")
        if not (0 <= self.human_miss < 1 and 0 <= self.human_false_remove < 1):
            raise ValueError(f"the reviewer's shares must lie in [0, 1), got {self}")


@dataclass(frozen=True, slots=True)
class CostThresholds:
    """The two confidences between which a review is the cheapest.

    Attributes:
        review: at or above it a review costs less than letting pass; in (0, 1].
        remove: above it a removal unseen costs less than a review; in [0, 1).
    """

    review: float
    remove: float

    @property
    def is_review_worth_it(self) -> bool:
        """Whether there is any confidence at which somebody should look."""
        return self.review < self.remove


@dataclass(frozen=True, slots=True)
class Team:
    """Who reviews, and how much comes in.

    Attributes:
        budget_s: seconds a day that the team has for reviews, not negative.
        review_s: seconds of one review, above 0.
        videos_a_day: how many come in, above 0.
    """

    budget_s: float
    review_s: float
    videos_a_day: float

    def __post_init__(self) -> None:
        if not (self.budget_s >= 0 and self.review_s > 0 and self.videos_a_day > 0):
            raise ValueError(f"a budget, the seconds of a review and videos are needed: {self}")


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a team's day buys.

    Attributes:
        threshold: the lowest score from which on all can be reviewed; infinite where not even the
            highest can.
        reviews_a_day: how many that is.
        missed: how many of the positives lie below it.
        positives: how many there are.
        miss_bound: the miss rate that is not exceeded, at the confidence asked for; 1 where there
            are no positives.
    """

    threshold: float
    reviews_a_day: float
    missed: int
    positives: int
    miss_bound: float


def cost_thresholds(costs: Costs) -> CostThresholds:
    """Return where the expected cost of letting pass, reviewing and removing are equal.

    With p the confidence: passing costs p miss_s; a review costs review_s + p human_miss miss_s +
    (1 - p) human_false_remove false_remove_s; removing costs (1 - p) false_remove_s (Elkan, "The
    Foundations of Cost-Sensitive Learning", 2001; closed form in REVIEW.md section 4). Clipped
    to [0, 1]: at 1, a review is never worth it; a removal at 0 is always cheaper than a review.

    >>> found = cost_thresholds(Costs(12, 3600, 600, 0.05, 0.02))
    >>> round(found.review, 3), round(found.remove, 2)
    (0.007, 0.75)
    """
    wrong = costs.human_false_remove * costs.false_remove_s
    right = (1 - costs.human_false_remove) * costs.false_remove_s
    review = (costs.review_s + wrong) / ((1 - costs.human_miss) * costs.miss_s + wrong)
    remove = (right - costs.review_s) / (right + costs.human_miss * costs.miss_s)
    return CostThresholds(min(review, 1.0), max(remove, 0.0))


def buy_reviews(
    scores: NDArray[np.float64],
    positive_scores: NDArray[np.float64],
    *,
    team: Team,
    confidence: float,
) -> Capacity:
    """Return the lowest threshold that a team's seconds a day are enough for.

    The threshold is chosen by how many there are to see, not by the labels, so the bound on the
    miss rate is that of Clopper and Pearson for a fixed threshold.

    Args:
        scores: shape (V,), of a fair sample of what comes in, in [0, 1]; NaN (not scored) is always
            reviewed. V at least 1.
        positive_scores: shape (P,), of uniformly sampled positives, in [0, 1], no NaN.
        team: who reviews, and how much comes in.
        confidence: of the bound, in (0, 1).

    Raises:
        ValueError: if there is no score, or an array is not as said.
    """
    if len(scores) == 0 or np.isnan(positive_scores).any():
        raise ValueError("scores are needed, and positive_scores without NaN")
    affordable = math.floor(team.budget_s / team.review_s / team.videos_a_day * len(scores) + 1e-9)
    highest = np.sort(np.where(np.isnan(scores), np.inf, scores))[::-1]
    distinct, firsts = np.unique(-highest, return_index=True)
    ends = np.append(firsts[1:], len(highest))  # how many stand at or above each, ties and all
    fits = np.flatnonzero((ends <= affordable) & (distinct > -np.inf))
    threshold = float(-distinct[fits[-1]]) if len(fits) else math.inf
    reviews = np.count_nonzero(highest >= threshold) / len(scores) * team.videos_a_day
    missed, positives = int(np.count_nonzero(positive_scores < threshold)), len(positive_scores)
    bound = miss_bound(missed, positives, confidence=confidence)
    return Capacity(threshold, float(reviews), missed, positives, bound)
