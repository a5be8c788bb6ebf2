"""What the tests of decoding in a child share: videos of every kind, and how frames are equal."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from pipeline.media.answers import MEASURED
from pipeline.media.decode import CpuBudget, Damage
from pipeline.media.encode import Encoding, write_streams, write_video
from pipeline.media.looks import Looker
from pipeline.media.video import probe
from pipeline.probed import PacketIndex, Video
from pipeline.records import Fit, Frame, Geometry
from tests.damage import overwrite
from tests.films import Incident, even_ms, film, uneven_ms
from tests.pipeline.media.media_parts import LIMITS, budget
from tests.scanning import colour_policy

SIZE = Geometry(80, 64, 96, Fit.CROP)
TIMES = even_ms(6_000, 20)
FLASH = Incident(2_000, 2_500)
PATIENCE_S = 120.0  # nothing of ours is silent for so long, on however busy a machine


def write_b_frames(path: Path) -> None:
    write_video(path, film(TIMES, FLASH), Encoding(rate_hz=20, keyframe_interval=30, b_frames=3))


def write_uneven(path: Path) -> None:
    times = uneven_ms(6_000, seed=3)
    write_video(path, film(times, FLASH), Encoding(timestamps_ms=times))


def write_ten_bits(path: Path) -> None:
    how = Encoding(
        codec="libx265",
        pixel_format="yuv420p10le",
        rate_hz=20,
        options={"x265-params": "log-level=none"},
    )
    write_video(path, film(TIMES, FLASH), how)


def write_turned(path: Path) -> None:
    write_video(path, film(TIMES, FLASH), Encoding(rate_hz=20, rotation_deg=90))


def write_guessed_times(path: Path) -> None:
    write_video(path, film(TIMES, FLASH), Encoding(rate_hz=20, b_frames=2))


def write_damaged(path: Path) -> None:
    how = Encoding(codec="mpeg4", rate_hz=20, keyframe_interval=20)
    write_video(path, film(TIMES, FLASH), how)
    overwrite(path, (0, 5), (0, 30), keep=0.5)
    overwrite(path, (0, 50), (0, 60))


def write_two_streams(path: Path) -> None:
    slow = Encoding(rate_hz=10, start_ms=1_500)
    write_streams(path, [(film(TIMES), Encoding(rate_hz=20)), (film(even_ms(3_000, 10)), slow)])


KINDS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "b-frames": ("a.mp4", write_b_frames),
    "uneven": ("a.mkv", write_uneven),
    "ten-bits": ("a.mkv", write_ten_bits),
    "turned": ("a.mp4", write_turned),
    "guessed-times": ("a.avi", write_guessed_times),
    "damaged": ("a.mkv", write_damaged),
    "two-streams": ("a.mkv", write_two_streams),
}


def write_kind(kind: str, folder: Path) -> Path:
    """Write a video of one of KINDS and return its path."""
    name, write = KINDS[kind]
    write(folder / name)
    return folder / name


def looker_at(
    path: Path,
    *,
    stream: int = 0,
    geometry: Geometry = SIZE,
    bound: CpuBudget | None = None,
) -> Looker:
    """Return a looker at a file, in this process."""
    video = probe(path, limits=LIMITS, budget=budget())
    index = video.streams[stream]
    return Looker(video, index, geometry, colour_policy(), bound or budget(), Damage())


def first_pts(looker: Looker) -> list[int]:
    """Return the timestamp of the first frame, to ask for it alone."""
    pts: list[int] = looker.index.shown_pts[:1].tolist()
    return pts


def assert_same_frames(some: list[Frame], others: list[Frame]) -> None:
    """Compare frames bit for bit."""
    assert [_plain(frame) for frame in some] == [_plain(frame) for frame in others]


def assert_same_video(one: Video, other: Video) -> None:
    """Compare all that is known of two videos."""
    assert (one.path, one.facts, one.faults) == (other.path, other.facts, other.faults)
    assert [_columns(index) for index in one.streams] == [_columns(i) for i in other.streams]


def until_idle(pid: int | None) -> None:
    """Wait until a process has slept for a while without spending any CPU time."""
    process = psutil.Process(pid)
    quiet, spent = 0, process.cpu_times()
    while quiet < 10:
        time.sleep(0.05)
        before, spent = spent, process.cpu_times()
        is_quiet = spent == before and process.status() == psutil.STATUS_SLEEPING
        quiet = quiet + 1 if is_quiet else 0


def is_gone(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has taken note of it yet."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def stand_in(program: str, *arguments: str) -> tuple[str, ...]:
    """Return the command of a child that is none of ours."""
    return (sys.executable, "-c", program, *arguments)


def _plain(frame: Frame) -> tuple[object, ...]:
    quality = frame.quality
    return (
        *(frame.timestamp_ms, frame.pts, frame.look, frame.change, frame.is_corrupt),
        *(type(frame.look), type(frame.change), frame.thumbnail, frame.pixels.shape),
        *(frame.pixels.tobytes(), quality.signature.shape, quality.signature.tobytes()),
        *(getattr(quality, name) for name in MEASURED),
    )


def _columns(index: PacketIndex) -> tuple[object, ...]:
    arrays = (index.pts, index.sizes_bytes, index.positions, index.is_key)
    numbers = (index.stream, index.time_base, index.origin_pts, index.end_pts)
    kinds = [(array.dtype, array.flags.writeable, np.array(array).tolist()) for array in arrays]
    return (*numbers, index.timeless, index.damaged, kinds)
