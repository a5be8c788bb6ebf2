"""Scores become calibrated confidences over candidates, and measurements become weights."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PolicyError
from pipeline.records import Exclusivity
from pipeline.votes import Candidates

LEAST_SCORE = 1e-30  # float32 knows little below, and a logarithm is to be taken


def require_candidate_labels(candidates: Candidates, labels: Sequence[str]) -> None:
    """Raise PolicyError naming every label of the candidates that the model does not have."""
    known = set(labels)
    unknown = [
        f"candidates.{candidate.name}: {label!r}"
        for candidate in candidates.candidates
        for label in candidate.labels
        if label not in known
    ]
    if unknown:
        raise PolicyError(
            f"candidates {candidates.candidates_id!r} name labels that the model does not have: "
            + ", ".join(unknown)
        )


def calibrate(
    scores: NDArray[np.float32], *, temperature: float, exclusivity: Exclusivity
) -> NDArray[np.float64]:
    """Return scores as if the logits behind them had been divided by the temperature.

    Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", 2017) needs no
    logits: the logarithms of softmax scores are the logits but for a constant, which cancels.

    Args:
        scores: shape (N, L), in [0, 1].
        temperature: above 1 = less sure than the model says.
        exclusivity: of the labels.

    Returns:
        Shape (N, L); the rows of exclusive labels sum to 1.

    >>> scores = np.array([[0.8, 0.2]], np.float32)
    >>> calibrate(scores, temperature=2.0, exclusivity=Exclusivity.SOFTMAX).round(3)
    array([[0.667, 0.333]])
    """
    scores = np.clip(scores.astype(np.float64), LEAST_SCORE, 1.0)
    if exclusivity is Exclusivity.SIGMOID:
        odds = (scores / np.maximum(1 - scores, LEAST_SCORE)) ** (1 / temperature)
        return np.asarray(odds / (1 + odds))
    powers = np.exp((np.log(scores) - np.log(scores).max(axis=1, keepdims=True)) / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def candidate_confidences(
    scores: NDArray[np.float32],
    labels: Sequence[str],
    candidates: Candidates,
    exclusivity: Exclusivity,
) -> NDArray[np.float32]:
    """Return how likely each picture shows each candidate, by the model alone.

    Of exclusive labels, a candidate's are summed up, and what is left is "none of them". Of others,
    the likeliest counts, and the odds of the candidates are weighed against one another and against
    none: a picture shows one thing.

    Args:
        scores: shape (N, L), float32 in [0, 1], one column a label; no NaN.
        labels: names of the L columns; every label of the candidates is among them.
        candidates: K of them.
        exclusivity: of the labels.

    Returns:
        Shape (N, K), float32, rows sum to at most 1.
    """
    column_of = {label: i for i, label in enumerate(labels)}
    calibrated = calibrate(scores, temperature=candidates.temperature, exclusivity=exclusivity)
    columns = [
        calibrated[:, [column_of[label] for label in candidate.labels]]
        for candidate in candidates.candidates
    ]
    if exclusivity is Exclusivity.SIGMOID:
        best = np.stack([column.max(axis=1) for column in columns], axis=1)
        odds = best / np.maximum(1 - best, LEAST_SCORE)
        return np.asarray(odds / (1 + odds.sum(axis=1, keepdims=True)), dtype=np.float32)
    sums = np.stack([column.sum(axis=1) for column in columns], axis=1)
    return np.asarray(np.minimum(sums, 1).astype(np.float32))


def weigh_by_sharpness(
    sharpness: float, *, blur_below: float, full_sharpness: float, least_weight: float
) -> float:
    """Return how much a picture's vote weighs: least at the gate's threshold, 1 when sharp.

    Sharpness is a variance, so what the eye sees as equal steps are ratios: the weight rises with
    its logarithm.

    Args:
        sharpness: as in Quality.
        blur_below: the gate's threshold, above 0.
        full_sharpness: from here on the weight is 1.
        least_weight: at or below blur_below.

    >>> weigh_by_sharpness(16, blur_below=4, full_sharpness=64, least_weight=0.5)
    0.75
    """
    rise = np.interp(
        np.log(max(sharpness, blur_below)),
        [np.log(blur_below), np.log(full_sharpness)],
        [least_weight, 1.0],
    )
    return float(rise)
