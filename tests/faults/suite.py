"""The fault suite: a house at work is harmed in every way, and must end as if nothing had been."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from sqlalchemy import Connection, func, select

from pipeline.drawing.style import HeatmapStyle
from pipeline.errors import UnavailableError
from pipeline.media.here import DecoderHere
from pipeline.outputs.report_json import to_json_object
from pipeline.scan import scan_video, write_scan
from tests.faults.harm import Harms, do_harm
from tests.faults.world import World
from tests.scanning import colour_scorer
from workers.store.audit import verify_audit
from workers.store.records import RunState
from workers.store.tables import chunks, deliveries, outbox, reports, runs, steps, verdicts

TIMEOUT_S = 900
POLL_S = 0.5
OVER = [state.value for state in RunState if state.is_over]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a house came to after all harm.

    Attributes:
        faults: a line each for what is not as it should be; empty is well.
        runs: how many there were.
        attempts: how often steps were claimed, all together.
        steps: how many steps there were.
        took_s: from the first upload until everything was over.
    """

    faults: tuple[str, ...]
    runs: int
    attempts: int
    steps: int
    took_s: float


def try_house(world: World, videos: Sequence[Path], harms: Harms, seed: int) -> Outcome:
    """Submit all videos, do all harm while they are judged, and look at what came of it."""
    began_s = time.monotonic()
    with world.running():
        uploads = _Uploads(world, videos)
        do_harm(world, harms, Random(seed), uploads.go_on)  # noqa: S311 - to be repeated
        uploads.go_on(1.0)
        _wait_until_over(world)
        took_s = time.monotonic() - began_s
        faults = [*_database_faults(world), *_report_faults(world, videos, uploads.run_ids)]
        faults += _webhook_faults(world)
        attempts, count = _count_attempts(world)
    return Outcome(tuple(faults), len(videos), attempts, count, took_s)


class _Uploads:
    """Videos that are submitted bit by bit; where the database is away, a little later."""

    def __init__(self, world: World, videos: Sequence[Path]) -> None:
        self._world, self._videos = world, videos
        self.run_ids: dict[str, str] = {}

    def go_on(self, share: float) -> None:
        """Submit videos until *share* of them, 0 to 1, are."""
        while len(self.run_ids) < round(share * len(self._videos)):
            path = self._videos[len(self.run_ids)]
            try:
                self.run_ids[path.name] = self._world.upload(path).id
            except UnavailableError:
                time.sleep(POLL_S)


def _wait_until_over(world: World) -> None:
    until_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < until_s:
        time.sleep(POLL_S)
        try:
            with world.service.database.read() as connection:
                open_runs = connection.execute(
                    select(func.count()).select_from(runs).where(runs.c.state.not_in(OVER))
                ).scalar_one()
                untold = connection.execute(
                    select(func.count()).select_from(outbox).where(outbox.c.settled_ms.is_(None))
                ).scalar_one()
                undelivered = connection.execute(
                    select(func.count()).select_from(deliveries).where(deliveries.c.state == "due")
                ).scalar_one()
        except UnavailableError:
            continue
        if not open_runs + untold + undelivered:
            return


def _database_faults(world: World) -> list[str]:
    faults = []
    with world.service.database.read() as connection:
        all_runs = connection.execute(select(runs)).all()
        for table in (verdicts, reports):
            judged = connection.execute(select(table.c.run_id)).scalars().all()
            if sorted(judged) != sorted(run.id for run in all_runs):
                faults.append(f"{len(judged)} {table.name} of {len(all_runs)} runs")
        faults += [f"run {run.id} is {run.state}" for run in all_runs if run.state != "done"]
        unscored = select(func.count()).select_from(chunks).where(chunks.c.artifact.is_(None))
        if missing := connection.execute(unscored).scalar_one():
            faults.append(f"{missing} chunks were not scored")
        faults += _step_faults(connection)
        faults += verify_audit(connection)
    return faults


def _step_faults(connection: Connection) -> list[str]:
    """Every step is done, and what counts of it was made by whoever had it last.

    Results alone would not tell: whoever else had the step makes the same of it.
    """
    counts: dict[tuple[str, str, int], str | None] = {}
    for run in connection.execute(select(runs.c.id, runs.c.plan)):
        counts[run.id, "plan", 0] = run.plan
    for chunk in connection.execute(select(chunks.c.run_id, chunks.c.number, chunks.c.artifact)):
        counts[chunk.run_id, "chunk", chunk.number] = chunk.artifact
    for report in connection.execute(select(reports.c.run_id, reports.c.folder)):
        counts[report.run_id, "judge", 0] = report.folder
    faults = []
    for step in connection.execute(select(steps)):
        name = f"{step.kind} {step.chunk} of run {step.run_id}"
        if step.state != "done":
            faults.append(f"{name} is {step.state}")
        made = counts.get((step.run_id, step.kind, step.chunk)) or "nothing"
        if f"-{step.fence}" not in (part[part.rfind("-") :] for part in made.split("/")):
            faults.append(f"{name}: of its fence {step.fence}, what counts is {made}")
    return faults


def _report_faults(world: World, videos: Sequence[Path], run_ids: dict[str, str]) -> list[str]:
    """Compare each report with that of a plain scan: all but the timings must be equal."""
    folder = world.service.settings.home / "undisturbed"
    folder.mkdir()
    scorer, policy = colour_scorer(folder), world.catalogue.find(None).policy.policy
    faults = []
    for path in videos:
        with world.service.database.read() as connection:
            content = connection.execute(
                select(reports.c.content).where(reports.c.run_id == run_ids[path.name])
            ).scalar()
        found = json.loads(content or "{}")
        scan = scan_video(
            path,
            submission_id=str(found.get("submission_id")),
            policy=policy,
            scorer=scorer,
            decoder=DecoderHere(),
            tag="",
            on_progress=lambda _share: None,
        )
        report = write_scan(scan, folder / path.stem, policy=policy, style=HeatmapStyle())
        wanted = to_json_object(report)
        if found | {"timings": 0, "source": 0} != wanted | {"timings": 0, "source": 0}:
            faults.append(f"{path.name}: its report is not that of an undisturbed scan")
    return faults


def _webhook_faults(world: World) -> list[str]:
    """Every event is told at least once, and always in the same words."""
    with world.service.database.read() as connection:
        bodies = connection.execute(select(outbox.c.body)).scalars().all()
    told = world.receiver.events
    faults = [
        f"event {event['id']} was never told"
        for event in map(json.loads, bodies)
        if event["id"] not in world.receiver.heard
    ]
    faults += [f"event {key} changed" for key, said in told.items() if len(set(said)) > 1]
    return faults


def _count_attempts(world: World) -> tuple[int, int]:
    with world.service.database.read() as connection:
        row = connection.execute(select(func.sum(steps.c.fence), func.count())).one()
    return int(row[0]), int(row[1])
