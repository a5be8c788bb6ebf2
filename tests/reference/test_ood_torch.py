"""The methods that tell strangers against those of pytorch-ood, on random features.

Run by ``make reference``: the project's own environment has no torch.
"""

import importlib.util
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipeline.judging import ood

pytestmark = pytest.mark.reference
N, M, D, L = 200, 90, 24, 7
DIRECTIONS = 8

Array = NDArray[np.float32]


@pytest.fixture(scope="module")
def theirs() -> ModuleType:
    """Return pytorch-ood's detectors; its package itself would want torchvision for data sets."""
    spec = importlib.util.find_spec("pytorch_ood")
    assert spec is not None
    sys.modules["pytorch_ood"] = importlib.util.module_from_spec(spec)
    return importlib.import_module("pytorch_ood.detector")


@pytest.fixture(scope="module")
def world() -> dict[str, Array]:
    """Return a bank of three classes, rows to ask about, and a last layer."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, D)) * 3
    classes = np.arange(M) % 3
    return {
        "bank": ood.normalise((centres[classes] + rng.normal(size=(M, D))).astype(np.float32)),
        "rows": ood.normalise((rng.normal(size=(N, D)) * 3).astype(np.float32)),
        "weights": (rng.normal(size=(L, D)) * 2).astype(np.float32),
        "bias": rng.normal(size=L).astype(np.float32),
    }


def logits_of(world: dict[str, Array], rows: Array) -> Array:
    return np.asarray(rows @ world["weights"].T + world["bias"], dtype=np.float32)


def classes() -> Any:
    return torch.arange(M) % 3


def tensor(array: NDArray[Any]) -> Any:
    return torch.from_numpy(np.array(array))


def ranks(scores: NDArray[Any]) -> NDArray[np.int64]:
    return np.argsort(np.argsort(scores, kind="stable"), kind="stable")


@pytest.mark.parametrize(
    ("ours", "name", "options"),
    [
        (ood.maximum_softmax, "MaxSoftmax", {}),
        (ood.max_logit, "MaxLogit", {}),
        (ood.energy, "EnergyBased", {}),
    ],
)
def test_what_is_said_of_logits(
    ours: Any, name: str, options: dict[str, Any], theirs: ModuleType, world: dict[str, Array]
) -> None:
    logits = logits_of(world, world["rows"])

    expected = getattr(theirs, name)(None, **options).predict_logits(tensor(logits)).numpy()

    np.testing.assert_allclose(ours(logits), expected, rtol=1e-5, atol=1e-6)


def test_gen_is_theirs_times_the_number_of_labels(
    theirs: ModuleType, world: dict[str, Array]
) -> None:
    """They take the mean over the labels, the paper their sum."""
    logits = logits_of(world, world["rows"])

    expected = theirs.GEN(None, gamma=0.1, M=100).predict_logits(tensor(logits)).numpy()

    np.testing.assert_allclose(ood.gen(logits) / L, expected, rtol=1e-3)


def test_the_fifth_neighbour_is_theirs(theirs: ModuleType, world: dict[str, Array]) -> None:
    """They say how far the k-th is, we the mean of the first five: five of their answers."""
    squares = []
    for k in range(1, ood.NEIGHBOURS + 1):
        detector = theirs.KNN(None, k=k).fit_features(tensor(world["bank"]), classes())
        squares.append(detector.predict_features(tensor(world["rows"])).numpy() ** 2)

    # Of vectors of length 1, the cosine distance is half the square of the distance.
    expected = np.mean(squares, axis=0) / 2

    np.testing.assert_allclose(ood.knn(world["rows"], world["bank"]), expected, atol=2e-6)


def test_mahalanobis_ranks_as_theirs(theirs: ModuleType, world: dict[str, Array]) -> None:
    """They sum over the bank where a covariance is the mean: a factor. Both on length 1."""
    bank = world["bank"]
    detector = theirs.Mahalanobis(None).fit_features(tensor(bank), classes())
    expected = 2 * M * detector.predict_features(tensor(world["rows"])).numpy()
    labels = classes().numpy()
    apart = bank - np.stack([bank[labels == label].mean(axis=0) for label in range(3)])[labels]
    ridge = 1e-6 / np.mean((apart**2).sum(axis=0))  # theirs is added to the sum

    scores = ood.mahalanobis(world["rows"], ood.fit_mahalanobis(world["bank"], labels, ridge=ridge))

    np.testing.assert_allclose(scores, expected, rtol=1e-4)
    np.testing.assert_array_equal(ranks(scores), ranks(expected))


def test_vim_is_theirs(theirs: ModuleType, world: dict[str, Array]) -> None:
    weights, bias = tensor(world["weights"]), tensor(world["bias"])
    detector = theirs.ViM(None, DIRECTIONS, weights, bias)
    detector.fit_features(tensor(world["bank"]), classes())
    expected = detector.predict_features(tensor(world["rows"])).numpy()
    origin = -np.linalg.pinv(world["weights"].astype(np.float64)) @ world["bias"]
    given = logits_of(world, world["bank"])

    fitted = ood.fit_vim(world["bank"], given, origin=origin, directions=DIRECTIONS)
    scores = ood.vim(world["rows"], logits_of(world, world["rows"]), fitted)

    np.testing.assert_allclose(scores, expected, rtol=1e-3, atol=1e-3)
