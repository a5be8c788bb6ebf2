"""Chunks: where a video is cut, what each part sees, and how they become one again."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.chunks import plan_chunks
from pipeline.media.encode import Encoding, write_video
from pipeline.outputs import chunk_file
from pipeline.probed import PacketIndex, Video
from pipeline.records import (
    ChunkScan,
    Look,
    Span,
    VideoFacts,
)
from pipeline.scoring.session import Scorer
from tests.films import Incident, even_ms, film
from tests.pipeline.chunk_parts import probe_file, see
from tests.pipeline.media.media_parts import index_of
from tests.scanning import colour_policy

DURATION_MS = 60_000
SIZE = (160, 90)
POLICY = colour_policy()
NO_CUTS = {"preset": "ultrafast", "sc_threshold": "0"}
SECONDS = Encoding(rate_hz=20, keyframe_interval=20, options=NO_CUTS)


def keys_at(
    *times_ms: int, end_ms: int = DURATION_MS, rest: int = 1, stream: int = 0
) -> PacketIndex:
    """An index whose groups of pictures begin at these times, each with *rest* frames more."""
    rows = [(t + i, 9, i == 0) for t in times_ms for i in range(rest + 1)]
    return index_of(*rows, end_ms=end_ms, stream=stream)


def video_of(*streams: PacketIndex, duration_ms: int = DURATION_MS) -> Video:
    facts = VideoFacts("mkv", "h264", duration_ms, 64, 36, 0, 25.0, is_vfr=False, streams=1)
    return Video(Path("a.mkv"), facts, streams, ())


def cuts(*streams: PacketIndex, chunk_ms: int, duration_ms: int = DURATION_MS) -> list[int]:
    spans = plan_chunks(video_of(*streams, duration_ms=duration_ms), chunk_ms=chunk_ms)
    return [span.end_ms for span in spans[:-1]]


@pytest.mark.parametrize(
    ("keys", "chunk_ms", "expected"),
    [
        pytest.param([0, 10_000, 20_000], 10_000, [10_000, 20_000], id="on-the-multiple"),
        pytest.param([0, 9_999, 10_001], 10_000, [10_001], id="the-next-one-after-it"),
        pytest.param([0, 45_000], 10_000, [45_000], id="never-an-empty-chunk"),
        pytest.param([0, 30_000], 60_000, [], id="as-long-as-a-chunk"),
        pytest.param([0, 30_000], 59_999, [], id="no-keyframe-in-the-rest"),
        pytest.param([0, 59_999], 59_999, [59_999], id="one-millisecond-longer"),
        pytest.param([0], 10_000, [], id="one-keyframe"),
        pytest.param([0, 20_000, 10_000, 40_000], 10_000, [], id="keyframes-going-back"),
        pytest.param([0, 20_000, 20_000, 40_000], 10_000, [], id="two-keyframes-at-once"),
        pytest.param([0, 60_000, 70_000], 10_000, [], id="keyframes-after-the-end"),
    ],
)
def test_a_video_is_cut_at_keyframes(keys: list[int], chunk_ms: int, expected: list[int]) -> None:
    assert cuts(keys_at(*keys), chunk_ms=chunk_ms) == expected


def test_the_stream_with_most_packets_says_where() -> None:
    few, many = keys_at(0, 25_000), keys_at(0, 30_000, rest=9, stream=1)

    assert cuts(few, many, chunk_ms=20_000) == [30_000]


def test_any_stream_whose_keyframes_go_back_keeps_the_video_whole() -> None:
    many, broken = keys_at(0, 30_000, rest=9), keys_at(20_000, 10_000, stream=1)

    assert cuts(many, broken, chunk_ms=20_000) == []


@pytest.mark.parametrize("chunk_ms", [0, -1])
def test_a_chunk_must_have_a_length(chunk_ms: int) -> None:
    with pytest.raises(ValueError, match=f"chunk_ms must be positive, got {chunk_ms}"):
        plan_chunks(video_of(keys_at(0)), chunk_ms=chunk_ms)


@given(
    keys=st.sets(st.integers(0, 400), min_size=1),
    duration_ms=st.integers(1, 400),
    chunk_ms=st.integers(1, 500),
)
def test_chunks_are_adjacent_and_cover_the_video(
    keys: set[int], duration_ms: int, chunk_ms: int
) -> None:
    index = keys_at(*sorted(keys), rest=0, end_ms=500)

    spans = plan_chunks(video_of(index, duration_ms=duration_ms), chunk_ms=chunk_ms)

    assert (spans[0].start_ms, spans[-1].end_ms) == (0, duration_ms)
    assert all(before.end_ms == after.start_ms for before, after in pairwise(spans))
    inside = sorted(key for key in keys if 0 < key < duration_ms)
    multiples = range(chunk_ms, duration_ms, chunk_ms)
    nearest = {next((key for key in inside if key >= m), None) for m in multiples}
    assert {span.end_ms for span in spans[:-1]} == nearest - {None}


@pytest.fixture(scope="module")
def twenty_s(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty seconds with an incident from 9.5 s to 10.8 s; a keyframe every second."""
    path = tmp_path_factory.mktemp("films") / "a.mkv"
    write_video(path, film(even_ms(20_000, 20), Incident(9_500, 10_800), size=SIZE), SECONDS)
    return path


BEFORE, AFTER = Span(0, 10_000), Span(10_000, 20_000)


@pytest.fixture(scope="module")
def halves(twenty_s: Path, colour: Scorer) -> tuple[ChunkScan, ChunkScan]:
    video = probe_file(twenty_s)
    before, after = (see(video, span, POLICY, colour) for span in (BEFORE, AFTER))
    return before, after


def first_look(chunk: ChunkScan, stream: int = 0) -> list[int]:
    frames = chunk.frames[stream]
    times: list[int] = frames.timestamps_ms[frames.looks == Look.FIRST].tolist()
    return times


def test_both_chunks_see_the_keyframe_between_them_and_no_more_of_each_other(
    halves: tuple[ChunkScan, ChunkScan],
) -> None:
    before, after = halves

    assert (first_look(before)[0], first_look(before)[-1]) == (0, 10_000)
    assert first_look(after)[0] == 10_000
    assert before.duration_ms == after.duration_ms == 20_000


def test_a_chunk_confirms_its_peaks_and_places_its_edges_beyond_its_ends(
    halves: tuple[ChunkScan, ChunkScan],
) -> None:
    before, after = (chunk.frames[0] for chunk in halves)

    assert max(before.timestamps_ms[before.looks == Look.CONFIRM]) > 10_000
    assert min(after.timestamps_ms[after.looks == Look.CONFIRM]) < 10_000


def test_scanning_a_chunk_twice_gives_equal_bytes(twenty_s: Path, colour: Scorer) -> None:
    video = probe_file(twenty_s)

    for span in (Span(0, 20_000), AFTER):
        once, again = (see(video, span, POLICY, colour) for _ in range(2))
        assert chunk_file.write(once) == chunk_file.write(again)


def test_progress_in_a_chunk_rises_from_0_to_1(twenty_s: Path, colour: Scorer) -> None:
    shares: list[float] = []

    see(probe_file(twenty_s), AFTER, POLICY, colour, shares.append)

    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert all(a <= b for a, b in pairwise(shares))
    assert len(shares) > 10


def test_progress_goes_no_further_where_the_next_group_is_decoded_too(
    tmp_path: Path, colour: Scorer
) -> None:
    """AVI with B-frames: of a group of pictures, only all of it can be put in order."""
    how = replace(SECONDS, keyframe_interval=60, b_frames=2)
    write_video(tmp_path / "a.avi", film(even_ms(6_000, 20), size=SIZE), how)
    shares: list[float] = []

    see(probe_file(tmp_path / "a.avi"), Span(0, 3_000), POLICY, colour, shares.append)

    assert all(a <= b for a, b in pairwise(shares))
    assert sorted(shares)[-2:] == [0.9, 1.0]


def test_a_stream_that_does_not_begin_in_a_chunk_has_no_frames_there(
    tmp_path: Path, colour: Scorer
) -> None:
    one_group = replace(SECONDS, keyframe_interval=1_000)
    write_video(tmp_path / "a.mkv", film(even_ms(4_000, 20), size=SIZE), one_group)
    shares: list[float] = []

    seen = see(probe_file(tmp_path / "a.mkv"), Span(2_000, 4_000), POLICY, colour, shares.append)

    assert (first_look(seen), seen.thumbnails[0].jpegs, shares) == ([], (), [1.0])
    assert seen.frames[0].scores.shape == (0, 2)
