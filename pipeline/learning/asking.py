"""Asking: which question is worth a person's time, and what follows from the answer."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import FactsError
from pipeline.learning.cards import Card, Guess, Why, known_rows, make_card, match_groups, open_rows
from pipeline.learning.facts import (
    NO_NAME,
    Answer,
    AnswerKind,
    Event,
    Facts,
    facts_of,
    next_number,
)
from pipeline.learning.groups import Group, Grouping
from pipeline.learning.links import find_contradictions

MIN_SETTLED = 5  # a question that settles fewer different pictures is not worth asking
QUESTION_S = 3.0  # what a person takes for one
ASK_AGAIN_MS = 7 * 24 * 3600 * 1000
GROWTH = 2
AUDIT_SHARE, MIN_AUDIT = 0.05, 3
MAX_NAME_CHARS = 100


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person said to a card.

    Attributes:
        kind: yes, no, odd ones out, or later.
        name: what the pictures are, where it is not the card's best guess; else NO_NAME.
        odd_tiles: numbers of the tiles, from 0, that are not; for ODD, some but not all.
    """

    kind: AnswerKind
    name: str = NO_NAME
    odd_tiles: tuple[int, ...] = ()


def settled_per_s(card: Card) -> float:
    """Return how many different pictures a second the question is expected to settle."""
    return card.distinct * card.p_named / QUESTION_S


def find_cards(
    grouping: Grouping, facts: Facts, *, model: str, now_ms: int, min_settled: int = MIN_SETTLED
) -> tuple[Card, ...]:
    """Return the questions that are worth asking, the most worth first; empty = stop asking.

    A rejected pair (group, X) is never among them. A group that was asked about comes again only
    if it has doubled, its farthest member has passed the split distance, the model is another, a
    week has passed since nobody was sure, or it was no name that there was and there is a likelier
    one now.

    Args:
        grouping: made under these facts.
        facts: what is known.
        model: sha256 of the model whose features were grouped.
        now_ms: milliseconds of Unix time.
        min_settled: how many different pictures a question must settle, at least 1.
    """
    groups = [g for g in grouping.groups if g.unsettled and len(open_rows(g)) >= min_settled]
    known = known_rows(grouping, facts.names)
    about = _answers_about(groups, facts.answers, grouping)
    cards = []
    for i, guesses in enumerate(match_groups(grouping, groups, known)):
        group = groups[i]
        why = _reason(group, guesses, about[i], grouping=grouping, model=model, now_ms=now_ms)
        if why is not None and (guesses or NO_NAME not in group.denied):
            cards.append(make_card(grouping, group, guesses, why=why, answers=facts.answers))
    return tuple(sorted(cards, key=lambda card: (-settled_per_s(card), card.card_id)))


def answer_card(  # noqa: PLR0913 - what was asked, what was said, and in which world
    card: Card,
    reply: Reply,
    events: Iterable[Event],
    *,
    model: str,
    at_ms: int,
    rng: np.random.Generator,
) -> Answer:
    """Return the event of an answer, to be appended to the log *events*.

    A yes settles all members. Odd ones out are denied the name, the members that are more like a
    kept tile are settled, and those that are more like an odd one stay open. Of what is settled
    without having been shown, 5 %, at least 3, are marked for an audit.

    Raises:
        ValueError: if the reply does not fit the card: no name, or tiles that it has not.
        FactsError: if it contradicts what was said before.
    """
    _require_fit(card, reply)
    log = tuple(events)
    kept, odd = _sort_members(card, reply)
    answer = Answer(
        number=next_number(log),
        at_ms=at_ms,
        kind=reply.kind,
        name=reply.name or card.name,
        members=card.members,
        kept=kept,
        odd=odd,
        audit=_choose_audit(kept, card.shown, rng),
        guesses=tuple(guess.name for guess in card.guesses),
        match=card.guesses[0].match if card.guesses else None,
        model=model,
        size=card.size,
        spread=card.spread,
    )
    if wrong := find_contradictions(facts_of((*log, answer))):
        earlier = ", ".join(str(number) for number in wrong[0].answers if number != answer.number)
        raise FactsError(f"{' and '.join(wrong[0].keys)} {wrong[0].says} (answer {earlier})")
    return answer


def _require_fit(card: Card, reply: Reply) -> None:
    if reply.kind in (AnswerKind.YES, AnswerKind.ODD) and not (reply.name or card.name):
        raise ValueError("name must say what the pictures are: the card has no guess")
    if len(reply.name) > MAX_NAME_CHARS or not reply.name.isprintable():
        raise ValueError(f"name must be up to {MAX_NAME_CHARS} printable characters")
    if reply.kind is AnswerKind.NO and reply.name:
        raise ValueError(f"name must be empty with {reply.kind}, got {reply.name!r}")
    odd = set(reply.odd_tiles)
    if (reply.kind is AnswerKind.ODD) != bool(odd):
        raise ValueError(f"odd_tiles must be given with {AnswerKind.ODD} and nothing else")
    if not odd < set(range(len(card.shown))) and odd:
        raise ValueError(f"odd_tiles must be some of the {len(card.shown)} tiles, not all")


def _sort_members(card: Card, reply: Reply) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which members are settled, and which are denied the name."""
    match reply.kind:
        case AnswerKind.YES:
            return card.members, ()
        case AnswerKind.NO:
            return (), card.members
        case AnswerKind.LATER:
            return (), ()
        case AnswerKind.ODD:
            pairs = list(zip(card.members, card.tile_of, strict=True))
            odd = tuple(sorted(card.shown[tile] for tile in set(reply.odd_tiles)))
            kept = (key for key, tile in pairs if tile not in reply.odd_tiles)
            return tuple(key for key in kept if key not in odd), odd


def _choose_audit(
    kept: Sequence[str], shown: Sequence[str], rng: np.random.Generator
) -> tuple[str, ...]:
    unseen = [key for key in kept if key not in shown]
    count = min(len(unseen), max(MIN_AUDIT, -int(-AUDIT_SHARE * len(unseen) // 1)))
    return tuple(sorted(unseen[i] for i in rng.choice(len(unseen), count, replace=False)))


def _answers_about(
    groups: Sequence[Group], answers: Sequence[Answer], grouping: Grouping
) -> list[list[Answer]]:
    """Return for each group the answers about it: half of what each was about is in it."""
    group_of: Mapping[str, int] = {
        grouping.pictures.keys[row]: i for i, group in enumerate(groups) for row in group.rows
    }
    about: list[list[Answer]] = [[] for _ in groups]
    for answer in answers:
        keys = answer.kept or answer.members
        counts = Counter(group_of[key] for key in keys if key in group_of)
        for i, count in counts.items():
            if 2 * count >= len(keys):
                about[i].append(answer)
    return about


def _reason(  # noqa: PLR0913, PLR0911 - a rule a line
    group: Group,
    guesses: Sequence[Guess],
    about: Sequence[Answer],
    *,
    grouping: Grouping,
    model: str,
    now_ms: int,
) -> Why | None:
    """Return what makes a group worth a question now, None where nothing does."""
    if not about:
        return Why.NEW
    last = about[-1]
    if last.model != model:
        return Why.MODEL
    if len(group.distinct) >= GROWTH * last.size:
        return Why.DOUBLED
    if group.spread > grouping.split_distance >= last.spread:
        return Why.SPREAD
    if last.kind is AnswerKind.LATER:
        is_first = sum(one.kind is AnswerKind.LATER for one in about) == 1
        return Why.LATER if is_first and now_ms >= last.at_ms + ASK_AGAIN_MS else None
    is_rejected = last.kind is AnswerKind.NO and last.name != NO_NAME
    if is_rejected and guesses and guesses[0].name not in last.guesses:
        return Why.NAME
    return None
