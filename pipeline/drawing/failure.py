"""What stands in the heatmap's place where no frame could be judged: words that say why."""

from PIL import Image

from pipeline.drawing.chips import draw_mark
from pipeline.drawing.colours import PANEL, hatch
from pipeline.drawing.layout import (
    GUTTER_PX,
    MARGIN_PX,
    PLOT_LEFT_PX,
    TILE_TOP_PX,
    WIDTH_PX,
    Box,
    plot_box,
)
from pipeline.drawing.text import (
    DIM,
    HEADLINE,
    LABEL_BOLD,
    SCORE,
    SMALL_DIM,
    Canvas,
    wrap,
    write,
    write_right,
)
from pipeline.records import Report
from pipeline.wording.reports import say_reason

PANEL_BOX = Box(MARGIN_PX, TILE_TOP_PX, WIDTH_PX - MARGIN_PX, 500)
HATCH_BOX = plot_box(PANEL_BOX.bottom + 24, 96)
AXIS_PX = HATCH_BOX.bottom + 18
MARK_PX = 96
TEXT_LEFT_PX = 300
TEXT_WIDTH_PX = PANEL_BOX.right - 60 - TEXT_LEFT_PX
LINE_PX, REASON_GAP_PX = 26, 10
MAX_REASONS, MAX_LINES = 4, 3


def draw_failure(canvas: Canvas, report: Report) -> None:
    """Draw a panel with the verdict's reasons in full sentences."""
    canvas.pen.rounded_rectangle(PANEL_BOX.corners, radius=8, fill=PANEL)
    reasons = [
        wrap(_sentence(say_reason(reason)), HEADLINE, width_px=TEXT_WIDTH_PX, max_lines=MAX_LINES)
        for reason in report.judgement.verdict.reasons[:MAX_REASONS]
    ]
    height = sum(len(lines) * LINE_PX + REASON_GAP_PX for lines in reasons)
    y = PANEL_BOX.middle_px - height // 2
    mark = (TEXT_LEFT_PX - MARK_PX - 40, PANEL_BOX.middle_px - MARK_PX // 2)
    draw_mark(canvas, mark, report.judgement.verdict.outcome, MARK_PX)
    title = (TEXT_LEFT_PX, y - 40)
    write(canvas, title, "Not judged", SCORE, width_px=TEXT_WIDTH_PX)
    y += LINE_PX // 2
    for lines in reasons:
        for line in lines:
            write(canvas, (TEXT_LEFT_PX, y), line, HEADLINE, width_px=TEXT_WIDTH_PX)
            y += LINE_PX
        y += REASON_GAP_PX
    _draw_unknown(canvas)
    advice = "Nothing is known of this submission. It is not safe to pass: a person should look."
    write(canvas, (TEXT_LEFT_PX, y + 8), advice, DIM, width_px=TEXT_WIDTH_PX)


def _draw_unknown(canvas: Canvas) -> None:
    """Draw the row that could not be drawn, hatched from end to end."""
    pixels = hatch(HATCH_BOX.height_px, HATCH_BOX.width_px)
    canvas.image.paste(Image.fromarray(pixels), (HATCH_BOX.left, HATCH_BOX.top))
    label = (PLOT_LEFT_PX - GUTTER_PX, HATCH_BOX.middle_px)
    width = PLOT_LEFT_PX - GUTTER_PX - MARGIN_PX
    write_right(canvas, label, "ANY", LABEL_BOLD, width_px=width)
    note = (PLOT_LEFT_PX, AXIS_PX)
    write(canvas, note, "not sampled from start to end", SMALL_DIM, width_px=HATCH_BOX.width_px)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"
