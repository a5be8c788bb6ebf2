"""Scanning in chunks in tests, each chunk as a worker of its own would: by files alone."""

import time
from collections.abc import Callable
from pathlib import Path

from pipeline.ahead import CpuTimer
from pipeline.chunks import join_chunks, plan_chunks, scan_chunk
from pipeline.learning.bank import Detector
from pipeline.media.decode import CpuBudget
from pipeline.media.video import probe
from pipeline.outputs import chunk_file, video_file
from pipeline.probed import Video
from pipeline.records import ChunkScan, Policy, Span
from pipeline.scan import Scan, Subject, judge_video
from pipeline.scoring.session import Scorer
from tests.pipeline.media.media_parts import LIMITS, budget


def probe_file(path: Path) -> Video:
    return probe(path, limits=LIMITS, budget=budget())


def subject_of(path: Path, policy: Policy, scorer: Scorer) -> Subject:
    return Subject("sha256:test", "", path, policy, scorer.facts)


def see(  # noqa: PLR0913 - as scan_chunk
    video: Video,
    span: Span,
    policy: Policy,
    scorer: Scorer,
    on_progress: Callable[[float], None] = lambda _share: None,
    *,
    detector: Detector | None = None,
) -> ChunkScan:
    """Scan one chunk."""
    return scan_chunk(
        video,
        span,
        policy=policy,
        scorer=scorer,
        budget=CpuBudget(policy.limits.max_cpu_s, time.process_time),
        timer=CpuTimer(),
        on_progress=on_progress,
        detector=detector,
    )


def spans_of(video: Video, chunks: int) -> tuple[Span, ...]:
    """The spans of about so many chunks."""
    return plan_chunks(video, chunk_ms=-(-video.facts.duration_ms // chunks))


def see_apart(
    path: Path, spans: tuple[Span, ...], policy: Policy, scorer: Scorer
) -> list[ChunkScan]:
    """Scan each chunk by what was stored of the video, and pass it on as it is stored."""
    stored = video_file.write(probe_file(path))
    seen = (see(video_file.read(stored, path=path), span, policy, scorer) for span in spans)
    return [chunk_file.read(chunk_file.write(one), timings=one.timings) for one in seen]


def scan_apart(path: Path, spans: tuple[Span, ...], policy: Policy, scorer: Scorer) -> Scan:
    """Scan a video in chunks, join and judge them."""
    video = probe_file(path)
    seen = join_chunks(see_apart(path, spans, policy, scorer))
    subject = subject_of(path, policy, scorer)
    exclusivity = scorer.manifest.exclusivity
    return judge_video(subject, video.facts, video.faults, seen, exclusivity=exclusivity)
