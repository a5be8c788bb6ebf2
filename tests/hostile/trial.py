"""One file is judged as a worker would: every byte of it is read by the confined child alone."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pipeline.ahead import CpuTimer
from pipeline.chunks import scan_chunk
from pipeline.errors import (
    DecoderDiedError,
    LimitExceededError,
    UnreadableVideoError,
)
from pipeline.media.decode import CpuBudget
from pipeline.media.remote import DecoderProcess, RemoteLooker
from pipeline.probed import Video
from pipeline.records import Limits, Outcome, Policy, Reason, ReasonKind, Span
from pipeline.scan import Scan, Subject, error_scan, judge_video
from pipeline.scoring.session import Scorer
from tests.scanning import colour_policy

SILENCE_S = 8.0
MAX_MEMORY_BYTES = 3_000_000_000
MAX_CPU_S = 2.0
# What an operator would allow whose users upload clips; a file may cost so much and no more.
LIMITS = Limits(
    max_pixels=36_000_000, max_duration_ms=21_600_000, max_frames=200_000, max_cpu_s=MAX_CPU_S
)


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What came of one file.

    Attributes:
        outcome: the verdict's word.
        reasons: what stands behind it.
        packets: how many the index knows, of all video streams; 0 where it was not probed.
        took_s: by the clock on the wall.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    packets: int
    took_s: float

    @property
    def kinds(self) -> frozenset[ReasonKind]:
        """The kinds of its reasons."""
        return frozenset(reason.kind for reason in self.reasons)

    @property
    def has_killed(self) -> bool:
        """Whether the child that decodes died of it, or was ended because it hung."""
        return ReasonKind.ABANDONED in self.kinds

    @property
    def words(self) -> str:
        """The verdict and its reasons in one line."""
        said = "; ".join(
            f"{reason.kind}: {reason.detail or reason.category}" for reason in self.reasons
        )
        return f"{self.outcome} ({said})" if said else str(self.outcome)


class Bench:
    """Judges files one after another, with one child for as long as it lives."""

    def __init__(self, scorer: Scorer) -> None:
        fields = {name: getattr(colour_policy(), name) for name in Policy.__slots__}
        self._policy = Policy(**{**fields, "limits": LIMITS})
        self._scorer = scorer
        self._decoder = DecoderProcess(silence_s=SILENCE_S, max_memory_bytes=MAX_MEMORY_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._decoder.close()

    def judge(self, path: Path) -> Trial:
        """Probe a file, look at it, score it and judge it; a decoder that dies is an `error`."""
        began_s = time.monotonic()
        seen: list[Video] = []
        scan = self._scan(path, seen)
        verdict = scan.report.judgement.verdict
        return Trial(
            outcome=verdict.outcome,
            reasons=verdict.reasons,
            packets=sum(len(index.pts) for video in seen for index in video.streams),
            took_s=time.monotonic() - began_s,
        )

    def _scan(self, path: Path, seen: list[Video]) -> Scan:
        subject = Subject("sha256:test", "", path, self._policy, self._scorer.facts)
        timer = CpuTimer()
        try:
            return self._judge(subject, timer, seen)
        except UnreadableVideoError as error:
            reason = Reason(ReasonKind.UNREADABLE, detail=str(error))
        except LimitExceededError as error:
            reason = Reason(ReasonKind.LIMIT, detail=str(error))
        except DecoderDiedError as error:  # a worker tries again, then gives up with these words
            reason = Reason(ReasonKind.ABANDONED, detail=str(error))
        return error_scan(subject, None, reason, timings=timer.read())

    def _judge(self, subject: Subject, timer: CpuTimer, seen: list[Video]) -> Scan:
        budget = CpuBudget(MAX_CPU_S, self._decoder.cpu_s)
        video = self._decoder.probe(subject.source, limits=LIMITS, budget=budget)
        seen.append(video)
        chunk = scan_chunk(
            video,
            Span(0, video.facts.duration_ms),
            policy=self._policy,
            scorer=self._scorer,
            budget=budget,
            timer=timer,
            on_progress=lambda _share: None,
            look_through=lambda looker: RemoteLooker(self._decoder, looker),
        )
        exclusivity = self._scorer.manifest.exclusivity
        return judge_video(subject, video.facts, video.faults, chunk, exclusivity=exclusivity)
