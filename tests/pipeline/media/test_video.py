"""Probing: the facts of a video, and what does not add up."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LimitExceededError, UnreadableVideoError
from pipeline.media.encode import Encoding, write_streams, write_video
from pipeline.media.video import probe
from pipeline.probed import Video
from pipeline.records import Limits
from tests.films import even_ms, film, uneven_ms
from tests.pipeline.media.media_parts import LIMITS, budget

TIMES = even_ms(2_000, 20)


def look_at(path: Path, limits: Limits = LIMITS) -> Video:
    return probe(path, limits=limits, budget=budget())


def test_facts(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", film(TIMES), Encoding(rate_hz=20, rotation_deg=90))

    facts = look_at(tmp_path / "a.mp4").facts

    assert (facts.codec, facts.duration_ms) == ("h264", 2_000)
    assert (facts.width, facts.height, facts.rotation_deg) == (180, 320, 90)
    assert (facts.frame_rate, facts.is_vfr, facts.streams) == (20.0, False, 1)


def test_uneven_frames_are_noticed(tmp_path: Path) -> None:
    times = uneven_ms(2_000, seed=1)
    write_video(tmp_path / "a.mp4", film(times), Encoding(timestamps_ms=times))

    assert look_at(tmp_path / "a.mp4").facts.is_vfr


def test_a_rounded_clock_is_not_uneven(tmp_path: Path) -> None:
    """Matroska rounds to milliseconds: frames at 30 Hz are 33 and 34 ms apart."""
    write_video(tmp_path / "a.mkv", film(even_ms(2_000, 30)), Encoding(rate_hz=30))

    assert not look_at(tmp_path / "a.mkv").facts.is_vfr


def test_a_sound_video_has_no_faults(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv", "a.ts", "a.avi"):
        write_video(tmp_path / name, film(TIMES), Encoding(rate_hz=20, b_frames=2))

        assert look_at(tmp_path / name).faults == (), name


def test_frames_that_are_declared_but_not_there_are_a_fault(tmp_path: Path) -> None:
    options = {"movflags": "faststart"}
    write_video(tmp_path / "a.mp4", film(TIMES), Encoding(rate_hz=20), container_options=options)
    whole = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "b.mp4").write_bytes(whole[: len(whole) // 2])

    video = look_at(tmp_path / "b.mp4")

    assert any("of 40 declared frames" in fault.detail for fault in video.faults)
    assert video.facts.duration_ms == 2_000


def test_every_video_stream_is_indexed(tmp_path: Path) -> None:
    films = [(film(TIMES), Encoding(rate_hz=20)), (film(TIMES), Encoding(rate_hz=20))]
    write_streams(tmp_path / "a.mkv", films)

    video = look_at(tmp_path / "a.mkv")

    assert ([index.stream for index in video.streams], video.facts.streams) == ([0, 1], 2)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        pytest.param({"max_pixels": 320 * 180 - 1}, "320x180 pixels", id="pixels"),
        pytest.param({"max_duration_ms": 1_999}, r"lasts 2 s, more than 1\.999 s", id="duration"),
        pytest.param({"max_frames": 39}, "more than 39 frames", id="frames"),
    ],
)
def test_limits(limits: dict[str, int], message: str, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", film(TIMES), Encoding(rate_hz=20))
    wide = {name: getattr(LIMITS, name) for name in LIMITS.__slots__}

    with pytest.raises(LimitExceededError, match=message):
        look_at(tmp_path / "a.mp4", Limits(**{**wide, **limits}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"hello\n" * 999, "that Heatreel reads", id="text"),
        pytest.param(bytes(range(256)) * 99, "that Heatreel reads", id="noise"),
        pytest.param(b"ffconcat version 1.0\nfile good.mp4\n", "that Heatreel reads", id="concat"),
    ],
)
def test_what_is_no_video(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(content)

    with pytest.raises(UnreadableVideoError, match=message):
        look_at(tmp_path / "a.mp4")


def test_a_folder_and_a_missing_file_are_no_video(tmp_path: Path) -> None:
    with pytest.raises(UnreadableVideoError, match="not a regular file"):
        look_at(tmp_path)
    with pytest.raises(UnreadableVideoError, match="No such file"):
        look_at(tmp_path / "a.mp4")
    with pytest.raises(UnreadableVideoError, match="null byte"):
        look_at(tmp_path / "a\0.mp4")


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [np.full((90, 160, 3), 9, dtype=np.uint8)])

    assert look_at(tmp_path / "a.mp4").facts.duration_ms >= 1
