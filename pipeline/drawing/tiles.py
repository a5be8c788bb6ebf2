"""The contact sheet: one tile an event, worst first, and beside few of them the segments."""

from collections.abc import Sequence

import numpy as np

from pipeline.drawing.actions import action_of
from pipeline.drawing.chips import draw_mark
from pipeline.drawing.colours import BLACK, LINE, PANEL, WHITE, tone
from pipeline.drawing.layout import MARGIN_PX, MAX_TILES, WIDTH_PX, Box, tile_box
from pipeline.drawing.style import HeatmapStyle
from pipeline.drawing.text import (
    DIM,
    HEADLINE,
    LABEL,
    LABEL_BOLD,
    SMALL,
    SMALL_BOLD,
    SMALL_DIM,
    Canvas,
    Ink,
    text_width,
    write,
    write_middle,
    write_right,
)
from pipeline.drawing.thumbnails import Pictures, find_thumbnail, show_thumbnail
from pipeline.records import Event, Judgement, Outcome, Policy, Rule, Thumbnails
from pipeline.wording.reports import highest_category, say_segment
from pipeline.wording.times import format_time

BORDER_PX, BADGE_PX = 3, 20
CAPTION_PX = 12  # from the tile's lower edge to the middle of its caption
CAPTION_GAP_PX = 8
LIST_GAP_PX, LIST_LINE_PX, NAME_GAP_PX = 40, 22, 14
MAX_LISTED = 3
MIN_LIST_PX = 300
MARK_PX, CORNER_PX = 28, 8
NOTE_INDENT_PX, NOTE_LINE_PX = 28, 25


def draw_tiles(
    canvas: Canvas,
    judgement: Judgement,
    *,
    policy: Policy,
    thumbnails: Sequence[Thumbnails],
    style: HeatmapStyle,
) -> None:
    """Draw the events' tiles; without events a line that says so."""
    events = judgement.events[:MAX_TILES]
    if not events:
        _draw_no_events(canvas, judgement, policy)
        return
    rules = {rule.category: rule for rule in policy.rules}
    for index, event in enumerate(events):
        box = tile_box(index)
        _draw_picture(canvas, box, event, thumbnails=thumbnails, pictures=style.pictures)
        action = action_of(np.array([event.confidence], dtype=np.float32), rules[event.category])
        red, green, blue = tone(action, style.table)[0].tolist()
        canvas.pen.rectangle(box.corners, outline=(red, green, blue), width=BORDER_PX)
        _draw_badge(canvas, box, index + 1)
        _draw_caption(canvas, box, event, rules[event.category])
    _draw_segments(canvas, judgement, left_px=tile_box(len(events) - 1).right + LIST_GAP_PX)


def _draw_picture(
    canvas: Canvas,
    box: Box,
    event: Event,
    *,
    thumbnails: Sequence[Thumbnails],
    pictures: Pictures,
) -> None:
    jpeg = find_thumbnail(thumbnails, stream=event.stream, timestamp_ms=event.timestamp_ms)
    if jpeg is None or pictures is Pictures.HIDDEN:
        canvas.pen.rectangle(box.corners, fill=PANEL)
        middle = ((box.left + box.right) // 2, box.middle_px)
        write_middle(canvas, middle, "no picture", SMALL_DIM, width_px=box.width_px)
        return
    frame = show_thumbnail(jpeg, width_px=box.width_px, height_px=box.height_px, pictures=pictures)
    canvas.image.paste(frame, (box.left, box.top))


def _draw_badge(canvas: Canvas, box: Box, number: int) -> None:
    badge = Box(box.left, box.top, box.left + BADGE_PX, box.top + BADGE_PX)
    canvas.pen.rectangle(badge.corners, fill=WHITE)
    middle = (badge.left + BADGE_PX // 2, badge.middle_px)
    ink = Ink(SMALL_BOLD.size_px, SMALL_BOLD.weight, BLACK)
    write_middle(canvas, middle, str(number), ink, width_px=BADGE_PX)


def _draw_caption(canvas: Canvas, box: Box, event: Event, rule: Rule) -> None:
    """Write time, category and confidence; a long category gives way, the number never.

    Only a peak over the threshold is in question; what lies below it, nobody looks at twice.
    """
    y = box.bottom + CAPTION_PX
    time = format_time(event.timestamp_ms)
    in_question = event.confidence >= rule.review and not event.is_confirmed
    number = f" {event.confidence:.2f}" + (" ?" if in_question else "")
    ink = SMALL if event.is_confirmed else SMALL_DIM
    # Cleaning drops the space in front: it is added as a width.
    number_width = text_width(number, ink) + text_width("n", ink) // 2
    name_width = box.width_px - text_width(time, SMALL_BOLD) - CAPTION_GAP_PX - number_width
    write(canvas, (box.left, y), time, SMALL_BOLD, width_px=box.width_px)
    write_right(canvas, (box.right, y), number, ink, width_px=number_width)
    name = (box.right - number_width, y)
    write_right(canvas, name, event.category, ink, width_px=name_width)


def _draw_segments(canvas: Canvas, judgement: Judgement, *, left_px: int) -> None:
    """List the worst segments where the tiles leave room for it."""
    width = WIDTH_PX - MARGIN_PX - left_px
    worst = sorted(judgement.segments, key=lambda each: (-each.max_score, each.start_ms))
    if width < MIN_LIST_PX or not worst:
        return
    listed, more = worst[:MAX_LISTED], len(worst) - MAX_LISTED
    first, rule_px = tile_box(0), left_px - LIST_GAP_PX // 2
    canvas.pen.line((rule_px, first.top, rule_px, first.bottom - 1), fill=LINE)
    title = "At or above the review threshold" + (f", and {more} more" if more > 0 else "")
    y = first.middle_px - len(listed) * LIST_LINE_PX // 2
    write(canvas, (left_px, y), title, DIM, width_px=width)
    names = [text_width(segment.category, LABEL_BOLD) for segment in listed]
    name_width = min(width // 3, max(names))
    for segment in listed:
        y += LIST_LINE_PX
        write(canvas, (left_px, y), segment.category, LABEL_BOLD, width_px=name_width)
        x = left_px + name_width + NAME_GAP_PX
        write(canvas, (x, y), say_segment(segment), LABEL, width_px=width - (x - left_px))


def _draw_no_events(canvas: Canvas, judgement: Judgement, policy: Policy) -> None:
    """Say in the tiles' place that there is no moment to show."""
    first_tile = tile_box(0)
    bottom = first_tile.bottom + CAPTION_PX
    box = Box(MARGIN_PX, first_tile.top, WIDTH_PX - MARGIN_PX, bottom)
    canvas.pen.rounded_rectangle(box.corners, radius=CORNER_PX, fill=PANEL)
    outcome = judgement.verdict.outcome
    left, y = box.left + NOTE_INDENT_PX, box.middle_px
    draw_mark(canvas, (left, y - MARK_PX // 2), outcome, MARK_PX)
    left += MARK_PX + NOTE_INDENT_PX
    width = box.right - NOTE_INDENT_PX - left
    is_pass = outcome is Outcome.PASS
    first = "Nothing here needs a look" if is_pass else "No single moment stands out"
    advice = "" if is_pass else " A person should look all the same: the reason stands above."
    write(canvas, (left, y - NOTE_LINE_PX // 2), first, HEADLINE, width_px=width)
    second = (left, y + NOTE_LINE_PX // 2)
    write(canvas, second, _say_highest(judgement, policy) + advice, DIM, width_px=width)


def _say_highest(judgement: Judgement, policy: Policy) -> str:
    highest = highest_category(judgement)
    if highest is None:
        return "No frame could be scored."
    review = next(r.review for r in policy.rules if r.category == highest.category)
    peak = f"{highest.category} {highest.confidence:.2f}"
    return f"The highest of all frames is {peak}; a review begins at {review:.2f}."
