"""What can be typed to a card."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.learning.asking import Reply
from pipeline.learning.cards import Card, Guess, Why
from pipeline.learning.facts import AnswerKind
from workers.groups_words import Misheard, Wish, hear, say_question


def card(*names: str, tiles: int = 5, members: int = 8) -> Card:
    keys = tuple(f"k{i}" for i in range(members))
    return Card(
        card_id="0",
        members=keys,
        shown=keys[:tiles],
        tile_of=(0,) * members,
        guesses=tuple(Guess(name, 0.5, ()) for name in names),
        why=Why.NEW,
        distinct=members,
        size=members,
        spread=0.1,
        p_named=0.5,
    )


CATS = card("cats", "dogs")
OPEN = card()


@pytest.mark.parametrize(
    ("line", "asked", "heard"),
    [
        pytest.param("y\n", CATS, Reply(AnswerKind.YES), id="y"),
        pytest.param("  YES ", CATS, Reply(AnswerKind.YES), id="yes"),
        pytest.param("n", CATS, Reply(AnswerKind.NO), id="n"),
        pytest.param("?", CATS, Reply(AnswerKind.LATER), id="not-sure"),
        pytest.param("later", OPEN, Reply(AnswerKind.LATER), id="later"),
        pytest.param("n", OPEN, Reply(AnswerKind.NO), id="no-to-an-open-question"),
        pytest.param("b", CATS, Reply(AnswerKind.YES, "dogs"), id="the-second-guess"),
        pytest.param("2 4", CATS, Reply(AnswerKind.ODD, "", (1, 3)), id="odd-ones"),
        pytest.param("4,2,2", CATS, Reply(AnswerKind.ODD, "", (1, 3)), id="odd-ones-with-commas"),
        pytest.param("=my  cat", OPEN, Reply(AnswerKind.YES, "my cat"), id="a-name"),
        pytest.param("1 = cow", OPEN, Reply(AnswerKind.ODD, "cow", (0,)), id="a-name-but-for-one"),
        pytest.param("= y", CATS, Reply(AnswerKind.YES, "y"), id="a-name-like-a-word"),
        pytest.param(
            "= e\u0301", OPEN, Reply(AnswerKind.YES, "\u00e9"), id="one-form-of-an-accent"
        ),
        pytest.param("u", CATS, Wish.UNDO, id="undo"),
        pytest.param("quit", CATS, Wish.QUIT, id="quit"),
        pytest.param("h", CATS, Wish.HELP, id="help"),
    ],
)
def test_what_is_heard(line: str, asked: Card, heard: Reply | Wish) -> None:
    assert hear(line, asked) == heard


@pytest.mark.parametrize(
    ("line", "asked", "why"),
    [
        pytest.param("", CATS, "not understood", id="nothing"),
        pytest.param("maybe", CATS, "not understood", id="another-word"),
        pytest.param("y", OPEN, "type = NAME", id="yes-to-an-open-question"),
        pytest.param("2", OPEN, "type = NAME", id="odd-ones-of-nothing"),
        pytest.param("c", CATS, "not understood", id="a-guess-that-is-not-there"),
        pytest.param("6", CATS, "tiles 1 to 5", id="no-such-tile"),
        pytest.param("0", CATS, "tiles 1 to 5", id="tiles-count-from-one"),
        pytest.param("1 2 3 4 5", CATS, "that is n", id="all-tiles"),
        pytest.param("=", CATS, "a name has", id="no-name"),
        pytest.param("= a\x1b[31m", CATS, "a name has", id="a-terminal-command"),
        pytest.param("=" + "x" * 101, CATS, "a name has", id="an-endless-name"),
        pytest.param("9" * 5_000, CATS, "not understood", id="an-endless-number"),
        pytest.param("\u0662", CATS, "not understood", id="digits-of-another-script"),
    ],
)
def test_what_is_misheard(line: str, asked: Card, why: str) -> None:
    said = hear(line, asked)

    assert isinstance(said, Misheard)
    assert why in said.why


@given(st.text(max_size=30), st.sampled_from([CATS, OPEN, card("x", tiles=1, members=1)]))
def test_nothing_that_is_typed_is_an_error(line: str, asked: Card) -> None:
    assert isinstance(hear(line, asked), Reply | Wish | Misheard)


def test_questions() -> None:
    assert say_question(CATS) == "are these 8 pictures cats?"
    assert say_question(OPEN) == "what are these 8 pictures?"
    assert say_question(card(tiles=1, members=1)) == "what is this picture?"
    assert say_question(card("a cat", tiles=1, members=1)) == "is this picture a cat?"
