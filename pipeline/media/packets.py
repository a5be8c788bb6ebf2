"""The index of a video: every packet of every video stream, read without decoding one."""

import re
from array import array
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pipeline.errors import LimitExceededError
from pipeline.probed import PacketIndex
from pipeline.records import Limits

STREAM = re.compile(r"^ *Stream #0:(\d+)", re.MULTILINE)  # as FFmpeg lists a file's streams


class _Rows:
    """The columns of one stream's index while it is being read."""

    def __init__(self) -> None:
        self.pts = array("q")
        self.sizes_bytes = array("q")
        self.positions = array("q")
        self.is_key = array("b")
        self.last_duration = 0
        self.timeless = 0
        self.damaged = 0

    def add(self, packet: "Packet[VideoStream]") -> None:
        pts = time_of(packet)
        if pts is None:
            self.timeless += 1
            pts = self.pts[-1] + max(1, self.last_duration) if self.pts else 0
        self.pts.append(pts)
        self.sizes_bytes.append(packet.size)
        self.positions.append(place_of(packet))
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
            positions=np.array(self.positions, dtype=np.int64),
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
    for packet in read_packets(container, *container.streams.video):
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


def read_packets(
    container: InputContainer, *streams: VideoStream
) -> "Iterator[Packet[VideoStream]]":
    """Yield the packets of these streams, as they lie in the file; an empty one ends a stream.

    PyAV knows the streams that were there when the file was opened. Of those that begin later it
    gives no packet, and at the file's end it may stumble over them: see `count_late_streams`.
    """
    try:
        yield from container.demux(streams)
    except IndexError:
        if count_late_streams(container) == 0:
            raise


def count_late_streams(container: InputContainer) -> int:
    """Return how many streams have come to light while the file was read, and not before.

    In MPEG-TS and its like any packet may begin one. FFmpeg knows them then, but of all that PyAV
    tells, they are in its list for people only.
    """
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        listed = container.dumps_format()  # type: ignore[attr-defined] # its stub leaves it out
    finally:
        av.logging.set_level(level)
    numbers = [int(number) for number in STREAM.findall(listed)]
    return max(0, max(numbers, default=-1) + 1 - len(container.streams))


def time_of(packet: "Packet[VideoStream]") -> int | None:
    """Return when a packet's frame is shown, as the container says, in the stream's time base."""
    return packet.pts if packet.pts is not None else packet.dts


def place_of(packet: "Packet[VideoStream]") -> int:
    """Return where in the file a packet's bytes lie, -1 where those are not all that counts.

    So it is with one that comes incomplete, or with other parameters for the decoder: what comes
    with it hangs on what was read before it.
    """
    is_plain = not packet.is_corrupt and not packet.has_sidedata("new_extradata")
    return packet.pos if is_plain and packet.pos is not None else -1


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _time_base(stream: VideoStream) -> Fraction:
    return stream.time_base or Fraction(1, 1000)


def _typical_step(pts: NDArray[np.int64]) -> int:
    """Return the median time between two frames in units of pts, 0 for a single frame."""
    return int(np.median(np.diff(np.sort(pts)))) if len(pts) > 1 else 0
