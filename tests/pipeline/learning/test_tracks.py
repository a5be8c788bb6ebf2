"""Tracks: a face stays the same face, whatever passes by."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.learning.tracks import Sighting, overlap, track_faces

LIMIT = 0.1
PATIENCE_MS = 3_000


def sighting(ms: int, left: float, degrees: float, confidence: float = 0.9) -> Sighting:
    """Return a face a fifth of the picture wide, whose embedding points into a direction."""
    angle = np.radians(degrees)
    embedding = np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)
    return Sighting(ms, (left, 0.2, left + 0.2, 0.4), embedding, confidence, b"")


def lengths(frames: list[list[Sighting]]) -> list[int]:
    tracks = track_faces(frames, max_distance=LIMIT, patience_ms=PATIENCE_MS)
    return [len(track.sightings) for track in tracks]


# Distances: 20 degrees 0.06, 30 degrees 0.13, 36 degrees 0.19, 40 degrees 0.23.
@pytest.mark.parametrize(
    ("frames", "tracks"),
    [
        pytest.param([], [], id="no-frames"),
        pytest.param([[], []], [], id="no-faces"),
        pytest.param([[(0, 0, 0)], [(1_000, 0, 0)]], [2], id="stays"),
        pytest.param([[(0, 0, 0)], [(1_000, 0.7, 20)]], [2], id="jumps-but-is-alike"),
        pytest.param([[(0, 0, 0)], [(1_000, 0.7, 30)]], [1, 1], id="another-elsewhere"),
        pytest.param([[(0, 0, 0)], [(1_000, 0.05, 30)]], [2], id="turns-in-place"),
        pytest.param([[(0, 0, 0)], [(1_000, 0.05, 40)]], [1, 1], id="another-in-its-place"),
        pytest.param([[(0, 0, 0)], [(3_000, 0, 0)]], [2], id="hidden-for-a-while"),
        pytest.param([[(0, 0, 0)], [(3_001, 0, 0)]], [1, 1], id="gone-for-long"),
        pytest.param([[(0, 0, 0), (0, 0.5, 2)]], [1, 1], id="twins-in-one-frame"),
        pytest.param(
            [[(0, 0, 0), (0, 0.5, 90)], [(1_000, 0.5, 0), (1_000, 0, 90)]], [2, 2], id="cross-over"
        ),
        pytest.param([[(0, 0, 0)], [(1_000, 0, 20)], [(2_000, 0.7, 36)]], [3], id="changes-slowly"),
    ],
)
def test_tracks(frames: list[list[tuple[int, float, float]]], tracks: list[int]) -> None:
    assert lengths([[sighting(*face) for face in frame] for frame in frames]) == tracks


def test_who_crosses_over_keeps_their_own_track() -> None:
    frames = [
        [sighting(0, 0, 0), sighting(0, 0.5, 90)],
        [sighting(1_000, 0.5, 0), sighting(1_000, 0, 90)],
    ]

    one, other = track_faces(frames, max_distance=LIMIT, patience_ms=PATIENCE_MS)

    assert {tuple(each.embedding.round().tolist()) for each in one.sightings} == {(1.0, 0.0)}
    assert {tuple(each.embedding.round().tolist()) for each in other.sightings} == {(0.0, 1.0)}


def test_the_best_sighting_stands_for_a_track_and_the_mean_for_what_it_is_like() -> None:
    frames = [
        [sighting(0, 0, 0, 0.8)],
        [sighting(1_000, 0, 10, 0.9)],
        [sighting(2_000, 0, 20, 0.8)],
    ]

    (track,) = track_faces(frames, max_distance=LIMIT, patience_ms=PATIENCE_MS)

    assert track.best.timestamp_ms == 1_000
    wanted = [np.cos(np.radians(10)), np.sin(np.radians(10))]
    np.testing.assert_allclose(track.embedding, wanted, atol=1e-6)


faces = st.tuples(st.floats(0, 0.8), st.floats(0, 180))


@given(st.lists(st.lists(faces, max_size=4), max_size=6))
def test_every_face_is_in_one_track_and_no_track_has_two_of_a_frame(
    frames: list[list[tuple[float, float]]],
) -> None:
    seen = [[sighting(1_000 * i, *face) for face in frame] for i, frame in enumerate(frames)]

    tracks = track_faces(seen, max_distance=LIMIT, patience_ms=PATIENCE_MS)

    flat = [id(one) for track in tracks for one in track.sightings]
    assert sorted(flat) == sorted(id(one) for frame in seen for one in frame)
    for track in tracks:
        times = [one.timestamp_ms for one in track.sightings]
        assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("other", "shared"),
    [
        pytest.param((0, 0, 1, 1), 1.0, id="the-same"),
        pytest.param((1, 0, 2, 1), 0.0, id="side-by-side"),
        pytest.param((5, 5, 6, 6), 0.0, id="far-apart"),
        pytest.param((0, 0, 0.5, 1), 0.5, id="half"),
    ],
)
def test_overlap(other: tuple[float, float, float, float], shared: float) -> None:
    assert overlap((0, 0, 1, 1), other) == overlap(other, (0, 0, 1, 1)) == shared


def test_a_box_inside_out_is_refused() -> None:
    with pytest.raises(ValueError, match="left, top, right, bottom"):
        Sighting(0, (0.5, 0, 0.4, 1), np.ones(1, dtype=np.float32), 1.0, b"")
