"""What a decoder answers to looks: what was sent comes back exactly, all else is refused."""

import json
from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.errors import LimitExceededError, UnreadableVideoError
from pipeline.media.answers import (
    SIGNATURE_SHAPE,
    FrameReader,
    StillReader,
    end_answer,
    frame_answer,
    read_end,
    require_thumbnail,
    thumbnail_size,
)
from pipeline.media.plan import Plan, Run
from pipeline.media.wire import (
    Allowance,
    Answer,
    LookRequest,
    MisfitError,
    StillRequest,
    Wanted,
    pack_answer,
    read_header,
)
from pipeline.probed import PacketIndex, Video
from pipeline.records import Change, DamageKeys, Fit, Frame, Geometry, Look, Quality, VideoFacts
from tests.pipeline.media.line_parts import JSON, Tape
from tests.pipeline.media.media_parts import LIMITS, gop, index_of
from tests.pipeline.media.remote_parts import assert_same_frames
from tests.scanning import colour_policy

SIZE = Geometry(6, 4, 8, Fit.CROP)
INDEX = index_of(*gop(0, 9, *[1] * 19), end_ms=1_000)
FACTS = VideoFacts("mp4", "h264", 1_000, 160, 90, 0, 20.0, is_vfr=False, streams=1)
VIDEO = Video(Path("/a.mp4"), FACTS, (INDEX,), ())


def request(task: Plan | Wanted, index: PacketIndex = INDEX) -> LookRequest:
    return LookRequest(VIDEO, index, SIZE, colour_policy(), task, Allowance(1.0, 0.0))


FIRST = request(Plan((Run(0, 20),), (), frozenset(), has_fills=False))
SECOND = request(Wanted((100, 300), Look.EDGE))


def jpeg(width_px: int = 160, height_px: int = 90, *options: int) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (height_px, width_px, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", pixels, options)[1].tobytes()


def frame(pts: int, look: Look = Look.FIRST, change: Change = Change.NONE) -> Frame:
    rng = np.random.default_rng(pts)
    pixels, signature = (
        rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((4, 6, 3), SIGNATURE_SHAPE)
    )
    quality = Quality(0.1 + 0.2, 1 / 3, 1e-17, 0.7, 2 / 3, 1.0, 0.0, signature)
    return Frame(pts, pts, look, change, pixels, jpeg(), quality, is_corrupt=True)


def read_all(asked: LookRequest, *answers: Answer) -> list[Frame]:
    tape = Tape(b"".join(map(pack_answer, answers)))
    reader = FrameReader(asked)
    frames = [reader.read(tape, read_header(tape)) for _ in answers]
    assert tape.at == len(tape.content)
    return frames


def test_frames_come_back_bit_for_bit() -> None:
    sent = [frame(0), frame(50, change=Change.PART), frame(950, change=Change.SHOT)]

    assert_same_frames(read_all(FIRST, *map(frame_answer, sent)), sent)


def test_frames_of_a_second_look_come_back_with_its_name() -> None:
    sent = [frame(100, Look.EDGE), frame(300, Look.EDGE)]

    assert_same_frames(read_all(SECOND, *map(frame_answer, sent)), sent)


def test_the_pixels_need_not_lie_in_a_row() -> None:
    sent = frame(0)
    turned = replace(sent, pixels=np.asfortranarray(sent.pixels))

    assert_same_frames(read_all(FIRST, frame_answer(turned)), [sent])


MISFITS: dict[str, dict[str, object]] = {
    "before-the-start": {"pts": -1},
    "at-the-end": {"pts": 1_000},
    "far-away": {"pts": 2**80},
    "a-point": {"pts": 1.0},
    "no-pts": {"pts": None},
    "a-flag-for-a-number": {"pts": True},
    "no-change": {"change": -1},
    "an-unknown-change": {"change": 3},
    "neither-true-nor-false": {"is_corrupt": 1},
    "too-bright": {"brightness": 255.1},
    "negative": {"contrast": -0.1},
    "whole": {"sharpness": 3},
    "beyond-measure": {"sharpness": 1e10},
    "other-pixels": {"pixels": [6, 4, 3]},
    "more-pixels": {"pixels": [1 << 40, 1 << 40, 3]},
    "no-pixels": {"pixels": None},
    "another-signature": {"signature": [64, 36, 3]},
    "no-thumbnail": {"thumbnail_bytes": 0},
    "a-negative-thumbnail": {"thumbnail_bytes": -1},
    "a-huge-thumbnail": {"thumbnail_bytes": 1 << 40},
}


@pytest.mark.parametrize("changes", MISFITS.values(), ids=MISFITS)
def test_a_frame_that_does_not_fit(changes: Mapping[str, object]) -> None:
    good = frame_answer(frame(100))
    assert read_all(FIRST, good)

    with pytest.raises(MisfitError):
        read_all(FIRST, replace(good, header={**good.header, **changes}))


def test_a_thumbnail_that_is_no_jpeg_makes_a_frame_unfit() -> None:
    with pytest.raises(MisfitError, match="thumbnail"):
        read_all(FIRST, frame_answer(replace(frame(0), thumbnail=b"\x89PNG")))


@pytest.mark.parametrize("pts", [0, 50, 100])
def test_frames_come_in_order_of_time_or_not_at_all(pts: int) -> None:
    with pytest.raises(MisfitError, match="out of order"):
        read_all(FIRST, frame_answer(frame(100)), frame_answer(frame(pts)))


def test_a_second_look_gives_only_what_was_asked_for_and_sees_no_change() -> None:
    with pytest.raises(MisfitError, match="not asked for"):
        read_all(SECOND, frame_answer(frame(150, Look.EDGE)))
    with pytest.raises(MisfitError, match="no change"):
        read_all(SECOND, frame_answer(frame(100, Look.EDGE, Change.PART)))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_are_finite(number: str) -> None:
    good = pack_answer(frame_answer(frame(0)))
    bad = good.replace(b"1e-17", number.encode())
    bad = (int.from_bytes(bad[:4]) + len(number) - 5).to_bytes(4) + bad[4:]
    tape = Tape(bad)

    with pytest.raises(MisfitError, match="no JSON"):
        FrameReader(FIRST).read(tape, read_header(tape))


@given(where=st.integers(0, 400), what=st.binary(min_size=1, max_size=9), keep=st.integers(0, 9**9))
def test_whatever_comes_is_a_frame_or_refused(where: int, what: bytes, keep: int) -> None:
    """The header and a little more, overwritten anywhere, and cut off anywhere."""
    good = pack_answer(frame_answer(frame(0)))
    spoilt = (good[:where] + what + good[where + len(what) :])[: keep % (len(good) + 1)]
    tape = Tape(spoilt, step_bytes=4_096)
    try:
        FrameReader(FIRST).read(tape, read_header(tape))
    except (ValueError, EOFError) as refusal:
        assert type(refusal) in {MisfitError, EOFError}  # noqa: PT017 - either is right


@given(name=st.sampled_from(sorted(frame_answer(frame(0)).header)), value=JSON)
def test_whatever_a_header_says_is_a_frame_or_refused(name: str, value: Any) -> None:
    good = frame_answer(frame(0))
    text = json.loads(json.dumps(value))
    tape = Tape(pack_answer(replace(good, header={**good.header, name: text})), step_bytes=4_096)
    try:
        FrameReader(FIRST).read(tape, read_header(tape))
    except (ValueError, EOFError) as refusal:
        assert type(refusal) in {MisfitError, EOFError}  # noqa: PT017 - either is right


@pytest.mark.parametrize("size_px", [(1, 1), (160, 160), (160, 1)], ids=str)
def test_a_thumbnail_as_opencv_writes_it(size_px: tuple[int, int]) -> None:
    require_thumbnail(jpeg(*size_px))


def other_format(name: str, **options: Any) -> bytes:
    file = BytesIO()
    Image.new("RGB", (160, 90)).save(file, name, **options)
    return file.getvalue()


GOOD = jpeg()
SIZE_AT = GOOD.index(b"\xff\xc0")
SIZE_SEGMENT = GOOD[SIZE_AT : SIZE_AT + 19]
THUMBNAILS = {
    "empty": b"",
    "png": other_format("PNG"),
    "gif": other_format("GIF"),
    "too-wide": jpeg(161, 90),
    "too-high": jpeg(90, 161),
    "progressive": jpeg(160, 90, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "with-exif": other_format("JPEG", exif=b"Exif\0\0" + bytes(99)),
    "with-a-comment": other_format("JPEG", comment=b"hello"),
    "two-sizes": GOOD[:SIZE_AT] + SIZE_SEGMENT + GOOD[SIZE_AT:],
    "no-size": GOOD.replace(SIZE_SEGMENT, b""),
    "no-width": GOOD.replace(SIZE_SEGMENT, SIZE_SEGMENT[:7] + bytes(2) + SIZE_SEGMENT[9:]),
    "a-short-size": GOOD.replace(SIZE_SEGMENT, b"\xff\xc0\0\4\1\1"),
    "no-scan": GOOD[: GOOD.index(b"\xff\xda")],
    "an-endless-segment": GOOD[:2] + b"\xff\xe0\xff\xff" + GOOD[2:],
    "an-empty-segment": GOOD[:2] + b"\xff\xe0\0\0" + GOOD[2:],
    "something-before": b"\0" + GOOD,
}


@pytest.mark.parametrize("content", THUMBNAILS.values(), ids=THUMBNAILS)
def test_a_thumbnail_that_is_anything_else(content: bytes) -> None:
    with pytest.raises(MisfitError, match="thumbnail"):
        require_thumbnail(content)


@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_a_thumbnail_or_refused(content: bytes) -> None:
    with pytest.raises(MisfitError):
        require_thumbnail(b"\xff\xd8" + content)


DAMAGE = DamageKeys(
    lost=frozenset({(-1, None), (0, 50), (3, -7)}),
    marred=frozenset({(2, 100), (2, 150)}),
    misplaced=frozenset({(2, 900)}),
)
THIRD = replace(INDEX, stream=2)


@pytest.mark.parametrize("damage", [DamageKeys(), DAMAGE], ids=["none", "some"])
def test_damage_comes_back(damage: DamageKeys) -> None:
    tape = Tape(pack_answer(end_answer(damage, None)))

    end = read_end(tape, read_header(tape), THIRD)

    assert (end.damage, end.failure) == (damage, None)
    assert tape.at == len(tape.content)


@pytest.mark.parametrize("kind", [UnreadableVideoError, LimitExceededError])
def test_a_failure_comes_back(kind: type[UnreadableVideoError | LimitExceededError]) -> None:
    tape = Tape(pack_answer(end_answer(DamageKeys(), kind("is a\nnovel " + 999 * "x"))))

    failure = read_end(tape, read_header(tape), None).failure

    assert type(failure) is kind
    assert str(failure).startswith("is a\\nnovel xxx")


BAD_ENDS: dict[str, dict[str, object]] = {
    "an-unknown-failure": {"failure": "MemoryError"},
    "no-failure": {"failure": None},
    "a-novel": {"detail": 1_001 * "x"},
    "two-lines": {"detail": "a\nb"},
    "an-escape": {"detail": "\x1b[2J"},
    "a-negative-count": {"lost": -1},
    "more-damage-than-packets": {"marred": 82},
    "no-count": {"misplaced": "1"},
}


@pytest.mark.parametrize("changes", BAD_ENDS.values(), ids=BAD_ENDS)
def test_an_end_that_does_not_fit(changes: Mapping[str, object]) -> None:
    good = end_answer(DamageKeys(), None)
    tape = Tape(pack_answer(replace(good, header={**good.header, **changes})))

    with pytest.raises(MisfitError):
        read_end(tape, read_header(tape), INDEX)


def test_what_cannot_be_damaged_is_not() -> None:
    tape = Tape(pack_answer(end_answer(DAMAGE, None)))

    with pytest.raises(MisfitError, match="lost"):
        read_end(tape, read_header(tape), None)


@pytest.mark.parametrize("row", [(-2, 0, 1), (10_000, 0, 1), (0, 0, 2), (0, 0, -1)], ids=str)
def test_a_lost_packet_is_of_a_stream(row: tuple[int, int, int]) -> None:
    good = end_answer(DamageKeys(frozenset({(0, 0)})), None)
    bad = replace(good, body=(np.array([row], dtype=np.int64), *good.body[1:]))
    tape = Tape(pack_answer(bad))

    with pytest.raises(MisfitError, match="of no stream"):
        read_end(tape, read_header(tape), INDEX)


@pytest.mark.parametrize("size", [(160, 90), (90, 160), (1, 160), (160, 1)])
def test_a_thumbnail_says_how_large_it_is_without_being_decoded(size: tuple[int, int]) -> None:
    content = jpeg(*size)
    scan = content.index(b"\xff\xda")

    assert thumbnail_size(content) == thumbnail_size(content[: scan + 2]) == size


def test_a_picture_has_one_frame_at_no_time() -> None:
    asked = StillRequest(Path("/a.png"), SIZE, LIMITS, Allowance(1.0, 0.0))
    sent = frame_answer(frame(0))

    def read(*answers: Answer) -> list[Frame]:
        tape = Tape(b"".join(map(pack_answer, answers)))
        reader = StillReader(asked)
        return [reader.read(tape, read_header(tape)) for _ in answers]

    assert_same_frames(read(sent), [frame(0)])
    with pytest.raises(MisfitError, match="one frame"):
        read(sent, sent)
    with pytest.raises(MisfitError, match="pts"):
        read(frame_answer(frame(50)))
    with pytest.raises(MisfitError, match="change"):
        read(frame_answer(frame(0, change=Change.SHOT)))
