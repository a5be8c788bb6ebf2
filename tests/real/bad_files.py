"""Files that no camera writes: damaged, disguised, and crafted to mislead whoever reads them.

What is damaged holds no incident, so that a pass would show. What is named by a script holds
nothing else, so that whoever follows the script gives itself away.
"""

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import BinaryIO

import av
import cv2
import numpy as np
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pipeline.media.encode import Encoding, write_video
from tests.films import Incident, even_ms, film

Pixels = NDArray[np.uint8]
Change = Callable[[list["Piece"]], Sequence["Piece"]]

RATE_HZ = 25
DURATION_MS = 6_000
SIZE = (160, 90)
INCIDENT = Incident(2_000, 3_600)
TIMES_MS = even_ms(DURATION_MS, RATE_HZ)
X264 = Encoding(rate_hz=RATE_HZ, keyframe_interval=25, options={"preset": "ultrafast"})
B_FRAMES = replace(X264, b_frames=2)
MPEG2 = Encoding(codec="mpeg2video", rate_hz=RATE_HZ, keyframe_interval=12)
MJPEG = Encoding(codec="mjpeg", rate_hz=RATE_HZ, pixel_format="yuvj420p")
FASTSTART = {"movflags": "faststart"}
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}
HUGE_PX = 16_000
MP4_TICKS = 512  # a frame lasts as long in the MP4 files that FFmpeg writes at 25 Hz


@dataclass(frozen=True, slots=True)
class Piece:
    """One encoded packet on its way into another file; times in frames."""

    content: bytes
    pts: int | None
    dts: int
    is_key: bool


@cache
def pictures(*incidents: Incident, size: tuple[int, int] = SIZE) -> tuple[Pixels, ...]:
    """Return the pictures of a film of six seconds."""
    return tuple(film(TIMES_MS, *incidents, size=size))


def write_clean(
    path: Path,
    encoding: Encoding = X264,
    *,
    container: str | None = None,
    options: Mapping[str, str] | None = None,
) -> Path:
    """Write a video in which nothing is wrong and nothing is planted."""
    write_video(path, pictures(), encoding, container=container, container_options=options)
    return path


def write_magenta(path: Path) -> Path:
    """Write a video of nothing but the incident."""
    write_video(path, pictures(Incident(0, DURATION_MS)), X264)
    return path


def cut(path: Path, share: float = 0.6) -> None:
    """Keep the first *share* of a file's bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: round(share * len(content))])


def scribble(path: Path, from_share: float = 0.4, to_share: float = 0.5) -> None:
    """Write noise over a part of a file's bytes."""
    content = bytearray(path.read_bytes())
    start, end = (round(share * len(content)) for share in (from_share, to_share))
    content[start:end] = np.random.default_rng(7).bytes(end - start)
    path.write_bytes(content)


def patch(path: Path, name: bytes, offset: int, content: bytes) -> None:
    """Write *content* over the box *name* of an MP4 file, *offset* bytes behind its name."""
    whole = bytearray(path.read_bytes())
    start = whole.rindex(name) + len(name) + offset
    whole[start : start + len(content)] = content
    path.write_bytes(whole)


def set_times(path: Path, ticks: int) -> None:
    """Make each frame of an MP4 file last *ticks*, MP4_TICKS being what it should."""
    patch(write_clean(path), b"stts", 8, struct.pack(">II", len(TIMES_MS), ticks))


def hide_start(path: Path, encoding: Encoding, *incidents: Incident) -> Path:
    """Write an MP4 file whose edit list shows nothing of it but the last second."""
    write_video(path, pictures(*incidents), encoding)
    patch(path, b"elst", 8, struct.pack(">II", 1_000, 125 * MP4_TICKS))
    return path


def remux(path: Path, change: Change, container: str) -> None:
    """Write the packets of a clean video as *change* returns them."""
    source = write_clean(path.with_suffix(".source"), container="mp4")
    with av.open(str(source)) as inlet, av.open(str(path), "w", format=container) as outlet:
        stream = inlet.streams.video[0]
        to = outlet.add_stream_from_template(stream)
        packets = [packet for packet in inlet.demux(stream) if packet.size]
        pieces = [Piece(bytes(p), i, i, p.is_keyframe) for i, p in enumerate(packets)]
        for piece in change(pieces):
            packet = av.Packet(piece.content)
            packet.stream, packet.time_base = to, Fraction(1, RATE_HZ)
            packet.pts, packet.dts, packet.is_keyframe = piece.pts, piece.dts, piece.is_key
            outlet.mux(packet)
    source.unlink()


def retimed(change: Callable[[int], int | None]) -> Change:
    """Return what gives packet i the pts change(i); decoding times lie before them all."""
    return lambda pieces: [
        replace(piece, pts=change(i), dts=i - 10_000) for i, piece in enumerate(pieces)
    ]


def without(first: int, stop: int) -> Change:
    """Return what leaves out the packets [first, stop)."""
    return lambda pieces: [p for i, p in enumerate(pieces) if not first <= i < stop]


def shuffled(i: int) -> int:
    """Return any of the times of a film for its frame *i*."""
    return int(np.random.default_rng(i).integers(len(TIMES_MS)))


class _OneWay:
    """A pipe: what goes down it cannot be gone back to."""

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write


def write_streamed(path: Path) -> Path:
    """Write a Matroska file as into a pipe: without a length and without an index."""
    with path.open("wb") as file, av.open(_OneWay(file), "w", format="matroska") as output:
        stream = _add_stream(output, "libx264", "yuv420p")
        stream.codec_context.gop_size = 25
        for i, pixels in enumerate(pictures()):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, RATE_HZ)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def _add_stream(output: av.container.OutputContainer, codec: str, pixel_format: str) -> VideoStream:
    stream = output.add_stream(codec, rate=RATE_HZ)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = SIZE
    stream.pix_fmt = pixel_format
    return stream


def write_with_cover(path: Path, *incidents: Incident, cover: Pixels) -> Path:
    """Write a video with an attached picture."""
    source = path.with_suffix(".source")
    write_video(source, pictures(*incidents), X264, container="mp4")
    with av.open(str(source)) as inlet, av.open(str(path), "w") as outlet:
        stream = inlet.streams.video[0]
        to = outlet.add_stream_from_template(stream)
        if path.suffix == ".mkv":
            outlet.add_attachment("cover.jpg", "image/jpeg", _to_jpeg(cover))
        else:
            _add_cover(outlet, cover)
        for packet in inlet.demux(stream):
            if packet.size:
                packet.stream = to
                outlet.mux(packet)
    source.unlink()
    return path


def _add_cover(output: av.container.OutputContainer, cover: Pixels) -> None:
    still = _add_stream(output, "mjpeg", "yuvj420p")
    still.disposition = Disposition.attached_pic
    frame = av.VideoFrame.from_ndarray(cover, format="rgb24").reformat(format="yuvj420p")
    frame.pts, frame.time_base = 0, Fraction(1, RATE_HZ)
    output.mux([*still.encode(frame), *still.encode(None)])


def _to_jpeg(pixels: Pixels) -> bytes:
    return cv2.imencode(".jpg", pixels[:, :, ::-1])[1].tobytes()


def write_two_sizes(path: Path, *incidents: Incident) -> Path:
    """Write an MPEG-TS file whose pictures are twice as large from DURATION_MS on.

    The incidents are in the second half, and their times are counted from its start.
    """
    write_video(path, pictures(), X264)
    small = path.read_bytes()
    large = pictures(*incidents, size=(2 * SIZE[0], 2 * SIZE[1]))
    write_video(path, large, replace(X264, start_ms=DURATION_MS))
    path.write_bytes(small + path.read_bytes())
    return path


def write_sound(path: Path) -> None:
    """Write a file with sound and nothing to see."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=44_100)
        noise = np.random.default_rng(1).integers(-9_000, 9_000, (1, 44_100), np.int16)
        frame = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
        frame.sample_rate = 44_100
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def picture_file(ending: str) -> bytes:
    """Return a photograph as a file."""
    return cv2.imencode(ending, pictures()[0])[1].tobytes()


def write_huge(path: Path, *, is_declared: bool) -> None:
    """Write a small file of one flat picture of 16000x16000, declared as such or as 160x90."""
    side_px = HUGE_PX if is_declared else SIZE[0]
    with av.open(str(path), "w") as output:
        stream = _add_stream(output, "png", "gray")
        stream.width, stream.height = side_px, side_px
        packet = av.Packet(_flat_png(HUGE_PX))
        packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, RATE_HZ), True
        packet.pts = packet.dts = 0
        output.mux(packet)


@cache
def _flat_png(side_px: int) -> bytes:
    """Return a PNG file of one grey tone, made row by row."""
    deflate = zlib.compressobj(1)
    row = b"\0" + b"\x80" * side_px
    parts = [deflate.compress(row) for _ in range(side_px)]
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", side_px, side_px, 8, 0, 0, 0, 0)),
        (b"IDAT", b"".join([*parts, deflate.flush()])),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def write_with_reference(path: Path, other: Path) -> None:
    """Write a QuickTime file that says that its frames lie in another file, at the same places."""
    write_magenta(path)
    content = bytearray(path.read_bytes())
    start = content.rindex(b"mdat") + 4
    content[start : content.rindex(b"moov") - 4] = bytes(content.rindex(b"moov") - 4 - start)
    entry = content.rindex(b"url ") - 4
    alias = _alias(other)
    growth = len(alias) - struct.unpack_from(">I", content, entry)[0]
    content[entry : entry + len(alias) - growth] = alias
    for box in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        where = content.rindex(box) - 4
        struct.pack_into(">I", content, where, struct.unpack_from(">I", content, where)[0] + growth)
    path.write_bytes(content)


def _alias(other: Path) -> bytes:
    """Return an entry of a QuickTime `dref` box that leads to another file."""
    name, whole = other.name.encode(), str(other).encode()
    padded = whole + b"\0" * (len(whole) % 2)
    record = b"\0" * 10 + b"\1v".ljust(28, b"\0") + b"\0" * 12
    record += bytes([len(name)]) + name.ljust(63, b"\0") + b"\0" * 16
    record += struct.pack(">HH", 1, 1) + b"\0" * 16  # levels from and to: in the same folder
    record += struct.pack(">HH", 2, len(whole)) + padded
    record += struct.pack(">HH", 18, len(whole)) + padded + struct.pack(">Hh", 0xFFFF, 0)
    return struct.pack(">I4sI", len(record) + 12, b"alis", 0) + record
