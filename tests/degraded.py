"""Pictures made bad in a known way, by a known strength."""

import textwrap
from collections.abc import Callable

import cv2
import numpy as np
from matplotlib import get_data_path
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]
Degradation = Callable[[Picture, float, np.random.Generator], Picture]

WORDS = ("SALE", "today only", "50 % off", "new in stock", "call now", "free delivery", "limited")
FONT = f"{get_data_path()}/fonts/ttf/DejaVuSans-Bold.ttf"
GRAIN_LEVELS = 2.0


def lose_in_plain(picture: Picture, share: float, rng: np.random.Generator) -> Picture:
    """Shrink a picture to *share* of its area, somewhere on grainy ground of its rim's colour."""
    height, width = picture.shape[:2]
    rim = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    ground = np.median(rim, axis=0) + rng.normal(0, GRAIN_LEVELS, picture.shape)
    scale = np.sqrt(share)
    small = shrunk(picture, max(2, round(width * scale)), max(2, round(height * scale)))
    return laid_over(ground.clip(0, 255).astype(np.uint8), small, rng)


def letterbox(picture: Picture, share: float, rng: np.random.Generator) -> Picture:
    """Squeeze a picture between black bars, above and below or at its sides, into *share*."""
    height, width = picture.shape[:2]
    bars = np.zeros_like(picture)
    if rng.random() < 0.5:
        strip = max(2, round(height * share))
        top = (height - strip) // 2
        bars[top : top + strip] = shrunk(picture, width, strip)
    else:
        strip = max(2, round(width * share))
        left = (width - strip) // 2
        bars[:, left : left + strip] = shrunk(picture, strip, height)
    return bars


def overlay(picture: Picture, share: float, rng: np.random.Generator) -> Picture:
    """Lay a card with words over *share* of a picture."""
    height, width = picture.shape[:2]
    scale = np.sqrt(share)
    card_px = max(8, round(width * scale)), max(8, round(height * scale))
    paper = rng.integers(0, 256, 3)
    ink = np.where(paper < 128, 255, 0)
    card = Image.new("RGB", card_px, tuple(paper.tolist()))
    words = " ".join(rng.permutation(WORDS))
    size_px = max(6, card_px[1] // 9)
    ImageDraw.Draw(card).multiline_text(
        (size_px // 2, size_px // 2),
        textwrap.fill(words, max(4, round(1.4 * card_px[0] / size_px))),
        fill=tuple(ink.tolist()),
        font=ImageFont.truetype(FONT, size_px),
    )
    return laid_over(picture, np.asarray(card), rng)


def come_close(picture: Picture, share: float, _rng: np.random.Generator) -> Picture:
    """Enlarge the middle of a picture, *share* of each side, to all of it."""
    height, width = picture.shape[:2]
    rows, columns = max(4, round(height * share)), max(4, round(width * share))
    top, left = (height - rows) // 2, (width - columns) // 2
    middle = picture[top : top + rows, left : left + columns]
    return np.asarray(cv2.resize(middle, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def blur(picture: Picture, share: float, _rng: np.random.Generator) -> Picture:
    """Blur a picture by a Gaussian whose sigma is *share* of its longer side."""
    sigma_px = share * max(picture.shape)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.uint8)


def fade(picture: Picture, share: float, rng: np.random.Generator) -> Picture:
    """Fade a picture to *share* of its contrast, around its mean tone, and add grain."""
    mean = picture.mean(axis=(0, 1))
    faded = mean + share * (picture - mean) + rng.normal(0, 1, picture.shape)
    return np.asarray(faded.clip(0, 255), np.uint8)


def darken(picture: Picture, share: float, rng: np.random.Generator) -> Picture:
    """Darken a picture to *share* of its light, and add grain."""
    dark = share * picture + rng.normal(0, 1, picture.shape)
    return np.asarray(dark.clip(0, 255), np.uint8)


def as_jpeg(picture: Picture, quality: int) -> Picture:
    """Return a picture as it comes back from a JPEG file of a quality from 0 to 100."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, content = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    decoded = cv2.imdecode(content, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def shrunk(picture: Picture, width_px: int, height_px: int) -> Picture:
    """Return a picture in another size and shape."""
    small = cv2.resize(picture, (width_px, height_px), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def laid_over(ground: Picture, card: Picture, rng: np.random.Generator) -> Picture:
    """Return *ground* with *card* somewhere on it."""
    whole = ground.copy()
    top = rng.integers(0, ground.shape[0] - card.shape[0] + 1)
    left = rng.integers(0, ground.shape[1] - card.shape[1] + 1)
    whole[top : top + card.shape[0], left : left + card.shape[1]] = card
    return whole
