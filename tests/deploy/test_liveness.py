"""The probe: a container is blamed for what it leaves undone, and for nothing else."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from tests.deploy.conftest import Valkey
from tests.deploy.deploy_parts import DEPLOY
from tests.workers.servers import Postgres
from tests.workers.store.store_parts import TERMS, hand_in, step_of
from workers.queue.app import Broker, make_app
from workers.settings import Settings
from workers.store.database import Database
from workers.store.due import Bell
from workers.store.migrate import migrate
from workers.store.records import StepKind
from workers.store.steps import Claimant, claim
from workers.store.tables import steps

LONG_MS = 200_000  # longer than ring_again_s and a minute
SHORT_MS = 1_000
HOST = socket.gethostname()


@dataclass(frozen=True, slots=True)
class Scene:
    """A database with one submission, whose plan is due, and a broker.

    Attributes:
        database: with the tables.
        broker: as the relay sees it.
        environment: of the probe.
        step_id: of the plan.
    """

    database: Database
    broker: Broker
    environment: dict[str, str]
    step_id: str

    def due_since(self, ms: int, *, rung: bool) -> None:
        """Have the step due for so long, rung for or not."""
        since_ms = time.time_ns() // 1_000_000 - ms
        with self.database.write() as connection:
            connection.execute(
                update(steps).values(due_ms=since_ms, rung_ms=since_ms if rung else None)
            )

    def ring(self) -> None:
        """Put a bell into the broker."""
        self.broker.ring([Bell(self.step_id, StepKind.PLAN.value, 0)])

    def claim_by(self, worker: str) -> None:
        """Have the step claimed by a worker of this name."""
        claimant = Claimant(worker, frozenset(StepKind), TERMS)
        with self.database.write() as connection:
            now_ms = time.time_ns() // 1_000_000
            assert claim(connection, self.step_id, claimant, now_ms=now_ms) is not None

    def probe(self, *words: str, **variables: str) -> tuple[int, str]:
        """Run the probe as a container does; return its exit code and what it says."""
        done = subprocess.run(  # noqa: S603 - our own
            [sys.executable, DEPLOY / "liveness.py", *words],
            env={**os.environ, **self.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.stderr
        return done.returncode, done.stdout.strip()


@pytest.fixture(params=["sqlite", "postgresql"])
def scene(request: pytest.FixtureRequest, tmp_path: Path, valkey: Valkey) -> Iterator[Scene]:
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.create()
    else:
        url = f"sqlite:///{tmp_path / 'heatreel.db'}"
    database = Database(url)
    migrate(database)
    run = hand_in(database).run
    with valkey.client("operator") as client:
        client.flushall()
    yield Scene(
        database,
        Broker(make_app(Settings(broker_url=SecretStr(valkey.url)))),
        {
            "HEATREEL_HOME": str(tmp_path),
            "HEATREEL_DATABASE_URL": url,
            "HEATREEL_BROKER_URL": valkey.url,
            "PYTHONPATH": str(DEPLOY.parent),
        },
        step_of(database, run, StepKind.PLAN),
    )
    database.close()


def test_a_worker_that_lets_bells_lie_is_to_blame(scene: Scene) -> None:
    scene.due_since(LONG_MS, rung=True)
    scene.ring()
    assert scene.probe("worker", "plan,judge") == (
        1, f"bells of plan wait, and {HOST} takes nothing up",
    )  # fmt: skip


def test_what_other_workers_are_for_is_not_its_affair(scene: Scene) -> None:
    scene.due_since(LONG_MS, rung=True)
    scene.ring()
    assert scene.probe("worker", "chunk") == (0, "ok")


def test_a_worker_that_holds_a_step_is_not_to_blame(scene: Scene) -> None:
    scene.claim_by(f"{HOST}-17-abcd")
    hand_in(scene.database, "key-2")
    scene.ring()
    with scene.database.write() as connection:
        long_ago_ms = time.time_ns() // 1_000_000 - LONG_MS
        connection.execute(update(steps).values(due_ms=long_ago_ms, rung_ms=long_ago_ms))
    assert scene.probe("worker") == (0, "ok")


def test_what_a_host_of_a_longer_name_holds_is_not_its_own(scene: Scene) -> None:
    scene.claim_by(f"{HOST}-2-17-abcd")
    hand_in(scene.database, "key-2")
    scene.ring()
    with scene.database.write() as connection:
        long_ago_ms = time.time_ns() // 1_000_000 - LONG_MS
        connection.execute(update(steps).values(due_ms=long_ago_ms, rung_ms=long_ago_ms))
    assert scene.probe("worker")[0] == 1


def test_a_bell_that_was_rung_just_now_may_wait(scene: Scene) -> None:
    scene.due_since(SHORT_MS, rung=True)
    scene.ring()
    assert scene.probe("worker") == (0, "ok")


def test_a_worker_is_not_to_blame_for_a_bell_that_was_lost(scene: Scene) -> None:
    scene.due_since(LONG_MS, rung=True)
    assert scene.probe("worker") == (0, "ok")


@pytest.mark.parametrize("rung", [False, True], ids=["never", "and the bell was lost"])
def test_a_relay_that_does_not_ring_is_to_blame(scene: Scene, *, rung: bool) -> None:
    scene.due_since(LONG_MS, rung=rung)
    assert scene.probe("relay") == (1, "steps of plan are due, and nobody rings for them")


def test_a_relay_is_not_to_blame_while_bells_wait(scene: Scene) -> None:
    scene.due_since(LONG_MS, rung=False)
    scene.ring()
    assert scene.probe("relay") == (0, "ok")


def test_a_relay_may_take_its_time(scene: Scene) -> None:
    scene.due_since(SHORT_MS, rung=False)
    assert scene.probe("relay") == (0, "ok")


def test_nobody_is_to_blame_for_a_broker_that_is_away(scene: Scene, tmp_path: Path) -> None:
    scene.due_since(LONG_MS, rung=False)
    away = f"redis+socket://{tmp_path / 'away.sock'}"
    code, said = scene.probe("relay", HEATREEL_BROKER_URL=away)
    assert code == 0
    assert said.startswith("not our fault: the broker does not answer")


def test_nor_for_a_database_that_is_away(scene: Scene, tmp_path: Path) -> None:
    away = f"sqlite:///{tmp_path / 'nowhere' / 'heatreel.db'}"
    code, said = scene.probe("worker", HEATREEL_DATABASE_URL=away)
    assert code == 0
    assert said.startswith("not our fault: the database does not answer")
