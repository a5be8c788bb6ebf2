"""The wall: a whole library in one picture, worst first."""

import math
from collections.abc import Sequence

from pipeline.drawing.assets import ColourMap, colour_table
from pipeline.drawing.colours import PAGE
from pipeline.drawing.png import encode_png
from pipeline.drawing.text import DIM, Canvas, new_canvas, write
from pipeline.drawing.wall_header import draw_heading, draw_wall_header
from pipeline.drawing.wall_layout import MARGIN_PX, TOP_PX, WIDTH_PX, lay_out_wall
from pipeline.drawing.wall_tile import WallTile
from pipeline.drawing.wall_tiles import draw_wall_tile
from pipeline.records import Outcome

PAGE_TILES = 2_000
EMPTY_PX = 140  # height of a wall without videos
# A video that could not be judged needs a person, so it never stands at the bottom.
BANDS = (Outcome.BLOCK, Outcome.REVIEW, Outcome.ERROR, Outcome.PASS)


def split_pages(tiles: Sequence[WallTile]) -> list[tuple[WallTile, ...]]:
    """Sort tiles, worst first, and split them into pages of at most 2,000."""
    ordered = sort_tiles(tiles)
    starts = range(0, len(ordered), PAGE_TILES)
    return [tuple(ordered[start : start + PAGE_TILES]) for start in starts]


def sort_tiles(tiles: Sequence[WallTile]) -> list[WallTile]:
    """Return the tiles by verdict (block, review, error, pass), the worst of each first.

    Passes go by their strongest unconfirmed peak, so that likely misses come first; the others by
    severity, then confidence.
    """
    return sorted(tiles, key=_rank)


def draw_wall(
    tiles: Sequence[WallTile], *, title: str, colour_map: ColourMap = ColourMap.INFERNO
) -> bytes:
    """Draw one page of the wall, 1680 wide and at most 1000 high, and return the PNG file.

    Tiles are as large as their number allows: a few have name, verdict, reason and times, two
    thousand are 40 x 18.

    Raises:
        ValueError: if there are more than 2,000 tiles.
    """
    if len(tiles) > PAGE_TILES:
        raise ValueError(f"tiles must be at most {PAGE_TILES} on a page, got {len(tiles)}")
    ordered = sort_tiles(tiles)
    bands = [[tile for tile in ordered if tile.outcome is outcome] for outcome in BANDS]
    bands = [band for band in bands if band]
    layout = lay_out_wall([len(band) for band in bands])
    canvas = new_canvas(WIDTH_PX, max(layout.height_px, EMPTY_PX), PAGE)
    table = colour_table(colour_map)
    draw_wall_header(canvas, title, {b[0].outcome: len(b) for b in bands}, table)
    for band, places in zip(bands, layout.bands, strict=True):
        if places.heading is not None:
            draw_heading(canvas, places.heading, band[0].outcome, len(band))
        for tile, box in zip(band, places.tiles, strict=True):
            draw_wall_tile(canvas, box, tile, layout.size, table)
    if not bands:
        _draw_empty(canvas)
    return encode_png(canvas.image, {})


def _draw_empty(canvas: Canvas) -> None:
    note = "No videos yet: scan some, and they stand here, worst first."
    width = WIDTH_PX - 2 * MARGIN_PX
    write(canvas, (MARGIN_PX, TOP_PX + MARGIN_PX), note, DIM, width_px=width)


def _rank(tile: WallTile) -> tuple[int, float, float, float, str]:
    confidence = -1.0 if math.isnan(tile.confidence) else tile.confidence
    unconfirmed = tile.strongest_unconfirmed if tile.outcome is Outcome.PASS else 0.0
    return (BANDS.index(tile.outcome), -unconfirmed, -tile.severity, -confidence, tile.name)
