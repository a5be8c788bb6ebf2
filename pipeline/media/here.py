"""Who decodes: a child process as a rule, or this one, for files that nobody handed in."""

import time
from pathlib import Path
from typing import Protocol

from pipeline.media.decode import CpuBudget
from pipeline.media.looks import AnyLooker, Looker
from pipeline.media.stills import read_still
from pipeline.media.video import probe
from pipeline.probed import Video
from pipeline.records import Frame, Geometry, Limits


class Decoder(Protocol):
    """Probes files and looks at them, and knows what that took."""

    def cpu_s(self) -> float:
        """Return the CPU seconds that count against a video's budget, from some beginning."""

    def decoding_s(self) -> float:
        """Return the CPU seconds of decoding, asked on the thread that waits for it."""

    def all_s(self) -> float:
        """Return the CPU seconds of decoding and of all that this process does."""

    def probe(self, path: Path, *, limits: Limits, budget: CpuBudget) -> Video:
        """Read what the container says, index every packet, and look at the first frame."""

    def read_still(self, path: Path, *, geometry: Geometry, limits: Limits) -> Frame:
        """Return the frame that a picture file shows."""

    def look_through(self, looker: Looker) -> AnyLooker:
        """Return what looks in the looker's stead."""


class DecoderHere:
    """Decodes in this process, which a crafted file may crash, or worse."""

    def cpu_s(self) -> float:
        """Return the CPU seconds of this process."""
        return time.process_time()

    def decoding_s(self) -> float:
        """Return the CPU seconds of the thread that asks."""
        return time.thread_time()

    def all_s(self) -> float:
        """Return the CPU seconds of this process."""
        return time.process_time()

    def probe(self, path: Path, *, limits: Limits, budget: CpuBudget) -> Video:
        """Probe the file; see `pipeline.media.video.probe`."""
        return probe(path, limits=limits, budget=budget)

    def read_still(self, path: Path, *, geometry: Geometry, limits: Limits) -> Frame:
        """Read the picture; see `pipeline.media.stills.read_still`."""
        return read_still(path, geometry=geometry, limits=limits)

    def look_through(self, looker: Looker) -> AnyLooker:
        """Return the looker."""
        return looker
