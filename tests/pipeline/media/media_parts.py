"""What the tests of media share: indexes by hand, small videos, bounds that never bind."""

import time
from fractions import Fraction
from pathlib import Path

import numpy as np
from av import VideoFrame

from pipeline.media.container import open_container
from pipeline.media.decode import CpuBudget, Picture
from pipeline.media.packets import index_packets
from pipeline.probed import PacketIndex
from pipeline.records import Limits

LIMITS = Limits(max_pixels=10**8, max_duration_ms=10**8, max_frames=10**6, max_cpu_s=10**4)
MS = Fraction(1, 1000)


def budget(limits: Limits = LIMITS) -> CpuBudget:
    return CpuBudget(limits.max_cpu_s, time.process_time)


def index_of(
    *packets: tuple[int, int, bool], end_ms: int, time_base: Fraction = MS, stream: int = 0
) -> PacketIndex:
    """An index from (pts, size_bytes, is_key) rows in decoding order."""
    pts, sizes, keys = zip(*packets, strict=True)
    return PacketIndex(
        stream,
        time_base,
        0,
        np.array(pts, dtype=np.int64),
        np.array(sizes, dtype=np.int64),
        np.full(len(pts), -1, dtype=np.int64),
        np.array(keys, dtype=np.bool_),
        end_ms,
        0,
    )


def gop(
    start_ms: int, key_bytes: int, *rest_bytes: int, step_ms: int = 50
) -> list[tuple[int, int, bool]]:
    """The packets of one group of pictures without B-frames."""
    rest = [(start_ms + (i + 1) * step_ms, size, False) for i, size in enumerate(rest_bytes)]
    return [(start_ms, key_bytes, True), *rest]


def index_file(path: Path) -> PacketIndex:
    """The index of a file's first video stream."""
    with open_container(path, LIMITS) as container:
        return index_packets(container, LIMITS)[0]


def picture(timestamp_ms: int, pixels: np.ndarray | None = None) -> Picture:
    """A picture at a time; grey unless pixels say otherwise."""
    grey = np.full((36, 64, 3), 128, dtype=np.uint8)
    frame = VideoFrame.from_ndarray(grey if pixels is None else pixels, format="rgb24")
    return Picture(timestamp_ms, timestamp_ms, frame)
