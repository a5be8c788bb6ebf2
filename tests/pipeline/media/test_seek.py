"""Reading far into a file: by a seek that the index bears out, else by counting; same packets."""

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.media.container import open_container
from pipeline.media.encode import Encoding, write_streams, write_video
from pipeline.media.packets import index_packets
from pipeline.media.seek import SEEK_FROM, WITNESSES
from tests.pipeline.media.media_parts import LIMITS, index_file
from tests.pipeline.media.seek_parts import (
    FILES,
    H264,
    SEEKABLE,
    N,
    assert_same,
    change,
    counted,
    last_key,
    long_file,
    pictures,
    read,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("long")


@pytest.mark.parametrize("first", [SEEK_FROM, SEEK_FROM + 333, N - 1])
@pytest.mark.parametrize("name", FILES)
def test_packets_are_those_that_counting_finds(name: str, first: int, folder: Path) -> None:
    path = long_file(folder, name)

    assert_same(path, index_file(path), first)


@pytest.mark.parametrize("name", SEEKABLE)
def test_where_the_file_leads_there_nothing_before_is_read(name: str, folder: Path) -> None:
    path = long_file(folder, name)
    index = index_file(path)

    reading = read(path, index, SEEK_FROM + 99)

    assert reading.first == last_key(index, SEEK_FROM + 99)
    assert reading.reopened == 0


@pytest.mark.parametrize("name", ["a.mpg", "a.h264"])
def test_where_the_index_does_not_say_where_packets_lie_they_are_counted(
    name: str, folder: Path
) -> None:
    path = long_file(folder, name)

    reading = read(path, index_file(path), SEEK_FROM)

    assert (reading.first, reading.reopened) == (0, 1)


def test_what_is_near_the_start_is_counted(folder: Path) -> None:
    path = long_file(folder, "a.mkv")

    assert (read(path, index_file(path), SEEK_FROM - 1).first) == 0


def test_what_is_read_ends_with_the_file_without_reading_it_again(folder: Path) -> None:
    path = long_file(folder, "a.mp4")

    reading = read(path, index_file(path), N - 1)

    assert (reading.reopened, reading.first + len(reading.packets)) == (0, N)


@pytest.mark.parametrize("field", ["sizes_bytes", "positions", "pts"])
@pytest.mark.parametrize("after", [0, WITNESSES - 1, WITNESSES, 100])
def test_from_where_the_index_says_otherwise_on_packets_are_counted(
    field: str, after: int, folder: Path
) -> None:
    """Among the witnesses of a seek, the next is further back; then another reading goes on."""
    path = long_file(folder, "a.mkv")
    index = index_file(path)
    key = last_key(index, N - 150)
    told = np.array(getattr(index, field))
    told[key + after] += 1

    reading = assert_same(path, change(index, field, told), key + 1)

    assert reading.reopened == 1
    assert reading.first == (key if after >= WITNESSES else key - 4 * 20)


def test_a_seek_that_lands_behind_is_tried_further_back(folder: Path) -> None:
    """MPEG-TS: FFmpeg lands two frames behind the keyframe that was asked for."""
    path = long_file(folder, "a.ts")
    index = index_file(path)

    reading = assert_same(path, index, last_key(index, SEEK_FROM + 99))

    assert SEEK_FROM - 99 < reading.first < last_key(index, SEEK_FROM + 99)
    assert reading.reopened == 0


def test_witnesses_that_fit_two_places_are_not_believed(folder: Path) -> None:
    path = long_file(folder, "a.mkv")
    index = index_file(path)
    twice = replace(
        index,
        pts=np.tile(index.pts, 2),
        sizes_bytes=np.tile(index.sizes_bytes, 2),
        positions=np.tile(index.positions, 2),
        is_key=np.tile(index.is_key, 2),
    )

    reading = read(path, twice, SEEK_FROM + 99)

    assert (reading.first, reading.reopened) == (0, 1)


def test_a_file_that_sends_whoever_seeks_to_other_pictures_gains_nothing(folder: Path) -> None:
    """A Matroska file whose table of places names the same cluster, near its end, for any time."""
    path = folder / "lying.mkv"
    content = long_file(folder, "a.mkv").read_bytes()
    head, cues = (
        content[: content.rindex(b"\x1c\x53\xbb\x6b")],
        content[content.rindex(b"\x1c\x53\xbb\x6b") :],
    )
    places = re.findall(rb"\xf1\x83(...)", cues, re.DOTALL)
    path.write_bytes(
        head + re.sub(rb"\xf1\x83...", b"\xf1\x83" + places[-1], cues, flags=re.DOTALL)
    )
    index = index_file(path)

    reading = assert_same(path, index, SEEK_FROM + 99)

    assert len(places) > 20
    assert (reading.first, reading.reopened) == (0, 1)


def remux(source: Path, path: Path, time_of: Callable[[int], int | None]) -> None:
    """Write the packets of a file with other presentation times, in frames."""
    with av.open(str(source)) as inlet, av.open(str(path), "w") as outlet:
        stream = inlet.streams.video[0]
        to = outlet.add_stream_from_template(stream)
        for i, packet in enumerate(p for p in inlet.demux(stream) if p.size):
            packet.stream, packet.time_base = to, Fraction(1, 25)
            packet.pts, packet.dts = time_of(i), i - 10_000
            outlet.mux(packet)


@pytest.mark.parametrize(
    "time_of",
    [
        pytest.param(lambda i: i // 2, id="two-at-once"),
        pytest.param(lambda i: i % 900, id="going-back"),
        pytest.param(lambda _: 5, id="all-at-once"),
        pytest.param(lambda i: N - i, id="backwards"),
        pytest.param(lambda i: i + 40 * (i // 20 % 2), id="to-and-fro"),
    ],
)
@pytest.mark.parametrize("name", ["broken.mkv", "broken.mp4", "broken.ts"])
def test_with_broken_times_packets_are_those_that_counting_finds(
    name: str, time_of: Callable[[int], int | None], folder: Path, tmp_path: Path
) -> None:
    remux(long_file(folder, "fragmented.mp4"), tmp_path / name, time_of)
    index = index_file(tmp_path / name)

    for first in (SEEK_FROM, len(index.pts) - 1):
        assert_same(tmp_path / name, index, first)


def test_a_file_whose_decoder_is_given_other_parameters_on_the_way_is_counted_from_there(
    folder: Path, tmp_path: Path
) -> None:
    """FLV: they stand before the frame, and whoever seeks to the frame does not read them."""
    path = tmp_path / "two.flv"
    other = replace(H264, options={"preset": "fast"}, start_ms=N * 40)
    write_video(tmp_path / "other.flv", pictures(300), other)
    head = 9 + 4  # of the file, and the length of the tag before the first, which is none
    path.write_bytes(
        long_file(folder, "a.flv").read_bytes() + (tmp_path / "other.flv").read_bytes()[head:]
    )
    index = index_file(path)

    reading = assert_same(path, index, N)

    assert np.flatnonzero(index.positions < 0)[-1] == N
    assert (reading.first, reading.reopened) == (N - 80, 1)


def test_a_file_that_has_grown_is_read_as_far_as_it_was_indexed(folder: Path) -> None:
    path = long_file(folder, "a.mkv")
    index = index_file(path)
    key = last_key(index, N - 150)
    stop = key + 3
    short = replace(
        index,
        pts=index.pts[:stop],
        sizes_bytes=index.sizes_bytes[:stop],
        positions=index.positions[:stop],
        is_key=index.is_key[:stop],
    )

    reading = read(path, short, key)

    assert (reading.first, reading.reopened) == (key - 80, 0)
    assert reading.packets == counted(path, index)[key - 80 : stop]


def test_where_few_packets_follow_the_seek_goes_far_enough_back(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mkv", pictures(), Encoding(codec="mjpeg", pixel_format="yuvj420p"))

    reading = assert_same(tmp_path / "a.mkv", index_file(tmp_path / "a.mkv"), N - 1)

    assert (reading.first, reading.reopened) == (N - 9, 0)


def test_each_stream_is_sought_by_its_own_index(folder: Path) -> None:
    how = Encoding(codec="mjpeg", pixel_format="yuvj420p")
    write_streams(folder / "two.mkv", [(pictures(), how), (pictures(), H264)])
    with open_container(folder / "two.mkv", LIMITS) as container:
        indexes = index_packets(container, LIMITS)

    for index in indexes:
        reading = assert_same(folder / "two.mkv", index, SEEK_FROM + 99)
        assert reading.first > SEEK_FROM - 99
        assert reading.reopened == 0
