"""Examples that banks are fitted on in tests: directions near one axis are familiar."""

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.bank import Bank, Examples, Method
from pipeline.learning.bank_fit import fit_bank
from pipeline.records import ModelFacts

MODEL = ModelFacts("test", "1", "ab" * 32, ("CPUExecutionProvider",))
D, L = 6, 3


def familiar(n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return features of n pictures about the first axis, shape (n, 6)."""
    return np.asarray(np.eye(D)[0] * 5 + rng.normal(size=(n, D)) * 0.5, dtype=np.float32)


def examples_of(files: int, frames: int = 1, *, seed: int = 0, spread: float = 0.0) -> Examples:
    """Return so many frames of each of so many files; those of one differ by *spread*."""
    rng = np.random.default_rng(seed)
    features = np.repeat(familiar(files, rng), frames, axis=0)
    features += (rng.normal(size=features.shape) * spread).astype(np.float32)
    logits = rng.normal(loc=[4, 0, 0], size=(files * frames, L))
    sources = np.repeat(np.arange(files, dtype=np.int64), frames)
    return Examples(features, logits.astype(np.float32), sources)


def bank_of(
    examples: Examples | None = None,
    *,
    method: Method = Method.KNN,
    false_alarms: float = 0.05,
    seed: int = 0,
) -> Bank:
    return fit_bank(
        examples or examples_of(60),
        MODEL,
        method=method,
        false_alarms=false_alarms,
        rng=np.random.default_rng(seed),
    )
