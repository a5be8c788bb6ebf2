"""Pictures whose groups are plain, and facts about them."""

from collections.abc import Mapping, Sequence

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.learning.facts import Answer, AnswerKind
from pipeline.learning.groups import Grouping
from pipeline.learning.pictures import Pictures, gather_pictures

CUT = 0.05


def answer_of(  # noqa: PLR0913 - one a field
    number: int,
    kind: AnswerKind,
    *,
    kept: Sequence[str] = (),
    odd: Sequence[str] = (),
    name: str = "x",
    members: Sequence[str] = (),
    at_ms: int = 0,
    model: str = "m",
    size: int = 5,
    spread: float = 0.0,
    guesses: Sequence[str] = (),
    match: float | None = None,
) -> Answer:
    """Return an answer of which only what is named matters."""
    return Answer(
        number=number,
        at_ms=at_ms,
        kind=kind,
        name=name,
        members=tuple(members) or (*kept, *odd),
        kept=tuple(kept),
        odd=tuple(odd),
        audit=(),
        guesses=tuple(guesses),
        match=match,
        model=model,
        size=size,
        spread=spread,
    )


def on_circle(degrees: Mapping[str, float]) -> Pictures:
    """Return pictures of two features: one a key, at an angle."""
    angles = np.radians(list(degrees.values()))
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    return gather_pictures(list(degrees), features)


def blobs(counts: dict[str, int], *, spread: float = 0.02) -> Pictures:
    """Return pictures in tight groups far from one another; key `b03` is of group `b`."""
    rng = np.random.default_rng(0)
    keys = [f"{name}{i:02}" for name, count in counts.items() for i in range(count)]
    centres = np.eye(len(counts), 16, dtype=np.float32)
    features = np.repeat(centres, list(counts.values()), axis=0)
    noise = spread * rng.normal(size=features.shape)
    return gather_pictures(keys, (features + noise).astype(np.float32))


def groups_by_key(grouping: Grouping) -> set[frozenset[str]]:
    """Return the groups as sets of keys."""
    keys = grouping.pictures.keys
    return {frozenset(keys[row] for row in group.rows) for group in grouping.groups}


def group_of(grouping: Grouping, key: str) -> frozenset[str]:
    """Return the keys of the group that a picture is in."""
    return next(group for group in groups_by_key(grouping) if key in group)


@st.composite
def some_pictures(draw: st.DrawFn, *, most: int = 14) -> Pictures:
    """Any few pictures: many alike, some equal."""
    n = draw(st.integers(1, most))
    whole = st.integers(0, 3).map(float)
    features = draw(arrays(np.float32, (n, 3), elements=whole))
    features[:, 0] += 1  # none is all 0
    return gather_pictures([f"k{i:02}" for i in range(n)], features)


@st.composite
def some_answers(draw: st.DrawFn, keys: Sequence[str]) -> tuple[Answer, ...]:
    """Any few answers about pictures, each spoken of once, so that they cannot contradict."""
    left = list(draw(st.permutations(keys)))
    answers: list[Answer] = []
    for number in range(1, draw(st.integers(0, 4)) + 1):
        if not left:
            break
        size = draw(st.integers(1, len(left)))
        members, left = left[:size], left[size:]
        name = draw(st.sampled_from("xy"))
        odd = members[1:][: draw(st.integers(0, size))]
        kept = [key for key in members if key not in odd]
        match draw(st.sampled_from(AnswerKind)):
            case AnswerKind.NO:
                answers.append(answer_of(number, AnswerKind.NO, odd=members, name=name))
            case AnswerKind.LATER:
                answers.append(answer_of(number, AnswerKind.LATER, members=members, name=name))
            case _:
                kind = AnswerKind.ODD if odd else AnswerKind.YES
                answers.append(answer_of(number, kind, kept=kept, odd=odd, name=name))
    return tuple(answers)
