"""The index of a video: every packet of every video stream, read without decoding one."""

from array import array
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal
from pipeline.errors import LimitExceededError
from pipeline.records import Limits


@dataclass(frozen=True, slots=True, eq=False)
class PacketIndex:
    """The packets of one video stream, in decoding order; P of them, at least 1.

    Attributes:
        stream: index of the stream among the file's video streams, from 0.
        time_base: seconds a unit of pts.
        origin_pts: the pts that is shown at 0 ms.
        pts: shape (P,), int64, when a packet's frame is shown, in units of time_base.
        sizes_bytes: shape (P,), int64.
        is_key: shape (P,), bool: decoding can begin here. The first packet counts as one.
        end_pts: when the last frame ceases to be shown.
        timeless: how many packets had no timestamp of their own and were given one.
        damaged: how many packets the container itself shows to be incomplete.
    """

    stream: int
    time_base: Fraction
    origin_pts: int
    pts: NDArray[np.int64]
    sizes_bytes: NDArray[np.int64]
    is_key: NDArray[np.bool_]
    end_pts: int
    timeless: int
    damaged: int = 0

    def __post_init__(self) -> None:
        n = len(self.pts)
        require_array("pts", self.pts, np.int64, (n,))
        require_array("sizes_bytes", self.sizes_bytes, np.int64, (n,))
        require_array("is_key", self.is_key, np.bool_, (n,))
        if n == 0:
            raise ValueError("an index needs at least one packet")
        seal(self)

    def at_origin(self, origin_s: Fraction) -> "PacketIndex":
        """Return the index with 0 ms at *origin_s* seconds on the stream's clock."""
        return replace(self, origin_pts=round(origin_s / self.time_base))

    def as_still(self, start_s: Fraction, end_s: Fraction) -> "PacketIndex":
        """Return the index of a picture that goes with a whole video, as a cover does."""
        start_pts = round(start_s / self.time_base)
        end_pts = max(start_pts + 1, round(end_s / self.time_base))
        pts = np.arange(start_pts, start_pts + len(self.pts), dtype=np.int64)
        return replace(self, pts=pts, end_pts=end_pts, timeless=0)

    @property
    def first_s(self) -> Fraction:
        """When the first frame is shown, in seconds on the stream's own clock."""
        return int(self.pts.min()) * self.time_base

    @property
    def end_s(self) -> Fraction:
        """When the last frame ceases to be shown, in seconds on the stream's own clock."""
        return self.end_pts * self.time_base

    @property
    def end_ms(self) -> int:
        """When the last frame ceases to be shown, at least 1."""
        return max(1, self.to_ms(self.end_pts))

    @property
    def shown_pts(self) -> NDArray[np.int64]:
        """Shape (P,), int64: the timestamps in the order of being shown."""
        return np.sort(self.pts)

    def to_ms(self, pts: int) -> int:
        """Return the time of *pts* in milliseconds, rounded to the nearest, halves up."""
        units, unit = 1000 * self.time_base.numerator, self.time_base.denominator
        return (2 * (pts - self.origin_pts) * units + unit) // (2 * unit)

    def all_ms(self) -> NDArray[np.int64]:
        """Return to_ms of every packet, shape (P,), int64, of a video within the limits."""
        unit = self.time_base * 1000
        scaled = 2 * (self.pts - self.origin_pts) * unit.numerator + unit.denominator
        times_ms: NDArray[np.int64] = scaled // (2 * unit.denominator)
        return times_ms


class _Rows:
    """The columns of one stream's index while it is being read."""

    def __init__(self) -> None:
        self.pts = array("q")
        self.sizes_bytes = array("q")
        self.is_key = array("b")
        self.last_duration = 0
        self.timeless = 0
        self.damaged = 0

    def add(self, packet: "Packet[VideoStream]") -> None:
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is None:
            self.timeless += 1
            pts = self.pts[-1] + max(1, self.last_duration) if self.pts else 0
        self.pts.append(pts)
        self.sizes_bytes.append(packet.size)
        self.is_key.append(packet.is_keyframe)
        self.last_duration = packet.duration or self.last_duration
        self.damaged += packet.is_corrupt

    def to_index(self, number: int, time_base: Fraction) -> PacketIndex:
        pts = np.array(self.pts, dtype=np.int64)
        is_key = np.array(self.is_key, dtype=np.bool_)
        is_key[0] = True
        last = self.last_duration or _typical_step(pts)
        sizes_bytes = np.array(self.sizes_bytes, dtype=np.int64)
        end_pts = int(pts.max()) + last
        start_pts = int(pts.min())
        return PacketIndex(
            stream=number,
            time_base=time_base,
            origin_pts=start_pts,
            pts=pts,
            sizes_bytes=sizes_bytes,
            is_key=is_key,
            end_pts=end_pts,
            timeless=self.timeless,
            damaged=self.damaged,
        )


def index_packets(container: InputContainer, limits: Limits) -> tuple[PacketIndex, ...]:
    """Index every video stream of *container* that has packets, all on one clock.

    The first frame shown, of any stream, is at 0 ms. A cover picture has no time of its own: it
    stands beside the whole video.

    Raises:
        LimitExceededError: if a stream has more packets than limits.max_frames.
    """
    rows = {stream.index: _Rows() for stream in container.streams.video}
    for packet in container.demux(container.streams.video):
        if packet.size == 0:  # the end of a stream
            continue
        stream_rows = rows[packet.stream_index]
        stream_rows.add(packet)
        if len(stream_rows.pts) > limits.max_frames:
            raise LimitExceededError(f"has more than {limits.max_frames:,} frames")
    found = [
        rows[stream.index].to_index(number, _time_base(stream))
        for number, stream in enumerate(container.streams.video)
        if rows[stream.index].pts
    ]
    is_cover = [_is_cover(container.streams.video[index.stream]) for index in found]
    moving = [index for index, cover in zip(found, is_cover, strict=True) if not cover]
    origin_s = min((index.first_s for index in moving), default=Fraction(0))
    end_s = max((index.end_s for index in moving), default=Fraction(0))
    return tuple(
        (index.as_still(origin_s, end_s) if cover else index).at_origin(origin_s)
        for index, cover in zip(found, is_cover, strict=True)
    )


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _time_base(stream: VideoStream) -> Fraction:
    return stream.time_base or Fraction(1, 1000)


def _typical_step(pts: NDArray[np.int64]) -> int:
    """Return the median time between two frames in units of pts, 0 for a single frame."""
    return int(np.median(np.diff(np.sort(pts)))) if len(pts) > 1 else 0
