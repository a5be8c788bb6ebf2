"""What is done in each step: a video is planned, its chunks are scored, all of it is judged."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.ahead import CpuTimer
from pipeline.chunks import join_chunks, plan_chunks, scan_chunk
from pipeline.drawing.style import HeatmapStyle
from pipeline.errors import LimitExceededError, UnreadableVideoError
from pipeline.media.decode import CpuBudget
from pipeline.outputs import chunk_file, report_json, video_file
from pipeline.policies.read import parse_policy
from pipeline.probed import Video
from pipeline.records import (
    ChunkScan,
    ModelFacts,
    Policy,
    Reason,
    ReasonKind,
    Span,
    Timings,
)
from pipeline.scan import Scan, Subject, error_scan, find_blocks, judge_video, write_scan
from workers.download import OUTSIDE, Outside
from workers.queue.counted import CountedLooker
from workers.queue.decoders import Decoders
from workers.queue.filing import fault_of, report_id
from workers.queue.leases import Lease
from workers.queue.scorers import Scorers, spare_folder
from workers.service import Service
from workers.sources import FetchTerms, fetched, hash_file, is_elsewhere
from workers.store.lookups import find_policy_copy, find_run
from workers.store.progress import find_chunks
from workers.store.records import Chunk, Run, RunState, StepKind, Submission
from workers.store.steps import Planned, Scored
from workers.store.verdicts import Filing

VIDEO_NAME = "video.bin"


class VideoWork:
    """The work of the steps, on real videos with real models."""

    def __init__(
        self,
        service: Service,
        scorers: Scorers,
        decoders: Decoders,
        worker: str,
        outside: Outside = OUTSIDE,
    ) -> None:
        """Make the work of one process.

        Args:
            service: settings, database, artifacts, clock.
            scorers: the models of the process.
            decoders: its children.
            worker: its name.
            outside: what of the world is asked for files by https.
        """
        self._service = service
        self._outside = outside
        self._scorers = scorers
        self._worker = worker
        self._decoders = decoders

    def plan(self, run: Run, submission: Submission, lease: Lease) -> Planned:
        """Probe the video and cut it into chunks; one that cannot be read has a fault instead.

        Raises:
            UnavailableError: if the source or the artifact store is away.
            ForbiddenSourceError: if the operator does not allow the source any more.
        """
        policy = self._policy(run)
        sha256, size_bytes = submission.sha256, submission.size_bytes
        try:
            with self._fetched(submission) as path:
                sha256, size_bytes = hash_file(path)
                _require_same(submission, sha256)
                lease.report(0.5)
                decoder = self._decoders.here()
                budget = CpuBudget(policy.limits.max_cpu_s, decoder.cpu_s)
                video = decoder.probe(path, limits=policy.limits, budget=budget)
        except (UnreadableVideoError, LimitExceededError) as error:
            return Planned(sha256, size_bytes, None, (), fault_of(error))
        name = f"{_folder(run, lease)}/{VIDEO_NAME}"
        self._service.artifacts.put(name, video_file.write(video))
        chunk_ms = round(1000 * self._service.settings.chunk_s)
        spans = plan_chunks(video, chunk_ms=chunk_ms)
        return Planned(sha256, size_bytes, name, spans, None)

    def chunk(self, run: Run, submission: Submission, lease: Lease) -> Scored:
        """Sample and score one chunk.

        Raises:
            UnreadableVideoError: if the file is no longer what was planned.
            LimitExceededError: if it takes more CPU seconds than the policy allows.
            UnavailableError: if the source, the artifact store or the model is away.
        """
        policy, scorer = self._policy(run), self._scorers.scorer(run.model_sha256)
        decoder = self._decoders.here()
        chunk = self._chunks(run)[lease.step.chunk]
        with self._fetched(submission) as path:
            if is_elsewhere(submission.uri):
                _require_same(submission, hash_file(path)[0])
            video = self._video(run, path)
            seen = scan_chunk(
                video,
                Span(chunk.start_ms, chunk.end_ms),
                policy=policy,
                scorer=scorer,
                budget=CpuBudget(policy.limits.max_cpu_s, decoder.cpu_s),
                timer=CpuTimer(
                    decoding_s=decoder.cpu_s, all_s=lambda: time.thread_time() + decoder.cpu_s()
                ),
                on_progress=lease.report,
                look_through=lambda looker: CountedLooker(
                    decoder.look_through(looker), lease.count_frame
                ),
                detector=self._scorers.detector(run.model_sha256),
            )
        name = f"{_folder(run, lease)}/chunk.bin"
        self._service.artifacts.put(name, chunk_file.write(seen))
        blocks = find_blocks(seen, policy, exclusivity=scorer.manifest.exclusivity)
        return Scored(
            artifact=name,
            frames=sum(len(frames.timestamps_ms) for frames in seen.frames),
            providers=scorer.facts.providers,
            timings=seen.timings,
            is_flagged=bool(blocks),
        )

    def judge(self, run: Run, submission: Submission, lease: Lease) -> Filing:
        """Make the verdict of all chunks, draw it, and store the pictures.

        Raises:
            UnavailableError: if the artifact store is away, or no such model is here.
        """
        policy = self._policy(run)
        scan = self._judged(run, submission, policy)
        lease.report(0.5)
        folder = _folder(run, lease)
        with tempfile.TemporaryDirectory(dir=spare_folder(self._service.settings)) as made:
            report = write_scan(scan, Path(made), policy=policy, style=HeatmapStyle())
            for path in sorted(Path(made).iterdir()):
                self._service.artifacts.put_file(f"{folder}/{path.name}", path)
        return Filing(
            verdict=report.judgement.verdict,
            report=report_json.write(report).decode(),
            folder=folder,
            state=RunState.DONE,
            actor=self._worker,
        )

    def _judged(self, run: Run, submission: Submission, policy: Policy) -> Scan:
        scored = self._scored_run(run)
        chunks = self._chunks(scored)
        subject = _subject(run, submission, policy, chunks)
        if scored.fault is not None:
            reason = _reason(scored.fault)
            facts = None if scored.plan is None else self._video(scored, Path()).facts
            return error_scan(subject, facts, reason, timings=Timings(0.0, 0.0, 0.0))
        video = self._video(scored, Path())
        seen = join_chunks([self._seen(chunk) for chunk in chunks])
        exclusivity = self._scorers.manifest(run.model_sha256).exclusivity
        return judge_video(subject, video.facts, video.faults, seen, exclusivity=exclusivity)

    def _scored_run(self, run: Run) -> Run:
        """Return the run whose chunks are judged."""
        if run.scored_by is None:
            return run
        with self._service.database.read() as connection:
            return find_run(connection, run.scored_by)

    def _policy(self, run: Run) -> Policy:
        with self._service.database.read() as connection:
            content = find_policy_copy(connection, run.policy_sha256)
        return parse_policy(content, name=run.policy_id)

    def _chunks(self, run: Run) -> list[Chunk]:
        with self._service.database.read() as connection:
            return find_chunks(connection, run.id)

    def _video(self, run: Run, path: Path) -> Video:
        content = self._service.artifacts.get(str(run.plan))
        return video_file.read(content, path=path)

    def _seen(self, chunk: Chunk) -> ChunkScan:
        timings = Timings(**json.loads(str(chunk.timings)))
        return chunk_file.read(self._service.artifacts.get(str(chunk.artifact)), timings=timings)

    @contextmanager
    def _fetched(self, submission: Submission) -> Iterator[Path]:
        settings = self._service.settings
        with fetched(
            submission.uri,
            artifacts=self._service.artifacts,
            terms=FetchTerms(
                settings.uris,
                settings.max_upload_bytes,
                settings.artifact_options,
                settings.fetch_timeout_s,
                self._outside,
            ),
            folder=spare_folder(settings),
        ) as path:
            yield path


def _reason(fault: str) -> Reason:
    said = json.loads(fault)
    return Reason(ReasonKind(said["kind"]), detail=said["detail"])


def _folder(run: Run, lease: Lease) -> str:
    """Return where a step's artifacts go: nobody else ever writes there."""
    step = lease.step
    number = f"-{step.chunk}" if step.kind is StepKind.CHUNK else ""
    return f"{run.submission_id}/{run.id}/{step.kind.value}{number}-{step.fence}"


def _require_same(submission: Submission, sha256: str) -> None:
    if submission.sha256 is not None and submission.sha256 != sha256:
        raise UnreadableVideoError("is not what was submitted: its bytes have changed")


def _subject(run: Run, submission: Submission, policy: Policy, chunks: list[Chunk]) -> Subject:
    providers = {name for chunk in chunks for name in json.loads(chunk.providers or "[]")}
    model = ModelFacts(
        run.model_id, run.model_version, run.model_sha256, tuple(sorted(providers, reverse=True))
    )
    return Subject(report_id(submission), submission.tag, Path(submission.filename), policy, model)
