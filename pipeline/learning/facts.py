"""What people answered, and the facts that follow from it.

An answer is an event in a log to which is only ever appended; taking one back is an event too.
Facts are derived from the answers that stand, and are kept between the keys of pictures, which are
hashes: never between row numbers or groups, so they survive every re-run, model and re-grouping.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

NO_NAME = ""  # what an open question is about: "what is this?"


class AnswerKind(StrEnum):
    """What was said to "are these all X?"."""

    YES = "yes"  # all are
    NO = "no"  # none is; to "what is this?": nothing that needs a name
    ODD = "odd"  # some are not; the rest are
    LATER = "later"  # not sure: asked again once, a week later


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to one card.

    Attributes:
        number: of the event, from 1.
        at_ms: when, milliseconds of Unix time.
        kind: what was said.
        name: X; NO_NAME where nothing was named.
        members: keys of the pictures that the card asked about.
        kept: those of them that are X.
        odd: those that are not; members that are neither stay open.
        audit: those of the kept that a second person should look at: they were settled unseen.
        guesses: the names that the card proposed, the best first.
        match: how like the best guess they were, a cosine; None without a guess.
        model: sha256 of the model whose features grouped them.
        size: how many different pictures the group held, settled ones too.
        spread: distance of its farthest member from its medoid.
    """

    number: int
    at_ms: int
    kind: AnswerKind
    name: str
    members: tuple[str, ...]
    kept: tuple[str, ...]
    odd: tuple[str, ...]
    audit: tuple[str, ...]
    guesses: tuple[str, ...]
    match: float | None
    model: str
    size: int
    spread: float

    def __post_init__(self) -> None:
        kept, odd, members = set(self.kept), set(self.odd), set(self.members)
        if not members or not kept | odd <= members or kept & odd or not set(self.audit) <= kept:
            raise ValueError(
                "kept and odd must be different ones of the members, audit of the kept"
            )
        if (self.kind in (AnswerKind.YES, AnswerKind.ODD)) != bool(kept) or (
            kept and not self.name
        ):
            raise ValueError(f"an answer of {self.kind} keeps {len(kept)} as {self.name!r}")
        if (self.kind in (AnswerKind.NO, AnswerKind.ODD)) != bool(odd):
            raise ValueError(f"an answer of {self.kind} has {len(odd)} odd ones")

    @property
    def settled(self) -> int:
        """How many pictures it settled."""
        return len(self.kept)


@dataclass(frozen=True, slots=True)
class Undo:
    """An answer taken back.

    Attributes:
        number: of the event, from 1.
        at_ms: when, milliseconds of Unix time.
        of: number of the answer.
    """

    number: int
    at_ms: int
    of: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """That answers about somebody were erased from the log, and are not to be looked for.

    Attributes:
        number: of the event, from 1.
        at_ms: when, milliseconds of Unix time.
        answers: how many.
    """

    number: int
    at_ms: int
    answers: int


Event: TypeAlias = Answer | Undo | Forgotten


@dataclass(frozen=True, slots=True)
class Fact:
    """What one answer says of one picture: that it is, or is not, what the name says."""

    key: str
    name: str
    answer: int


@dataclass(frozen=True, slots=True)
class Link:
    """That pictures are of one thing (`together`), or that two are not (`apart`)."""

    keys: tuple[str, ...]
    answer: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of pictures: a pure function of the answers that stand.

    Attributes:
        answers: those that stand, in order.
        named: what pictures are.
        denied: what they are not; a name of NO_NAME says that they need none.
        together: must-links, one a `yes`, all its pictures in one.
        apart: cannot-links, each of two pictures.
    """

    answers: tuple[Answer, ...] = ()
    named: tuple[Fact, ...] = ()
    denied: tuple[Fact, ...] = ()
    together: tuple[Link, ...] = ()
    apart: tuple[Link, ...] = ()

    @property
    def names(self) -> Mapping[str, str]:
        """The name of each settled picture by its key."""
        return {fact.key: fact.name for fact in self.named}


def standing_answers(events: Iterable[Event]) -> tuple[Answer, ...]:
    """Return the answers that have not been taken back, in order of their numbers."""
    standing: dict[int, Answer] = {}
    for event in sorted(events, key=lambda one: one.number):
        match event:
            case Answer():
                standing[event.number] = event
            case Undo():
                standing.pop(event.of, None)
            case Forgotten():
                pass
    return tuple(standing.values())


def facts_of(events: Iterable[Event]) -> Facts:
    """Return the facts that follow from a log, in any order; they may contradict each other."""
    answers = standing_answers(events)
    return Facts(
        answers=answers,
        named=tuple(Fact(key, one.name, one.number) for one in answers for key in one.kept),
        denied=tuple(Fact(key, one.name, one.number) for one in answers for key in one.odd),
        together=tuple(Link(one.kept, one.number) for one in answers if len(one.kept) > 1),
        apart=tuple(
            Link((one.kept[0], key), one.number) for one in answers if one.kept for key in one.odd
        ),
    )


def undo(events: Iterable[Event], *, at_ms: int, of: int | None = None) -> Undo:
    """Return the event that takes back an answer, by default the last one that stands.

    Raises:
        ValueError: if there is no such answer, or it was taken back already.
    """
    log = list(events)
    standing = [answer.number for answer in standing_answers(log)]
    if not standing or (of is not None and of not in standing):
        which = "no answer" if of is None else f"no answer {of}"
        raise ValueError(f"{which} stands that could be taken back")
    return Undo(next_number(log), at_ms, standing[-1] if of is None else of)


def next_number(events: Iterable[Event]) -> int:
    """Return the number of the next event of a log."""
    return max((event.number for event in events), default=0) + 1


def forget(events: Iterable[Event], name: str, *, at_ms: int) -> tuple[Event, ...]:
    """Return the log without any answer about a name, and with an event that says so.

    Answers that only guessed it keep what they settled, but not the guess; what took back a
    forgotten answer goes with it. Without such an answer the log is returned as it is.
    """
    log = tuple(events)
    gone = {e.number for e in log if isinstance(e, Answer) and e.name == name}
    kept = [
        _without_guess(event, name)
        for event in log
        if event.number not in gone and not (isinstance(event, Undo) and event.of in gone)
    ]
    if not gone:
        return tuple(kept)
    return (*kept, Forgotten(next_number(log), at_ms, len(gone)))


def _without_guess(event: Event, name: str) -> Event:
    if not isinstance(event, Answer) or name not in event.guesses:
        return event
    guesses = tuple(guess for guess in event.guesses if guess != name)
    fields = {slot: getattr(event, slot) for slot in Answer.__slots__}
    return Answer(**{**fields, "guesses": guesses})
