"""Calibration of a category's video scores: what share of the videos with a score is removed.

Platt's two numbers where labels are few, isotonic steps where they are many. Venn-Abers predictors
were weighed against isotonic: on 5,000 labels their calibration error is no lower (REVIEW.md
section 4), the library for them takes no weights, and nothing here would use their interval.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

from pipeline.arrays import require_array, seal
from pipeline.errors import ExamplesError
from pipeline.learning.thresholds import require_scores

MANY_LABELS = 1_000  # from here on isotonic: it needs no form, but many labels (REVIEW.md 4)
LEAST = 1e-7  # scores are kept to seven places; the log-odds of 0 and 1 would not be finite
FOLDS = 5

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Platt:
    """A logistic curve over the log-odds of the score (Platt, 1999).

    Attributes:
        slope: above 0; 1 with an intercept of 0 leaves scores as they are.
        intercept: below 0 = the scores are too high.
    """

    slope: float
    intercept: float

    def to_confidences(self, scores: Floats) -> Floats:
        """Return the confidence of each score, in (0, 1), rising with it; NaN of NaN."""
        return np.asarray(expit(self.slope * _log_odds(scores) + self.intercept))

    def score_at(self, confidence: float) -> float:
        """Return the score from which on the confidence is at least this, in [0, 1]."""
        if confidence <= 0 or confidence >= 1:
            return float(confidence >= 1)
        return float(expit((logit(confidence) - self.intercept) / self.slope))


@dataclass(frozen=True, slots=True, eq=False)
class Isotonic:
    """A line from point to point that never falls (Zadrozny and Elkan, 2002).

    Attributes:
        scores: shape (M,), float64 in [0, 1], rising strictly; M at least 1.
        confidences: shape (M,), float64 in (0, 1), never falling; what lies outside the scores
            takes that of the nearest.
    """

    scores: Floats
    confidences: Floats

    def __post_init__(self) -> None:
        require_array("scores", self.scores, np.float64, (None,))
        require_array("confidences", self.confidences, np.float64, self.scores.shape)
        seal(self)

    def to_confidences(self, scores: Floats) -> Floats:
        """Return the confidence of each score, in (0, 1), never falling with it; NaN of NaN."""
        return np.asarray(np.interp(scores, self.scores, self.confidences))

    def score_at(self, confidence: float) -> float:
        """Return the lowest score whose confidence is at least this; 1.0 where none has."""
        first = int(np.searchsorted(self.confidences, confidence))
        if first == 0:
            return 0.0
        if first == len(self.confidences):
            return 1.0
        rise = self.confidences[first] - self.confidences[first - 1]
        share = (confidence - self.confidences[first - 1]) / rise
        step = self.scores[first] - self.scores[first - 1]
        return float(self.scores[first - 1] + share * step)


Calibrator: TypeAlias = Platt | Isotonic


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """How sure, and how often right: B bins of equally many videos, the least sure first.

    Attributes:
        counts: shape (B,), int64, at least 1 each.
        weights: shape (B,), float64, the weight of each bin's videos.
        confidences: shape (B,), float64, their mean confidence.
        shares: shape (B,), float64 in [0, 1], the share of them that was removed.
    """

    counts: NDArray[np.int64]
    weights: Floats
    confidences: Floats
    shares: Floats

    def __post_init__(self) -> None:
        seal(self)

    @property
    def error(self) -> float:
        """The expected calibration error, 0 (none) to 1 (Naeini et al., 2015)."""
        return float(np.average(abs(self.confidences - self.shares), weights=self.weights))


def fit_calibrator(scores: Floats, is_positive: NDArray[np.bool_], weights: Floats) -> Calibrator:
    """Return what turns scores into confidences: Platt under MANY_LABELS labels, else isotonic.

    Args:
        scores: shape (N,), float64 in [0, 1], no NaN.
        is_positive: shape (N,), what people decided to remove.
        weights: shape (N,), float64 above 0: how many videos each label stands for.

    Raises:
        ValueError: if an array is not as said.
        ExamplesError: if all labels say the same, all scores are equal, or scores do not rise with
            what people remove: then no confidence can be told from them.
    """
    _require_weighted(scores, is_positive, weights)
    positives = int(np.count_nonzero(is_positive))
    if positives in (0, len(scores)):
        which = "removed" if positives else "allowed"
        raise ExamplesError(f"all {len(scores)} labelled videos were {which}: nothing to tell")
    if np.ptp(scores) == 0:
        raise ExamplesError(f"all {len(scores)} labelled videos have the score {scores[0]:g}")
    fit = fit_platt if len(scores) < MANY_LABELS else fit_isotonic
    return fit(scores, is_positive, weights)


def fit_platt(scores: Floats, is_positive: NDArray[np.bool_], weights: Floats) -> Platt:
    """Return Platt's curve, the log-loss of which is least, its targets a little inside (0, 1).

    The targets (n+ + 1) / (n+ + 2) and 1 / (n- + 2) keep the curve finite where a score parts the
    labels without error (Platt, "Probabilistic Outputs for Support Vector Machines", 1999). The
    arguments are those of `fit_calibrator`.

    Raises:
        ExamplesError: if scores do not rise with what people remove.
    """
    positives = np.count_nonzero(is_positive)
    negatives = len(scores) - positives
    targets = np.where(is_positive, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    odds, shares = _log_odds(scores), weights / weights.sum()
    middle, spread = float(odds.mean()), float(odds.std()) or 1.0
    scaled = (odds - middle) / spread

    def loss(line: Floats) -> tuple[float, Floats]:
        given = line[0] * scaled + line[1]
        gaps = shares * (expit(given) - targets)
        worth = float(np.sum(shares * (np.logaddexp(0, given) - targets * given)))
        return worth, np.array([gaps @ scaled, gaps.sum()])

    slope, height = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x / [spread, 1]
    if not slope > 0:
        raise ExamplesError("the scores do not rise with what people remove: the model cannot tell")
    return Platt(float(slope), float(height - slope * middle))


def fit_isotonic(scores: Floats, is_positive: NDArray[np.bool_], weights: Floats) -> Isotonic:
    """Return the isotonic line; never surer than n labels can make it, 1 / (n + 2) from 0 and 1.

    The arguments are those of `fit_calibrator`.

    Raises:
        ExamplesError: if scores do not rise with what people remove.
    """
    margin = 1 / (len(scores) + 2)
    model = IsotonicRegression(y_min=margin, y_max=1 - margin, out_of_bounds="clip")
    model.fit(scores, is_positive.astype(np.float64), sample_weight=weights)
    confidences = np.asarray(model.y_thresholds_, np.float64)
    if confidences[0] == confidences[-1]:
        raise ExamplesError("the scores do not rise with what people remove: the model cannot tell")
    return Isotonic(np.asarray(model.X_thresholds_, np.float64), confidences)


def cross_calibrate(
    scores: Floats, is_positive: NDArray[np.bool_], weights: Floats, *, rng: np.random.Generator
) -> Floats:
    """Return confidences, shape (N,), each by a calibrator that was fitted without its own fold.

    What a calibrator says of the labels it was fitted on flatters it, isotonic wholly.

    Args:
        scores: as of `fit_calibrator`.
        is_positive: likewise.
        weights: likewise.
        rng: chooses the FOLDS folds, positives and negatives spread evenly.

    Raises:
        ExamplesError: if fewer than FOLDS labels are of one kind, or as `fit_calibrator`.
    """
    positives = int(np.count_nonzero(is_positive))
    if min(positives, len(scores) - positives) < FOLDS:
        raise ExamplesError(f"fewer than {FOLDS} labels of one kind: too few to check it on others")
    folds = np.empty(len(scores), np.int64)
    for rows in (np.flatnonzero(is_positive), np.flatnonzero(~is_positive)):
        folds[rng.permutation(rows)] = np.arange(len(rows)) % FOLDS
    confidences = np.empty(len(scores), np.float64)
    fit = fit_platt if len(scores) < MANY_LABELS else fit_isotonic
    for fold in range(FOLDS):
        is_held = folds == fold
        fitted = fit(scores[~is_held], is_positive[~is_held], weights[~is_held])
        confidences[is_held] = fitted.to_confidences(scores[is_held])
    return confidences


def measure_reliability(
    confidences: Floats, is_positive: NDArray[np.bool_], weights: Floats, *, bins: int
) -> Reliability:
    """Return the reliability table over bins with equally many videos; equal ones stay together.

    Args:
        confidences: shape (N,), float64 in [0, 1], no NaN; N at least 1.
        is_positive: shape (N,), what people decided to remove.
        weights: shape (N,), float64 above 0.
        bins: how many, at least 1; fewer where there are not so many different confidences.

    Raises:
        ValueError: if an array is not as said, or there is no video or no bin.
    """
    _require_weighted(confidences, is_positive, weights)
    if len(confidences) == 0 or bins < 1:
        raise ValueError(f"videos and bins are needed, got {len(confidences)} and {bins}")
    _, which, sizes = np.unique(confidences, return_inverse=True, return_counts=True)
    below = np.cumsum(sizes) - sizes  # how many videos are less sure
    _, bin_of = np.unique((below * bins // len(confidences))[which], return_inverse=True)
    total = np.asarray(np.bincount(bin_of, weights), np.float64)
    return Reliability(
        counts=np.bincount(bin_of),
        weights=total,
        confidences=np.bincount(bin_of, weights * confidences) / total,
        shares=np.bincount(bin_of, weights * is_positive) / total,
    )


def _log_odds(scores: Floats) -> Floats:
    return np.asarray(logit(np.clip(scores, LEAST, 1 - LEAST)))


def _require_weighted(scores: Floats, is_positive: NDArray[np.bool_], weights: Floats) -> None:
    require_scores(scores, is_positive)
    require_array("weights", weights, np.float64, scores.shape)
    if not np.all((weights > 0) & np.isfinite(weights)):
        raise ValueError("weights must be above 0 and finite")
