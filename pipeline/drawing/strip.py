"""The strip: a video's ANY row alone, for queues and e-mails."""

from collections.abc import Sequence

import numpy as np

from pipeline.drawing.assets import ColourMap, colour_table
from pipeline.drawing.colours import PAGE
from pipeline.drawing.heatmap import is_judged, read_actions
from pipeline.drawing.layout import COLUMNS, Box
from pipeline.drawing.png import encode_png
from pipeline.drawing.rows import BAR_GAP_PX, BLOCK_BAR_PX, draw_row
from pipeline.drawing.text import new_canvas
from pipeline.records import Policy, Timeline

HEIGHT_PX = 44
ROW_BOX = Box(0, 0, COLUMNS, HEIGHT_PX - BAR_GAP_PX - BLOCK_BAR_PX)


def draw_strip(
    timelines: Sequence[Timeline], *, policy: Policy, colour_map: ColourMap = ColourMap.INFERNO
) -> bytes:
    """Draw the ANY row with its bar, 1024 x 44, and return the PNG file.

    It is hatched from end to end where nothing was judged.
    """
    canvas = new_canvas(COLUMNS, HEIGHT_PX, PAGE)
    actions = np.full(COLUMNS, np.nan, dtype=np.float32)
    levels = np.zeros(COLUMNS, dtype=np.uint8)
    if is_judged(timelines):
        action_map = read_actions(timelines, policy=policy, columns=COLUMNS)
        actions, levels = action_map.any_actions, action_map.any_levels
    draw_row(canvas, ROW_BOX, actions, levels, colour_table(colour_map))
    return encode_png(canvas.image, {})
