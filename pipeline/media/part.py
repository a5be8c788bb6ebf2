"""The part of a stream that belongs to a chunk: whole groups of pictures, told by their keyframes.

Every group belongs to the chunk in which its keyframe is shown. A chunk also decodes the keyframe
with which the next one begins, and what is shown before that keyframe but stands behind it in the
file: only from here can it be decoded. So no gap and no edge lies between two chunks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.media.plan import Plan, Run, join_runs
from pipeline.probed import PacketIndex
from pipeline.records import Span


@dataclass(frozen=True, slots=True)
class Part:
    """Packets of one stream, in decoding order.

    Attributes:
        first: the part's first packet, a keyframe.
        stop: where the next part begins: with a keyframe, or at the end of the stream. It is
            `first` where no group of pictures begins in the chunk.
        reach: how far decoding may go: beyond `stop`, if another part follows.
    """

    first: int
    stop: int
    reach: int


def part_within(index: PacketIndex, span: Span, *, duration_ms: int) -> Part:
    """Return the part of a stream whose keyframes are shown within *span*.

    Adjacent spans that cover a video of *duration_ms* have adjacent parts that cover the stream,
    be its timestamps as broken as they may: a keyframe that goes back in time counts as shown
    with the latest before it.
    """
    firsts = np.flatnonzero(index.is_key)
    latest_ms = np.maximum.accumulate(index.all_ms()[firsts])
    starts_ms = np.clip(latest_ms, 0, duration_ms - 1)
    bounds = np.append(firsts, len(index.pts))
    first, stop = bounds[np.searchsorted(starts_ms, [span.start_ms, span.end_ms])].tolist()
    return Part(first, stop, _reach(index, stop) if first < stop else stop)


def plan_part(plan: Plan, index: PacketIndex, part: Part) -> Plan:
    """Return what *plan*, which is of the whole stream, decodes of a part of it."""
    runs = [
        Run(max(run.first, part.first), min(run.stop, part.reach))
        for run in plan.runs
        if run.first < part.reach and run.stop > part.first
    ]
    if part.stop < part.reach and not (runs and runs[-1].stop > part.stop):
        runs.append(Run(part.stop, part.stop + 1))
    return replace(plan, runs=join_runs(runs), quiet=_spans_of(part, index, plan.quiet))


def _reach(index: PacketIndex, stop: int) -> int:
    """Return the packet behind the keyframe at *stop* and the frames shown before it."""
    if stop == len(index.pts):
        return stop
    keys = np.flatnonzero(index.is_key[stop + 1 :])
    end = stop + 1 + int(keys[0]) if len(keys) else len(index.pts)
    leading = np.flatnonzero(index.pts[stop:end] < index.pts[stop])
    return stop + 1 + (int(leading[-1]) if len(leading) else 0)


def _spans_of(part: Part, index: PacketIndex, spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return those of *spans* that begin with a keyframe of the part."""
    is_key = index.is_key[part.first : part.stop]
    starts_ms = set(index.all_ms()[part.first : part.stop][is_key].tolist())
    return tuple(span for span in spans if span.start_ms in starts_ms)
