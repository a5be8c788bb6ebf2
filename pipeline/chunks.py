"""Chunks: a video is cut at keyframes, each part is sampled and scored by itself, all are joined.

Whoever scans a video as one chunk and whoever gives its chunks to many workers go the same way.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from pipeline.ahead import CpuTimer
from pipeline.learning.bank import Detector
from pipeline.media.decode import CpuBudget, Damage
from pipeline.media.looks import AnyLooker, Looker
from pipeline.probed import PacketIndex, Video
from pipeline.records import (
    BankFacts,
    ChunkScan,
    DamageKeys,
    FrameScores,
    Policy,
    Span,
    Thumbnails,
    Timings,
)
from pipeline.scoring.session import Scorer
from pipeline.watch import Watcher


def _look_here(looker: Looker) -> AnyLooker:
    return looker


def plan_chunks(video: Video, *, chunk_ms: int) -> tuple[Span, ...]:
    """Cut a video into chunks that can be scanned apart from one another.

    They are adjacent, cover [0, duration_ms), and are cut at keyframes of the stream that has most
    packets: at the first one at or after each multiple of chunk_ms. A video of up to chunk_ms is
    one chunk, and so is one whose keyframes do not come in order of time.

    Args:
        video: as it was probed.
        chunk_ms: how long a chunk is to be, at least 1.

    Raises:
        ValueError: if chunk_ms is not positive.
    """
    if chunk_ms <= 0:
        raise ValueError(f"chunk_ms must be positive, got {chunk_ms}")
    duration_ms = video.facts.duration_ms
    index = max(video.streams, key=lambda one: len(one.pts))
    if not all(_is_in_order(one) for one in video.streams):
        return (Span(0, duration_ms),)
    keys_ms = index.all_ms()[index.is_key]
    keys_ms = keys_ms[(keys_ms > 0) & (keys_ms < duration_ms)]
    cuts = np.searchsorted(keys_ms, np.arange(chunk_ms, duration_ms, chunk_ms))
    cuts_ms = np.unique(keys_ms[cuts[cuts < len(keys_ms)]]).tolist()
    return tuple(Span(a, b) for a, b in pairwise([0, *cuts_ms, duration_ms]))


def scan_chunk(  # noqa: PLR0913 - the whole of what one chunk depends on
    video: Video,
    span: Span,
    *,
    policy: Policy,
    scorer: Scorer,
    budget: CpuBudget,
    timer: CpuTimer,
    on_progress: Callable[[float], None],
    look_through: Callable[[Looker], AnyLooker] = _look_here,
    detector: Detector | None = None,
) -> ChunkScan:
    """Sample and score one chunk of a video: every stream's groups of pictures that begin in it.

    Peaks are confirmed and edges placed as in a whole video; both may take frames from outside of
    the chunk. Two scans of one chunk are equal but for their timings.

    Args:
        video: as it was probed.
        span: the chunk, one of plan_chunks; the whole video is one.
        policy: what to look for; its labels must be among the scorer's.
        scorer: the model.
        budget: how many CPU seconds may be spent.
        timer: says where they went.
        on_progress: is told how much of the chunk is done, 0 to 1.
        look_through: gives what looks in a looker's stead, as a RemoteLooker does; it may raise
            errors of its own.
        detector: tells strangers by a bank that was fitted on this model; None = by none.

    Raises:
        ModelError: if the bank was fitted on another model.
        UnreadableVideoError: if the file is no longer what was probed.
        LimitExceededError: if the budget is spent.
    """
    if detector is not None:
        detector.require_model(scorer.facts)
    damage = Damage()
    watched = []
    for number, index in enumerate(video.streams):
        geometry = scorer.manifest.input.geometry
        looker = Looker(video, index, geometry, policy, budget, damage)
        progress = partial(_report_share, on_progress, number, len(video.streams))
        watcher = Watcher(span, look_through(looker), scorer, timer.decoding, detector)
        watched.append(watcher.watch(progress))
    return ChunkScan(
        span,
        frames=tuple(one.frames for one in watched),
        thumbnails=tuple(one.thumbnails for one in watched),
        damage=damage.keys,
        timings=timer.read(),
    )


def join_chunks(chunks: Sequence[ChunkScan]) -> ChunkScan:
    """Join chunks, given in any order, into what a scan of all of them together would have seen.

    Of a frame that two of them sampled, the one counts that a scan of both would have sampled
    first. One chunk is returned as it is.

    Raises:
        ValueError: if chunks are missing between the first and the last, are given twice, or are
            not of one video, one model and one bank.
    """
    if not chunks:
        raise ValueError("chunks must hold at least one, got none")
    chunks = sorted(chunks, key=lambda chunk: chunk.span)
    _require_one_row(chunks)
    if len(chunks) == 1:
        return chunks[0]
    streams = range(len(chunks[0].frames))
    joined = [_join_stream(chunks, stream) for stream in streams]
    return ChunkScan(
        Span(chunks[0].span.start_ms, chunks[-1].span.end_ms),
        frames=tuple(frames for frames, _ in joined),
        thumbnails=tuple(thumbnails for _, thumbnails in joined),
        damage=_join_damage([chunk.damage for chunk in chunks]),
        timings=_add_timings([chunk.timings for chunk in chunks]),
    )


def _is_in_order(index: PacketIndex) -> bool:
    return bool(np.all(np.diff(index.pts[index.is_key]) > 0))


def _report_share(
    on_progress: Callable[[float], None], number: int, streams: int, share: float
) -> None:
    on_progress((number + share) / streams)


def _require_one_row(chunks: Sequence[ChunkScan]) -> None:
    for before, after in pairwise(chunks):
        if before.span.end_ms != after.span.start_ms:
            raise ValueError(f"chunks must be adjacent, got {before.span} and {after.span}")
        if _kind_of(before) != _kind_of(after):
            said = f"{before.span}, {after.span}"
            raise ValueError(f"chunks must be of one video, model and bank: {said}")


def _kind_of(chunk: ChunkScan) -> list[tuple[int, int, tuple[str, ...], BankFacts | None]]:
    return [(one.stream, one.duration_ms, one.labels, one.bank) for one in chunk.frames]


def _join_stream(chunks: Sequence[ChunkScan], stream: int) -> tuple[FrameScores, Thumbnails]:
    """Join one stream; of frames at one time, the earliest look's counts, then the good one."""
    parts = [chunk.frames[stream] for chunk in chunks]
    times_ms = np.concatenate([part.timestamps_ms for part in parts])
    looks = np.concatenate([part.looks for part in parts])
    gates = np.concatenate([part.gates for part in parts])
    order = np.lexsort((gates, looks, times_ms))
    rows = order[np.unique(times_ms[order], return_index=True)[1]]
    frames = FrameScores(
        labels=parts[0].labels,
        stream=parts[0].stream,
        duration_ms=parts[0].duration_ms,
        timestamps_ms=times_ms[rows],
        pts=np.concatenate([part.pts for part in parts])[rows],
        looks=looks[rows],
        gates=gates[rows],
        scores=np.concatenate([part.scores for part in parts])[rows],
        ood=np.concatenate([part.ood for part in parts])[rows],
        examined=tuple(dict.fromkeys(span for part in parts for span in part.examined)),
        cuts_ms=tuple(sorted({cut_ms for part in parts for cut_ms in part.cuts_ms})),
        bank=parts[0].bank,
    )
    jpegs = [jpeg for chunk in chunks for jpeg in chunk.thumbnails[stream].jpegs]
    return frames, Thumbnails(frames.stream, times_ms[rows], tuple(jpegs[row] for row in rows))


def _join_damage(parts: Sequence[DamageKeys]) -> DamageKeys:
    return DamageKeys(
        frozenset().union(*(part.lost for part in parts)),
        frozenset().union(*(part.marred for part in parts)),
        frozenset().union(*(part.misplaced for part in parts)),
    )


def _add_timings(parts: Sequence[Timings]) -> Timings:
    return Timings(
        sum(part.decode_s for part in parts),
        sum(part.score_s for part in parts),
        sum(part.draw_s for part in parts),
    )
