"""Thresholds with a guarantee."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.learning.thresholds import (
    Guarantee,
    MissThreshold,
    TooFew,
    miss_bound,
    most_misses,
    positives_needed,
    split_confidence,
    threshold_for_miss,
    threshold_for_miss_mean,
)

NAN = float("nan")
shares = st.floats(0.005, 0.6)
confidences = st.floats(0.5, 0.995)


def cdf(k: int, n: int, p: float) -> Fraction:
    """The probability of at most k of n, in whole numbers throughout."""
    share = Fraction(p)
    return sum(
        (comb(n, i) * share**i * (1 - share) ** (n - i) for i in range(k + 1)), start=Fraction(0)
    )


def slow_threshold(positives: list[float], max_miss: float, confidence: float) -> float | None:
    """The same by trying every k: None where no threshold can be guaranteed."""
    n = len(positives)
    allowed = [k for k in range(n) if cdf(k, n, max_miss) <= Fraction(1 - confidence)]
    return sorted(positives)[max(allowed)] if allowed else None


def rule(scores: list[float], max_miss: float = 0.02, confidence: float = 0.95) -> Guarantee:
    array = np.array(scores, np.float64)
    everything = np.ones(len(scores), np.bool_)
    return threshold_for_miss(array, everything, max_miss=max_miss, confidence=confidence)


@given(st.lists(st.floats(0, 1), max_size=60), shares, confidences)
def test_the_threshold_is_that_of_trying_every_k(
    scores: list[float], max_miss: float, confidence: float
) -> None:
    risk = 1 - confidence
    n = max(len(scores), positives_needed(max_miss=max_miss, confidence=confidence))
    # Where a probability is the risk itself, the last bit of a float decides.
    assume(
        all(abs(float(cdf(k, len(scores), max_miss)) - risk) > 1e-12 for k in range(len(scores)))
    )
    assume(all(abs((1 - max_miss) ** m - risk) > 1e-12 for m in (n - 1, n)))
    expected = slow_threshold(scores, max_miss, confidence)
    found = rule(scores, max_miss, confidence)

    if expected is None:
        assert isinstance(found, TooFew)
        needed = found.positives + found.missing
        assert cdf(0, needed, max_miss) <= 1 - confidence < cdf(0, needed - 1, max_miss)
    else:
        assert isinstance(found, MissThreshold)
        assert (found.threshold, found.positives) == (expected, len(scores))
        assert 0 < found.bound <= max_miss


@pytest.mark.parametrize(
    ("max_miss", "needed"), [(0.05, 59), (0.02, 149), (0.01, 299), (0.005, 598)]
)
def test_the_fewest_positives_at_95_percent(max_miss: float, needed: int) -> None:
    assert positives_needed(max_miss=max_miss, confidence=0.95) == needed
    assert rule([0.5] * (needed - 1), max_miss) == TooFew(needed - 1, 1)
    assert isinstance(rule([0.5] * needed, max_miss), MissThreshold)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        pytest.param([], TooFew(0, 149), id="no-positives"),
        pytest.param([0.9], TooFew(1, 148), id="one-positive"),
        pytest.param([0.4] * 149, 0.4, id="all-equal"),
        pytest.param([0.0] * 149, 0.0, id="all-zero"),
        pytest.param([0.1, *[0.9] * 148], 0.1, id="none-may-be-missed"),
        pytest.param([0.1, *[0.9] * 299], 0.9, id="one-of-300-may-be-missed"),
        pytest.param([0.1, 0.1, *[0.9] * 298], 0.1, id="of-two-equal-ones-none-is-missed"),
    ],
)
def test_edges(scores: list[float], expected: float | TooFew) -> None:
    found = rule(scores)

    assert (found if isinstance(found, TooFew) else found.threshold) == expected


def test_only_positives_count() -> None:
    scores = np.linspace(0, 1, 400)
    is_positive = scores >= 0.5

    found = threshold_for_miss(scores, is_positive, max_miss=0.02, confidence=0.95)

    assert isinstance(found, MissThreshold)
    assert (found.threshold, found.positives) == (scores[is_positive][0], 200)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300), shares, shares, confidences)
def test_to_miss_more_never_lowers_the_threshold(
    scores: list[float], one: float, other: float, confidence: float
) -> None:
    strict, loose = (rule(scores, share, confidence) for share in sorted((one, other)))

    if isinstance(strict, MissThreshold):
        assert isinstance(loose, MissThreshold)
        assert loose.threshold >= strict.threshold


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300), shares, confidences, confidences)
def test_to_be_surer_never_raises_the_threshold(
    scores: list[float], max_miss: float, one: float, other: float
) -> None:
    loose, strict = (rule(scores, max_miss, confidence) for confidence in sorted((one, other)))

    if isinstance(strict, MissThreshold):
        assert isinstance(loose, MissThreshold)
        assert loose.threshold >= strict.threshold


@given(st.integers(0, 20), st.integers(21, 2_000), confidences)
def test_more_positives_never_loosen_the_bound_at_equal_misses(
    missed: int, positives: int, confidence: float
) -> None:
    assert miss_bound(missed, positives + 1, confidence=confidence) < miss_bound(
        missed, positives, confidence=confidence
    )


@given(st.integers(1, 60), st.data(), confidences)
def test_at_the_bound_so_few_misses_are_just_as_unlikely_as_said(
    positives: int, data: st.DataObject, confidence: float
) -> None:
    missed = data.draw(st.integers(0, positives - 1))
    bound = miss_bound(missed, positives, confidence=confidence)

    assert float(cdf(missed, positives, bound)) == pytest.approx(1 - confidence, abs=1e-9)


@given(st.integers(0, 5_000), shares, confidences)
def test_the_most_misses_are_the_most(positives: int, max_miss: float, confidence: float) -> None:
    most = most_misses(positives, max_miss=max_miss, confidence=confidence)

    assert -1 <= most < max(positives, 1)
    if most >= 0:
        assert miss_bound(most, positives, confidence=confidence) <= max_miss * (1 + 1e-9)
    if positives > most + 1:
        assert miss_bound(most + 1, positives, confidence=confidence) > max_miss * (1 - 1e-9)


@pytest.mark.parametrize(
    ("missed", "positives", "expected"), [(0, 0, 1.0), (5, 5, 1.0), (0, 149, 0.0199)]
)
def test_bounds_by_hand(missed: int, positives: int, expected: float) -> None:
    assert miss_bound(missed, positives, confidence=0.95) == pytest.approx(expected, abs=1e-4)


class TestOnAverage:
    """The weaker guarantee: conformal risk control."""

    @given(st.lists(st.floats(0, 1), max_size=80), st.sampled_from([0.02, 0.05, 0.1, 0.3]))
    def test_it_is_the_highest_score_whose_corrected_risk_is_within_the_aim(
        self, scores: list[float], max_miss: float
    ) -> None:
        array, n = np.array(scores, np.float64), len(scores)
        found = threshold_for_miss_mean(array, np.ones(n, np.bool_), max_miss=max_miss)

        aim = Fraction(str(max_miss))
        allowed = [k for k in range(n) if Fraction(k + 1, n + 1) <= aim]
        if allowed:
            assert isinstance(found, MissThreshold)
            assert found.threshold == sorted(scores)[max(allowed)]
            assert found.bound == pytest.approx((max(allowed) + 1) / (n + 1))
        else:
            assert isinstance(found, TooFew)
            assert Fraction(1, n + found.missing + 1) <= aim < Fraction(1, n + found.missing)

    def test_49_are_enough_for_2_percent(self) -> None:
        def of(n: int) -> Guarantee:
            ones = np.ones(n, np.bool_)
            return threshold_for_miss_mean(np.linspace(0.1, 1, n), ones, max_miss=0.02)

        assert of(48) == TooFew(48, 1)
        assert of(49) == MissThreshold(0.1, 49, 0, 0.02)

    @given(st.integers(1, 3_000))
    def test_it_is_never_the_stricter_one(self, n: int) -> None:
        scores, ones = np.linspace(0, 1, n), np.ones(n, np.bool_)
        exact = threshold_for_miss(scores, ones, max_miss=0.02, confidence=0.95)
        mean = threshold_for_miss_mean(scores, ones, max_miss=0.02)

        if isinstance(exact, MissThreshold):
            assert isinstance(mean, MissThreshold)
            assert mean.allowed >= exact.allowed


@pytest.mark.parametrize(("parts", "expected"), [(1, 0.95), (5, 0.99)])
def test_the_risk_is_split_evenly(parts: int, expected: float) -> None:
    assert split_confidence(0.95, parts) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("scores", "is_positive", "max_miss", "confidence", "match"),
    [
        pytest.param([0.1, NAN], [True, True], 0.02, 0.95, "without NaN", id="nan"),
        pytest.param([0.1, NAN], [True, False], 0.02, 0.95, "without NaN", id="nan-of-others"),
        pytest.param([1.1], [True], 0.02, 0.95, r"in \[0, 1\]", id="above-1"),
        pytest.param([-0.1], [True], 0.02, 0.95, r"in \[0, 1\]", id="below-0"),
        pytest.param([0.1], [True, True], 0.02, 0.95, "shape", id="shapes"),
        pytest.param([0.1], [True], 0.0, 0.95, "max_miss", id="miss-nothing"),
        pytest.param([0.1], [True], 1.0, 0.95, "max_miss", id="miss-all"),
        pytest.param([0.1], [True], NAN, 0.95, "max_miss", id="nan-aim"),
        pytest.param([0.1], [True], 0.02, 0.0, "confidence", id="no-confidence"),
        pytest.param([0.1], [True], 0.02, 1.0, "confidence", id="certainty"),
    ],
)
def test_what_is_refused(
    scores: list[float], is_positive: list[bool], max_miss: float, confidence: float, match: str
) -> None:
    array, which = np.array(scores), np.array(is_positive)

    with pytest.raises(ValueError, match=match):
        threshold_for_miss(array, which, max_miss=max_miss, confidence=confidence)


@pytest.mark.parametrize("counts", [(-1, 5), (6, 5)])
def test_counts_that_cannot_be(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="missed must lie"):
        miss_bound(*counts, confidence=0.95)


def test_no_parts_have_no_confidence() -> None:
    with pytest.raises(ValueError, match="parts"):
        split_confidence(0.95, 0)


def test_float32_scores_are_refused_not_rounded() -> None:
    scores: NDArray[np.float32] = np.ones(3, np.float32)

    with pytest.raises(ValueError, match="float64"):
        threshold_for_miss(scores, np.ones(3, np.bool_), max_miss=0.02, confidence=0.95)  # type: ignore[arg-type]
