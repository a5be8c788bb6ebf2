"""The decoder child: ``python -m pipeline.media.decoder``, started by `remote.DecoderProcess`.

It answers one request after another over the socket that is its standard input, and ends with the
worker: when the other end is closed. It opens nothing: the files come with the requests, open, and
`sandbox` holds it to that. Whatever goes wrong in here beyond a video's own faults ends it, with a
traceback on standard error; the worker starts another.
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pkgutil import walk_packages
from queue import SimpleQueue
from socket import socket
from types import FrameType

import av

from pipeline.errors import LimitExceededError, UnreadableVideoError
from pipeline.media.answers import end_answer, frame_answer
from pipeline.media.decode import CpuBudget, Damage
from pipeline.media.ffmpeg import require_safe_ffmpeg
from pipeline.media.looks import Looker
from pipeline.media.probe_answer import video_answer
from pipeline.media.sandbox import confine
from pipeline.media.stills import read_still
from pipeline.media.video import probe
from pipeline.media.wire import (
    Allowance,
    Answer,
    LookRequest,
    ProbeRequest,
    Request,
    StillRequest,
    Wanted,
    load_request,
    pack_answer,
    receive_request,
)
from pipeline.probed import Video
from pipeline.records import Frame

BEAT_S = 1.0  # between two signs of life
LAZY = ("numpy.ma", "encodings.ascii", "encodings.latin_1", "linecache")


def main(arguments: list[str]) -> None:
    """Serve the worker until it closes the line.

    Raises:
        BackendUnavailableError: if FFmpeg has holes that are known.
    """
    require_safe_ffmpeg()
    parser = argparse.ArgumentParser(description="Decodes for a worker, over standard input.")
    parser.add_argument("--max-memory-bytes", type=int)
    parser.add_argument("--require-sandbox", action="store_true")
    parser.add_argument("--examine", action="store_true", help="Say what is given up, and end.")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the worker, too
    line = None if asked.examine else take_line()
    load_the_lazy()
    confinement = confine(max_memory_bytes=asked.max_memory_bytes)
    if asked.require_sandbox and not confinement.is_filtered:
        sys.exit(f"this system offers no sandbox: {confinement.words}")
    if line is None:
        sys.stdout.write(f"{confinement.words}\n")
    else:
        serve(line)


def load_the_lazy() -> None:
    """Import what libraries import only when it is needed: in the sandbox it would not be found."""
    of_av = [module.name for module in walk_packages(av.__path__, "av.")]
    for name in (*of_av, *LAZY):
        if not name.endswith("__main__"):
            import_module(name)


def take_line() -> socket:
    """Take the line off the standard streams, so that nothing that a library prints gets there."""
    line = socket(fileno=os.dup(sys.stdin.fileno()))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return line


def serve(line: socket) -> None:
    """Answer requests, one after another, for as long as there is a worker."""
    inbox, speaker = Inbox(line), Speaker(line)
    signal.signal(signal.SIGALRM, speaker.beat)
    while True:
        number, request, descriptor = inbox.next()
        speaker.begin()
        damage = Damage()
        bounds = _Bounds(request.allowance, partial(inbox.is_stopped, number))
        failure = _answer(request, descriptor, bounds, damage, speaker.say)
        os.close(descriptor)
        speaker.finish(end_answer(damage.keys, failure))


class _StoppedError(Exception):
    """Nobody wants any more of what is being done."""


class _Bounds(CpuBudget):
    """How many CPU seconds are left, and whether anybody still waits; asked at every packet."""

    def __init__(self, allowance: Allowance, is_stopped: Callable[[], bool]) -> None:
        super().__init__(allowance.max_cpu_s, time.process_time)
        self.began_s -= allowance.spent_s
        self._is_stopped = is_stopped

    def is_spent(self) -> bool:
        """Whether `check` would raise."""
        return super().is_spent() or self._is_stopped()

    def check(self) -> None:
        """Raise LimitExceededError if the budget is spent, _StoppedError if nobody waits."""
        if self._is_stopped():
            raise _StoppedError
        super().check()


class Inbox:
    """Takes requests in on a thread of its own, so that a stop is heard in the midst of work."""

    def __init__(self, line: socket) -> None:
        self._stopped = -1  # the number of a request; -1 = none yet
        self._line = line
        self._waiting: SimpleQueue[tuple[int, bytes, int]] = SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def is_stopped(self, number: int) -> bool:
        """Whether nobody wants any more of this request."""
        return self._stopped == number

    def next(self) -> tuple[int, Request, int]:
        """Wait for the next request and return its number, itself, and the file's descriptor."""
        number, content, descriptor = self._waiting.get()
        return number, load_request(content), descriptor

    def _listen(self) -> None:
        while True:
            try:
                received = receive_request(self._line)
            except (EOFError, OSError):
                os._exit(0)  # the worker is gone; the main thread may be deep inside FFmpeg
            if received.descriptor is None:
                self._stopped = received.number
            else:
                self._waiting.put((received.number, received.content, received.descriptor))


class Speaker:
    """Says answers, and between them that there is life.

    The beat is a signal, whose handler Python runs between two of its own steps, and not while a
    library's loop never comes back: whoever hears no beat may conclude that this is so.
    """

    def __init__(self, line: socket) -> None:
        self._line = line
        self._began_s = 0.0
        self._may_beat = False

    def begin(self) -> None:
        """Count CPU seconds from now on, and beat."""
        self._began_s = time.process_time()
        self._may_beat = True
        signal.setitimer(signal.ITIMER_REAL, BEAT_S, BEAT_S)

    def say(self, answer: Answer) -> None:
        """Send an answer; waits while the worker has not yet taken those before it."""
        self._may_beat = False  # a beat in the midst of an answer would tear it
        self._send(answer)
        self._may_beat = True

    def finish(self, answer: Answer) -> None:
        """Send the last answer to a request, and beat no more."""
        self._may_beat = False
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        self._send(answer)

    def beat(self, _signal: int, _frame: FrameType | None) -> None:
        """Say that there is life, unless something is being said anyway."""
        if self._may_beat:
            self.say(Answer({"kind": "alive"}))

    def _send(self, answer: Answer) -> None:
        cpu_s = time.process_time() - self._began_s
        timed = Answer({**answer.header, "cpu_s": cpu_s}, answer.body)
        self._line.sendall(pack_answer(timed))


def _answer(
    request: Request,
    descriptor: int,
    bounds: CpuBudget,
    damage: Damage,
    say: Callable[[Answer], None],
) -> UnreadableVideoError | LimitExceededError | None:
    """Do what is asked, and return the error that the video itself is to blame for."""
    try:
        match request:
            case ProbeRequest():
                say(video_answer(_probe(request, descriptor, bounds), request.limits))
            case StillRequest():
                say(frame_answer(_read(request, descriptor)))
            case LookRequest():
                for frame in _look(request, descriptor, bounds, damage):
                    say(frame_answer(frame))
    except _StoppedError:
        return None
    except (UnreadableVideoError, LimitExceededError) as error:
        return error
    return None


def _probe(request: ProbeRequest, descriptor: int, bounds: CpuBudget) -> Video:
    return probe(request.path, limits=request.limits, budget=bounds, descriptor=descriptor)


def _read(request: StillRequest, descriptor: int) -> Frame:
    return read_still(descriptor, geometry=request.geometry, limits=request.limits)


def _look(
    request: LookRequest, descriptor: int, bounds: CpuBudget, damage: Damage
) -> Iterator[Frame]:
    looker = Looker(
        request.video,
        request.index,
        request.geometry,
        request.policy,
        bounds,
        damage,
        descriptor,
    )
    if isinstance(request.task, Wanted):
        return looker.second_look(request.task.pts, request.task.look)
    return looker.first_look(request.task)


if __name__ == "__main__":
    main(sys.argv[1:])
