"""A database as it is after a million submissions: few tenants, nearly all of it done long ago."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, insert, text

from workers.store.database import Database
from workers.store.tables import chunks, policies, runs, steps, submissions

FIRST_MS = 1_700_000_000_000
EVERY_MS = 500  # so that a million are six days
BATCH = 10_000
TENANTS = ("large", "middle", "small", "tiny")
SHARES = (70, 20, 9, 1)
# State of the run and of its plan step, outcome, and how many of a thousand are so.
FATES = (
    ("done", "done", "pass", 905),
    ("done", "done", "review", 70),
    ("done", "done", "block", 10),
    ("done", "done", "error", 5),
    ("dead", "dead", "error", 1),
    ("cancelled", "cancelled", None, 3),
    ("running", "running", None, 1),
    ("queued", "due", None, 5),
)
SHA256 = "a" * 64


@dataclass(frozen=True, slots=True)
class Fate:
    """Whose a submission is, how it is called, and what came of it."""

    number: int
    tenant: str
    tag: str
    run: str
    step: str
    outcome: str | None

    @property
    def at_ms(self) -> int:
        return FIRST_MS + EVERY_MS * self.number

    def id_of(self, kind: int) -> str:
        """Return the id of its submission (0), its run (1) or its step (2)."""
        return f"{self.at_ms:012x}{kind:04x}{self.number:016x}"


def fates(count: int) -> Iterator[Fate]:
    """Yield the same fates every time."""
    rng = random.Random(1)  # noqa: S311 - no secret is made of it
    weights = [weight for *_, weight in FATES]
    for number in range(count):
        ((run, step, outcome, _),) = rng.choices(FATES, weights)
        (tenant,) = rng.choices(TENANTS, SHARES)
        tag = f"batch-{int(rng.paretovariate(0.5)) % 1000}" if rng.random() < 0.5 else ""
        yield Fate(number, tenant, tag, run, step, outcome)


def fill(database: Database, count: int) -> None:
    """Put that many submissions with a run, a chunk and a plan step each into empty tables."""
    with database.write() as connection:
        policy = {"sha256": SHA256, "policy_id": "nudity", "version": 1, "content": b"x"}
        connection.execute(insert(policies).values(policy))
    waiting = fates(count)
    while batch := list(islice(waiting, BATCH)):
        with database.write() as connection:
            _put(connection, submissions, [_submission(fate) for fate in batch])
            _put(connection, runs, [_run(fate) for fate in batch])
            _put(connection, chunks, [_chunk(fate) for fate in batch if fate.run == "done"])
            _put(connection, steps, [_step(fate) for fate in batch])
    if not database.is_sqlite:  # PostgreSQL does so by itself after a while, SQLite never
        with database.write() as connection:
            connection.execute(text("ANALYZE"))


def _put(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(insert(table), rows)
        return
    names = list(rows[0])
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([row[name] for name in names])


def _submission(fate: Fate) -> dict[str, Any]:
    return {
        "id": fate.id_of(0),
        "tenant": fate.tenant,
        "idempotency_key": f"key-{fate.number}",
        "uri": f"s3://videos/in/{fate.number}.mp4",
        "filename": f"{fate.number}.mp4",
        "tag": fate.tag,
        "sha256": f"{fate.number:064x}",
        "size_bytes": 10_000_000,
        "created_ms": fate.at_ms,
        "deleted_ms": fate.at_ms if fate.run == "cancelled" else None,
    }


def _run(fate: Fate) -> dict[str, Any]:
    return {
        "id": fate.id_of(1),
        "submission_id": fate.id_of(0),
        "tenant": fate.tenant,
        "policy_sha256": SHA256,
        "policy_id": "nudity",
        "policy_version": 1,
        "model_id": "open-nsfw",
        "model_version": "1",
        "model_sha256": SHA256,
        "priority": 0,
        "state": fate.run,
        "plan": f"{fate.id_of(0)}/{fate.id_of(1)}/plan-1/video.bin",
        "outcome": fate.outcome,
        "severity": None if fate.outcome is None else 0,
        "created_ms": fate.at_ms,
        "finished_ms": None if fate.outcome is None else fate.at_ms + 60_000,
    }


def _chunk(fate: Fate) -> dict[str, Any]:
    return {
        "run_id": fate.id_of(1),
        "number": 0,
        "start_ms": 0,
        "end_ms": 180_000,
        "artifact": f"{fate.id_of(0)}/{fate.id_of(1)}/chunk-0-1/frames.bin",
        "frames": 200,
        "providers": '["CPUExecutionProvider"]',
    }


def _step(fate: Fate) -> dict[str, Any]:
    is_running = fate.step == "running"
    return {
        "id": fate.id_of(2),
        "run_id": fate.id_of(1),
        "kind": "plan",
        "chunk": 0,
        "state": fate.step,
        "priority": 0,
        "due_ms": fate.at_ms,
        "attempts": 0 if fate.step == "due" else 1,
        "fence": 0 if fate.step == "due" else 1,
        "worker": None if fate.step == "due" else "worker-1",
        "lease_ms": fate.at_ms + 10**9 if is_running else None,
        "cap_ms": fate.at_ms + 10**9 if is_running else None,
        "progress": 1.0 if fate.step == "done" else 0.0,
        "frames": 0,
        "created_ms": fate.at_ms,
    }
