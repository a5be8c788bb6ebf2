"""The verdict's mark and chip: a shape, a word and a colour, never colour alone."""

from functools import cache

from PIL import Image, ImageDraw

from pipeline.drawing.colours import OUTCOME_COLOUR, PAGE
from pipeline.drawing.layout import Box
from pipeline.drawing.text import HEADLINE, Canvas, Ink, text_width, write
from pipeline.records import Outcome

SUPERSAMPLING = 4  # Pillow's shapes have hard edges: they are drawn larger and scaled down
CORNER_PX, OUTLINE_PX = 8, 2
MARK_GAP_PX = 8
# Corners of the shapes in a unit square: a tick, a diamond, an octagon and a triangle can be told
# apart at 9 px.
CORNERS = {
    Outcome.PASS: (
        *((0.0, 0.54), (0.17, 0.36), (0.38, 0.57)),
        *((0.83, 0.08), (1.0, 0.26), (0.38, 0.92)),
    ),
    Outcome.REVIEW: ((0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)),
    Outcome.BLOCK: (
        *((0.29, 0.0), (0.71, 0.0), (1.0, 0.29), (1.0, 0.71)),
        *((0.71, 1.0), (0.29, 1.0), (0.0, 0.71), (0.0, 0.29)),
    ),
    Outcome.ERROR: ((0.5, 0.04), (1.0, 0.94), (0.0, 0.94)),
}


def draw_mark(canvas: Canvas, position: tuple[int, int], outcome: Outcome, size_px: int) -> None:
    """Draw a verdict's shape with its upper left corner at the position."""
    canvas.image.paste(OUTCOME_COLOUR[outcome], position, _mark(outcome, size_px))


def draw_chip(canvas: Canvas, box: Box, outcome: Outcome, ink: Ink = HEADLINE) -> None:
    """Draw a verdict's chip: outlined, but filled for `block`, which must be seen first."""
    colour = OUTCOME_COLOUR[outcome]
    is_filled = outcome is Outcome.BLOCK
    plate = _plate(box.width_px, box.height_px, 255 if is_filled else 0)
    canvas.image.paste(colour, (box.left, box.top), plate)
    word = outcome.value.upper()
    ink = Ink(ink.size_px, ink.weight, PAGE if is_filled else colour)
    width = ink.size_px + MARK_GAP_PX + text_width(word, ink)
    left = box.left + (box.width_px - width) // 2
    mark = _mark(outcome, ink.size_px)
    canvas.image.paste(ink.colour, (left, box.middle_px - ink.size_px // 2), mark)
    x = left + ink.size_px + MARK_GAP_PX
    write(canvas, (x, box.middle_px), word, ink, width_px=box.right - x)


@cache
def _mark(outcome: Outcome, size_px: int) -> Image.Image:
    """Return a verdict's shape as a mask."""
    side = size_px * SUPERSAMPLING
    mask = Image.new("L", (side, side), 0)
    pen = ImageDraw.Draw(mask)
    pen.polygon([(x * (side - 1), y * (side - 1)) for x, y in CORNERS[outcome]], fill=255)
    return mask.resize((size_px, size_px), Image.Resampling.BOX)


@cache
def _plate(width_px: int, height_px: int, fill: int) -> Image.Image:
    """Return a chip's rounded plate as a mask: its outline is 255, its inside *fill*."""
    width, height = width_px * SUPERSAMPLING, height_px * SUPERSAMPLING
    mask = Image.new("L", (width, height), 0)
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, width - 1, height - 1),
        radius=CORNER_PX * SUPERSAMPLING,
        fill=fill,
        outline=255,
        width=OUTLINE_PX * SUPERSAMPLING,
    )
    return mask.resize((width_px, height_px), Image.Resampling.BOX)
