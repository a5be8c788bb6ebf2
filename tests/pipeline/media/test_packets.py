"""The index: every packet of every stream, on one clock that begins with the first frame."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import LimitExceededError
from pipeline.media.container import open_container
from pipeline.media.encode import Encoding, write_streams, write_video
from pipeline.media.packets import index_packets
from pipeline.probed import PacketIndex
from pipeline.records import Limits
from tests.films import even_ms, film
from tests.pipeline.media.media_parts import LIMITS, gop, index_file, index_of

TIMES = even_ms(2_000, 20)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a.mp4", id="mp4"),
        pytest.param("a.mkv", id="mkv"),
        pytest.param("a.avi", id="avi"),
        pytest.param("a.ts", id="ts"),
    ],
)
@pytest.mark.parametrize("start_ms", [0, 5_000])
def test_the_first_frame_shown_is_at_0(name: str, start_ms: int, tmp_path: Path) -> None:
    how = Encoding(rate_hz=20, b_frames=2, keyframe_interval=20, start_ms=start_ms)
    write_video(tmp_path / name, film(TIMES), how)

    index = index_file(tmp_path / name)

    np.testing.assert_allclose(np.sort(index.all_ms()), TIMES, atol=1)
    assert index.end_ms == pytest.approx(2_000, abs=1)
    assert index.is_key[0]


def test_uneven_frames_keep_their_times_exactly(tmp_path: Path) -> None:
    times = (0, 33, 40, 500, 501, 1_999)
    write_video(tmp_path / "a.mkv", film(times), Encoding(timestamps_ms=times))

    assert tuple(np.sort(index_file(tmp_path / "a.mkv").all_ms())) == times


def test_two_streams_share_a_clock(tmp_path: Path) -> None:
    early, late = Encoding(rate_hz=20), Encoding(rate_hz=20, start_ms=500)
    write_streams(tmp_path / "a.mkv", [(film(TIMES), late), (film(TIMES), early)])

    with open_container(tmp_path / "a.mkv", LIMITS) as container:
        first, second = index_packets(container, LIMITS)

    assert (int(first.all_ms().min()), int(second.all_ms().min())) == (500, 0)


def test_more_frames_than_the_limit_are_refused(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mkv", film(TIMES), Encoding(rate_hz=20))
    few = Limits(max_pixels=10**8, max_duration_ms=10**8, max_frames=39, max_cpu_s=10**4)

    with (
        open_container(tmp_path / "a.mkv", LIMITS) as container,
        pytest.raises(LimitExceededError, match="more than 39 frames"),
    ):
        index_packets(container, few)


@given(st.integers(-(10**9), 10**9), st.integers(1, 90_000), st.integers(1, 1_001))
def test_milliseconds_are_rounded_to_the_nearest_halves_up(pts: int, den: int, num: int) -> None:
    index = index_of(*gop(0, 100), end_ms=1, time_base=Fraction(num, den))

    exact = pts * Fraction(num, den) * 1000

    assert index.to_ms(pts) - Fraction(1, 2) <= exact < index.to_ms(pts) + Fraction(1, 2)


def test_an_index_needs_a_packet() -> None:
    none = np.empty(0, dtype=np.int64)

    with pytest.raises(ValueError, match="at least one packet"):
        PacketIndex(0, Fraction(1), 0, none, none, none, none.astype(np.bool_), 0, 0)


def test_a_time_base_is_positive() -> None:
    with pytest.raises(ValueError, match="time_base must be positive, got 0"):
        index_of(*gop(0, 100), end_ms=1, time_base=Fraction(0))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
def test_the_index_says_where_packets_lie(name: str, tmp_path: Path) -> None:
    write_video(tmp_path / name, film(TIMES), Encoding(rate_hz=20))
    content = (tmp_path / name).read_bytes()

    index = index_file(tmp_path / name)

    assert np.all(np.diff(index.positions) > 0)
    assert 0 < index.positions[0] < index.positions[-1] < len(content)


def test_it_does_not_say_where_an_incomplete_packet_lies(tmp_path: Path) -> None:
    """A transport packet of 188 bytes is gone: whoever seeks would not know that it was there."""
    write_video(tmp_path / "a.ts", film(TIMES), Encoding(rate_hz=20))
    content = (tmp_path / "a.ts").read_bytes()
    middle = len(content) // 188 // 2 * 188
    (tmp_path / "a.ts").write_bytes(content[:middle] + content[middle + 188 :])

    index = index_file(tmp_path / "a.ts")

    assert index.damaged == np.count_nonzero(index.positions < 0) > 0
