"""What a decoder answers to looks: made into numbers on its side, checked on the worker's.

Both sides of each answer stand here one after the other. What is checked is all that the worker
relies on: sizes before anything is allocated, then shapes, ranges and order.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import LimitExceededError, PermanentError, UnreadableVideoError
from pipeline.media.pictures import SIGNATURE_HEIGHT_PX, SIGNATURE_WIDTH_PX, THUMBNAIL_PX
from pipeline.media.wire import (
    MAX_INT64,
    MAX_TEXT,
    Answer,
    Ear,
    Header,
    LookRequest,
    MisfitError,
    StillRequest,
    Wanted,
    printable,
    read_array,
    read_bytes,
)
from pipeline.probed import PacketIndex
from pipeline.records import Change, DamageKeys, Frame, Look, Quality

FAILURES: Mapping[str, type[PermanentError]] = {
    kind.__name__: kind for kind in (UnreadableVideoError, LimitExceededError)
}
SIGNATURE_SHAPE = (SIGNATURE_HEIGHT_PX, SIGNATURE_WIDTH_PX, 3)
MAX_THUMBNAIL_BYTES = 1 << 17  # pure noise has some 18 kB
# What is measured of a picture, and the most that it can be.
MEASURED = {
    "brightness": 255.0,
    "contrast": 255.0,
    "sharpness": 1e9,  # the Laplacian of 8 bits has a variance of at most some 10^6
    "content_width": 1.0,
    "content_height": 1.0,
    "plain": 1.0,
    "rim_likeness": 1.0,
}
MAX_STREAM = 10_000  # FFmpeg opens no file with more than 1,000
KEYS_A_PACKET = 4  # at most so many damaged things are believed of a packet

JPEG_START = b"\xff\xd8"
SEGMENT = struct.Struct(">cBH")  # of a JPEG: 255, a marker, the length from here on
SEGMENT_START = b"\xff"
SIDES = struct.Struct(">xHH")  # behind the number of bits
JPEG_SCAN = b"\xff\xda"
JPEG_SIZE = 0xC0
JPEG_MARKERS = frozenset({0xE0, 0xDB, JPEG_SIZE, 0xC4})  # all that OpenCV writes before the scan


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """How a request ended.

    Attributes:
        damage: what could not be decoded.
        failure: the error that ended it; None = it ended as it should.
    """

    damage: DamageKeys
    failure: PermanentError | None


def frame_answer(frame: Frame) -> Answer:
    """Make an answer of a frame; what the worker can tell by itself is left out."""
    quality = frame.quality
    header = {
        "kind": "frame",
        "pts": frame.pts,
        "change": int(frame.change),
        "is_corrupt": frame.is_corrupt,
        **{name: getattr(quality, name) for name in MEASURED},
        "pixels": frame.pixels.shape,
        "signature": quality.signature.shape,
        "thumbnail_bytes": len(frame.thumbnail),
    }
    return Answer(header, (frame.pixels, quality.signature, frame.thumbnail))


class FrameReader:
    """Reads the frames of one look; each must be one that the look can give, in order of time."""

    def __init__(self, request: LookRequest) -> None:
        self._index, geometry, task = request.index, request.geometry, request.task
        self._pixels_shape = (geometry.height_px, geometry.width_px, 3)
        self._wanted = frozenset(task.pts) if isinstance(task, Wanted) else None
        self._look = task.look if isinstance(task, Wanted) else Look.FIRST
        self._shown_ms = -1

    def read(self, line: Ear, header: Header) -> Frame:
        """Read the frame behind its header.

        Raises:
            MisfitError: if it is none that the look can give.
            EOFError: if the line ends.
        """
        pts = self._next_pts(header)
        change = Change(header.whole("change", Change.NONE, max(Change)))
        if self._wanted is not None and change is not Change.NONE:
            raise MisfitError("a second look sees no change")
        content = _read_content(line, header, self._pixels_shape)
        return Frame(self._shown_ms, pts, self._look, change, *content)

    def _next_pts(self, header: Header) -> int:
        pts = header.whole("pts", -MAX_INT64, MAX_INT64)
        timestamp_ms = self._index.to_ms(pts)
        if not self._shown_ms < timestamp_ms < self._index.end_ms:
            raise MisfitError("a frame is out of order or beyond the end")
        if self._wanted is not None and pts not in self._wanted:
            raise MisfitError("a frame was not asked for")
        self._shown_ms = timestamp_ms
        return pts


class StillReader:
    """Reads the one frame of a picture file."""

    def __init__(self, request: StillRequest) -> None:
        geometry = request.geometry
        self._pixels_shape = (geometry.height_px, geometry.width_px, 3)
        self._is_read = False

    def read(self, line: Ear, header: Header) -> Frame:
        """Read the frame behind its header.

        Raises:
            MisfitError: if it is a second one, or none that a picture can give.
            EOFError: if the line ends.
        """
        if self._is_read:
            raise MisfitError("a picture has one frame")
        self._is_read = True
        header.whole("pts", 0, 0)
        header.whole("change", Change.NONE, Change.NONE)
        content = _read_content(line, header, self._pixels_shape)
        return Frame(0, 0, Look.FIRST, Change.NONE, *content)


def require_thumbnail(content: bytes) -> None:
    """Refuse what is no plain JPEG of at most THUMBNAIL_PX: it is going to be opened as a picture.

    Raises:
        MisfitError: if it is not laid out as OpenCV lays it out, or larger.
    """
    thumbnail_size(content)


def thumbnail_size(content: bytes) -> tuple[int, int]:
    """Return width and height of a thumbnail in pixels, of which nothing is decoded for it.

    Raises:
        MisfitError: if it is none.
    """
    sizes = [body for marker, body in _segments(content) if marker == JPEG_SIZE]
    is_sized = len(sizes) == 1 and len(sizes[0]) >= SIDES.size
    height_px, width_px = SIDES.unpack_from(sizes[0]) if is_sized else (0, 0)
    if not 1 <= min(height_px, width_px) <= max(height_px, width_px) <= THUMBNAIL_PX:
        raise MisfitError(f"a thumbnail is not of 1 to {THUMBNAIL_PX} px")
    return width_px, height_px


def end_answer(damage: DamageKeys, failure: PermanentError | None) -> Answer:
    """Make an answer of how a request ended."""
    lost = [(stream, 0 if pts is None else pts, pts is not None) for stream, pts in damage.lost]
    columns = (
        np.array(lost, dtype=np.int64),
        np.array([pts for _, pts in damage.marred], dtype=np.int64),
        np.array([pts for _, pts in damage.misplaced], dtype=np.int64),
    )
    header = {
        "kind": "end",
        "failure": "" if failure is None else type(failure).__name__,
        "detail": printable(str(failure or "")),
        "lost": len(damage.lost),
        "marred": len(damage.marred),
        "misplaced": len(damage.misplaced),
    }
    return Answer(header, columns)


def read_end(line: Ear, header: Header, index: PacketIndex | None) -> End:
    """Read how a request ended.

    Args:
        line: where the rest of it comes from.
        header: of the answer.
        index: of the stream that was looked at; None where nothing could be damaged.

    Raises:
        MisfitError: if more is damaged than there is, or the failure is of no known kind.
        EOFError: if the line ends.
    """
    most = 0 if index is None else KEYS_A_PACKET * len(index.pts) + 1
    counts = [header.whole(name, 0, most) for name in ("lost", "marred", "misplaced")]
    kind, detail = header.text("failure", MAX_TEXT), header.text("detail", MAX_TEXT)
    if kind and kind not in FAILURES:
        raise MisfitError("a failure is of no known kind")
    lost = read_array(line, np.int64, (counts[0], 3))
    if not np.all((lost[:, 0] >= -1) & (lost[:, 0] < MAX_STREAM) & (lost[:, 2] >> 1 == 0)):
        raise MisfitError("lost packets are of no stream")
    marred, misplaced = (read_array(line, np.int64, (count,)).tolist() for count in counts[1:])
    stream = 0 if index is None else index.stream
    damage = DamageKeys(
        frozenset((number, pts if has_pts else None) for number, pts, has_pts in lost.tolist()),
        frozenset((stream, pts) for pts in marred),
        frozenset((stream, pts) for pts in misplaced),
    )
    return End(damage, FAILURES[kind](detail) if kind else None)


def _read_content(
    line: Ear, header: Header, pixels_shape: tuple[int, int, int]
) -> tuple[NDArray[np.uint8], bytes, Quality, bool]:
    """Read pixels, thumbnail, what was measured, and whether the frame is damaged."""
    is_corrupt = header.flag("is_corrupt")
    measured = {name: header.number(name, 0.0, most) for name, most in MEASURED.items()}
    header.require_shape("pixels", pixels_shape)
    header.require_shape("signature", SIGNATURE_SHAPE)
    thumbnail_bytes = header.whole("thumbnail_bytes", 1, MAX_THUMBNAIL_BYTES)
    pixels = read_array(line, np.uint8, pixels_shape)
    signature = read_array(line, np.uint8, SIGNATURE_SHAPE)
    thumbnail = read_bytes(line, thumbnail_bytes)
    require_thumbnail(thumbnail)
    return pixels, thumbnail, Quality(**measured, signature=signature), is_corrupt


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and body of the segments of a JPEG up to its first scan."""
    at = len(JPEG_START)
    while content.startswith(JPEG_START) and at + SEGMENT.size <= len(content):
        start, marker, length = SEGMENT.unpack_from(content, at)
        if start != SEGMENT_START or marker not in JPEG_MARKERS:
            break
        yield marker, content[at + SEGMENT.size : at + 2 + length]
        at += 2 + length
    if content[at : at + 2] != JPEG_SCAN:
        raise MisfitError("a thumbnail is no plain JPEG")
