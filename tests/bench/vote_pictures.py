"""What the bench of votes is about: pictures, good and made bad, and what a model sees in them."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pipeline.judging.gate import gate_frame
from pipeline.judging.ood import normalise
from pipeline.media.stills import read_still
from pipeline.records import Frame
from pipeline.scoring.session import Scorer
from pipeline.votes import Candidates

OK = "ok"
BAD = ("black", "blur", "noise", "tiny", "crop")
KINDS = (OK, *BAD)
SKIMAGE = "scikit-image"
ENDINGS = (".jpg", ".png")
MAX_SIDE_PX = 1024
SEED = 7  # of how pictures are made bad


@dataclass(frozen=True, slots=True, eq=False)
class Shots:
    """N pictures, each good one followed by what was made of it.

    Attributes:
        folders: shape (N,), the class that each is of.
        names: shape (N,), of the file that each was made of.
        kinds: shape (N,), one of KINDS.
        features: shape (N, D), float32, of length 1.
        gates: shape (N,), uint8.
        sharpness: shape (N,), as in Quality.
        signatures: shape (N, H, W, 3), uint8.
    """

    folders: NDArray[np.str_]
    names: NDArray[np.str_]
    kinds: NDArray[np.str_]
    features: NDArray[np.float32]
    gates: NDArray[np.uint8]
    sharpness: NDArray[np.float64]
    signatures: NDArray[np.uint8]

    def rows_of(self, folder: str, kind: str) -> NDArray[np.int64]:
        """Return the rows of a class, of one kind."""
        return np.flatnonzero((self.folders == folder) & (self.kinds == kind))


def make_shots(folder: Path, scorer: Scorer, candidates: Candidates) -> Shots:
    """Return all pictures of ../shared/data/pictures and of scikit-image, good and made bad."""
    rng = np.random.default_rng(SEED)
    geometry = scorer.manifest.input.geometry
    told: list[tuple[str, str, str]] = []
    frames: list[Frame] = []
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "x.jpg"
        for label, file in _files(folder):
            picture = Image.open(file).convert("RGB")
            picture.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX))
            for kind in KINDS:
                make_bad(picture, kind, rng).save(path, quality=90)
                frames.append(read_still(path, geometry=geometry, limits=candidates.limits))
                told.append((label, file.name, kind))
    folders, names, kinds = (np.array(column) for column in zip(*told, strict=True))
    return Shots(
        folders,
        names,
        kinds,
        _features(frames, scorer),
        np.array([_gate(frame, candidates) for frame in frames], np.uint8),
        np.array([frame.quality.sharpness for frame in frames]),
        np.stack([frame.quality.signature for frame in frames]),
    )


def make_bad(picture: Image.Image, kind: str, rng: np.random.Generator) -> Image.Image:
    """Return a picture that is too dark, out of focus, half noise, lost in plain, or too close."""
    width, height = picture.size
    pixels = np.asarray(picture)
    match kind:
        case "black":
            return Image.fromarray((pixels * 0.03).astype(np.uint8))
        case "blur":
            return picture.filter(
                ImageFilter.GaussianBlur(rng.uniform(6, 12) * max(width, height) / 320)
            )
        case "noise":
            is_noise = rng.random((height, width)) < rng.uniform(0.5, 0.9)
            noise = rng.integers(0, 256, pixels.shape, np.uint8)
            return Image.fromarray(np.where(is_noise[..., None], noise, pixels))
        case "tiny":
            scale = rng.uniform(0.1, 0.2)
            small = picture.resize((max(1, int(width * scale)), max(1, int(height * scale))))
            ground = Image.new("RGB", (width, height), tuple(rng.integers(120, 240, 3).tolist()))
            place = rng.integers(0, (width - small.width, height - small.height)).tolist()
            ground.paste(small, tuple(place))
            return ground
        case "crop":
            scale = rng.uniform(0.12, 0.22)
            part = int(width * scale), int(height * scale)
            left, top = rng.integers(0, (width - part[0], height - part[1])).tolist()
            cut = picture.crop((left, top, left + part[0], top + part[1]))
            return cut.resize((width, height), Image.Resampling.BICUBIC)
        case _:
            return picture


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.glob("*/*/*")):
        yield path.parent.name, path
    for path in sorted((Path(skimage.__file__).parent / "data").iterdir()):
        if path.suffix in ENDINGS:
            yield SKIMAGE, path


def _features(frames: list[Frame], scorer: Scorer) -> NDArray[np.float32]:
    size = scorer.batch_frames
    batches = (frames[i : i + size] for i in range(0, len(frames), size))
    features = [scorer.score(np.stack([one.pixels for one in batch])).features for batch in batches]
    return normalise(np.concatenate(features))


def _gate(frame: Frame, candidates: Candidates) -> int:
    return gate_frame(frame.quality, is_corrupt=False, last_scored=None, thresholds=candidates.gate)
