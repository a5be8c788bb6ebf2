"""Cards: one question about one group, with what a person needs to see to answer it."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.facts import NO_NAME, Answer, AnswerKind
from pipeline.learning.groups import Group, Grouping

TILES = 5  # the medoid and the four farthest from it
EXEMPLARS = 10  # so many are shown, and the mean of so many similarities is the match
MAX_KNOWN = 1_000  # pictures of one name that are compared with
GUESSES = 3
GUESS_CUTS = 3.0  # what lies farther than so many cuts from a group is no guess at what it is
NEIGHBOURS = 20  # earlier answers that say how often such a guess is right
ID_CHARS = 8


class Why(StrEnum):
    """What makes a group worth a question now."""

    NEW = "new"  # nobody was asked about it
    DOUBLED = "doubled"  # it has twice as many members as when it was asked about
    SPREAD = "spread"  # its farthest member has passed the split distance since
    MODEL = "model"  # it was asked about by another model's features
    LATER = "later"  # nobody was sure, a week ago
    NAME = "name"  # it was none of the names that there were; there is a likelier one now


@dataclass(frozen=True, slots=True)
class Guess:
    """A name that a group may have.

    Attributes:
        name: X.
        match: mean cosine similarity of the group to the EXEMPLARS pictures of X most like it.
        exemplars: keys of those pictures, the most alike first.
    """

    name: str
    match: float
    exemplars: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """The question whether the members of a group are all X.

    Attributes:
        card_id: the same whenever the same is asked about the same pictures.
        members: keys of the pictures that it asks about, near-copies among them.
        shown: keys of the tiles: the medoid, then the farthest from it.
        tile_of: for each member, the number of the tile that it is most like, from 0.
        guesses: what it may be, the best first; without any the question is "what is this?".
        why: what makes it worth asking.
        distinct: how many of the members are no near-copies.
        size: how many different pictures the group holds, settled ones too.
        spread: distance of the group's farthest picture from its medoid.
        p_named: how likely the true name is among the guesses.
    """

    card_id: str
    members: tuple[str, ...]
    shown: tuple[str, ...]
    tile_of: tuple[int, ...]
    guesses: tuple[Guess, ...]
    why: Why
    distinct: int
    size: int
    spread: float
    p_named: float

    @property
    def name(self) -> str:
        """X; NO_NAME where the question is open."""
        return self.guesses[0].name if self.guesses else NO_NAME


def known_rows(grouping: Grouping, names: Mapping[str, str]) -> dict[str, NDArray[np.intp]]:
    """Return the rows of each name's different pictures, at most MAX_KNOWN, evenly chosen."""
    found: dict[str, list[int]] = {}
    for group in grouping.groups:
        for row in group.distinct:
            if name := names.get(grouping.pictures.keys[row]):
                found.setdefault(name, []).append(row)
    return {name: _thin(np.array(sorted(rows))) for name, rows in sorted(found.items())}


def match_groups(
    grouping: Grouping, groups: Sequence[Group], known: Mapping[str, NDArray[np.intp]]
) -> list[tuple[Guess, ...]]:
    """Return for each group the names that its unsettled members may have, the best first.

    What was denied of any member is never among them, nor what is too unlike them; what some
    members are is the only one.
    """
    features = grouping.pictures.features
    if not groups:
        return []
    means = np.stack([features[list(open_rows(group))].mean(axis=0) for group in groups])
    likeness = {name: means @ features[rows].T for name, rows in known.items()}
    return [
        tuple(
            Guess(name, match, _most_alike(grouping, known[name], likeness[name][i]))
            for match, name in _best(
                group,
                {n: _match(row[i]) for n, row in likeness.items()},
                least=1 - GUESS_CUTS * grouping.cut,
            )
        )
        for i, group in enumerate(groups)
    ]


def make_card(
    grouping: Grouping,
    group: Group,
    guesses: tuple[Guess, ...],
    *,
    why: Why,
    answers: Sequence[Answer],
) -> Card:
    """Return the card of one group; *answers* say how often such guesses were right."""
    pictures = grouping.pictures
    distinct = np.array(open_rows(group), dtype=np.intp)
    features = pictures.features[distinct]
    medoid = int((features @ features.mean(axis=0)).argmax())
    order = np.argsort(features @ features[medoid], kind="stable")
    tiles = [medoid, *[i for i in order.tolist() if i != medoid][: TILES - 1]]
    members = tuple(pictures.keys[row] for row in group.unsettled)
    shown = tuple(pictures.keys[row] for row in distinct[tiles].tolist())
    likest = (pictures.features[list(group.unsettled)] @ features[tiles].T).argmax(axis=1)
    tile_of = [
        shown.index(key) if key in shown else tile
        for key, tile in zip(members, likest.tolist(), strict=True)
    ]
    best = guesses[0] if guesses else None
    text = "\n".join([best.name if best else NO_NAME, *members])
    return Card(
        card_id=hashlib.sha256(text.encode()).hexdigest()[:ID_CHARS],
        members=members,
        shown=shown,
        tile_of=tuple(tile_of),
        guesses=guesses,
        why=why,
        distinct=len(distinct),
        size=len(group.distinct),
        spread=group.spread,
        p_named=hit_rate(answers, best.match if best else math.nan),
    )


def open_rows(group: Group) -> tuple[int, ...]:
    """Return the unsettled rows of a group without near-copies of one another."""
    unsettled = set(group.unsettled)
    return tuple(row for row in group.distinct if row in unsettled) or group.unsettled[:1]


def hit_rate(answers: Sequence[Answer], match: float) -> float:
    """Return how likely the true name is among guesses, the best of which matches so well.

    It is the share of right ones among the NEIGHBOURS answers whose match came nearest, with one
    right and one wrong added, so that few answers say little.

    >>> hit_rate((), 0.8)
    0.5
    """
    named = [(one.match, one) for one in answers if one.match is not None and _says_what(one)]
    named.sort(key=lambda pair: (abs(pair[0] - match), pair[1].number))
    near = [one for _, one in named[:NEIGHBOURS]]
    hits = sum(one.kind is not AnswerKind.NO and one.name in one.guesses for one in near)
    return (hits + 1) / (len(near) + 2)


def _says_what(answer: Answer) -> bool:
    return answer.kind is not AnswerKind.LATER


def _thin(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    if len(rows) <= MAX_KNOWN:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MAX_KNOWN).astype(np.intp)]


def _match(likeness: NDArray[np.float32]) -> float:
    """Return the mean of the EXEMPLARS highest values: one lucky likeness is no match."""
    best = np.sort(likeness)[-EXEMPLARS:]
    return float(best.mean())


def _most_alike(
    grouping: Grouping, rows: NDArray[np.intp], likeness: NDArray[np.float32]
) -> tuple[str, ...]:
    order = np.argsort(-likeness, kind="stable")[:EXEMPLARS]
    return tuple(grouping.pictures.keys[row] for row in rows[order].tolist())


def _best(group: Group, matches: Mapping[str, float], *, least: float) -> list[tuple[float, str]]:
    if group.name is not None:
        names = {group.name} & set(matches)
    else:
        names = {name for name, match in matches.items() if match >= least}
    found = [(matches[name], name) for name in names if name not in group.denied]
    return sorted(found, key=lambda pair: (-pair[0], pair[1]))[:GUESSES]
