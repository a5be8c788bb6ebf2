"""The wall's title, its counts, its colour scale, and the headings of its bands."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.drawing.actions import BLOCK_ACTION, REVIEW_ACTION
from pipeline.drawing.assets import Weight
from pipeline.drawing.chips import draw_mark
from pipeline.drawing.colours import LINE, OUTCOME_COLOUR, WHITE, paint
from pipeline.drawing.layout import Box
from pipeline.drawing.text import (
    BOLD,
    DIM,
    HEADLINE,
    SMALL,
    TINY_DIM,
    Canvas,
    Ink,
    text_width,
    write,
    write_middle,
)
from pipeline.drawing.wall_layout import GUTTER_PX, MARGIN_PX, WIDTH_PX
from pipeline.records import Outcome

TITLE_PX, COUNTS_PX = 22, 45
SCALE_BOX = Box(WIDTH_PX - MARGIN_PX - 240, 16, WIDTH_PX - MARGIN_PX, 28)
SCALE_LABEL_PX = 24  # from the scale's top to the middle of its labels
TEXT_WIDTH_PX = SCALE_BOX.left - 2 * MARGIN_PX
MARK_PX, GAP_PX, COUNT_GAP_PX = 11, 6, 22
TIGHT_MARK_PX, TINY_BOLD_PX = 9, 11
SIGNS = {
    Outcome.BLOCK: "block (thick bar)",
    Outcome.REVIEW: "review (thin bar)",
    Outcome.ERROR: "error (hatched)",
    Outcome.PASS: "pass",
}


def draw_wall_header(
    canvas: Canvas, title: str, counts: Mapping[Outcome, int], table: NDArray[np.uint8]
) -> None:
    """Draw the title, how many videos each verdict has and by which sign, and the scale."""
    write(canvas, (MARGIN_PX, TITLE_PX), title, HEADLINE, width_px=TEXT_WIDTH_PX)
    x = MARGIN_PX
    for outcome, count in counts.items():
        draw_mark(canvas, (x, COUNTS_PX - MARK_PX // 2), outcome, MARK_PX)
        x += MARK_PX + GAP_PX
        words = f"{count:,} {SIGNS[outcome]}"
        write(canvas, (x, COUNTS_PX), words, SMALL, width_px=TEXT_WIDTH_PX)
        x += text_width(words, SMALL) + COUNT_GAP_PX
    note = "each tile = one video, from its start to its end; brightness = action"
    write(canvas, (x, COUNTS_PX), note, DIM, width_px=SCALE_BOX.left - COUNT_GAP_PX - x)
    _draw_scale(canvas, table)


def draw_heading(canvas: Canvas, box: Box, outcome: Outcome, count: int) -> None:
    """Draw a band's heading: mark and word, and where there is room the count and a line."""
    y = box.middle_px
    if box.right <= GUTTER_PX:
        ink = Ink(TINY_BOLD_PX, Weight.BOLD, OUTCOME_COLOUR[outcome])
        x = _draw_sign(canvas, box, outcome, TIGHT_MARK_PX)
        write(canvas, (x, y), outcome.value.upper(), ink, width_px=box.right - x)
        return
    ink = Ink(BOLD.size_px, Weight.BOLD, OUTCOME_COLOUR[outcome])
    x = _draw_sign(canvas, box, outcome, MARK_PX)
    words = f"{outcome.value.upper()} {count:,}"
    write(canvas, (x, y), words, ink, width_px=box.right - x)
    x += text_width(words, ink) + GAP_PX
    canvas.pen.line((x, y, box.right - 1, y), fill=LINE)


def _draw_sign(canvas: Canvas, box: Box, outcome: Outcome, size_px: int) -> int:
    """Draw a heading's mark and return where its words begin."""
    draw_mark(canvas, (box.left, box.middle_px - size_px // 2), outcome, size_px)
    return box.left + size_px + GAP_PX


def _draw_scale(canvas: Canvas, table: NDArray[np.uint8]) -> None:
    ramp = np.linspace(0, 1, SCALE_BOX.width_px, dtype=np.float32)
    pixels = paint(ramp, height_px=SCALE_BOX.height_px, table=table)
    canvas.image.paste(Image.fromarray(pixels), (SCALE_BOX.left, SCALE_BOX.top))
    for action, name in ((REVIEW_ACTION, "review"), (BLOCK_ACTION, "block")):
        x = SCALE_BOX.left + round(action * (SCALE_BOX.width_px - 1))
        canvas.pen.line((x, SCALE_BOX.top, x, SCALE_BOX.bottom + 3), fill=WHITE)
        position = (x, SCALE_BOX.top + SCALE_LABEL_PX)
        write_middle(canvas, position, name, TINY_DIM, width_px=100)
