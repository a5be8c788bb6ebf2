"""The files of one submission become frames: pictures, and the frames that cover videos."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.classified import Unread
from pipeline.covering import open_footage
from pipeline.errors import DecoderDiedError, LimitExceededError, UnreadableVideoError
from pipeline.media.here import Decoder
from pipeline.media.kinds import is_still
from pipeline.records import Examination, Frame, Geometry, Policy, Rule
from pipeline.votes import Candidates


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One picture on its way to the model: a file, or a moment of one.

    Attributes:
        path: the file.
        timestamp_ms: when the frame is shown; None where the file is no video.
        frame: in the model's geometry.
    """

    path: Path
    timestamp_ms: int | None
    frame: Frame


def read_files(
    paths: Sequence[Path],
    *,
    geometry: Geometry,
    candidates: Candidates,
    decoder: Decoder,
    unread: list[Unread],
) -> Generator[Shown, None, None]:
    """Yield what files show, in order; of a video its main stream's frames, max_gap_ms apart.

    Args:
        paths: the files.
        geometry: the pixels that the model wants.
        candidates: their limits hold.
        decoder: decodes the videos; one that it dies of counts as unread.
        unread: what cannot be read, or not to its end, is added to it; the rest goes on.
    """
    for path in paths:
        try:
            yield from _read(path, geometry, candidates, decoder)
        except (UnreadableVideoError, LimitExceededError) as fault:
            unread.append(Unread(path, str(fault)))
        except DecoderDiedError as fault:
            unread.append(Unread(path, f"cannot be decoded: {fault}"))


def _read(
    path: Path, geometry: Geometry, candidates: Candidates, decoder: Decoder
) -> Iterator[Shown]:
    """Yield the picture of a file, or where it is none, the frames of the video that it is."""
    if is_still(path):
        frame = decoder.read_still(path, geometry=geometry, limits=candidates.limits)
        yield Shown(path, None, frame)
        return
    try:
        yield from _watch(path, geometry, candidates, decoder)
    except UnreadableVideoError as fault:
        raise UnreadableVideoError(f"is no picture, and {fault}") from fault


def _watch(
    path: Path, geometry: Geometry, candidates: Candidates, decoder: Decoder
) -> Iterator[Shown]:
    """Yield the frames that cover a video's main stream, few enough for one submission."""
    footage = open_footage(path, limits=candidates.limits, decoder=decoder)
    stream = max(footage.video.streams, key=lambda one: len(one.pts))
    duration_ms = footage.video.facts.duration_ms
    gap_ms = max(candidates.max_gap_ms, 3 * duration_ms // candidates.max_pictures)
    policy = _as_policy(candidates, gap_ms)
    next_ms = 0
    for frame in footage.cover(stream, geometry=geometry, policy=policy):
        if frame.timestamp_ms >= next_ms:  # cuts bring frames of their own, near others
            next_ms = frame.timestamp_ms + gap_ms // 2
            yield Shown(path, frame.timestamp_ms, frame)


def _as_policy(candidates: Candidates, gap_ms: int) -> Policy:
    """Return the policy by which a video is sampled: it says how closely to look."""
    return Policy(
        policy_id=candidates.candidates_id,
        version=candidates.version,
        sha256=candidates.sha256,
        model=candidates.model,
        rules=tuple(
            Rule(each.name, each.labels, 1.0, None, 0, is_strict=False, severity=1)
            for each in candidates.candidates
        ),
        max_gap_ms=gap_ms,
        merge_gap_ms=0,
        max_confirmations=0,
        doubts=frozenset(),
        min_good_share=0.0,
        examination=Examination.PACKETS,
        gate=candidates.gate,
        limits=candidates.limits,
    )
