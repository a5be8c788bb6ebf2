"""Calibration: how far a model's scores are to be believed, fitted on labelled pictures."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array
from pipeline.judging.confidences import LEAST_SCORE, calibrate
from pipeline.records import Exclusivity

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0
STEPS = 40  # golden-section steps: each leaves 0.62 of the interval, all of them a 10^-8 of it
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted temperature, and what it is worth on the pictures it was fitted on.

    Attributes:
        temperature: above 1 = the model is less sure than it says. At MIN_TEMPERATURE or
            MAX_TEMPERATURE there was no best one between them: too few pictures, or the model is
            never wrong on them, or no better than chance.
        pictures: how many it was fitted on.
        log_loss_before: mean negative log confidence of what is right, at a temperature of 1, in
            nats; lower = better.
        log_loss_after: the same at the temperature.
    """

    temperature: float
    pictures: int
    log_loss_before: float
    log_loss_after: float


def fit_temperature(scores: NDArray[np.float32], is_right: NDArray[np.bool_]) -> Calibration:
    """Return the temperature at which the confidences of what is right are highest in all.

    One number is fitted, by log-loss (Guo et al., "On Calibration of Modern Neural Networks",
    2017), which dozens of pictures are enough for; they should not be those that the model was
    trained on, for it is too sure of these. Where one label is right, log-loss has one minimum over
    1 / temperature, and a golden-section search finds it; where several are, mostly.

    Args:
        scores: shape (N, L), float32 in [0, 1], of labels that exclude each other; no NaN.
        is_right: shape (N, L), which labels are right for each picture, at least one a row; several
            where several make up one candidate.

    Raises:
        ValueError: if the arrays do not fit, hold NaN, are empty, or a row has no right label.
    """
    require_array("scores", scores, np.float32, (None, None))
    require_array("is_right", is_right, np.bool_, scores.shape)
    if len(scores) == 0 or not np.all((scores >= 0) & (scores <= 1)):
        raise ValueError("scores must be of at least one picture, in [0, 1], without NaN")
    if not is_right.any(axis=1).all():
        raise ValueError("is_right must name a right label of each picture")
    low, high = np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE)
    for _ in range(STEPS):
        lower, upper = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        losses = [log_loss(scores, is_right, float(np.exp(step))) for step in (lower, upper)]
        if losses[0] <= losses[1]:
            high = upper
        else:
            low = lower
    temperature = float(np.exp((low + high) / 2))
    return Calibration(
        temperature=temperature,
        pictures=len(scores),
        log_loss_before=log_loss(scores, is_right, 1.0),
        log_loss_after=log_loss(scores, is_right, temperature),
    )


def log_loss(scores: NDArray[np.float32], is_right: NDArray[np.bool_], temperature: float) -> float:
    """Return the mean negative log confidence of what is right, in nats; arrays as above."""
    confidences = calibrate(scores, temperature=temperature, exclusivity=Exclusivity.SOFTMAX)
    right = np.sum(confidences, axis=1, where=is_right)
    return float(-np.log(np.maximum(right, LEAST_SCORE)).mean())


def calibration_error(
    confidences: NDArray[np.float64], is_right: NDArray[np.bool_], *, bins: int
) -> float:
    """Return the expected calibration error, 0 (none) to 1, over bins with equally many answers.

    It is the mean distance between how sure the answers of a bin are and how often they are right
    (Naeini et al., 2015; equally filled bins as Nguyen and O'Connor, 2015).

    Args:
        confidences: shape (N,), in [0, 1], of the answers; N at least 1.
        is_right: shape (N,), whether each was right.
        bins: how many, at least 1; no more than N are used.

    Raises:
        ValueError: if there is no answer or no bin.
    """
    n = len(confidences)
    if n == 0 or bins < 1:
        raise ValueError(f"at least one answer and one bin are needed, got {n} and {bins}")
    order = np.argsort(confidences, kind="stable")
    parts = np.array_split(order, min(bins, n))
    gaps = [abs(confidences[part].mean() - is_right[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / n)
