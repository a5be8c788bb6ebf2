"""Decoding in a child process: a file that crashes FFmpeg ends the child, not the worker.

Nor does decoding hold the worker's interpreter lock then. What comes from the child is checked, for
it reads what strangers handed in: see `wire`.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeVar

from pipeline.errors import BackendUnavailableError, DecoderDiedError
from pipeline.media.answers import FrameReader, StillReader
from pipeline.media.child import Child, Talk
from pipeline.media.container import open_regular_file
from pipeline.media.decode import CpuBudget, Damage
from pipeline.media.looks import Looker
from pipeline.media.plan import Plan
from pipeline.media.probe_answer import VideoReader
from pipeline.media.wire import (
    Allowance,
    Ear,
    Header,
    LookRequest,
    MisfitError,
    ProbeRequest,
    Request,
    StillRequest,
    Wanted,
    printable,
)
from pipeline.probed import PacketIndex, Video
from pipeline.records import Frame, Geometry, Limits, Look, Policy, Span

EXAMINE_S = 60.0  # a decoder that has not started within this time does not start
DECODER = (sys.executable, "-m", "pipeline.media.decoder")

Item = TypeVar("Item")


def examine_decoder(*, is_required: bool, command: Sequence[str] = DECODER) -> str:
    """Start a decoder that says what it gives up before it decodes, and return its words.

    Args:
        is_required: whether it must be kept from files, network and processes.
        command: starts the decoder.

    Raises:
        BackendUnavailableError: if it must and is not, or cannot be started.
    """
    flags = ("--examine", "--require-sandbox") if is_required else ("--examine",)
    try:
        done = subprocess.run(  # noqa: S603 - ours
            [*command, *flags], capture_output=True, text=True, check=False, timeout=EXAMINE_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendUnavailableError(f"no decoder can be started: {error}") from error
    if done.returncode != 0:
        why = printable(done.stderr.strip().rpartition("\n")[2])
        raise BackendUnavailableError(f"no decoder can be started: {why}")
    return printable(done.stdout.strip())


@dataclass(frozen=True, slots=True)
class RemoteLooker:
    """Looks as *looker* would, in a child process.

    The frames of a look must all be taken, or its iterator closed, before the next one is begun.
    Both looks raise DecoderDiedError if the child dies, hangs or speaks nonsense.

    Attributes:
        decoder: the child.
        looker: says what to look at, under which policy; its budget bounds what the child spends,
            its damage also counts what the child could not decode.
    """

    decoder: "DecoderProcess"
    looker: Looker

    @property
    def video(self) -> Video:
        """The video."""
        return self.looker.video

    @property
    def index(self) -> PacketIndex:
        """The packets of the stream."""
        return self.looker.index

    @property
    def policy(self) -> Policy:
        """How closely to look, and within which limits."""
        return self.looker.policy

    def plan(self) -> Plan:
        """Return what the first look is going to decode of the whole stream."""
        return self.looker.plan()

    def plan_within(self, span: Span) -> Plan:
        """Return what the first look is going to decode of the chunk *span*."""
        return self.looker.plan_within(span)

    def first_look(self, plan: Plan) -> Generator[Frame]:
        """Yield the frames that cover the stream, in order of time."""
        return self.decoder.look(self.looker, plan)

    def second_look(self, wanted_pts: Sequence[int], look: Look) -> Generator[Frame]:
        """Yield exactly the frames of *wanted_pts*, in order of time; damaged ones are missing."""
        return self.decoder.look(self.looker, Wanted(tuple(wanted_pts), look))


class DecoderProcess:
    """One child process that decodes, for one thread at a time.

    It is started when it is first needed, serves request after request, and is started anew after
    it died. It works ahead of the worker by as much as the line between them holds, some frames.

    A file that takes the child over could lie about the next file, too: whoever does not want that
    closes it between submissions, which costs the start of another.
    """

    def __init__(
        self,
        *,
        silence_s: float,
        max_memory_bytes: int | None = None,
        command: Sequence[str] = DECODER,
    ) -> None:
        """Make ready to start a child.

        Args:
            silence_s: a child that gives no sign of life for so long is ended; it gives one a
                second, unless it hangs inside FFmpeg. Starting takes a part of a second.
            max_memory_bytes: of address space, of which the libraries reserve some 600 MB more
                than they use; None = unbounded.
            command: starts the child.
        """
        if silence_s <= 0:
            raise ValueError(f"silence_s must be positive, got {silence_s}")
        limit = () if max_memory_bytes is None else (f"--max-memory-bytes={max_memory_bytes}",)
        self._command = (*command, *limit)
        self._silence_s = silence_s
        self._child: Child | None = None
        self._open: Talk[Any] | None = None
        self._past_cpu_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The child's process id; None where there is no child."""
        return None if self._child is None else self._child.process.pid

    def cpu_s(self) -> float:
        """Return how many CPU seconds decoding has taken, as far as the children have said so.

        It never goes back: a clock for a CpuBudget or a Stopwatch.
        """
        return self._past_cpu_s + (0.0 if self._child is None else self._child.cpu_s)

    def decoding_s(self) -> float:
        """Return the same: nothing is decoded anywhere else."""
        return self.cpu_s()

    def all_s(self) -> float:
        """Return how many CPU seconds this process and its child have taken."""
        return time.process_time() + self.cpu_s()

    def look_through(self, looker: Looker) -> RemoteLooker:
        """Return what looks in the looker's stead, in the child."""
        return RemoteLooker(self, looker)

    def close(self) -> None:
        """End the child, if there is one; the next request would start another."""
        if self._open is not None:
            self._open.is_left = True
        if self._child is not None:
            self._past_cpu_s += self._child.cpu_s
            child, self._child = self._child, None
            child.end()

    def probe(self, path: Path, *, limits: Limits, budget: CpuBudget) -> Video:
        """Read what the container says, index every packet, and look at the first frame.

        Raises:
            UnreadableVideoError: if this is no video with at least one frame.
            LimitExceededError: if it has more pixels, frames or time than *limits* allow.
            DecoderDiedError: if the child dies, hangs or speaks nonsense.
        """
        request = ProbeRequest(path, limits, Allowance.of(budget))
        return self._ask_once(path, request, kind="video", read=VideoReader(path, limits).read)

    def read_still(self, path: Path, *, geometry: Geometry, limits: Limits) -> Frame:
        """Return the frame that a picture file shows; see `pipeline.media.stills.read_still`.

        Raises:
            UnreadableVideoError: if this is no such file, or not all of it can be decoded.
            LimitExceededError: if it has more pixels than *limits* allow.
            DecoderDiedError: if the child dies, hangs or speaks nonsense.
        """
        request = StillRequest(path, geometry, limits, Allowance(limits.max_cpu_s, 0.0))
        return self._ask_once(path, request, kind="frame", read=StillReader(request).read)

    def look(self, looker: Looker, task: Plan | Wanted) -> Generator[Frame]:
        """Yield the frames that *looker* would: its first look at a plan, else its second.

        Closing the generator stops the child.

        Raises:
            LimitExceededError: if the CPU budget is spent.
            UnreadableVideoError: if the file is no longer what was probed.
            DecoderDiedError: if the child dies, hangs or speaks nonsense.
            ValueError: if another request was begun before all frames were taken.
        """
        path, index = looker.video.path, looker.index
        request = LookRequest(
            video=replace(looker.video, streams=(index,), faults=()),
            index=index,
            geometry=looker.geometry,
            policy=looker.policy,
            task=task,
            allowance=Allowance.of(looker.budget),
        )
        read = FrameReader(request).read
        yield from self._answers(
            Talk(path, request, kind="frame", read=read, index=index, damage=looker.damage)
        )

    def _ask_once(
        self, path: Path, request: Request, *, kind: str, read: Callable[[Ear, Header], Item]
    ) -> Item:
        """Return the one answer to a request; the reader refuses a second."""
        talk = Talk(path, request, kind=kind, read=read, index=None, damage=Damage())
        found = list(self._answers(talk))
        with self._blaming(path):
            if not found:
                raise MisfitError(f"neither a {kind} nor an error")
        return found[0]

    def _answers(self, talk: Talk[Item]) -> Generator[Item]:
        child = self._begin(talk)
        try:
            while talk.end is None or talk.is_left:
                if talk.is_left:
                    raise ValueError("a look's frames must be taken before the next request")
                with self._blaming(talk.path):
                    item = child.hear(talk)
                if item is not None:
                    yield item
        finally:
            self._leave(talk)
        if talk.end.failure is not None:
            raise talk.end.failure

    def _begin(self, talk: Talk[Item]) -> Child:
        if self._open is not None:
            self._leave(self._open)
        with open_regular_file(talk.path) as descriptor, self._blaming(talk.path):
            if self._child is not None and self._child.is_dead():
                self.close()
            if self._child is None:
                self._child = Child(self._command, silence_s=self._silence_s)
            self._child.ask(talk.request, descriptor)
        self._open = talk
        return self._child

    def _leave(self, talk: Talk[Any]) -> None:
        """Let the child stop what nobody wants any more; one that does not is ended."""
        if talk is not self._open:
            return
        self._open = None
        if talk.end is not None or self._child is None:
            return
        talk.is_left = True
        with suppress(ValueError, OSError, EOFError), ExitStack() as on_failure:
            on_failure.callback(self.close)
            self._child.stop(talk)
            on_failure.pop_all()

    @contextmanager
    def _blaming(self, path: Path) -> Iterator[None]:
        """End the child if anything goes wrong with it, and say which file it was at, and how."""
        with ExitStack() as on_failure:  # an interrupt in the midst of an answer is one, too
            on_failure.callback(self.close)
            try:
                yield
            except (ValueError, OSError, EOFError) as error:
                how = self._how_it_failed(error)
                raise DecoderDiedError(f"the decoder {how}, at {printable(path.name)}") from error
            on_failure.pop_all()

    def _how_it_failed(self, error: ValueError | OSError | EOFError) -> str:
        if isinstance(error, TimeoutError):
            return f"gave no sign of life for {self._silence_s:g} s"
        if isinstance(error, ValueError):
            return f"sent what does not fit ({error})"
        if self._child is None:
            return f"could not be started ({error})"
        return self._child.cause_of_death()
