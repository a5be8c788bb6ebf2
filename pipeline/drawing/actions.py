"""Confidences become actions: what a confidence asks for under its category's own thresholds.

Brightness means action. A confidence is mapped so that `review` is always 0.35 and `block` always
0.75: retuning a threshold changes which videos glow, never what a glow means.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal
from pipeline.judging.heatmap import Heatmap
from pipeline.records import Policy, Rule

REVIEW_ACTION = 0.35
BLOCK_ACTION = 0.75


class Level(IntEnum):
    """The highest threshold that a confidence reaches."""

    NONE = 0
    REVIEW = 1
    BLOCK = 2


@dataclass(frozen=True, slots=True, eq=False)
class ActionMap:
    """A heatmap seen through a policy.

    Attributes:
        categories: names of the K rows.
        duration_ms: length of the video.
        confidences: shape (K, B), float32 in [0, 1]; NaN = not sampled.
        actions: shape (K, B), float32 in [0, 1], higher = more should be done; NaN = not sampled.
        levels: shape (K, B), uint8, values of Level.
    """

    categories: tuple[str, ...]
    duration_ms: int
    confidences: NDArray[np.float32]
    actions: NDArray[np.float32]
    levels: NDArray[np.uint8]

    def __post_init__(self) -> None:
        shape = self.confidences.shape
        require_array("confidences", self.confidences, np.float32, (len(self.categories), None))
        require_array("actions", self.actions, np.float32, shape)
        require_array("levels", self.levels, np.uint8, shape)
        seal(self)

    @property
    def any_actions(self) -> NDArray[np.float32]:
        """Shape (B,): the ANY row, the maximum over the categories, NaN where none has a value."""
        return np.asarray(np.fmax.reduce(self.actions, axis=0, initial=np.nan))

    @property
    def any_levels(self) -> NDArray[np.uint8]:
        """Shape (B,): the highest level of any category."""
        return np.asarray(self.levels.max(axis=0))

    @property
    def worst_first(self) -> tuple[int, ...]:
        """The rows by their highest action, falling; equals keep the policy's order."""
        peaks = np.fmax.reduce(self.actions, axis=1, initial=-1.0)
        return tuple(int(row) for row in np.argsort(-peaks, kind="stable"))


def map_to_actions(heatmap: Heatmap, *, policy: Policy) -> ActionMap:
    """See a heatmap through the thresholds of each of its categories' own rule."""
    rules = {rule.category: rule for rule in policy.rules}
    rows = [(rules[name], row) for name, row in zip(heatmap.categories, heatmap.peaks, strict=True)]
    return ActionMap(
        heatmap.categories,
        heatmap.duration_ms,
        heatmap.peaks,
        np.stack([action_of(row, rule) for rule, row in rows]),
        np.stack([_level_of(row, rule) for rule, row in rows]),
    )


def action_of(confidences: NDArray[np.float32], rule: Rule) -> NDArray[np.float32]:
    """Map confidences piecewise: [0, review, block, 1] to [0, 0.35, 0.75, 1], NaN to NaN.

    Without a block threshold it is [0, review, 1] to [0, 0.35, 1].

    >>> rule = Rule("nudity", ("nsfw",), 0.5, 0.9, 0, is_strict=False, severity=3)
    >>> action_of(np.array([0.25, 0.5, 0.9, 1.0], dtype=np.float32), rule)
    array([0.175, 0.35 , 0.75 , 1.   ], dtype=float32)
    """
    blocks = [] if rule.block is None else [rule.block]
    # Thresholds as float32, so that a confidence that equals one in float32 reaches it.
    knots = np.array([0.0, rule.review, *blocks, 1.0], dtype=np.float32)
    values = [0.0, REVIEW_ACTION, *([BLOCK_ACTION] if blocks else []), 1.0]
    return np.interp(confidences, knots, values).astype(np.float32)


def _level_of(confidences: NDArray[np.float32], rule: Rule) -> NDArray[np.uint8]:
    levels = (confidences >= rule.review).astype(np.uint8)
    if rule.block is not None:
        levels[confidences >= rule.block] = Level.BLOCK
    return levels


def widen(
    actions: NDArray[np.float32], levels: NDArray[np.uint8], *, width: int
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return a row whose runs at or above review are at least *width* columns wide.

    One column in a thousand is easily overlooked; a run grows to both sides and wins over what
    lies there.

    Args:
        actions: shape (B,), NaN = not sampled.
        levels: shape (B,), values of Level.
        width: the least width in columns.
    """
    wide_actions, wide_levels = actions.copy(), levels.copy()
    edges = np.flatnonzero(np.diff(levels > 0, prepend=False, append=False))
    for start, end in edges.reshape(-1, 2):
        if end - start < width:
            first = max(0, min(int(start + end - width + 1) // 2, len(actions) - width))
            span = slice(first, first + width)
            wide_actions[span] = np.fmax(wide_actions[span], actions[start:end].max())
            wide_levels[span] = np.maximum(wide_levels[span], levels[start:end].max())
    return wide_actions, wide_levels
