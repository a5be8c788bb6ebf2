"""A video as it lies on disk: its facts, its packets, and what does not add up."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from pipeline.errors import LimitExceededError, UnreadableVideoError
from pipeline.media.container import open_container
from pipeline.media.decode import CpuBudget, Damage, Effort, decode_runs
from pipeline.media.packets import count_late_streams, index_packets
from pipeline.media.pictures import quarter_turns_of
from pipeline.media.plan import Run
from pipeline.probed import PacketIndex, Video
from pipeline.records import Limits, Reason, ReasonKind, Span, VideoFacts

MAX_STREAMS = 32  # of video: each is looked at by itself, and a small file can hold a thousand
TOLERANCE_MS = 500  # containers round, and their audio often outlasts the picture by this much
UNEVEN_SHARE = 0.01  # with more than this share of odd steps, frames are unevenly spaced
STEP_TOLERANCE = 0.1  # a step is odd if it differs this much from the usual one


def probe(path: Path, *, limits: Limits, budget: CpuBudget, descriptor: int | None = None) -> Video:
    """Read what the container says, index every packet, and look at the first frame.

    Args:
        path: the file.
        limits: of what is in it.
        budget: how many CPU seconds this may take.
        descriptor: of the file, where it is open; the path is then only its name.

    Raises:
        UnreadableVideoError: if this is no video with at least one frame.
        LimitExceededError: if it has more pixels, frames or time than *limits* allow.
    """
    file = path if descriptor is None else descriptor
    with open_container(file, limits, budget=budget) as container:
        _require_video(container, limits)
        streams = index_packets(container, limits)
        budget.check()  # it may have ended the reading
        if not streams:
            raise UnreadableVideoError("holds no frames")
        declared = [_declared_end_ms(container, index) for index in streams]
        duration_ms = _duration_ms(streams, declared)
        if duration_ms > limits.max_duration_ms:
            raise LimitExceededError(
                f"lasts {duration_ms / 1000:g} s, more than {limits.max_duration_ms / 1000:g} s"
            )
        faults = _faults(container, streams, declared)
    facts = _facts(file, streams, duration_ms, limits, budget)
    return Video(path, facts, streams, faults)


def _require_video(container: InputContainer, limits: Limits) -> None:
    if not container.streams.video:
        raise UnreadableVideoError("has no video stream")
    if (count := len(container.streams.video)) > MAX_STREAMS:
        raise LimitExceededError(f"has {count:,} video streams, more than {MAX_STREAMS}")
    for stream in container.streams.video:
        if getattr(stream, "codec_context", None) is None:
            raise UnreadableVideoError("has a video stream of an unknown codec")
        width_px, height_px = stream.width, stream.height
        if width_px * height_px > limits.max_pixels:
            size = f"{width_px}x{height_px} pixels"
            raise LimitExceededError(f"has {size}, more than {limits.max_pixels:,}")


def _declared_end_ms(container: InputContainer, index: PacketIndex) -> int:
    """Return the end of a stream as the container declares it, 0 where it does not say."""
    stream = container.streams.video[index.stream]
    if stream.duration is not None and stream.time_base is not None:
        return round(stream.duration * stream.time_base * 1000)
    # What follows counts from 0 on the stream's clock, not from the first frame.
    start_ms = round(index.origin_pts * index.time_base * 1000)
    if "DURATION" in stream.metadata:  # Matroska writes it as a tag, hours:minutes:seconds
        return _clock_ms(stream.metadata["DURATION"]) - start_ms
    if container.streams.audio or container.duration is None:  # sound may outlast the picture
        return 0
    return round(container.duration / 1000) - start_ms


def _clock_ms(text: str) -> int:
    try:
        hours, minutes, seconds = (float(part) for part in text.split(":"))
        return round((hours * 3600 + minutes * 60 + seconds) * 1000)
    except (ValueError, OverflowError):
        return 0


def _duration_ms(streams: tuple[PacketIndex, ...], declared_ms: list[int]) -> int:
    """Return how long the video lasts; what is declared counts where the packets end before it."""
    ends_ms = [
        declared if declared > index.end_ms + TOLERANCE_MS else index.end_ms
        for index, declared in zip(streams, declared_ms, strict=True)
    ]
    return max(ends_ms)


def _faults(
    container: InputContainer, streams: tuple[PacketIndex, ...], declared_ms: list[int]
) -> tuple[Reason, ...]:
    details = []
    if sum(len(index.pts) for index in streams) == 1:
        details.append("holds a single frame")
    if late := count_late_streams(container):
        details.append(f"{late:,} streams begin late in the file, and were not looked at")
    if container.duration is None:
        details.append("does not say how long it is")
    for index, end_ms in zip(streams, declared_ms, strict=True):
        found, declared = len(index.pts), container.streams.video[index.stream].frames
        if declared > found:
            details.append(f"only {found:,} of {declared:,} declared frames are in the file")
        elif end_ms > index.end_ms + TOLERANCE_MS:
            ends, says = index.end_ms / 1000, end_ms / 1000
            details.append(f"the frames end at {ends:g} s of the declared {says:g} s")
        details += _packet_faults(index)
    return tuple(Reason(ReasonKind.DECODE, detail=detail) for detail in details)


def _packet_faults(index: PacketIndex) -> Iterator[str]:
    """Yield what is wrong with a stream's packets by themselves."""
    if index.timeless:
        yield f"{index.timeless:,} frames have no timestamp"
    if index.damaged:
        yield f"{index.damaged:,} frames are incomplete"
    if twins := len(index.pts) - len(np.unique(index.pts)):
        yield f"{twins:,} frames have the timestamp of another"
    if np.any(np.diff(index.pts[index.is_key]) <= 0):
        yield "timestamps go backwards"
    elif hole := _find_hole(index):
        yield f"no frames from {hole.start_ms / 1000:g} s to {hole.end_ms / 1000:g} s"


def _find_hole(index: PacketIndex) -> Span | None:
    """Return the first long gap between the frames of an even stream: some have been lost there.

    A stream whose frames are unevenly spaced may show one for as long as it likes.
    """
    if _is_uneven(index.shown_pts):
        return None
    shown_ms = np.sort(index.all_ms())
    steps_ms = np.diff(shown_ms)
    usual_ms = float(np.median(steps_ms)) if len(steps_ms) else 0.0
    holes = np.flatnonzero(steps_ms > usual_ms + TOLERANCE_MS)
    return Span(int(shown_ms[holes[0]]), int(shown_ms[holes[0] + 1])) if len(holes) else None


def _facts(
    file: Path | int,
    streams: tuple[PacketIndex, ...],
    duration_ms: int,
    limits: Limits,
    budget: CpuBudget,
) -> VideoFacts:
    with open_container(file, limits, budget=budget) as container:
        index = max(streams, key=lambda one: len(one.pts))  # a cover picture is not the video
        stream = container.streams.video[index.stream]
        quarter_turns = _quarter_turns(container, index, limits, budget)
        size = stream.width, stream.height
        if 0 in size:
            most = f"{limits.max_pixels:,} pixels"
            raise UnreadableVideoError(f"has no picture that is readable and within {most}")
        width_px, height_px = size if quarter_turns % 2 == 0 else (size[1], size[0])
        return VideoFacts(
            container=container.format.name,
            codec=stream.codec_context.name,
            duration_ms=duration_ms,
            width=width_px,
            height=height_px,
            rotation_deg=90 * quarter_turns,
            frame_rate=round(1000 * len(index.pts) / index.end_ms, 3),
            is_vfr=_is_uneven(index.shown_pts),
            streams=len(streams),
        )


def _quarter_turns(
    container: InputContainer, index: PacketIndex, limits: Limits, budget: CpuBudget
) -> int:
    """Return by how many quarter turns the first frame must be turned; 0 if it cannot be read."""
    first = decode_runs(
        container,
        index,
        [Run(0, 1)],
        effort=Effort.EVERY_FRAME,
        limits=limits,
        budget=budget,
        damage=Damage(),
    )
    return next((quarter_turns_of(picture.frame) for picture in first), 0)


def _is_uneven(shown_pts: NDArray[np.int64]) -> bool:
    steps = np.diff(shown_pts)
    if len(steps) == 0:
        return False
    usual = float(np.median(steps))
    odd = np.abs(steps - usual) > max(1.0, STEP_TOLERANCE * usual)
    return bool(odd.mean() > UNEVEN_SHARE)
