"""The vote in one picture: a tile a picture, blurred unless asked otherwise."""

import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipeline.classified import Classified, Seen
from pipeline.drawing.colours import OUTCOME_COLOUR, PANEL
from pipeline.drawing.thumbnails import Pictures
from pipeline.drawing.vote_sheet import MAX_TILES, draw_vote_sheet
from pipeline.records import Gate, ModelFacts, Outcome
from pipeline.votes import Doubt, DoubtKind, PictureVote, Standing, Vote, VoteRule

CAT, DOG = Standing("cat", 0.9), Standing("dog", 0.6)
SAME, OTHER = PictureVote(CAT, 0.5, 1), PictureVote(DOG, 0.25, 1)
SILENT = PictureVote(None, 0.0, 0)


def thumbnail() -> bytes:
    """Return a chessboard: what is blurred of it is grey."""
    board = (np.indices((90, 120)).sum(axis=0) // 3 % 2 * 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(board).convert("RGB").save(out, "JPEG", quality=95)
    return out.getvalue()


def classified(*votes: PictureVote, name: str = "set", is_error: bool = False) -> Classified:
    vote = Vote(
        rule=VoteRule.POOLED,
        answer="cat" if votes else None,
        best=(CAT, DOG) if votes else (),
        other=0.1 if votes else math.nan,
        margin=0.3,
        disagreement=0.0,
        doubts=() if votes else (Doubt(DoubtKind.FEW_PICTURES, 0, 1),),
        pictures=votes,
    )
    seen = Seen(
        Path(f"{name}.jpg"), None, Gate.OK, math.nan, is_stranger=False, thumbnail=thumbnail()
    )
    return Classified(
        name=name,
        text=name,
        files=len(votes),
        candidates_id="objects",
        candidates_version=1,
        candidates_sha256="0" * 64,
        model=ModelFacts("m", "1", "0" * 64, ()),
        bank=None,
        pictures=() if is_error else (seen,) * len(votes),
        unread=(),
        vote=None if is_error else vote,
        error="none of its files could be read" if is_error else "",
    )


def drawn(found: Classified, pictures: Pictures = Pictures.BLURRED) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(draw_vote_sheet(found, pictures=pictures))) as picture:
        return np.asarray(picture.convert("RGB"))


def pixels_of(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> int:
    return int(np.all(picture == colour, axis=-1).sum())


def test_bars_are_as_long_as_votes_weigh_in_the_colour_of_what_they_say() -> None:
    picture = drawn(classified(SAME, OTHER, SILENT), Pictures.HIDDEN)

    same = pixels_of(picture[260:280], OUTCOME_COLOUR[Outcome.PASS])
    other = pixels_of(picture[260:280], OUTCOME_COLOUR[Outcome.REVIEW])
    assert same > 0
    assert other == pytest.approx(same / 2, rel=0.03)


def test_pictures_are_blurred_unless_asked_otherwise() -> None:
    found = classified(SAME)
    contrasts = {style: float(drawn(found, style)[150:250, 40:180, 0].std()) for style in Pictures}

    assert contrasts[Pictures.SHARP] > 60
    assert contrasts[Pictures.BLURRED] < 10
    assert contrasts[Pictures.HIDDEN] == 0
    assert tuple(drawn(found, Pictures.HIDDEN)[200, 100]) == PANEL


@pytest.mark.parametrize("count", [0, 1, 6, 7, MAX_TILES, MAX_TILES + 1, 400])
def test_a_sheet_is_never_taller_than_its_most_tiles(count: int) -> None:
    heights = [drawn(classified(*[SAME] * n)).shape[0] for n in (count, MAX_TILES)]

    assert heights[0] <= heights[1]


def test_what_was_not_judged_is_drawn_too() -> None:
    assert drawn(classified(is_error=True)).shape[1] == 1280


def test_equal_votes_give_equal_bytes() -> None:
    found = classified(SAME, OTHER)

    assert draw_vote_sheet(found, pictures=Pictures.BLURRED) == draw_vote_sheet(
        found, pictures=Pictures.BLURRED
    )


@pytest.mark.parametrize("name", ["x" * 10_000, "\x1b[31m\n\u202e\ud800", "\u0301" * 300, ""])
def test_hostile_names_stay_in_their_boxes(name: str) -> None:
    found = replace(classified(SAME), name=name, text=name)

    assert drawn(found).shape == drawn(classified(SAME)).shape
