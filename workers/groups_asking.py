"""Questions put to a person: a card, a typed line, what came of it, and the next card."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.drawing.thumbnails import Pictures as Shown
from pipeline.errors import FactsError
from pipeline.learning.asking import Reply
from pipeline.learning.cards import Card
from pipeline.learning.facts import Answer, AnswerKind
from pipeline.outputs.names import to_printable
from workers.groups_pictures import Library, write_card
from workers.groups_session import Session, call_by_name
from workers.groups_words import HELP, Misheard, Wish, hear, say_question


def ask(session: Session, library: Library, *, most: int, sheet: Path | None, shown: Shown) -> None:
    """Put one question after the other until nothing is worth asking, or nobody answers."""
    asked = 0
    lines = iter(sys.stdin.readline, "")
    while asked < most and (cards := session.cards()):
        card = cards[0]
        picture = draw(card, library, sheet, shown)
        _say_card(card, library, picture)
        reply = _hear_reply(session, card, lines)
        if reply is None:
            break
        if isinstance(reply, Reply):
            asked += 1
            _answer(session, card, reply, library)
    say(say_totals(session, library, len(session.cards())))


def say_answer(answer: Answer, places: Mapping[str, str]) -> str:
    """Return what an answer came to, in one line."""
    parts = [f"answer {answer.number}"]
    match answer.kind:
        case AnswerKind.LATER:
            parts.append("asked again in a week")
        case AnswerKind.NO:
            parts.append(
                f"{len(answer.odd):,} are not {answer.name}" if answer.name else "left out"
            )
        case _:
            parts.append(f"{len(answer.kept):,} settled as {answer.name}")
    if answer.audit:
        audit = ", ".join(places.get(key, key) for key in answer.audit)
        parts.append(f"for a second look: {audit}")
    return "; ".join(parts)


def say_totals(session: Session, library: Library, questions: int) -> str:
    """Return what a library came to, in one line."""
    groups = session.grouping.groups
    keys, names = session.grouping.pictures.keys, session.facts.names
    settled = [names[key] for key in keys if key in names]
    several = sum(len(group.distinct) > 1 for group in groups)
    copies = len(keys) - sum(len(group.distinct) for group in groups)
    bad = f", {library.bad:,} bad left out" if library.bad else ""
    return (
        f"{count_of(len(keys), 'picture')} ({count_of(copies, 'near-copy', 'near-copies')}{bad}) "
        f"in {count_of(several, 'group')}, "
        f"{len(groups) - several:,} alone (cut {session.grouping.cut:.3f}); "
        f"{len(settled):,} settled as {count_of(len(set(settled)), 'name')}; "
        f"{count_of(questions, 'question')} left"
    )


def draw(card: Card, library: Library, sheet: Path | None, shown: Shown) -> Path | None:
    """Draw a card into the folder *sheet* and return the file; None without a folder."""
    return write_card(card, library, sheet, shown) if sheet else None


def count_of(count: int, noun: str, nouns: str = "") -> str:
    """Return a count with its noun.

    >>> count_of(1, "name"), count_of(2_000, "name")
    ('1 name', '2,000 names')
    """
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def _hear_reply(session: Session, card: Card, lines: Iterator[str]) -> Reply | Wish | None:
    """Return what is typed to a card, UNDO once something was taken back, None at the end."""
    for line in lines:
        match hear(line, card):
            case Misheard(why=why):
                say(f"  {why}")
            case Wish.HELP:
                sys.stdout.write(HELP)
            case Wish.QUIT:
                return None
            case Wish.UNDO:
                last = session.undo()
                say(f"  answer {last.number} is taken back" if last else "  nothing to take back")
                return Wish.UNDO
            case Reply() as reply:
                return reply
    return None


def _answer(session: Session, card: Card, reply: Reply, library: Library) -> None:
    try:
        answer = session.answer(card, reply)
    except FactsError as fault:  # contradicted: it is told, and the next question is put
        say(f"  refused: {call_by_name(str(fault), library.places)}")
        return
    say(f"  {say_answer(answer, library.places)}")


def _say_card(card: Card, library: Library, picture: Path | None) -> None:
    say(f"{card.card_id}  {say_question(card)}")
    for number, key in enumerate(card.shown, start=1):
        say(f"  {number}  {library.places[key]}")
    if card.guesses:
        others = ", ".join(f"{g.name} {g.match:.2f}" for g in card.guesses)
        say(f"  {others}")
    if picture:
        say(f"  \N{RIGHTWARDS ARROW} {to_printable(str(picture))}")


def say(line: str) -> None:
    """Print a line at once: somebody may be waiting for it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
