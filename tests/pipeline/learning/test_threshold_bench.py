"""The guarantees hold in simulation, where the truth is known (`tests.bench.thresholds`)."""

import pytest
from scipy.stats import binom

from tests.bench.thresholds import (
    MAX_MISS,
    World,
    alarms,
    audit_covers,
    cover,
    exact,
    mean,
    naive,
    violated_jointly,
)

DRAWS = 600
# So many violations are passed by one honest rule in a thousand: 5 % of the draws, and its spread.
MOST = int(binom.ppf(0.999, DRAWS, 0.05))


@pytest.mark.parametrize("steps", [0, 20], ids=["without-ties", "with-ties"])
@pytest.mark.parametrize("positives", [149, 300, 640])
def test_the_exact_rule_is_violated_in_at_most_5_percent(positives: int, steps: int) -> None:
    found = cover(exact, positives, draws=DRAWS, world=World(steps=steps), seed=positives)

    assert found.given == DRAWS
    assert found.violated <= MOST


def test_the_exact_rule_wastes_little_where_positives_are_many() -> None:
    """At 2,000 positives it sends 2 points more of all videos to people than the truth would."""
    found = cover(exact, 2_000, draws=DRAWS, world=World())

    assert found.violated > 0.01 * DRAWS
    assert found.flagged < 0.155 + 0.025


def test_too_few_positives_get_no_threshold() -> None:
    assert cover(exact, 148, draws=20, world=World()).given == 0


def test_the_average_rule_holds_on_average_and_no_more() -> None:
    found = cover(mean, 300, draws=DRAWS, world=World())

    assert found.miss <= MAX_MISS * 1.05
    assert found.violated > 0.3 * DRAWS


def test_the_naive_rule_holds_not_even_on_average() -> None:
    found = cover(naive, 100, draws=DRAWS, world=World())

    assert found.miss > 1.3 * MAX_MISS
    assert found.violated > 0.5 * DRAWS


def test_several_guarantees_hold_together_only_if_the_risk_is_split() -> None:
    assert violated_jointly(5, 640, is_split=True, draws=200) <= 0.1
    assert violated_jointly(5, 640, is_split=False, draws=200) > 0.08


def test_the_audit_covers_the_truth() -> None:
    assert audit_covers(5_000, 0.5, draws=200) >= 0.88


def test_the_drift_alarm_is_quiet_without_a_cause_and_loud_with_one() -> None:
    quiet, _ = alarms(0.0, draws=400)
    loud, median = alarms(0.5, draws=50)

    assert quiet <= binom.ppf(0.999, 400, 0.05) / 400
    assert loud == 1.0
    assert median < 500
