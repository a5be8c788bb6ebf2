"""Pictures and the good frames of videos, each with what a model sees in it: what is grouped."""

import hashlib
import math
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal
from pipeline.covering import open_footage
from pipeline.errors import ModelError
from pipeline.judging.gate import gate_frame
from pipeline.learning.pictures import Pictures, gather_pictures
from pipeline.media.here import Decoder
from pipeline.media.nearer import mirror_nearer
from pipeline.records import Frame, Gate, Policy
from pipeline.scoring.session import Scorer

CELL_PX = 4  # a signature is shrunk by this once more: what is left tells copies from others
MAX_OWN = 256  # pictures that are compared with themselves


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One picture, or one frame of a video, that is good enough to be grouped.

    Attributes:
        key: what facts are kept by; see Pictures.
        source: the file.
        timestamp_ms: when the frame is shown; None of a picture file.
        features: shape (D,), float32, as the model gives them.
        signature: shape (S,), uint8: the picture shrunk.
        thumbnail: a JPEG file in memory.
        own: cosine distance of the picture to itself, mirrored and seen from nearer; NaN where it
            was not measured.
    """

    key: str
    source: Path
    timestamp_ms: int | None
    features: NDArray[np.float32]
    signature: NDArray[np.uint8]
    thumbnail: bytes
    own: float

    def __post_init__(self) -> None:
        require_array("features", self.features, np.float32, (None,))
        require_array("signature", self.signature, np.uint8, (None,))
        seal(self)


class OwnSample:
    """Chooses which pictures are compared with themselves: few, and the same in any order."""

    def __init__(self) -> None:
        self._digests: list[bytes] = []

    def wants(self, key: str) -> bool:
        """Whether a picture is among the MAX_OWN of least digest of its key, so far."""
        digest = _digest(key)
        place = bisect(self._digests, digest)
        if place >= MAX_OWN:
            return False
        self._digests.insert(place, digest)
        del self._digests[MAX_OWN:]
        return True


def see_still(  # noqa: PLR0913 - what is seen, by whom, and how
    path: Path,
    *,
    submission_id: str,
    policy: Policy,
    scorer: Scorer,
    decoder: Decoder,
    sample: OwnSample,
) -> list[Seen]:
    """Return the picture of a file, in a list; an empty one where the gate calls it bad.

    Args:
        path: the file.
        submission_id: `sha256:` and the hash of its bytes.
        policy: where the gate draws its lines, and the limits.
        scorer: the model; it must offer features.
        decoder: decodes; a child process, unless the file is one's own.
        sample: chooses what is compared with itself; one for the whole library.

    Raises:
        UnreadableVideoError: if it is no picture, or a part of it is missing.
        LimitExceededError: if it has too many pixels.
        ModelError: if the model offers no features.
    """
    require_features(scorer)
    frame = decoder.read_still(path, geometry=scorer.manifest.input.geometry, limits=policy.limits)
    good = [frame] if _gate(frame, None, policy) is Gate.OK else []
    return _see(good, path, [submission_id], scorer, sample, is_video=False)


def see_video(  # noqa: PLR0913 - what is seen, by whom, and how
    path: Path,
    *,
    submission_id: str,
    policy: Policy,
    scorer: Scorer,
    decoder: Decoder,
    sample: OwnSample,
) -> Iterator[Seen]:
    """Yield the good frames of a video's first look; what looks like the one before is left out.

    Args and errors are those of `see_still`, of all video streams; and DecoderDiedError if a child
    that decodes dies of it.
    """
    require_features(scorer)
    footage = open_footage(path, limits=policy.limits, decoder=decoder)
    geometry = scorer.manifest.input.geometry
    for index in footage.video.streams:
        frames = _good(footage.cover(index, geometry=geometry, policy=policy), policy)
        stream = f"{index.stream}:" if index.stream else ""
        for batch in _batches(frames, scorer.batch_frames):
            keys = [f"{submission_id}@{stream}{frame.timestamp_ms}" for frame in batch]
            yield from _see(batch, path, keys, scorer, sample, is_video=True)


def to_pictures(seen: Sequence[Seen]) -> Pictures:
    """Return what was seen as it is grouped.

    Raises:
        ValueError: as `gather_pictures`.
    """
    width = len(seen[0].features) if seen else 0
    cells = len(seen[0].signature) if seen else 0
    features = [one.features for one in seen]
    signatures = [one.signature for one in seen]
    return gather_pictures(
        [one.key for one in seen],
        np.stack(features) if seen else np.empty((0, width), dtype=np.float32),
        np.stack(signatures) if seen else np.empty((0, cells), dtype=np.uint8),
        _least([one.key for one in seen], np.array([one.own for one in seen], dtype=np.float32)),
    )


def _least(keys: Sequence[str], own: NDArray[np.float32]) -> NDArray[np.float32]:
    """Keep the distances that are measured in any order of seeing: those of MAX_OWN pictures."""
    order = sorted(range(len(keys)), key=lambda i: _digest(keys[i]))[:MAX_OWN]
    kept = np.full(len(keys), np.nan, dtype=np.float32)
    kept[order] = own[order]
    return kept


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def require_features(scorer: Scorer) -> None:
    """Raise ModelError unless the model offers features."""
    if scorer.manifest.outputs.features is None:
        raise ModelError(f"{scorer.manifest.model_id}: its manifest names no features to group by")


def shrink_signature(signature: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the means of a signature's cells of CELL_PX x CELL_PX, flat.

    >>> shrink_signature(np.full((36, 64, 3), 7, np.uint8)).shape
    (432,)
    """
    height, width = signature.shape[0] // CELL_PX, signature.shape[1] // CELL_PX
    channels = signature.shape[2]
    cut = signature[: height * CELL_PX, : width * CELL_PX]
    cells = cut.reshape(height, CELL_PX, width, CELL_PX, channels).mean(axis=(1, 3))
    return np.asarray(np.rint(cells), dtype=np.uint8).ravel()


def _good(frames: Iterable[Frame], policy: Policy) -> Iterator[Frame]:
    last: NDArray[np.uint8] | None = None
    for frame in frames:
        if _gate(frame, last, policy) is Gate.OK:
            last = frame.quality.signature
            yield frame


def _gate(frame: Frame, last: NDArray[np.uint8] | None, policy: Policy) -> Gate:
    return gate_frame(
        frame.quality, is_corrupt=frame.is_corrupt, last_scored=last, thresholds=policy.gate
    )


def _batches(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    batch: list[Frame] = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _see(  # noqa: PLR0913 - what was seen, where, and by whom
    frames: Sequence[Frame],
    path: Path,
    keys: Sequence[str],
    scorer: Scorer,
    sample: OwnSample,
    *,
    is_video: bool,
) -> list[Seen]:
    if not frames:
        return []
    features = scorer.score(np.stack([frame.pixels for frame in frames])).features
    return [
        Seen(
            key=key,
            source=path,
            timestamp_ms=frame.timestamp_ms if is_video else None,
            features=row,
            signature=shrink_signature(frame.quality.signature),
            thumbnail=frame.thumbnail,
            own=_own_distance(frame, row, scorer) if sample.wants(key) else math.nan,
        )
        for frame, key, row in zip(frames, keys, features, strict=True)
    ]


def _own_distance(frame: Frame, features: NDArray[np.float32], scorer: Scorer) -> float:
    nearer = scorer.score(mirror_nearer(frame.pixels)[None]).features[0]
    lengths = float(np.linalg.norm(features) * np.linalg.norm(nearer))
    return 1 - float(features @ nearer) / lengths if lengths else math.nan
