"""How well the gate tells bad pictures from good ones: `python -m tests.bench.gate FOLDER`.

Every picture in FOLDER, and in its folders, is made bad in each way by each strength, and saved as
a JPEG once more. A row is one way and strength: the area under the ROC curve of what is measured,
and the shares that the default policy's line calls bad, of the bad ones and of the good ones.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from pipeline.errors import UnreadableVideoError
from pipeline.media.quality import measure
from pipeline.media.stills import read_still
from pipeline.policies.read import find_policy
from pipeline.records import Fit, Geometry, Quality
from tests.bench.tables import markdown
from tests.degraded import (
    Degradation,
    Picture,
    as_jpeg,
    blur,
    come_close,
    darken,
    fade,
    letterbox,
    lose_in_plain,
    overlay,
)

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
SIDE_PX = 320  # the pictures are made bad at this size, both sides
JPEG_QUALITY = 85
GATE = find_policy("nudity").gate
CLOSE_ABOVE = 0.9  # the default policy has no line there: one that candidates may draw


@dataclass(frozen=True, slots=True)
class Way:
    """One way to be bad.

    Attributes:
        name: of what the gate says.
        degrade: makes a picture bad.
        strengths: how much is left of it, each in a row of its own.
        badness: what is measured, higher = worse.
        line: from which badness on the gate calls a picture bad.
    """

    name: str
    degrade: Degradation
    strengths: tuple[float, ...]
    badness: Callable[[Quality], float]
    line: float


def content_share(quality: Quality) -> float:
    """Return how much of a picture is left between its plain margins, 0 to 1."""
    return quality.content_width * quality.content_height


WAYS = (
    Way(
        "black",
        darken,
        (0.2, 0.1, 0.05),
        lambda q: -max(q.brightness, q.contrast / 2),
        -GATE.black_below,
    ),
    Way("flat", fade, (0.2, 0.1, 0.05), lambda q: -q.contrast, -GATE.flat_below),
    Way("blur", blur, (0.005, 0.012, 0.024), lambda q: -q.sharpness, -GATE.blur_below),
    Way(
        "letterbox",
        letterbox,
        (0.4, 0.25, 0.15),
        lambda q: -content_share(q),
        -GATE.letterbox_below,
    ),
    Way(
        "too small",
        lose_in_plain,
        (0.25, 0.12, 0.06),
        lambda q: -content_share(q),
        -GATE.small_below,
    ),
    Way("overlay", overlay, (0.5, 0.7, 0.9), lambda q: q.plain, GATE.overlay_above),
    Way("too close", come_close, (0.5, 0.25, 0.12), lambda q: q.rim_likeness, CLOSE_ABOVE),
)


def main() -> None:
    """Measure, and write the table to stdout."""
    pictures = read_pictures(Path(sys.argv[1]))
    good = [quality_of(picture) for picture in pictures]
    rng = np.random.default_rng(0)
    rows = []
    for way in WAYS:
        for strength in way.strengths:
            bad = [
                quality_of(as_jpeg(way.degrade(picture, strength, rng), JPEG_QUALITY))
                for picture in pictures
            ]
            rows.append((way.name, f"{strength:g}", *figures(way, good, bad)))
    header = ("gate", "strength", "AUROC", "bad ones found", "good ones called bad")
    sys.stdout.write(f"{len(pictures)} pictures\n\n{markdown(header, rows)}\n")


def figures(way: Way, good: list[Quality], bad: list[Quality]) -> tuple[str, str, str]:
    """Return the area under the ROC curve, and the true and false positive rates at the line."""
    of_good, of_bad = ([way.badness(quality) for quality in some] for some in (good, bad))
    area = roc_auc_score([0] * len(good) + [1] * len(bad), [*of_good, *of_bad])
    found, wrong = (float(np.mean(np.array(some) > way.line)) for some in (of_bad, of_good))
    return f"{area:.3f}", f"{found:.1%}", f"{wrong:.1%}"


def read_pictures(folder: Path) -> list[Picture]:
    """Return all pictures under a folder that can be read, each SIDE_PX wide and high."""
    geometry = Geometry(SIDE_PX, SIDE_PX, SIDE_PX, Fit.STRETCH)
    limits = find_policy("nudity").limits
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            try:
                found.append(read_still(path, geometry=geometry, limits=limits).pixels)
            except UnreadableVideoError as error:
                sys.stderr.write(f"{path}: {error}\n")
    return found


def quality_of(picture: Picture) -> Quality:
    """Measure a picture as the pipeline does."""
    return measure(picture, (SIDE_PX, SIDE_PX), np.zeros((1, 1, 3), np.uint8))


if __name__ == "__main__":
    main()
