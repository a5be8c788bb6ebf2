"""The time axis: round times, the shot cuts, and the events' numbers above it."""

from collections.abc import Iterable, Sequence

from pipeline.drawing.colours import CUT, DIM_TEXT, LINE
from pipeline.drawing.film import place_events
from pipeline.drawing.layout import (
    AXIS_PX,
    PLOT_LEFT_PX,
    PLOT_RIGHT_PX,
    TRACE_BOTTOM_PX,
    time_to_px,
)
from pipeline.drawing.text import SMALL_BOLD, SMALL_DIM, Canvas, write_middle
from pipeline.records import Event
from pipeline.wording.times import tick_label, tick_step

CUT_PX, TICK_PX = 5, 10
LABEL_DROP_PX = 19
LABEL_WIDTH_PX = 90
NUMBER_GAP_PX = 16


def draw_axis(
    canvas: Canvas, *, duration_ms: int, cuts_ms: Iterable[int], events: Sequence[Event]
) -> None:
    """Draw the axis of [0, duration_ms), at most ten labelled ticks."""
    canvas.pen.line((PLOT_LEFT_PX, AXIS_PX, PLOT_RIGHT_PX - 1, AXIS_PX), fill=LINE)
    for x in sorted({time_to_px(cut_ms, duration_ms) for cut_ms in cuts_ms}):
        canvas.pen.line((x, AXIS_PX + 1, x, AXIS_PX + CUT_PX), fill=CUT)
    step_ms = tick_step(duration_ms)
    for time_ms in range(0, duration_ms, step_ms):
        x = time_to_px(time_ms, duration_ms)
        canvas.pen.line((x, AXIS_PX, x, AXIS_PX + TICK_PX), fill=DIM_TEXT)
        position, label = (x, AXIS_PX + LABEL_DROP_PX), tick_label(time_ms, step_ms)
        write_middle(canvas, position, label, SMALL_DIM, width_px=LABEL_WIDTH_PX)
    for number, _, x in place_events(events, duration_ms=duration_ms, gap_px=NUMBER_GAP_PX):
        position = (x, (TRACE_BOTTOM_PX + AXIS_PX) // 2)
        width = NUMBER_GAP_PX
        write_middle(canvas, position, str(number), SMALL_BOLD, width_px=width)
