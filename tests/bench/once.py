"""One measurement, in a process of its own: `python -m tests.bench.once <task as JSON>`.

A fresh process a measurement, because memory that was once taken is not given back, and caches
that were once filled would help whoever comes second.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from pipeline.drawing.heatmap import draw_heatmap
from pipeline.drawing.sidecar import heatmap_sidecar
from pipeline.drawing.strip import draw_strip
from pipeline.drawing.style import HeatmapStyle
from pipeline.media.container import open_container
from pipeline.media.decode import CpuBudget, Damage, decode_runs
from pipeline.media.looks import Looker, effort_of
from pipeline.media.video import probe
from pipeline.policies.read import find_policy
from pipeline.records import Examination, Gate, Policy
from pipeline.scan import Scan
from pipeline.scoring.backend import Device, Precision
from pipeline.scoring.builtin import default_cache, find_model
from pipeline.scoring.session import Scorer, open_scorer
from tests.scanning import scan
from workers.batch import ModelChoice

MODEL = "open-nsfw"
USER_STEP = 8  # of so many frames, the user scores one


class Way(StrEnum):
    """How a video is gone through."""

    CHAIN = "chain"  # scan_video
    FLOOR = "floor"  # decode the packets that the chain's plan needs; then score as many frames
    USER = "user"  # OpenCV reads every frame, and every 8th is scored by itself


@dataclass(frozen=True, slots=True)
class Task:
    """What is measured.

    Attributes:
        way: how.
        path: the video.
        max_gap_ms: the policy's, else the default policy.
        examination: likewise.
        threads: of the scorer, 0 for one a core; the user leaves it to ONNX Runtime. The command
            line's own choice, unless said.
        frames: how many frames the floor scores; means nothing to the others.
    """

    way: Way
    path: Path
    max_gap_ms: int = 1000
    examination: Examination = Examination.PICTURES
    threads: int = ModelChoice().threads
    frames: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What it cost.

    Attributes:
        fixed_s: CPU seconds before the first byte of the video was read: imports, the model.
        cpu_s: CPU seconds after that, but for draw_s.
        wall_s: the same by the clock on the wall.
        decode_s: CPU seconds of cpu_s that the decoder's thread took; 0 for the user.
        draw_s: CPU seconds of the heatmap, its sidecar and the strip; the chain's alone.
        peak_mb: the most memory that was resident at any time, megabytes.
        frames: how many frames the model scored.
    """

    fixed_s: float
    cpu_s: float
    wall_s: float
    decode_s: float
    draw_s: float
    peak_mb: float
    frames: int


def measure(task: Task) -> Cost:
    """Go through a video once, in the task's way."""
    match task.way:
        case Way.CHAIN:
            return _measure_chain(task)
        case Way.FLOOR:
            return _measure_floor(task)
        case Way.USER:
            return _measure_user(task)


def _measure_chain(task: Task) -> Cost:
    policy, scorer = _policy(task), _scorer(task)
    clock = _Clock()
    found = scan(task.path, policy, scorer)
    cpu_s, wall_s = clock.read()
    drawing = _Clock()
    _draw(found, policy)
    draw_s, _ = drawing.read()
    gates = np.concatenate([columns.gates for columns in found.frames])
    scored = int(np.count_nonzero(gates == Gate.OK))
    decode_s = found.report.timings.decode_s
    return Cost(clock.fixed_s, cpu_s, wall_s, decode_s, draw_s, _peak_mb(), scored)


def _measure_floor(task: Task) -> Cost:
    policy, scorer = _policy(task), _scorer(task)
    clock = _Clock()
    _decode_planned(task.path, policy, scorer)
    decode_s, _ = clock.read()
    shape = (scorer.manifest.input.geometry.height_px, scorer.manifest.input.geometry.width_px, 3)
    rng = np.random.default_rng(0)
    batch = rng.integers(0, 256, (scorer.batch_frames, *shape), dtype=np.uint8)
    for first in range(0, task.frames, len(batch)):
        scorer.score(batch[: task.frames - first])
    cpu_s, wall_s = clock.read()
    return Cost(clock.fixed_s, cpu_s, wall_s, decode_s, 0.0, _peak_mb(), task.frames)


def _measure_user(task: Task) -> Cost:
    onnx = find_model(MODEL, cache=default_cache()).onnx
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    clock = _Clock()
    capture = cv2.VideoCapture(str(task.path))
    scores = []
    number = 0
    while True:
        is_there, frame = capture.read()
        if not is_there:
            break
        if number % USER_STEP == 0:
            pixels = cv2.resize(frame, (256, 256))[16:240, 16:240, ::-1]
            scores.append(session.run(["scores"], {"pixels": pixels[np.newaxis]})[0])
        number += 1
    cpu_s, wall_s = clock.read()
    return Cost(clock.fixed_s, cpu_s, wall_s, 0.0, 0.0, _peak_mb(), len(scores))


def _decode_planned(path: Path, policy: Policy, scorer: Scorer) -> None:
    """Decode what the first look decodes, and do nothing with it."""
    budget, damage = CpuBudget(policy.limits.max_cpu_s, time.process_time), Damage()
    video = probe(path, limits=policy.limits, budget=budget)
    for index in video.streams:
        geometry = scorer.manifest.input.geometry
        plan = Looker(video, index, geometry, policy, budget, damage).plan()
        with open_container(path, policy.limits) as container:
            for _ in decode_runs(
                container,
                index,
                plan.runs,
                effort=effort_of(index, plan),
                limits=policy.limits,
                budget=budget,
                damage=damage,
            ):
                pass


def _draw(found: Scan, policy: Policy) -> None:
    style = HeatmapStyle()
    draw_heatmap(
        found.report,
        policy=policy,
        timelines=found.timelines,
        thumbnails=found.thumbnails,
        style=style,
    )
    json.dumps(heatmap_sidecar(found.report, policy=policy, timelines=found.timelines))
    draw_strip(found.timelines, policy=policy, colour_map=style.colour_map)


def _policy(task: Task) -> Policy:
    return replace(find_policy("nudity"), max_gap_ms=task.max_gap_ms, examination=task.examination)


def _scorer(task: Task) -> Scorer:
    return open_scorer(
        find_model(MODEL, cache=default_cache()),
        device=Device.CPU,
        device_id=0,
        precision=Precision.FP32,
        threads=task.threads,
    )


class _Clock:
    """Reads CPU and wall seconds since it was made."""

    def __init__(self) -> None:
        self.fixed_s = time.process_time()  # the process has used so much before
        self._began_s = time.perf_counter()

    def read(self) -> tuple[float, float]:
        return time.process_time() - self.fixed_s, time.perf_counter() - self._began_s


def _peak_mb() -> float:
    """Return this process's own peak; getrusage would count what the parent had before exec."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak_kib = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return peak_kib * 1024 / 1e6


def to_json(task: Task) -> str:
    """Write a task as this module's one argument."""
    return json.dumps({**asdict(task), "path": str(task.path)})


def from_json(text: str) -> Task:
    """Read a task from this module's one argument."""
    fields = json.loads(text)
    return Task(
        **{
            **fields,
            "way": Way(fields["way"]),
            "path": Path(fields["path"]),
            "examination": Examination(fields["examination"]),
        }
    )


def main(arguments: list[str]) -> None:
    """Measure one task, and write its cost to stdout as JSON."""
    write: Callable[[str], int] = sys.stdout.write
    write(json.dumps(asdict(measure(from_json(arguments[0])))))


if __name__ == "__main__":
    main(sys.argv[1:])
