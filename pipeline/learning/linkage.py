"""Average linkage under facts: units are joined, the nearest first, as long as nothing forbids it.

For rows of length 1, the mean cosine distance between the pictures of two groups is 1 minus the
product of the two means. So a unit (a picture, or pictures that are known to belong together) is
its mean and its size, whatever it holds.

Memory is bounded: what is joined at a cut hangs together by pairs that lie within the cut, so the
connected parts of that graph, which is made block by block, are joined one by one, and the result
is that of joining all at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.arrays import require_array, seal

MAX_AT_ONCE = 8_000  # units whose distances are held at once: 256 MB
BLOCK_ROWS = 1_024
SHRINK, MAX_SHRINKS = 0.9, 60
UNNAMED = -1


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """U units to be joined, and which of them may not be.

    Attributes:
        means: shape (U, D), float32: the mean of each unit's pictures.
        sizes: shape (U,), int64, at least 1: how many pictures it stands for.
        names: shape (U,), int64: number of its name, UNNAMED where it has none; units of
            different names are never joined.
        denied: shape (P, 2), int64: (unit, number of a name that it is not).
        apart: shape (Q, 2), int64: units that are never joined.
    """

    means: NDArray[np.float32]
    sizes: NDArray[np.int64]
    names: NDArray[np.int64]
    denied: NDArray[np.int64]
    apart: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.sizes)
        require_array("means", self.means, np.float32, (n, None))
        require_array("sizes", self.sizes, np.int64, (n,))
        require_array("names", self.names, np.int64, (n,))
        require_array("denied", self.denied, np.int64, (None, 2))
        require_array("apart", self.apart, np.int64, (None, 2))
        seal(self)

    def __len__(self) -> int:
        return len(self.sizes)


def plain_units(features: NDArray[np.float32]) -> Units:
    """Return a unit a row, of which nothing is known."""
    n, none = len(features), np.empty((0, 2), dtype=np.int64)
    names = np.full(n, UNNAMED, dtype=np.int64)
    return Units(features, np.ones(n, dtype=np.int64), names, none, none)


def group_units(units: Units, *, cut: float, max_at_once: int = MAX_AT_ONCE) -> NDArray[np.intp]:
    """Return the number of each unit's group, shape (U,), counted in order of first members.

    Args:
        units: what is joined; of equal distances the first in their order is joined first.
        cut: two groups are joined while the mean distance between them is at most this.
        max_at_once: of how many units the distances may be held in memory.

    Raises:
        ValueError: if more than max_at_once units are so much alike that they cannot be parted.
    """
    groups = np.arange(len(units))
    for part in _parts(units.means, cut, max_at_once):
        groups[part] = part[
            _join(_forbid(_distances(units, part), units, part), units.sizes[part], cut)
        ]
    return np.unique(groups, return_inverse=True)[1]


def _parts(means: NDArray[np.float32], cut: float, max_at_once: int) -> list[NDArray[np.intp]]:
    """Return the units of each connected part of two or more, none larger than max_at_once.

    A larger one is parted where it hangs together least, by a smaller cut: that joins less.
    """
    waiting = [(np.arange(len(means)), cut, MAX_SHRINKS)]
    parts: list[NDArray[np.intp]] = []
    while waiting:
        rows, within, left = waiting.pop()
        labels = connected_parts(means[rows], within)
        order = np.argsort(labels, kind="stable")
        for part in np.split(rows[order], np.cumsum(np.bincount(labels))[:-1] if len(rows) else []):
            if len(part) <= max_at_once:
                parts += [part] if len(part) > 1 else []
            elif left:
                waiting.append((part, within * SHRINK, left - 1))
            else:
                most = f"at most {max_at_once:,} pictures that are all alike"
                raise ValueError(f"{most} are grouped at once, got {len(part):,}")
    return parts


def connected_parts(means: NDArray[np.float32], within: float) -> NDArray[np.intp]:
    """Return the number of each unit's connected part, edges being distances up to *within*."""
    n = len(means)
    labels = np.arange(n)
    for start in range(0, n, BLOCK_ROWS):
        # Each pair once: a block is compared with what stands in it and behind it.
        near = means[start : start + BLOCK_ROWS] @ means[start:].T >= 1 - within
        rows, columns = np.nonzero(near)
        heads = np.concatenate([np.arange(n), rows + start])
        tails = np.concatenate([labels, columns + start])
        graph = coo_array((np.ones(len(heads), dtype=bool), (heads, tails)), shape=(n, n))
        parts = connected_components(graph, directed=False)[1]
        # The first unit of a part stands for it.
        labels = np.unique(parts, return_index=True)[1][parts]
    return np.unique(labels, return_inverse=True)[1]


def _distances(units: Units, part: NDArray[np.intp]) -> NDArray[np.float32]:
    means = units.means[part]
    distances = 1 - means @ means.T
    np.fill_diagonal(distances, np.inf)
    return np.asarray(distances, dtype=np.float32)


def _forbid(
    distances: NDArray[np.float32], units: Units, part: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Set to infinity, in place, the distances of what may not be joined."""
    names = units.names[part]
    named = np.flatnonzero(names != UNNAMED)
    distances[np.ix_(named, named)] = np.where(
        names[named, None] == names[None, named], distances[np.ix_(named, named)], np.inf
    )
    place = np.full(len(units), -1)
    place[part] = np.arange(len(part))
    for unit, name in units.denied.tolist():
        if place[unit] >= 0:
            _part_from(distances, int(place[unit]), np.flatnonzero(names == name))
    for one, other in place[units.apart].tolist():
        if min(one, other) >= 0:
            _part_from(distances, one, np.array([other]))
    return distances


def _part_from(distances: NDArray[np.float32], one: int, others: NDArray[np.intp]) -> None:
    distances[one, others] = np.inf
    distances[others, one] = np.inf


def _join(distances: NDArray[np.float32], sizes: NDArray[np.int64], cut: float) -> NDArray[np.intp]:
    """Return for each unit the first one of its group; *distances* is used up.

    An infinite distance stays infinite whatever is joined: what may not be joined with one of a
    group may not be joined with any of it.
    """
    n = len(sizes)
    sizes = sizes.astype(np.float32)
    head = np.arange(n)
    nearest = distances.argmin(axis=1)
    gap = distances[np.arange(n), nearest]
    while gap[i := int(gap.argmin())] <= cut:
        j = int(nearest[i])
        i, j = min(i, j), max(i, j)
        row = (sizes[i] * distances[i] + sizes[j] * distances[j]) / (sizes[i] + sizes[j])
        row[i] = row[j] = np.inf
        distances[i] = distances[:, i] = row
        distances[j] = distances[:, j] = np.inf
        sizes[i] += sizes[j]
        head[head == j] = i
        gap[j] = np.inf
        stale = np.flatnonzero((nearest == i) | (nearest == j))
        closer = row < gap
        nearest[closer], gap[closer] = i, row[closer]
        for k in {i, *stale.tolist()} - {j}:
            nearest[k] = distances[k].argmin()
            gap[k] = distances[k, nearest[k]]
    return head
