"""One submission end to end: a video in, a report with its pictures out.

The chain, from top to bottom: probe, look, score, judge, draw, write.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.ahead import CpuTimer
from pipeline.chunks import scan_chunk
from pipeline.drawing.heatmap import draw_heatmap
from pipeline.drawing.sidecar import heatmap_sidecar
from pipeline.drawing.strip import draw_strip
from pipeline.drawing.style import HeatmapStyle
from pipeline.errors import LimitExceededError, UnreadableVideoError
from pipeline.judging.findings import category_findings
from pipeline.judging.timeline import build_timeline, require_labels
from pipeline.judging.verdict import error_judgement, judge
from pipeline.learning.bank import Detector
from pipeline.media.decode import CpuBudget
from pipeline.media.here import Decoder
from pipeline.outputs import frames_table, report_json
from pipeline.outputs.atomic import write_atomically
from pipeline.records import (
    ChunkScan,
    DamageKeys,
    Exclusivity,
    FrameScores,
    Judgement,
    ModelFacts,
    Outcome,
    Policy,
    Reason,
    ReasonKind,
    Report,
    Span,
    Thumbnails,
    Timeline,
    Timings,
    VideoFacts,
)
from pipeline.scoring.session import Scorer


@dataclass(frozen=True, slots=True)
class Scan:
    """All that one scan found out, one entry a video stream; empty where nothing was judged."""

    report: Report
    frames: tuple[FrameScores, ...]
    timelines: tuple[Timeline, ...]
    thumbnails: tuple[Thumbnails, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """What was handed in, and under what it is judged: what a report says beside its findings.

    Attributes:
        submission_id: "sha256:" and the hash of the file's bytes.
        tag: what the caller calls it; may be empty.
        source: the file, as it was given; it is not read.
        policy: its labels must be among the model's.
        model: which model scored.
    """

    submission_id: str
    tag: str
    source: Path
    policy: Policy
    model: ModelFacts


def scan_video(  # noqa: PLR0913 - the whole of what one scan depends on
    path: Path,
    *,
    submission_id: str,
    policy: Policy,
    scorer: Scorer,
    decoder: Decoder,
    tag: str,
    on_progress: Callable[[float], None],
    detector: Detector | None = None,
) -> Scan:
    """Scan one video under one policy with one model, as one chunk.

    A file that is no video, or exceeds the policy's limits, is no error of this function: the
    report's verdict is then `error`, and says why in one line.

    Args:
        path: the file.
        submission_id: "sha256:" and the hash of its bytes.
        policy: what to look for; its labels must be among the scorer's.
        scorer: the model.
        decoder: decodes; a child process, unless the file is one's own.
        tag: what the caller calls the submission; may be empty.
        on_progress: is told how much is done, 0 to 1.
        detector: tells strangers by a bank that was fitted on this model; None = by none.

    Raises:
        ModelError: if the bank was fitted on another model.
        DecoderDiedError: if a child that decodes dies, hangs or speaks nonsense.
    """
    subject = Subject(submission_id, tag, path, policy, scorer.facts)
    facts, timer = None, CpuTimer(decoding_s=decoder.decoding_s, all_s=decoder.all_s)
    budget = CpuBudget(policy.limits.max_cpu_s, decoder.cpu_s)
    try:
        video = decoder.probe(path, limits=policy.limits, budget=budget)
        facts = video.facts
        seen = scan_chunk(
            video,
            Span(0, facts.duration_ms),
            policy=policy,
            scorer=scorer,
            budget=budget,
            timer=timer,
            on_progress=on_progress,
            look_through=decoder.look_through,
            detector=detector,
        )
    except UnreadableVideoError as error:
        reason = Reason(ReasonKind.UNREADABLE, detail=str(error))
        return error_scan(subject, facts, reason, timings=timer.read())
    except LimitExceededError as error:
        reason = Reason(ReasonKind.LIMIT, detail=str(error))
        return error_scan(subject, facts, reason, timings=timer.read())
    exclusivity = scorer.manifest.exclusivity
    return judge_video(subject, facts, video.faults, seen, exclusivity=exclusivity)


def judge_video(
    subject: Subject,
    facts: VideoFacts,
    faults: tuple[Reason, ...],
    seen: ChunkScan,
    *,
    exclusivity: Exclusivity,
) -> Scan:
    """Judge a video by what was seen of it, under the subject's policy.

    Neither the file nor the model is needed, and the policy need not be the one that it was scanned
    under: what that one did not sample closely enough is then not covered.

    Args:
        subject: what is judged, and under what.
        facts: of the video, as it was probed.
        faults: what did not add up when it was probed.
        seen: all chunks of the video, joined.
        exclusivity: of the model's labels.

    Raises:
        ValueError: if seen is not of the whole video.
        PolicyError: if the policy names labels that were not scored.
    """
    if seen.span != Span(0, facts.duration_ms):
        raise ValueError(f"seen must be of all {facts.duration_ms} ms, got {seen.span}")
    policy = subject.policy
    require_labels(policy, seen.frames[0].labels)
    timelines = tuple(build_timeline(frames, policy, exclusivity) for frames in seen.frames)
    judgement = judge(timelines, policy, faults=(*faults, *_faults_of(seen.damage)))
    report = _make_report(subject, facts, judgement, seen.timings)
    report = replace(report, bank=seen.frames[0].bank)
    return Scan(report, seen.frames, timelines, seen.thumbnails)


def error_scan(
    subject: Subject, facts: VideoFacts | None, reason: Reason, *, timings: Timings
) -> Scan:
    """Return the scan of what could not be judged: its verdict is `error`, for one *reason*.

    Args:
        subject: what was to be judged, and under what.
        facts: of the video; None where it could not be opened as one.
        reason: why not, of a kind such as UNREADABLE or LIMIT, with one line for people.
        timings: the CPU seconds that were spent.
    """
    judgement = error_judgement(reason.kind, reason.detail)
    return Scan(_make_report(subject, facts, judgement, timings), (), (), ())


def find_blocks(seen: ChunkScan, policy: Policy, *, exclusivity: Exclusivity) -> tuple[Reason, ...]:
    """Return why a video is likely to be blocked, known from a chunk alone; the gravest first.

    One reason a category with a confirmed segment at or above its `block`; empty without one. It is
    an early alarm, no verdict: that needs the other chunks, whose frames may yet speak against it.

    Raises:
        PolicyError: if the policy names labels that were not scored.
    """
    require_labels(policy, seen.frames[0].labels)
    timelines = [build_timeline(frames, policy, exclusivity) for frames in seen.frames]
    findings = category_findings(timelines, policy)
    blocks = [finding for finding in findings if finding.outcome is Outcome.BLOCK]
    blocks.sort(key=lambda finding: finding.gravity, reverse=True)
    return tuple(finding.reason for finding in blocks)


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


def _make_report(
    subject: Subject, facts: VideoFacts | None, judgement: Judgement, timings: Timings
) -> Report:
    return Report(
        submission_id=subject.submission_id,
        tag=subject.tag,
        source=subject.source,
        video=facts,
        model=subject.model,
        policy_id=subject.policy.policy_id,
        policy_version=subject.policy.version,
        policy_sha256=subject.policy.sha256,
        max_gap_ms=subject.policy.max_gap_ms,
        judgement=judgement,
        artifacts=(),
        timings=timings,
    )


def _faults_of(damage: DamageKeys) -> tuple[Reason, ...]:
    counts = (
        (len(damage.lost), "packets could not be decoded"),
        (len(damage.marred), "decoded pictures are damaged"),
        (len(damage.misplaced), "decoded pictures are out of order"),
    )
    return tuple(
        Reason(ReasonKind.DECODE, detail=f"{count:,} {what}") for count, what in counts if count
    )
