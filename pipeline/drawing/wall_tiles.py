"""How one video is drawn on the wall: its heat strip, its bar, and what else there is room for."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.drawing.actions import REVIEW_ACTION, widen
from pipeline.drawing.chips import draw_mark
from pipeline.drawing.colours import LINE, OUTCOME_COLOUR, REVIEW_BAR, WHITE, paint
from pipeline.drawing.layout import Box
from pipeline.drawing.text import (
    DIM,
    SMALL_DIM,
    TINY_DIM,
    Canvas,
    Ink,
    text_width,
    write,
    write_middle,
    write_right,
)
from pipeline.drawing.wall_layout import Heading, TileSize
from pipeline.drawing.wall_tile import WallTile
from pipeline.records import Outcome
from pipeline.wording.times import format_time, tick_label, tick_step

GAP_PX, BAR_GAP_PX, NAME_DROP_PX = 8, 1, 3
FACTS_SHARE = 0.5  # of the line at most: a name is worth more than its numbers
REASON_RISE_PX = 13  # from the middle of the reason's line to the strip below
MAX_MARK_PX = 24
TICK_PX, TIME_DROP_PX, TIME_WIDTH_PX = 3, 13, 60


def draw_wall_tile(
    canvas: Canvas, box: Box, tile: WallTile, size: TileSize, table: NDArray[np.uint8]
) -> None:
    """Draw one video into its box."""
    top = box.top + size.strip_top_px
    strip = Box(box.left, top, box.right, top + size.strip_px)
    actions = stretch(tile.peaks, strip.width_px)
    levels = (actions >= np.float32(REVIEW_ACTION)).astype(np.uint8)
    actions, _ = widen(actions, levels, width=size.min_event_px)
    pixels = paint(actions, height_px=strip.height_px, table=table)
    canvas.image.paste(Image.fromarray(pixels), (strip.left, strip.top))
    _draw_bar(canvas, strip, tile.outcome, size)
    if tile.outcome is Outcome.ERROR:
        side = min(strip.height_px - 2, MAX_MARK_PX)
        corner = ((strip.left + strip.right - side) // 2, strip.middle_px - side // 2)
        draw_mark(canvas, corner, tile.outcome, side)
    if size.name_ink is not None:
        _draw_name(canvas, box, tile, size, size.name_ink)
    if size.has_reason:
        y = strip.top - REASON_RISE_PX
        write(canvas, (box.left, y), tile.reason, DIM, width_px=box.width_px)
    if size.has_times and tile.duration_ms > 0:
        _draw_times(canvas, strip, tile.duration_ms, below_px=size.bar_px)


def stretch(peaks: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Bring B columns to *width* columns: the maximum of those that a new one touches.

    >>> stretch(np.array([0.1, 0.9, 0.2, 0.3], dtype=np.float32), 2)
    array([0.9, 0.3], dtype=float32)
    """
    index, n = np.arange(width), len(peaks)
    first = index * n // width
    end = -(-(index + 1) * n // width)  # ceiling division, exact for integers
    # A NaN at the end, so that `end` is an index; reduceat takes every other interval for nothing.
    padded = np.append(peaks, np.float32(np.nan))
    borders = np.column_stack([first, end]).ravel()
    return np.asarray(np.fmax.reduceat(padded, borders)[::2])


def _draw_bar(canvas: Canvas, strip: Box, outcome: Outcome, size: TileSize) -> None:
    """Draw the bar that says the verdict without colour: thick block, thin review."""
    heights = {Outcome.BLOCK: (size.bar_px, WHITE), Outcome.REVIEW: (size.bar_px // 2, REVIEW_BAR)}
    if outcome in heights:
        height, colour = heights[outcome]
        top = strip.bottom + BAR_GAP_PX
        bar = Box(strip.left, top, strip.right, top + height)
        canvas.pen.rectangle(bar.corners, fill=colour)


def _draw_name(canvas: Canvas, box: Box, tile: WallTile, size: TileSize, ink: Ink) -> None:
    """Draw the first line: mark, name and, where there is room for them, score and length."""
    y = box.top + ink.size_px // 2 + NAME_DROP_PX
    mark_px = ink.size_px - 2
    draw_mark(canvas, (box.left, y - mark_px // 2), tile.outcome, mark_px)
    left = box.left + mark_px + GAP_PX
    if size.heading is Heading.NONE:
        word = tile.outcome.value.upper()
        word_ink = Ink(ink.size_px, ink.weight, OUTCOME_COLOUR[tile.outcome])
        write(canvas, (left, y), word, word_ink, width_px=box.right - left)
        left += text_width(word, word_ink) + GAP_PX
    right, facts = box.right, _facts(tile)
    facts_px = text_width(facts, SMALL_DIM)
    if facts_px <= box.width_px * FACTS_SHARE:
        write_right(canvas, (right, y), facts, SMALL_DIM, width_px=facts_px)
        right -= facts_px + GAP_PX
    write(canvas, (left, y), tile.name, ink, width_px=right - left)


def _facts(tile: WallTile) -> str:
    parts = []
    if tile.strongest_unconfirmed > 0:
        parts.append(f"{tile.strongest_unconfirmed:.2f} ?")
    if not math.isnan(tile.confidence):
        parts.append(f"{tile.confidence:.2f}")
    if tile.duration_ms:
        parts.append(format_time(tile.duration_ms))
    return " · ".join(parts)


def _draw_times(canvas: Canvas, strip: Box, duration_ms: int, *, below_px: int) -> None:
    """Draw a time axis under the strip."""
    step_ms = tick_step(duration_ms)
    top = strip.bottom + BAR_GAP_PX + below_px
    for time_ms in range(0, duration_ms, step_ms):
        x = strip.left + time_ms * strip.width_px // duration_ms
        canvas.pen.line((x, top + 1, x, top + TICK_PX), fill=LINE)
        position, label = (x, top + TIME_DROP_PX), tick_label(time_ms, step_ms)
        drawer = write if time_ms == 0 else write_middle
        drawer(canvas, position, label, TINY_DIM, width_px=TIME_WIDTH_PX)
