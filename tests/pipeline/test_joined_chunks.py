"""Chunks become one again: each frame counts once, in order, and so does what is damaged."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.chunks import join_chunks
from pipeline.media.encode import Encoding, write_video
from pipeline.outputs import chunk_file
from pipeline.records import (
    ChunkScan,
    DamageKeys,
    FrameScores,
    Gate,
    Look,
    Span,
    Thumbnails,
    Timings,
)
from pipeline.scoring.session import Scorer
from tests.films import Incident, even_ms, film
from tests.pipeline.chunk_parts import probe_file, see
from tests.scanning import colour_policy


def stub(  # noqa: PLR0913 - what a chunk is made of, each part with its usual value
    span: Span,
    rows: Sequence[tuple[int, Look, Gate, float]] = (),
    *,
    damage: DamageKeys | None = None,
    labels: tuple[str, ...] = ("nsfw",),
    duration_ms: int = 100,
    examined: tuple[Span, ...] = (),
    cuts_ms: tuple[int, ...] = (),
) -> ChunkScan:
    """A chunk of (timestamp_ms, look, gate, score) rows; a frame's picture is its score."""
    times = np.array([row[0] for row in rows], np.int64)
    frames = FrameScores(
        labels=labels,
        stream=0,
        duration_ms=duration_ms,
        timestamps_ms=times,
        pts=times * 90,
        looks=np.array([row[1] for row in rows], np.uint8),
        gates=np.array([row[2] for row in rows], np.uint8),
        scores=np.array([[row[3]] * len(labels) for row in rows], np.float32).reshape(
            -1, len(labels)
        ),
        ood=np.full(len(rows), np.nan, np.float32),
        examined=examined,
        cuts_ms=cuts_ms,
    )
    jpegs = tuple(str(row[3]).encode() for row in rows)
    thumbnails = Thumbnails(0, times, jpegs)
    return ChunkScan(span, (frames,), (thumbnails,), damage or DamageKeys(), Timings(1.0, 2.0, 0.0))


LEFT, RIGHT = Span(0, 50), Span(50, 100)


def joined_rows(*chunks: ChunkScan) -> list[tuple[int, int, int, float, bytes]]:
    joined = join_chunks(chunks)
    frames = joined.frames[0]
    assert frames.pts.tolist() == (90 * frames.timestamps_ms).tolist()
    columns = (frames.timestamps_ms, frames.looks, frames.gates, frames.scores[:, 0].round(2))
    rows = zip(*(column.tolist() for column in columns), joined.thumbnails[0].jpegs, strict=True)
    return [(t, look, gate, round(score, 2), jpeg) for t, look, gate, score, jpeg in rows]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        pytest.param((Look.FIRST, Gate.OK), (Look.FIRST, Gate.OK), 0.1, id="the-earlier-chunk's"),
        pytest.param((Look.FIRST, Gate.FROZEN), (Look.FIRST, Gate.OK), 0.2, id="the-scored-one"),
        pytest.param((Look.FIRST, Gate.OK), (Look.FIRST, Gate.CORRUPT), 0.1, id="the-good-one"),
        pytest.param((Look.CONFIRM, Gate.OK), (Look.FIRST, Gate.OK), 0.2, id="the-first-look's"),
        pytest.param((Look.CONFIRM, Gate.OK), (Look.FIRST, Gate.FROZEN), 0.2, id="even-if-frozen"),
        pytest.param((Look.EDGE, Gate.OK), (Look.CONFIRM, Gate.OK), 0.2, id="before-the-edge's"),
    ],
)
def test_a_frame_that_two_chunks_sampled_counts_once(
    left: tuple[Look, Gate], right: tuple[Look, Gate], expected: float
) -> None:
    rows = joined_rows(
        stub(LEFT, [(0, Look.FIRST, Gate.OK, 0.5), (50, *left, 0.1)]),
        stub(RIGHT, [(50, *right, 0.2), (90, Look.FIRST, Gate.OK, 0.6)]),
    )

    assert [row[0] for row in rows] == [0, 50, 90]
    assert rows[1][3:] == (expected, str(expected).encode())


def test_frames_that_a_chunk_took_from_its_neighbour_stand_in_order_of_time() -> None:
    rows = joined_rows(
        stub(LEFT, [(0, Look.FIRST, Gate.OK, 0.1), (70, Look.CONFIRM, Gate.OK, 0.2)]),
        stub(RIGHT, [(40, Look.EDGE, Gate.OK, 0.3), (60, Look.FIRST, Gate.BLACK, 0.4)]),
    )

    assert [(row[0], row[3], row[4]) for row in rows] == [
        (0, 0.1, b"0.1"),
        (40, 0.3, b"0.3"),
        (60, 0.4, b"0.4"),
        (70, 0.2, b"0.2"),
    ]


def test_what_was_examined_cut_and_damaged_counts_once() -> None:
    left = stub(
        LEFT,
        damage=DamageKeys(frozenset({(0, 5), (-1, None)}), frozenset({(0, 6)}), frozenset()),
        examined=(Span(0, 9), Span(50, 60)),
        cuts_ms=(10, 50),
    )
    right = stub(
        RIGHT,
        damage=DamageKeys(frozenset({(0, 5), (1, 5)}), frozenset({(0, 6)}), frozenset({(0, 7)})),
        examined=(Span(50, 60), Span(60, 70)),
        cuts_ms=(50, 20),
    )

    joined = join_chunks([left, right])

    assert joined.frames[0].examined == (Span(0, 9), Span(50, 60), Span(60, 70))
    assert joined.frames[0].cuts_ms == (10, 20, 50)
    assert joined.damage == DamageKeys(
        frozenset({(0, 5), (1, 5), (-1, None)}), frozenset({(0, 6)}), frozenset({(0, 7)})
    )


def test_the_times_that_chunks_took_add_up() -> None:
    joined = join_chunks([stub(LEFT), stub(RIGHT)])

    assert joined.timings == Timings(2.0, 4.0, 0.0)
    assert joined.span == Span(0, 100)


def test_chunks_come_in_any_order(colour: Scorer, tmp_path: Path) -> None:
    how = Encoding(rate_hz=20, keyframe_interval=20, options={"preset": "ultrafast"})
    write_video(tmp_path / "a.mkv", film(even_ms(4_000, 20), Incident(1_500, 2_500)), how)
    video = probe_file(tmp_path / "a.mkv")
    spans = (Span(0, 2_000), Span(2_000, 4_000))
    halves = [see(video, span, colour_policy(), colour) for span in spans]

    in_order, reversed_ = join_chunks(halves), join_chunks(halves[::-1])

    assert chunk_file.write(in_order) == chunk_file.write(reversed_)


def test_one_chunk_is_joined_to_itself() -> None:
    one = stub(Span(0, 100), [(0, Look.FIRST, Gate.OK, 0.5)], examined=(Span(0, 1), Span(0, 1)))

    assert join_chunks([one]) is one


@given(at=st.lists(st.integers(1, 99), unique=True, max_size=4), drawn=st.data())
def test_joined_frames_are_those_of_the_chunks_in_order(
    at: list[int], drawn: st.DataObject
) -> None:
    spans = [Span(a, b) for a, b in pairwise([0, *sorted(at), 100])]
    times = [sorted(drawn.draw(st.sets(st.integers(0, 99), max_size=6))) for _ in spans]
    chunks = [
        stub(span, [(t, Look.FIRST, Gate.OK, 0.5) for t in own])
        for span, own in zip(spans, times, strict=True)
    ]

    assert join_chunks(chunks).frames[0].timestamps_ms.tolist() == sorted(set().union(*times))


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        pytest.param([], "at least one, got none", id="none"),
        pytest.param([stub(Span(0, 40)), stub(RIGHT)], "adjacent", id="one-is-missing"),
        pytest.param([stub(LEFT), stub(LEFT), stub(RIGHT)], "adjacent", id="one-twice"),
        pytest.param([stub(LEFT), stub(RIGHT, labels=("cat",))], "one video", id="of-two-models"),
        pytest.param([stub(LEFT), stub(RIGHT, duration_ms=200)], "one video", id="of-two-videos"),
    ],
)
def test_what_does_not_belong_together_is_not_joined(chunks: list[ChunkScan], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        join_chunks(chunks)
