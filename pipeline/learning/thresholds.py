"""Thresholds with a guarantee: how many of what people would remove may go unseen, at most.

A *positive* is a video that a person decided to remove; it is *missed* where its score lies below
the threshold. Every guarantee here rests on three assumptions, which belong beside each number:
the positives are a uniform sample of those to come, the labels are right, and the future is like
the past. None is a promise against adversaries or drift.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom

from pipeline.arrays import require_array

ASSUMPTION = (
    "holds if the labels are a uniform sample of what comes in, are right, and what comes is like "
    "what came; no promise against adversaries or drift"
)


@dataclass(frozen=True, slots=True)
class MissThreshold:
    """A threshold, and what is known of the positives that it misses.

    Attributes:
        threshold: a score in [0, 1]; what stands at or above it is not missed.
        positives: how many it rests on.
        allowed: how many of the positives may lie below it; ties may leave fewer there.
        bound: the miss rate that is not exceeded, in [0, max_miss]: with the confidence asked for,
            of `threshold_for_miss`; on average over such samples, of `threshold_for_miss_mean`.
    """

    threshold: float
    positives: int
    allowed: int
    bound: float


@dataclass(frozen=True, slots=True)
class TooFew:
    """That no threshold can be guaranteed.

    Attributes:
        positives: how many there are.
        missing: how many more the guarantee takes, at least 1.
    """

    positives: int
    missing: int


Guarantee: TypeAlias = MissThreshold | TooFew


def threshold_for_miss(
    scores: NDArray[np.float64],
    is_positive: NDArray[np.bool_],
    *,
    max_miss: float,
    confidence: float,
) -> Guarantee:
    """Return the highest threshold that misses no more than *max_miss*, at a stated confidence.

    It is the (k + 1)-th lowest positive score, k the most for which Binom.cdf(k; n, max_miss) is
    at most 1 - confidence: the distribution-free tolerance bound of Wilks ("Determination of Sample
    Sizes for Setting Tolerance Limits", 1941), which ties only make safer. Over many samples of n
    positives, the true miss rate exceeds max_miss in at most 1 - confidence of them.

    Args:
        scores: shape (N,), float64 in [0, 1], no NaN: what was not scored must be left out.
        is_positive: shape (N,), what people would remove, of a uniform sample.
        max_miss: share of the positives that may be missed, in (0, 1).
        confidence: in (0, 1).

    Raises:
        ValueError: if an array or a share is not as said.
    """
    _require_share("max_miss", max_miss)
    _require_share("confidence", confidence)
    positives = _positive_scores(scores, is_positive)
    allowed = most_misses(len(positives), max_miss=max_miss, confidence=confidence)
    if allowed < 0:
        needed = positives_needed(max_miss=max_miss, confidence=confidence)
        return TooFew(len(positives), needed - len(positives))
    bound = miss_bound(allowed, len(positives), confidence=confidence)
    return MissThreshold(float(positives[allowed]), len(positives), allowed, min(bound, max_miss))


def threshold_for_miss_mean(
    scores: NDArray[np.float64], is_positive: NDArray[np.bool_], *, max_miss: float
) -> Guarantee:
    """Return the highest threshold whose miss rate is at most *max_miss* on average.

    The weaker guarantee: over many samples the *mean* of the true miss rate is at most max_miss, so
    the threshold of nearly every second sample misses more. It is conformal risk control
    (Angelopoulos et al., 2022) for the loss "missed": k = floor(max_miss * (n + 1)) - 1, of n
    positives.

    Args:
        scores: as of `threshold_for_miss`.
        is_positive: likewise.
        max_miss: likewise.

    Raises:
        ValueError: if an array or the share is not as said.
    """
    _require_share("max_miss", max_miss)
    positives = _positive_scores(scores, is_positive)
    n = len(positives)
    allowed = math.floor(round(max_miss * (n + 1), 9)) - 1
    if allowed < 0:
        return TooFew(n, math.ceil(round(1 / max_miss, 9)) - 1 - n)
    return MissThreshold(float(positives[allowed]), n, allowed, (allowed + 1) / (n + 1))


def most_misses(positives: int, *, max_miss: float, confidence: float) -> int:
    """Return the most positives that may lie below the threshold; -1 where there are too few.

    >>> [most_misses(n, max_miss=0.02, confidence=0.95) for n in (148, 149, 640)]
    [-1, 0, 6]
    """
    risk = 1 - confidence
    most = int(binom.ppf(risk, positives, max_miss)) if positives else 0
    # The inverse is the first that is at or above the risk: mostly one too many.
    while most >= 0 and binom.cdf(most, positives, max_miss) > risk:
        most -= 1
    return most


def positives_needed(*, max_miss: float, confidence: float) -> int:
    """Return the fewest positives of which a guarantee can be given, none of them missed.

    >>> [positives_needed(max_miss=m, confidence=0.95) for m in (0.05, 0.02, 0.01, 0.005)]
    [59, 149, 299, 598]

    Raises:
        ValueError: if a share does not lie in (0, 1).
    """
    _require_share("max_miss", max_miss)
    _require_share("confidence", confidence)
    needed = max(1, math.floor(math.log(1 - confidence) / math.log1p(-max_miss)))
    while most_misses(needed, max_miss=max_miss, confidence=confidence) < 0:
        needed += 1
    return needed


def miss_bound(missed: int, positives: int, *, confidence: float) -> float:
    """Return the miss rate that is not exceeded, at a confidence, given how many were missed.

    The upper bound of Clopper and Pearson (1934), in (0, 1]; 1 where there are no positives. It is
    for a threshold that was not chosen by these very positives, or chosen by `threshold_for_miss`.

    Raises:
        ValueError: if the counts do not fit, or the confidence does not lie in (0, 1).
    """
    _require_share("confidence", confidence)
    if not 0 <= missed <= positives:
        raise ValueError(f"missed must lie in 0..positives, got {missed} of {positives}")
    if missed == positives:
        return 1.0
    return float(beta.ppf(confidence, missed + 1, positives - missed))


def split_confidence(confidence: float, parts: int) -> float:
    """Return the confidence that each of several guarantees needs so that all hold at once.

    By Bonferroni: the risk is split evenly, whatever the guarantees have to do with one another.

    >>> round(split_confidence(0.95, 5), 6)
    0.99

    Raises:
        ValueError: if the confidence does not lie in (0, 1), or there is no part.
    """
    _require_share("confidence", confidence)
    if parts < 1:
        raise ValueError(f"parts must be at least 1, got {parts}")
    return 1 - (1 - confidence) / parts


def require_scores(scores: NDArray[np.float64], is_positive: NDArray[np.bool_]) -> None:
    """Raise ValueError unless these are N scores without NaN, and what each one's video is."""
    require_array("scores", scores, np.float64, (None,))
    require_array("is_positive", is_positive, np.bool_, scores.shape)
    if not np.all((scores >= 0) & (scores <= 1)):
        raise ValueError("scores must lie in [0, 1], without NaN")


def _positive_scores(
    scores: NDArray[np.float64], is_positive: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the scores of the positives, lowest first."""
    require_scores(scores, is_positive)
    return np.sort(scores[is_positive])


def _require_share(name: str, share: float) -> None:
    if not 0 < share < 1:
        raise ValueError(f"{name} must lie in (0, 1), got {share}")
