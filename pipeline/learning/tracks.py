"""Tracks: the face that is seen in one frame is the one that was seen in the frames before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal

MIN_OVERLAP = 0.3  # two boxes of one face that hardly moved overlap by this share of their union


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One face in one frame.

    Attributes:
        timestamp_ms: when the frame is shown; 0 of a picture.
        box: left, top, right, bottom as shares of the picture's width and height, 0 to 1; a face
            at the edge may reach a little beyond.
        embedding: shape (D,), float32, of length 1.
        confidence: how sure the detector is, 0 to 1.
        jpeg: a JPEG file in memory: the face.
    """

    timestamp_ms: int
    box: tuple[float, float, float, float]
    embedding: NDArray[np.float32]
    confidence: float
    jpeg: bytes

    def __post_init__(self) -> None:
        require_array("embedding", self.embedding, np.float32, (None,))
        left, top, right, bottom = self.box
        if not (left < right and top < bottom):
            raise ValueError(f"box must be left, top, right, bottom, got {self.box}")
        seal(self)

    @property
    def worth(self) -> float:
        """How well the face is seen: large and sure is better."""
        left, top, right, bottom = self.box
        return self.confidence * (right - left) * (bottom - top)


@dataclass(frozen=True, slots=True)
class Track:
    """One face through the frames of a video.

    Attributes:
        sightings: in order of time, at least one.
    """

    sightings: tuple[Sighting, ...]

    @property
    def best(self) -> Sighting:
        """The sighting that shows it best, of equal ones the first."""
        return max(self.sightings, key=lambda one: one.worth)

    @property
    def embedding(self) -> NDArray[np.float32]:
        """The mean of its embeddings, shape (D,), brought to length 1."""
        mean = np.mean([one.embedding for one in self.sightings], axis=0)
        return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)


def track_faces(
    frames: Iterable[Sequence[Sighting]], *, max_distance: float, patience_ms: int
) -> tuple[Track, ...]:
    """Return the tracks of faces through frames, in order of their first sightings.

    In each frame, the likeliest pair of a track and a face is joined first, then the next. A face
    is a track's if it is like its last two sightings (the cosine distance is at most max_distance);
    one whose box overlaps the last one by MIN_OVERLAP may be less alike, up to twice that: a
    turned head in the same place is the same head. No two faces of one frame are one track.

    Args:
        frames: the faces of each frame, in order of time.
        max_distance: cosine distance up to which two faces are the same.
        patience_ms: a track that was not seen for longer has ended.
    """
    tracks: list[list[Sighting]] = []
    for faces in frames:
        pairs = sorted(
            (badness, t, f)
            for t, track in enumerate(tracks)
            for f, face in enumerate(faces)
            if face.timestamp_ms - track[-1].timestamp_ms <= patience_ms
            and (badness := _badness(track, face, max_distance)) is not None
        )
        taken: dict[int, int] = {}
        for _, t, f in pairs:
            if t not in taken.values() and f not in taken:
                taken[f] = t
        for f, face in enumerate(faces):
            if f in taken:
                tracks[taken[f]].append(face)
            else:
                tracks.append([face])
    return tuple(Track(tuple(track)) for track in tracks)


def overlap(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> float:
    """Return the share of the union of two boxes that both cover, 0 to 1.

    >>> overlap((0, 0, 2, 2), (0, 1, 2, 3))
    0.3333333333333333
    """
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (areas - shared)


def _badness(track: Sequence[Sighting], face: Sighting, max_distance: float) -> float | None:
    """Return how unlikely it is that they are one, lower = likelier; None = they are not."""
    distance = min(1 - float(last.embedding @ face.embedding) for last in track[-2:])
    shared = overlap(track[-1].box, face.box)
    limit = 2 * max_distance if shared >= MIN_OVERLAP else max_distance
    return distance / max_distance - shared if distance <= limit else None
