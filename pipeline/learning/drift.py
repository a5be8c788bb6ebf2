"""Drift: an alarm for when what people decide no longer fits the confidences."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.thresholds import require_scores

# Bets on more, and on fewer, removals than the confidences say; each loses at most half at once.
BETS = (-0.5, -0.25, -0.1, 0.1, 0.25, 0.5)


@dataclass(frozen=True, slots=True)
class Drift:
    """What a sequence of decisions says against the confidences.

    Attributes:
        evidence: the highest that the wealth of the bets ever stood at, from 1 upwards.
        alarm_at: row of the decision at which the alarm goes off; -1 = it never does.
    """

    evidence: float
    alarm_at: int


def watch_drift(
    confidences: NDArray[np.float64], is_positive: NDArray[np.bool_], *, false_alarms: float
) -> Drift:
    """Return whether decisions, in the order in which they fell, contradict the confidences.

    A test martingale: each decision y multiplies the wealth of a bet by 1 + bet * (y - confidence),
    which is 1 on average while the confidences are right, whatever comes next. The wealths of
    BETS are averaged; by Ville's inequality (1939) the mean ever reaches 1 / false_alarms with a
    probability of at most false_alarms, so one may look after every decision (Shafer, "Testing by
    Betting", 2021; for calibration Arnold, Henzi and Ziegel, 2023). It sees that more or fewer are
    removed than was said; that the two kinds of error cancel out, it does not see.

    Args:
        confidences: shape (N,), float64 in [0, 1], by a calibrator fitted on earlier decisions.
        is_positive: shape (N,), what people decided to remove, uniformly sampled, in order.
        false_alarms: the probability of an alarm without a cause, ever, in (0, 1).

    Raises:
        ValueError: if an array or the share is not as said.
    """
    require_scores(confidences, is_positive)
    if not 0 < false_alarms < 1:
        raise ValueError(f"false_alarms must lie in (0, 1), got {false_alarms}")
    surprises = is_positive.astype(np.float64) - confidences
    logs = np.stack([np.cumsum(np.log1p(bet * surprises)) for bet in BETS])
    wealth = np.logaddexp.reduce(logs, axis=0) - np.log(len(BETS))
    over = np.flatnonzero(wealth >= -np.log(false_alarms))
    highest = max(0.0, float(wealth.max(initial=0.0)))
    return Drift(float(np.exp(min(highest, 700.0))), int(over[0]) if len(over) else -1)
