"""A person who is never wrong about what is shown, and the loop of questions put to them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.asking import MIN_SETTLED, Reply, answer_card, find_cards
from pipeline.learning.cards import Card
from pipeline.learning.facts import Answer, AnswerKind, Facts, facts_of
from pipeline.learning.groups import Grouping, find_cut, group_pictures, regroup
from pipeline.learning.pictures import Pictures, gather_pictures

MODEL = "m"


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What came of asking until nothing was worth asking.

    Attributes:
        grouping: as it stood at the end.
        log: every answer.
        settled: how many pictures were settled after each answer.
        right: how many of the settled are named as they truly are.
    """

    grouping: Grouping
    log: tuple[Answer, ...]
    settled: tuple[int, ...]
    right: int

    @property
    def per_answer(self) -> float:
        """How many pictures one answer settled, on average."""
        return self.settled[-1] / len(self.log) if self.log else 0.0

    @property
    def share_right(self) -> float:
        """Which share of the settled is right; 1 where none is settled."""
        return self.right / self.settled[-1] if self.settled and self.settled[-1] else 1.0


def truthful_reply(card: Card, truth: Mapping[str, str]) -> Reply:
    """Return what somebody says who knows the pictures shown, and nothing of the others."""
    shown = [truth[key] for key in card.shown]
    name, count = Counter(shown).most_common(1)[0]
    if count == 1 and len(shown) > 1:
        return Reply(AnswerKind.LATER)
    odd = tuple(i for i, each in enumerate(shown) if each != name)
    kind = AnswerKind.ODD if odd else AnswerKind.YES
    return Reply(kind, "" if card.name == name else name, odd)


def play(
    pictures: Pictures,
    truth: Mapping[str, str],
    *,
    cut: float | None = None,
    most: int = 10_000,
    min_settled: int = MIN_SETTLED,
) -> Played:
    """Put questions to a faultless answerer until none is worth asking, or *most* were put."""
    rng = np.random.default_rng(0)
    log: list[Answer] = []
    facts = Facts()
    grouping = group_pictures(pictures, facts, cut=cut)
    settled: list[int] = []
    while len(log) < most and (cards := ask(grouping, facts, min_settled)):
        reply = truthful_reply(cards[0], truth)
        answer = answer_card(cards[0], reply, log, model=MODEL, at_ms=0, rng=rng)
        log.append(answer)
        facts = facts_of(log)
        grouping = regroup(grouping, facts, answer.members)
        if cut is None and answer.odd:
            tighter = find_cut(pictures, grouping.originals, facts)
            grouping = group_pictures(pictures, facts, cut=tighter)
        settled.append(len(facts.names))
    right = sum(truth[key] == name for key, name in facts.names.items())
    return Played(grouping, tuple(log), tuple(settled), right)


def ask(grouping: Grouping, facts: Facts, min_settled: int = MIN_SETTLED) -> tuple[Card, ...]:
    """Return the cards that are worth asking at time 0."""
    return find_cards(grouping, facts, model=MODEL, now_ms=0, min_settled=min_settled)


def label_pictures(
    features: NDArray[np.float32],
    labels: Sequence[object],
    *,
    signatures: NDArray[np.uint8] | None = None,
    own: NDArray[np.float32] | None = None,
) -> tuple[Pictures, dict[str, str]]:
    """Return pictures with keys in random order, and the truth about each."""
    numbers = np.random.default_rng(1).permutation(len(labels)).tolist()
    keys = [f"{number:06x}" for number in numbers]
    pictures = gather_pictures(keys, features, signatures, own)
    return pictures, dict(zip(keys, map(str, labels), strict=True))
