"""Faces of pictures and videos, ready to be grouped as pictures are."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.covering import open_footage
from pipeline.gathering import Seen
from pipeline.learning.tracks import Sighting, Track, track_faces
from pipeline.media.faces import FaceEmbedder, FaceFinder, cut_face, restore_shape
from pipeline.media.here import Decoder
from pipeline.records import Fit, Frame, Geometry, Policy

# The whole picture, stretched; a face of a fiftieth of the longer side is 19 px wide, and found.
SIDE_PX = 960
WHOLE = Geometry(SIDE_PX, SIDE_PX, SIDE_PX, Fit.STRETCH)
PATIENCE_GAPS = 3  # a face may be hidden in so many samples in a row


@dataclass(frozen=True, slots=True)
class FaceModels:
    """What finds faces and what tells people apart.

    Attributes:
        finder: where they are.
        embedder: whose they are.
        cut: cosine distance up to which faces are grouped.
        sha256: of both models together: another one groups otherwise.
    """

    finder: FaceFinder
    embedder: FaceEmbedder
    cut: float
    sha256: str


def see_faces_of_still(
    path: Path, *, submission_id: str, policy: Policy, models: FaceModels, decoder: Decoder
) -> list[Seen]:
    """Return every face of a picture file, once each.

    Raises:
        UnreadableVideoError: if it is no picture, or a part of it is missing.
        LimitExceededError: if it has too many pixels.
    """
    frame = decoder.read_still(path, geometry=WHOLE, limits=policy.limits)
    tracks = [Track((sighting,)) for sighting in _sightings(frame, models)]
    return [_to_seen(track, path, submission_id, is_video=False) for track in tracks]


def see_faces_of_video(
    path: Path, *, submission_id: str, policy: Policy, models: FaceModels, decoder: Decoder
) -> Iterator[Seen]:
    """Yield every face of a video, tracked through all its sampled frames: one a track.

    Raises:
        UnreadableVideoError: if it is no video.
        LimitExceededError: if it exceeds the policy's limits.
        DecoderDiedError: if a child that decodes dies of it.
    """
    footage = open_footage(path, limits=policy.limits, decoder=decoder)
    for index in footage.video.streams:
        frames = footage.cover(index, geometry=WHOLE, policy=policy)
        stream = f"{index.stream}:" if index.stream else ""
        for track in _tracks(frames, policy, models):
            key = f"{submission_id}@{stream}{track.best.timestamp_ms}"
            yield _to_seen(track, path, key, is_video=True)


def _tracks(frames: Iterable[Frame], policy: Policy, models: FaceModels) -> tuple[Track, ...]:
    return track_faces(
        (_sightings(frame, models) for frame in frames),
        max_distance=models.cut,
        patience_ms=PATIENCE_GAPS * policy.max_gap_ms,
    )


def _sightings(frame: Frame, models: FaceModels) -> list[Sighting]:
    pixels = restore_shape(frame)
    height_px, width_px = pixels.shape[:2]
    found = []
    for face in models.finder.find(pixels):
        left, top, right, bottom = face.box_px
        found.append(
            Sighting(
                timestamp_ms=frame.timestamp_ms,
                box=(left / width_px, top / height_px, right / width_px, bottom / height_px),
                embedding=models.embedder.embed(pixels, face),
                confidence=face.confidence,
                jpeg=cut_face(pixels, face),
            )
        )
    return found


def _to_seen(track: Track, path: Path, key: str, *, is_video: bool) -> Seen:
    best = track.best
    left, top, right, bottom = best.box
    # In percent: another version of the detector that is off by a pixel finds the same face.
    x, y = round(50 * (left + right)), round(50 * (top + bottom))
    return Seen(
        key=f"{key}#{max(0, x)},{max(0, y)}",
        source=path,
        timestamp_ms=best.timestamp_ms if is_video else None,
        features=track.embedding,
        signature=np.empty(0, dtype=np.uint8),
        thumbnail=best.jpeg,
        own=math.nan,
    )
