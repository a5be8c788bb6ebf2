"""Near-copies: the same picture re-encoded, resized or shown again; one of them stands for all."""

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.pictures import Pictures

# Both must hold: the model sees hardly a difference, and no cell of the shrunken picture differs by
# more than re-encoding and resizing make of it (levels of 255).
COPY_DISTANCE = 0.05
COPY_LEVELS = 8
BLOCK_ROWS = 1_024


def find_copies(pictures: Pictures) -> NDArray[np.intp]:
    """Return for each picture the row of the one that it is a near-copy of, its own without one.

    The first of a set, in order of keys, stands for it, and each copy is like that very one: a slow
    pan is not one picture because each of its frames is like the next. Pictures without
    signatures are no copies.

    Returns:
        Shape (N,): N row numbers, each that of a picture that stands for itself.
    """
    n = len(pictures)
    original = np.arange(n)
    if pictures.signatures.shape[1] == 0:
        return original
    leaders = np.empty(0, dtype=np.intp)
    for start in range(0, n, BLOCK_ROWS):
        rows = np.arange(start, min(start + BLOCK_ROWS, n))
        original[rows] = _first_like(pictures, rows, leaders)
        left = rows[original[rows] == rows]
        near = pictures.features[left] @ pictures.features[left].T >= 1 - COPY_DISTANCE
        for place, row in enumerate(left.tolist()):
            earlier = left[:place][near[place, :place]]
            original[row] = _first_match(pictures, row, earlier[original[earlier] == earlier])
        leaders = np.concatenate([leaders, left[original[left] == left]])
    return original


def _first_like(pictures: Pictures, rows: NDArray[np.intp], leaders: NDArray[np.intp]) -> list[int]:
    near = pictures.features[rows] @ pictures.features[leaders].T >= 1 - COPY_DISTANCE
    return [
        _first_match(pictures, row, leaders[near[place]]) for place, row in enumerate(rows.tolist())
    ]


def _first_match(pictures: Pictures, row: int, leaders: NDArray[np.intp]) -> int:
    if not len(leaders):
        return row
    one, others = pictures.signatures[row], pictures.signatures[leaders]
    apart = (np.maximum(one, others) - np.minimum(one, others)).max(axis=1)
    matches = leaders[apart < COPY_LEVELS]
    return int(matches[0]) if len(matches) else row
