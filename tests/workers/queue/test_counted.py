"""Frames are counted as they come, and whoever stops early stops the decoder."""

import time
from collections.abc import Generator
from pathlib import Path

import pytest

from pipeline.media.decode import CpuBudget, Damage
from pipeline.media.encode import write_video
from pipeline.media.looks import Looker
from pipeline.media.video import probe
from pipeline.records import Look, Span
from tests.scanning import colour_policy, colour_scorer
from tests.workers.test_cli import ENCODING, pictures
from workers.queue.counted import CountedLooker


@pytest.fixture
def looker(tmp_path: Path) -> Looker:
    write_video(tmp_path / "clip.mp4", pictures(4, range(0)), ENCODING)
    policy = colour_policy()
    budget = CpuBudget(policy.limits.max_cpu_s, time.process_time)
    video = probe(tmp_path / "clip.mp4", limits=policy.limits, budget=budget)
    geometry = colour_scorer(tmp_path).manifest.input.geometry
    return Looker(video, video.streams[0], geometry, policy, budget, Damage())


def test_both_looks_are_counted_and_are_what_they_were(looker: Looker) -> None:
    came: list[None] = []
    counted = CountedLooker(looker, lambda: came.append(None))
    plan = counted.plan_within(Span(0, counted.video.facts.duration_ms))
    times = [frame.timestamp_ms for frame in counted.first_look(plan)]
    wanted = counted.index.shown_pts[:3].tolist()
    again = [frame.pts for frame in counted.second_look(wanted, Look.CONFIRM)]

    assert times == [frame.timestamp_ms for frame in looker.first_look(plan)]
    assert again == wanted
    assert len(came) == len(times) + 3


def test_who_stops_early_stops_the_decoder(looker: Looker) -> None:
    counted = CountedLooker(looker, lambda: None)
    inner = looker.first_look(looker.plan())
    assert isinstance(inner, Generator)
    outer = counted._counted(inner)  # noqa: SLF001 - to hold on to what is inside
    next(outer)
    outer.close()

    with pytest.raises(StopIteration):
        next(inner)
