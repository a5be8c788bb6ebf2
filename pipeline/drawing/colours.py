"""The colours of the pictures: the page's own, the heat's, and the hatch for what is not known."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Outcome

Colour: TypeAlias = tuple[int, int, int]

PAGE: Colour = (16, 17, 20)
PANEL: Colour = (28, 29, 33)
LINE: Colour = (84, 87, 95)
TEXT: Colour = (242, 243, 245)
DIM_TEXT: Colour = (168, 171, 179)
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
REVIEW_BAR: Colour = (158, 161, 168)
TRACE: Colour = (122, 190, 250)
TRACE_FILL: Colour = (32, 48, 66)
CUT: Colour = (92, 95, 103)
OUTCOME_COLOUR: dict[Outcome, Colour] = {
    Outcome.PASS: (94, 201, 160),
    Outcome.REVIEW: (255, 200, 66),
    Outcome.BLOCK: (255, 122, 89),
    Outcome.ERROR: (140, 184, 255),
}

HATCH_LIGHT: Colour = (104, 107, 114)
HATCH_DARK: Colour = (54, 56, 62)
FAINT_HATCH_LIGHT: Colour = (48, 50, 56)
FAINT_HATCH_DARK: Colour = (28, 29, 33)
HATCH_PITCH_PX = 8
HATCH_STROKE_PX = 3


def hatch(
    height_px: int, width_px: int, *, light: Colour = HATCH_LIGHT, dark: Colour = HATCH_DARK
) -> NDArray[np.uint8]:
    """Return diagonal stripes, shape (height_px, width_px, 3): what stands for "not known"."""
    y, x = np.ogrid[:height_px, :width_px]
    is_stroke = (x + y) % HATCH_PITCH_PX < HATCH_STROKE_PX
    return np.where(is_stroke[..., None], as_pixel(light), as_pixel(dark))


def as_pixel(colour: Colour) -> NDArray[np.uint8]:
    """Return a colour as an array of shape (3,)."""
    return np.array(colour, dtype=np.uint8)


def paint(
    actions: NDArray[np.float32], *, height_px: int, table: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Paint one row of action values, one pixel a column.

    Args:
        actions: shape (B,), in [0, 1], higher = more should be done; NaN is hatched.
        height_px: height of the row.
        table: shape (256, 3), the colour map.

    Returns:
        Shape (height_px, B, 3), sRGB.
    """
    is_known = ~np.isnan(actions)
    colours = tone(np.where(is_known, actions, 0), table)
    row = np.repeat(colours[None], height_px, axis=0)
    if not is_known.all():
        row[:, ~is_known] = hatch(height_px, len(actions))[:, ~is_known]
    return row


def tone(actions: NDArray[np.float32], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the colour of each action value in [0, 1], shape (..., 3)."""
    return np.asarray(table[np.rint(actions * 255).astype(np.intp)])
