"""The strict cut: from what is unrelated, what is the same, and what people told apart."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.learning.cut import MAX_SLIPS, MIN_NAMED, strict_cut, tighten_cut
from pipeline.learning.linkage import group_units, plain_units


def unknown(n: int) -> NDArray[np.float32]:
    return np.full(n, np.nan, dtype=np.float32)


def directions(n: int, dimensions: int = 64, seed: int = 0) -> NDArray[np.float32]:
    """Return random directions: nothing is related to anything."""
    features = np.random.default_rng(seed).normal(size=(n, dimensions)).astype(np.float32)
    return np.asarray(features / np.linalg.norm(features, axis=1, keepdims=True))


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_pictures_join_nothing(n: int) -> None:
    assert strict_cut(directions(n), unknown(n)) == 0


@pytest.mark.parametrize("dimensions", [16, 64, 256])
def test_of_unrelated_pairs_about_one_in_740_lies_within_the_cut(dimensions: int) -> None:
    features = directions(1_500, dimensions)

    cut = strict_cut(features, unknown(1_500))

    pairs = 1 - (features @ features.T)[np.triu_indices(1_500, k=1)]
    assert 1 / 1500 < np.mean(pairs <= cut) < 1 / 400


def test_what_is_related_does_not_move_the_cut_much() -> None:
    alone = directions(1_000)
    twins = alone.copy()
    twins[1::2] = twins[::2]  # half of all pictures have a twin

    assert strict_cut(twins, unknown(1_000)) == pytest.approx(
        strict_cut(alone, unknown(1_000)), rel=0.05
    )


def test_the_stricter_witness_counts() -> None:
    features, own = directions(1_000), unknown(1_000)
    own[:10] = np.linspace(0.01, 0.1, 10)

    assert strict_cut(features, own) == pytest.approx(0.091, abs=1e-3)
    own[:10] = 1.9
    assert strict_cut(features, own) == strict_cut(features, unknown(1_000))


def two_names_side_by_side(n: int) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return pictures of two names in two heaps, 8 degrees from one another."""
    angles = np.radians(np.repeat([0.0, 8.0], n // 2) + np.tile(np.linspace(0, 1, n // 2), 2))
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    return features, np.repeat(np.arange(2), n // 2)


def test_what_people_told_apart_tightens_the_cut() -> None:
    features, labels = two_names_side_by_side(40)

    cut = tighten_cut(0.05, features, labels)

    assert cut < 0.05
    groups = group_units(plain_units(features), cut=cut)
    assert groups.tolist() == labels.tolist()


@pytest.mark.parametrize(
    ("n", "slips"),
    [
        pytest.param(MIN_NAMED - 2, MIN_NAMED, id="few-named"),
        pytest.param(60, 0, id="all-of-one-name"),
        pytest.param(60, MAX_SLIPS, id="one-slip"),
    ],
)
def test_the_cut_stays(n: int, slips: int) -> None:
    features, labels = two_names_side_by_side(n)
    labels = np.zeros_like(labels)
    labels[:slips] = 1

    assert tighten_cut(0.05, features, labels) == 0.05


def test_it_never_loosens() -> None:
    features, labels = two_names_side_by_side(40)

    assert tighten_cut(0.0001, features, labels) == 0.0001
