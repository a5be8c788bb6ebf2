"""Calibration: how far a model's scores are to be believed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.learning.calibrate import (
    MAX_TEMPERATURE,
    MIN_TEMPERATURE,
    calibration_error,
    fit_temperature,
    log_loss,
)
from pipeline.records import Exclusivity
from pipeline.scoring.session import activate

LABELS = 5


def labelled(
    temperature: float, *, n: int = 3_000, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return scores of a model that is sure of itself by a known factor, and what is right."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, LABELS)).astype(np.float32)
    truth = activate(logits, Exclusivity.SOFTMAX)
    right = (rng.random((n, 1)) > truth.cumsum(axis=1)).sum(axis=1).clip(max=LABELS - 1)
    return activate(logits * np.float32(temperature), Exclusivity.SOFTMAX), one_hot(right)


def one_hot(right: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray(right[:, None] == np.arange(LABELS))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_known_temperature_is_found(temperature: float) -> None:
    found = fit_temperature(*labelled(temperature))

    assert found.temperature == pytest.approx(temperature, rel=0.08)
    assert found.log_loss_after <= found.log_loss_before
    assert found.pictures == 3_000


@given(st.floats(0.3, 4), st.integers(0, 20))
def test_no_temperature_nearby_is_better(temperature: float, seed: int) -> None:
    scores, is_right = labelled(temperature, n=60, seed=seed)
    found = fit_temperature(scores, is_right)

    for factor in (0.5, 0.9, 1.1, 2):
        other = float(np.clip(found.temperature * factor, MIN_TEMPERATURE, MAX_TEMPERATURE))
        assert found.log_loss_after <= log_loss(scores, is_right, other) + 1e-6


def test_labels_of_one_candidate_are_right_together() -> None:
    scores = np.array([[0.4, 0.4, 0.2]], np.float32)

    assert log_loss(scores, np.array([[True, True, False]]), 1.0) == pytest.approx(-np.log(0.8))


@pytest.mark.parametrize(
    ("score_of_right", "expected"),
    [(0.9, MIN_TEMPERATURE), (0.01, MAX_TEMPERATURE)],
    ids=["never-wrong", "always-wrong"],
)
def test_without_a_best_temperature_the_bound_is_told(
    score_of_right: float, expected: float
) -> None:
    scores = np.array([[score_of_right, 1 - score_of_right]] * 20, np.float32)
    is_right = np.array([[True, False]] * 20)

    assert fit_temperature(scores, is_right).temperature == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("scores", "is_right", "match"),
    [
        pytest.param(
            np.empty((0, 2), np.float32), np.empty((0, 2), bool), "at least one", id="none"
        ),
        pytest.param(np.full((1, 2), np.nan, np.float32), np.ones((1, 2), bool), "NaN", id="nan"),
        pytest.param(
            np.ones((1, 2), np.float32), np.zeros((1, 2), bool), "right label", id="no-label"
        ),
        pytest.param(np.ones((1, 2), np.float32), np.ones((2, 2), bool), "shape", id="shapes"),
        pytest.param(np.ones((1, 2)), np.ones((1, 2), bool), "float32", id="doubles"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    scores: NDArray[np.float32], is_right: NDArray[np.bool_], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        fit_temperature(scores, is_right)


def test_a_fit_lowers_the_calibration_error_of_what_it_has_not_seen() -> None:
    temperature = fit_temperature(*labelled(3.0)).temperature
    scores, is_right = labelled(3.0, seed=1)

    errors = []
    for divisor in (1.0, temperature):
        powers = np.log(scores) / divisor
        shares = np.exp(powers) / np.exp(powers).sum(axis=1, keepdims=True)
        answers = shares.argmax(axis=1)
        rows = np.arange(len(scores))
        right = is_right[rows, answers]
        errors.append(calibration_error(shares[rows, answers].astype(float), right, bins=10))
    before, after = errors
    assert before > 0.1
    assert after < 0.03


@pytest.mark.parametrize(
    ("confidences", "right", "bins", "expected"),
    [
        ([0.5, 0.5], [True, False], 1, 0.0),
        ([1.0, 1.0], [True, False], 1, 0.5),
        ([0.0, 1.0], [True, False], 2, 1.0),
        ([0.0, 1.0], [True, False], 1, 0.0),
        ([0.8], [True], 10, 0.2),
    ],
)
def test_the_calibration_error_by_hand(
    confidences: list[float], right: list[bool], bins: int, expected: float
) -> None:
    found = calibration_error(np.array(confidences), np.array(right), bins=bins)

    assert found == pytest.approx(expected)


def test_of_nothing_there_is_no_calibration_error() -> None:
    with pytest.raises(ValueError, match="at least one answer"):
        calibration_error(np.empty(0), np.empty(0, bool), bins=3)
