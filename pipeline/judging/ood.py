"""Out of distribution: how unlike what the model knows a picture is, one function a method.

Each takes N pictures and returns N scores, float32, higher = less like what the model knows; the
scales of two methods have nothing to do with one another. A row with a NaN or an infinity in it, or
features of length 0, has the score NaN and leaves the others alone: what is no number is passed
over here, and whoever asks decides what an unknown score means.

The methods on logits need nothing but the model. Those on features compare with a *bank*: features
of pictures that the model was made for. All work on features of length 1, since the length of a
feature vector says more about contrast and texture than about what is shown.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal

NEIGHBOURS = 5
GEN_GAMMA, GEN_LABELS = 0.1, 100  # the paper's own
ROWS_AT_ONCE = 256  # rows compared with a bank of 10,000 at once: 10 MB

Array = NDArray[np.float32]
Wide = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Gaussians:
    """One Gaussian a label of the bank, all of one shape.

    Attributes:
        means: shape (C, D).
        precision: shape (D, D), the inverse of the covariance that they share.
    """

    means: Wide
    precision: Wide

    def __post_init__(self) -> None:
        require_array("means", self.means, np.float64, (None, len(self.precision)))
        require_array("precision", self.precision, np.float64, (len(self.precision),) * 2)
        seal(self)


@dataclass(frozen=True, slots=True, eq=False)
class VirtualLogit:
    """A label "none of these", of which a bank says when it is likely.

    Attributes:
        origin: shape (D,), what features are seen from.
        residual: shape (D, D - d), the directions in which the bank hardly extends.
        scale: by what a length in them becomes a logit.
    """

    origin: Wide
    residual: Wide
    scale: float

    def __post_init__(self) -> None:
        require_array("origin", self.origin, np.float64, (None,))
        require_array("residual", self.residual, np.float64, (len(self.origin), None))
        seal(self)


@dataclass(frozen=True, slots=True)
class Scale:
    """The mean and standard deviation of a method's scores on the bank, each without itself."""

    mean: float
    deviation: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.mean) and np.isfinite(self.deviation) and self.deviation > 0):
            raise ValueError(f"a scale needs a mean and a positive deviation, got {self}")


def maximum_softmax(logits: Array) -> Array:
    """Return minus the highest softmax of each row of logits, shape (N, L).

    The baseline: Hendrycks and Gimpel, "A baseline for detecting misclassified and
    out-of-distribution examples", ICLR 2017.

    >>> maximum_softmax(np.array([[0.0, 0.0], [9.0, 0.0]], np.float32)).round(2)
    array([-0.5, -1. ], dtype=float32)
    """
    return _of_finite(logits, lambda rows: -_softmax(rows).max(axis=1))


def max_logit(logits: Array) -> Array:
    """Return minus the highest logit of each row, shape (N, L).

    Hendrycks et al., "Scaling out-of-distribution detection for real-world settings", ICML 2022.
    """
    return _of_finite(logits, lambda rows: -rows.max(axis=1))


def energy(logits: Array) -> Array:
    """Return minus the log of the summed exponentials of each row of logits, shape (N, L).

    Liu et al., "Energy-based out-of-distribution detection", NeurIPS 2020, at temperature 1.
    """
    return _of_finite(logits, lambda rows: -_log_sum_exp(rows))


def gen(logits: Array) -> Array:
    """Return the generalised entropy of each row of logits, shape (N, L).

    Liu et al., "GEN: pushing the limits of softmax-based out-of-distribution detection", CVPR 2023,
    with their gamma of 0.1 over the 100 likeliest labels.
    """

    def entropy(rows: Wide) -> Wide:
        ascending = np.sort(_softmax(rows), axis=1)
        rest = 1 - ascending
        # Of a label that is all but certain, the difference would be nothing but rounding.
        rest[:, -1] = ascending[:, :-1].sum(axis=1)
        spread = (ascending * rest)[:, -GEN_LABELS:]
        return np.asarray((spread**GEN_GAMMA).sum(axis=1))

    return _of_finite(logits, entropy)


def normalise(features: Array) -> Array:
    """Return features, shape (N, D), brought to length 1; NaN where a row has no length.

    >>> normalise(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32))
    array([[0.6, 0.8],
           [nan, nan]], dtype=float32)
    """
    wide = features.astype(np.float64)
    lengths = np.sqrt((wide**2).sum(axis=1, keepdims=True))
    is_known = np.isfinite(lengths) & (lengths > 0)
    unit = wide / np.where(is_known, lengths, 1)
    return np.where(is_known, unit, np.nan).astype(np.float32)


def knn(features: Array, bank: Array) -> Array:
    """Return the mean cosine distance of each row to the 5 nearest of a bank, 0 to 2.

    Sun et al., "Out-of-distribution detection with deep nearest neighbors", ICML 2022; they take
    the distance to the k-th. The mean is as good, and one odd neighbour does not decide it.

    Args:
        features: shape (N, D), of any length.
        bank: shape (M, D), of length 1, at least 5 rows; their order does not matter, and a row
            more never raises a score.

    Raises:
        ValueError: if the bank has fewer than 5 rows.
    """
    return knn_of_unit(normalise(features), bank)


def knn_of_unit(unit: Array, bank: Array) -> Array:
    """Return what `knn` does, of features that were normalised; a row with a NaN gets NaN.

    Bank and rows may both have been brought to fewer dimensions since: what of a row lies outside
    of those then counts as unlike everything.

    Raises:
        ValueError: if the bank has fewer than 5 rows.
    """
    if len(bank) < NEIGHBOURS:
        raise ValueError(f"bank must have at least {NEIGHBOURS} rows, got {len(bank)}")
    scores = np.empty(len(unit), dtype=np.float32)
    for start in range(0, len(unit), ROWS_AT_ONCE):
        alike = inner_products(unit[start : start + ROWS_AT_ONCE], bank)
        nearest = np.partition(alike, len(bank) - NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
        scores[start : start + len(alike)] = 1 - np.sort(nearest, axis=1).mean(axis=1)
    scores[~np.isfinite(unit).all(axis=1)] = np.nan
    return scores


def inner_products(rows: Array, others: Array) -> Array:
    """Return the inner product of each row, shape (N, D), with each of others, (M, D): (N, M).

    On this thread alone: BLAS shares even so small a product out to threads, and where the cores
    are busy waits for them far longer than it takes (8 ms instead of 0.2). And what one row comes
    to does not hang on the others, down to the last bit.
    """
    return np.asarray(np.einsum("nd,md->nm", rows, others, optimize=False))


def fit_mahalanobis(bank: Array, labels: NDArray[np.int64], *, ridge: float) -> Gaussians:
    """Return one Gaussian a label of a bank, all of one shape.

    Args:
        bank: shape (M, D), of length 1.
        labels: shape (M,), ids 0 to C - 1, each given at least once.
        ridge: this share of the mean variance is added to each direction's, above 0; a bank of
            fewer rows than dimensions has no variance at all in most directions.
    """
    rows = bank.astype(np.float64)
    means = np.stack([rows[labels == label].mean(axis=0) for label in range(labels.max() + 1)])
    apart = rows - means[labels]
    covariance = apart.T @ apart / len(rows)
    added = ridge * np.trace(covariance) / len(covariance)
    return Gaussians(means, np.linalg.inv(covariance + added * np.eye(len(covariance))))


def mahalanobis(features: Array, gaussians: Gaussians) -> Array:
    """Return the squared Mahalanobis distance of each row to the nearest label of a bank.

    Mueller and Hein, "Mahalanobis++: improving OOD detection via feature normalization", ICML 2025:
    that of Lee et al. (NeurIPS 2018), on features of length 1.

    Args:
        features: shape (N, D), of any length.
        gaussians: fitted on a bank.
    """

    def distances(rows: Wide) -> Wide:
        apart = rows[:, None] - gaussians.means
        return np.asarray(((apart @ gaussians.precision) * apart).sum(axis=2).min(axis=1))

    return _of_finite(normalise(features), distances)


def fit_vim(bank: Array, logits: Array, *, origin: Wide, directions: int) -> VirtualLogit:
    """Return the virtual logit of a bank.

    Args:
        bank: shape (M, D), of length 1.
        logits: shape (M, L), of the same pictures.
        origin: shape (D,): minus the last layer's pseudo-inverse times its bias, as in the paper,
            or where the layer is not known the bank's mean.
        directions: how many the bank is said to extend in, below D.
    """
    apart = bank.astype(np.float64) - origin
    _, axes = np.linalg.eigh(apart.T @ apart)  # the least extended first
    residual = axes[:, : bank.shape[1] - directions]
    lengths = np.linalg.norm(apart @ residual, axis=1)
    return VirtualLogit(origin, residual, float(logits.max(axis=1).mean() / lengths.mean()))


def vim(features: Array, logits: Array, fitted: VirtualLogit) -> Array:
    """Return the virtual logit of each row less the log-sum-exp of its real ones.

    Wang et al., "ViM: out-of-distribution with virtual-logit matching", CVPR 2022; here on features
    of length 1.

    Args:
        features: shape (N, D), of any length.
        logits: shape (N, L), of the same pictures.
        fitted: on a bank.
    """

    def virtual(rows: Wide) -> Wide:
        lengths = np.linalg.norm((rows - fitted.origin) @ fitted.residual, axis=1)
        return np.asarray(fitted.scale * lengths)

    return _of_finite(normalise(features), virtual) + energy(logits)


def standardised_sum(*scores: tuple[Array, Scale]) -> Array:
    """Return the sum of several methods' scores, each brought to its own scale on the bank.

    >>> one, other = np.array([3.0], np.float32), np.array([10.0], np.float32)
    >>> standardised_sum((one, Scale(1, 2)), (other, Scale(10, 5)))
    array([1.], dtype=float32)
    """
    wide = [(values.astype(np.float64) - of.mean) / of.deviation for values, of in scores]
    return np.asarray(sum(wide), dtype=np.float32)


def _softmax(logits: Wide) -> Wide:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _log_sum_exp(logits: Wide) -> Wide:
    highest = logits.max(axis=1)
    return np.asarray(highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1)))


def _of_finite(rows: Array, method: Callable[[Wide], Wide]) -> Array:
    """Return what a method says of the rows that are numbers, NaN of the others."""
    scores = np.full(len(rows), np.nan, dtype=np.float32)
    is_finite = np.isfinite(rows).all(axis=1)
    if is_finite.any():
        scores[is_finite] = method(rows[is_finite].astype(np.float64))
    return scores
