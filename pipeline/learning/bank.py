"""Banks: what pictures of a model's own domain look like to it, so that strangers stand out."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal
from pipeline.errors import ModelError
from pipeline.judging.ood import (
    NEIGHBOURS,
    Scale,
    gen,
    inner_products,
    knn_of_unit,
    max_logit,
    normalise,
    standardised_sum,
)
from pipeline.records import BankFacts, ModelFacts, ModelOutputs

MAX_ROWS = 10_000
MAX_FALSE_ALARMS = 0.5

Array = NDArray[np.float32]


class Method(StrEnum):
    """How a bank tells strangers; `python -m tests.bench.strangers` compares them."""

    KNN = "knn"  # by features
    MAX_LOGIT_KNN = "max_logit+knn"  # by features and logits, each on its own scale
    GEN = "gen"  # by logits, where a model offers no features


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Pictures that a model was made for, as it sees them, row i of each array being picture i.

    Attributes:
        features: shape (N, D), float32; D is 0 where the model offers none.
        logits: shape (N, L), float32; L is 0 where the model offers none.
        sources: shape (N,), int64, ids of the files they are from; frames of a video share one.
    """

    features: Array
    logits: Array
    sources: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.sources)
        require_array("features", self.features, np.float32, (n, None))
        require_array("logits", self.logits, np.float32, (n, None))
        require_array("sources", self.sources, np.int64, (n,))
        seal(self)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Examples":
        """Return some of them."""
        return Examples(self.features[rows], self.logits[rows], self.sources[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Familiar:
    """What frames are compared with.

    Attributes:
        method: how strangers are told.
        basis: shape (R, D), float32, the directions that the features extend in most.
        features: shape (M, R), float32, of length 1 before they were brought to those directions.
        logit_scale: of the highest logits of these pictures.
        knn_scale: of their distances to one another, those of one source not compared.
    """

    method: Method
    basis: Array
    features: Array
    logit_scale: Scale
    knn_scale: Scale

    def __post_init__(self) -> None:
        require_array("basis", self.basis, np.float32, (None, None))
        require_array("features", self.features, np.float32, (None, len(self.basis)))
        if not (np.isfinite(self.basis).all() and np.isfinite(self.features).all()):
            raise ValueError("basis and features must be finite numbers")
        least = 0 if self.method is Method.GEN else NEIGHBOURS
        if not least <= len(self.features) <= MAX_ROWS:
            raise ValueError(
                f"features must be {least} to {MAX_ROWS:,}, got {len(self.features):,}"
            )
        seal(self)

    def score(self, features: Array, logits: Array) -> Array:
        """Return the OOD scores of N pictures, shape (N,), higher = less like these.

        NaN where a feature or logit that counts is no number.

        Args:
            features: shape (N, D), as they come out of the network.
            logits: shape (N, L), likewise.
        """
        match self.method:
            case Method.KNN:
                return self._knn(features)
            case Method.MAX_LOGIT_KNN:
                highest = max_logit(logits), self.logit_scale
                return standardised_sum(highest, (self._knn(features), self.knn_scale))
            case Method.GEN:
                return gen(logits)

    def _knn(self, features: Array) -> Array:
        return knn_of_unit(inner_products(normalise(features), self.basis), self.features)


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """What is familiar to a model, and from which score on a frame is a stranger.

    Attributes:
        model_id: the model that saw the pictures.
        model_sha256: and of its file; another model's features mean something else.
        familiar: the pictures.
        sources: how many files they are from.
        held_out: shape (H,), float32, the scores of pictures of other files, ascending.
        held_out_sources: how many those files are.
        false_alarms: the share of familiar frames that may be called strangers.
        threshold: a frame whose score is above it is a stranger; so many of those held out are.
    """

    model_id: str
    model_sha256: str
    familiar: Familiar
    sources: int
    held_out: Array
    held_out_sources: int
    false_alarms: float
    threshold: float

    def __post_init__(self) -> None:
        require_array("held_out", self.held_out, np.float32, (None,))
        require_false_alarms(self.false_alarms)
        if not np.isfinite([self.threshold, *self.held_out.tolist()]).all():
            raise ValueError("threshold and held_out must be finite numbers")
        if self.sources < 1 or not 1 <= self.held_out_sources <= len(self.held_out):
            raise ValueError("a bank needs sources, and some of them held out")
        seal(self)


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """A bank in use: it scores frames, and says which it is."""

    bank: Bank
    facts: BankFacts

    def score(self, outputs: ModelOutputs) -> Array:
        """Return the OOD scores of frames, shape (N,), higher = less like what the model knows."""
        return self.bank.familiar.score(outputs.features, outputs.logits)

    def require_model(self, model: ModelFacts) -> None:
        """Raise ModelError unless the bank was fitted on this very model."""
        if model.sha256 != self.bank.model_sha256:
            raise ModelError(
                f"the bank was fitted on {self.bank.model_id}, sha256 {self.bank.model_sha256}; "
                f"this is {model.model_id}, {model.sha256}: fit it again"
            )


def require_false_alarms(false_alarms: float) -> None:
    """Raise ValueError unless a rate of false alarms is over 0, up to 0.5."""
    if not 0 < false_alarms <= MAX_FALSE_ALARMS:
        raise ValueError(f"false_alarms must be over 0, up to {MAX_FALSE_ALARMS}: {false_alarms}")
