"""The header: the verdict, how sure, why, and of what; readable before anything is seen."""

import math

from pipeline.drawing.chips import draw_chip
from pipeline.drawing.colours import PANEL
from pipeline.drawing.layout import HEADER_PX, MARGIN_PX, PLOT_LEFT_PX, WIDTH_PX, Box
from pipeline.drawing.text import (
    DIM,
    HEADLINE,
    LABEL_BOLD,
    SCORE,
    Canvas,
    text_width,
    write,
    write_right,
)
from pipeline.records import Report
from pipeline.wording.reports import caveats, headline, headline_confidence
from pipeline.wording.times import MS_PER_S, format_length, format_time

CHIP_BOX = Box(MARGIN_PX, 13, 152, 51)
FIRST_LINE_PX, SECOND_LINE_PX, SCORE_LINE_PX = 21, 44, 32
REASON_LEFT_PX = 264
SCORE_WIDTH_PX = REASON_LEFT_PX - PLOT_LEFT_PX - 8
FACTS_WIDTH_PX = 300
COLUMN_GAP_PX = 24
ID_CHARACTERS = 15  # "sha256:" and eight digits


def draw_header(canvas: Canvas, report: Report) -> None:
    """Draw the verdict's chip, the score, the reason and its caveats, and the video's facts."""
    canvas.pen.rectangle((0, 0, WIDTH_PX - 1, HEADER_PX - 1), fill=PANEL)
    draw_chip(canvas, CHIP_BOX, report.judgement.verdict.outcome)
    score = score_text(report)
    write(canvas, (PLOT_LEFT_PX, SCORE_LINE_PX), score, SCORE, width_px=SCORE_WIDTH_PX)

    left = REASON_LEFT_PX if score else PLOT_LEFT_PX
    facts_width = _draw_facts(canvas, report)
    reason_width = WIDTH_PX - MARGIN_PX - facts_width - COLUMN_GAP_PX - left
    lines = (
        (FIRST_LINE_PX, headline(report.judgement), HEADLINE),
        (SECOND_LINE_PX, caveats(report), DIM),
    )
    for y, text, ink in lines:
        write(canvas, (left, y), text, ink, width_px=reason_width)


def score_text(report: Report) -> str:
    """Return the headline's confidence with two digits, nothing where no frame was scored."""
    confidence = headline_confidence(report.judgement)
    return "" if math.isnan(confidence) else f"{confidence:.2f}"


def describe_video(report: Report) -> str:
    """Return the video's length, size and codec, and the beginning of the submission's id."""
    short_id = report.submission_id[:ID_CHARACTERS]
    video = report.video
    if video is None:
        return short_id
    size = f"{video.width}×{video.height}"  # noqa: RUF001 - the sign for "by"
    is_short = video.duration_ms < MS_PER_S
    length = (format_length if is_short else format_time)(video.duration_ms)
    return f"{length} · {size} · {video.codec} · {short_id}"


def name_submission(report: Report) -> str:
    """Return what people know the submission by: its tag, else its file, else its id."""
    return report.tag or report.source.name or report.submission_id


def _draw_facts(canvas: Canvas, report: Report) -> int:
    """Draw the submission's name and facts at the right, and return how wide they are."""
    lines = (
        (FIRST_LINE_PX, name_submission(report), LABEL_BOLD),
        (SECOND_LINE_PX, describe_video(report), DIM),
    )
    for y, text, ink in lines:
        position = (WIDTH_PX - MARGIN_PX, y)
        write_right(canvas, position, text, ink, width_px=FACTS_WIDTH_PX)
    return min(FACTS_WIDTH_PX, max(text_width(text, ink) for _, text, ink in lines))
