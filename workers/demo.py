"""A video for newcomers, made of real photographs, with a cat in it twice.

The photographs come with scikit-image's wheel and are read as files: its own functions would
fetch others from the network.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import UnavailableError
from pipeline.media.encode import Encoding, write_video

WIDTH_PX, HEIGHT_PX = 1280, 720
RATE_HZ = 24  # an even number: half a second is a whole number of frames
ENCODING = Encoding(
    rate_hz=RATE_HZ,
    keyframe_interval=2 * RATE_HZ,
    b_frames=2,
    options={"preset": "superfast", "crf": "23"},
)


@dataclass(frozen=True, slots=True)
class View:
    """Which part of a photograph is seen.

    Attributes:
        x: its middle, as a share of the photograph's width.
        y: its middle, as a share of the photograph's height.
        zoom: 1 = as much as fits the frame's shape; 2 = half of that each way.
    """

    x: float
    y: float
    zoom: float


@dataclass(frozen=True, slots=True)
class Shot:
    """A photograph under a moving camera, between two cuts."""

    photo: str
    frames: int
    start: View
    end: View


def _shot(photo: str, length_s: float, start: View, end: View) -> Shot:
    return Shot(photo, round(length_s * RATE_HZ), start, end)


CAT = "chelsea.png"
# The cat is in it from 0:16 to 0:20, and for half a second from 0:35.
SHOTS = (
    _shot("rocket.jpg", 6, View(0.5, 0.7, 1.0), View(0.5, 0.3, 1.2)),
    _shot("coffee.png", 5, View(0.5, 0.5, 1.0), View(0.55, 0.45, 1.6)),
    _shot("page.png", 5, View(0.4, 0.4, 1.6), View(0.6, 0.6, 1.6)),
    _shot(CAT, 4, View(0.5, 0.45, 1.0), View(0.5, 0.45, 1.25)),
    _shot("astronaut.png", 5, View(0.45, 0.3, 1.3), View(0.45, 0.4, 1.0)),
    _shot("camera.png", 5, View(0.4, 0.25, 1.0), View(0.45, 0.3, 1.4)),
    _shot("motorcycle_left.png", 5, View(0.6, 0.5, 1.3), View(0.4, 0.5, 1.0)),
    _shot(CAT, 0.5, View(0.5, 0.45, 1.0), View(0.5, 0.45, 1.0)),
    _shot("coins.png", 4.5, View(0.5, 0.3, 1.2), View(0.5, 0.7, 1.2)),
)


def make_demo_video(path: Path) -> None:
    """Write the demo video, 40 seconds of H.264.

    Raises:
        UnavailableError: if scikit-image, which the photographs are from, is not installed.
    """
    part = path.with_name(f".{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(part, _frames(_find_photos()), ENCODING, container="mp4")
    part.replace(path)


def _find_photos() -> Path:
    """Return the folder of scikit-image's photographs, without importing it."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise UnavailableError(
            "the demo's photographs come with scikit-image: pip install scikit-image"
        )
    return Path(spec.origin).parent / "data"


def _frames(photos: Path) -> Iterator[NDArray[np.uint8]]:
    for shot in SHOTS:
        photo = Image.open(photos / shot.photo).convert("RGB")
        for i in range(shot.frames):
            yield _see(photo, _between(shot.start, shot.end, i / shot.frames))


def _between(start: View, end: View, share: float) -> View:
    """Return the view on the way from *start* to *end*."""
    pairs = ((start.x, end.x), (start.y, end.y), (start.zoom, end.zoom))
    return View(*(a + (b - a) * share for a, b in pairs))


def _see(photo: Image.Image, view: View) -> NDArray[np.uint8]:
    """Return the frame, shape (720, 1280, 3), that shows *view* of *photo*."""
    scale = min(photo.width / WIDTH_PX, photo.height / HEIGHT_PX) / view.zoom
    width, height = WIDTH_PX * scale, HEIGHT_PX * scale
    left = min(max(view.x * photo.width - width / 2, 0), photo.width - width)
    top = min(max(view.y * photo.height - height / 2, 0), photo.height - height)
    box = (left, top, left + width, top + height)
    return np.asarray(photo.resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.BILINEAR, box=box))
