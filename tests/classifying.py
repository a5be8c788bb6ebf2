"""Classifying in tests: pictures of a known colour, candidates for it, and files of all kinds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.classify import Judges, Strangeness
from pipeline.judging.titles import read_title
from pipeline.media.encode import Encoding, write_video
from pipeline.media.here import DecoderHere
from pipeline.policies.candidates import find_candidates
from pipeline.scoring.session import Scorer
from pipeline.votes import Candidate, Candidates, VoteRule

SIDE_PX = 160
RATE_HZ = 10


def colours(
    *, answer: dict[str, Any] | None = None, pooling: dict[str, Any] | None = None, **changes: Any
) -> Candidates:
    """Return candidates for the model that knows one colour: magenta, or anything else."""
    base = find_candidates("objects")
    fields: dict[str, Any] = {
        "candidates": (
            Candidate("magenta", ("magenta",), ("pink",), 0.45, ()),
            Candidate("grey", ("other",), ("gray",), 0.45, ()),
        ),
        "model": "colour",
        "answer": replace(base.answer, **(answer or {})),
        "pooling": replace(base.pooling, **(pooling or {})),
    }
    return replace(base, **fields | changes)


def judges(
    scorer: Scorer,
    candidates: Candidates | None = None,
    *,
    rule: VoteRule = VoteRule.POOLED,
    strangeness: Strangeness | None = None,
) -> Judges:
    return Judges(candidates or colours(), scorer, DecoderHere(), rule, read_title, strangeness)


def pixels(*, is_magenta: bool, seed: int = 0) -> NDArray[np.uint8]:
    """Return grey noise, a third of it magenta or none; another seed is another picture."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 220, (8, 8, 1), np.uint8).repeat(20, axis=0).repeat(20, axis=1)
    fine = rng.integers(0, 30, (SIDE_PX, SIDE_PX, 1), np.uint8)
    picture = np.asarray((coarse + fine).repeat(3, axis=2), np.uint8)
    if is_magenta:
        picture[:, :60] = (255, 0, 255)
        picture[:, :60] -= fine[:, :60] * np.array([1, 0, 1], np.uint8)
    return picture


def save(path: Path, *, is_magenta: bool, seed: int = 0) -> Path:
    """Write a sharp picture, and return its path."""
    Image.fromarray(pixels(is_magenta=is_magenta, seed=seed)).save(path)
    return path


def save_black(path: Path) -> Path:
    Image.new("RGB", (SIDE_PX, SIDE_PX), (2, 2, 2)).save(path)
    return path


def save_video(path: Path, *, is_magenta: bool, seconds: int = 3) -> Path:
    """Write a video of one moving picture."""
    picture = pixels(is_magenta=is_magenta, seed=3)
    frames = (np.roll(picture, 4 * i, axis=0) for i in range(seconds * RATE_HZ))
    encoding = Encoding(rate_hz=RATE_HZ, keyframe_interval=RATE_HZ, options={"preset": "ultrafast"})
    write_video(path, frames, encoding)
    return path
