"""The audit: how much is missed, told from labels that were sampled without looking at scores."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal
from pipeline.learning.thresholds import miss_bound, require_scores

DRAWS = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Labels that were sampled uniformly among their like; what came about otherwise is no part.

    Attributes:
        scores: shape (N,), float64 in [0, 1], no NaN.
        is_positive: shape (N,), what people would remove.
        probabilities: shape (N,), float64 in (0, 1]: with which each was drawn.
    """

    scores: NDArray[np.float64]
    is_positive: NDArray[np.bool_]
    probabilities: NDArray[np.float64]

    def __post_init__(self) -> None:
        require_scores(self.scores, self.is_positive)
        require_array("probabilities", self.probabilities, np.float64, self.scores.shape)
        if not np.all((self.probabilities > 0) & (self.probabilities <= 1)):
            raise ValueError("probabilities must lie in (0, 1]")
        seal(self)


@dataclass(frozen=True, slots=True)
class MissRate:
    """An estimate of the share of positives that a threshold misses.

    Attributes:
        rate: in [0, 1]; NaN where no sampled video is a positive.
        low: lower end of the interval; 0 where nothing is known.
        high: its upper end; 1 where nothing is known.
        positives: how many of the sampled videos are positives.
        missed: how many of these lie below the threshold.
    """

    rate: float
    low: float
    high: float
    positives: int
    missed: int


def audit_miss_rate(
    sample: Sample, *, threshold: float, confidence: float, rng: np.random.Generator
) -> MissRate:
    """Return the miss rate of a threshold, each label weighted by how rarely its like is drawn.

    A video that was drawn with probability q stands for 1 / q (Horvitz and Thompson, 1952); the
    rate is the ratio of what is missed to all positives. The interval is the percentile bootstrap
    over videos (Efron, 1979), for which positives and negatives are drawn again together. Where
    nothing was missed a bootstrap knows only 0: the upper end is then Clopper and Pearson's.

    Args:
        sample: the labels.
        threshold: a score below it is a miss.
        confidence: of the interval, in (0, 1).
        rng: draws the bootstrap.
    """
    is_missed = sample.scores[sample.is_positive] < threshold
    positives, missed = len(is_missed), int(np.count_nonzero(is_missed))
    if positives == 0:
        return MissRate(math.nan, 0.0, 1.0, 0, 0)
    weights = 1 / sample.probabilities[sample.is_positive]
    rate = float(weights[is_missed].sum() / weights.sum())
    tail = (1 - confidence) / 2
    drawn = _bootstrap(is_missed, weights, len(sample.scores), rng)
    low, high = (float(end) for end in np.quantile(drawn, [tail, 1 - tail]))
    if missed == 0:
        high = miss_bound(0, positives, confidence=1 - tail)
    return MissRate(rate, min(low, rate), max(high, rate), positives, missed)


def _bootstrap(
    is_missed: NDArray[np.bool_],
    weights: NDArray[np.float64],
    videos: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the rates of up to DRAWS samples; one that holds no positive says nothing.

    Videos with the same weight and fate are alike, so that how many of each kind are drawn is a
    multinomial, and a million labels cost no more than a hundred.
    """
    kinds, counts = np.unique(np.stack([is_missed, weights]), axis=1, return_counts=True)
    shares = np.append(counts, videos - len(weights)) / videos
    drawn = rng.multinomial(videos, shares, size=DRAWS)[:, :-1]
    stands_for = drawn @ kinds[1]
    missed = drawn @ (kinds[0] * kinds[1])
    return np.asarray(missed[stands_for > 0] / stands_for[stands_for > 0])
