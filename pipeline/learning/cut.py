"""How alike pictures must be to be one group: the strict cut, from the pictures themselves.

Two witnesses, and the stricter one counts:

*What is unrelated.* Two pictures at random are of different things. In many dimensions the angles
between unrelated features spread nearly normally about their median; whatever is related lies below
it, so the upper half shows the spread of the unrelated alone. The cut lies at most STRICT_SIGMAS of
those below the median: of the unrelated pairs, about one in 740 lies closer. In a library of many
worlds this alone is too lax: photographs of clothes are all alike beside pictures of blood cells.

*What is the same.* A picture that is mirrored and looked at from nearer shows the same thing. Where
the distance of pictures to themselves, seen so, is known, OWN_SHARE of such pairs lie within the
cut: a group holds pictures that are as alike as a picture is to itself. That is a matter of the
model's, not of what else is in the library.

Nothing is tuned to a data set or a model. What people answer can only make it stricter.
"""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.linkage import group_units, plain_units

STRICT_SIGMAS = 3.0
ONE_SIGMA = 0.8413  # this share of a normal distribution lies below its median and one sigma
SPLIT_CUTS = 1.5  # a group whose farthest member lies so many cuts from its medoid may be two
MAX_SAMPLED = 2_000  # pictures, whose two million pairs stand for all
OWN_SHARE = 0.9
MIN_NAMED = 20  # fewer pictures that people spoke of say little
MAX_IMPURE_SHARE, MAX_SLIPS = 0.005, 1  # one wrong answer never moves the cut
TIGHTEN_BY, MAX_TIGHTENINGS = 0.9, 30


def strict_cut(features: NDArray[np.float32], own: NDArray[np.float32]) -> float:
    """Return the cosine distance, 0 to 2, at which groups are cut; 0 joins nothing but equals.

    Args:
        features: shape (N, D), rows of length 1, no near-copies; fewer than three join nothing.
        own: shape (N,): distance of each picture to itself, mirrored and seen from nearer; NaN
            where it was not measured.
    """
    unrelated = _unrelated_cut(features)
    measured = own[~np.isnan(own)]
    return min(unrelated, float(np.quantile(measured, OWN_SHARE))) if len(measured) else unrelated


def _unrelated_cut(features: NDArray[np.float32]) -> float:
    sample = features[_evenly(len(features))]
    n = len(sample)
    if n < 3:  # noqa: PLR2004 - one pair alone has no spread
        return 0.0
    pairs = np.triu_indices(n, k=1)
    angles = np.arccos(np.clip((sample @ sample.T)[pairs], -1, 1))
    median, upper = np.quantile(angles, [0.5, ONE_SIGMA])
    return 1 - math.cos(max(0.0, float(median - STRICT_SIGMAS * (upper - median))))


def tighten_cut(cut: float, features: NDArray[np.float32], labels: NDArray[np.intp]) -> float:
    """Return *cut*, or less, so that pictures that people told apart would not have been joined.

    Groups of the labelled pictures are made as if nobody had answered. The cut shrinks until at
    most MAX_IMPURE_SHARE of the pictures, or MAX_SLIPS, lie in a group most of which is labelled
    otherwise.

    Args:
        cut: as `strict_cut` gives it.
        features: shape (N, D), rows of length 1, of pictures that people spoke of.
        labels: shape (N,): equal where people said the same. With fewer than MIN_NAMED pictures,
            or one label, the cut stays.
    """
    sample = _evenly(len(labels))
    features, labels = features[sample], labels[sample]
    if len(labels) < MIN_NAMED or len(np.unique(labels)) == 1:
        return cut
    for _ in range(MAX_TIGHTENINGS):
        groups = group_units(plain_units(features), cut=cut)
        if _impure(groups, labels) <= max(MAX_SLIPS, MAX_IMPURE_SHARE * len(labels)):
            return cut
        cut *= TIGHTEN_BY
    return cut


def _evenly(n: int) -> NDArray[np.intp]:
    """Return the rows of at most MAX_SAMPLED of n pictures, evenly spaced."""
    return np.arange(n) if n <= MAX_SAMPLED else np.linspace(0, n - 1, MAX_SAMPLED).astype(np.intp)


def _impure(groups: NDArray[np.intp], labels: NDArray[np.intp]) -> int:
    """Return how many pictures are not of their group's commonest label."""
    table = np.zeros((groups.max() + 1, labels.max() + 1), dtype=np.int64)
    np.add.at(table, (groups, labels), 1)
    return len(labels) - int(table.max(axis=1).sum())
