"""Pictures as they are grouped: what they are called by, and what a model sees in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal

# The features of so many take half a gigabyte, and comparing each with each some five minutes.
MAX_PICTURES = 100_000
UNIT_TOLERANCE = 1e-3  # how far rounding takes the length of a normalised row from 1


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """N pictures in order of their keys, each once; `gather_pictures` makes them of any order.

    Attributes:
        keys: what facts are kept by, strictly increasing: `sha256:…` of a picture's bytes,
            `sha256:…@1200` for a video's frame at 1,200 ms, with `#…` behind it for a face.
        features: shape (N, D), float32, each row of length 1.
        signatures: shape (N, S), uint8: the picture itself, shrunk; S is 0 where it is not known,
            and then nothing counts as a copy.
        own: shape (N,), float32: cosine distance of a picture to itself, mirrored and seen from
            nearer; NaN where it was not measured.
    """

    keys: tuple[str, ...]
    features: NDArray[np.float32]
    signatures: NDArray[np.uint8]
    own: NDArray[np.float32]

    def __post_init__(self) -> None:
        n = len(self.keys)
        require_array("features", self.features, np.float32, (n, None))
        require_array("signatures", self.signatures, np.uint8, (n, None))
        require_array("own", self.own, np.float32, (n,))
        if any(a >= b for a, b in zip(self.keys, self.keys[1:], strict=False)):
            raise ValueError("keys must be strictly increasing")
        lengths = np.linalg.norm(self.features, axis=1)
        if not np.all(np.abs(lengths - 1) < UNIT_TOLERANCE):
            raise ValueError("features must have rows of length 1")
        seal(self)

    def __len__(self) -> int:
        return len(self.keys)


def gather_pictures(
    keys: Sequence[str],
    features: NDArray[np.float32],
    signatures: NDArray[np.uint8] | None = None,
    own: NDArray[np.float32] | None = None,
) -> Pictures:
    """Return pictures in order of their keys, their features brought to length 1.

    Of pictures with one key, which are the same bytes, the first counts.

    Raises:
        ValueError: if there are more than MAX_PICTURES, or a picture's features are no finite
            numbers or all 0; the message names the picture.

    >>> gather_pictures(["b", "a"], np.array([[0, 2], [3, 0]], np.float32)).features
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    require_array("features", features, np.float32, (len(keys), None))
    first_rows = {key: row for row, key in reversed(list(enumerate(keys)))}
    if len(first_rows) > MAX_PICTURES:
        raise ValueError(f"at most {MAX_PICTURES:,} pictures are grouped, got {len(first_rows):,}")
    names = sorted(first_rows)
    rows = np.array([first_rows[name] for name in names], dtype=np.intp)
    chosen = features[rows]
    lengths = np.linalg.norm(chosen.astype(np.float64), axis=1)
    if bad := np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0))).tolist():
        more = f" and of {len(bad) - 1:,} others" if len(bad) > 1 else ""
        raise ValueError(
            f"features must be finite and not all 0: not those of {names[bad[0]]}{more}"
        )
    small = np.empty((len(keys), 0), dtype=np.uint8) if signatures is None else signatures
    distances = np.full(len(keys), np.nan, dtype=np.float32) if own is None else own
    units = (chosen / lengths[:, None]).astype(np.float32)
    return Pictures(tuple(names), units, small[rows], distances[rows])
