"""Submissions of which the truth is known, and what a head on a model's features says of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from pipeline.judging.confidences import calibrate, weigh_by_sharpness
from pipeline.judging.ood import knn
from pipeline.learning.calibrate import fit_temperature
from pipeline.records import Exclusivity
from pipeline.votes import Ballots, Candidate, Candidates
from tests.bench.vote_pictures import BAD, KINDS, OK, SKIMAGE, Shots

STRANGERS = ("blood-cells", SKIMAGE)
HEAD_C = 1_000.0  # weak: features of length 1 are small numbers
FOLDS = 5
FALSE_ALARMS = 0.05  # share of good pictures that may be called strangers
MAX_BAD, STRAY_SHARE, UNKNOWN_SHARE = 0.6, 0.15, 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What a head says of all pictures.

    Attributes:
        confidences: shape (N, K), float32, calibrated.
        is_stranger: shape (N,), bool.
        temperature: that calibrated it.
    """

    confidences: NDArray[np.float32]
    is_stranger: NDArray[np.bool_]
    temperature: float


@dataclass(frozen=True, slots=True)
class Submission:
    """A set of pictures.

    Attributes:
        truth: which class they are of; None = no known one.
        rows: of Shots.
        is_hopeless: whether no good picture of the right class is among them: nobody could know.
    """

    truth: int | None
    rows: tuple[int, ...]
    is_hopeless: bool


def classes_of(shots: Shots) -> tuple[str, ...]:
    """Return the names of the K known classes."""
    return tuple(sorted(set(shots.folders.tolist()) - set(STRANGERS)))


def split(shots: Shots, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of the good pictures of the known classes, halved within each class."""
    halves = []
    for name in classes_of(shots):
        rows = rng.permutation(shots.rows_of(name, OK))
        halves.append(np.array_split(rows, 2))
    return np.concatenate([a for a, _ in halves]), np.concatenate([b for _, b in halves])


def candidates_like(base: Candidates, shots: Shots) -> Candidates:
    """Return the candidates of the known classes, even priors and all, as *base* for the rest."""
    names = classes_of(shots)
    return replace(
        base,
        candidates=tuple(Candidate(name, (name,), (), 1 / len(names), ()) for name in names),
    )


def fit_head(shots: Shots, fit: NDArray[np.int64]) -> Said:
    """Return what a head, fitted on the pictures *fit*, says of all pictures."""
    truths = _truths(shots)
    folds = _out_of_fold(shots, fit)
    temperature = _temperature(folds.confidences[fit], truths[fit])
    raw = _predict(shots, fit, np.arange(len(truths)))
    distance = knn(shots.features, shots.features[fit])
    return Said(_calibrated(raw, temperature), distance > _line(folds, fit), temperature)


def fit_out_of_fold(shots: Shots, fit: NDArray[np.int64]) -> Said:
    """Return what heads say that were fitted on other pictures of *fit*, each of its own fifth.

    With it constants are chosen without a look at the other half.
    """
    folds = _out_of_fold(shots, fit)
    temperature = _temperature(folds.confidences[fit], _truths(shots)[fit])
    is_stranger = folds.distances > _line(folds, fit)
    return Said(_calibrated(folds.confidences, temperature), is_stranger, temperature)


def make_submissions(
    shots: Shots, pool: NDArray[np.int64], count: int, rng: np.random.Generator
) -> list[Submission]:
    """Return sets of 2 to 6 pictures: up to 60 % made bad, some stray ones, some of no class."""
    truths = _truths(shots)
    own = [pool[truths[pool] == k] for k in range(len(classes_of(shots)))]
    unknown = [shots.rows_of(name, OK) for name in STRANGERS]
    made = (_make_one(pool, own, unknown, rng) for _ in range(count))
    return [
        Submission(truth, tuple(rows.tolist()), not _has_good(shots, truths, truth, rows))
        for truth, rows in made
    ]


def to_ballots(  # noqa: PLR0913 - what ballots are made of
    shots: Shots,
    said: Said,
    rows: Sequence[int],
    candidates: Candidates,
    *,
    has_gate: bool,
    has_strangers: bool,
) -> Ballots:
    """Return the ballots of one submission, with or without the gate and the strangers."""
    chosen = np.array(rows)
    gates, is_stranger = shots.gates[chosen], said.is_stranger[chosen]
    weights = [_weigh(sharpness, candidates) for sharpness in shots.sharpness[chosen].tolist()]
    return Ballots(
        said.confidences[chosen],
        gates if has_gate else np.zeros_like(gates),
        np.array(weights, np.float32),
        is_stranger if has_strangers else np.zeros_like(is_stranger),
        shots.signatures[chosen],
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Folds:
    """Confidences and distances of all pictures, those of the fitted ones out of fold."""

    confidences: NDArray[np.float32]
    distances: NDArray[np.float32]


def _out_of_fold(shots: Shots, fit: NDArray[np.int64]) -> _Folds:
    truths, everything = _truths(shots), np.arange(len(shots.kinds))
    confidences = np.zeros((len(everything), len(classes_of(shots))), np.float32)
    distances = np.zeros(len(everything), np.float32)
    for inside, outside in StratifiedKFold(FOLDS).split(fit, truths[fit]):
        rows = np.concatenate([_with_bad(fit[outside]), _rows_of_strangers(shots)])
        confidences[rows] += _predict(shots, fit[inside], rows)
        distances[rows] += knn(shots.features[rows], shots.features[fit[inside]])
    strangers = _rows_of_strangers(shots)  # every fold said something of these
    confidences[strangers] /= FOLDS
    distances[strangers] /= FOLDS
    return _Folds(confidences, distances)


def _line(folds: _Folds, fit: NDArray[np.int64]) -> float:
    return float(np.quantile(folds.distances[fit], 1 - FALSE_ALARMS))


def _predict(shots: Shots, fit: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    head = LogisticRegression(C=HEAD_C, max_iter=5_000)
    head.fit(shots.features[fit], _truths(shots)[fit])
    return np.asarray(head.predict_proba(shots.features[rows]), np.float32)


def _temperature(confidences: NDArray[np.float32], truths: NDArray[np.int64]) -> float:
    is_right = truths[:, None] == np.arange(confidences.shape[1])
    return fit_temperature(np.clip(confidences, 0, 1), is_right).temperature


def _calibrated(confidences: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    exclusive = Exclusivity.SOFTMAX
    calibrated = calibrate(confidences, temperature=temperature, exclusivity=exclusive)
    return np.asarray(calibrated, np.float32)


def _make_one(
    pool: NDArray[np.int64],
    own: Sequence[NDArray[np.int64]],
    unknown: Sequence[NDArray[np.int64]],
    rng: np.random.Generator,
) -> tuple[int | None, NDArray[np.int64]]:
    """Return the class of one submission, None where it is of no known one, and its rows."""
    count, bad_share = int(rng.integers(2, 7)), rng.uniform(0, MAX_BAD)
    is_unknown = bool(rng.random() < UNKNOWN_SHARE)
    truth = int(rng.integers(len(unknown if is_unknown else own)))
    rows = rng.choice((unknown if is_unknown else own)[truth], count, replace=False)
    is_stray = (rng.random(count) < STRAY_SHARE) & (not is_unknown)
    rows = np.where(is_stray, rng.choice(pool, count), rows)
    kinds = np.where(rng.random(count) < bad_share, rng.integers(1, 1 + len(BAD), count), 0)
    return None if is_unknown else truth, rows + kinds  # KINDS stand one after the other


def _has_good(
    shots: Shots, truths: NDArray[np.int64], truth: int | None, rows: NDArray[np.int64]
) -> bool:
    return truth is not None and bool(np.any((truths[rows] == truth) & (shots.kinds[rows] == OK)))


def _truths(shots: Shots) -> NDArray[np.int64]:
    """Return the class of each picture, -1 where it is of none that is known."""
    names = np.array(classes_of(shots))
    is_known = np.isin(shots.folders, names)
    return np.where(is_known, np.searchsorted(names, shots.folders), -1)


def _with_bad(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([rows + i for i in range(len(KINDS))])


def _rows_of_strangers(shots: Shots) -> NDArray[np.int64]:
    return np.flatnonzero(np.isin(shots.folders, STRANGERS))


def _weigh(sharpness: float, candidates: Candidates) -> float:
    return weigh_by_sharpness(
        sharpness,
        blur_below=candidates.gate.blur_below,
        full_sharpness=candidates.pooling.full_sharpness,
        least_weight=candidates.pooling.least_weight,
    )
