"""A vote in words: the answer or what stands against one, and a line a picture."""

import math
from pathlib import Path

import pytest

from pipeline.classified import Classified, Seen, Unread
from pipeline.records import Gate, ModelFacts
from pipeline.votes import Doubt, DoubtKind, PictureVote, Standing, Vote, VoteRule
from pipeline.wording.votes import (
    say_doubt,
    say_doubts,
    say_picture,
    say_standings,
    say_turnout,
    say_where,
)

CAT = Standing("cat", 0.914)
MODEL = ModelFacts("m", "1", "0" * 64, ("CPUExecutionProvider",))


def seen(gate: Gate = Gate.OK, *, is_stranger: bool = False, at_ms: int | None = None) -> Seen:
    return Seen(Path("set/a.jpg"), at_ms, gate, math.nan, is_stranger, b"")


def voted(*doubts: Doubt, pictures: tuple[PictureVote, ...] = ()) -> Vote:
    return Vote(
        rule=VoteRule.POOLED,
        answer=None if doubts else "cat",
        best=(CAT, Standing("dog", 0.05)),
        other=0.036,
        margin=0.864,
        disagreement=0.0,
        doubts=doubts,
        pictures=pictures,
    )


def classified(
    vote: Vote | None, *, pictures: int = 0, unread: int = 0, error: str = ""
) -> Classified:
    return Classified(
        name="set",
        text="",
        files=pictures + unread,
        candidates_id="objects",
        candidates_version=1,
        candidates_sha256="0" * 64,
        model=MODEL,
        bank=None,
        pictures=tuple(seen() for _ in range(pictures)),
        unread=tuple(Unread(Path("b.txt"), "is no picture") for _ in range(unread)),
        vote=vote,
        error=error,
    )


@pytest.mark.parametrize(
    ("doubt", "words"),
    [
        (
            Doubt(DoubtKind.FEW_PICTURES, 0, 1),
            "no different good pictures vote, 1 is wanted",
        ),
        (Doubt(DoubtKind.FEW_PICTURES, 1, 3), "1 different good picture votes, 3 are wanted"),
        (Doubt(DoubtKind.STRANGERS, 0.667, 0.5), "67 % of the good pictures are strangers"),
        (Doubt(DoubtKind.NOTHING_SAID, 0.9), "most likely none of them (0.90)"),
        (Doubt(DoubtKind.TIE), "a tie"),
        (Doubt(DoubtKind.THIN_MARGIN, 0.1, 0.5), "a thin margin of 0.10 where 0.50 is wanted"),
        (Doubt(DoubtKind.LOW_CONFIDENCE, 0.7989, 0.8), "only 0.799 where 0.800 is wanted"),
        (Doubt(DoubtKind.DISAGREEMENT, 0.5, 0.4), "50 % of the votes say something else"),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Doubt) else "",
)
def test_each_doubt_has_its_words(doubt: Doubt, words: str) -> None:
    assert say_doubt(doubt).startswith(words)


def test_every_kind_of_doubt_can_be_said() -> None:
    assert all(say_doubt(Doubt(kind, 0.1, 0.2)) for kind in DoubtKind)


def test_doubts_are_one_line_and_an_answer_has_none() -> None:
    tie, few = Doubt(DoubtKind.TIE), Doubt(DoubtKind.FEW_PICTURES, 1, 2)

    assert say_doubts(voted(few, tie)).endswith("2 are wanted; a tie")
    assert say_doubts(voted()) == ""


def test_the_two_best_stand_beside_none_of_them() -> None:
    assert say_standings(voted()) == "cat 0.91, dog 0.05, none of them 0.04"


@pytest.mark.parametrize(
    ("picture", "vote", "words"),
    [
        pytest.param(seen(), PictureVote(CAT, 0.5, 1), "cat 0.91, weighs 50 %", id="votes"),
        pytest.param(
            seen(),
            PictureVote(CAT, 0.125, 2),
            "cat 0.91, weighs 12 % (one vote of 2 copies)",
            id="a-copy",
        ),
        pytest.param(
            seen(Gate.TOO_SMALL), PictureVote(None, 0, 0), "too small, no vote", id="a-bad-one"
        ),
        pytest.param(
            seen(is_stranger=True),
            PictureVote(CAT, 0, 0),
            "a stranger (cat 0.91), no vote",
            id="a-stranger",
        ),
    ],
)
def test_a_picture_in_a_line(picture: Seen, vote: PictureVote, words: str) -> None:
    assert say_picture(picture, vote) == words


def test_where_a_picture_is_from() -> None:
    assert say_where(seen()) == "set/a.jpg"
    assert say_where(seen(at_ms=61_500)) == "set/a.jpg at 1:01"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param(
            classified(
                voted(pictures=(PictureVote(CAT, 1, 1), PictureVote(None, 0, 0))), pictures=2
            ),
            "1 of 2 pictures vote",
            id="one-of-two",
        ),
        pytest.param(
            classified(voted(pictures=(PictureVote(CAT, 1, 1),)), pictures=1, unread=1),
            "1 of 1 picture votes; 1 of 2 files could not be read",
            id="one-unread",
        ),
        pytest.param(
            classified(None, unread=1, error="x"), "1 of 1 file could not be read", id="none"
        ),
        pytest.param(classified(None, error="there are no pictures"), "", id="nothing"),
    ],
)
def test_how_many_voted_and_could_not_be_read(found: Classified, words: str) -> None:
    assert say_turnout(found) == words


def test_a_submission_has_either_a_vote_or_an_error() -> None:
    with pytest.raises(ValueError, match="either a vote or an error"):
        classified(None)
    with pytest.raises(ValueError, match="must be of the pictures"):
        classified(voted(), pictures=1)
