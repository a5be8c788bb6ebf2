"""What is known of a video before anything of it is scored: its facts and its packets."""

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal
from pipeline.records import Reason, VideoFacts


@dataclass(frozen=True, slots=True, eq=False)
class PacketIndex:
    """The packets of one video stream, in decoding order; P of them, at least 1.

    Attributes:
        stream: index of the stream among the file's video streams, from 0.
        time_base: seconds a unit of pts.
        origin_pts: the pts that is shown at 0 ms.
        pts: shape (P,), int64, when a packet's frame is shown, in units of time_base.
        sizes_bytes: shape (P,), int64.
        positions: shape (P,), int64, where in the file a packet's bytes lie; -1 = unknown, or
            not all that there is to it.
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
    positions: NDArray[np.int64]
    is_key: NDArray[np.bool_]
    end_pts: int
    timeless: int
    damaged: int = 0

    def __post_init__(self) -> None:
        n = len(self.pts)
        require_array("pts", self.pts, np.int64, (n,))
        require_array("sizes_bytes", self.sizes_bytes, np.int64, (n,))
        require_array("positions", self.positions, np.int64, (n,))
        require_array("is_key", self.is_key, np.bool_, (n,))
        if n == 0:
            raise ValueError("an index needs at least one packet")
        if self.time_base <= 0:
            raise ValueError(f"time_base must be positive, got {self.time_base}")
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


@dataclass(frozen=True, slots=True)
class Video:
    """A probed video.

    Attributes:
        path: the file.
        facts: what goes into the report.
        streams: the index of each video stream that has packets, at least one.
        faults: what does not add up: packets that are declared but not there, broken timestamps.
    """

    path: Path
    facts: VideoFacts
    streams: tuple[PacketIndex, ...]
    faults: tuple[Reason, ...]
