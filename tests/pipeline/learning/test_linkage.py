"""Average linkage: joined as a slow and obvious version joins, whatever is forbidden."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.learning.linkage import UNNAMED, Units, connected_parts, group_units, plain_units
from pipeline.learning.pictures import Pictures
from tests.pipeline.learning.learning_parts import CUT, on_circle, some_pictures

NONE = np.empty((0, 2), dtype=np.int64)


def join_slowly(units: Units, cut: float) -> NDArray[np.intp]:
    """Join the nearest two sets, by the mean of all distances, until none is within the cut."""
    sets = [[i] for i in range(len(units))]
    distances = 1 - units.means.astype(np.float64) @ units.means.T.astype(np.float64)

    def is_forbidden(one: list[int], other: list[int]) -> bool:
        names = {int(units.names[i]) for i in [*one, *other]} - {UNNAMED}
        denied = {int(name) for unit, name in units.denied if unit in [*one, *other]}
        apart = any((a in one and b in other) or (b in one and a in other) for a, b in units.apart)
        return len(names) > 1 or bool(names & denied) or apart

    while True:
        pairs = [
            (round(float(distances[np.ix_(a, b)].mean()), 6), i, j)
            for i, a in enumerate(sets)
            for j, b in enumerate(sets[:i])
            if not is_forbidden(a, b)
        ]
        if not pairs or min(pairs)[0] > cut:
            break
        _, i, j = min(pairs)
        sets[j] += sets.pop(i)
    labels = np.empty(len(units), dtype=np.intp)
    for number, members in enumerate(sets):
        labels[members] = number
    return labels


def partition(labels: NDArray[np.intp]) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


def random_units(seed: int) -> Units:
    """Return units in general position: no two distances are equal, so the answer is one."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 12))
    features = np.abs(rng.normal(size=(n, 3))).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    names = np.where(rng.random(n) < 0.4, rng.integers(0, 2, n), UNNAMED).astype(np.int64)
    denied = [(i, 0) for i in range(n) if names[i] == UNNAMED and rng.random() < 0.2]
    apart = rng.integers(0, n, (int(rng.integers(0, 3)), 2))
    apart = apart[apart[:, 0] != apart[:, 1]]
    return replace(
        plain_units(features),
        names=names,
        denied=np.array(denied, dtype=np.int64).reshape(-1, 2),
        apart=apart.astype(np.int64),
    )


@given(st.integers(0, 10_000), st.floats(0.01, 0.6))
@settings(max_examples=150, deadline=None)
def test_it_joins_what_the_slow_version_joins(seed: int, cut: float) -> None:
    units = random_units(seed)

    assert partition(group_units(units, cut=cut)) == partition(join_slowly(units, cut))


@pytest.mark.parametrize(
    ("degrees", "groups"),
    [
        pytest.param([], set(), id="none"),
        pytest.param([0], {frozenset({0})}, id="one"),
        pytest.param([0, 10, 90], {frozenset({0, 1}), frozenset({2})}, id="two-alike"),
        # 0 and 25 degrees are 0.094 apart, both 0.024 from the one between: mean 0.059 > 0.05.
        pytest.param([0, 12.5, 25], {frozenset({0, 1}), frozenset({2})}, id="no-chains"),
    ],
)
def test_cases(degrees: list[float], groups: set[frozenset[int]]) -> None:
    pictures = on_circle({f"{i}": angle for i, angle in enumerate(degrees)}) if degrees else None
    features = pictures.features if pictures else np.empty((0, 2), dtype=np.float32)

    assert partition(group_units(plain_units(features), cut=CUT)) == groups


def test_a_distance_on_the_cut_joins() -> None:
    features = np.array([[1, 0], [0.5, np.sqrt(0.75)]], dtype=np.float32)

    assert len(partition(group_units(plain_units(features), cut=0.5))) == 1
    assert len(partition(group_units(plain_units(features), cut=0.4999))) == 2


def test_what_may_not_be_joined_with_one_of_a_group_may_not_be_joined_with_any() -> None:
    pictures = on_circle({"a": 0, "b": 1, "c": 2.5})
    units = replace(plain_units(pictures.features), apart=np.array([[0, 2]]))

    assert partition(group_units(units, cut=CUT)) == {frozenset({0, 1}), frozenset({2})}


@given(some_pictures(), st.floats(0.01, 0.5))
@settings(max_examples=60, deadline=None)
def test_parts_are_joined_by_chains_of_near_pairs(pictures: Pictures, within: float) -> None:
    labels = connected_parts(pictures.features, within)

    near = pictures.features @ pictures.features.T >= 1 - within
    reach = np.linalg.matrix_power(near.astype(np.int64), 15) > 0
    np.testing.assert_array_equal(labels[:, None] == labels[None, :], reach)


def test_blocks_change_nothing() -> None:
    # More rows than a block holds, 40 in each of 60 directions: a part has rows of all blocks.
    angles = {f"{i:04}": (i % 60) * 6.0 + (i // 60) * 0.02 for i in range(2_400)}
    pictures = on_circle(angles)

    labels = connected_parts(pictures.features, 0.0005)

    np.testing.assert_array_equal(labels, np.arange(2_400) % 60)


def test_a_part_too_large_is_parted_where_it_hangs_together_least() -> None:
    pictures = on_circle({f"{i}": angle for i, angle in enumerate([0, 1, 2, 10, 11, 12])})
    units = plain_units(pictures.features)

    groups = partition(group_units(units, cut=CUT, max_at_once=4))

    assert groups == {frozenset({0, 1, 2}), frozenset({3, 4, 5})}


def test_too_many_that_cannot_be_parted_are_refused_with_the_number() -> None:
    same = np.ones((6, 1), dtype=np.float32)

    with pytest.raises(ValueError, match=r"at most 4 .* got 6"):
        group_units(plain_units(same), cut=CUT, max_at_once=4)
