"""One submission end to end: a video in, a report with its pictures out.

The chain, from top to bottom: probe, look, score, judge, draw, write.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pipeline.ahead import Stopwatch
from pipeline.drawing.heatmap import draw_heatmap
from pipeline.drawing.sidecar import heatmap_sidecar
from pipeline.drawing.strip import draw_strip
from pipeline.drawing.style import HeatmapStyle
from pipeline.errors import LimitExceededError, UnreadableVideoError
from pipeline.judging.verdict import error_judgement, judge
from pipeline.media.decode import CpuBudget, Damage
from pipeline.media.looks import Looker
from pipeline.media.video import Video, probe
from pipeline.outputs import frames_table, report_json
from pipeline.outputs.atomic import write_atomically
from pipeline.records import (
    FrameScores,
    Judgement,
    Policy,
    Reason,
    ReasonKind,
    Report,
    Thumbnails,
    Timeline,
    Timings,
)
from pipeline.scoring.session import Scorer
from pipeline.watch import Watched, Watcher


@dataclass(frozen=True, slots=True)
class Scan:
    """All that one scan found out, one entry a video stream; empty where nothing was judged."""

    report: Report
    frames: tuple[FrameScores, ...]
    timelines: tuple[Timeline, ...]
    thumbnails: tuple[Thumbnails, ...]


@dataclass(frozen=True, slots=True)
class _Findings:
    """What a scan knows before it is written into a report."""

    video: Video | None
    watched: tuple[Watched, ...]
    judgement: Judgement


def scan_video(  # noqa: PLR0913 - the whole of what one scan depends on
    path: Path,
    *,
    submission_id: str,
    policy: Policy,
    scorer: Scorer,
    tag: str,
    on_progress: Callable[[float], None],
) -> Scan:
    """Scan one video under one policy with one model.

    A file that is no video, or exceeds the policy's limits, is no error of this function: the
    report's verdict is then `error`, and says why in one line.

    Args:
        path: the file.
        submission_id: "sha256:" and the hash of its bytes.
        policy: what to look for; its labels must be among the scorer's.
        scorer: the model.
        tag: what the caller calls the submission; may be empty.
        on_progress: is told how much is done, 0 to 1.
    """
    began_s = time.process_time()
    decoding = Stopwatch(time.thread_time)
    found = _look_and_judge(path, policy, scorer, decoding, on_progress)
    spent_s = time.process_time() - began_s
    report = Report(
        submission_id=submission_id,
        tag=tag,
        source=path,
        video=found.video.facts if found.video else None,
        model=scorer.facts,
        policy_id=policy.policy_id,
        policy_version=policy.version,
        policy_sha256=policy.sha256,
        max_gap_ms=policy.max_gap_ms,
        judgement=found.judgement,
        artifacts=(),
        timings=Timings(decoding.total_s, max(0.0, spent_s - decoding.total_s), 0.0),
    )
    return Scan(
        report,
        frames=tuple(watched.frames for watched in found.watched),
        timelines=tuple(watched.timeline for watched in found.watched),
        thumbnails=tuple(watched.thumbnails for watched in found.watched),
    )


def write_scan(scan: Scan, folder: Path, *, policy: Policy, style: HeatmapStyle) -> Report:
    """Draw and write everything that a scan found out into *folder*, the report last.

    Returns the report as it was written: with the names of the artifacts, and the drawing's time.
    """
    began_s = time.process_time()
    report, timelines = scan.report, scan.timelines
    heatmap = draw_heatmap(
        report, policy=policy, timelines=timelines, thumbnails=scan.thumbnails, style=style
    )
    sidecar = heatmap_sidecar(report, policy=policy, timelines=timelines)
    artifacts = {
        "heatmap": ("heatmap.png", heatmap),
        "heatmap_data": ("heatmap.json", json.dumps(sidecar).encode()),
        "strip": ("strip.png", draw_strip(timelines, policy=policy, colour_map=style.colour_map)),
    }
    if scan.frames:
        artifacts["frames"] = ("frames.parquet", frames_table.write(scan.frames))
    for name, content in artifacts.values():
        write_atomically(folder / name, content)
    draw_s = time.process_time() - began_s
    report = replace(
        report,
        artifacts=tuple((kind, name) for kind, (name, _) in sorted(artifacts.items())),
        timings=replace(report.timings, draw_s=draw_s),
    )
    write_atomically(folder / report_json.REPORT_NAME, report_json.write(report))
    return report


def _look_and_judge(
    path: Path,
    policy: Policy,
    scorer: Scorer,
    decoding: Stopwatch,
    on_progress: Callable[[float], None],
) -> _Findings:
    video = None
    budget = CpuBudget(policy.limits.max_cpu_s, time.process_time)
    try:
        video = probe(path, limits=policy.limits, budget=budget)
        damage = Damage()
        watched = []
        for number, index in enumerate(video.streams):
            geometry = scorer.manifest.input.geometry
            looker = Looker(video, index, geometry, policy, budget, damage)
            progress = partial(_report_share, on_progress, number, len(video.streams))
            watched.append(Watcher(looker, scorer, decoding).watch(progress))
    except UnreadableVideoError as error:
        return _Findings(video, (), error_judgement(ReasonKind.UNREADABLE, str(error)))
    except LimitExceededError as error:
        return _Findings(video, (), error_judgement(ReasonKind.LIMIT, str(error)))
    faults = (*video.faults, *_faults_of(damage))
    timelines = [one.timeline for one in watched]
    return _Findings(video, tuple(watched), judge(timelines, policy, faults=faults))


def _report_share(
    on_progress: Callable[[float], None], number: int, streams: int, share: float
) -> None:
    on_progress((number + share) / streams)


def _faults_of(damage: Damage) -> tuple[Reason, ...]:
    counts = (
        (damage.packets, "packets could not be decoded"),
        (damage.pictures, "decoded pictures are damaged"),
        (damage.misplaced, "decoded pictures are out of order"),
    )
    return tuple(
        Reason(ReasonKind.DECODE, detail=f"{count:,} {what}") for count, what in counts if count
    )
