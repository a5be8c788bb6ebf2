"""The heat rows: one a category, a bar under each that needs no colour to be read."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.drawing.actions import ActionMap, Level, widen
from pipeline.drawing.colours import LINE, REVIEW_BAR, WHITE, paint
from pipeline.drawing.layout import (
    GUTTER_PX,
    MARGIN_PX,
    PLOT_LEFT_PX,
    PLOT_RIGHT_PX,
    WIDTH_PX,
    Box,
    Layout,
)
from pipeline.drawing.text import LABEL, LABEL_BOLD, TINY_DIM, Canvas, Ink, write, write_right

MIN_EVENT_PX = 3
BAR_GAP_PX, BLOCK_BAR_PX, REVIEW_BAR_PX = 1, 5, 2
MORE_PX = 8  # from the trace's top to the middle of "+n more"
LABEL_WIDTH_PX = PLOT_LEFT_PX - GUTTER_PX - MARGIN_PX


def draw_rows(
    canvas: Canvas, layout: Layout, action_map: ActionMap, table: NDArray[np.uint8]
) -> None:
    """Draw the ANY row and the categories that have a row, worst first."""
    has_one = len(action_map.categories) == 1
    label = action_map.categories[0] if has_one else "ANY"
    actions, levels = action_map.any_actions, action_map.any_levels
    draw_row(canvas, layout.any_row, actions, levels, table)
    _draw_words(canvas, layout.any_row, label, action_map.confidences, LABEL_BOLD)
    shown = action_map.worst_first[: len(layout.rows)]
    for box, row in zip(layout.rows, shown, strict=True):
        draw_row(canvas, box, action_map.actions[row], action_map.levels[row], table)
        _draw_words(canvas, box, action_map.categories[row], action_map.confidences[row], LABEL)
    rest = action_map.worst_first[max(1, len(layout.rows)) :]
    if rest:
        peak = _peak_text(action_map.confidences[list(rest)])
        position = (PLOT_LEFT_PX - GUTTER_PX, layout.trace.top + MORE_PX)
        text = f"+{len(rest)} more, at most {peak}"
        write_right(canvas, position, text, TINY_DIM, width_px=LABEL_WIDTH_PX)


def draw_row(
    canvas: Canvas,
    box: Box,
    actions: NDArray[np.float32],
    levels: NDArray[np.uint8],
    table: NDArray[np.uint8],
) -> None:
    """Draw one row of B = the box's width columns: heat, hatch, and the bar underneath.

    The bar lies below the box: thick and white where `block` is reached, thin and grey where only
    `review` is.
    """
    wide_actions, wide_levels = widen(actions, levels, width=MIN_EVENT_PX)
    pixels = paint(wide_actions, height_px=box.height_px, table=table)
    canvas.image.paste(Image.fromarray(pixels), (box.left, box.top))
    top = box.bottom + BAR_GAP_PX
    for level, colour, height in (
        (Level.REVIEW, REVIEW_BAR, REVIEW_BAR_PX),
        (Level.BLOCK, WHITE, BLOCK_BAR_PX),
    ):
        edges = np.flatnonzero(np.diff(wide_levels == level, prepend=False, append=False))
        for start, end in edges.reshape(-1, 2).tolist():
            bar = Box(box.left + start, top, box.left + end, top + height)
            canvas.pen.rectangle(bar.corners, fill=colour)


def _draw_words(
    canvas: Canvas, box: Box, label: str, confidences: NDArray[np.float32], ink: Ink
) -> None:
    """Write a row's name to its left and its highest confidence to its right."""
    canvas.pen.line((box.left - 1, box.top, box.left - 1, box.bottom - 1), fill=LINE)
    left = (PLOT_LEFT_PX - GUTTER_PX, box.middle_px)
    write_right(canvas, left, label, ink, width_px=LABEL_WIDTH_PX)
    right = (PLOT_RIGHT_PX + GUTTER_PX, box.middle_px)
    width = WIDTH_PX - PLOT_RIGHT_PX - GUTTER_PX
    peak_ink = Ink(LABEL_BOLD.size_px, LABEL_BOLD.weight, ink.colour)
    write(canvas, right, _peak_text(confidences), peak_ink, width_px=width)


def _peak_text(confidences: NDArray[np.float32]) -> str:
    """Return the highest confidence with two digits, a dash where there is none."""
    peak = float(np.fmax.reduce(confidences, axis=None, initial=-1.0))
    return "–" if peak < 0 else f"{peak:.2f}"  # noqa: RUF001 - a dash is meant
