"""Probing what is unusual and yet sound, and what is not: starts, slides, sounds, streams."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import UnreadableVideoError
from pipeline.media.encode import Encoding, write_streams, write_video
from pipeline.media.video import probe
from pipeline.probed import Video
from tests.films import even_ms, film, uneven_ms
from tests.pipeline.media.media_parts import LIMITS, budget

TIMES = even_ms(2_000, 20)
MPEG4 = Encoding(codec="mpeg4", rate_hz=20, keyframe_interval=10)


def look_at(path: Path) -> Video:
    return probe(path, limits=LIMITS, budget=budget())


def write_with_sound(path: Path, sound_s: int) -> None:
    """Two seconds of video with a longer sound, interleaved."""
    with av.open(str(path), "w") as output:
        video = output.add_stream("flv", rate=20)
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        sound = output.add_stream("aac", rate=44_100)
        for i, pixels in enumerate(film(TIMES)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 20)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        silence = np.zeros((1, 44_100), dtype=np.float32)
        for i in range(sound_s):
            second = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            second.sample_rate, second.pts = 44_100, 44_100 * i
            output.mux(sound.encode(second))
        output.mux(sound.encode(None))


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts", "a.flv", "a.nut"])
def test_a_video_that_starts_late_is_no_longer_for_it(name: str, tmp_path: Path) -> None:
    codec = "flv" if name == "a.flv" else "mpeg4"
    how = Encoding(codec=codec, rate_hz=20, start_ms=5_000)
    write_video(tmp_path / name, film(TIMES), how)

    video = look_at(tmp_path / name)

    assert video.faults == ()
    assert video.facts.duration_ms == pytest.approx(2_000, abs=1)


def test_a_slide_that_is_shown_for_long_is_no_hole(tmp_path: Path) -> None:
    """In a video whose frames are unevenly spaced anyway; in an even one it would be."""
    times = uneven_ms(2_000, seed=1)
    slide = (*times, *(5_000 + t for t in times))
    write_video(tmp_path / "a.mkv", film(slide), Encoding(timestamps_ms=slide))
    whole = even_ms(5_000, 20)
    even = (*whole, *(8_000 + t for t in whole))
    write_video(tmp_path / "b.mkv", film(even), Encoding(timestamps_ms=even))

    assert look_at(tmp_path / "a.mkv").faults == ()
    (fault,) = look_at(tmp_path / "b.mkv").faults
    assert fault.detail == "no frames from 4.95 s to 8 s"


def test_a_sound_that_outlasts_the_picture_is_no_fault(tmp_path: Path) -> None:
    write_with_sound(tmp_path / "a.flv", sound_s=6)

    video = look_at(tmp_path / "a.flv")

    assert video.faults == ()
    assert video.facts.duration_ms == pytest.approx(2_000, abs=50)


def test_the_facts_are_of_the_stream_with_most_frames_and_the_time_of_the_longest(
    tmp_path: Path,
) -> None:
    few, many = film(even_ms(3_000, 5), size=(64, 48)), film(TIMES)
    slow = Encoding(codec="mpeg4", rate_hz=5)
    write_streams(tmp_path / "a.mkv", [(few, slow), (many, MPEG4)])

    facts = look_at(tmp_path / "a.mkv").facts

    assert (facts.width, facts.height, facts.frame_rate) == (320, 180, 20.0)
    assert facts.duration_ms == pytest.approx(3_000, abs=1)


def test_frames_without_timestamps_are_a_fault(tmp_path: Path) -> None:
    write_video(tmp_path / "a.h264", film(TIMES), Encoding(rate_hz=20))

    details = [fault.detail for fault in look_at(tmp_path / "a.h264").faults]

    assert "40 frames have no timestamp" in details


def test_a_declared_time_that_is_no_time_says_nothing(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mkv", film(TIMES), MPEG4)
    content = (tmp_path / "a.mkv").read_bytes()
    assert b"00:00:02.0" in content
    (tmp_path / "a.mkv").write_bytes(content.replace(b"00:00:02.0", b"0x:00:02.0"))

    video = look_at(tmp_path / "a.mkv")

    assert (video.faults, video.facts.duration_ms) == ((), 2_000)


def test_a_codec_that_nobody_knows_is_said(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mkv", film(TIMES), Encoding(codec="libvpx-vp9", rate_hz=20))
    content = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "a.mkv").write_bytes(content.replace(b"V_VP9", b"V_XYZ"))

    with pytest.raises(UnreadableVideoError, match="unknown codec"):
        look_at(tmp_path / "a.mkv")
