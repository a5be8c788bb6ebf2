"""What a decoder answers to a probe: made into numbers on its side, checked on the worker's.

Whatever a PacketIndex is relied upon for later, its times above all, is within bounds here.
"""

from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import LimitExceededError
from pipeline.media.container import PADDING
from pipeline.media.wire import (
    MAX_INT64,
    MAX_TEXT,
    Answer,
    Ear,
    Header,
    MisfitError,
    printable,
    read_array,
)
from pipeline.probed import PacketIndex, Video
from pipeline.records import Limits, Reason, ReasonKind, VideoFacts

MAX_STREAMS = 1_000  # FFmpeg opens no file with more
FULL_STREAMS = 4  # the streams of a file may together hold as many packets as so many full ones
MAX_FAULTS = 4 * MAX_STREAMS
MAX_NAME = 100  # characters of the name of a format or a codec
MAX_INT32 = 2**31 - 1
MAX_RATE_HZ = 1e12
ROTATIONS_DEG = (0, 90, 180, 270)


def video_answer(video: Video, limits: Limits) -> Answer:
    """Make an answer of a video; its path is known to the worker.

    Raises:
        LimitExceededError: if all its streams together hold FULL_STREAMS times max_frames packets.
    """
    if sum(len(index.pts) for index in video.streams) > FULL_STREAMS * limits.max_frames:
        most = FULL_STREAMS * limits.max_frames
        raise LimitExceededError(f"has more than {most:,} frames in all its streams")
    header = {
        "kind": "video",
        **asdict(video.facts),
        "faults": [printable(fault.detail) for fault in video.faults],
        "indexes": [_index_header(index) for index in video.streams],
    }
    columns = [
        column
        for index in video.streams
        for column in (index.pts, index.sizes_bytes, index.positions, index.is_key)
    ]
    return Answer(header, tuple(columns))


class VideoReader:
    """Reads the one video that a probe answers with; *path* and *limits* are the worker's own."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits = path, limits
        self._packets_left = FULL_STREAMS * limits.max_frames
        self._is_read = False

    def read(self, line: Ear, header: Header) -> Video:
        """Read the video behind its header.

        Raises:
            MisfitError: if it exceeds the limits, does not add up, or is the second one.
            EOFError: if the line ends.
        """
        if self._is_read:
            raise MisfitError("a second video")
        self._is_read = True
        facts = _read_facts(header, self._limits)
        faults = header.texts("faults", MAX_FAULTS, MAX_TEXT)
        parts = header.parts("indexes", MAX_STREAMS)
        streams = tuple(self._read_index(line, part, facts) for part in parts)
        numbers = [index.stream for index in streams]
        if len(streams) != facts.streams or sorted(set(numbers)) != numbers:
            raise MisfitError("streams are missing, or out of order")
        reasons = tuple(Reason(ReasonKind.DECODE, detail=fault) for fault in faults)
        return Video(self._path, facts, streams, reasons)

    def _read_index(self, line: Ear, part: Header, facts: VideoFacts) -> PacketIndex:
        most = min(self._limits.max_frames, self._packets_left)
        packets = part.whole("packets", 1, most)
        self._packets_left -= packets
        units, unit = (part.whole(name, 1, MAX_INT32) for name in ("units", "unit"))
        index = PacketIndex(
            stream=part.whole("stream", 0, MAX_STREAMS - 1),
            time_base=Fraction(units, unit),
            origin_pts=part.whole("origin_pts", -MAX_INT64, MAX_INT64),
            pts=read_array(line, np.int64, (packets,)),
            sizes_bytes=read_array(line, np.int64, (packets,)),
            positions=read_array(line, np.int64, (packets,)),
            is_key=_read_flags(line, packets),
            end_pts=part.whole("end_pts", -MAX_INT64, MAX_INT64),
            timeless=part.whole("timeless", 0, packets),
            damaged=part.whole("damaged", 0, packets),
        )
        _require_packets(index, facts)
        return index


def _index_header(index: PacketIndex) -> dict[str, int]:
    return {
        "stream": index.stream,
        "units": index.time_base.numerator,
        "unit": index.time_base.denominator,
        "origin_pts": index.origin_pts,
        "end_pts": index.end_pts,
        "timeless": index.timeless,
        "damaged": index.damaged,
        "packets": len(index.pts),
    }


def _read_facts(header: Header, limits: Limits) -> VideoFacts:
    most_pixels = PADDING * limits.max_pixels
    facts = VideoFacts(
        container=header.text("container", MAX_NAME),
        codec=header.text("codec", MAX_NAME),
        duration_ms=header.whole("duration_ms", 1, limits.max_duration_ms),
        width=header.whole("width", 1, most_pixels),
        height=header.whole("height", 1, most_pixels),
        rotation_deg=header.whole("rotation_deg", min(ROTATIONS_DEG), max(ROTATIONS_DEG)),
        frame_rate=header.number("frame_rate", 0.0, MAX_RATE_HZ),
        is_vfr=header.flag("is_vfr"),
        streams=header.whole("streams", 1, MAX_STREAMS),
    )
    if facts.width * facts.height > most_pixels or facts.rotation_deg not in ROTATIONS_DEG:
        raise MisfitError("a picture is too large, or turned askew")
    return facts


def _read_flags(line: Ear, length: int) -> NDArray[np.bool_]:
    flags = read_array(line, np.uint8, (length,))
    if flags.max() > 1:
        raise MisfitError("flags are neither 0 nor 1")
    return flags.view(np.bool_)


def _require_packets(index: PacketIndex, facts: VideoFacts) -> None:
    """Refuse an index whose times, sizes or places no file has; its arithmetic is exact then."""
    first, last = int(index.pts.min()), int(index.pts.max())
    if index.origin_pts > first or last >= index.end_pts + len(index.pts):
        raise MisfitError("packets lie outside of their stream")
    if index.end_ms > facts.duration_ms:
        raise MisfitError("a stream outlasts the video")
    if index.sizes_bytes.min() < 1 or index.sizes_bytes.max() > MAX_INT32:
        raise MisfitError("packets have sizes that no packet has")
    if index.positions.min() < -1 or not index.is_key[0]:
        raise MisfitError("packets lie before the file, or none can be decoded first")
