"""Figures of speed and memory as Markdown tables: `make bench`, or `python -m tests.bench`.

CPU seconds are of user and system, of all threads. Every measurement is a process of its own;
imports and the loading of the model are the fixed cost, which stands apart.
"""

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import onnxruntime

from pipeline.records import Examination
from tests.bench.footage import (
    GOP_2,
    GOP_10,
    LENGTH_MS,
    QUIET,
    SHARED,
    SLIDES,
    Clip,
    encoded_clips,
    real_clips,
    repeated,
)
from tests.bench.once import Way
from tests.bench.rounds import measure_in_rounds
from tests.bench.tables import (
    MEMORY_HEADER,
    OVERLAP_HEADER,
    SPEED_HEADER,
    Case,
    markdown,
    memory_row,
    overlap_row,
    speed_row,
)

PICTURES, PACKETS = Examination.PICTURES, Examination.PACKETS
# Beside the default policy on everything: what is aimed at, as (max_gap_ms, examination, aim).
AIMS: dict[str, tuple[tuple[int, Examination, int], ...]] = {
    GOP_2: ((2000, PACKETS, 15),),
    GOP_10: ((1000, PICTURES, 3), (1000, PACKETS, 3)),
    QUIET: ((1000, PICTURES, 25),),
    SLIDES: ((1000, PICTURES, 25),),
}
DEFAULT = (1000, PICTURES, 0)
TEN_MINUTES, TWO_HOURS = 600_000 // LENGTH_MS, 7_200_000 // LENGTH_MS


def main() -> None:
    """Measure, and write the tables to stdout; what is going on goes to stderr."""
    options = _options()
    if not SHARED.is_dir():
        sys.stdout.write(f"{SHARED} is absent: no real clips were measured.\n\n")
    encoded = {clip.name: clip for clip in encoded_clips()}
    _write_machine()
    cases = list(_speed_cases([*real_clips(), *encoded.values()]))
    _write_speed(cases, options.rounds)
    _write_overlap(Case(encoded[GOP_10], *DEFAULT), options.rounds)
    _write_memory(encoded[GOP_2], is_long=options.long)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="measure so often, take the median")
    parser.add_argument("--long", action="store_true", help="also scan two hours of 1080p")
    return parser.parse_args()


def _speed_cases(clips: Sequence[Clip]) -> Iterator[Case]:
    for clip in clips:
        aims = AIMS.get(clip.name, ())
        if not any(aim[:2] == DEFAULT[:2] for aim in aims):
            yield Case(clip, *DEFAULT)
        for aim in aims:
            yield Case(clip, *aim)


def _write_machine() -> None:
    cores, versions = os.cpu_count(), (av.__version__, cv2.__version__, onnxruntime.__version__)
    libraries = "PyAV {}, OpenCV {}, ONNX Runtime {}".format(*versions)
    when = datetime.now(UTC).date().isoformat()
    command = " ".join(["python -m tests.bench", *sys.argv[1:]])
    sys.stdout.write(
        f"{_processor()}, {cores} cores, {platform.system()}, Python "
        f"{platform.python_version()}, {libraries}; {when}; `{command}`.\n\n"
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))


def _write_speed(cases: Sequence[Case], rounds: int) -> None:
    tasks = list(dict.fromkeys(task for case in cases for task in case.tasks))
    costs = measure_in_rounds(tasks, rounds, _tell)
    rows = [speed_row(case, costs) for case in cases]
    fixed_s = statistics.median(
        cost.fixed_s for task, cost in costs.items() if task.way is Way.CHAIN
    )
    sys.stdout.write(markdown(SPEED_HEADER, rows))
    sys.stdout.write(f"\nFixed cost of the chain, not in it: {fixed_s:.2f} CPU s.\n\n")


def _write_overlap(case: Case, rounds: int) -> None:
    tasks = {threads: replace(case.chain, threads=threads) for threads in (1, 2)}
    costs = measure_in_rounds(list(tasks.values()), rounds, _tell)
    rows = [overlap_row(case, threads, costs[task]) for threads, task in tasks.items()]
    sys.stdout.write(markdown(OVERLAP_HEADER, rows) + "\n")


def _write_memory(clip: Clip, *, is_long: bool) -> None:
    ten_minutes = repeated(clip, TEN_MINUTES)
    cases = [Case(ten_minutes, *DEFAULT), Case(ten_minutes, 2000, PACKETS)]
    if is_long:
        cases.append(Case(repeated(clip, TWO_HOURS), 2000, PACKETS))
    costs = measure_in_rounds([case.chain for case in cases], 1, _tell)
    rows: list[tuple[str, ...]] = [memory_row(case, costs[case.chain]) for case in cases]
    sys.stdout.write(markdown(MEMORY_HEADER, rows))


def _tell(what: str) -> None:
    sys.stderr.write(f"{what}\n")


if __name__ == "__main__":
    main()
