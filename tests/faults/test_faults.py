"""A short run of the fault suite; `make faults` is the long one."""

from pathlib import Path

import pytest

from tests.faults.harm import Harms
from tests.faults.suite import try_house
from tests.faults.world import Receiver, World, make_videos
from tests.workers.servers import running_postgres


@pytest.mark.soak
def test_a_house_that_is_harmed_ends_as_if_nothing_had_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = make_videos(tmp_path / "videos", 12, seed=7)
    receiver = Receiver()
    with running_postgres() as postgres:
        world = World(tmp_path, postgres, receiver)
        for name, value in world.settings.items():
            monkeypatch.setenv(name, value)
        world.open()
        harms = Harms(kills=10, broker_kills=2, wipes=1, freezes=2, forged=60, restarts=1)
        outcome = try_house(world, videos, harms, seed=7)
    receiver.close()

    assert outcome.faults == ()
    assert outcome.attempts >= outcome.steps == 3 * len(videos)
