"""What a person types to a card, and how a card is said in one line."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from pipeline.learning.asking import MAX_NAME_CHARS, Reply
from pipeline.learning.cards import Card, Why
from pipeline.learning.facts import AnswerKind

HELP = """\
  y, yes          all of them are
  n, no           none is; to "what is this?": nothing that needs a name
  2 4             these tiles are not, the rest are
  = NAME          all are NAME; 2 4 = NAME: but for these
  b, c            all are the second, third guess
  ?, later        not sure: asked again in a week
  u, undo         take the last answer back
  q, quit         stop; what was answered stays
"""
_TYPED = re.compile(r"(?P<odd>[0-9 ,]*)(?:=(?P<name>.*))?", re.DOTALL)
MAX_LINE_CHARS = 1_000
_LETTERS = {"b": 1, "c": 2}
_SAID = {"y": "yes", "n": "no", "?": "later"}
WHY = {
    Why.NEW: "",
    Why.DOUBLED: "twice as many as when you were asked",
    Why.SPREAD: "grown apart since you were asked",
    Why.MODEL: "another model's groups",
    Why.LATER: "you were not sure",
    Why.NAME: "a likelier name",
}


class Wish(Enum):
    """What is no answer."""

    UNDO = "undo"
    QUIT = "quit"
    HELP = "help"


_WISHES = {wish.value: wish for wish in Wish} | {wish.value[0]: wish for wish in Wish}


@dataclass(frozen=True, slots=True)
class Misheard:
    """A line that says nothing; *why* is for the person."""

    why: str


def hear(line: str, card: Card) -> Reply | Wish | Misheard:
    """Return what a typed line says to a card."""
    said = unicodedata.normalize("NFC", line).strip()
    word = _SAID.get(said.lower(), said.lower())
    if word in _WISHES:
        return _WISHES[word]
    match word:
        case "no" | "later":
            return Reply(AnswerKind(word))
        case "yes" if card.guesses:
            return Reply(AnswerKind.YES)
        case "yes":
            return Misheard("what are they? type = NAME")
        case "b" | "c" if len(card.guesses) > _LETTERS[word]:
            return Reply(AnswerKind.YES, card.guesses[_LETTERS[word]].name)
    return _hear_tiles(said, card)


def _hear_tiles(said: str, card: Card) -> Reply | Misheard:
    typed = _TYPED.fullmatch(said)
    if not 0 < len(said) <= MAX_LINE_CHARS or typed is None:
        return Misheard("not understood; h shows what can be typed")
    name = " ".join((typed["name"] or "").split())
    if typed["name"] is not None and not is_name(name):
        return Misheard(f"a name has 1 to {MAX_NAME_CHARS} characters that can be shown")
    numbers = tuple(sorted({int(number) - 1 for number in re.findall(r"[0-9]+", typed["odd"])}))
    if fault := fault_of_tiles(numbers, card):
        return Misheard(fault)
    if not (name or card.guesses):
        return Misheard("what are the others? type = NAME behind the numbers")
    return Reply(AnswerKind.ODD if numbers else AnswerKind.YES, name, numbers)


def fault_of_tiles(odd: Sequence[int], card: Card) -> str:
    """Return why these cannot be the odd tiles, counted from 0; empty where they can."""
    if any(not 0 <= number < len(card.shown) for number in odd):
        return f"there are tiles 1 to {len(card.shown)}"
    return "all of the tiles: that is n" if len(odd) == len(card.shown) else ""


def is_name(text: str) -> bool:
    """Whether a text can be a name."""
    return 0 < len(text) <= MAX_NAME_CHARS and text.isprintable()


def say_question(card: Card) -> str:
    """Return a card's question: `are these 42 cats?`."""
    count = len(card.members)
    if count == 1:
        return f"is this picture {card.name}?" if card.guesses else "what is this picture?"
    these = f"these {count:,} pictures"
    return f"are {these} {card.name}?" if card.guesses else f"what are {these}?"
