"""Candidates and ballots for the tests of votes: short to write, any to draw."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from pipeline.policies.candidates import find_candidates
from pipeline.records import Gate
from pipeline.votes import (
    AnswerThresholds,
    Ballots,
    Candidate,
    Candidates,
    PartOf,
    Pooling,
)

NAN = float("nan")
OBJECTS = find_candidates("objects")
COPY_BELOW = 10
APART = 20  # levels between two pictures that are no copies
ANSWER = AnswerThresholds(
    min_confidence=0.5,
    min_margin=0.2,
    min_good_pictures=1,
    max_disagreement=0.5,
    max_stranger_share=0.5,
)
POOLING = Pooling(
    stray_share=0.1,
    independence=1.0,
    copy_below=COPY_BELOW,
    full_sharpness=20.0,
    least_weight=0.5,
    text_strength=0.8,
)


def candidate(
    name: str, prior: float = 0.3, part_of: dict[str, float] | None = None, aliases: str = ""
) -> Candidate:
    parts = tuple(PartOf(whole, share) for whole, share in (part_of or {}).items())
    return Candidate(name, (f"label of {name}",), tuple(aliases.split()), prior, parts)


def candidates(
    *chosen: Candidate,
    answer: dict[str, Any] | None = None,
    pooling: dict[str, Any] | None = None,
) -> Candidates:
    """Return these candidates, or a cat, a dog and a rat, which leave 0.1 for none of them."""
    animals = tuple(candidate(name) for name in ("cat", "dog", "rat"))
    return replace(
        OBJECTS,
        candidates=chosen or animals,
        answer=replace(ANSWER, **(answer or {})),
        pooling=replace(POOLING, **(pooling or {})),
    )


def ballots(
    *rows: Sequence[float],
    gates: Sequence[Gate] | None = None,
    weights: Sequence[float] | None = None,
    strangers: Sequence[int] = (),
    levels: Sequence[int] | None = None,
) -> Ballots:
    """Return the ballots of good pictures that say *rows*, none a copy of another.

    Args:
        rows: what each picture says.
        gates: of each, else all are OK.
        weights: of each, else all 1.
        strangers: which are strangers.
        levels: the tone of each; two closer than COPY_BELOW are copies.
    """
    n = len(rows)
    width = len(rows[0]) if rows else 3
    tones = np.array([i * APART for i in range(n)] if levels is None else levels, np.uint8)
    return Ballots(
        confidences=np.array(rows, np.float32).reshape(n, width),
        gates=np.array([Gate.OK] * n if gates is None else gates, np.uint8),
        weights=np.array([1.0] * n if weights is None else weights, np.float32),
        is_stranger=np.isin(np.arange(n), strangers),
        signatures=np.broadcast_to(tones.reshape(n, 1, 1, 1), (n, 2, 2, 3)).copy(),
    )


def take(one: Ballots, rows: Sequence[int]) -> Ballots:
    """Return some pictures of a submission, in this order, repeated as they are named."""
    chosen = list(rows)
    return Ballots(
        one.confidences[chosen],
        one.gates[chosen],
        one.weights[chosen],
        one.is_stranger[chosen],
        one.signatures[chosen],
    )


def join(one: Ballots, other: Ballots) -> Ballots:
    """Return the pictures of both."""
    return Ballots(
        np.concatenate([one.confidences, other.confidences]),
        np.concatenate([one.gates, other.gates]),
        np.concatenate([one.weights, other.weights]),
        np.concatenate([one.is_stranger, other.is_stranger]),
        np.concatenate([one.signatures, other.signatures]),
    )


# Few values: ties, certainty and nothing at all must come up.
_PARTS = st.sampled_from([0, 0, 1, 2, 5, 10, 100])


@st.composite
def sayings(draw: st.DrawFn, *, wide: int = 3) -> list[float]:
    """What one picture says of *wide* candidates, the rest being "none of them"."""
    parts = draw(st.lists(_PARTS, min_size=wide + 1, max_size=wide + 1))
    total = sum(parts) or 1
    return [part / total for part in parts[:wide]]


@st.composite
def any_ballots(draw: st.DrawFn, *, min_size: int = 0, max_size: int = 7) -> Ballots:
    """Any pictures: good ones and bad ones, copies, strangers, some not scored."""
    n = draw(st.integers(min_size, max_size))
    rows = [draw(sayings()) if draw(st.integers(0, 9)) else [NAN] * 3 for _ in range(n)]
    kinds = st.sampled_from([Gate.OK, Gate.OK, Gate.OK, Gate.FROZEN, Gate.BLUR, Gate.BLACK])
    return ballots(
        *rows,
        gates=[draw(kinds) for _ in range(n)],
        weights=[draw(st.sampled_from([0.0, 0.5, 0.7, 1.0])) for _ in range(n)],
        strangers=[i for i in range(n) if draw(st.integers(0, 5)) == 0],
        levels=[draw(st.integers(0, 60)) for _ in range(n)],
    )


@st.composite
def any_candidates(draw: st.DrawFn) -> Candidates:
    """Three candidates with any priors and thresholds; the second may be a part of the first."""
    priors = draw(st.lists(st.sampled_from([0.05, 0.1, 0.3, 0.33]), min_size=3, max_size=3))
    share = draw(st.sampled_from([None, 0.1, 0.5]))
    return candidates(
        candidate("bicycle", priors[0]),
        candidate("tire", priors[1], {"bicycle": share} if share else None),
        candidate("rat", priors[2], {"tire": 0.3} if draw(st.booleans()) else None),
        answer={
            "min_confidence": draw(st.sampled_from([0.0, 0.5, 0.8])),
            "min_margin": draw(st.sampled_from([0.0, 0.2])),
            "min_good_pictures": draw(st.integers(1, 3)),
            "max_disagreement": draw(st.sampled_from([0.2, 0.5, 1.0])),
            "max_stranger_share": draw(st.sampled_from([0.0, 0.5, 1.0])),
        },
        pooling={
            "stray_share": draw(st.sampled_from([0.01, 0.1, 0.4])),
            "independence": draw(st.sampled_from([0.0, 0.5, 1.0])),
        },
    )
