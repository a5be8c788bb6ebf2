"""Pictures become a video file: for the demo, and for tests that must know what a video holds."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, zip_longest
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

MS = Fraction(1, 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How the pictures of one video stream are encoded.

    Attributes:
        codec: FFmpeg's name of the encoder: libx264, libx265, libvpx-vp9, libsvtav1,
            mpeg4, mpeg2video, mjpeg, ffv1, gif ...
        pixel_format: FFmpeg's name, e.g. yuv420p10le for 10 bits, rgb8 for a GIF.
        rate_hz: frames per second, where timestamps_ms is empty; picture i is shown at i / rate_hz.
        timestamps_ms: when each picture is first shown, for unevenly spaced ones (VFR); one a
            picture, increasing.
        start_ms: added to every timestamp, so that the first PTS is not 0; to the nearest whole
            frame where frames are evenly spaced.
        keyframe_interval: at most this many frames from one keyframe to the next. x264, x265 and
            AV1 also place keyframes at cuts, unless options say otherwise ("sc_threshold": "0").
        b_frames: at most this many in a row; encoders without them take no notice.
        rotation_deg: what a player turns the picture by, counter-clockwise, before it shows it.
        options: the encoder's own, e.g. {"preset": "ultrafast", "crf": "28"}.
    """

    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    rate_hz: Fraction | int = 25
    timestamps_ms: tuple[int, ...] = ()
    start_ms: int = 0
    keyframe_interval: int = 50
    b_frames: int = 0
    rotation_deg: int = 0
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def time_base(self) -> Fraction:
        """The unit of the encoder's clock: a frame, or a millisecond where frames are uneven."""
        return MS if self.timestamps_ms else 1 / Fraction(self.rate_hz)

    def pts_of(self, picture: int) -> int:
        """When picture number *picture* is first shown, in units of time_base."""
        start = round(self.start_ms * MS / self.time_base)
        return start + (self.timestamps_ms[picture] if self.timestamps_ms else picture)


def write_video(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    encoding: Encoding | None = None,
    *,
    container: str | None = None,
    container_options: Mapping[str, str] | None = None,
) -> None:
    """Encode *frames* as the one video stream of the file *path*; see write_streams."""
    streams = [(frames, encoding or Encoding())]
    write_streams(path, streams, container=container, container_options=container_options)


def write_streams(
    path: Path,
    streams: Iterable[tuple[Iterable[NDArray[np.uint8]], Encoding]],
    *,
    container: str | None = None,
    container_options: Mapping[str, str] | None = None,
) -> None:
    """Encode each (frames, encoding) as one video stream of the file *path*.

    Frames are taken one at a time, so that a long video needs no more memory than a short one.
    Equal input gives equal bytes on one machine.

    Args:
        path: the file; its extension names the container unless *container* does.
        streams: frames of shape (H, W, 3), uint8 RGB, all of one stream of one size; at least one.
        container: FFmpeg's name of the format: mp4, matroska, webm, avi, mpegts, gif ...
        container_options: the muxer's own, e.g. {"movflags": "frag_keyframe+empty_moov"}.

    Raises:
        ValueError: if a stream has no frames, or more frames than timestamps.
    """
    options = {"fflags": "+bitexact", **(container_options or {})}
    with av.open(str(path), "w", format=container, container_options=options) as output:
        encoders = [_encode(output, frames, encoding) for frames, encoding in streams]
        for _ in zip_longest(*encoders):  # in turn, so that the muxer can interleave the packets
            pass


def _encode(
    output: OutputContainer, frames: Iterable[NDArray[np.uint8]], encoding: Encoding
) -> Iterator[None]:
    """Return a generator that encodes one frame a step; the stream is added at once."""
    rest = iter(frames)
    first = next(rest, None)
    if first is None:
        raise ValueError("frames must hold at least one picture, got none")
    stream = _add_stream(output, first.shape[1], first.shape[0], encoding)
    return _encode_each(output, stream, chain([first], rest), encoding)


def _encode_each(
    output: OutputContainer,
    stream: VideoStream,
    frames: Iterable[NDArray[np.uint8]],
    encoding: Encoding,
) -> Iterator[None]:
    for i, pixels in enumerate(frames):
        if encoding.timestamps_ms and i >= len(encoding.timestamps_ms):
            raise ValueError(f"timestamps_ms must hold one a frame, got {i} for more frames")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        frame.pts, frame.time_base = encoding.pts_of(i), encoding.time_base
        output.mux(stream.encode(frame))
        yield
    output.mux(stream.encode(None))


def _add_stream(
    output: OutputContainer, width_px: int, height_px: int, encoding: Encoding
) -> VideoStream:
    rate = Fraction(encoding.rate_hz)
    stream = output.add_stream(encoding.codec, rate=rate, options=dict(encoding.options))
    if not isinstance(stream, VideoStream):
        raise TypeError(f"codec must be a video encoder, got {encoding.codec}")
    stream.width, stream.height = width_px, height_px
    stream.pix_fmt = encoding.pixel_format
    stream.codec_context.time_base = encoding.time_base
    stream.codec_context.gop_size = encoding.keyframe_interval
    stream.codec_context.max_b_frames = encoding.b_frames
    if encoding.rotation_deg:
        stream.set_display_rotation(encoding.rotation_deg)
    return stream
