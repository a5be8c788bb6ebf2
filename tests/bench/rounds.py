"""Measurements in turn: each in a fresh process, round after round, and the median of each."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

from tests.bench.footage import ROOT
from tests.bench.once import Cost, Task, Way, to_json


def measure_in_rounds(
    tasks: Sequence[Task], rounds: int, tell: Callable[[str], None]
) -> dict[Task, Cost]:
    """Measure each task once a round, so that what else the machine does hits all alike.

    A floor scores as many frames as the chain did in the same round with the same policy, so the
    chain's task must stand before it. *tell* is told each as it is measured.
    """
    costs: dict[Task, list[Cost]] = {task: [] for task in tasks}
    for number in range(rounds):
        for task in tasks:
            cost = _measure_apart(_with_frames(task, costs))
            costs[task].append(cost)
            rule = f"{task.max_gap_ms} ms, {task.examination}"
            tell(f"round {number + 1} of {rounds}: {task.way}, {task.path.stem}, {rule}: {cost}")
    return {task: median_cost(each) for task, each in costs.items()}


def median_cost(costs: Sequence[Cost]) -> Cost:
    """Return the medians, each figure by itself."""
    rows = [asdict(cost) for cost in costs]
    medians = {name: statistics.median([row[name] for row in rows]) for name in rows[0]}
    return Cost(**{**medians, "frames": round(medians["frames"])})


def _with_frames(task: Task, costs: dict[Task, list[Cost]]) -> Task:
    if task.way is not Way.FLOOR:
        return task
    return replace(task, frames=costs[replace(task, way=Way.CHAIN)][-1].frames)


def _measure_apart(task: Task) -> Cost:
    command = [sys.executable, "-m", "tests.bench.once", to_json(task)]
    result = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)  # noqa: S603
    return Cost(**json.loads(result.stdout))
