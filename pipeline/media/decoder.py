"""The decoder child: ``python -m pipeline.media.decoder``, started by `remote.DecoderProcess`.

It answers one request after another over the socket that is its standard input, and ends with the
worker: when the other end is closed. Whatever goes wrong in here beyond a video's own faults ends
it, with a traceback on standard error; the worker starts another.
"""

import argparse
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from queue import SimpleQueue
from socket import socket
from types import FrameType

from pipeline.errors import LimitExceededError, UnreadableVideoError
from pipeline.media.answers import end_answer, frame_answer
from pipeline.media.decode import CpuBudget, Damage
from pipeline.media.looks import Looker
from pipeline.media.probe_answer import video_answer
from pipeline.media.video import probe
from pipeline.media.wire import (
    Allowance,
    Answer,
    LookRequest,
    ProbeRequest,
    Request,
    Wanted,
    load_request,
    pack_answer,
    receive_request,
)
from pipeline.probed import Video
from pipeline.records import Frame

BEAT_S = 1.0  # between two signs of life


def main(arguments: list[str]) -> None:
    """Serve the worker until it closes the line."""
    parser = argparse.ArgumentParser(description="Decodes for a worker, over standard input.")
    parser.add_argument("--max-memory-bytes", type=int)
    limit_process(max_memory_bytes=parser.parse_args(arguments).max_memory_bytes)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the worker, too
    serve(take_line())


def limit_process(*, max_memory_bytes: int | None) -> None:
    """Leave no core behind, which would hold a stranger's pictures, and bound the address space."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if max_memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (max_memory_bytes, max_memory_bytes))


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
        number, request = inbox.next()
        speaker.begin()
        damage = Damage()
        bounds = _Bounds(request.allowance, partial(inbox.is_stopped, number))
        failure = _answer(request, bounds, damage, speaker.say)
        speaker.finish(end_answer(damage.keys, failure))


class _StoppedError(Exception):
    """Nobody wants any more of what is being done."""


class _Bounds(CpuBudget):
    """How many CPU seconds are left, and whether anybody still waits; asked at every packet."""

    def __init__(self, allowance: Allowance, is_stopped: Callable[[], bool]) -> None:
        super().__init__(allowance.max_cpu_s, time.process_time)
        self.began_s -= allowance.spent_s
        self._is_stopped = is_stopped

    def check(self) -> None:
        """Raise LimitExceededError if the budget is spent, _StoppedError if nobody waits."""
        super().check()
        if self._is_stopped():
            raise _StoppedError


class Inbox:
    """Takes requests in on a thread of its own, so that a stop is heard in the midst of work."""

    def __init__(self, line: socket) -> None:
        self._stopped = -1  # the number of a request; -1 = none yet
        self._line = line
        self._waiting: SimpleQueue[tuple[int, bytes]] = SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def is_stopped(self, number: int) -> bool:
        """Whether nobody wants any more of this request."""
        return self._stopped == number

    def next(self) -> tuple[int, Request]:
        """Wait for the next request and return it with its number."""
        number, content = self._waiting.get()
        return number, load_request(content)

    def _listen(self) -> None:
        while True:
            try:
                number, content = receive_request(self._line)
            except (EOFError, OSError):
                os._exit(0)  # the worker is gone; the main thread may be deep inside FFmpeg
            if content:
                self._waiting.put((number, content))
            else:
                self._stopped = number


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
    request: Request, bounds: CpuBudget, damage: Damage, say: Callable[[Answer], None]
) -> UnreadableVideoError | LimitExceededError | None:
    """Do what is asked, and return the error that the video itself is to blame for."""
    try:
        match request:
            case ProbeRequest():
                say(video_answer(_probe(request, bounds), request.limits))
            case LookRequest():
                for frame in _look(request, bounds, damage):
                    say(frame_answer(frame))
    except _StoppedError:
        return None
    except (UnreadableVideoError, LimitExceededError) as error:
        return error
    return None


def _probe(request: ProbeRequest, bounds: CpuBudget) -> Video:
    return probe(request.path, limits=request.limits, budget=bounds)


def _look(request: LookRequest, bounds: CpuBudget, damage: Damage) -> Iterator[Frame]:
    looker = Looker(request.video, request.index, request.geometry, request.policy, bounds, damage)
    if isinstance(request.task, Wanted):
        return looker.second_look(request.task.pts, request.task.look)
    return looker.first_look(request.task)


if __name__ == "__main__":
    main(sys.argv[1:])
