"""The vote in one picture: each of its pictures, what it said, and how much that weighed."""

from PIL import Image

from pipeline.classified import Classified, Seen, VoteOutcome
from pipeline.drawing.chips import draw_mark
from pipeline.drawing.colours import LINE, OUTCOME_COLOUR, PAGE, PANEL, hatch
from pipeline.drawing.layout import Box
from pipeline.drawing.png import encode_png
from pipeline.drawing.text import (
    DIM,
    HEADLINE,
    SCORE,
    SMALL_BOLD,
    SMALL_DIM,
    Canvas,
    new_canvas,
    wrap,
    write,
    write_right,
)
from pipeline.drawing.thumbnails import Pictures, show_thumbnail
from pipeline.records import Outcome
from pipeline.votes import PictureVote, Vote
from pipeline.wording.times import format_time
from pipeline.wording.votes import say_doubts, say_said, say_standings, say_turnout, say_weight

WIDTH_PX, MARGIN_PX = 1280, 16
COLUMNS, MAX_TILES = 6, 60
GAP_PX = 12
TILE_PX = (WIDTH_PX - 2 * MARGIN_PX - (COLUMNS - 1) * GAP_PX) // COLUMNS
PICTURE_PX, BAR_PX, LINE_PX = 136, 6, 18
ROW_PX = PICTURE_PX + BAR_PX + 3 * LINE_PX + 22
HEADER_PX, FOOTER_PX = 132, 30
MARK_PX, SMALL_MARK_PX = 40, 12
# A submission's outcome, and a picture's vote, in the shapes that verdicts have.
MARK_OF = {
    VoteOutcome.ANSWER: Outcome.PASS,
    VoteOutcome.REVIEW: Outcome.REVIEW,
    VoteOutcome.ERROR: Outcome.ERROR,
}
AGREES, DIFFERS, SILENT = Outcome.PASS, Outcome.REVIEW, Outcome.ERROR


def draw_vote_sheet(classified: Classified, *, pictures: Pictures) -> bytes:
    """Draw a submission's vote, 1280 wide, and return the PNG file.

    At the top the answer, or "to a person" and why; under it a tile a picture, in order, at most
    60: a tick where it says the same as the best, a diamond where it says something else, a
    triangle where it has no vote. The bar under it is its share of the votes.
    """
    vote = classified.vote
    entries = list(zip(classified.pictures, vote.pictures if vote else (), strict=False))
    shown = entries[:MAX_TILES]
    rows = -(-len(shown) // COLUMNS)
    canvas = new_canvas(WIDTH_PX, HEADER_PX + rows * ROW_PX + FOOTER_PX, PAGE)
    _draw_header(canvas, classified)
    heaviest = max((voted.weight for _, voted in shown), default=0.0)
    for i, (seen, voted) in enumerate(shown):
        left = MARGIN_PX + i % COLUMNS * (TILE_PX + GAP_PX)
        top = HEADER_PX + i // COLUMNS * ROW_PX
        box = Box(left, top, left + TILE_PX, top + ROW_PX)
        _draw_tile(canvas, box, seen, voted, mark=_mark_of(voted, vote), pictures=pictures)
        _draw_bar(canvas, box, voted.weight / heaviest if heaviest else 0.0, _mark_of(voted, vote))
    if len(entries) > len(shown):
        more = f"and {len(entries) - len(shown)} more"
        y = HEADER_PX + rows * ROW_PX + FOOTER_PX // 2
        write(canvas, (MARGIN_PX, y), more, DIM, width_px=WIDTH_PX - 2 * MARGIN_PX)
    return encode_png(canvas.image, {})


def _draw_header(canvas: Canvas, classified: Classified) -> None:
    vote, mark = classified.vote, MARK_OF[classified.outcome]
    draw_mark(canvas, (MARGIN_PX, 20), mark, MARK_PX)
    left = MARGIN_PX + MARK_PX + GAP_PX
    width = WIDTH_PX - MARGIN_PX - left
    write(canvas, (left, 40), _title(classified), SCORE, width_px=width // 2)
    standings = say_standings(vote) if vote else ""
    right = WIDTH_PX - MARGIN_PX
    write_right(canvas, (right, 32), standings, HEADLINE, width_px=width // 2)
    write_right(canvas, (right, 56), classified.name, DIM, width_px=width // 2)
    why = say_doubts(vote) if vote else classified.error
    text = f"title: {classified.text}" if classified.text else ""
    lines = [part for part in (why, say_turnout(classified), text) if part]
    for i, line in enumerate(wrap("; ".join(lines), DIM, width_px=width, max_lines=2)):
        write(canvas, (left, 80 + i * LINE_PX), line, DIM, width_px=width)


def _title(classified: Classified) -> str:
    vote = classified.vote
    if vote is None:
        return "not judged"
    return f"{vote.answer} {vote.best[0].confidence:.2f}" if vote.answer else "to a person"


def _mark_of(voted: PictureVote, vote: Vote | None) -> Outcome:
    if voted.weight == 0 or vote is None:
        return SILENT
    is_same = voted.best is not None and voted.best.name == vote.best[0].name
    return AGREES if is_same else DIFFERS


def _draw_tile(  # noqa: PLR0913 - all that is known of one picture
    canvas: Canvas,
    box: Box,
    seen: Seen,
    voted: PictureVote,
    *,
    mark: Outcome,
    pictures: Pictures,
) -> None:
    if pictures is Pictures.HIDDEN:
        shown = Image.new("RGB", (TILE_PX, PICTURE_PX), PANEL)
    else:
        shown = show_thumbnail(
            seen.thumbnail, width_px=TILE_PX, height_px=PICTURE_PX, pictures=pictures
        )
    if mark is SILENT:
        stripes = Image.fromarray(hatch(PICTURE_PX, TILE_PX))
        shown = Image.blend(shown, stripes, 0.5)
    canvas.image.paste(shown, (box.left, box.top))
    y = box.top + PICTURE_PX + BAR_PX + GAP_PX + 4
    draw_mark(canvas, (box.left, y - SMALL_MARK_PX // 2), mark, SMALL_MARK_PX)
    left = box.left + SMALL_MARK_PX + 6
    write(canvas, (left, y), say_said(seen, voted), SMALL_BOLD, width_px=box.right - left)
    moment = "" if seen.timestamp_ms is None else f"{format_time(seen.timestamp_ms)} "
    below = (say_weight(voted), f"{moment}{seen.path.name}")
    for i, line in enumerate(below, start=1):
        write(canvas, (box.left, y + i * LINE_PX), line, SMALL_DIM, width_px=TILE_PX)


def _draw_bar(canvas: Canvas, box: Box, share: float, mark: Outcome) -> None:
    """Draw a picture's weight, the heaviest picture's being the whole width."""
    top = box.top + PICTURE_PX + 2
    canvas.pen.rectangle((box.left, top, box.right - 1, top + BAR_PX - 1), fill=LINE)
    width = round(share * TILE_PX)
    if width:
        corners = (box.left, top, box.left + width - 1, top + BAR_PX - 1)
        canvas.pen.rectangle(corners, fill=OUTCOME_COLOUR[mark])
