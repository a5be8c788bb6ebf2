"""Drift: decisions that no longer fit the confidences."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.learning.drift import BETS, watch_drift

steps = st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=30)


def wealths(rows: list[tuple[float, bool]]) -> list[float]:
    """The mean wealth of the bets after each decision, by hand."""
    own, told = [1.0] * len(BETS), []
    for confidence, is_positive in rows:
        own = [w * (1 + bet * (is_positive - confidence)) for w, bet in zip(own, BETS, strict=True)]
        told.append(sum(own) / len(own))
    return told


@example([(0.1, True)] * 12, 0.2)
@example([(0.5, False)] * 30, 0.05)
@given(steps, st.floats(0.05, 0.9))
def test_the_alarm_goes_off_when_the_wealth_of_the_bets_is_high_enough(
    rows: list[tuple[float, bool]], false_alarms: float
) -> None:
    confidences = np.array([row[0] for row in rows], np.float64)
    is_positive = np.array([row[1] for row in rows], np.bool_)
    found = watch_drift(confidences, is_positive, false_alarms=false_alarms)

    told = wealths(rows)
    assert found.evidence == pytest.approx(max([1.0, *told]))
    if not any(math.isclose(one, 1 / false_alarms, rel_tol=1e-9) for one in told):
        over = [i for i, one in enumerate(told) if one >= 1 / false_alarms]
        assert found.alarm_at == (over[0] if over else -1)


@pytest.mark.parametrize("confidence", [0.0, 0.1, 0.5, 1.0])
def test_the_bets_are_fair_while_the_confidences_are_right(confidence: float) -> None:
    """Over all that can be decided three times, the mean wealth is 1."""
    mean = 0.0
    for decided in product((False, True), repeat=3):
        share = math.prod(confidence if one else 1 - confidence for one in decided)
        mean += share * wealths([(confidence, one) for one in decided])[-1]

    assert mean == pytest.approx(1)


@pytest.mark.parametrize(("truth", "alarms"), [(0.2, False), (0.4, True), (0.05, True)])
def test_more_and_fewer_removals_than_said_are_both_seen(truth: float, *, alarms: bool) -> None:
    rng = np.random.default_rng(0)
    found = watch_drift(np.full(800, 0.2), rng.random(800) < truth, false_alarms=0.01)

    assert (found.alarm_at >= 0) == alarms


def test_a_million_surprises_do_not_overflow() -> None:
    found = watch_drift(np.zeros(1_000_000), np.ones(1_000_000, np.bool_), false_alarms=0.01)

    assert np.isfinite(found.evidence)
    assert 0 <= found.alarm_at < 30


@pytest.mark.parametrize(
    ("confidences", "false_alarms", "match"),
    [([np.nan], 0.05, "NaN"), ([0.5], 0.0, "false_alarms"), ([0.5], 1.0, "false_alarms")],
)
def test_what_is_refused(confidences: list[float], false_alarms: float, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        watch_drift(np.array(confidences), np.array([True]), false_alarms=false_alarms)
