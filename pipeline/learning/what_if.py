"""What if: which of the videos that were scored would be reviewed under other thresholds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What new thresholds change; videos are row numbers, in order.

    Attributes:
        videos: how many were compared.
        added: would be reviewed, and are not.
        dropped: are reviewed, and would not be.
        known_misses: those of the dropped that a person decided to remove.
        known_finds: those of the added that a person decided to remove.
    """

    videos: int
    added: tuple[int, ...]
    dropped: tuple[int, ...]
    known_misses: tuple[int, ...]
    known_finds: tuple[int, ...]

    @property
    def changed(self) -> int:
        """How many would change."""
        return len(self.added) + len(self.dropped)

    @property
    def more_reviews(self) -> int:
        """How many more reviews there would be; negative = fewer."""
        return len(self.added) - len(self.dropped)

    def more_hours(self, review_s: float) -> float:
        """Return how many more hours of reviews, given the seconds of one; negative = fewer."""
        return self.more_reviews * review_s / 3600


def compare_thresholds(
    scores: NDArray[np.float64],
    is_held: NDArray[np.bool_],
    is_removed: NDArray[np.bool_],
    *,
    old: NDArray[np.float64],
    new: NDArray[np.float64],
) -> WhatIf:
    """Return what changes if the thresholds of K categories go from *old* to *new*.

    A video is reviewed if it is held, or the score of any category is at or above its threshold.

    Args:
        scores: shape (V, K), float64 in [0, 1]; NaN where not scored, which is no reason to review.
        is_held: shape (V,), what is reviewed whatever its scores: for a doubt, or an error.
        is_removed: shape (V,), what a person decided to remove, for any of the categories.
        old: shape (K,), float64.
        new: shape (K,), float64.

    Raises:
        ValueError: if the arrays do not fit.
    """
    require_array("scores", scores, np.float64, (None, None))
    n, k = scores.shape
    require_array("is_held", is_held, np.bool_, (n,))
    require_array("is_removed", is_removed, np.bool_, (n,))
    require_array("old", old, np.float64, (k,))
    require_array("new", new, np.float64, (k,))
    before = is_held | (scores >= old).any(axis=1)
    after = is_held | (scores >= new).any(axis=1)
    return WhatIf(
        videos=n,
        added=_rows(after & ~before),
        dropped=_rows(before & ~after),
        known_misses=_rows(before & ~after & is_removed),
        known_finds=_rows(after & ~before & is_removed),
    )


def _rows(chosen: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(chosen).tolist())
