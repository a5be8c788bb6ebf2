"""The looks: which frames they give back, with the times that the file says."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LimitExceededError
from pipeline.media.decode import CpuBudget, Damage
from pipeline.media.encode import Encoding, write_video
from pipeline.media.looks import Looker, nearest_pts, pts_between, runs_to, shown_spans
from pipeline.media.plan import Run
from pipeline.media.video import probe
from pipeline.records import Fit, Geometry, Look, Span
from tests.films import Incident, even_ms, film
from tests.pipeline.media.media_parts import LIMITS, budget, gop, index_of
from tests.scanning import colour_policy

SIZE = Geometry(96, 96, 96, Fit.STRETCH)
TIMES = even_ms(4_000, 20)
B_FRAMES = {
    "closed": Encoding(rate_hz=20, keyframe_interval=30, b_frames=3, options={"crf": "30"}),
    "open": Encoding(
        codec="libx265",
        rate_hz=20,
        keyframe_interval=30,
        options={"x265-params": "log-level=none:open-gop=1:bframes=3:keyint=30"},
    ),
}


def looker(path: Path, *, clock_s: Iterator[float] | None = None) -> Looker:
    video = probe(path, limits=LIMITS, budget=budget())
    bound = budget() if clock_s is None else CpuBudget(10.0, lambda: next(clock_s))
    return Looker(video, video.streams[0], SIZE, colour_policy(), bound, Damage())


@dataclass(frozen=True)
class Ticks:
    """A clock that moves on by as much each time it is read."""

    step_s: float

    def __iter__(self) -> Iterator[float]:
        now_s = 0.0
        while True:
            yield now_s
            now_s += self.step_s


@pytest.mark.parametrize("kind", B_FRAMES)
def test_the_second_look_gives_back_just_the_frames_that_were_asked_for(
    kind: str, tmp_path: Path
) -> None:
    """Each frame's brightness tells its number; B-frames and open groups of pictures among them."""
    numbered = (np.full((90, 160, 3), 40 + 2 * i, dtype=np.uint8) for i in range(80))
    write_video(tmp_path / "a.mkv", numbered, B_FRAMES[kind])
    look = looker(tmp_path / "a.mkv")
    times = [50 * i for i in range(0, 80, 3)]

    frames = list(look.second_look(nearest_pts(look.index, times), Look.CONFIRM))

    assert [frame.timestamp_ms for frame in frames] == pytest.approx(times, abs=1)
    levels = [float(frame.pixels.mean()) for frame in frames]
    assert levels == pytest.approx([40 + 2 * t / 50 for t in times], abs=2.5)
    assert all(frame.look is Look.CONFIRM for frame in frames)


def test_the_first_look_sees_the_first_and_the_last_frame(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mkv", film(TIMES), B_FRAMES["closed"])
    look = looker(tmp_path / "a.mkv")

    times = [frame.timestamp_ms for frame in look.first_look(look.plan())]

    assert (times[0], times[-1]) == (0, TIMES[-1])
    assert max(b - a for a, b in pairwise(times)) <= 1_000


def test_a_frame_that_is_shown_for_long_is_never_skipped(tmp_path: Path) -> None:
    """A slide that one B-frame shows for ten seconds."""
    times = (0, 40, 80, 120, 10_120, 10_160, 10_200)
    how = Encoding(timestamps_ms=times, b_frames=3, options={"sc_threshold": "0", "bf": "3"})
    write_video(tmp_path / "a.mkv", film(times, Incident(120, 10_120)), how)
    look = looker(tmp_path / "a.mkv")

    assert 120 in [frame.timestamp_ms for frame in look.first_look(look.plan())]


def test_the_cpu_budget_ends_a_look(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mkv", film(TIMES), B_FRAMES["closed"])
    look = looker(tmp_path / "a.mkv", clock_s=iter(Ticks(1.0)))

    with pytest.raises(LimitExceededError, match="more than 10 CPU seconds"):
        list(look.first_look(look.plan()))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([0], [Run(0, 1)], id="a-keyframe"),
        pytest.param([150, 100], [Run(0, 4)], id="as-far-as-the-last"),
        pytest.param([50, 1_050], [Run(0, 2), Run(20, 22)], id="in-two-groups"),
        pytest.param([950, 1_000], [Run(0, 21)], id="across-a-border-without-a-new-start"),
    ],
)
def test_runs_go_no_further_than_they_must(wanted: list[int], expected: list[Run]) -> None:
    index = index_of(*gop(0, 9, *[1] * 19), *gop(1_000, 9, *[1] * 19), end_ms=2_000)

    assert list(runs_to(index, wanted)) == expected


def test_a_frame_shown_before_the_keyframe_it_follows_needs_the_group_before() -> None:
    rows = [(0, 9, True), (50, 1, False), (150, 9, True), (100, 1, False), (200, 1, False)]

    assert runs_to(index_of(*rows, end_ms=250), [100]) == (Run(0, 4),)


def test_frames_between_two_moments_are_offered_thinned() -> None:
    index = index_of(*gop(0, 9, *[1] * 199, step_ms=10), end_ms=2_000)

    assert pts_between(index, Span(100, 200)) == (110, 140, 180)
    assert pts_between(index, Span(0, 1)) == ()
    assert len(pts_between(index, Span(0, 2_000))) <= 64


def test_a_frame_is_shown_until_the_next_one() -> None:
    index = index_of((0, 9, True), (500, 1, False), (40, 1, False), end_ms=900)

    assert shown_spans(index, [0, 40, 500]) == (Span(0, 40), Span(40, 500), Span(500, 900))


def test_the_second_look_at_an_avi_gives_back_the_frames_that_were_asked_for(
    tmp_path: Path,
) -> None:
    numbered = (np.full((90, 160, 3), 30 + 5 * i, dtype=np.uint8) for i in range(40))
    options = {"x264-params": "scenecut=0:b-adapt=0"}
    how = Encoding(rate_hz=20, keyframe_interval=30, b_frames=2, options=options)
    write_video(tmp_path / "a.avi", numbered, how)
    video = probe(tmp_path / "a.avi", limits=LIMITS, budget=budget())
    look = Looker(video, video.streams[0], SIZE, colour_policy(), budget(), Damage())
    times = [50 * i for i in range(0, 40, 7)]

    frames = look.second_look(nearest_pts(look.index, times), Look.CONFIRM)

    numbers = [round((float(f.pixels.mean()) - 28) / 5) for f in frames]
    assert numbers == list(range(0, 40, 7))
