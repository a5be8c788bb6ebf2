"""Tuning: what the labels of one category say of its threshold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.learning.costs import Costs, Team
from pipeline.learning.score_calibration import Isotonic, Platt
from pipeline.learning.thresholds import MissThreshold, TooFew, threshold_for_miss
from pipeline.learning.tuning import (
    Aims,
    Calibrated,
    Labels,
    Tuning,
    Untold,
    to_policy_threshold,
    tune_category,
)
from pipeline.records import Rule

COSTS = Costs(12, 3600, 600, 0.05, 0.02)
RULE = Rule("nudity", ("nsfw",), 0.3, None, 0, is_strict=False, severity=3)
AIMS = Aims(0.02, 0.95, COSTS, Team(3600, 12, 400))


def labels_of(n: int, *, prevalence: float = 0.4, uniform: float = 1.0, seed: int = 0) -> Labels:
    """Return labels, the first share *uniform* of which were drawn uniformly."""
    rng = np.random.default_rng(seed)
    is_positive = rng.random(n) < prevalence
    scores = np.where(is_positive, rng.beta(4, 2, n), rng.beta(1, 6, n))
    is_uniform = np.arange(n) < uniform * n
    return Labels(scores, is_positive, np.ones(n), is_uniform, unscored=0, others=0)


def tune(labels: Labels, *, rule: Rule = RULE, aims: Aims = AIMS) -> Tuning:
    rng = np.random.default_rng(0)
    return tune_category(labels, np.linspace(0, 1, 500), rule=rule, aims=aims, rng=rng)


def test_only_uniform_labels_count_for_the_guarantee_and_all_for_the_calibration() -> None:
    labels = labels_of(1_200, uniform=0.5)
    found = tune(labels)

    expected = threshold_for_miss(
        labels.scores[:600], labels.is_positive[:600], max_miss=0.02, confidence=0.95
    )
    assert isinstance(expected, MissThreshold)
    assert found.guarantee == expected
    assert found.audit.positives == expected.positives
    missed = labels.is_positive[:600] & (labels.scores[:600] < RULE.review)
    assert found.audit.missed == np.count_nonzero(missed) > 0
    assert found.capacity is not None
    assert found.capacity.positives == expected.positives
    assert isinstance(found.calibration, Calibrated)
    assert isinstance(found.calibration.calibrator, Isotonic)


def test_costs_are_told_as_the_scores_that_have_those_confidences() -> None:
    found = tune(labels_of(800))

    assert isinstance(found.calibration, Calibrated)
    assert isinstance(found.calibration.calibrator, Platt)
    assert not isinstance(found.costs, Untold)
    scores = np.array([found.costs.review, found.costs.remove])
    confidences = found.calibration.calibrator.to_confidences(scores)
    np.testing.assert_allclose(confidences, [24 / 3432, 0.75], atol=1e-6)


def test_without_uniform_labels_all_of_them_are_missing() -> None:
    found = tune(labels_of(800, uniform=0))

    assert found.guarantee == TooFew(0, 149)
    assert found.average == TooFew(0, 49)
    assert np.isnan(found.audit.rate)


def test_unequal_probabilities_give_no_guarantee_but_an_audit() -> None:
    equal = labels_of(800)
    probabilities = np.where(equal.scores < 0.3, 0.5, 1.0)
    labels = Labels(
        equal.scores, equal.is_positive, probabilities, equal.is_uniform, unscored=0, others=0
    )
    found = tune(labels)

    assert isinstance(found.guarantee, Untold)
    assert "different probabilities" in found.guarantee.why
    assert isinstance(found.average, Untold)
    assert found.audit.rate > tune(equal).audit.rate
    assert isinstance(found.calibration, Calibrated)
    assert found.calibration.before.weights.sum() == pytest.approx((1 / probabilities).sum())


def test_a_rule_that_passes_over_short_segments_can_promise_nothing() -> None:
    rule = Rule("nudity", ("nsfw",), 0.3, None, 500, is_strict=False, severity=3)
    strict = Rule("nudity", ("nsfw",), 0.3, None, 500, is_strict=True, severity=3)
    found = tune(labels_of(800), rule=rule)

    assert isinstance(found.guarantee, Untold)
    assert "shorter than 500 ms" in found.guarantee.why
    assert isinstance(tune(labels_of(800), rule=strict).guarantee, MissThreshold)


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        pytest.param(labels_of(0), "no labels", id="none"),
        pytest.param(labels_of(1), "all 1 labelled", id="one"),
        pytest.param(labels_of(300, prevalence=0), "were allowed", id="no-positives"),
        pytest.param(labels_of(300, prevalence=1), "were removed", id="only-positives"),
    ],
)
def test_what_cannot_be_calibrated_says_why(labels: Labels, why: str) -> None:
    found = tune(labels)

    assert isinstance(found.calibration, Untold)
    assert why in found.calibration.why
    assert found.costs == found.calibration


def test_few_labels_of_one_kind_are_calibrated_but_not_checked() -> None:
    scores = np.linspace(0, 1, 40)
    everything = np.ones(40, np.bool_)
    labels = Labels(scores, scores > 0.95, np.ones(40), everything, unscored=0, others=0)
    found = tune(labels)

    assert isinstance(found.calibration, Calibrated)
    assert isinstance(found.calibration.after, Untold)


def test_who_did_not_ask_what_a_day_buys_is_not_told() -> None:
    assert tune(labels_of(300), aims=Aims(0.02, 0.95, COSTS, None)).capacity is None


@given(st.floats(0, 1, width=32).map(np.float32))
def test_a_frame_whose_confidence_is_the_threshold_reaches_it(confidence: np.float32) -> None:
    """Reports round confidences to seven places, and frames are compared as float32."""
    threshold = to_policy_threshold(round(float(confidence), 7))

    assert confidence >= np.float32(threshold)
    assert threshold >= float(confidence) - 2.1e-7
    assert threshold > 0 or confidence < 1e-7


def test_labels_without_a_score_are_refused() -> None:
    nothing, everything = np.zeros(1, np.bool_), np.ones(1, np.bool_)
    with pytest.raises(ValueError, match="NaN"):
        Labels(np.array([np.nan]), nothing, np.ones(1), everything, unscored=0, others=0)
