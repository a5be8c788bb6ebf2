"""Where everything stands in the 1280 x 720 heatmap: boxes, nothing drawn.

The heights are those of a policy with five categories or more; with fewer, rows and trace share
the freed height in proportion.
"""

from dataclasses import dataclass

WIDTH_PX, HEIGHT_PX = 1280, 720
MARGIN_PX = 16
HEADER_PX = 64
PLOT_LEFT_PX, COLUMNS = 168, 1024
PLOT_RIGHT_PX = PLOT_LEFT_PX + COLUMNS
GUTTER_PX = 10  # between the plot and the words beside it

TILE_TOP_PX, TILE_WIDTH_PX, TILE_HEIGHT_PX, TILE_GAP_PX = 80, 148, 84, 9
MAX_TILES = 8
FILM_TOP_PX, FILM_HEIGHT_PX, FILM_FRAMES = 196, 54, 16
MARKER_PX = 9
ROWS_TOP_PX = 262
MAX_ROWS = 5
ANY_HEIGHT_PX, ROW_HEIGHT_PX, TRACE_HEIGHT_PX = 44, 34, 84
ROW_GAP_PX, TRACE_GAP_PX = 9, 13
TRACE_BOTTOM_PX = 618
AXIS_PX = 636
LEGEND_TOP_PX = 684


@dataclass(frozen=True, slots=True)
class Box:
    """A half-open rectangle of pixels: right and bottom are just outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width_px(self) -> int:
        """How many pixels wide."""
        return self.right - self.left

    @property
    def height_px(self) -> int:
        """How many pixels high."""
        return self.bottom - self.top

    @property
    def middle_px(self) -> int:
        """The y of its middle line."""
        return (self.top + self.bottom) // 2

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """The first and the last pixel inside, as Pillow's pens want them."""
        return self.left, self.top, self.right - 1, self.bottom - 1


@dataclass(frozen=True, slots=True)
class Layout:
    """The boxes that depend on the number of categories.

    Attributes:
        any_row: the row of the maximum; with one category, that category's.
        rows: one a category that is shown, worst first; none where there is one category.
        trace: the score trace.
    """

    any_row: Box
    rows: tuple[Box, ...]
    trace: Box


def lay_out(n_categories: int) -> Layout:
    """Share the height between rows and trace."""
    n_rows = 0 if n_categories == 1 else min(n_categories, MAX_ROWS)
    free_px = TRACE_BOTTOM_PX - ROWS_TOP_PX - TRACE_GAP_PX - n_rows * ROW_GAP_PX
    wanted_px = ANY_HEIGHT_PX + n_rows * ROW_HEIGHT_PX + TRACE_HEIGHT_PX
    any_px = ANY_HEIGHT_PX * free_px // wanted_px
    row_px = ROW_HEIGHT_PX * free_px // wanted_px

    rows_top = ROWS_TOP_PX + any_px + ROW_GAP_PX
    tops = [rows_top + i * (row_px + ROW_GAP_PX) for i in range(n_rows)]
    trace_top = ROWS_TOP_PX + any_px + n_rows * (row_px + ROW_GAP_PX) + TRACE_GAP_PX
    return Layout(
        plot_box(ROWS_TOP_PX, any_px),
        tuple(plot_box(top, row_px) for top in tops),
        Box(PLOT_LEFT_PX, trace_top, PLOT_RIGHT_PX, TRACE_BOTTOM_PX),
    )


def plot_box(top_px: int, height_px: int) -> Box:
    """Return a box over the whole width of the plot."""
    return Box(PLOT_LEFT_PX, top_px, PLOT_RIGHT_PX, top_px + height_px)


def tile_box(index: int) -> Box:
    """Return where the picture of event *index*, from 0, stands."""
    left = MARGIN_PX + index * (TILE_WIDTH_PX + TILE_GAP_PX)
    return Box(left, TILE_TOP_PX, left + TILE_WIDTH_PX, TILE_TOP_PX + TILE_HEIGHT_PX)


def film_boxes() -> tuple[Box, ...]:
    """Return the cells of the film strip, from the video's start to its end."""
    width = COLUMNS // FILM_FRAMES
    lefts = range(PLOT_LEFT_PX, PLOT_RIGHT_PX, width)
    return tuple(Box(x, FILM_TOP_PX, x + width, FILM_TOP_PX + FILM_HEIGHT_PX) for x in lefts)


def time_to_px(time_ms: int, duration_ms: int) -> int:
    """Return the x of the column in which a time in [0, duration_ms) lies."""
    return PLOT_LEFT_PX + time_ms * COLUMNS // duration_ms


def spread(positions_px: list[int], *, gap_px: int, first_px: int, last_px: int) -> list[int]:
    """Move rising positions apart to at least *gap_px* inside [first_px, last_px].

    Where they do not all fit, the first ones crowd.

    >>> spread([10, 12, 98], gap_px=10, first_px=0, last_px=100)
    [10, 20, 98]
    >>> spread([95, 99], gap_px=10, first_px=0, last_px=100)
    [90, 100]
    """
    moved: list[int] = []
    for position in positions_px:
        moved.append(max([position, first_px, *[p + gap_px for p in moved[-1:]]]))
    limit = last_px
    for i in reversed(range(len(moved))):
        moved[i] = max(first_px, min(moved[i], limit))
        limit = moved[i] - gap_px
    return moved
