"""The legend: what the colours, the hatch, the bars and the signs mean, and who judged."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.drawing.colours import REVIEW_BAR, WHITE, hatch, paint
from pipeline.drawing.layout import (
    GUTTER_PX,
    LEGEND_TOP_PX,
    MARGIN_PX,
    PLOT_LEFT_PX,
    WIDTH_PX,
    Box,
)
from pipeline.drawing.rows import BLOCK_BAR_PX, REVIEW_BAR_PX
from pipeline.drawing.text import SMALL_DIM, TINY_DIM, Canvas, text_width, write, write_middle
from pipeline.drawing.trace import threshold_names
from pipeline.records import Policy, Report

SCALE_BOX = Box(PLOT_LEFT_PX, LEGEND_TOP_PX, PLOT_LEFT_PX + 260, LEGEND_TOP_PX + 12)
SCALE_LABEL_PX = 22  # from the scale's top to the middle of its labels
KEYS_LEFT_PX = 484
KEY_WIDTH_PX, KEY_HEIGHT_PX, KEY_GAP_PX, KEY_PITCH_PX = 28, 12, 8, 26
FACTS_TOP_PX, FACTS_LINE_PX = 685, 17


def draw_legend(
    canvas: Canvas, report: Report, *, policy: Policy, table: NDArray[np.uint8]
) -> None:
    """Draw the colour scale with the thresholds on it, then the keys."""
    draw_versions(canvas, report)
    ramp = np.linspace(0, 1, SCALE_BOX.width_px, dtype=np.float32)
    scale = Image.fromarray(paint(ramp, height_px=SCALE_BOX.height_px, table=table))
    canvas.image.paste(scale, (SCALE_BOX.left, SCALE_BOX.top))
    for action, name in [(0.0, "0"), *threshold_names(policy), (1.0, "1")]:
        x = SCALE_BOX.left + round(action * (SCALE_BOX.width_px - 1))
        if 0 < action < 1:
            canvas.pen.line((x, SCALE_BOX.top, x, SCALE_BOX.bottom + 3), fill=WHITE)
        position = (x, SCALE_BOX.top + SCALE_LABEL_PX)
        write_middle(canvas, position, name, TINY_DIM, width_px=100)
    _draw_keys(canvas, policy)


def draw_versions(canvas: Canvas, report: Report) -> None:
    """Write which model and which policy stand behind the picture."""
    width = PLOT_LEFT_PX - GUTTER_PX - MARGIN_PX
    model = f"{report.model.model_id} {report.model.version}"
    policy = f"policy {report.policy_id} v{report.policy_version}"
    for index, line in enumerate((model, policy)):
        position = (MARGIN_PX, FACTS_TOP_PX + index * FACTS_LINE_PX)
        write(canvas, position, line, TINY_DIM, width_px=width)


def _draw_keys(canvas: Canvas, policy: Policy) -> None:
    """Draw the keys one after another, each a sign and its words."""
    y = SCALE_BOX.middle_px
    top = y - KEY_HEIGHT_PX // 2
    x = KEYS_LEFT_PX
    pattern = Image.fromarray(hatch(KEY_HEIGHT_PX, KEY_WIDTH_PX))
    canvas.image.paste(pattern, (x, top))
    x = _write_key(canvas, x + KEY_WIDTH_PX + KEY_GAP_PX, "not sampled or unusable")
    bars = [(REVIEW_BAR, REVIEW_BAR_PX, "review")]
    if any(rule.block is not None for rule in policy.rules):
        bars.append((WHITE, BLOCK_BAR_PX, "block"))
    for colour, height, word in bars:
        bar = Box(x, y - height // 2, x + KEY_WIDTH_PX, y - height // 2 + height)
        canvas.pen.rectangle(bar.corners, fill=colour)
        x = _write_key(canvas, x + KEY_WIDTH_PX + KEY_GAP_PX, word)
    x = _write_key(canvas, x, "? = not confirmed")
    _write_key(canvas, x, "column = max of its frames")


def _write_key(canvas: Canvas, left_px: int, words: str) -> int:
    """Write a key's words and return where the next key begins."""
    width = WIDTH_PX - MARGIN_PX - left_px
    write(canvas, (left_px, SCALE_BOX.middle_px), words, SMALL_DIM, width_px=width)
    return left_px + text_width(words, SMALL_DIM) + KEY_PITCH_PX
