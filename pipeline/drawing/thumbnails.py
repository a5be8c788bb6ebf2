"""Small pictures of frames, blurred so that nothing can be made out."""

from collections.abc import Sequence
from enum import Enum
from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

from pipeline.drawing.colours import PANEL
from pipeline.records import Thumbnails

BLUR_SHARE = 12 / 148  # radius over the box's width: 12 px on a tile
BLUR_SHRINK = 4  # a picture that is about to be blurred can be this much smaller meanwhile


class Pictures(Enum):
    """How frames are shown. Files leak: only a page that is guarded should show them sharp."""

    BLURRED = "blurred"
    SHARP = "sharp"
    HIDDEN = "hidden"


def find_thumbnail(
    thumbnails: Sequence[Thumbnails], *, stream: int, timestamp_ms: int
) -> bytes | None:
    """Return the JPEG of a stream's frame nearest in time, None where the stream has none."""
    for each in thumbnails:
        if each.stream == stream and each.jpegs:
            nearest = int(np.abs(each.timestamps_ms - timestamp_ms).argmin())
            return each.jpegs[nearest]
    return None


def show_thumbnail(
    jpeg: bytes, *, width_px: int, height_px: int, pictures: Pictures
) -> Image.Image:
    """Return a frame in a box of this size: whole, in its own aspect ratio, letterboxed."""
    frame = Image.open(BytesIO(jpeg)).convert("RGB")
    scale = min(width_px / frame.width, height_px / frame.height)
    size = (max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
    if pictures is Pictures.BLURRED:
        frame = _blur(frame, size, radius_px=width_px * BLUR_SHARE)
    else:
        frame = frame.resize(size, Image.Resampling.LANCZOS)
    shown = Image.new("RGB", (width_px, height_px), PANEL)
    shown.paste(frame, ((width_px - size[0]) // 2, (height_px - size[1]) // 2))
    return shown


def _blur(frame: Image.Image, size: tuple[int, int], *, radius_px: float) -> Image.Image:
    """Blur a frame as if at *size*, but on a smaller one: the result is the same, the cost not."""
    small = frame.resize(
        (max(1, size[0] // BLUR_SHRINK), max(1, size[1] // BLUR_SHRINK)), Image.Resampling.BOX
    )
    blurred = small.filter(ImageFilter.GaussianBlur(radius_px / BLUR_SHRINK))
    return blurred.resize(size, Image.Resampling.BICUBIC)
