"""Which packets the first look decodes: decided from the index alone, before anything is decoded.

A video is a row of groups of pictures (GOPs), each beginning with a keyframe that can be decoded
by itself. A GOP costs as little as the promise of the sampler allows:

- a *quiet* one, in which no new picture can be hidden, costs its keyframe;
- where `Examination.PACKETS` is enough, one that ends before the next sample is due costs its
  keyframe, unless its packet sizes betray an insert; a longer one is decoded as far as the last
  sample that is due in it;
- else every reference frame is decoded, so that changes can be seen in the pictures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.probed import PacketIndex
from pipeline.records import Examination, Span

# A picture that appears and goes again within one GOP must be coded twice, at its start and at
# its end. Measured on planted inserts of 0.5 s over still pictures (x264, x265, SVT-AV1; 320x180
# and 1280x720; a flat patch of a ninth of the picture, a photograph of a 25th): the larger of the
# two packets has at least 0.050 of the keyframe's bytes. What is left of still pictures once the
# encoder has settled has at most 0.010 (x264, crf 23).
QUIET_SHARE = 0.01  # a packet of a quiet GOP has at most this share of the keyframe's bytes ...
SETTLE_MS = 250  # ... but for those shown this soon after it, which refine the keyframe itself
SETTLE_SHARE = 0.05  # and they at most this share
# A full-frame insert of 0.5 s, measured as above over moving footage: its second cut has at least
# 1.7 times the bytes of the largest tenth of its neighbours and 0.08 of the keyframe's.
SPIKE_RATIO = 1.7
SPIKE_SHARE = 0.08
SPIKE_APART_MS = 100  # two spikes closer than this are one cut
NEIGHBOURS = 15  # packets on either side that a spike is compared with
LOUD_QUANTILE = 0.9
EXAMINE_STEP_MS = 250  # pictures examined at least this often show every insert of 0.5 s twice


@dataclass(frozen=True, slots=True)
class Gop:
    """One group of pictures: packets [first, stop) in decoding order, times half-open."""

    first: int
    stop: int
    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        """How long it is shown; negative where timestamps are broken."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Run:
    """Packets [first, stop) to decode one after another, beginning with a keyframe."""

    first: int
    stop: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What the first look decodes of one stream.

    Attributes:
        runs: in order, apart from one another.
        quiet: the spans that are examined by their packets alone.
        shot_pts: of keyframes that begin a GOP before its time: the encoder saw a new shot there.
        has_fills: whether frames other than keyframes may be sampled as a matter of course, so
            that they must be decoded in full quality.
    """

    runs: tuple[Run, ...]
    quiet: tuple[Span, ...]
    shot_pts: frozenset[int]
    has_fills: bool


def plan_first_look(index: PacketIndex, *, max_gap_ms: int, examination: Examination) -> Plan:
    """Plan the first look at one stream so that no gap between samples exceeds max_gap_ms."""
    times_ms = index.all_ms()
    gops = find_gops(index, times_ms)
    quiet = [is_quiet(index, times_ms, gop) for gop in gops]
    runs: list[Run] = []
    last_key_ms = -EXAMINE_STEP_MS
    for gop, quiet_gop in zip(gops, quiet, strict=True):
        is_last = gop is gops[-1]
        if gop.end_ms - last_key_ms <= EXAMINE_STEP_MS and not is_last:
            continue  # keyframes are so close that the next one is soon enough
        last_key_ms = gop.start_ms
        if quiet_gop:
            runs.append(Run(gop.first, gop.first + 1))
        elif is_last or examination is Examination.PICTURES:
            runs.append(Run(gop.first, gop.stop))
        else:
            runs.append(Run(gop.first, _stop_by_packets(index, times_ms, gop, max_gap_ms)))
    has_fills = any(
        gop.length_ms > max_gap_ms and not quiet_gop
        for gop, quiet_gop in zip(gops, quiet, strict=True)
    )
    spans = _spans_of(gop for gop, quiet_gop in zip(gops, quiet, strict=True) if quiet_gop)
    return Plan(join_runs(runs), spans, _early_keyframes(index, gops), has_fills)


def find_gops(index: PacketIndex, times_ms: NDArray[np.int64]) -> tuple[Gop, ...]:
    """Cut a stream at its keyframes; a GOP lasts until the next one's keyframe is shown."""
    firsts = np.flatnonzero(index.is_key)
    stops = np.append(firsts[1:], len(index.pts))
    ends_ms = np.append(times_ms[firsts[1:]], index.end_ms)
    rows = zip(firsts, stops, times_ms[firsts], ends_ms, strict=True)
    return tuple(Gop(*map(int, row)) for row in rows)


def is_quiet(index: PacketIndex, times_ms: NDArray[np.int64], gop: Gop) -> bool:
    """Say whether so few bytes follow the keyframe that no new picture can be in them."""
    key_bytes = index.sizes_bytes[gop.first]
    rest = slice(gop.first + 1, gop.stop)
    settled = times_ms[rest] >= gop.start_ms + SETTLE_MS
    bound = np.where(settled, QUIET_SHARE, SETTLE_SHARE) * key_bytes
    return bool(np.all(index.sizes_bytes[rest] <= bound))


def find_spikes(index: PacketIndex, times_ms: NDArray[np.int64], gop: Gop) -> tuple[int, ...]:
    """Return the ordinals of the packets that stand out so far that a new picture may begin there.

    A spike has SPIKE_RATIO times the bytes of its loud neighbours, and SPIKE_SHARE of the
    keyframe's; of two that are closer than SPIKE_APART_MS, the first is kept.
    """
    ordinals = np.arange(gop.first + 1, gop.stop)
    if len(ordinals) == 0:
        return ()
    sizes = index.sizes_bytes[ordinals]
    least = SPIKE_SHARE * index.sizes_bytes[gop.first]
    spikes: list[int] = []
    for i in np.flatnonzero(sizes >= least):  # few are that large, and quantiles are slow
        loud = _loud_neighbours(sizes, int(i))
        if sizes[i] < SPIKE_RATIO * loud or sizes[i] - loud < least:
            continue
        ordinal = int(ordinals[i])
        if not spikes or abs(times_ms[ordinal] - times_ms[spikes[-1]]) >= SPIKE_APART_MS:
            spikes.append(ordinal)
    return tuple(spikes)


def _loud_neighbours(sizes: NDArray[np.int64], i: int) -> float:
    """Return the LOUD_QUANTILE of the sizes around the i-th, itself left out; 0 for none."""
    around = np.concatenate([sizes[max(0, i - NEIGHBOURS) : i], sizes[i + 1 : i + 1 + NEIGHBOURS]])
    return float(np.quantile(around, LOUD_QUANTILE)) if len(around) else 0.0


def _stop_by_packets(
    index: PacketIndex, times_ms: NDArray[np.int64], gop: Gop, max_gap_ms: int
) -> int:
    """Return how far a GOP must be decoded where its packets are examined, not its pictures."""
    due = gop.first + 1
    if gop.length_ms > max_gap_ms:
        # Where the last sample is due, and a little further: the frame that is shown there may be
        # one that is skipped, or stand later in the file than the frames around it.
        reach_ms = gop.end_ms - max_gap_ms + EXAMINE_STEP_MS
        inside = np.flatnonzero(times_ms[gop.first : gop.stop] <= reach_ms)
        due = gop.first + int(inside[-1]) + 1
    spikes = find_spikes(index, times_ms, gop)
    if len(spikes) > 1:  # what comes and goes between two keyframes spikes twice
        due = max(due, spikes[-1] + 1)
    return due


def _early_keyframes(index: PacketIndex, gops: tuple[Gop, ...]) -> frozenset[int]:
    """Return the pts of keyframes before which a GOP ended sooner than the stream's usual one."""
    usual_ms = max(gop.length_ms for gop in gops)
    after_short = (b for a, b in pairwise(gops) if a.length_ms < usual_ms / 2)
    return frozenset(int(index.pts[gop.first]) for gop in after_short)


def _spans_of(gops: Iterator[Gop]) -> tuple[Span, ...]:
    return tuple(Span(gop.start_ms, gop.end_ms) for gop in gops if gop.start_ms < gop.end_ms)


def join_runs(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Join runs that follow each other without a gap, so that the decoder need not start anew."""
    joined: list[Run] = []
    for run in runs:
        if joined and joined[-1].stop == run.first:
            joined[-1] = Run(joined[-1].first, run.stop)
        else:
            joined.append(run)
    return tuple(joined)
