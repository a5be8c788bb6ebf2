"""What a decoder answers to a probe: what was sent comes back exactly, all else is refused."""

import json
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import LimitExceededError
from pipeline.media.probe_answer import VideoReader, video_answer
from pipeline.media.wire import Answer, MisfitError, pack_answer, read_header
from pipeline.probed import PacketIndex, Video
from pipeline.records import Limits, Reason, ReasonKind, VideoFacts
from tests.pipeline.media.line_parts import JSON, Tape
from tests.pipeline.media.media_parts import gop, index_of
from tests.pipeline.media.remote_parts import assert_same_video

LIMITS = Limits(max_pixels=160 * 90, max_duration_ms=2_000, max_frames=20, max_cpu_s=9.0)
PATH = Path("/a.mp4")
FACTS = VideoFacts("mov,mp4", "h264", 2_000, 160, 90, 90, 0.1 + 0.2, is_vfr=True, streams=2)
FAULT = Reason(ReasonKind.DECODE, detail="holds a single frame")
FIRST = index_of(*gop(0, 9, *[1] * 19), end_ms=1_000)
SECOND = replace(
    index_of(*gop(150, 9, 5, step_ms=5), end_ms=160, time_base=Fraction(1, 90), stream=3),
    origin_pts=-20, positions=np.array([-1, 10**15]), timeless=2, damaged=1,
)  # fmt: skip
VIDEO = Video(PATH, FACTS, (FIRST, SECOND), (FAULT, FAULT))


def read(answer: Answer, limits: Limits = LIMITS) -> Video:
    tape = Tape(pack_answer(answer))
    video = VideoReader(PATH, limits).read(tape, read_header(tape))
    assert tape.at == len(tape.content)
    return video


def test_a_video_comes_back() -> None:
    assert_same_video(read(video_answer(VIDEO, LIMITS)), VIDEO)


def test_a_fault_is_one_printable_line() -> None:
    odd = replace(VIDEO, faults=(Reason(ReasonKind.DECODE, detail="a\nb"),))

    assert [fault.detail for fault in read(video_answer(odd, LIMITS)).faults] == ["a\\nb"]


FACTS_THAT_DO_NOT_FIT: dict[str, dict[str, object]] = {
    "no-name": {"container": None},
    "a-long-name": {"codec": 101 * "x"},
    "an-unprintable-name": {"codec": "h264\n"},
    "no-time": {"duration_ms": 0},
    "beyond-the-limit": {"duration_ms": 2_001},
    "shorter-than-a-stream": {"duration_ms": 1_999},
    "no-width": {"width": 0},
    "no-height": {"height": -1},
    "too-large": {"width": 320, "height": 91},
    "too-wide": {"width": 1 << 40},
    "askew": {"rotation_deg": 45},
    "round-and-round": {"rotation_deg": 360},
    "no-rate": {"frame_rate": -1.0},
    "neither": {"is_vfr": "yes"},
    "a-stream-more": {"streams": 3},
    "no-streams": {"streams": 0, "indexes": []},
    "one-index": {"indexes": [{}]},
    "numbers-for-indexes": {"indexes": [1, 2]},
    "too-many-indexes": {"indexes": [{}] * 1_001},
    "no-faults": {"faults": None},
    "numbers-for-faults": {"faults": [1]},
    "too-many-faults": {"faults": [""] * 4_001},
    "a-novel": {"faults": [1_001 * "x"]},
}


@pytest.mark.parametrize("changes", FACTS_THAT_DO_NOT_FIT.values(), ids=FACTS_THAT_DO_NOT_FIT)
def test_facts_that_do_not_fit(changes: Mapping[str, object]) -> None:
    good = video_answer(VIDEO, LIMITS)

    with pytest.raises(MisfitError):
        read(replace(good, header={**good.header, **changes}))


NUMBERS_THAT_DO_NOT_FIT: dict[str, dict[str, object]] = {
    "no-packets": {"packets": 0},
    "a-huge-number-of-packets": {"packets": 1 << 50},
    "one-packet-too-many": {"packets": 21},
    "no-unit": {"unit": 0},
    "a-negative-unit": {"units": -1},
    "a-long-unit": {"units": 1 << 31},
    "a-negative-stream": {"stream": -1},
    "the-same-stream": {"stream": 3},
    "a-later-stream": {"stream": 4},
    "no-such-stream": {"stream": 1_000},
    "it-begins-after-its-first-packet": {"origin_pts": 1},
    "it-lasts-too-long": {"origin_pts": -1_500},
    "it-ends-before-its-last-packet": {"end_pts": 930},
    "it-outlasts-the-video": {"end_pts": 2_001},
    "it-ends-beyond-all-time": {"end_pts": 1 << 70},
    "more-timeless-than-there-are": {"timeless": 21},
    "fewer-damaged-than-none": {"damaged": -1},
}


@pytest.mark.parametrize("changes", NUMBERS_THAT_DO_NOT_FIT.values(), ids=NUMBERS_THAT_DO_NOT_FIT)
def test_numbers_of_a_stream_that_do_not_fit(changes: Mapping[str, object]) -> None:
    good = video_answer(VIDEO, LIMITS)
    header = json.loads(json.dumps(good.header))
    header["indexes"][0] |= changes

    with pytest.raises(MisfitError):
        read(replace(good, header=header))


COLUMNS_THAT_DO_NOT_FIT: dict[str, tuple[int, int, int]] = {
    "a-packet-before-the-origin": (0, 5, -1),
    "a-packet-far-ahead": (0, 5, 2**62),
    "a-packet-far-back": (0, 5, -(2**63)),
    "an-empty-packet": (1, 5, 0),
    "a-huge-packet": (1, 5, 2**31),
    "a-packet-before-the-file": (2, 5, -2),
    "a-flag-that-is-none": (3, 5, 2),
    "no-keyframe-first": (3, 0, 0),
}


@pytest.mark.parametrize(
    ("column", "row", "value"), COLUMNS_THAT_DO_NOT_FIT.values(), ids=COLUMNS_THAT_DO_NOT_FIT
)
def test_columns_that_do_not_fit(column: int, row: int, value: int) -> None:
    good = video_answer(VIDEO, LIMITS)
    columns = [np.array(array) for array in good.body]
    columns[3] = columns[3].astype(np.uint8)
    columns[column][row] = value

    with pytest.raises(MisfitError):
        read(replace(good, body=tuple(columns)))


def test_a_second_video_does_not_fit() -> None:
    tape = Tape(2 * pack_answer(video_answer(VIDEO, LIMITS)))
    reader = VideoReader(PATH, LIMITS)
    reader.read(tape, read_header(tape))

    with pytest.raises(MisfitError, match="second"):
        reader.read(tape, read_header(tape))


def test_all_streams_together_are_bounded_on_both_sides() -> None:
    full = [replace(FIRST, stream=number) for number in range(5)]
    facts = replace(FACTS, streams=5)
    four, five = (replace(VIDEO, facts=facts, streams=tuple(full[:n])) for n in (4, 5))
    wide = replace(LIMITS, max_frames=25)

    assert_same_video(
        read(video_answer(replace(four, facts=replace(FACTS, streams=4)), LIMITS)),
        replace(four, facts=replace(FACTS, streams=4)),
    )
    assert_same_video(read(video_answer(five, wide), wide), five)
    with pytest.raises(LimitExceededError, match="more than 80 frames in all"):
        video_answer(five, LIMITS)
    with pytest.raises(MisfitError, match="packets"):
        read(video_answer(five, wide), LIMITS)


@given(name=st.sampled_from(sorted(video_answer(VIDEO, LIMITS).header)), value=JSON)
def test_whatever_a_header_says_is_a_video_or_refused(name: str, value: Any) -> None:
    good = video_answer(VIDEO, LIMITS)
    header = {**good.header, name: json.loads(json.dumps(value))}
    tape = Tape(pack_answer(replace(good, header=header)), step_bytes=4_096)
    try:
        video = VideoReader(PATH, LIMITS).read(tape, read_header(tape))
    except (ValueError, EOFError) as refusal:
        assert type(refusal) in {MisfitError, EOFError}  # noqa: PT017 - either is right
    else:
        assert_times_are_exact(video.streams)


@given(where=st.integers(0, 900), what=st.binary(min_size=1, max_size=9))
def test_whatever_comes_is_a_video_or_refused(where: int, what: bytes) -> None:
    good = pack_answer(video_answer(VIDEO, LIMITS))
    tape = Tape(good[:where] + what + good[where + len(what) :], step_bytes=4_096)
    try:
        video = VideoReader(PATH, LIMITS).read(tape, read_header(tape))
    except (ValueError, EOFError) as refusal:
        assert type(refusal) in {MisfitError, EOFError}  # noqa: PT017 - either is right
    else:
        assert_times_are_exact(video.streams)


def assert_times_are_exact(streams: tuple[PacketIndex, ...]) -> None:
    """No number overflowed: the quick arithmetic agrees with Python's."""
    for index in streams:
        assert index.all_ms().tolist() == [index.to_ms(int(pts)) for pts in index.pts]
