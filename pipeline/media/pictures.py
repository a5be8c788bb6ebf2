"""What is made of a decoded picture: pixels for the model, a thumbnail, measurements."""

import cv2
import numpy as np
from av import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from pipeline.media.decode import Picture
from pipeline.media.quality import bounded, measure
from pipeline.records import Change, Fit, Frame, Geometry, Look

SIGNATURE_WIDTH_PX, SIGNATURE_HEIGHT_PX = 64, 36
THUMBNAIL_PX = 160  # the longer side
THUMBNAIL_QUALITY = 80  # of 100: some 4 kB a thumbnail
QUARTER_TURN_DEG = 90


class Renderer:
    """Turns pictures of one stream into frames for one model; not to be shared by threads."""

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        # One each: a reformatter that is asked for another size builds its filters anew.
        self._to_signature, self._to_pixels = VideoReformatter(), VideoReformatter()

    def signature(self, picture: Picture) -> NDArray[np.uint8]:
        """Return the picture shrunk to (H, W, 3) luma and chroma, uint8; not rotated."""
        small = self._to_signature.reformat(
            picture.frame,
            width=SIGNATURE_WIDTH_PX,
            height=SIGNATURE_HEIGHT_PX,
            format="yuv444p",
            interpolation=Interpolation.AREA,
        )
        planes = small.to_ndarray().astype(np.uint8, copy=False)
        return np.ascontiguousarray(np.moveaxis(planes, 0, -1))

    def render(self, picture: Picture, look: Look, change: Change) -> Frame:
        """Return the frame that *picture* shows, upright, in the model's geometry."""
        quarter_turns = quarter_turns_of(picture.frame)
        whole = np.rot90(self._shrunk(picture.frame, quarter_turns), quarter_turns)
        return Frame(
            timestamp_ms=picture.timestamp_ms,
            pts=picture.pts,
            look=look,
            change=change,
            pixels=_middle(whole, self.geometry),
            thumbnail=_thumbnail(whole, shown_size(picture.frame)),
            quality=measure(whole, shown_size(picture.frame), self.signature(picture)),
            is_corrupt=picture.frame.is_corrupt,
        )

    def _shrunk(self, frame: VideoFrame, quarter_turns: int) -> NDArray[np.uint8]:
        """Return the whole picture as RGB, resized as the geometry says, before rotation."""
        width_px, height_px = resized_size(shown_size(frame), self.geometry)
        if quarter_turns % 2:
            width_px, height_px = height_px, width_px
        small = self._to_pixels.reformat(
            frame,
            width=width_px,
            height=height_px,
            format="rgb24",
            interpolation=Interpolation.BILINEAR,
        )
        return small.to_ndarray().astype(np.uint8, copy=False)


def quarter_turns_of(frame: VideoFrame) -> int:
    """Return by how many quarter turns, counter-clockwise, a frame must be turned: 0 to 3."""
    return round(frame.rotation / QUARTER_TURN_DEG) % 4


def shown_size(frame: VideoFrame) -> tuple[int, int]:
    """Return width and height in pixels of the upright frame."""
    size = frame.width, frame.height
    return size if quarter_turns_of(frame) % 2 == 0 else (size[1], size[0])


def resized_size(shown_px: tuple[int, int], geometry: Geometry) -> tuple[int, int]:
    """Return the width and height that a picture is resized to before its middle is cut out.

    >>> resized_size((1920, 1080), Geometry(224, 224, 256, Fit.CROP))
    (455, 256)
    >>> resized_size((1920, 1080), Geometry(224, 224, 256, Fit.STRETCH))
    (256, 256)
    """
    if geometry.fit is Fit.STRETCH:
        return geometry.resize_px, geometry.resize_px
    scale = geometry.resize_px / min(shown_px)
    width_px, height_px = (round(side * scale) for side in shown_px)
    return width_px, height_px


def _middle(whole: NDArray[np.uint8], geometry: Geometry) -> NDArray[np.uint8]:
    top = (whole.shape[0] - geometry.height_px) // 2
    left = (whole.shape[1] - geometry.width_px) // 2
    cut = whole[top : top + geometry.height_px, left : left + geometry.width_px]
    return np.ascontiguousarray(cut)


def _thumbnail(whole: NDArray[np.uint8], shown_px: tuple[int, int]) -> bytes:
    small = cv2.resize(whole, bounded(shown_px, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY]
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), quality)
    return jpeg.tobytes()
