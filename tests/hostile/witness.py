"""A witness: plays a file as any player would, in a process of its own, and says what is shown.

It knows nothing of the pipeline, so that it can speak against it: no list of formats, no plan, no
limits but those of the system. ``python -m tests.hostile.witness`` takes a path a line and answers
a line of JSON. Played is twice: with edit lists obeyed, and without.
"""

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from select import select
from typing import Self

import av
import numpy as np
from av.video.stream import VideoStream

from tests.models import MAGENTA_FROM, MAGENTA_RAMP

SIDE_PX = 96
SURE_SHARE = 0.15  # of magenta pixels: the colour model's score is 0.97
MAX_CPU_S = 60
MAX_MEMORY_BYTES = 4_000_000_000
PATIENCE_S = 30.0
MAX_FRAMES = 20_000
LONGEST_STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class Testimony:
    """What a player shows of a file, over all its video streams.

    Attributes:
        packets: how many there are.
        frames: how many frames come of them.
        hidden_ms: the longest time between two frames, with packets between them that gave none.
        coloured_ms: for how long those are shown that are of the known colour beyond doubt.
    """

    packets: int
    frames: int
    hidden_ms: int
    coloured_ms: int


class Witness:
    """The process that plays; it is started anew after a file has crashed it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def play(self, path: Path) -> Testimony | None:
        """Return what is shown; None where the player crashes or hangs."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.hostile.witness"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        ours, theirs = self._process.stdin, self._process.stdout
        if ours is None or theirs is None:
            raise RuntimeError("the witness has no line")
        ours.write(json.dumps(str(path)) + "\n")
        ours.flush()
        can_be_read, _, _ = select([theirs], [], [], PATIENCE_S)
        said = theirs.readline() if can_be_read else ""
        if not said:
            self._end()
            return None
        return Testimony(**json.loads(said))

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def play_twice(path: Path) -> Testimony:
    """Return what is shown with edit lists obeyed or not, whichever shows more."""
    plain, whole = play(path, {}), play(path, {"ignore_editlist": "1"})
    return replace(whole, coloured_ms=max(plain.coloured_ms, whole.coloured_ms))


def play(path: Path, options: dict[str, str]) -> Testimony:
    """Play a file from its beginning to its end, or to what cannot be read of it."""
    packets: list[tuple[int, float]] = []  # stream, time
    shown: list[tuple[int, float, bool]] = []  # stream, time, whether it is of the colour
    try:
        with av.open(str(path), options=options, metadata_errors="replace") as container:
            for stream in container.streams.video:
                stream.codec_context.thread_count = 1  # several at once give up where one goes on
            for packet in container.demux(container.streams.video):
                if packet.size and packet.time_base is not None:
                    pts = packet.dts if packet.pts is None else packet.pts
                    packets.append((packet.stream_index, float((pts or 0) * packet.time_base)))
                shown += [
                    (packet.stream_index, frame.time or 0.0, is_coloured(frame))
                    for frame in _decoded(packet)
                ]
                if len(shown) > MAX_FRAMES:
                    break
    except (av.error.FFmpegError, OSError, IndexError):
        pass
    return Testimony(len(packets), len(shown), _hidden_ms(packets, shown), _coloured_ms(shown))


def _hidden_ms(packets: list[tuple[int, float]], shown: list[tuple[int, float, bool]]) -> int:
    """Return the longest time that passes in one stream while packets give no frame."""
    frames = {(stream, round(time_s, 3)) for stream, time_s, _ in shown}
    longest_s, began = 0.0, (-1, 0.0)
    for stream, time_s in sorted(packets):
        is_shown = (stream, round(time_s, 3)) in frames
        if is_shown or stream != began[0]:
            began = stream, time_s
        longest_s = max(longest_s, time_s - began[1])
    return round(1_000 * longest_s)


def _coloured_ms(shown: list[tuple[int, float, bool]]) -> int:
    """Return for how long frames of the colour are shown; a frame is until the next one is."""
    rows = sorted(shown)
    steps = [
        min(after[1] - before[1], LONGEST_STEP_S)
        for before, after in pairwise(rows)
        if before[2] and before[0] == after[0]
    ]
    return round(1_000 * sum(steps))


def is_coloured(frame: av.VideoFrame) -> bool:
    """Say whether a frame shows the colour that the tests plant, beyond doubt."""
    small = frame.reformat(width=SIDE_PX, height=SIDE_PX, format="rgb24")
    red, green, blue = np.moveaxis(small.to_ndarray().astype(np.float32), -1, 0)
    height = np.minimum(red, blue) - green
    return bool(np.clip((height - MAGENTA_FROM) / MAGENTA_RAMP, 0, 1).mean() >= SURE_SHARE)


def _decoded(packet: "av.Packet[VideoStream]") -> list[av.VideoFrame]:
    try:
        return packet.decode()
    except av.error.FFmpegError:
        return []


def main() -> None:
    """Answer a line of JSON for every path."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        said = play_twice(Path(json.loads(line)))
        fields = {name: getattr(said, name) for name in Testimony.__slots__}
        answers.write(json.dumps(fields) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
