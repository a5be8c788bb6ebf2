"""Where the tiles of a wall stand: as large as they can be, in bands of one verdict each."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from pipeline.drawing.layout import Box
from pipeline.drawing.text import HEADLINE, LABEL_BOLD, SMALL_BOLD, TINY, Ink

WIDTH_PX, HEIGHT_PX = 1680, 1000
MARGIN_PX = 24
TOP_PX, BOTTOM_PX = 60, 10
BAND_GAP_PX = 5
HEADING_PX, NO_HEADING_PX = 26, 8  # room above a band with a heading, and without
GUTTER_PX, GUTTER_MARGIN_PX = 80, 8  # the room for headings beside their bands


class Heading(Enum):
    """Where the heading of a band of tiles stands."""

    NONE = "none"  # each tile says its verdict itself
    ABOVE = "above"
    BESIDE = "beside"


@dataclass(frozen=True, slots=True)
class TileSize:
    """How large the tiles of a wall are, and what there is room for.

    Attributes:
        columns: tiles side by side.
        gap_px: between two of them.
        pitch_px: from one row of tiles to the next.
        strip_top_px: from the tile's top to its heat strip; above it stand the lines.
        strip_px: height of the heat strip.
        bar_px: height of a block's bar.
        min_event_px: what is at or above review is drawn at least this wide.
        heading: where a band's heading stands.
        name_ink: how the name is written; None where there is no room for it.
        has_reason: whether there is a second line with the reason.
        has_times: whether there are times under the strip.
    """

    columns: int
    gap_px: int
    pitch_px: int
    strip_top_px: int
    strip_px: int
    bar_px: int
    min_event_px: int
    heading: Heading
    name_ink: Ink | None = None
    has_reason: bool = False
    has_times: bool = False


# From a handful of videos to two thousand: the first size at which all of them fit is taken.
SIZES = (
    TileSize(1, 0, 134, 50, 48, 5, 3, Heading.NONE, HEADLINE, has_reason=True, has_times=True),
    TileSize(2, 32, 92, 46, 26, 5, 3, Heading.ABOVE, LABEL_BOLD, has_reason=True),
    TileSize(4, 24, 50, 22, 16, 4, 3, Heading.ABOVE, SMALL_BOLD),
    TileSize(8, 16, 40, 18, 12, 3, 2, Heading.ABOVE, TINY),
    TileSize(12, 12, 33, 16, 10, 3, 2, Heading.ABOVE, TINY),
    TileSize(20, 6, 21, 0, 14, 3, 2, Heading.BESIDE),
    TileSize(40, 4, 18, 0, 12, 3, 1, Heading.BESIDE),
    TileSize(40, 4, 17, 0, 12, 3, 1, Heading.BESIDE),
)


@dataclass(frozen=True, slots=True)
class Band:
    """Where the tiles of one verdict stand.

    Attributes:
        heading: where its heading is written; None where there is none.
        tiles: one box a tile, row by row.
    """

    heading: Box | None
    tiles: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class WallLayout:
    """Where everything on a wall stands.

    Attributes:
        size: of the tiles.
        bands: one for each count that was given.
        height_px: of the picture: no more than 1000, less where there are few videos.
    """

    size: TileSize
    bands: tuple[Band, ...]
    height_px: int


def lay_out_wall(counts: Sequence[int]) -> WallLayout:
    """Place bands with these numbers of tiles, at most 2,000 together, one under another."""
    for size in SIZES:
        layout = _place(counts, size)
        if layout.height_px <= HEIGHT_PX:
            return layout
    raise ValueError(f"counts must be at most 2000 together in few bands, got {list(counts)}")


def _place(counts: Sequence[int], size: TileSize) -> WallLayout:
    is_beside = size.heading is Heading.BESIDE
    left, right = (GUTTER_PX, WIDTH_PX) if is_beside else (MARGIN_PX, WIDTH_PX - MARGIN_PX)
    # Beside a gutter the last tile keeps its gap, as a margin.
    room = right - left if is_beside else right - left + size.gap_px
    tile_px = room // size.columns - size.gap_px
    y = TOP_PX
    bands = []
    for count in counts:
        heading, top = _heading(size, left, right, y)
        boxes = (_tile_box(i, left, top, tile_px, size) for i in range(count))
        bands.append(Band(heading, tuple(boxes)))
        y = top + -(-count // size.columns) * size.pitch_px + BAND_GAP_PX
    return WallLayout(size, tuple(bands), y - BAND_GAP_PX + BOTTOM_PX)


def _heading(size: TileSize, left: int, right: int, y: int) -> tuple[Box | None, int]:
    """Return where the heading of a band that begins at y stands, and where its tiles begin."""
    match size.heading:
        case Heading.NONE:
            return None, y + NO_HEADING_PX
        case Heading.ABOVE:
            return Box(left, y, right, y + HEADING_PX), y + HEADING_PX
        case Heading.BESIDE:
            return Box(GUTTER_MARGIN_PX, y, GUTTER_PX, y + size.strip_px), y


def _tile_box(index: int, left: int, top: int, width: int, size: TileSize) -> Box:
    row, column = divmod(index, size.columns)
    x, y = left + column * (width + size.gap_px), top + row * size.pitch_px
    return Box(x, y, x + width, y + size.pitch_px)
