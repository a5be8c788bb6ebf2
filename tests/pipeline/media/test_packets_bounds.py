"""The index of files that do not say all: no timestamps, no keyframe, no durations."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import LimitExceededError
from pipeline.media.container import open_container
from pipeline.media.encode import Encoding, write_video
from pipeline.media.packets import index_packets
from tests.films import even_ms, film
from tests.pipeline.media.media_parts import LIMITS, gop, index_file, index_of

TIMES = even_ms(2_000, 20)
MPEG4 = Encoding(codec="mpeg4", rate_hz=20, keyframe_interval=10)


def test_frames_without_timestamps_are_evenly_spaced_and_counted(tmp_path: Path) -> None:
    write_video(tmp_path / "a.h264", film(TIMES), Encoding(rate_hz=20))

    index = index_file(tmp_path / "a.h264")

    assert index.timeless == len(TIMES)
    assert index.all_ms().tolist() == list(TIMES)
    assert index.end_ms == 2_000


def test_decoding_begins_with_the_first_packet_whatever_it_is(tmp_path: Path) -> None:
    """A recording that was joined a frame too late."""
    write_video(tmp_path / "a.mkv", film(TIMES), MPEG4)
    with av.open(str(tmp_path / "a.mkv")) as whole, av.open(str(tmp_path / "b.mkv"), "w") as late:
        stream = late.add_stream_from_template(whole.streams.video[0])
        _, *rest = (packet for packet in whole.demux(whole.streams.video[0]) if packet.size)
        for packet in rest:
            packet.stream = stream
            late.mux(packet)

    assert np.flatnonzero(index_file(tmp_path / "b.mkv").is_key).tolist() == [0, 9, 19, 29]


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts"])
@pytest.mark.parametrize(
    "times",
    [
        pytest.param((0, 40, 80, 120), id="even"),
        pytest.param((0, 40, 80, 500), id="one-shown-for-long"),
    ],
)
def test_the_last_frame_is_shown_for_as_long_as_one_usually_is(
    times: tuple[int, ...], name: str, tmp_path: Path
) -> None:
    """MPEG-TS knows no durations: there it is the median."""
    write_video(tmp_path / name, film(times), Encoding(timestamps_ms=times))

    assert index_file(tmp_path / name).end_ms == times[-1] + 40


@pytest.mark.parametrize(("max_frames", "fits"), [(40, True), (39, False)])
def test_as_many_frames_as_the_limit_are_read(
    max_frames: int,
    fits: bool,  # noqa: FBT001 - a column of the table
    tmp_path: Path,
) -> None:
    write_video(tmp_path / "a.mkv", film(TIMES), MPEG4)

    with open_container(tmp_path / "a.mkv", LIMITS) as container:
        if fits:
            assert len(index_packets(container, replace(LIMITS, max_frames=max_frames))) == 1
        else:
            with pytest.raises(LimitExceededError, match="more than 39 frames"):
                index_packets(container, replace(LIMITS, max_frames=max_frames))


def test_a_stream_lasts_at_least_a_millisecond() -> None:
    assert index_of(*gop(0, 9), end_ms=1, time_base=Fraction(1, 90_000)).end_ms == 1
