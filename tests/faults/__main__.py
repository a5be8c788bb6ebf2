"""`make faults`: hundreds of faults over hundreds of videos; ends with 0 if nothing was lost."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.faults.harm import Harms
from tests.faults.suite import try_house
from tests.faults.world import Receiver, World, make_videos
from tests.workers.servers import running_postgres


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the videos and of the harm")
    parser.add_argument("--videos", type=int, default=500)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--broker-kills", type=int, default=25)
    parser.add_argument("--wipes", type=int, default=5)
    parser.add_argument("--freezes", type=int, default=25)
    parser.add_argument("--forged", type=int, default=500)
    parser.add_argument("--restarts", type=int, default=10)
    asked = parser.parse_args()
    harms = Harms(
        asked.kills, asked.broker_kills, asked.wipes, asked.freezes, asked.forged, asked.restarts
    )
    with tempfile.TemporaryDirectory(prefix="heatreel-faults-") as name, running_postgres() as pg:
        videos = make_videos(Path(name) / "videos", asked.videos, asked.seed)
        receiver = Receiver()
        world = World(Path(name), pg, receiver)
        os.environ.update(world.settings)
        world.open()
        outcome = try_house(world, videos, harms, asked.seed)
        receiver.close()
    harm = ", ".join(f"{count} {what}" for what, count in harms.in_all.items())
    sys.stdout.write(f"seed {asked.seed}: {harm}\n")
    sys.stdout.write(
        f"{outcome.runs} videos, {outcome.steps} steps claimed {outcome.attempts} times, "
        f"{outcome.took_s:.0f} s; {len(outcome.faults)} faults\n"
    )
    for fault in outcome.faults:
        sys.stdout.write(f"  {fault}\n")
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
