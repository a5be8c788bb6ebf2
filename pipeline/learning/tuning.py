"""Tuning: all that the labels of one category say about where its threshold should stand."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal
from pipeline.errors import ExamplesError
from pipeline.learning.audit import MissRate, Sample, audit_miss_rate
from pipeline.learning.costs import (
    Capacity,
    Costs,
    CostThresholds,
    Team,
    buy_reviews,
    cost_thresholds,
)
from pipeline.learning.score_calibration import (
    Calibrator,
    Floats,
    Reliability,
    cross_calibrate,
    fit_calibrator,
    measure_reliability,
)
from pipeline.learning.thresholds import (
    Guarantee,
    require_scores,
    threshold_for_miss,
    threshold_for_miss_mean,
)
from pipeline.records import Rule

BINS = 10
PLACES = 7  # of the scores in a report; float32 has no more


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What people decided about the videos of one category, as far as these have a score.

    Videos that were chosen by their scores alone (uniformly, or for review) say how scores and
    decisions go together; only those chosen uniformly say how often something is missed.

    Attributes:
        scores: shape (N,), float64 in [0, 1], no NaN.
        is_positive: shape (N,), whether the decision was to remove.
        probabilities: shape (N,), float64 in (0, 1]: with which each was drawn.
        is_uniform: shape (N,), whether it was drawn uniformly.
        unscored: how many more have no score: they always go to a person.
        others: how many more were chosen in some other way, so that nothing follows from them.
    """

    scores: Floats
    is_positive: NDArray[np.bool_]
    probabilities: Floats
    is_uniform: NDArray[np.bool_]
    unscored: int
    others: int

    def __post_init__(self) -> None:
        require_scores(self.scores, self.is_positive)
        require_array("probabilities", self.probabilities, np.float64, self.scores.shape)
        require_array("is_uniform", self.is_uniform, np.bool_, self.scores.shape)
        seal(self)

    @property
    def sample(self) -> Sample:
        """Those that were drawn uniformly."""
        rows = self.is_uniform
        return Sample(self.scores[rows], self.is_positive[rows], self.probabilities[rows])


@dataclass(frozen=True, slots=True)
class Aims:
    """What is wanted.

    Attributes:
        max_miss: share of the positives that may be missed, in (0, 1).
        confidence: of this one category's guarantee, in (0, 1).
        costs: in reviewer-seconds.
        team: who reviews; None where it was not asked what a day buys.
    """

    max_miss: float
    confidence: float
    costs: Costs
    team: Team | None


@dataclass(frozen=True, slots=True)
class Untold:
    """That something cannot be told, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Calibrated:
    """How scores become confidences.

    Attributes:
        calibrator: fitted on all labels.
        before: how reliable the bare scores are.
        after: how reliable confidences are, each by a calibrator that had not seen its label;
            untold where there are too few for that.
    """

    calibrator: Calibrator
    before: Reliability
    after: Reliability | Untold


@dataclass(frozen=True, slots=True)
class Tuning:
    """What the labels of one category say.

    Attributes:
        guarantee: the threshold that misses no more than was asked, or how many are missing.
        average: the weaker one, on average only.
        calibration: how scores become confidences.
        costs: from which scores on a review, and a removal unseen, are cheapest.
        audit: how much the policy's own threshold misses.
        capacity: what the team's day buys; None where it was not asked.
    """

    guarantee: Guarantee | Untold
    average: Guarantee | Untold
    calibration: Calibrated | Untold
    costs: CostThresholds | Untold
    audit: MissRate
    capacity: Capacity | None


def tune_category(
    labels: Labels, library: Floats, *, rule: Rule, aims: Aims, rng: np.random.Generator
) -> Tuning:
    """Return all that the labels of a category say.

    Args:
        labels: what people decided.
        library: shape (V,), the category's scores of all videos, V at least 1; NaN where there is
            none.
        rule: the policy's own.
        aims: what is wanted.
        rng: chooses folds and draws the bootstrap.
    """
    sample, confidence, team = labels.sample, aims.confidence, aims.team
    calibration = calibrate_labels(labels, rng)
    positive_scores = sample.scores[sample.is_positive]
    return Tuning(
        guarantee=_guarantee(sample, rule, aims),
        average=_average(sample, rule, aims),
        calibration=calibration,
        costs=_to_scores(cost_thresholds(aims.costs), calibration),
        audit=audit_miss_rate(sample, threshold=rule.review, confidence=confidence, rng=rng),
        capacity=buy_reviews(library, positive_scores, team=team, confidence=confidence)
        if team
        else None,
    )


def calibrate_labels(labels: Labels, rng: np.random.Generator) -> Calibrated | Untold:
    """Return how scores become confidences, and how reliable both are."""
    weights = 1 / labels.probabilities
    arrays = labels.scores, labels.is_positive, weights
    if len(labels.scores) == 0:
        return Untold("no labels that were chosen uniformly or for review")
    try:
        calibrator = fit_calibrator(*arrays)
    except ExamplesError as fault:
        return Untold(str(fault))
    before = measure_reliability(*arrays, bins=BINS)
    try:
        confidences = cross_calibrate(*arrays, rng=rng)
    except ExamplesError as fault:
        return Calibrated(calibrator, before, Untold(str(fault)))
    after = measure_reliability(confidences, labels.is_positive, weights, bins=BINS)
    return Calibrated(calibrator, before, after)


def to_policy_threshold(threshold: float) -> float:
    """Return the threshold as it is to stand in a policy: a hair lower, so that nothing is lost.

    Reports keep confidences to PLACES places, frames are compared as float32: what was rounded up
    would else fall below a threshold that is its own confidence. 0 stays 0, which no policy takes.

    >>> to_policy_threshold(0.3)
    0.2999999
    """
    lower = round(threshold - 10**-PLACES, PLACES)
    return lower if lower > 0 else threshold / 2


def _guarantee(sample: Sample, rule: Rule, aims: Aims) -> Guarantee | Untold:
    return _unless_unfit(sample, rule) or threshold_for_miss(
        sample.scores, sample.is_positive, max_miss=aims.max_miss, confidence=aims.confidence
    )


def _average(sample: Sample, rule: Rule, aims: Aims) -> Guarantee | Untold:
    return _unless_unfit(sample, rule) or threshold_for_miss_mean(
        sample.scores, sample.is_positive, max_miss=aims.max_miss
    )


def _unless_unfit(sample: Sample, rule: Rule) -> Untold | None:
    """Say why no threshold can be guaranteed, if so, however many labels there are."""
    if rule.min_duration_ms and not rule.is_strict:
        return Untold(
            f"the rule passes over what is shorter than {rule.min_duration_ms} ms, however high "
            "its score: no threshold can promise anything"
        )
    if len(np.unique(sample.probabilities)) > 1:
        return Untold("the uniform labels were drawn with different probabilities: no guarantee")
    return None


def _to_scores(costs: CostThresholds, calibration: Calibrated | Untold) -> CostThresholds | Untold:
    """Return the cost-optimal confidences as the scores that have them."""
    if isinstance(calibration, Untold):
        return calibration
    score_at = calibration.calibrator.score_at
    return CostThresholds(score_at(costs.review), score_at(costs.remove))
