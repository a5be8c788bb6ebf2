"""The queries of KEDA: what the database says is due or in work, on a real PostgreSQL."""

import time
from collections.abc import Iterator

import psycopg
import pytest
import yaml
from sqlalchemy import insert, select

from tests.deploy.deploy_parts import DEPLOY, containers, of_kind
from tests.workers.servers import Postgres
from tests.workers.store.store_parts import hand_in
from workers.settings import Settings
from workers.store.database import Database
from workers.store.due import measure_queues
from workers.store.ids import new_id
from workers.store.records import StepKind, StepState
from workers.store.tables import steps

HOUR_MS = 3_600_000
# Of each kind another number, so that no sum is right by chance.
DUE = {StepKind.PLAN: 3, StepKind.CHUNK: 50, StepKind.JUDGE: 7}
RUNNING = {StepKind.PLAN: 100, StepKind.CHUNK: 200, StepKind.JUDGE: 400}
SCALED = {"worker-cpu": (StepKind.PLAN, StepKind.JUDGE), "worker-gpu": (StepKind.CHUNK,)}


@pytest.fixture(scope="module")
def filled(postgres: Postgres) -> Iterator[Database]:
    """Return a database with steps of each kind in each state, and some that rest."""
    database = Database(postgres.create())
    run = hand_in(database).run
    now_ms = time.time_ns() // 1_000_000
    rows = []
    for kind in StepKind:
        numbers = {(StepState.DUE, HOUR_MS): DUE[kind], (StepState.RUNNING, 0): RUNNING[kind]}
        rest = {(StepState.DUE, -HOUR_MS): 11, (StepState.DONE, 0): 13, (StepState.DEAD, 0): 17}
        cancelled = {(StepState.CANCELLED, 0): 19}
        for (state, ago_ms), number in (numbers | rest | cancelled).items():
            rows += [(kind, state, now_ms - ago_ms)] * number
    with database.write() as connection:
        connection.execute(steps.delete())
        connection.execute(
            insert(steps),
            [
                {
                    "id": new_id(now_ms), "run_id": run.id, "kind": kind.value, "chunk": number,
                    "state": state.value, "priority": 0, "due_ms": due_ms, "attempts": 0,
                    "fence": 0, "progress": 0.0, "frames": 0, "created_ms": now_ms,
                }
                for number, (kind, state, due_ms) in enumerate(rows)
            ],
        )  # fmt: skip
    yield database
    database.close()


def trigger(name: str) -> dict[str, str]:
    (found,) = of_kind("ScaledObject")[name]["spec"]["triggers"]
    assert found["type"] == "postgresql"
    metadata: dict[str, str] = found["metadata"]
    return metadata


def count(database: Database, query: str) -> int:
    """Run a query as KEDA does: by libpq's protocol, one number comes back."""
    address = database.engine.url.render_as_string(hide_password=False)
    with psycopg.connect(address.replace("+psycopg", "")) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    (number,) = row
    return int(number)


@pytest.mark.parametrize(("name", "kinds"), SCALED.items())
def test_what_is_due_or_in_work_is_counted(
    filled: Database, name: str, kinds: tuple[StepKind, ...]
) -> None:
    assert count(filled, trigger(name)["query"]) == sum(DUE[one] + RUNNING[one] for one in kinds)


@pytest.mark.parametrize(("name", "kinds"), SCALED.items())
def test_it_is_what_the_service_itself_counts(
    filled: Database, name: str, kinds: tuple[StepKind, ...]
) -> None:
    with filled.read() as connection:
        depths = measure_queues(connection, now_ms=time.time_ns() // 1_000_000)
    counted = sum(depth.due + depth.running for depth in depths if depth.kind in kinds)
    assert count(filled, trigger(name)["query"]) == counted


def test_without_gpus_the_workers_that_are_left_count_all_kinds(filled: Database) -> None:
    text = (DEPLOY / "k8s" / "cpu-only" / "kustomization.yaml").read_text(encoding="utf-8")
    (patch,) = (
        one["patch"]
        for one in yaml.safe_load(text)["patches"]
        if one.get("target", {}).get("kind") == "ScaledObject"
    )
    (change,) = yaml.safe_load(patch)
    assert change["path"] == "/spec/triggers/0/metadata/query"
    assert count(filled, change["value"]) == sum(DUE.values()) + sum(RUNNING.values())


def test_nothing_to_do_is_the_number_0(postgres: Postgres) -> None:
    empty = Database(postgres.create())
    assert {count(empty, trigger(name)["query"]) for name in SCALED} == {0}
    empty.close()


@pytest.mark.parametrize("name", SCALED)
def test_it_scales_a_deployment_that_is_there_and_whose_number_nobody_else_sets(name: str) -> None:
    spec = of_kind("ScaledObject")[name]["spec"]
    deployment = of_kind("Deployment")[spec["scaleTargetRef"]["name"]]
    assert "replicas" not in deployment["spec"]


@pytest.mark.parametrize(("name", "kinds"), SCALED.items())
def test_it_counts_the_kinds_that_these_workers_do_and_as_many_a_worker_as_it_has_slots(
    name: str, kinds: tuple[StepKind, ...]
) -> None:
    (worker,) = (one for one in containers() if one.where == f"{name} {name}")
    queues = set(worker.words[-1].split(","))
    assert queues - {"submit"} == {kind.value for kind in kinds}
    slots = worker.environment.get("HEATREEL_SLOTS", str(Settings.model_fields["slots"].default))
    assert trigger(name)["targetQueryValue"] == slots


def test_every_kind_of_step_is_done_by_somebody(filled: Database) -> None:
    with filled.read() as connection:
        kinds = set(connection.execute(select(steps.c.kind).distinct()).scalars())
    assert {kind.value for found in SCALED.values() for kind in found} == kinds
