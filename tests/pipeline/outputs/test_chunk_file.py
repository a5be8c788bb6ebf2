"""chunk.bin: what was seen of a chunk goes to another worker and arrives as it was."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ReportError
from pipeline.outputs.chunk_file import KIND, read, write
from pipeline.outputs.packed import Columns, pack, unpack
from pipeline.records import (
    BankFacts,
    ChunkScan,
    DamageKeys,
    FrameScores,
    Gate,
    Look,
    Span,
    Thumbnails,
)
from tests.pipeline.outputs.chunk_strategies import NO_TIMINGS, chunks
from tests.pipeline.outputs.hostile_bytes import (
    Change,
    assert_refused,
    header_changes,
    repacked,
    resummed,
    spoilt,
)

ARRAYS = ("timestamps_ms", "pts", "looks", "gates", "scores", "ood")
A_STREAM = FrameScores(
    labels=("sfw", "nsfw"),
    stream=0,
    duration_ms=1_000,
    timestamps_ms=np.array([0, 500], np.int64),
    pts=np.array([9, 59], np.int64),
    looks=np.array([Look.FIRST, Look.EDGE], np.uint8),
    gates=np.array([Gate.OK, Gate.BLACK], np.uint8),
    scores=np.array([[0.25, 0.75], [np.nan, np.nan]], np.float32),
    ood=np.array([0.5, np.nan], np.float32),
    examined=(Span(600, 900),),
    cuts_ms=(500,),
)
A_CHUNK = ChunkScan(
    Span(0, 600),
    frames=(A_STREAM,),
    thumbnails=(Thumbnails(0, A_STREAM.timestamps_ms, (b"one", b"another")),),
    damage=DamageKeys(frozenset({(0, 7), (-1, None)}), frozenset({(0, 8)}), frozenset({(0, 9)})),
    timings=NO_TIMINGS,
)


def assert_equal(got: ChunkScan, want: ChunkScan) -> None:
    assert (got.span, got.damage, got.timings) == (want.span, want.damage, want.timings)
    for ours, theirs in zip(got.frames, want.frames, strict=True):
        for name in FrameScores.__slots__:
            assert name in ARRAYS or getattr(ours, name) == getattr(theirs, name)
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), strict=True)
    for ours_of, theirs_of in zip(got.thumbnails, want.thumbnails, strict=True):
        assert (ours_of.stream, ours_of.jpegs) == (theirs_of.stream, theirs_of.jpegs)
        np.testing.assert_array_equal(ours_of.timestamps_ms, theirs_of.timestamps_ms, strict=True)


@given(chunk=chunks())
def test_what_is_read_back_is_what_was_written(chunk: ChunkScan) -> None:
    assert_equal(read(write(chunk), timings=chunk.timings), chunk)


def test_streams_that_were_compared_with_different_banks_are_no_chunk() -> None:
    other = replace(A_STREAM, stream=1, bank=BankFacts("cc", "knn", 0.5, 0.05))
    thumbnails = (A_CHUNK.thumbnails[0], replace(A_CHUNK.thumbnails[0], stream=1))

    with pytest.raises(ValueError, match="one bank"):
        replace(A_CHUNK, frames=(A_STREAM, other), thumbnails=thumbnails)


@given(chunk=chunks())
def test_what_is_written_again_is_the_same(chunk: ChunkScan) -> None:
    content = write(chunk)

    assert write(read(content, timings=chunk.timings)) == content


def test_two_scans_that_took_different_times_give_equal_bytes() -> None:
    slow = replace(A_CHUNK, timings=replace(NO_TIMINGS, decode_s=9.0))

    assert write(slow) == write(A_CHUNK)


@pytest.mark.parametrize("change", spoilt(write(A_CHUNK)))
def test_a_file_that_is_cut_short_or_damaged_is_refused_in_one_line(change: bytes) -> None:
    assert_refused(lambda: read(change, timings=NO_TIMINGS))


@given(content=st.binary(max_size=200))
def test_anything_else_is_refused(content: bytes) -> None:
    assert_refused(lambda: read(content, timings=NO_TIMINGS))


@given(where=st.integers(0, len(write(A_CHUNK)) - 1), bit=st.integers(0, 7))
def test_no_flipped_bit_goes_unseen(where: int, bit: int) -> None:
    content = bytearray(write(A_CHUNK))
    content[where] ^= 1 << bit

    assert_refused(lambda: read(bytes(content), timings=NO_TIMINGS))


HOSTILE_HEADERS = header_changes(
    ("span", [500, 500]),
    ("span", [0, 2**70]),
    ("span", ["0", 600]),
    ("duration_ms", 400),
    ("duration_ms", 2**70),
    ("labels", ["sfw"]),
    ("labels", [1, 2]),
    ("streams", []),
    ("streams", [0, 1]),
    ("streams", [-1]),
    ("lost", [[0]]),
    ("lost", None),
    ("marred", [[0, None]]),
    ("misplaced", [[0, 2**64]]),
    ("more", 1),
)


@pytest.mark.parametrize("change", HOSTILE_HEADERS)
def test_a_header_that_says_what_cannot_be_is_refused(change: Change) -> None:
    """Whoever wrote it also knew how to make the check sum right."""
    content = repacked(write(A_CHUNK), KIND, change)

    assert_refused(lambda: read(content, timings=NO_TIMINGS))


@pytest.mark.parametrize(
    ("name", "column"),
    [
        pytest.param("0.timestamps_ms", np.array([500, 0], np.int64), id="times-going-back"),
        pytest.param("0.timestamps_ms", np.array([0, 1_000], np.int64), id="times-after-the-end"),
        pytest.param("0.timestamps_ms", np.array([0, 500], np.float32), id="times-not-whole"),
        pytest.param("0.looks", np.array([0, 9], np.uint8), id="unknown-look"),
        pytest.param("0.gates", np.array([0, 10], np.uint8), id="unknown-gate"),
        pytest.param("0.scores", np.full((2, 2), 2, np.float32), id="scores-above-1"),
        pytest.param("0.scores", np.zeros(4, np.float32), id="scores-in-a-row"),
        pytest.param("0.examined", np.array([[5, 4]], np.int64), id="span-backwards"),
        pytest.param("0.examined", np.array([5, 6], np.int64), id="half-spans"),
        pytest.param("0.examined", np.array([[5, 6]], np.float32), id="spans-not-whole"),
        pytest.param("0.cuts_ms", np.array([[5]], np.int64), id="cuts-in-a-table"),
        pytest.param("0.jpeg_bytes", np.array([-3, 13], np.int64), id="jpeg-of-less-than-nothing"),
        pytest.param("0.jpeg_bytes", np.array([3, 8], np.int64), id="jpegs-too-long"),
        pytest.param("0.jpeg_bytes", np.array([10], np.int64), id="jpegs-too-few"),
        pytest.param("0.jpeg_bytes", np.array([2**62, 2**62], np.int64), id="jpegs-that-overflow"),
        pytest.param("0.jpegs", np.zeros(10, np.float32), id="jpegs-of-numbers"),
        pytest.param("0.pts", None, id="a-column-that-is-not-there"),
    ],
)
def test_columns_that_cannot_be_are_refused(name: str, column: np.ndarray | None) -> None:
    def change(_header: dict[str, object], columns: Columns) -> None:
        if column is None:
            del columns[name]
        else:
            columns[name] = column

    content = repacked(write(A_CHUNK), KIND, change)

    assert_refused(lambda: read(content, timings=NO_TIMINGS))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda body: body + b"\0", id="a-byte-more"),
        pytest.param(lambda body: body[:-1], id="a-byte-less"),
        pytest.param(lambda body: body.replace(b"[2]", b"[1]", 1), id="a-shorter-column"),
        pytest.param(lambda body: body.replace(b"[2]", b"[4611686018427387904]"), id="too-long"),
        pytest.param(lambda body: body.replace(b"[2]", b"[-2]", 1), id="of-less-than-nothing"),
        pytest.param(lambda body: body.replace(b"[2]", b"[1, 2, 1]", 1), id="in-three-dimensions"),
        pytest.param(lambda body: body.replace(b"<i8", b"|O8", 1), id="of-objects"),
        pytest.param(lambda body: b"[" * 100_000 + body, id="deep"),
    ],
)
def test_columns_that_are_not_as_they_are_said_to_be_are_refused(
    change: Callable[[bytes], bytes],
) -> None:
    assert_refused(lambda: read(resummed(write(A_CHUNK), change), timings=NO_TIMINGS))


def test_a_file_of_another_kind_is_refused() -> None:
    header, columns = unpack(write(A_CHUNK), kind=KIND)
    assert header.startswith(b"{")

    with pytest.raises(ReportError, match="not a scanned chunk: is of another kind"):
        read(pack("video 1", {}, columns), timings=NO_TIMINGS)
