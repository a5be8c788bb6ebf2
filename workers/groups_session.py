"""One sitting with a file of facts: which card comes next, and what an answer does."""

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np

from pipeline.errors import FactsError
from pipeline.learning.asking import Reply, answer_card, find_cards
from pipeline.learning.cards import Card
from pipeline.learning.facts import Answer, Event, Undo, facts_of, undo
from pipeline.learning.groups import Grouping, find_cut, group_pictures, regroup
from pipeline.learning.links import find_contradictions
from pipeline.learning.pictures import Pictures
from workers.facts_file import change_facts, read_facts

Made = TypeVar("Made", Answer, Undo)
_KEY = re.compile(r"sha256:[0-9a-f]{64}(?:@[0-9:]+)?(?:#[0-9,]+)?")


def now_ms() -> int:
    """Return milliseconds of Unix time."""
    return time.time_ns() // 1_000_000


class Session:
    """Pictures in groups, and the file of what was said of them; not to be shared by threads.

    Attributes:
        grouping: as it stands after all answers.
        facts: what is known.
        model: sha256 of the model whose features were grouped.
    """

    def __init__(
        self, pictures: Pictures, path: Path, *, model: str, cut: float | None, min_settled: int
    ) -> None:
        """Group pictures under what a file says.

        Raises:
            FactsError: if the file is wrong, or contradicts itself.
            ValueError: if the pictures cannot be grouped.
        """
        self.model = model
        self._path, self._min_settled, self._is_cut_found = path, min_settled, cut is None
        self._events = read_agreeing(path)
        self.facts = facts_of(self._events)
        self.grouping: Grouping = group_pictures(pictures, self.facts, cut=cut)
        self._before: dict[int, Grouping] = {}

    def cards(self) -> tuple[Card, ...]:
        """Return the questions that are worth asking now, the most worth first."""
        return find_cards(
            self.grouping,
            self.facts,
            model=self.model,
            now_ms=now_ms(),
            min_settled=self._min_settled,
        )

    def answer(self, card: Card, reply: Reply) -> Answer:
        """Settle a card for good.

        Raises:
            FactsError: if the answer contradicts what was said before, here or meanwhile elsewhere.
        """
        before = self.grouping
        answer = write_answer(self._path, card, reply, model=self.model)
        if self._catch_up() == 1:
            self._before[answer.number] = before
        return answer

    def undo(self) -> Answer | None:
        """Take the last answer back and return it; None where none stands."""
        if not self.facts.answers:
            return None
        last = self.facts.answers[-1]
        write_undo(self._path, last.number)
        before = self._before.pop(last.number, None)
        if self._catch_up() == 1 and before is not None:
            self.grouping = before
        return last

    def _catch_up(self) -> int:
        """Take in what was said since, here or by others, and return how many events that were."""
        events, seen = read_agreeing(self._path), len(self._events)
        answers = {event.number: event for event in events if isinstance(event, Answer)}
        touched = [
            answers[event.of] if isinstance(event, Undo) else event
            for event in events[seen:]
            if isinstance(event, Answer | Undo)
        ]
        self._events, self.facts = events, facts_of(events)
        keys = {key for answer in touched for key in answer.members}
        self.grouping = regroup(self.grouping, self.facts, keys)
        if self._is_cut_found and any(answer.odd for answer in touched):
            self._tighten()
        return len(events) - seen

    def _tighten(self) -> None:
        """Group all anew if what people told apart asks for another cut."""
        pictures = self.grouping.pictures
        cut = find_cut(pictures, self.grouping.originals, self.facts)
        if cut != self.grouping.cut:
            self.grouping = group_pictures(pictures, self.facts, cut=cut)


def read_agreeing(path: Path) -> tuple[Event, ...]:
    """Return the events of a file of facts that agree with each other.

    Raises:
        FactsError: if the file is wrong, or its facts contradict each other; a line each.
    """
    events = read_facts(path)
    lines = [
        f"{path}: {' and '.join(one.keys)} {one.says}: take back answer "
        + " or ".join(str(number) for number in one.answers)
        for one in find_contradictions(facts_of(events))
    ]
    if lines:
        raise FactsError("\n".join(lines))
    return events


def write_answer(path: Path, card: Card, reply: Reply, *, model: str) -> Answer:
    """Append the answer to a card to a file of facts.

    Raises:
        FactsError: if it contradicts what is there, or cannot be written.
    """
    # What is audited must not be predictable by who answers.
    rng = np.random.default_rng()

    def decide(events: tuple[Event, ...]) -> Answer:
        return answer_card(card, reply, events, model=model, at_ms=now_ms(), rng=rng)

    return _change(path, decide)


def write_undo(path: Path, of: int | None) -> Undo:
    """Append the undo of an answer, by default the last that stands, to a file of facts.

    Raises:
        FactsError: if no such answer stands, or the file cannot be written.
    """

    def decide(events: tuple[Event, ...]) -> Undo:
        try:
            return undo(events, at_ms=now_ms(), of=of)
        except ValueError as error:
            raise FactsError(f"{path}: {error}") from error

    return _change(path, decide)


def _change(path: Path, decide: Callable[[tuple[Event, ...]], Made]) -> Made:
    made: list[Made] = []

    def keep(events: tuple[Event, ...]) -> Event:
        made.append(decide(events))
        return made[-1]

    change_facts(path, keep)
    return made[0]


def call_by_name(text: str, places: Mapping[str, str]) -> str:
    """Return a text with pictures called by where they lie, not by their keys."""

    def name_of(match: re.Match[str]) -> str:
        file, at, moment = match[0].partition("@")
        return places.get(match[0]) or f"{places.get(file, file)}{at}{moment}"

    return _KEY.sub(name_of, text)
