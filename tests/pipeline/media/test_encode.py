"""The encoder of the tests' videos: what it is asked for is in the file."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.media.encode import Encoding, write_streams, write_video

FAST = {"preset": "ultrafast"}
QUIET = {"preset": "ultrafast", "x265-params": "log-level=none"}


def pictures(n: int, width_px: int = 64, height_px: int = 48) -> Iterator[NDArray[np.uint8]]:
    """Yield pictures whose upper half brightens by 4 levels each, and whose rest is noise."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 40, (height_px, width_px, 3), np.uint8)
    for i in range(n):
        picture = noise.copy()
        picture[: height_px // 2] = 4 * i
        yield picture


def decode(path: Path, stream: int = 0) -> list[av.VideoFrame]:
    with av.open(str(path)) as video:
        return list(video.decode(video.streams.video[stream]))


def times_ms(frames: list[av.VideoFrame]) -> list[int]:
    return [round(frame.time * 1000) for frame in frames if frame.time is not None]


@pytest.mark.parametrize(
    ("name", "encoding", "decoder"),
    [
        pytest.param("a.mp4", Encoding(options=FAST), "h264", id="h264"),
        pytest.param("a.mkv", Encoding(options=FAST, b_frames=2), "h264", id="b-frames"),
        pytest.param(
            "a.mp4", Encoding(options=FAST, pixel_format="yuv420p10le"), "h264", id="10-bit"
        ),
        pytest.param("a.mp4", Encoding(codec="libx265", options=QUIET), "hevc", id="hevc"),
        pytest.param("a.webm", Encoding(codec="libvpx-vp9"), "vp9", id="vp9"),
        pytest.param(
            "a.webm", Encoding(codec="libsvtav1", options={"preset": "10"}), "libdav1d", id="av1"
        ),
        pytest.param("a.avi", Encoding(codec="mpeg4"), "mpeg4", id="mpeg4"),
        pytest.param("a.ts", Encoding(options=FAST), "h264", id="ts"),
        pytest.param("a.mpg", Encoding(codec="mpeg2video"), "mpeg2video", id="mpeg2"),
        pytest.param("a.gif", Encoding(codec="gif", pixel_format="rgb8"), "gif", id="gif"),
    ],
)
def test_every_picture_is_there_in_order(
    name: str, encoding: Encoding, decoder: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    write_video(path, pictures(30), encoding)
    frames = decode(path)
    levels = [frame.to_ndarray(format="gray")[:20].mean() for frame in frames]

    assert len(frames) == 30
    assert levels == sorted(levels)
    assert np.diff(times_ms(frames)).tolist() == [40] * 29
    with av.open(str(path)) as video:
        assert video.streams.video[0].codec_context.name == decoder


def test_uneven_timestamps_are_exact(tmp_path: Path) -> None:
    shown = (0, 13, 100, 133, 1_000, 1_001)
    write_video(tmp_path / "a.mp4", pictures(6), Encoding(timestamps_ms=shown, b_frames=2))

    assert times_ms(decode(tmp_path / "a.mp4")) == list(shown)


def test_the_first_pts_may_be_anything(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", pictures(3), Encoding(start_ms=2_000))

    assert times_ms(decode(tmp_path / "a.mp4")) == [2_000, 2_040, 2_080]


def test_keyframes_stand_where_they_are_wanted(tmp_path: Path) -> None:
    options = FAST | {"sc_threshold": "0"}
    encoding = Encoding(keyframe_interval=10, options=options)
    write_video(tmp_path / "a.mp4", pictures(30), encoding)
    frames = decode(tmp_path / "a.mp4")

    assert [i for i, frame in enumerate(frames) if frame.key_frame] == [0, 10, 20]


def test_the_rate_may_be_a_fraction(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", pictures(3), Encoding(rate_hz=Fraction(30_000, 1_001)))

    with av.open(str(tmp_path / "a.mp4")) as video:
        assert video.streams.video[0].average_rate == Fraction(30_000, 1_001)


@pytest.mark.parametrize("rotation_deg", [90, 180, -90])
def test_a_player_is_told_to_turn_the_picture(rotation_deg: int, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", pictures(2), Encoding(rotation_deg=rotation_deg))

    assert (decode(tmp_path / "a.mp4")[0].rotation - rotation_deg) % 360 == 0


def test_odd_sizes_need_a_format_that_has_them(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", pictures(2, 63, 47), Encoding(pixel_format="yuv444p"))

    assert (decode(tmp_path / "a.mp4")[0].width, decode(tmp_path / "a.mp4")[0].height) == (63, 47)


def test_a_file_may_have_several_video_streams(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_streams(path, [(pictures(9), Encoding()), (pictures(5, 32, 32), Encoding(b_frames=2))])

    assert [len(decode(path, stream)) for stream in (0, 1)] == [9, 5]
    assert decode(path, 1)[0].width == 32


def test_equal_pictures_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, pictures(9), Encoding(options=FAST))

    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_the_container_may_be_named_apart_from_the_file(tmp_path: Path) -> None:
    write_video(tmp_path / "a.bin", pictures(2), container="matroska")

    with av.open(str(tmp_path / "a.bin")) as video:
        assert "matroska" in video.format.name


def test_no_pictures_are_a_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        write_video(tmp_path / "a.mp4", [])


def test_too_few_timestamps_are_a_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="timestamps_ms must hold one"):
        write_video(tmp_path / "a.mp4", pictures(3), Encoding(timestamps_ms=(0, 1)))
