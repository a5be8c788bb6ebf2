"""Copies: pictures that are the same but for a new size, another encoding or a stamp's breadth."""

import numpy as np
from numpy.typing import NDArray

FEW_CELLS = 128  # of some 7,000


def find_copies(signatures: NDArray[np.uint8], *, copy_below: int) -> NDArray[np.int64]:
    """Return which pictures are copies of one another: equal numbers for copies, from 0.

    Two pictures are copies if no cell of their signatures differs by copy_below or more, and copies
    of copies are copies (single linkage): so one more copy of a picture changes no other's set.

    Args:
        signatures: shape (N, H, W, 3), uint8, as in Quality.
        copy_below: levels of 255; 0 = nothing is a copy.

    Returns:
        Shape (N,), int64; the sets are numbered as they first appear.

    >>> grey = np.array([10, 12, 200], np.uint8).reshape(3, 1, 1, 1).repeat(3, axis=3)
    >>> find_copies(grey, copy_below=3)
    array([0, 0, 1])
    """
    n = len(signatures)
    sets = np.arange(n)
    if n == 0:
        return sets
    flat = signatures.reshape(n, -1)
    few = np.ascontiguousarray(flat[:, :: max(1, flat.shape[1] // FEW_CELLS)])
    # Means differ by no more than the cells do: in order of the means, copies lie side by side.
    means = flat.mean(axis=1)
    order = np.argsort(means, kind="stable")
    ends = np.searchsorted(means[order], means[order] + copy_below, side="right")
    for place, i in enumerate(order):
        near = order[place + 1 : ends[place]]
        near = near[sets[near] != sets[i]]
        for cells in (few, flat):  # most pictures differ in a few cells already
            near = near[_largest_difference(cells[near], cells[i]) < copy_below]
        sets[np.isin(sets, sets[near])] = sets[i]
    _, first, numbers = np.unique(sets, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[numbers].astype(np.int64)


def _largest_difference(rows: NDArray[np.uint8], one: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the largest difference of any cell between each row and one, shape (N,)."""
    return np.asarray((np.maximum(rows, one) - np.minimum(rows, one)).max(axis=1, initial=0))
