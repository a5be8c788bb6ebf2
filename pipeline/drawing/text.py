"""Text that stays in its box, whatever the world put into it.

Names, tags and details come from outside: they may be endless, hold control characters, newlines,
piled-up accents, or letters that the font does not have.
"""

from dataclasses import dataclass

from PIL import Image, ImageDraw

from pipeline.drawing.assets import Weight, drawable_codes, load_font
from pipeline.drawing.colours import DIM_TEXT, TEXT, Colour
from pipeline.wording.cleaning import NO_GLYPH, strip_controls


@dataclass(frozen=True, slots=True)
class Ink:
    """How a text looks."""

    size_px: int
    weight: Weight = Weight.REGULAR
    colour: Colour = TEXT


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """A picture in the making, and the pen that draws on it."""

    image: Image.Image
    pen: ImageDraw.ImageDraw


TINY = Ink(11)
TINY_DIM = Ink(11, colour=DIM_TEXT)
SMALL = Ink(12)
SMALL_BOLD = Ink(12, Weight.BOLD)
SMALL_DIM = Ink(12, colour=DIM_TEXT)
DIM = Ink(13, colour=DIM_TEXT)
BOLD = Ink(13, Weight.BOLD)
LABEL = Ink(14)
LABEL_BOLD = Ink(14, Weight.BOLD)
HEADLINE = Ink(16, Weight.BOLD)
SCORE = Ink(34, Weight.BOLD)


def new_canvas(width_px: int, height_px: int, colour: Colour) -> Canvas:
    """Return an empty canvas of one colour."""
    image = Image.new("RGB", (width_px, height_px), colour)
    return Canvas(image, ImageDraw.Draw(image))


def clean(text: str) -> str:
    """Return one line of text that the font can draw; "▯" stands for what it cannot."""
    codes = drawable_codes()
    return "".join(c if ord(c) in codes else NO_GLYPH for c in strip_controls(text))


def text_width(text: str, ink: Ink) -> int:
    """Return how many pixels wide the cleaned text is, rounded up."""
    return -int(-load_font(ink.size_px, ink.weight).getlength(clean(text)) // 1)


def fit(text: str, ink: Ink, *, width_px: int) -> str:
    """Return the cleaned text if it is no wider than *width_px*, else as much as fits and "…"."""
    whole = clean(text)
    font = load_font(ink.size_px, ink.weight)
    if font.getlength(whole) <= width_px:
        return whole
    fits, too_long = 0, len(whole)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if font.getlength(whole[:middle].rstrip() + "…") <= width_px:
            fits = middle
        else:
            too_long = middle
    return whole[:fits].rstrip() + "…"


def wrap(text: str, ink: Ink, *, width_px: int, max_lines: int) -> list[str]:
    """Return the cleaned text in lines no wider than *width_px*; the last one may end in "…"."""
    words = clean(text).split()
    lines: list[str] = []
    while words and len(lines) < max_lines - 1:
        taken = 1
        while taken < len(words) and text_width(" ".join(words[: taken + 1]), ink) <= width_px:
            taken += 1
        lines.append(fit(" ".join(words[:taken]), ink, width_px=width_px))
        words = words[taken:]
    return [*lines, fit(" ".join(words), ink, width_px=width_px)] if words else lines


def write(canvas: Canvas, position: tuple[int, int], text: str, ink: Ink, *, width_px: int) -> None:
    """Write one line of text, cut to *width_px*, from the position on to the right.

    The position's y is the middle of the line, whatever letters stand in it.
    """
    _write(canvas, position, fit(text, ink, width_px=width_px), ink, "lm")


def write_right(
    canvas: Canvas, position: tuple[int, int], text: str, ink: Ink, *, width_px: int
) -> None:
    """Like :func:`write`, but the text ends at the position."""
    _write(canvas, position, fit(text, ink, width_px=width_px), ink, "rm")


def write_middle(
    canvas: Canvas, position: tuple[int, int], text: str, ink: Ink, *, width_px: int
) -> None:
    """Like :func:`write`, but the position is the middle of the text."""
    _write(canvas, position, fit(text, ink, width_px=width_px), ink, "mm")


def _write(canvas: Canvas, position: tuple[int, int], text: str, ink: Ink, anchor: str) -> None:
    font = load_font(ink.size_px, ink.weight)
    canvas.pen.text(position, text, fill=ink.colour, font=font, anchor=anchor)
