"""Groups: pictures that look alike and are asked about together.

Near-copies count as one picture. What is left is joined by average linkage at a strict cut, under
what people have said: pictures said to be of one thing are always in one group, pictures said not
to be never are. Every picture is in exactly one group, and the order in which pictures come changes
nothing, for they are put in order of their keys first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import seal
from pipeline.learning.copies import find_copies
from pipeline.learning.cut import SPLIT_CUTS, strict_cut, tighten_cut
from pipeline.learning.facts import Facts
from pipeline.learning.linkage import UNNAMED, Units, group_units
from pipeline.learning.links import Clumps, find_contradictions
from pipeline.learning.pictures import Pictures


@dataclass(frozen=True, slots=True)
class Group:
    """Pictures that look alike.

    Attributes:
        rows: their row numbers, rising, near-copies among them.
        distinct: those that are not near-copies of another, at least one.
        unsettled: those of the rows that have no name.
        name: what people said that some of them are; None where they said nothing yet.
        denied: what people said that some of them are not.
        medoid: the row of the picture that is most like all others.
        spread: cosine distance of the farthest from the medoid, 0 to 2.
    """

    rows: tuple[int, ...]
    distinct: tuple[int, ...]
    unsettled: tuple[int, ...]
    name: str | None
    denied: frozenset[str]
    medoid: int
    spread: float


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """All pictures in groups.

    Attributes:
        pictures: what was grouped.
        originals: shape (N,): the row of which each is a near-copy, its own where it is none.
        cut: the cosine distance at which groups were cut.
        groups: the largest first, then in order of their first rows.
    """

    pictures: Pictures
    originals: NDArray[np.intp]
    cut: float
    groups: tuple[Group, ...]

    def __post_init__(self) -> None:
        seal(self)

    @property
    def split_distance(self) -> float:
        """A group whose spread passes this may be two."""
        return SPLIT_CUTS * self.cut


def group_pictures(pictures: Pictures, facts: Facts, *, cut: float | None = None) -> Grouping:
    """Return all pictures in groups.

    Args:
        pictures: what is grouped.
        facts: what people said of these pictures, and maybe of others.
        cut: the cosine distance, 0 to 2, up to which two groups are joined by their mean distance;
            None = found from the pictures, and tightened by what people told apart.

    Raises:
        ValueError: if the facts contradict each other, or too many pictures are all alike.
    """
    if contradictions := find_contradictions(facts):
        first = contradictions[0]
        raise ValueError(f"facts must agree: {' and '.join(first.keys)} {first.says}")
    clumps = Clumps(facts)
    originals = _join_copies(pictures, find_copies(pictures), clumps)
    if cut is None:
        cut = find_cut(pictures, originals, facts)
    every = np.arange(len(pictures))
    groups = _group_rows(pictures, originals, every, clumps=clumps, facts=facts, cut=cut)
    return Grouping(pictures, originals, cut, _largest_first(groups))


def regroup(grouping: Grouping, facts: Facts, keys: Iterable[str]) -> Grouping:
    """Return the grouping after answers about *keys*: only the groups that hold them are made anew.

    Raises:
        ValueError: if the facts contradict each other.
    """
    if contradictions := find_contradictions(facts):
        raise ValueError(f"facts must agree: {contradictions[0].keys} {contradictions[0].says}")
    touched, pictures = frozenset(keys), grouping.pictures
    stale = [g for g in grouping.groups if any(pictures.keys[row] in touched for row in g.rows)]
    kept = [group for group in grouping.groups if group not in stale]
    rows = np.array(sorted(row for group in stale for row in group.rows), dtype=np.intp)
    clumps = Clumps(facts)
    originals = _join_copies(pictures, grouping.originals, clumps)
    fresh = _group_rows(pictures, originals, rows, clumps=clumps, facts=facts, cut=grouping.cut)
    groups = _largest_first([*kept, *fresh])
    return replace(grouping, originals=originals, groups=groups)


def _largest_first(groups: Sequence[Group]) -> tuple[Group, ...]:
    return tuple(sorted(groups, key=lambda group: (-len(group.distinct), group.rows)))


def _join_copies(
    pictures: Pictures, originals: NDArray[np.intp], clumps: Clumps
) -> NDArray[np.intp]:
    """Join copies with what they are copies of; one that is said to be another thing is none."""
    originals = originals.copy()
    for row in np.flatnonzero(originals != np.arange(len(originals))).tolist():
        copy, original = pictures.keys[row], pictures.keys[originals[row]]
        if clumps.may_join(copy, original):
            clumps.join(copy, original)
        else:
            originals[row] = row
    return originals


def find_cut(pictures: Pictures, originals: NDArray[np.intp], facts: Facts) -> float:
    """Return the strict cut of pictures, no laxer than what people told apart allows.

    Args:
        pictures: what is grouped.
        originals: shape (N,), as in Grouping.
        facts: what people said.
    """
    distinct = np.flatnonzero(originals == np.arange(len(pictures)))
    cut = strict_cut(pictures.features[distinct], pictures.own[distinct])
    said: dict[str, str] = {fact.key: f"not {fact.name}" for fact in facts.denied}
    said |= {fact.key: f"is {fact.name}" for fact in facts.named}
    rows = np.array([row for row in distinct.tolist() if pictures.keys[row] in said], dtype=np.intp)
    words = [said[pictures.keys[row]] for row in rows.tolist()]
    numbers = {word: number for number, word in enumerate(sorted(set(words)))}
    labels = np.array([numbers[word] for word in words], dtype=np.intp)
    return tighten_cut(cut, pictures.features[rows], labels)


def _group_rows(  # noqa: PLR0913 - all that makes a group
    pictures: Pictures,
    originals: NDArray[np.intp],
    rows: NDArray[np.intp],
    *,
    clumps: Clumps,
    facts: Facts,
    cut: float,
) -> list[Group]:
    heads = [clumps.head(pictures.keys[row]) for row in rows.tolist()]
    numbers = {head: number for number, head in enumerate(dict.fromkeys(heads))}
    unit_of_row = np.array([numbers[head] for head in heads], dtype=np.intp)
    is_distinct = originals[rows] == rows
    units = _units(pictures.features[rows], is_distinct, unit_of_row, numbers, clumps)
    groups = group_units(units, cut=cut)[unit_of_row]
    order = np.argsort(groups, kind="stable")
    edges = np.flatnonzero(np.diff(groups[order])) + 1
    names = facts.names
    return [
        _group(pictures, rows[part], is_distinct[part], clumps=clumps, names=names)
        for part in np.split(order, edges)
        if len(part)
    ]


def _units(
    features: NDArray[np.float32],
    is_distinct: NDArray[np.bool_],
    unit_of_row: NDArray[np.intp],
    numbers: dict[str, int],
    clumps: Clumps,
) -> Units:
    """Return what is joined: pictures that are known to be of one thing are one, copies too."""
    n = len(numbers)
    sizes = np.bincount(unit_of_row[is_distinct], minlength=n)
    sums = np.zeros((n, features.shape[1]), dtype=np.float32)
    np.add.at(sums, unit_of_row[is_distinct], features[is_distinct])
    names = {head: sorted(clumps.names(head)) for head in numbers}
    codes = {name: code for code, name in enumerate(sorted({n[0] for n in names.values() if n}))}
    denied = [
        (unit, codes[name])
        for head, unit in numbers.items()
        for name in sorted(clumps.denied(head))
        if name in codes
    ]
    apart = [
        (unit, numbers[other])
        for head, unit in numbers.items()
        for other in sorted(clumps.apart(head))
        if other in numbers
    ]
    return Units(
        means=sums / np.maximum(sizes, 1).astype(np.float32)[:, None],
        sizes=sizes.astype(np.int64),
        names=np.array([codes[n[0]] if n else UNNAMED for n in names.values()], dtype=np.int64),
        denied=np.array(denied, dtype=np.int64).reshape(-1, 2),
        apart=np.array(apart, dtype=np.int64).reshape(-1, 2),
    )


def _group(
    pictures: Pictures,
    rows: NDArray[np.intp],
    is_distinct: NDArray[np.bool_],
    *,
    clumps: Clumps,
    names: Mapping[str, str],
) -> Group:
    distinct = rows[is_distinct]
    features = pictures.features[distinct]
    medoid = int((features @ features.mean(axis=0)).argmax())
    keys = [pictures.keys[row] for row in rows.tolist()]
    said = sorted({name for key in keys for name in clumps.names(key)})
    return Group(
        rows=tuple(rows.tolist()),
        distinct=tuple(distinct.tolist()),
        unsettled=tuple(r for r, key in zip(rows.tolist(), keys, strict=True) if key not in names),
        name=said[0] if said else None,
        denied=frozenset(name for key in keys for name in clumps.denied(key)),
        medoid=int(distinct[medoid]),
        spread=max(0.0, float(1 - (features @ features[medoid]).min())),
    )
