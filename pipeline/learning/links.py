"""Facts joined up: which pictures are of one thing, and what each such clump is and is not."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.learning.facts import NO_NAME, Fact, Facts


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Facts that cannot all be true.

    Attributes:
        keys: the pictures that they speak of.
        says: what contradicts what, in words, without the pictures' names.
        answers: the numbers of the answers, one of which is to be taken back.
    """

    keys: tuple[str, ...]
    says: str
    answers: tuple[int, ...]


class Clumps:
    """Pictures joined into clumps, each with what it is and what it is not."""

    def __init__(self, facts: Facts) -> None:
        self._head: dict[str, str] = {}
        self._named: defaultdict[str, set[str]] = defaultdict(set)
        self._denied: defaultdict[str, set[str]] = defaultdict(set)
        self._apart: defaultdict[str, set[str]] = defaultdict(set)
        for fact in facts.named:
            self._named[fact.key].add(fact.name)
        for fact in facts.denied:
            self._denied[fact.key].add(fact.name)
        for link in facts.apart:
            one, other = link.keys
            self._apart[one].add(other)
            self._apart[other].add(one)
        for link in facts.together:
            for key in link.keys[1:]:
                self.join(link.keys[0], key)

    def head(self, key: str) -> str:
        """Return the key that stands for a picture's clump."""
        path = []
        while (above := self._head.get(key, key)) != key:
            path.append(key)
            key = above
        for each in path:
            self._head[each] = key
        return key

    def join(self, one: str, other: str) -> None:
        """Make the clumps of two pictures one, even if they contradict each other."""
        one, other = sorted((self.head(one), self.head(other)))
        if one == other:
            return
        self._head[other] = one
        for table in (self._named, self._denied, self._apart):
            if other in table:
                table[one] |= table.pop(other)

    def may_join(self, one: str, other: str) -> bool:
        """Whether no fact speaks against two pictures being of one thing."""
        one, other = self.head(one), self.head(other)
        named = self.names(one) | self.names(other)
        denied = self.denied(one) | self.denied(other)
        return len(named) <= 1 and not named & denied and not self.are_apart(one, other)

    def names(self, key: str) -> frozenset[str]:
        """Return what a picture's clump is; more than one name is a contradiction."""
        return frozenset(self._named.get(self.head(key), ()))

    def denied(self, key: str) -> frozenset[str]:
        """Return what a picture's clump is not."""
        return frozenset(self._denied.get(self.head(key), ()))

    def apart(self, key: str) -> frozenset[str]:
        """Return the heads of the clumps that a picture's clump must not be joined with."""
        return frozenset(self.head(other) for other in self._apart.get(self.head(key), ()))

    def are_apart(self, one: str, other: str) -> bool:
        """Whether two pictures are known to be of different things, by a link."""
        return self.head(other) in self.apart(one)


def find_contradictions(facts: Facts) -> tuple[Contradiction, ...]:
    """Return all that cannot be true together; empty as a rule, for `answer_card` refuses it.

    Only a log that was edited, or merged of two, holds any.
    """
    clumps = Clumps(facts)
    named, denied = _by_clump(facts.named, clumps), _by_clump(facts.denied, clumps)
    found = []
    for head, facts_of_head in named.items():
        found += _two_names(facts_of_head)
        found += _name_and_denial(facts_of_head, denied.get(head, []))
    for link in facts.apart:
        one, other = link.keys
        if clumps.head(one) == clumps.head(other):
            chain = [each.answer for each in facts.together if set(each.keys) & set(link.keys)]
            says = "are said to be of one thing, and not to be"
            found.append(Contradiction(link.keys, says, (*dict.fromkeys([*chain, link.answer]),)))
    return tuple(dict.fromkeys(found))


def _by_clump(facts: Sequence[Fact], clumps: Clumps) -> dict[str, list[Fact]]:
    gathered: dict[str, list[Fact]] = {}
    for fact in facts:
        gathered.setdefault(clumps.head(fact.key), []).append(fact)
    return gathered


def _two_names(facts: Sequence[Fact]) -> list[Contradiction]:
    first = {fact.name: fact for fact in reversed(facts)}
    return [
        _contradict(facts[0], fact, f"is {facts[0].name} and is {name}")
        for name, fact in sorted(first.items())
        if name != facts[0].name
    ]


def _name_and_denial(named: Sequence[Fact], denied: Sequence[Fact]) -> list[Contradiction]:
    first = {fact.name: fact for fact in reversed(named)}
    return [
        _contradict(first[fact.name], fact, f"is {fact.name} and is not {fact.name}")
        for fact in denied
        if fact.name in first and fact.name != NO_NAME
    ]


def _contradict(one: Fact, other: Fact, says: str) -> Contradiction:
    keys = tuple(dict.fromkeys((one.key, other.key)))
    return Contradiction(keys, says, tuple(dict.fromkeys((one.answer, other.answer))))
