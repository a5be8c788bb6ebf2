"""Decoding runs: the right pictures at the right times, and a count of what cannot be had."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.errors import LimitExceededError
from pipeline.media.container import open_container
from pipeline.media.decode import CpuBudget, Damage, Effort, Picture, decode_runs
from pipeline.media.encode import Encoding, write_streams, write_video
from pipeline.media.packets import index_packets
from pipeline.media.plan import Run
from pipeline.probed import PacketIndex
from pipeline.records import Limits
from tests.damage import overwrite
from tests.films import even_ms, film
from tests.pipeline.media.media_parts import LIMITS, budget, index_file

N = 60
STEP_MS = 50
NO_CUTS = "scenecut=0:b-adapt=0:keyint=20:min-keyint=20"
FILES: dict[str, tuple[str, Encoding]] = {
    "b-frames": ("a.mkv", Encoding(b_frames=2, options={"x264-params": NO_CUTS})),
    "open-gop": (
        "a.mp4",
        Encoding(codec="libx265", options={"x265-params": f"log-level=none:open-gop=1:{NO_CUTS}"}),
    ),
    "x264-open-gop": (
        "a.ts",
        Encoding(b_frames=3, options={"x264-params": f"open-gop=1:{NO_CUTS}"}),
    ),
    "vp9": ("a.webm", Encoding(codec="libvpx-vp9", options={"deadline": "realtime"})),
    "mjpeg": ("a.avi", Encoding(codec="mjpeg", pixel_format="yuvj420p")),
    "no-presentation-times": (
        "a.avi",
        Encoding(b_frames=2, options={"x264-params": NO_CUTS}),
    ),
}
MJPEG = Encoding(codec="mjpeg", pixel_format="yuvj420p", rate_hz=20)


def ramp(n: int = N, size: tuple[int, int] = (160, 90)) -> Iterator[NDArray[np.uint8]]:
    """Pictures whose brightness tells their number."""
    return (np.full((size[1], size[0], 3), 30 + 3 * i, dtype=np.uint8) for i in range(n))


def write_ramp(folder: Path, kind: str) -> Path:
    name, how = FILES[kind]
    write_video(folder / name, ramp(), replace(how, rate_hz=20, keyframe_interval=20))
    return folder / name


def decode(  # noqa: PLR0913 - what decode_runs is asked for, each with its usual answer
    path: Path,
    runs: Sequence[Run],
    *,
    index: PacketIndex | None = None,
    effort: Effort = Effort.EVERY_FRAME,
    limits: Limits = LIMITS,
    bound: CpuBudget | None = None,
    damage: Damage | None = None,
) -> list[Picture]:
    with open_container(path, LIMITS) as container:
        pictures = decode_runs(
            container,
            index or index_file(path),
            runs,
            effort=effort,
            limits=limits,
            budget=bound or budget(),
            damage=damage or Damage(),
        )
        return list(pictures)


def times_of(pictures: Sequence[Picture]) -> list[int]:
    return [picture.timestamp_ms for picture in pictures]


def numbers_of(pictures: Sequence[Picture]) -> list[int]:
    """Which pictures of the ramp these are, by their brightness."""
    means = (picture.frame.to_ndarray(format="gray").mean() for picture in pictures)
    return [round((float(mean) - 30) / 3) for mean in means]


def gops(index: PacketIndex) -> list[Run]:
    firsts = np.flatnonzero(index.is_key).tolist()
    return [Run(a, b) for a, b in zip(firsts, [*firsts[1:], len(index.pts)], strict=True)]


@pytest.mark.parametrize("kind", FILES)
def test_a_run_in_the_middle_shows_its_own_pictures_and_none_from_before_it(
    kind: str, tmp_path: Path
) -> None:
    """Of an open group of pictures, those that need the group before are left out."""
    path = write_ramp(tmp_path, kind)
    index = index_file(path)
    run = gops(index)[1]
    damage = Damage()

    pictures = decode(path, [run], damage=damage)

    times_ms = index.all_ms()[run.first : run.stop]
    whole = sorted(times_ms[times_ms >= times_ms[0]].tolist())
    assert times_of(pictures) == whole
    assert numbers_of(pictures) == [round(time_ms / STEP_MS) for time_ms in whole]
    assert (damage.packets, damage.pictures, damage.misplaced) == (0, 0, 0)


@pytest.mark.parametrize("kind", FILES)
def test_each_run_shows_what_it_shows_alone(kind: str, tmp_path: Path) -> None:
    path = write_ramp(tmp_path, kind)
    first, *_, last = gops(index_file(path))
    runs = [Run(first.first, first.first + 7), last]

    together = decode(path, runs)

    alone = [picture for run in runs for picture in decode(path, [run])]
    assert times_of(together) == times_of(alone)
    assert numbers_of(together) == numbers_of(alone)


def test_a_run_ends_where_it_ends(tmp_path: Path) -> None:
    path = write_ramp(tmp_path, "mjpeg")

    assert numbers_of(decode(path, [Run(3, 5), Run(7, 8), Run(59, 60)])) == [3, 4, 7, 59]


def test_no_runs_show_nothing(tmp_path: Path) -> None:
    assert decode(write_ramp(tmp_path, "mjpeg"), []) == []


def test_the_index_says_when_a_picture_is_shown(tmp_path: Path) -> None:
    path = write_ramp(tmp_path, "b-frames")
    index = index_file(path)
    slow = replace(index, pts=3 * index.pts, end_pts=3 * index.end_pts)

    pictures = decode(path, gops(index)[:1], index=slow)

    assert times_of(pictures) == [3 * STEP_MS * i for i in range(20)]
    assert numbers_of(pictures) == list(range(20))


@pytest.mark.parametrize(
    ("times", "shown", "misplaced"),
    [
        pytest.param([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5], 0, id="in-order"),
        pytest.param([0, 1, 2, 1, 2, 3], [0, 1, 2, 5], 2, id="going-back"),
        pytest.param([0, 1, 1, 2, 3, 4], [0, 1, 3, 4, 5], 1, id="two-at-once"),
        pytest.param([0, 1, 2, 3, 4, 6], [0, 1, 2, 3, 4], 1, id="at-the-end"),
        pytest.param([0, 1, 2, 9, 3, 4], [0, 1, 2, 4, 5], 1, id="long-after-the-end"),
    ],
)
def test_a_picture_out_of_order_is_left_out_and_counted(
    times: list[int], shown: list[int], misplaced: int, tmp_path: Path
) -> None:
    write_video(tmp_path / "a.mkv", ramp(6), MJPEG)
    index = index_file(tmp_path / "a.mkv")
    told = replace(index, pts=STEP_MS * np.array(times, dtype=np.int64), end_pts=6 * STEP_MS)
    runs = [Run(i, i + 1) for i in range(6)]  # each by itself: none is held against its own run
    damage = Damage()

    pictures = decode(tmp_path / "a.mkv", runs, index=told, damage=damage)

    assert numbers_of(pictures) == shown
    assert damage.misplaced == misplaced


def test_a_packet_that_cannot_be_decoded_is_counted_once_and_costs_its_picture_alone(
    tmp_path: Path,
) -> None:
    write_video(tmp_path / "a.mkv", ramp(), MJPEG)
    overwrite(tmp_path / "a.mkv", (0, 15), (0, 40))
    damage = Damage()

    looks = [decode(tmp_path / "a.mkv", [Run(0, N)], damage=damage) for _ in range(2)]

    rest = [i for i in range(N) if i not in {15, 40}]
    assert [numbers_of(pictures) for pictures in looks] == [rest, rest]
    assert [times_of(pictures) for pictures in looks] == [[STEP_MS * i for i in rest]] * 2
    assert (damage.packets, damage.pictures) == (2, 0)


def test_a_damaged_picture_is_shown_and_counted_once(tmp_path: Path) -> None:
    how = Encoding(codec="mpeg4", rate_hz=25, keyframe_interval=10)
    write_video(tmp_path / "a.mkv", film(even_ms(2_000, 25)), how)
    overwrite(tmp_path / "a.mkv", (0, 15), keep=0.3)
    damage = Damage()

    looks = [decode(tmp_path / "a.mkv", [Run(0, 50)], damage=damage) for _ in range(2)]

    assert [[p.timestamp_ms for p in look if p.frame.is_corrupt] for look in looks] == [[600]] * 2
    assert [len(look) for look in looks] == [50, 50]
    assert (damage.packets, damage.pictures) == (0, 1)


def test_damage_is_counted_by_stream(tmp_path: Path) -> None:
    """Two cameras fail in the same moment."""
    size = (96, 64)
    write_streams(tmp_path / "a.mkv", [(ramp(6), MJPEG), (ramp(6, size), MJPEG)])
    overwrite(tmp_path / "a.mkv", (0, 3), (1, 3))
    damage = Damage()

    for stream in (0, 1):
        with open_container(tmp_path / "a.mkv", LIMITS) as container:
            index = index_packets(container, LIMITS)[stream]
        shown = decode(tmp_path / "a.mkv", [Run(0, 6)], index=index, damage=damage)
        assert numbers_of(shown) == [0, 1, 2, 4, 5]

    assert damage.packets == 2


def test_what_an_effort_leaves_out(tmp_path: Path) -> None:
    """Keyframes are whole whatever the effort; frames that others need are there, but rough."""
    how = Encoding(b_frames=3, options={"crf": "35", "x264-params": f"b-pyramid=none:{NO_CUTS}"})
    write_video(tmp_path / "a.mkv", film(even_ms(2_000, 20)), replace(how, rate_hz=20))
    pixels = {}
    for effort in Effort:
        pictures = decode(tmp_path / "a.mkv", [Run(0, 40)], effort=effort)
        pixels[effort] = {p.timestamp_ms: p.frame.to_ndarray(format="gray") for p in pictures}
    every, references, rough = (pixels[effort] for effort in Effort)

    def same(some: Mapping[int, NDArray[Any]]) -> list[int]:
        return [t for t, plane in some.items() if np.array_equal(plane, every[t])]

    assert len(every) == 40
    assert len(references) < 20
    assert references.keys() == rough.keys()
    assert same(references) == list(references)
    assert same(rough) == [0, 1_000]


def test_where_times_are_guessed_no_frame_is_left_out(tmp_path: Path) -> None:
    """AVI: a frame that is left out would give its time to the next."""
    path = write_ramp(tmp_path, "no-presentation-times")

    pictures = decode(path, [Run(20, 40)], effort=Effort.ROUGH_REFERENCE_FRAMES)

    assert numbers_of(pictures) == list(range(20, 40))


def test_pictures_that_grow_far_beyond_the_limit_in_mid_stream_are_not_decoded(
    tmp_path: Path,
) -> None:
    """A file of which only the first seconds are small."""
    how = Encoding(rate_hz=20, keyframe_interval=10)
    write_video(tmp_path / "a.ts", ramp(20, (64, 48)), how)
    write_video(tmp_path / "b.ts", ramp(20, (320, 180)), replace(how, start_ms=1_000))
    parts = [(tmp_path / name).read_bytes() for name in ("a.ts", "b.ts")]
    (tmp_path / "c.ts").write_bytes(b"".join(parts))
    small = replace(LIMITS, max_pixels=64 * 48)
    damage = Damage()

    pictures = decode(tmp_path / "c.ts", [Run(0, 40)], limits=small, damage=damage)

    assert {(p.frame.width, p.frame.height) for p in pictures} == {(64, 48)}
    assert times_of(pictures) == [STEP_MS * i for i in range(20)]
    assert damage.packets >= 20


def test_the_budget_is_asked_at_every_packet(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mkv", ramp(), MJPEG)
    clock_s = count(0.0, 1.0)
    bound = CpuBudget(10.0, lambda: next(clock_s))

    with pytest.raises(LimitExceededError, match="takes more than 10 CPU seconds"):
        decode(tmp_path / "a.mkv", [Run(0, N)], bound=bound)
    assert next(clock_s) == 12.0


def test_a_budget_may_be_spent_to_the_last_second() -> None:
    now_s = iter([5.0, 15.0, 15.1])
    bound = CpuBudget(10.0, lambda: next(now_s))

    bound.check()
    with pytest.raises(LimitExceededError):
        bound.check()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bounds=st.sets(st.integers(0, 12), min_size=1))
def test_any_runs_show_their_packets_pictures(bounds: set[int], tmp_path: Path) -> None:
    """Where every packet is a keyframe, the pictures of runs are just their ordinals."""
    path = tmp_path / "a.mkv"
    if not path.exists():
        write_video(path, ramp(12), MJPEG)
    edges = sorted(bounds)
    runs = [Run(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]

    assert numbers_of(decode(path, runs)) == [i for run in runs for i in range(run.first, run.stop)]
