"""What the service costs above a scan: `python -m tests.bench.service VIDEO...`.

Both see the same videos with the same model, and decode in a child; starting is in neither figure.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from pipeline.drawing.style import HeatmapStyle
from pipeline.media.here import Decoder
from pipeline.policies.read import find_policy
from pipeline.scan import scan_video, write_scan
from pipeline.scoring.backend import Device, Precision
from pipeline.scoring.builtin import default_cache, find_model
from pipeline.scoring.session import Scorer, open_scorer
from workers.catalogue import read_catalogue
from workers.decoding import open_decoder
from workers.folders import identify
from workers.service import Service, clock_ms, open_service
from workers.settings import Settings
from workers.store.ids import new_id
from workers.store.lookups import find_run
from workers.store.migrate import migrate
from workers.store.records import Act
from workers.submitting import UriRequest, submit_uri
from workers.up import Keeper, Part

POLL_S = 0.1
PARTS = (
    Part("broker", ("broker",), 10),
    Part("relay", ("relay",), 10),
    Part("worker", ("worker",), 30),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--policy", default="nudity")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    videos = [path.resolve() for path in asked.videos]
    with tempfile.TemporaryDirectory(prefix="heatreel-bench-") as name:
        scans = _scan_rounds(videos, asked.policy, asked.rounds, Path(name))
        services = _service_rounds(videos, asked.policy, asked.rounds, Path(name))
    scan_s, service_s = statistics.median(scans), statistics.median(services)
    sys.stdout.write(
        f"{len(videos)} videos, {asked.rounds} rounds, CPU seconds, medians: "
        f"scan {scan_s:.2f}, service {service_s:.2f}, ratio {service_s / scan_s:.3f}\n"
    )


def _scan_rounds(videos: Sequence[Path], policy: str, rounds: int, folder: Path) -> list[float]:
    scorer = _load(policy)
    with open_decoder() as decoder:
        _scan(videos[0], policy, scorer, decoder, folder)  # starts the decoder
        seconds = []
        for _ in range(rounds):
            began_s = decoder.all_s()
            for path in videos:
                _scan(path, policy, scorer, decoder, folder)
            seconds.append(decoder.all_s() - began_s)
    return seconds


def _scan(path: Path, policy: str, scorer: Scorer, decoder: Decoder, folder: Path) -> None:
    scan = scan_video(
        path,
        submission_id=identify(path),
        policy=find_policy(policy),
        scorer=scorer,
        decoder=decoder,
        tag="",
        on_progress=lambda _share: None,
    )
    write_scan(scan, folder / path.stem, policy=find_policy(policy), style=HeatmapStyle())


def _load(policy: str) -> Scorer:
    manifest = find_model(find_policy(policy).model, cache=default_cache())
    return open_scorer(
        manifest, device=Device.CPU, device_id=0, precision=Precision.FP32, threads=1
    )


def _service_rounds(videos: Sequence[Path], policy: str, rounds: int, folder: Path) -> list[float]:
    prefixes = sorted({f"file://{path.parent}/" for path in videos})
    os.environ |= {
        "HEATREEL_HOME": str(folder / "home"),
        "HEATREEL_URIS": json.dumps(prefixes),
        "HEATREEL_POLICIES": json.dumps([policy]),
        "HEATREEL_DEVICE": "cpu",
        "HEATREEL_LOG_LEVEL": "WARNING",
    }
    service = open_service(Settings())
    migrate(service.database)
    keepers = [Keeper(part) for part in PARTS]
    try:
        for keeper in keepers:
            keeper.look()
        _judge_all(service, [videos[0], videos[0]])  # both slots get a decoder, and the model
        return [_round(service, videos, keepers) for _ in range(rounds)]
    finally:
        for keeper in reversed(keepers):
            keeper.ask_to_end()
            keeper.wait()
        service.database.close()


def _round(service: Service, videos: Sequence[Path], keepers: Sequence[Keeper]) -> float:
    before_s = _spent_s(keepers)
    _judge_all(service, videos)
    return _spent_s(keepers) - before_s


def _judge_all(service: Service, videos: Sequence[Path]) -> None:
    catalogue = read_catalogue(service.settings)
    waiting = []
    for path in videos:
        act = Act("default", "bench", clock_ms())
        asked = UriRequest(path.as_uri(), "", None, new_id(act.at_ms))
        waiting.append(submit_uri(service, catalogue, act, asked).run)
    while waiting:
        time.sleep(POLL_S)
        with service.database.read() as connection:
            found = [find_run(connection, run.id) for run in waiting]
        waiting = [run for run in found if not run.state.is_over]


def _spent_s(keepers: Sequence[Keeper]) -> float:
    """Return the CPU seconds of all parts and their children, so far."""
    processes = [psutil.Process(keeper.pid) for keeper in keepers]
    family = [one for process in processes for one in (process, *process.children(recursive=True))]
    return sum(sum(one.cpu_times()[:2]) for one in family)


if __name__ == "__main__":
    main()
