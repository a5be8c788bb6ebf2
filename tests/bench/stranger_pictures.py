"""What the bench of strangers is about: sets of pictures, and their features."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image

from pipeline.media.decode import CpuBudget, Damage
from pipeline.media.looks import Looker
from pipeline.media.stills import read_still
from pipeline.media.video import probe
from pipeline.policies.read import find_policy
from pipeline.records import Span
from pipeline.scoring.session import Scorer

Pixels = NDArray[np.uint8]
BATCH_FRAMES = 16
SIDE_PX = 224
PATTERNS = 40
PHOTO_ENDINGS = (".jpg", ".png")


def show(scorer: Scorer, pictures: Iterable[Pixels]) -> NDArray[np.float32]:
    """Return the features of pictures in the model's own geometry, shape (N, D)."""
    parts = []
    rest = iter(pictures)
    while batch := list(islice(rest, BATCH_FRAMES)):
        parts.append(scorer.score(np.stack(batch)).features)
    return np.concatenate(parts)


def read_folder(scorer: Scorer, folder: Path) -> Iterator[Pixels]:
    """Yield the photographs of a folder, by name, in the model's geometry."""
    limits, geometry = find_policy("nudity").limits, scorer.manifest.input.geometry
    for path in sorted(folder.iterdir()):
        if path.suffix in PHOTO_ENDINGS:
            yield read_still(path, geometry=geometry, limits=limits).pixels


def read_video(scorer: Scorer, path: Path, gap_ms: int) -> Iterator[Pixels]:
    """Yield frames of a video, at least one each *gap_ms*, in the model's geometry."""
    policy = replace(find_policy("nudity"), max_gap_ms=gap_ms)
    budget = CpuBudget(policy.limits.max_cpu_s, lambda: 0.0)
    video = probe(path, limits=policy.limits, budget=budget)
    looker = Looker(
        video, video.streams[0], scorer.manifest.input.geometry, policy, budget, Damage()
    )
    for frame in looker.first_look(looker.plan_within(Span(0, video.facts.duration_ms))):
        yield frame.pixels


def read_photographs() -> Iterator[Pixels]:
    """Yield the middle of each of scikit-image's pictures that is large enough."""
    for path in sorted((Path(skimage.__file__).parent / "data").iterdir()):
        if path.suffix in PHOTO_ENDINGS:
            picture = Image.open(path).convert("RGB")
            scale = 256 / min(picture.size)
            size = (round(picture.width * scale), round(picture.height * scale))
            whole = np.asarray(picture.resize(size, Image.Resampling.BILINEAR))
            top, left = ((side - SIDE_PX) // 2 for side in whole.shape[:2])
            yield whole[top : top + SIDE_PX, left : left + SIDE_PX]


def draw_patterns(rng: np.random.Generator) -> Iterator[Pixels]:
    """Yield noise, stripes, squares and gradients, in turn."""
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX] / SIDE_PX
    for i in range(PATTERNS):
        colours = rng.integers(0, 256, (2, 3))
        angle, waves = rng.uniform(0, np.pi), rng.integers(2, 24)
        along = x * np.cos(angle) + y * np.sin(angle)
        squares = (np.floor(x * waves) + np.floor(y * waves)) % 2
        share = [
            rng.uniform(0, 1, x.shape),
            0.5 + 0.5 * np.sin(2 * np.pi * waves * along),
            squares,
            (along - along.min()) / np.ptp(along),
        ][i % 4]
        mixed = share[..., None] * colours[0] + (1 - share[..., None]) * colours[1]
        yield mixed.astype(np.uint8)
