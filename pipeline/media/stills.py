"""A picture file becomes a frame, as the frames of videos do."""

from pathlib import Path

import av

from pipeline.errors import LimitExceededError, UnreadableVideoError
from pipeline.media.container import STILL_FORMATS, bound_decoder, open_container
from pipeline.media.decode import Picture
from pipeline.media.pictures import Renderer
from pipeline.records import Change, Frame, Geometry, Limits, Look


def read_still(file: Path | int, *, geometry: Geometry, limits: Limits) -> Frame:
    """Return the picture of a BMP, JPEG, PNG or WebP file, upright, in the model's geometry.

    A file of which a part is missing or damaged is refused: half a picture may show anything.

    Args:
        file: its path, or the descriptor of one that is open, and stays so.
        geometry: the pixels that the model wants.
        limits: how many pixels it may have.

    Raises:
        UnreadableVideoError: if this is no such file, or not all of it can be decoded.
        LimitExceededError: if it has more pixels than *limits* allow.
    """
    with open_container(file, limits, STILL_FORMATS) as container:
        stream = container.streams.video[0]
        size = stream.width, stream.height
        if 0 in size:  # FFmpeg had a look, and would have none of it
            most = f"{limits.max_pixels:,} pixels"
            raise UnreadableVideoError(f"has no picture that is readable and within {most}")
        if size[0] * size[1] > limits.max_pixels:
            raise LimitExceededError(
                f"has {size[0]}x{size[1]} pixels, more than {limits.max_pixels:,}"
            )
        # FFmpeg would rather make up what is missing.
        stream.codec_context.options = {"err_detect": "explode", **bound_decoder(limits)}
        try:
            frame = next(container.decode(stream), None)
        except av.error.InvalidDataError as error:
            raise UnreadableVideoError("is damaged, or a part of it is missing") from error
        if frame is None:
            raise UnreadableVideoError("holds no picture")
        return Renderer(geometry).render(Picture(0, 0, frame), Look.FIRST, Change.NONE)
