"""Calibration of video scores: what share of the videos with a score is removed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.special import expit, logit

from pipeline.errors import ExamplesError
from pipeline.learning.calibrate import calibration_error
from pipeline.learning.score_calibration import (
    FOLDS,
    MANY_LABELS,
    Isotonic,
    Platt,
    cross_calibrate,
    fit_calibrator,
    fit_isotonic,
    fit_platt,
    measure_reliability,
)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
seeds = st.integers(0, 1_000)
rated = st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans(), st.sampled_from([1.0, 3.0]))


def labelled(
    n: int, *, slope: float = 0.5, intercept: float = -1.0, seed: int = 0
) -> tuple[Floats, Bools]:
    """Return scores, and labels whose log-odds are a known line over the scores' own."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.001, 0.999, n)
    return scores, rng.random(n) < expit(slope * logit(scores) + intercept)


def ones(n: int) -> Floats:
    return np.ones(n, np.float64)


def loss(curve: Platt, scores: Floats, is_positive: Bools, weights: Floats) -> float:
    """Platt's loss, as his paper writes it."""
    positives = is_positive.sum()
    high, low = (positives + 1) / (positives + 2), 1 / (len(scores) - positives + 2)
    told = 0.0
    for p, y, w in zip(curve.to_confidences(scores), is_positive, weights, strict=True):
        t = high if y else low
        told -= w * (t * np.log(p) + (1 - t) * np.log(1 - p))
    return float(told)


@pytest.mark.parametrize(("slope", "intercept"), [(0.5, -1.0), (1.0, 0.0), (2.0, 1.0)])
def test_a_known_curve_is_found(slope: float, intercept: float) -> None:
    scores, is_positive = labelled(20_000, slope=slope, intercept=intercept)
    found = fit_platt(scores, is_positive, ones(20_000))

    assert found.slope == pytest.approx(slope, rel=0.08)
    assert found.intercept == pytest.approx(intercept, abs=0.06)


@given(seeds)
def test_no_curve_nearby_is_better(seed: int) -> None:
    scores, is_positive = labelled(60, seed=seed)
    weights = np.random.default_rng(seed).uniform(0.5, 3, 60)
    try:
        found = fit_platt(scores, is_positive, weights)
    except ExamplesError:
        return
    least = loss(found, scores, is_positive, weights)

    for slope, intercept in ((0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.05)):
        other = Platt(found.slope + slope, found.intercept + intercept)
        assert loss(other, scores, is_positive, weights) >= least - 1e-6


def test_labels_that_a_score_parts_without_error_give_a_finite_curve() -> None:
    scores = np.array([0.1, 0.2, 0.8, 0.9])
    found = fit_platt(scores, scores > 0.5, ones(4))

    assert 0 < found.slope < 10
    assert found.to_confidences(scores).min() > 0.05


def test_a_weight_of_two_counts_as_two_labels() -> None:
    scores, is_positive = labelled(80)
    twice = np.where(np.arange(80) < 20, 2.0, 1.0)
    again = np.r_[np.arange(80), np.arange(20)]

    weighted = fit_isotonic(scores, is_positive, twice)
    doubled = fit_isotonic(scores[again], is_positive[again], ones(100))
    inside = slice(1, -1)  # but for the ends, which are clipped by how many labels there are
    np.testing.assert_allclose(
        weighted.to_confidences(scores)[inside].clip(0.02, 0.98),
        doubled.to_confidences(scores)[inside].clip(0.02, 0.98),
        atol=1e-9,
    )
    curve = fit_platt(scores, is_positive, twice)
    assert curve.slope == pytest.approx(
        fit_platt(scores[again], is_positive[again], ones(100)).slope, rel=0.05
    )


def test_under_a_thousand_labels_it_is_platt_and_from_there_on_isotonic() -> None:
    few, many = labelled(MANY_LABELS - 1), labelled(MANY_LABELS)

    assert isinstance(fit_calibrator(*few, ones(MANY_LABELS - 1)), Platt)
    assert isinstance(fit_calibrator(*many, ones(MANY_LABELS)), Isotonic)


@given(st.sampled_from([60, 1_200]), seeds, st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_a_higher_score_never_has_a_lower_confidence(n: int, seed: int, asked: list[float]) -> None:
    try:
        found = fit_calibrator(*labelled(n, seed=seed), ones(n))
    except ExamplesError:
        return
    confidences = found.to_confidences(np.sort(np.array(asked)))

    assert np.all(np.diff(confidences) >= 0)
    assert np.all((confidences > 0) & (confidences < 1))


@given(st.sampled_from([60, 1_200]), seeds, st.floats(0.001, 0.999))
def test_the_score_at_a_confidence_is_where_the_confidence_is_reached(
    n: int, seed: int, confidence: float
) -> None:
    try:
        found = fit_calibrator(*labelled(n, seed=seed), ones(n))
    except ExamplesError:
        return
    score = found.score_at(confidence)
    above, below = found.to_confidences(np.array([min(score + 1e-6, 1), max(score - 1e-6, 0)]))

    assert 0 <= score <= 1
    assert above >= confidence - 1e-9 or score >= 1 - 1e-6
    assert below <= confidence + 1e-9 or score <= 1e-6


@pytest.mark.parametrize(("confidence", "score"), [(0.0, 0.0), (1.0, 1.0), (-1.0, 0.0)])
def test_the_ends_of_the_confidences(confidence: float, score: float) -> None:
    steps = Isotonic(np.array([0.2, 0.8]), np.array([0.1, 0.9]))

    assert Platt(1.0, 0.0).score_at(confidence) == score
    assert steps.score_at(confidence) == score
    assert [steps.score_at(0.1), steps.score_at(0.9)] == pytest.approx([0.0, 0.8])
    assert np.isnan(steps.to_confidences(np.array([np.nan]))[0])


def test_isotonic_is_never_surer_than_its_labels_can_make_it() -> None:
    scores = np.linspace(0, 1, 100)
    found = fit_isotonic(scores, scores > 0.5, ones(100))

    np.testing.assert_allclose(found.confidences[[0, -1]], [1 / 102, 101 / 102])


@pytest.mark.parametrize(
    ("scores", "is_positive", "match"),
    [
        pytest.param([0.1, 0.9], [True, True], "were removed", id="only-positives"),
        pytest.param([0.1, 0.9], [False, False], "were allowed", id="only-negatives"),
        pytest.param([], [], "all 0 labelled", id="none"),
        pytest.param([0.3] * 4, [True, False] * 2, "have the score 0.3", id="constant"),
        pytest.param([0.1, 0.9] * 9, [True, False] * 9, "do not rise", id="the-wrong-way-round"),
    ],
)
def test_labels_that_tell_nothing_are_named(
    scores: list[float], is_positive: list[bool], match: str
) -> None:
    arguments = np.array(scores, np.float64), np.array(is_positive, np.bool_), ones(len(scores))

    with pytest.raises(ExamplesError, match=match):
        fit_calibrator(*arguments)


def test_isotonic_names_the_wrong_way_round_too() -> None:
    scores = np.linspace(0, 1, MANY_LABELS)

    with pytest.raises(ExamplesError, match="do not rise"):
        fit_calibrator(scores, scores < 0.5, ones(MANY_LABELS))


@pytest.mark.parametrize(
    ("scores", "weights", "match"),
    [
        ([0.1, np.nan], [1.0, 1.0], "without NaN"),
        ([0.1, 0.2], [1.0, 0.0], "weights"),
        ([0.1, 0.2], [1.0, np.nan], "weights"),
        ([0.1, 0.2], [1.0, np.inf], "weights"),
        ([0.1, 0.2], [1.0], "weights must be float64 of shape"),
    ],
)
def test_what_is_refused(scores: list[float], weights: list[float], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        fit_calibrator(np.array(scores), np.array([True, False]), np.array(weights))


def test_each_fold_is_calibrated_without_its_own_labels() -> None:
    """A label that weighs more changes the confidences of all folds but its own."""
    scores, is_positive = labelled(50)
    before = cross_calibrate(scores, is_positive, ones(50), rng=np.random.default_rng(0))
    flat = cross_calibrate(
        scores, is_positive, np.where(np.arange(50) == 7, 9.0, 1.0), rng=np.random.default_rng(0)
    )
    kept = np.isclose(before, flat)

    assert kept[7]
    assert 50 // FOLDS - 2 <= np.count_nonzero(kept) <= 50 // FOLDS + 2


def test_calibrated_scores_are_more_reliable_on_labels_they_have_not_seen() -> None:
    scores, is_positive = labelled(4_000)
    weights = ones(4_000)
    confidences = cross_calibrate(scores, is_positive, weights, rng=np.random.default_rng(0))

    before = measure_reliability(scores, is_positive, weights, bins=10).error
    after = measure_reliability(confidences, is_positive, weights, bins=10).error
    assert before > 0.15
    assert after < 0.03


def test_too_few_of_one_kind_cannot_be_checked_on_others() -> None:
    scores = np.linspace(0, 1, 20)

    with pytest.raises(ExamplesError, match="fewer than 5 labels of one kind"):
        cross_calibrate(scores, scores > 0.9, ones(20), rng=np.random.default_rng(0))


@given(
    arrays(np.float64, 60, elements=st.floats(0, 1), unique=True),
    arrays(np.bool_, 60),
    st.sampled_from([1, 2, 5, 10]),
)
def test_the_error_of_different_confidences_is_the_calibration_error(
    confidences: Floats, is_positive: Bools, bins: int
) -> None:
    found = measure_reliability(confidences, is_positive, ones(60), bins=bins)

    assert found.counts.tolist() == [60 // bins] * bins
    assert found.error == pytest.approx(calibration_error(confidences, is_positive, bins=bins))


@given(st.lists(rated, min_size=1, max_size=40), st.integers(1, 12))
def test_equal_confidences_stay_in_one_bin(
    rows: list[tuple[float, bool, float]], bins: int
) -> None:
    """So that the order of the videos changes nothing."""

    def table(given_rows: list[tuple[float, bool, float]]) -> list[list[float]]:
        confidences, is_positive, weights = (
            np.array(column) for column in zip(*given_rows, strict=True)
        )
        found = measure_reliability(confidences, is_positive, weights, bins=bins)
        assert found.counts.sum() == len(rows)
        assert len(found.counts) <= min(bins, 3)
        return [np.round(part, 9).tolist() for part in (found.counts, found.weights, found.shares)]

    assert table(rows) == table(rows[::-1])


@pytest.mark.parametrize(("n", "bins"), [(0, 3), (3, 0)])
def test_there_must_be_videos_and_bins(n: int, bins: int) -> None:
    with pytest.raises(ValueError, match="are needed"):
        measure_reliability(ones(n) / 2, np.ones(n, np.bool_), ones(n), bins=bins)
