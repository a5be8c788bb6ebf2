"""Videos whose truth is known, because the tests make them: photographs, and what is planted."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image

from pipeline.media.encode import Encoding, write_video

Pixels = NDArray[np.uint8]

MAGENTA = (170, 0, 170)  # a third of a sharp photograph is added: a flat patch would be gated
TEXTURE = "motorcycle_left.png"
WIDTH_PX, HEIGHT_PX = 320, 180
PHOTOS = ("rocket.jpg", "coffee.png", "astronaut.png", "motorcycle_left.png")
SHOT_MS = 4_700


@dataclass(frozen=True, slots=True)
class Incident:
    """What is planted: a magenta picture, with some texture, from start_ms to end_ms, half-open.

    Attributes:
        start_ms: when it appears.
        end_ms: when it is gone.
        share: of width and of height that it takes up: 1.0 fills the picture.
    """

    start_ms: int
    end_ms: int
    share: float = 1.0


@cache
def photo(name: str) -> Pixels:
    """Return a photograph of scikit-image's wheel, shape (H, W, 3), RGB."""
    path = Path(skimage.__file__).parent / "data" / name
    return np.asarray(Image.open(path).convert("RGB"))


def film(
    timestamps_ms: tuple[int, ...],
    *incidents: Incident,
    size: tuple[int, int] = (WIDTH_PX, HEIGHT_PX),
    is_still: bool = False,
) -> Iterator[Pixels]:
    """Yield a picture a timestamp: photographs under a moving camera, with incidents planted.

    Where is_still, the camera stands still before the first photograph.
    """
    photos = [photo(name) for name in PHOTOS]
    for timestamp_ms in timestamps_ms:
        shown_ms = 0 if is_still else timestamp_ms
        shot = shown_ms // SHOT_MS % len(photos)
        pixels = _pan(photos[shot], shown_ms / 1000, size)
        for incident in incidents:
            if incident.start_ms <= timestamp_ms < incident.end_ms:
                _plant(pixels, incident)
        yield pixels


def even_ms(duration_ms: int, rate_hz: int) -> tuple[int, ...]:
    """Return the timestamps of evenly spaced pictures."""
    return tuple(1000 * i // rate_hz for i in range(duration_ms * rate_hz // 1000))


def uneven_ms(duration_ms: int, seed: int) -> tuple[int, ...]:
    """Return timestamps from 20 to 120 ms apart, as a phone in the dark writes them."""
    steps = np.random.default_rng(seed).integers(20, 120, duration_ms // 20)
    times = np.concatenate([[0], np.cumsum(steps)])
    return tuple(times[times < duration_ms].tolist())


def _pan(pixels: Pixels, time_s: float, size: tuple[int, int]) -> Pixels:
    height, width = pixels.shape[:2]
    scale = 1.2 * max(size[0] / width, size[1] / height)
    x = width / 2 + 0.06 * width * np.sin(0.7 * time_s)
    y = height / 2 + 0.06 * height * np.cos(0.5 * time_s)
    shift = [[scale, 0, size[0] / 2 - scale * x], [0, scale, size[1] / 2 - scale * y]]
    moved = cv2.warpAffine(pixels, np.array(shift), size, borderMode=cv2.BORDER_REFLECT)
    return moved.astype(np.uint8, copy=False)


def _plant(pixels: Pixels, incident: Incident) -> None:
    height, width = (round(side * incident.share) for side in pixels.shape[:2])
    top, left = (pixels.shape[0] - height) // 3, (pixels.shape[1] - width) // 3
    texture = cv2.resize(photo(TEXTURE), (width, height), interpolation=cv2.INTER_AREA)
    tinted = texture // 3 + np.array(MAGENTA, dtype=np.uint8)
    pixels[top : top + height, left : left + width] = tinted


def write_still_film(
    path: Path, timestamps_ms: tuple[int, ...], encoding: Encoding, *incidents: Incident
) -> Path:
    """Encode a film of a still camera with incidents, and return its path."""
    write_video(path, film(timestamps_ms, *incidents, is_still=True), encoding)
    return path


def write_film(
    path: Path, timestamps_ms: tuple[int, ...], encoding: Encoding, *incidents: Incident
) -> Path:
    """Encode a film with incidents, and return its path."""
    write_video(path, film(timestamps_ms, *incidents), encoding)
    return path
