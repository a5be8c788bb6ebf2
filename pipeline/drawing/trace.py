"""The score trace: the ANY row as a curve, on the same scale as the colours."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.drawing.actions import BLOCK_ACTION, REVIEW_ACTION
from pipeline.drawing.colours import (
    DIM_TEXT,
    FAINT_HATCH_DARK,
    FAINT_HATCH_LIGHT,
    LINE,
    PAGE,
    TRACE,
    TRACE_FILL,
    as_pixel,
    hatch,
)
from pipeline.drawing.layout import GUTTER_PX, MARGIN_PX, PLOT_LEFT_PX, PLOT_RIGHT_PX, WIDTH_PX, Box
from pipeline.drawing.text import DIM, SMALL_DIM, Canvas, write, write_right
from pipeline.records import Policy

DASH_PX = 4
STROKE_PX = 2


def draw_trace(canvas: Canvas, box: Box, actions: NDArray[np.float32], policy: Policy) -> None:
    """Draw the curve in its frame, the threshold lines over it, their names beside it."""
    inside = Box(box.left, box.top + 1, box.right, box.bottom - 1)
    canvas.image.paste(
        Image.fromarray(trace_pixels(actions, inside.height_px)), (inside.left, inside.top)
    )
    canvas.pen.rectangle((box.left - 1, box.top, box.right, box.bottom - 1), outline=LINE)
    label = (PLOT_LEFT_PX - GUTTER_PX, box.middle_px)
    width = PLOT_LEFT_PX - GUTTER_PX - MARGIN_PX
    write_right(canvas, label, "Score", DIM, width_px=width)
    for action, name in [(0.0, "0"), *threshold_names(policy), (1.0, "1")]:
        y = inside.bottom - 1 - round(action * (inside.height_px - 1))
        if 0 < action < 1:
            _draw_dashes(canvas, y)
        position = (PLOT_RIGHT_PX + GUTTER_PX, y)
        width = WIDTH_PX - PLOT_RIGHT_PX - GUTTER_PX
        write(canvas, position, name, SMALL_DIM, width_px=width)


def trace_pixels(actions: NDArray[np.float32], height_px: int) -> NDArray[np.uint8]:
    """Return the curve and what lies under it, shape (height_px, B, 3); faint hatch where NaN.

    Each column's stroke reaches to its left neighbour's height, so that the curve has no holes;
    where a neighbour is NaN, the curve ends.
    """
    is_known = ~np.isnan(actions)
    heights = np.rint(np.where(is_known, actions, 0) * (height_px - STROKE_PX)).astype(np.int64)
    left = np.concatenate([heights[:1], heights[:-1]])
    has_left = np.concatenate([[False], is_known[:-1]])
    left = np.where(has_left, left, heights)
    level = np.arange(height_px - 1, -1, -1)[:, None]  # of each line above the floor
    low, high = np.minimum(heights, left), np.maximum(heights, left)
    is_stroke = is_known & (level >= low) & (level < high + STROKE_PX)
    is_under = is_known & (level < low)
    unknown = hatch(height_px, len(actions), light=FAINT_HATCH_LIGHT, dark=FAINT_HATCH_DARK)
    pixels = np.where(is_known[None, :, None], as_pixel(PAGE), unknown)
    pixels[is_under] = TRACE_FILL
    pixels[is_stroke] = TRACE
    return pixels


def threshold_names(policy: Policy) -> list[tuple[float, str]]:
    """Return the threshold lines that the policy has: action value and name.

    The name carries the confidence where it is the same for all categories.
    """
    reviews = [rule.review for rule in policy.rules]
    blocks = [rule.block for rule in policy.rules if rule.block is not None]
    lines = [(REVIEW_ACTION, _name("review", reviews, len(policy.rules)))]
    if blocks:
        lines.append((BLOCK_ACTION, _name("block", blocks, len(policy.rules))))
    return lines


def _name(word: str, thresholds: list[float], n_rules: int) -> str:
    is_shared = len(set(thresholds)) == 1 and len(thresholds) == n_rules
    return f"{word} {thresholds[0]:.2f}" if is_shared else word


def _draw_dashes(canvas: Canvas, y: int) -> None:
    dashes: Iterable[int] = range(PLOT_LEFT_PX, PLOT_RIGHT_PX, 2 * DASH_PX)
    for x in dashes:
        canvas.pen.line((x, y, x + DASH_PX - 1, y), fill=DIM_TEXT)
