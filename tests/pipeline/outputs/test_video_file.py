"""video.bin: a probed video goes to another worker and arrives as it was."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.outputs.packed import Columns
from pipeline.outputs.video_file import KIND, read, write
from pipeline.probed import PacketIndex, Video
from pipeline.records import Reason, ReasonKind, VideoFacts
from tests.pipeline.outputs.chunk_strategies import probed_videos
from tests.pipeline.outputs.hostile_bytes import (
    Change,
    assert_refused,
    header_changes,
    repacked,
    spoilt,
)

ARRAYS = ("pts", "sizes_bytes", "positions", "is_key")
PATH = Path("elsewhere/b.mkv")
A_VIDEO = Video(
    Path("a.mkv"),
    VideoFacts("matroska", "h264", 1_000, 64, 36, 0, 25.0, is_vfr=False, streams=1),
    (
        PacketIndex(
            stream=0,
            time_base=Fraction(1, 1_000),
            origin_pts=5,
            pts=np.array([5, 505], np.int64),
            sizes_bytes=np.array([900, 20], np.int64),
            positions=np.array([482, -1], np.int64),
            is_key=np.array([True, False]),
            end_pts=1_005,
            timeless=0,
        ),
    ),
    (Reason(ReasonKind.DECODE, detail="does not say how long it is"),),
)


@given(video=probed_videos())
def test_what_is_read_back_is_what_was_written(video: Video) -> None:
    back = read(write(video), path=PATH)

    assert (back.path, back.facts, back.faults) == (PATH, video.facts, video.faults)
    for got, want in zip(back.streams, video.streams, strict=True):
        for name in PacketIndex.__slots__:
            assert name in ARRAYS or getattr(got, name) == getattr(want, name)
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(got, name), getattr(want, name), strict=True)


def test_equal_videos_give_equal_bytes_wherever_they_lie() -> None:
    assert write(replace(A_VIDEO, path=PATH)) == write(A_VIDEO)


@pytest.mark.parametrize("content", spoilt(write(A_VIDEO)))
def test_a_file_that_is_cut_short_or_damaged_is_refused_in_one_line(content: bytes) -> None:
    assert_refused(lambda: read(content, path=PATH))


@given(content=st.binary(max_size=200))
def test_anything_else_is_refused(content: bytes) -> None:
    assert_refused(lambda: read(content, path=PATH))


STREAM = {
    "stream": 0,
    "time_base": [1, 1_000],
    "origin_pts": 5,
    "end_pts": 1_005,
    "timeless": 0,
    "damaged": 0,
}
FACTS = {name: getattr(A_VIDEO.facts, name) for name in VideoFacts.__slots__}
HOSTILE_HEADERS = header_changes(
    ("streams", []),
    ("streams", [STREAM, STREAM]),
    ("streams", [STREAM | {"time_base": [0, 1]}]),
    ("streams", [STREAM | {"time_base": [1, 0]}]),
    ("streams", [STREAM | {"time_base": [-1, 1]}]),
    ("streams", [STREAM | {"time_base": [1, 2**31]}]),
    ("streams", [STREAM | {"time_base": [1]}]),
    ("streams", [STREAM | {"origin_pts": 2**63}]),
    ("streams", [STREAM | {"end_pts": 1_006}]),  # longer than the video
    ("streams", [STREAM | {"timeless": -1}]),
    ("facts", None),
    ("facts", FACTS | {"duration_ms": 0}),
    ("facts", FACTS | {"duration_ms": "1000"}),
    ("facts", FACTS | {"frame_rate": None}),
    ("facts", FACTS | {"more": 1}),
    ("faults", [{"kind": "nothing"}]),
    ("faults", [{"kind": "decode", "detail": 5}]),
    ("more", 1),
)


def test_the_changed_headers_differ_from_a_good_one_in_one_thing_alone() -> None:
    def change(header: dict[str, object], _columns: Columns) -> None:
        header["streams"], header["facts"] = [STREAM], FACTS

    assert repacked(write(A_VIDEO), KIND, change) == write(A_VIDEO)


@pytest.mark.parametrize("change", HOSTILE_HEADERS)
def test_a_header_that_says_what_cannot_be_is_refused(change: Change) -> None:
    content = repacked(write(A_VIDEO), KIND, change)

    assert_refused(lambda: read(content, path=PATH))


@pytest.mark.parametrize(
    ("name", "column"),
    [
        pytest.param("0.is_key", np.array([0, 1], np.uint8), id="no-keyframe-first"),
        pytest.param("0.is_key", np.zeros(0, np.uint8), id="no-packets"),
        pytest.param("0.is_key", np.array([1, 0], np.int64), id="keys-as-numbers"),
        pytest.param("0.pts", np.array([5], np.int64), id="too-few-times"),
        pytest.param("0.pts", np.array([5, 6], np.float32), id="times-not-whole"),
        pytest.param("0.positions", np.array([[482], [-1]], np.int64), id="a-table"),
        pytest.param("0.sizes_bytes", None, id="a-column-that-is-not-there"),
    ],
)
def test_columns_that_cannot_be_are_refused(name: str, column: np.ndarray | None) -> None:
    def change(_header: dict[str, object], columns: Columns) -> None:
        if column is None:
            del columns[name]
        else:
            columns[name] = column

    content = repacked(write(A_VIDEO), KIND, change)

    assert_refused(lambda: read(content, path=PATH))
