"""Scores become calibrated confidences over candidates, and measurements become weights."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from pipeline.errors import PolicyError
from pipeline.judging.confidences import (
    calibrate,
    candidate_confidences,
    require_candidate_labels,
    weigh_by_sharpness,
)
from pipeline.records import Exclusivity
from pipeline.scoring.session import activate
from pipeline.votes import Candidate, Candidates
from tests.pipeline.judging.vote_parts import candidates

SOFTMAX, SIGMOID = Exclusivity.SOFTMAX, Exclusivity.SIGMOID
LABELS = ("tabby", "persian", "dog", "tree")
PETS = candidates(
    Candidate("cat", ("tabby", "persian"), (), 0.4, ()), Candidate("dog", ("dog",), (), 0.4, ())
)

logits = arrays(np.float32, (3, 4), elements=st.floats(-12, 12, width=32))
temperatures = st.floats(0.2, 5)


def confidences(row: list[float], exclusivity: Exclusivity, pets: Candidates = PETS) -> list[float]:
    scores = np.array([row], np.float32)
    (found,) = candidate_confidences(scores, LABELS, pets, exclusivity)
    return [float(each) for each in found]


@pytest.mark.parametrize("exclusivity", Exclusivity)
@given(logits=logits, temperature=temperatures)
def test_the_scores_are_those_of_logits_divided_by_the_temperature(
    exclusivity: Exclusivity, logits: NDArray[np.float32], temperature: float
) -> None:
    scores = activate(logits, exclusivity)
    expected = activate((logits / temperature).astype(np.float32), exclusivity)

    found = calibrate(scores, temperature=temperature, exclusivity=exclusivity)

    # Where a sigmoid is near 1, float32 has forgotten what the logit was.
    close = scores < 0.99 if exclusivity is SIGMOID else np.ones_like(scores, bool)
    np.testing.assert_allclose(found[close], expected[close], rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("exclusivity", Exclusivity)
@pytest.mark.parametrize("row", [[1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]])
def test_certain_scores_stay_numbers(exclusivity: Exclusivity, row: list[float]) -> None:
    found = calibrate(np.array([row], np.float32), temperature=0.5, exclusivity=exclusivity)

    assert np.all((found >= 0) & (found <= 1))


def test_of_exclusive_labels_the_candidates_are_summed() -> None:
    assert confidences([0.3, 0.4, 0.2, 0.1], SOFTMAX) == pytest.approx([0.7, 0.2])


def test_of_other_labels_the_likeliest_counts_and_the_odds_are_weighed() -> None:
    # Odds of 3 and 1, against 1 for none of them.
    assert confidences([0.75, 0.5, 0.5, 0.9], SIGMOID) == pytest.approx([3 / 5, 1 / 5])


def test_the_temperature_is_the_files() -> None:
    cooler = replace(PETS, temperature=4.0)

    assert confidences([0.7, 0.0, 0.2, 0.1], SOFTMAX)[0] == pytest.approx(0.7)
    assert confidences([0.7, 0.0, 0.2, 0.1], SOFTMAX, cooler)[0] < 0.45


@given(arrays(np.float32, (4,), elements=st.floats(0, 1, width=32)), st.sampled_from(Exclusivity))
def test_a_pictures_confidences_sum_to_at_most_1(
    row: NDArray[np.float32], exclusivity: Exclusivity
) -> None:
    found = confidences([float(each) for each in row], exclusivity)

    assert all(0 <= each <= 1 for each in found)
    assert sum(found) <= 1 + 1e-6


def test_a_label_that_the_model_does_not_have_is_named() -> None:
    require_candidate_labels(PETS, LABELS)

    with pytest.raises(PolicyError, match=r"candidates\.cat: 'persian'.*candidates\.dog: 'dog'"):
        require_candidate_labels(PETS, ("tabby",))


@pytest.mark.parametrize(
    ("sharpness", "expected"),
    [(0, 0.5), (4, 0.5), (16, 0.75), (64, 1.0), (1_000, 1.0)],
)
def test_the_weight_rises_with_the_logarithm_of_sharpness(
    sharpness: float, expected: float
) -> None:
    weight = weigh_by_sharpness(sharpness, blur_below=4, full_sharpness=64, least_weight=0.5)

    assert weight == pytest.approx(expected)
