"""Pictures of one object, and its title, come to one answer or to a person.

The chain, from top to bottom: read, gate, score, calibrate, read the title, vote.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.ahead import work_ahead
from pipeline.classified import Classified, Seen, Unread
from pipeline.errors import LimitExceededError
from pipeline.judging.confidences import candidate_confidences, weigh_by_sharpness
from pipeline.judging.gate import gate_frame
from pipeline.judging.vote import vote
from pipeline.media.here import Decoder
from pipeline.records import BankFacts, Frame, Gate, ModelOutputs
from pipeline.scoring.session import Scorer
from pipeline.showing import Shown, read_files
from pipeline.votes import Ballots, Candidates, VoteRule

FRAMES_AHEAD = 8  # read while others are scored; some 200 kB each

# What a title says of K candidates, shape (K,), float32, a sum of at most 1; None where nothing.
Witness = Callable[[str, Candidates], NDArray[np.float32] | None]


@dataclass(frozen=True, slots=True)
class Strangeness:
    """Which pictures are strangers, and do not vote.

    Attributes:
        measure: of N pictures' outputs, shape (N,), float32, higher = less like what the model
            knows.
        bank: what they are compared with. One whose score is above its threshold is a stranger, and
            so is one without a score (NaN).
    """

    measure: Callable[[ModelOutputs], NDArray[np.float32]]
    bank: BankFacts


@dataclass(frozen=True, slots=True)
class Judges:
    """What every submission of a batch is classified with.

    Attributes:
        candidates: the possible answers; their labels must be among the scorer's.
        scorer: the model.
        decoder: decodes videos; a child process, unless the files are one's own.
        rule: how the votes are counted.
        witness: reads the title.
        strangeness: finds strangers; None = nobody looks for them.
    """

    candidates: Candidates
    scorer: Scorer
    decoder: Decoder
    rule: VoteRule
    witness: Witness
    strangeness: Strangeness | None


def classify(name: str, paths: Sequence[Path], text: str, judges: Judges) -> Classified:
    """Return what the files of one submission come to: pictures, videos, or both.

    Of a video the frames that cover it vote. What cannot be read is named in the result, and the
    rest goes on. Nothing that is no picture, and no number of them, is an error of this function.

    Args:
        name: what people know the submission by.
        paths: its files, 0 or more.
        text: its title; may be empty.
        judges: what it is classified with.
    """
    candidates, unread = judges.candidates, list[Unread]()
    rows, error = list[_Row](), ""
    try:
        _require_few(len(paths), candidates)
        for row in _see(paths, judges, unread):
            rows.append(row)
            _require_few(len(rows), candidates)
        if not rows:
            error = "none of its files could be read" if paths else "there are no pictures"
    except LimitExceededError as fault:
        rows, error = [], str(fault)
    witnessed = judges.witness(text, candidates)
    ballots = _to_ballots(rows, candidates)
    return Classified(
        name=name,
        text=text,
        files=len(paths),
        candidates_id=candidates.candidates_id,
        candidates_version=candidates.version,
        candidates_sha256=candidates.sha256,
        model=judges.scorer.facts,
        bank=judges.strangeness.bank if judges.strangeness else None,
        pictures=tuple(row.seen for row in rows),
        unread=tuple(unread),
        vote=None if error else vote(ballots, candidates, rule=judges.rule, text=witnessed),
        error=error,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """One picture, and its row of the ballots."""

    seen: Seen
    confidences: NDArray[np.float32]
    weight: float
    signature: NDArray[np.uint8]


def _require_few(pictures: int, candidates: Candidates) -> None:
    if pictures > candidates.max_pictures:
        raise LimitExceededError(f"has more than {candidates.max_pictures:,} pictures")


def _see(paths: Sequence[Path], judges: Judges, unread: list[Unread]) -> Iterator[_Row]:
    """Yield a row a picture, in order; what cannot be read goes to *unread*."""
    geometry = judges.scorer.manifest.input.geometry
    frames = read_files(
        paths,
        geometry=geometry,
        candidates=judges.candidates,
        decoder=judges.decoder,
        unread=unread,
    )
    shown = work_ahead(frames, depth=FRAMES_AHEAD)
    while batch := list(islice(shown, judges.scorer.batch_frames)):
        yield from _score(batch, judges)


def _score(batch: Sequence[Shown], judges: Judges) -> Iterator[_Row]:
    """Yield the rows of a batch; bad pictures are not scored."""
    candidates, strangeness = judges.candidates, judges.strangeness
    gates = [_gate(shown.frame, candidates) for shown in batch]
    good = [i for i, gate in enumerate(gates) if gate.is_good]
    confidences = np.full((len(batch), len(candidates.candidates)), np.nan, dtype=np.float32)
    ood = np.full(len(batch), np.nan, dtype=np.float32)
    is_stranger = np.zeros(len(batch), dtype=np.bool_)
    if good:
        manifest = judges.scorer.manifest
        outputs = judges.scorer.score(np.stack([batch[i].frame.pixels for i in good]))
        confidences[good] = candidate_confidences(
            outputs.scores, manifest.labels, candidates, manifest.exclusivity
        )
        if strangeness:
            ood[good] = strangeness.measure(outputs)
            is_stranger[good] = ~(ood[good] <= strangeness.bank.threshold)
    for i, (shown, gate) in enumerate(zip(batch, gates, strict=True)):
        frame, where = shown.frame, (shown.path, shown.timestamp_ms)
        seen = Seen(*where, gate, float(ood[i]), bool(is_stranger[i]), frame.thumbnail)
        yield _Row(seen, confidences[i], _weigh(frame, candidates), frame.quality.signature)


def _gate(frame: Frame, candidates: Candidates) -> Gate:
    return gate_frame(
        frame.quality,
        is_corrupt=frame.is_corrupt,
        last_scored=None,  # copies share a vote, wherever they stand
        thresholds=candidates.gate,
    )


def _weigh(frame: Frame, candidates: Candidates) -> float:
    return weigh_by_sharpness(
        frame.quality.sharpness,
        blur_below=candidates.gate.blur_below,
        full_sharpness=candidates.pooling.full_sharpness,
        least_weight=candidates.pooling.least_weight,
    )


def _to_ballots(rows: Sequence[_Row], candidates: Candidates) -> Ballots:
    k = len(candidates.candidates)
    signatures = [row.signature for row in rows]
    return Ballots(
        confidences=np.array([row.confidences for row in rows], np.float32).reshape(-1, k),
        gates=np.array([row.seen.gate for row in rows], np.uint8),
        weights=np.array([row.weight for row in rows], np.float32),
        is_stranger=np.array([row.seen.is_stranger for row in rows], np.bool_),
        signatures=np.stack(signatures) if rows else np.empty((0, 0, 0, 3), np.uint8),
    )
