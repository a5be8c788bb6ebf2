"""Sampled frames with what the model said of them, on their way to becoming columns."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal
from pipeline.judging.gate import gate_frame
from pipeline.learning.bank import Detector
from pipeline.records import (
    BankFacts,
    Change,
    Frame,
    FrameScores,
    Gate,
    GateThresholds,
    Look,
    Span,
    Thumbnails,
)
from pipeline.scoring.session import Scorer


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One sampled frame, gated and, if it is good, scored.

    Attributes:
        timestamp_ms: when it is first shown.
        pts: its presentation timestamp.
        look: which look asked for it.
        gate: what the gate said of it.
        change: how it was seen to differ from the frame just before it.
        scores: shape (L,), float32; NaN where the frame is bad.
        ood: how unlike what the model knows it is, higher = less alike; NaN where the frame is bad
            or there is no bank to compare it with.
        thumbnail: a JPEG file in memory.
    """

    timestamp_ms: int
    pts: int
    look: Look
    gate: Gate
    change: Change
    scores: NDArray[np.float32]
    ood: float
    thumbnail: bytes

    def __post_init__(self) -> None:
        require_array("scores", self.scores, np.float32, (None,))
        seal(self)


class _Said(NamedTuple):
    """What is said of one frame: its scores, shape (L,), and its OOD score."""

    scores: NDArray[np.float32]
    ood: float


class FrameScorer:
    """Gates and scores frames in batches; frozen ones take the scores of the last scored frame."""

    def __init__(
        self, scorer: Scorer, thresholds: GateThresholds, detector: Detector | None = None
    ) -> None:
        """Make one of a model, the gate's lines and, where there is a bank, its detector."""
        self._scorer = scorer
        self._thresholds = thresholds
        self._detector = detector

    def score_in_turn(self, frames: Iterable[Frame]) -> Iterator[Sample]:
        """Yield a sample a frame; one that looks like the last scored frame is not scored again."""
        batch: list[tuple[Frame, Gate]] = []
        last_signature: NDArray[np.uint8] | None = None
        last_said = self._not_scored()
        for frame in frames:
            gate = self._gate(frame, last_signature)
            batch.append((frame, gate))
            if gate is Gate.OK:
                last_signature = frame.quality.signature
            if len(batch) == self._scorer.batch_frames:
                samples = self._score(batch, last_said)
                batch, last_said = [], _last_said(samples, last_said)
                yield from samples
        yield from self._score(batch, last_said)

    def score_each(self, frames: Iterable[Frame]) -> list[Sample]:
        """Return a sample a frame, each scored by itself: witnesses must not copy one another."""
        gated = [(frame, self._gate(frame, None)) for frame in frames]
        size = self._scorer.batch_frames
        batches = (gated[i : i + size] for i in range(0, len(gated), size))
        return [sample for batch in batches for sample in self._score(batch, self._not_scored())]

    def _gate(self, frame: Frame, last_signature: NDArray[np.uint8] | None) -> Gate:
        return gate_frame(
            frame.quality,
            is_corrupt=frame.is_corrupt,
            last_scored=last_signature,
            thresholds=self._thresholds,
        )

    def _score(self, batch: Sequence[tuple[Frame, Gate]], last_said: _Said) -> list[Sample]:
        fresh = iter(self._ask([frame.pixels for frame, gate in batch if gate is Gate.OK]))
        samples = []
        for frame, gate in batch:
            if gate is Gate.OK:
                last_said = next(fresh)
            said = last_said if gate.is_good else self._not_scored()
            samples.append(_to_sample(frame, gate, said))
        return samples

    def _ask(self, pixels: list[NDArray[np.uint8]]) -> list[_Said]:
        """Return what the model and the bank say of each frame."""
        if not pixels:
            return []
        outputs = self._scorer.score(np.stack(pixels))
        if self._detector is None:
            return [_Said(scores, np.nan) for scores in outputs.scores]
        oods = self._detector.score(outputs).tolist()
        return [_Said(*each) for each in zip(outputs.scores, oods, strict=True)]

    def _not_scored(self) -> _Said:
        labels = self._scorer.manifest.labels
        return _Said(np.full(len(labels), np.nan, dtype=np.float32), np.nan)


def _to_sample(frame: Frame, gate: Gate, said: _Said) -> Sample:
    return Sample(
        timestamp_ms=frame.timestamp_ms,
        pts=frame.pts,
        look=frame.look,
        gate=gate,
        change=frame.change,
        scores=said.scores,
        ood=said.ood,
        thumbnail=frame.thumbnail,
    )


def _last_said(samples: Sequence[Sample], before: _Said) -> _Said:
    return next((_Said(s.scores, s.ood) for s in reversed(samples) if s.gate is Gate.OK), before)


def merge(samples: Sequence[Sample], more: Iterable[Sample]) -> list[Sample]:
    """Return all samples in order of time; of two at one time, the one that was there first."""
    by_time = {sample.timestamp_ms: sample for sample in [*more, *samples]}
    return [by_time[timestamp_ms] for timestamp_ms in sorted(by_time)]


def to_frame_scores(  # noqa: PLR0913 - a column each
    samples: Sequence[Sample],
    *,
    labels: tuple[str, ...],
    stream: int,
    duration_ms: int,
    examined: tuple[Span, ...],
    bank: BankFacts | None = None,
) -> FrameScores:
    """Turn samples, in order of time, into columns; *bank* is what they were compared with."""
    scores = [sample.scores for sample in samples]
    return FrameScores(
        labels=labels,
        stream=stream,
        duration_ms=duration_ms,
        timestamps_ms=np.array([sample.timestamp_ms for sample in samples], dtype=np.int64),
        pts=np.array([sample.pts for sample in samples], dtype=np.int64),
        looks=np.array([sample.look for sample in samples], dtype=np.uint8),
        gates=np.array([sample.gate for sample in samples], dtype=np.uint8),
        scores=np.stack(scores) if scores else np.empty((0, len(labels)), dtype=np.float32),
        ood=np.array([sample.ood for sample in samples], dtype=np.float32),
        examined=examined,
        cuts_ms=tuple(sample.timestamp_ms for sample in samples if sample.change is Change.SHOT),
        bank=bank,
    )


def to_thumbnails(samples: Sequence[Sample], *, stream: int) -> Thumbnails:
    """Collect the thumbnails of samples, in order of time."""
    timestamps_ms = np.array([sample.timestamp_ms for sample in samples], dtype=np.int64)
    return Thumbnails(stream, timestamps_ms, tuple(sample.thumbnail for sample in samples))
