"""A card as a picture: the group on the left, what is known of the name on the right."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.drawing.colours import BLACK, LINE, PAGE, PANEL, WHITE
from pipeline.drawing.layout import Box
from pipeline.drawing.png import encode_png
from pipeline.drawing.text import (
    DIM,
    HEADLINE,
    LABEL,
    SMALL_BOLD,
    SMALL_DIM,
    Canvas,
    Ink,
    new_canvas,
    wrap,
    write,
    write_middle,
)
from pipeline.drawing.thumbnails import Pictures, show_thumbnail

WIDTH_PX, HEIGHT_PX, MARGIN_PX = 1280, 480, 16
TILE_PX, GAP_PX, BADGE_PX = 140, 9, 20
HEADLINE_PX, DETAIL_PX, TITLE_PX = 28, 54, 92
TILES_TOP_PX, ROW_PX, CAPTION_PX = 108, 172, 12
LEFT_COLUMNS, RIGHT_COLUMNS = 3, 5
RIGHT_PX = WIDTH_PX - MARGIN_PX - RIGHT_COLUMNS * TILE_PX - (RIGHT_COLUMNS - 1) * GAP_PX
LEFT_WIDTH_PX = LEFT_COLUMNS * (TILE_PX + GAP_PX) - GAP_PX
DIVIDER_PX = (MARGIN_PX + LEFT_WIDTH_PX + RIGHT_PX) // 2
KEYS_PX = 460


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of a card.

    Attributes:
        caption: what it is called.
        jpeg: a JPEG file in memory; None where the picture is not at hand.
    """

    caption: str
    jpeg: bytes | None


@dataclass(frozen=True, slots=True)
class CardView:
    """What a card shows.

    Attributes:
        question: in words.
        detail: one line of figures.
        tiles: the group's, up to 5: its middle, then the farthest from it.
        unseen: how many of the group are not shown.
        known: what stands over the pictures on the right.
        exemplars: pictures of the name, up to 10; empty where it has none.
        keys: what can be typed.
    """

    question: str
    detail: str
    tiles: tuple[Tile, ...]
    unseen: int
    known: str
    exemplars: tuple[Tile, ...]
    keys: str


def draw_card(view: CardView, pictures: Pictures) -> bytes:
    """Return a card as a PNG file of 1280 x 480 pixels."""
    canvas = new_canvas(WIDTH_PX, HEIGHT_PX, PAGE)
    width_px = WIDTH_PX - 2 * MARGIN_PX
    write(canvas, (MARGIN_PX, HEADLINE_PX), view.question, HEADLINE, width_px=width_px)
    write(canvas, (MARGIN_PX, DETAIL_PX), view.detail, DIM, width_px=width_px)
    title = "The group: its middle, then the farthest from it"
    write(canvas, (MARGIN_PX, TITLE_PX), title, LABEL, width_px=LEFT_WIDTH_PX)
    right_px = WIDTH_PX - MARGIN_PX - RIGHT_PX
    write(canvas, (RIGHT_PX, TITLE_PX), view.known, LABEL, width_px=right_px)
    canvas.pen.line((DIVIDER_PX, TITLE_PX - 8, DIVIDER_PX, KEYS_PX - 24), fill=LINE)
    _draw_grid(canvas, view.tiles, MARGIN_PX, LEFT_COLUMNS, pictures, is_numbered=True)
    if view.unseen:
        _draw_unseen(canvas, _cell(len(view.tiles), MARGIN_PX, LEFT_COLUMNS), view.unseen)
    _draw_grid(canvas, view.exemplars, RIGHT_PX, RIGHT_COLUMNS, pictures, is_numbered=False)
    write(canvas, (MARGIN_PX, KEYS_PX), view.keys, DIM, width_px=width_px)
    return encode_png(canvas.image, {"Software": "Heatreel"})


def _cell(number: int, left_px: int, columns: int) -> Box:
    row, column = divmod(number, columns)
    left = left_px + column * (TILE_PX + GAP_PX)
    top = TILES_TOP_PX + row * ROW_PX
    return Box(left, top, left + TILE_PX, top + TILE_PX)


def _draw_grid(  # noqa: PLR0913 - what is drawn, where and how
    canvas: Canvas,
    tiles: Sequence[Tile],
    left_px: int,
    columns: int,
    pictures: Pictures,
    *,
    is_numbered: bool,
) -> None:
    for number, tile in enumerate(tiles[: 2 * columns]):
        box = _cell(number, left_px, columns)
        _draw_picture(canvas, box, tile, pictures)
        if is_numbered:
            _draw_badge(canvas, box, number + 1)
        position = ((box.left + box.right) // 2, box.bottom + CAPTION_PX)
        write_middle(canvas, position, tile.caption, SMALL_DIM, width_px=TILE_PX)


def _draw_picture(canvas: Canvas, box: Box, tile: Tile, pictures: Pictures) -> None:
    if tile.jpeg is None or pictures is Pictures.HIDDEN:
        canvas.pen.rectangle(box.corners, fill=PANEL)
        middle = ((box.left + box.right) // 2, box.middle_px)
        write_middle(canvas, middle, "no picture", SMALL_DIM, width_px=TILE_PX)
        return
    shown = show_thumbnail(tile.jpeg, width_px=TILE_PX, height_px=TILE_PX, pictures=pictures)
    canvas.image.paste(shown, (box.left, box.top))


def _draw_badge(canvas: Canvas, box: Box, number: int) -> None:
    badge = Box(box.left, box.top, box.left + BADGE_PX, box.top + BADGE_PX)
    canvas.pen.rectangle(badge.corners, fill=WHITE)
    ink = Ink(SMALL_BOLD.size_px, SMALL_BOLD.weight, BLACK)
    middle = (badge.left + BADGE_PX // 2, badge.middle_px)
    write_middle(canvas, middle, str(number), ink, width_px=BADGE_PX)


def _draw_unseen(canvas: Canvas, box: Box, unseen: int) -> None:
    lines = wrap(f"and {unseen:,} more like these", DIM, width_px=TILE_PX - 8, max_lines=3)
    for number, line in enumerate(lines):
        y = box.middle_px + (2 * number - len(lines) + 1) * DIM.size_px * 2 // 3
        write_middle(canvas, ((box.left + box.right) // 2, y), line, DIM, width_px=TILE_PX)
