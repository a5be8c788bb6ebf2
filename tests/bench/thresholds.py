"""Do the guarantees hold? Simulated with known truth: `python -m tests.bench.thresholds`.

Scores of positives and negatives are drawn from Beta distributions, so the true miss rate of any
threshold, and the share of all videos that it sends to people, are known exactly. Every rule is
given the same draws.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import beta

from pipeline.learning.audit import Sample, audit_miss_rate
from pipeline.learning.costs import Team, buy_reviews
from pipeline.learning.drift import watch_drift
from pipeline.learning.score_calibration import (
    fit_isotonic,
    fit_platt,
    measure_reliability,
)
from pipeline.learning.thresholds import (
    Guarantee,
    MissThreshold,
    split_confidence,
    threshold_for_miss,
    threshold_for_miss_mean,
)
from pipeline.learning.what_if import compare_thresholds
from tests.bench.tables import markdown

Floats: TypeAlias = NDArray[np.float64]
Rule: TypeAlias = Callable[[Floats], Guarantee]

PREVALENCE = 0.08
MAX_MISS, CONFIDENCE = 0.02, 0.95
POSITIVES = (100, 149, 300, 640, 2_000)


@dataclass(frozen=True, slots=True)
class World:
    """Where scores come from.

    Attributes:
        positive: the two parameters of the positives' Beta distribution.
        negative: those of the negatives'.
        steps: scores are rounded down to so many equal steps; 0 = not at all.
    """

    positive: tuple[float, float] = (4, 2)
    negative: tuple[float, float] = (1, 8)
    steps: int = 0

    def draw(self, n: int, rng: np.random.Generator) -> Floats:
        """Return the scores of n positives."""
        return self.round(rng.beta(*self.positive, n))

    def draw_all(self, n: int, rng: np.random.Generator) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the scores of n videos, and which are positives."""
        is_positive = rng.random(n) < PREVALENCE
        scores = np.where(is_positive, rng.beta(*self.positive, n), rng.beta(*self.negative, n))
        return self.round(scores), is_positive

    def miss_rate(self, threshold: float) -> float:
        """Return the share of positives below a threshold."""
        return float(beta.cdf(threshold, *self.positive))

    def flagged(self, threshold: float) -> float:
        """Return the share of all videos at or above a threshold."""
        shares = (beta.sf(threshold, *parts) for parts in (self.positive, self.negative))
        hit, false = (float(share) for share in shares)
        return PREVALENCE * hit + (1 - PREVALENCE) * false

    def confidence(self, scores: Floats) -> Floats:
        """Return the true share of positives among the videos with a score."""
        right = PREVALENCE * beta.pdf(scores, *self.positive)
        return np.asarray(right / (right + (1 - PREVALENCE) * beta.pdf(scores, *self.negative)))

    def round(self, scores: Floats) -> Floats:
        """Return scores in the world's steps."""
        return np.floor(scores * self.steps) / self.steps if self.steps else scores


@dataclass(frozen=True, slots=True)
class Coverage:
    """How a rule fared.

    Attributes:
        draws: over how many samples.
        given: in how many of them it gave a threshold.
        violated: in how many of these the true miss rate was above the aim.
        miss: mean true miss rate, of those given; NaN if none was.
        flagged: mean share of all videos sent to people, likewise.
    """

    draws: int
    given: int
    violated: int
    miss: float
    flagged: float


def exact(scores: Floats, *, confidence: float = CONFIDENCE) -> Guarantee:
    everything = np.ones(len(scores), np.bool_)
    return threshold_for_miss(scores, everything, max_miss=MAX_MISS, confidence=confidence)


def mean(scores: Floats) -> Guarantee:
    return threshold_for_miss_mean(scores, np.ones(len(scores), np.bool_), max_miss=MAX_MISS)


def naive(scores: Floats) -> Guarantee:
    """Return the threshold that misses no more than the aim of these very positives."""
    allowed = int(MAX_MISS * len(scores))
    return MissThreshold(float(np.sort(scores)[allowed]), len(scores), allowed, MAX_MISS)


RULES: dict[str, Rule] = {"exact": exact, "mean": mean, "naive": naive}


def cover(rule: Rule, positives: int, *, draws: int, world: World, seed: int = 0) -> Coverage:
    """Return how a rule fares over many samples of so many positives."""
    rng = np.random.default_rng(seed)
    found = [rule(world.draw(positives, rng)) for _ in range(draws)]
    thresholds = [one.threshold for one in found if isinstance(one, MissThreshold)]
    misses = [world.miss_rate(threshold) for threshold in thresholds]
    flagged = [world.flagged(threshold) for threshold in thresholds]
    return Coverage(
        draws=draws,
        given=len(thresholds),
        violated=sum(miss > MAX_MISS for miss in misses),
        miss=float(np.mean(misses)) if misses else float("nan"),
        flagged=float(np.mean(flagged)) if flagged else float("nan"),
    )


def violated_jointly(categories: int, positives: int, *, is_split: bool, draws: int) -> float:
    """Return in which share of draws any of several categories misses more than the aim."""
    world, rng = World(), np.random.default_rng(1)
    confidence = split_confidence(CONFIDENCE, categories if is_split else 1)
    violated = 0
    for _ in range(draws):
        found = [
            exact(world.draw(positives, rng), confidence=confidence) for _ in range(categories)
        ]
        violated += any(
            isinstance(one, MissThreshold) and world.miss_rate(one.threshold) > MAX_MISS
            for one in found
        )
    return violated / draws


def audit_covers(n: int, threshold: float, *, draws: int) -> float:
    """Return in which share of draws the audit's 95 % interval holds the true miss rate."""
    world, rng = World(), np.random.default_rng(2)
    truth, held = world.miss_rate(threshold), 0
    for _ in range(draws):
        scores, is_positive = world.draw_all(n, rng)
        # Half of what is passed is not drawn: the estimator must weigh what is.
        probabilities = np.where(scores < threshold, 0.5, 1.0)
        rows = rng.random(n) < probabilities
        sample = Sample(scores[rows], is_positive[rows], probabilities[rows])
        found = audit_miss_rate(sample, threshold=threshold, confidence=CONFIDENCE, rng=rng)
        held += found.low <= truth <= found.high
    return held / draws


def alarms(shift: float, *, draws: int, n: int = 2_000) -> tuple[float, float]:
    """Return the share of draws with an alarm, and the median of after how many labels it came.

    Args:
        shift: by how much the log-odds of a removal rise above what the confidences say.
        draws: how many.
        n: labels a draw.
    """
    rng, at = np.random.default_rng(3), []
    for _ in range(draws):
        confidences = rng.beta(1, 4, n)
        truth = 1 / (1 + np.exp(-(logit(confidences) + shift)))
        found = watch_drift(confidences, rng.random(n) < truth, false_alarms=0.05)
        if found.alarm_at >= 0:
            at.append(found.alarm_at)
    return len(at) / draws, float(np.median(at)) if at else float("nan")


def calibration_errors(n: int, *, draws: int) -> dict[str, float]:
    """Return the mean error of confidences against the truth, on 20,000 videos not fitted on."""
    world, rng = World(), np.random.default_rng(4)
    errors: dict[str, list[float]] = {"as scored": [], "Platt": [], "isotonic": []}
    for _ in range(draws):
        scores, is_positive = world.draw_all(n, rng)
        others, _ = world.draw_all(20_000, rng)
        truth, weights = world.confidence(others), np.ones(n)
        errors["as scored"].append(float(abs(others - truth).mean()))
        for name, fit in (("Platt", fit_platt), ("isotonic", fit_isotonic)):
            given = fit(scores, is_positive, weights).to_confidences(others)
            errors[name].append(float(abs(given - truth).mean()))
    return {name: float(np.mean(found)) for name, found in errors.items()}


def main() -> None:
    """Simulate, and write the tables to stdout."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.thresholds", description=__doc__)
    parser.add_argument("--draws", type=int, default=2_000, help="samples a row")
    draws = parser.parse_args().draws
    tell_coverage("Scores without ties", World(), draws)
    tell_coverage("Scores in 20 steps", World(steps=20), draws)
    tell_joint(draws)
    tell_audit(draws)
    tell_drift(min(draws, 1_000))
    tell_calibration(min(draws, 50))
    tell_time()


def tell_coverage(title: str, world: World, draws: int) -> None:
    best = float(world.round(beta.ppf(MAX_MISS, *world.positive)))
    header = (
        "rule", "positives", "no threshold", "violated", "mean true miss", "flagged",
        "flagged by the truth",
    )  # fmt: skip
    rows = []
    for name, rule in RULES.items():
        for positives in POSITIVES:
            found = cover(rule, positives, draws=draws, world=world)
            share = found.violated / found.given if found.given else float("nan")
            cells = (1 - found.given / draws, share, found.miss, found.flagged, world.flagged(best))
            rows.append((name, f"{positives:,}", *(_percent(cell) for cell in cells)))
    aim = f"at most {MAX_MISS:.0%} missed at {CONFIDENCE:.0%} confidence"
    sys.stdout.write(f"{title}; {aim}; {draws:,} draws a row:\n\n{markdown(header, rows)}\n")


def tell_joint(draws: int) -> None:
    rows = [
        (
            f"{k}",
            *(_percent(violated_jointly(k, 640, is_split=s, draws=draws)) for s in (False, True)),
        )
        for k in (1, 3, 5)
    ]
    header = ("categories of 640 positives each", "any violated, not split", "split")
    sys.stdout.write(f"Several guarantees at once:\n\n{markdown(header, rows)}\n")


def tell_audit(draws: int) -> None:
    rows = [
        (f"{n:,}", f"{threshold}", _percent(World().miss_rate(threshold)),
         _percent(audit_covers(n, threshold, draws=draws)))
        for n in (1_000, 5_000) for threshold in (0.2, 0.3, 0.5)
    ]  # fmt: skip
    header = ("videos, 8 % positives", "threshold", "true miss rate", "in the 95 % interval")
    sys.stdout.write(f"Audit, half of what passes drawn:\n\n{markdown(header, rows)}\n")


def tell_drift(draws: int) -> None:
    rows = []
    for shift in (0.0, -0.5, 0.25, 0.5, 1.0):
        share, median = alarms(shift, draws=draws)
        rows.append((f"{shift:+g}", _percent(share), f"{median:,.0f}"))
    header = ("log-odds above what was said", "alarm within 2,000 labels", "median label")
    sys.stdout.write(f"Drift alarm at 5 % false alarms:\n\n{markdown(header, rows)}\n")


def tell_calibration(draws: int) -> None:
    rows = []
    for n in (300, 1_000, 5_000, 20_000):
        errors = calibration_errors(n, draws=draws)
        rows.append((f"{n:,}", *(f"{error:.4f}" for error in errors.values())))
    header = ("labels", "as scored", "Platt", "isotonic")
    sys.stdout.write(f"Mean error of confidences, {draws} draws:\n\n{markdown(header, rows)}\n")


def tell_time() -> None:
    columns = {f"{n:,} rows, s": _timed_each(n) for n in (10_000, 1_000_000)}
    names = next(iter(columns.values())).keys()
    rows = [(name, *(f"{found[name]:.3f}" for found in columns.values())) for name in names]
    sys.stdout.write(markdown(("function", *columns), rows))


def _timed_each(n: int) -> dict[str, float]:
    rng = np.random.default_rng(5)
    scores, is_positive = World().draw_all(n, rng)
    ones, columns = np.ones(n), scores[:, None]
    sample, none = Sample(scores, is_positive, ones), np.zeros(n, np.bool_)
    team = Team(28_800, 12, 20_000)
    old, new = np.array([0.3]), np.array([0.25])
    aims = {"max_miss": MAX_MISS, "confidence": CONFIDENCE}
    works: dict[str, Callable[[], object]] = {
        "threshold_for_miss": partial(threshold_for_miss, scores, is_positive, **aims),
        "fit_platt": partial(fit_platt, scores, is_positive, ones),
        "fit_isotonic": partial(fit_isotonic, scores, is_positive, ones),
        "measure_reliability": partial(measure_reliability, scores, is_positive, ones, bins=10),
        "audit_miss_rate": partial(
            audit_miss_rate, sample, threshold=0.3, confidence=CONFIDENCE, rng=rng
        ),
        "buy_reviews": partial(
            buy_reviews, scores, scores[is_positive], team=team, confidence=CONFIDENCE
        ),
        "compare_thresholds": partial(
            compare_thresholds, columns, none, is_positive, old=old, new=new
        ),
        "watch_drift": partial(watch_drift, scores, is_positive, false_alarms=0.05),
    }
    return {name: _seconds(work) for name, work in works.items()}


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.1f} %"


if __name__ == "__main__":
    main()
