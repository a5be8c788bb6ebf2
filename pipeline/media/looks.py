"""The two looks at a video: the first covers it, the second goes back only where it matters."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Protocol

import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from pipeline.media.container import open_container
from pipeline.media.decode import CpuBudget, Damage, Effort, decode_runs
from pipeline.media.part import part_within, plan_part
from pipeline.media.picker import ChangeDetector, Picker
from pipeline.media.pictures import Renderer
from pipeline.media.plan import EXAMINE_STEP_MS, Gop, Plan, Run, find_gops, plan_first_look
from pipeline.probed import PacketIndex, Video
from pipeline.records import Change, Frame, Geometry, Look, Policy, Span

PROBE_STEP_MS = 40  # frames offered for placing an edge lie at least this far apart ...
MAX_PROBES = 64  # ... and are at most this many
# Of a keyframe that looks perfect to any eye.
KEY_BYTES_A_PIXEL = 0.25


class AnyLooker(Protocol):
    """Looks at one stream of a video: in this process, as Looker, or in another."""

    @property
    def video(self) -> Video:
        """The video."""

    @property
    def index(self) -> PacketIndex:
        """The packets of the stream."""

    @property
    def policy(self) -> Policy:
        """How closely to look, and within which limits."""

    def plan_within(self, span: Span) -> Plan:
        """Return what the first look is going to decode of the chunk *span*."""

    def first_look(self, plan: Plan) -> Iterator[Frame]:
        """Yield the frames that cover the stream, in order of time."""

    def second_look(self, wanted_pts: Sequence[int], look: Look) -> Iterator[Frame]:
        """Yield exactly the frames of *wanted_pts*, in order of time; damaged ones are missing."""


@dataclass(frozen=True, slots=True)
class Looker:
    """Looks at one stream of a video on behalf of one model and one policy.

    Attributes:
        video: the video.
        index: of the stream.
        geometry: the pixels that the model wants.
        policy: how closely to look, and within which limits.
        budget: how many CPU seconds may be spent.
        damage: counts what cannot be decoded.
        descriptor: of the file, where it is open; its path is then only its name.
    """

    video: Video
    index: PacketIndex
    geometry: Geometry
    policy: Policy
    budget: CpuBudget
    damage: Damage
    descriptor: int | None = None

    def plan(self) -> Plan:
        """Return what the first look is going to decode of the whole stream."""
        return plan_first_look(
            self._without_padding(),
            max_gap_ms=self.policy.max_gap_ms,
            examination=self.policy.examination,
        )

    def plan_within(self, span: Span) -> Plan:
        """Return what the first look is going to decode of the chunk *span*."""
        part = part_within(self.index, span, duration_ms=self.video.facts.duration_ms)
        return plan_part(self.plan(), self.index, part)

    def first_look(self, plan: Plan) -> Iterator[Frame]:
        """Yield the frames that cover the stream, in order of time."""
        renderer = Renderer(self.geometry)
        detector = ChangeDetector(renderer.signature)
        picker = Picker(max_gap_ms=self.policy.max_gap_ms, detector=detector)
        with self._open() as container:
            pictures = decode_runs(
                container,
                self.index,
                plan.runs,
                effort=effort_of(self.index, plan),
                limits=self.policy.limits,
                budget=self.budget,
                damage=self.damage,
                reopen=self._open,
            )
            for picture in pictures:
                starts_shot = picture.pts in plan.shot_pts
                for choice in picker.offer(picture, starts_shot=starts_shot):
                    yield renderer.render(choice.picture, Look.FIRST, choice.change)
            for choice in picker.finish():
                yield renderer.render(choice.picture, Look.FIRST, choice.change)

    def second_look(self, wanted_pts: Sequence[int], look: Look) -> Iterator[Frame]:
        """Yield exactly the frames of *wanted_pts*, in order of time; damaged ones are missing."""
        renderer = Renderer(self.geometry)
        wanted = frozenset(wanted_pts)
        with self._open() as container:
            pictures = decode_runs(
                container,
                self.index,
                runs_to(self.index, wanted_pts),
                effort=Effort.EVERY_FRAME,
                limits=self.policy.limits,
                budget=self.budget,
                damage=self.damage,
                reopen=self._open,
            )
            for picture in pictures:
                if picture.pts in wanted:
                    yield renderer.render(picture, look, Change.NONE)

    def _without_padding(self) -> PacketIndex:
        """Return the index with keyframes no larger than pictures of this size need be.

        What follows a keyframe is judged by its share of the keyframe's bytes, and whoever pads one
        could make any picture look like nothing beside it. Of streams but the main one the size of
        the pictures is not known: there nothing is small beside a keyframe.
        """
        facts, index = self.video.facts, self.index
        main = max(self.video.streams, key=lambda one: len(one.pts))
        is_main = index.stream == main.stream
        most_bytes = round(KEY_BYTES_A_PIXEL * facts.width * facts.height) if is_main else 0
        clipped = np.minimum(index.sizes_bytes, most_bytes)
        return replace(index, sizes_bytes=np.where(index.is_key, clipped, index.sizes_bytes))

    def _open(self) -> AbstractContextManager[InputContainer]:
        file = self.video.path if self.descriptor is None else self.descriptor
        return open_container(file, self.policy.limits, budget=self.budget)


def effort_of(index: PacketIndex, plan: Plan) -> Effort:
    """Return what the decoder may leave out in the first look.

    Left out are frames that no other refers to. Those that are shown before one that precedes them
    in the file mostly are such; where they, or one frame by itself, are shown for long, none is.
    """
    times_ms = index.all_ms()
    ahead_ms = np.unique(np.maximum.accumulate(times_ms))
    if np.any(np.diff(ahead_ms) > EXAMINE_STEP_MS):
        return Effort.EVERY_FRAME
    return Effort.REFERENCE_FRAMES if plan.has_fills else Effort.ROUGH_REFERENCE_FRAMES


def shown_spans(index: PacketIndex, sampled_pts: Sequence[int]) -> tuple[Span, ...]:
    """Return, for each sampled frame, the time for which it is shown."""
    shown = np.append(index.shown_pts, index.end_pts)
    following = shown[np.searchsorted(shown[:-1], sampled_pts, side="right")]
    times = (
        (index.to_ms(a), index.to_ms(int(b))) for a, b in zip(sampled_pts, following, strict=True)
    )
    return tuple(Span(start_ms, end_ms) for start_ms, end_ms in times if start_ms < end_ms)


def nearest_pts(index: PacketIndex, times_ms: Sequence[int]) -> tuple[int, ...]:
    """Return the pts of the frames that are shown first at about *times_ms*, without repeats."""
    shown = index.shown_pts
    shown_ms = np.sort(index.all_ms())
    chosen = [int(shown[np.argmin(np.abs(shown_ms - time_ms))]) for time_ms in times_ms]
    return tuple(sorted(set(chosen)))


def pts_between(index: PacketIndex, span: Span) -> tuple[int, ...]:
    """Return the pts of frames first shown within *span*, its start left out, thinned.

    They lie PROBE_STEP_MS apart or more, and are at most MAX_PROBES.
    """
    shown, shown_ms = index.shown_pts, np.sort(index.all_ms())
    inside = (shown_ms > span.start_ms) & (shown_ms < span.end_ms)
    step_ms = max(PROBE_STEP_MS, -(-span.length_ms // MAX_PROBES))
    slots = (shown_ms[inside] - span.start_ms) // step_ms
    _, firsts = np.unique(slots, return_index=True)
    return tuple(int(pts) for pts in shown[inside][firsts])


def runs_to(index: PacketIndex, wanted_pts: Sequence[int]) -> tuple[Run, ...]:
    """Return the runs that decode every frame of *wanted_pts*, each no further than it must."""
    times_ms = index.all_ms()
    gops = find_gops(index, times_ms)
    ordinals = np.flatnonzero(np.isin(index.pts, np.array(wanted_pts, dtype=np.int64)))
    firsts = np.array([gop.first for gop in gops])
    numbers = [_needed_gop(index, gops, firsts, int(ordinal)) for ordinal in ordinals]
    pairs = sorted(zip(numbers, (int(ordinal) for ordinal in ordinals), strict=True))
    runs: list[Run] = []
    for number, members in groupby(pairs, key=lambda pair: pair[0]):
        stop = max(ordinal for _, ordinal in members) + 1
        first = gops[number].first
        if runs and runs[-1].stop >= first:
            runs[-1] = Run(runs[-1].first, max(stop, runs[-1].stop))
        else:
            runs.append(Run(first, stop))
    return tuple(runs)


def _needed_gop(
    index: PacketIndex, gops: tuple[Gop, ...], firsts: NDArray[np.int64], ordinal: int
) -> int:
    """Return the number of the GOP at which decoding must begin to show packet *ordinal*.

    A frame that is shown before the keyframe it follows in the file needs the GOP before.
    """
    number = int(np.searchsorted(firsts, ordinal, side="right")) - 1
    is_leading = index.pts[ordinal] < index.pts[gops[number].first]
    return max(0, number - 1) if is_leading else number
