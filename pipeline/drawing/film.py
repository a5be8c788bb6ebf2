"""The film strip: the video at equal steps of time, with a numbered pin at each event."""

from collections.abc import Sequence

from PIL import Image

from pipeline.drawing.assets import Weight
from pipeline.drawing.colours import BLACK, PANEL, WHITE, hatch
from pipeline.drawing.layout import (
    FILM_FRAMES,
    FILM_HEIGHT_PX,
    FILM_TOP_PX,
    GUTTER_PX,
    MARGIN_PX,
    MARKER_PX,
    PLOT_LEFT_PX,
    PLOT_RIGHT_PX,
    Box,
    film_boxes,
    plot_box,
    spread,
    time_to_px,
)
from pipeline.drawing.text import DIM, SMALL_DIM, Canvas, Ink, write_middle, write_right
from pipeline.drawing.thumbnails import Pictures, find_thumbnail, show_thumbnail
from pipeline.records import Event, Thumbnails, Timeline

PIN_WIDTH_PX, PIN_HEIGHT_PX = 15, 14
PIN_INK = Ink(11, Weight.BOLD, BLACK)


def draw_film(
    canvas: Canvas,
    timeline: Timeline,
    *,
    thumbnails: Sequence[Thumbnails],
    pictures: Pictures,
) -> None:
    """Draw the frames of one stream nearest to 16 equal steps; hatch where nothing was sampled."""
    strip = plot_box(FILM_TOP_PX, FILM_HEIGHT_PX)
    label = (PLOT_LEFT_PX - GUTTER_PX, strip.middle_px)
    width = PLOT_LEFT_PX - GUTTER_PX - MARGIN_PX
    write_right(canvas, label, "Film strip", DIM, width_px=width)
    has_none = not any(each.stream == timeline.stream and each.jpegs for each in thumbnails)
    if pictures is Pictures.HIDDEN or has_none:
        canvas.pen.rectangle(strip.corners, fill=PANEL)
        middle = ((strip.left + strip.right) // 2, strip.middle_px)
        write_middle(canvas, middle, "no pictures", SMALL_DIM, width_px=width)
        return
    for index, box in enumerate(film_boxes()):
        time_ms = (2 * index + 1) * timeline.duration_ms // (2 * FILM_FRAMES)
        jpeg = find_thumbnail(thumbnails, stream=timeline.stream, timestamp_ms=time_ms)
        is_uncovered = any(s.start_ms <= time_ms < s.end_ms for s in timeline.uncovered)
        if jpeg is None or is_uncovered:
            cell = Image.fromarray(hatch(box.height_px, box.width_px))
        else:
            cell = show_thumbnail(
                jpeg, width_px=box.width_px, height_px=box.height_px, pictures=pictures
            )
        canvas.image.paste(cell, (box.left, box.top))


def draw_pins(canvas: Canvas, events: Sequence[Event], *, duration_ms: int) -> None:
    """Draw a pin with its number above the moment of each event, over the film strip's edge."""
    bottom = FILM_TOP_PX + FILM_HEIGHT_PX
    for number, true_x, x in place_events(events, duration_ms=duration_ms, gap_px=PIN_WIDTH_PX + 1):
        left = x - PIN_WIDTH_PX // 2
        plate = Box(left, bottom - PIN_HEIGHT_PX, left + PIN_WIDTH_PX, bottom)
        canvas.pen.rectangle(plate.corners, fill=WHITE)
        foot = (true_x, bottom + MARKER_PX)
        canvas.pen.polygon([(plate.left + 2, bottom), (plate.right - 3, bottom), foot], fill=WHITE)
        middle = (x, plate.middle_px)
        width = PIN_WIDTH_PX
        write_middle(canvas, middle, str(number), PIN_INK, width_px=width)


def place_events(
    events: Sequence[Event], *, duration_ms: int, gap_px: int
) -> list[tuple[int, int, int]]:
    """Return each event's number, its true x, and an x for its number that no other touches."""
    numbered = sorted((event.timestamp_ms, number) for number, event in enumerate(events, start=1))
    true = [time_to_px(time_ms, duration_ms) for time_ms, _ in numbered]
    moved = spread(true, gap_px=gap_px, first_px=PLOT_LEFT_PX, last_px=PLOT_RIGHT_PX - 1)
    return [(n, x, free) for (_, n), x, free in zip(numbered, true, moved, strict=True)]
