"""Chosen packets become pictures: a walk through the file that decodes only what is wanted."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Literal

import av
import numpy as np
from av import VideoFrame
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pipeline.errors import LimitExceededError
from pipeline.media.container import bound_decoder
from pipeline.media.plan import EXAMINE_STEP_MS, Run
from pipeline.media.seek import Opening, packets_from, packets_from_start
from pipeline.probed import PacketIndex
from pipeline.records import DamageKeys, Limits


class Effort(Enum):
    """What the decoder may leave out of frames between keyframes; keyframes are always whole.

    Attributes:
        skip_frame: FFmpeg's name of the frames that are not decoded.
        skip_loop_filter: of those that are not smoothed, which costs some of their sharpness.
    """

    EVERY_FRAME = ("DEFAULT", "default")
    REFERENCE_FRAMES = ("NONREF", "default")  # for samples between keyframes
    ROUGH_REFERENCE_FRAMES = ("NONREF", "nokey")  # to see changes, and nothing else

    def __init__(self, skip_frame: Literal["DEFAULT", "NONREF"], skip_loop_filter: str) -> None:
        self.skip_frame: Literal["DEFAULT", "NONREF"] = skip_frame
        self.skip_loop_filter = skip_loop_filter


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded frame, not yet turned into pixels.

    Attributes:
        pts: when it is shown, in the stream's time base.
        timestamp_ms: the same in milliseconds on the video's clock.
        frame: FFmpeg's frame.
    """

    pts: int
    timestamp_ms: int
    frame: VideoFrame


class Damage:
    """Counts what a decoder could not make sense of, while it runs; each thing once."""

    def __init__(self) -> None:
        self._lost: set[tuple[int, int | None]] = set()
        self._damaged: set[tuple[int, int]] = set()
        self._misplaced: set[tuple[int, int]] = set()

    @property
    def keys(self) -> DamageKeys:
        """What was counted so far."""
        return DamageKeys(
            frozenset(self._lost), frozenset(self._damaged), frozenset(self._misplaced)
        )

    def lose(self, packet: "Packet[VideoStream] | None") -> None:
        """Note that a packet could not be decoded; None = what the decoder still held."""
        self._lost.add((-1, None) if packet is None else (packet.stream_index, packet.pts))

    def miss(self, stream_index: int, pts: int) -> None:
        """Note that a packet of a stream, by its number in the file, was decoded to nothing."""
        self._lost.add((stream_index, pts))

    def mar(self, stream: int, pts: int) -> None:
        """Note that the picture of *stream* at *pts* is damaged."""
        self._damaged.add((stream, pts))

    def misplace(self, stream: int, pts: int) -> None:
        """Note that the picture of *stream* at *pts* did not come in order of time."""
        self._misplaced.add((stream, pts))

    @property
    def packets(self) -> int:
        """How many packets could not be decoded."""
        return len(self._lost)

    @property
    def pictures(self) -> int:
        """How many decoded pictures are damaged."""
        return len(self._damaged)

    @property
    def misplaced(self) -> int:
        """How many decoded pictures did not come in order of time, and were left out."""
        return len(self._misplaced)


class CpuBudget:
    """How many CPU seconds one video may take, read off a clock that is handed in."""

    def __init__(self, max_cpu_s: float, clock_s: Callable[[], float]) -> None:
        self.max_cpu_s, self.clock_s = max_cpu_s, clock_s
        self.began_s = clock_s()

    def is_spent(self) -> bool:
        """Whether `check` would raise."""
        return self.clock_s() - self.began_s > self.max_cpu_s

    def check(self) -> None:
        """Raise LimitExceededError if the budget is spent."""
        if self.is_spent():
            raise LimitExceededError(f"takes more than {self.max_cpu_s:g} CPU seconds")


def decode_runs(  # noqa: PLR0913 - what to decode, how, and within which bounds
    container: InputContainer,
    index: PacketIndex,
    runs: Sequence[Run],
    *,
    effort: Effort,
    limits: Limits,
    budget: CpuBudget,
    damage: Damage,
    reopen: Opening | None = None,
) -> Iterator[Picture]:
    """Decode the packets of *runs*, in order, and yield what they show, in order of time.

    Packets are told apart by counting them from the file's start, so that no seek has to be
    trusted; the index is trusted for their timestamps. Where the first run begins far into the
    file and *reopen* opens it once more, what lies before is passed over by a seek that the index
    bears out. Each run starts the decoder anew; pictures that need frames from before their run
    (of an open GOP) are left out, and so is a picture that is not shown after the one before it:
    it counts as damage. So does a packet that a decoder passes over in silence, where that leaves a
    gap of more than EXAMINE_STEP_MS.

    Raises:
        LimitExceededError: if the CPU budget is spent. Pictures that grow far beyond max_pixels in
            mid-stream are refused by the decoder, and count as damage.
    """
    stream = container.streams.video[index.stream]
    is_guessed = _has_guessed_times(stream.codec_context, index)
    codec = _prepared(stream, Effort.EVERY_FRAME if is_guessed else effort, limits)
    if is_guessed:
        runs = [_to_next_keyframe(run, index) for run in runs]
    shown_ms = -1
    if reopen is None or not runs:
        numbered = packets_from_start(container, stream)
    else:
        numbered = packets_from(container, index, runs[0].first, reopen=reopen)
    for run in runs:
        packets = _packets_of_run(numbered, run, index)
        frames = _decode(codec, packets, damage, budget)
        if is_guessed:
            frames = _retimed(frames, index, run)
        pictures = _pictures(frames, index, run, damage)
        for picture in _note_silence(pictures, index, run, partial(damage.miss, stream.index)):
            if shown_ms < picture.timestamp_ms < index.end_ms:
                shown_ms = picture.timestamp_ms
                yield picture
            else:
                damage.misplace(index.stream, picture.pts)
        codec.flush_buffers()


def _has_guessed_times(codec: VideoCodecContext, index: PacketIndex) -> bool:
    """Whether timestamps follow the order of decoding, but frames are shown in another order.

    AVI knows no presentation timestamps, so FFmpeg makes some up, one frame after the other.
    """
    return codec.has_b_frames and bool(np.all(np.diff(index.pts) > 0))


def _to_next_keyframe(run: Run, index: PacketIndex) -> Run:
    """Return the run with all of its last group: only of a whole one is the order known."""
    keys = np.flatnonzero(index.is_key[run.stop :])
    return Run(run.first, run.stop + int(keys[0]) if len(keys) else len(index.pts))


def _retimed(frames: Iterator[VideoFrame], index: PacketIndex, run: Run) -> Iterator[VideoFrame]:
    """Give the frames of a run, in the order of being shown, its timestamps in their order."""
    for frame, pts in zip(frames, index.pts[run.first : run.stop], strict=False):
        frame.pts = int(pts)
        yield frame


def _pictures(
    frames: Iterator[VideoFrame], index: PacketIndex, run: Run, damage: Damage
) -> Iterator[Picture]:
    """Yield the frames that belong to *run*, with their times, and note those that are damaged."""
    earliest = int(index.pts[run.first])
    for frame in frames:
        if frame.pts is None or frame.pts < earliest:
            continue
        if frame.is_corrupt:
            damage.mar(index.stream, frame.pts)
        yield Picture(frame.pts, index.to_ms(frame.pts), frame)


def _note_silence(
    pictures: Iterator[Picture], index: PacketIndex, run: Run, miss: Callable[[int], None]
) -> Iterator[Picture]:
    """Yield the pictures of *run*; of packets that gave none for too long, tell *miss* the times.

    A decoder leaves out frames that no other refers to, if it may, and packets that mean nothing to
    it, without a word. Where that leaves more than EXAMINE_STEP_MS unseen, something may be hidden.
    """
    all_pts = np.sort(index.pts[run.first : run.stop])
    shown_pts = int(index.pts[run.first])
    for picture in pictures:
        for pts in _unseen(all_pts, index, shown_pts, picture.pts):
            miss(pts)
        shown_pts = max(shown_pts, picture.pts)
        yield picture
    for pts in _unseen(all_pts, index, shown_pts, int(all_pts[-1]) + 1):
        miss(pts)


def _unseen(
    all_pts: NDArray[np.int64], index: PacketIndex, after_pts: int, before_pts: int
) -> list[int]:
    """Return the times, of the sorted ones, that lie between two; none if the two are close."""
    if index.to_ms(before_pts) - index.to_ms(after_pts) <= EXAMINE_STEP_MS:
        return []
    first = np.searchsorted(all_pts, after_pts, side="right")
    stop = np.searchsorted(all_pts, before_pts)
    between: list[int] = all_pts[first:stop].tolist()
    return between


def _prepared(stream: VideoStream, effort: Effort, limits: Limits) -> VideoCodecContext:
    codec = stream.codec_context
    codec.thread_count = 1  # decoding and inference overlap; a second thread here costs CPU
    codec.skip_frame = effort.skip_frame
    codec.options = {"skip_loop_filter": effort.skip_loop_filter, **bound_decoder(limits)}
    return codec


def _packets_of_run(
    numbered: "Iterator[tuple[int, Packet[VideoStream]]]", run: Run, index: PacketIndex
) -> "Iterator[Packet[VideoStream]]":
    for ordinal, packet in numbered:
        if ordinal >= run.first:
            packet.pts = int(index.pts[ordinal])
            yield packet
        if ordinal == run.stop - 1:
            return


def _decode(
    codec: VideoCodecContext,
    packets: "Iterator[Packet[VideoStream]]",
    damage: Damage,
    budget: CpuBudget,
) -> Iterator[VideoFrame]:
    for packet in packets:
        budget.check()
        yield from _frames_of(codec, packet, damage)
    yield from _frames_of(codec, None, damage)


def _frames_of(
    codec: VideoCodecContext, packet: "Packet[VideoStream] | None", damage: Damage
) -> list[VideoFrame]:
    try:
        return codec.decode(packet)
    except av.error.FFmpegError:
        damage.lose(packet)
        return []
