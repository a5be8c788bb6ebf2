"""One child process that decodes, and the line to it, on the worker's side."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from socket import socketpair
from typing import Generic, NamedTuple, TypeVar, cast

from av.packet import Packet
from av.video.stream import VideoStream

from pipeline.media.answers import End, read_end
from pipeline.media.decode import Damage
from pipeline.media.wire import (
    MAX_TEXT,
    Ear,
    Header,
    MisfitError,
    Request,
    read_header,
    send_request,
    send_stop,
)
from pipeline.probed import PacketIndex
from pipeline.records import DamageKeys

STOP_S = 5.0  # within this time a child stops what nobody wants any more
END_S = 2.0  # within this time a killed process is gone, unless it waits for a dead disk
MAX_CPU_S = 1e9
# Of the environment: where Python and its libraries are, and how text is written.
KEPT = {"LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PYTHONHOME", "PYTHONPATH", "SYSTEMROOT"}

Item = TypeVar("Item")


class Talk(Generic[Item]):
    """One request and what is known of its answers.

    Attributes:
        path: the file, as the caller calls it.
        request: what is asked.
        kind: of the answers.
        read: reads one of them behind its header; raises MisfitError.
        index: of the stream that is looked at; None where nothing can be damaged.
        damage: what the child could not decode is added here.
        end: how it ended; None until it did.
        is_left: whether nobody wants any more answers.
    """

    def __init__(  # noqa: PLR0913 - all that one request is about
        self,
        path: Path,
        request: Request,
        *,
        kind: str,
        read: Callable[[Ear, Header], Item],
        index: PacketIndex | None,
        damage: Damage,
    ) -> None:
        self.path, self.request = path, request
        self.kind, self.read = kind, read
        self.index, self.damage = index, damage
        self.end: End | None = None
        self.is_left = False


class Child:
    """A child process, started now.

    Attributes:
        process: the process.
        cpu_s: how many CPU seconds it says that its requests took.
    """

    def __init__(self, command: Sequence[str], *, silence_s: float) -> None:
        """Start the child.

        Args:
            command: its arguments, the program first.
            silence_s: how long it may give no sign of life.

        Raises:
            OSError: if it cannot be started.
        """
        self._line, theirs = socketpair()
        with ExitStack() as on_failure:
            on_failure.enter_context(self._line)
            with theirs:
                end = theirs.fileno()
                self.process = subprocess.Popen(  # noqa: S603 - ours
                    command, stdin=end, stdout=end, env=_environment()
                )
            on_failure.pop_all()
        self.cpu_s = 0.0
        self._silence_s = silence_s
        self._number = 0
        self._told_cpu_s = 0.0

    def ask(self, request: Request, descriptor: int) -> None:
        """Send a request about the open file *descriptor*.

        Raises:
            OSError: if the child is gone; TimeoutError among them, if it does not take it.
        """
        self._number += 1
        self._told_cpu_s = 0.0
        self._line.settimeout(self._silence_s)
        send_request(self._line, self._number, request, descriptor)

    def hear(self, talk: Talk[Item]) -> Item | None:
        """Return the next answer; None = a mere sign of life, or the end, which *talk* then knows.

        Raises:
            ValueError: if the answer is none that was asked for.
            OSError: if the child is gone; TimeoutError among them, if it says nothing.
            EOFError: if it is gone, too.
        """
        header = read_header(self._line)
        told_cpu_s = header.number("cpu_s", self._told_cpu_s, MAX_CPU_S)
        self.cpu_s += told_cpu_s - self._told_cpu_s
        self._told_cpu_s = told_cpu_s
        match header.text("kind", MAX_TEXT):
            case talk.kind:
                return talk.read(self._line, header)
            case "end":
                talk.end = read_end(self._line, header, talk.index)
                _count(talk.end.damage, talk.damage)
            case "alive":
                pass
            case _:
                raise MisfitError("an answer of another kind than was asked for")
        return None

    def stop(self, talk: Talk[Item]) -> None:
        """Let the child stop what it does, and pass over what it has already said.

        Raises what `hear` raises; TimeoutError also if the child does not stop within STOP_S.
        """
        deadline_s = time.monotonic() + STOP_S
        self._line.settimeout(STOP_S)
        send_stop(self._line, self._number)
        while talk.end is None:
            self.hear(talk)
            if time.monotonic() > deadline_s and talk.end is None:
                raise TimeoutError

    def is_dead(self) -> bool:
        """Whether the process has ended by itself, or was killed."""
        return self.process.poll() is not None

    def end(self) -> None:
        """Kill the process: it has nothing to lose."""
        self._line.close()
        self.process.kill()
        self._wait()

    def cause_of_death(self) -> str:
        """Return how the child ended, as words that follow on "the decoder"."""
        code = self._wait()
        if code is None:
            return "closed the line"
        if code >= 0:
            return f"ended with exit code {code}"
        names = {int(known): known.name for known in signal.Signals}
        return f"was killed by {names.get(-code, f'signal {-code}')}"

    def _wait(self) -> int | None:
        try:
            self.process.wait(timeout=END_S)
        except subprocess.TimeoutExpired:
            return None
        return self.process.returncode


def _environment() -> dict[str, str]:
    """Return what a child must know to start; no secret of the worker's is in it."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT}
    return kept | {"OPENBLAS_NUM_THREADS": "1"}  # each thread of which reserves much memory


class _Lost(NamedTuple):
    """What Damage looks at of a packet."""

    stream_index: int
    pts: int | None


def _count(keys: DamageKeys, damage: Damage) -> None:
    for stream, pts in keys.lost:
        damage.lose(cast("Packet[VideoStream]", _Lost(stream, pts)))
    for stream, at in keys.marred:
        damage.mar(stream, at)
    for stream, at in keys.misplaced:
        damage.misplace(stream, at)
