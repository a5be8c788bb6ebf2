"""Fitting a bank: what is familiar, and where strangers begin.

Two thirds of the files, or half where they are few, are what frames are compared with. The others
are held out: how unlike the bank *they* are says from which score on a frame is a stranger. Parts
are made of whole files, never of frames: the frames of one video are so alike that each would vouch
for the others, and the threshold would be far too low for the next video.
"""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ExamplesError
from pipeline.judging.ood import NEIGHBOURS, Scale, inner_products, max_logit, normalise
from pipeline.learning.bank import (
    MAX_ROWS,
    Array,
    Bank,
    Examples,
    Familiar,
    Method,
    require_false_alarms,
)
from pipeline.records import ModelFacts

# Of 1,280. With a bank of 150 pictures of clothing even 16 directions told strangers as well as all
# do; a comparison with 10,000 pictures costs a fifth.
MAX_DIRECTIONS = 256
HELD_OUT_PART = 3  # one file in three
ROUNDING = 1e-9  # of a share, so that 0.05 x 20 is 1
NO_SCALE = Scale(0.0, 1.0)  # of a method that is not asked


def choose_method(examples: Examples) -> Method:
    """Return the method for what the model offers: features before logits.

    Raises:
        ExamplesError: if it offers neither.
    """
    if examples.features.shape[1]:
        return Method.KNN
    if examples.logits.shape[1]:
        return Method.GEN
    raise ExamplesError("the model offers neither features nor logits: its manifest names none")


def fit_bank(
    examples: Examples,
    model: ModelFacts,
    *,
    method: Method,
    false_alarms: float,
    rng: np.random.Generator,
) -> Bank:
    """Fit a bank on pictures that a model was made for.

    A picture that another file has too counts once: held out, it would find itself in the bank.

    Args:
        examples: the pictures, as the model sees them.
        model: which model.
        method: how strangers are told.
        false_alarms: the share of familiar frames that may be called strangers, over 0, up to 0.5.
        rng: chooses what is held out, and the rows where there are more than a bank holds.

    Raises:
        ExamplesError: if there are too few files, or the model does not give numbers for all.
    """
    _require_numbers(examples, method)
    examples = examples.take(_first_of_copies(examples))
    is_held_out = _choose_held_out(examples.sources, false_alarms, rng)
    fitted, held_out = examples.take(~is_held_out), examples.take(is_held_out)
    fitted = fitted.take(_choose_rows(fitted.sources, rng))
    familiar = _learn(fitted, method)
    scores = familiar.score(held_out.features, held_out.logits)
    return Bank(
        model_id=model.model_id,
        model_sha256=model.sha256,
        familiar=familiar,
        sources=len(np.unique(fitted.sources)),
        held_out=np.sort(scores),
        held_out_sources=len(np.unique(held_out.sources)),
        false_alarms=false_alarms,
        threshold=find_threshold(scores, held_out.sources, false_alarms=false_alarms),
    )


def sources_needed(false_alarms: float) -> int:
    """Return how many files must be held out for a rate of false alarms.

    Of n files and one more, the one more has the highest score once in n + 1 times.

    >>> sources_needed(0.05), sources_needed(0.5)
    (19, 1)

    Raises:
        ValueError: if the rate is not over 0, up to 0.5.
    """
    require_false_alarms(false_alarms)
    return math.ceil(1 / false_alarms - ROUNDING) - 1


def find_threshold(scores: Array, sources: NDArray[np.int64], *, false_alarms: float) -> float:
    """Return the lowest score above which no larger share of a new file's frames is expected.

    Conformal prediction with groups (Lee, Barber and Willett, "Distribution-free inference with
    hierarchical data", 2023): every file counts the same, however many frames it has, and the new
    one counts as if all of its frames were strangers.

    Args:
        scores: shape (H,), of the frames that were held out.
        sources: shape (H,), ids of their files, at least `sources_needed`.
        false_alarms: the share.
    """
    _, file, frames = np.unique(sources, return_inverse=True, return_counts=True)
    allowed = false_alarms * (len(frames) + 1) - 1 + ROUNDING
    highest_first = np.argsort(-scores, kind="stable")
    # How much of the files' weight lies at this score or above.
    weight = np.cumsum((1 / frames[file])[highest_first])
    descending = scores[highest_first]
    above = np.append(0.0, weight)[np.searchsorted(-descending, -descending, side="left")]
    return float(descending[above <= allowed][-1])


def _require_numbers(examples: Examples, method: Method) -> None:
    """Raise ExamplesError unless there are pictures, and numbers of all that the method wants."""
    if not len(examples.sources):
        raise ExamplesError("there is no good picture to learn from")
    wanted = {
        "features": method is not Method.GEN,
        "logits": method is not Method.KNN,
    }
    for name in (name for name, is_wanted in wanted.items() if is_wanted):
        values: Array = getattr(examples, name)
        if not values.shape[1]:
            raise ExamplesError(f"{method} needs {name}, which the model's manifest does not name")
        bad = int(np.count_nonzero(~np.isfinite(values).all(axis=1)))
        if bad:
            raise ExamplesError(f"the model gave {name} that are no numbers for {bad} pictures")
    if wanted["features"] and not examples.features.any(axis=1).all():
        raise ExamplesError("the model gave features of nothing but zeros")


def _first_of_copies(examples: Examples) -> NDArray[np.bool_]:
    """Return which pictures are not just as another file's before them, shape (N,)."""
    first: dict[bytes, int] = {}
    sources = examples.sources.tolist()
    rows = zip(examples.features, examples.logits, strict=True)
    keys = [features.tobytes() + logits.tobytes() for features, logits in rows]
    owners = [first.setdefault(key, source) for key, source in zip(keys, sources, strict=True)]
    return np.asarray(np.array(owners, dtype=np.int64) == examples.sources)


def _choose_held_out(
    sources: NDArray[np.int64], false_alarms: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which pictures are held out, shape (N,): all of a file, or none.

    Raises:
        ExamplesError: if there are too few files.
    """
    files = np.unique(sources)
    least = sources_needed(false_alarms)
    needed = least + max(least, NEIGHBOURS)
    if len(files) < needed:
        raise ExamplesError(
            f"{len(files)} different files with good pictures are too few: a false-alarm rate of "
            f"{false_alarms:g} takes {needed} (pictures or videos), of which {least} are held out"
        )
    most = len(files) - max(least, NEIGHBOURS)
    count = max(least, min(most, len(files) // HELD_OUT_PART))
    return np.isin(sources, rng.permutation(files)[:count])


def _choose_rows(sources: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the rows that a bank holds, in order: of each file as many as of another, or all."""
    order = rng.permutation(len(sources))
    turn = np.empty(len(sources), dtype=np.int64)
    for file in np.unique(sources):
        own = order[sources[order] == file]
        turn[own] = np.arange(len(own))
    first_turns_first = order[np.argsort(turn[order], kind="stable")]
    return np.sort(first_turns_first[:MAX_ROWS])


def _learn(examples: Examples, method: Method) -> Familiar:
    if method is Method.GEN:
        nothing = np.empty((0, 0), dtype=np.float32)
        return Familiar(method, nothing, nothing, NO_SCALE, NO_SCALE)
    unit = normalise(examples.features)
    basis = _main_directions(unit)
    features = inner_products(unit, basis)
    if method is Method.KNN:
        return Familiar(method, basis, features, NO_SCALE, NO_SCALE)
    distances = _distances_apart(features, examples.sources)
    return Familiar(
        method, basis, features, _scale_of(max_logit(examples.logits)), _scale_of(distances)
    )


def _main_directions(unit: Array) -> Array:
    """Return the directions that features extend in most, shape (R, D)."""
    wide = unit.astype(np.float64)
    _, axes = np.linalg.eigh(wide.T @ wide)  # the least extended first
    count = min(MAX_DIRECTIONS, *unit.shape)
    return np.ascontiguousarray(axes[:, ::-1][:, :count].T, dtype=np.float32)


def _distances_apart(features: Array, sources: NDArray[np.int64]) -> Array:
    """Return each row's mean distance to the 5 nearest of other files, shape (M,)."""
    found = np.empty(len(features), dtype=np.float32)
    for file in np.unique(sources):
        own = sources == file
        alike = features[own] @ features[~own].T
        found[own] = 1 - np.sort(alike, axis=1)[:, -NEIGHBOURS:].mean(axis=1)
    return found


def _scale_of(scores: Array) -> Scale:
    deviation = float(scores.std(dtype=np.float64))
    if not deviation > 0:
        raise ExamplesError("the model says the same of all pictures: there is nothing to learn")
    return Scale(float(scores.mean(dtype=np.float64)), deviation)
