"""What the tests of the store are made of: submissions, claimants, and a clock that is a number."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

from sqlalchemy import Table, func, select

import pipeline.policies
from pipeline.policies.read import parse_policy
from pipeline.records import Outcome, Reason, ReasonKind, Span, Timings, Verdict
from workers.store.database import Database
from workers.store.ids import new_id
from workers.store.records import Act, LeaseTerms, ModelId, Run, RunState, Source, Step, StepKind
from workers.store.run_rows import Basis, PolicyCopy
from workers.store.steps import (
    Claimant,
    Planned,
    Scored,
    claim,
    finish_chunk,
    finish_judge,
    finish_plan,
)
from workers.store.submissions import NewSubmission, Submitted, submit
from workers.store.tables import steps
from workers.store.verdicts import Filing, file_verdict

NOW_MS = 1_700_000_000_000
TERMS = LeaseTerms(
    lease_ms=60_000, cap_ms=600_000, max_attempts=5, backoff_ms=10_000, max_backoff_ms=60_000
)
MODEL = ModelId("colour", "1", "m" * 64)
TIMINGS = Timings(1.0, 2.0, 0.0)
ALL_KINDS = frozenset(StepKind)
UPLOADER = Act("acme", "key of acme", NOW_MS)
CLAIMANT = Claimant("worker-1", ALL_KINDS, TERMS)
ONLY_PLANS = Claimant("planner", frozenset([StepKind.PLAN]), TERMS)
Made = TypeVar("Made")


def all_at_once(times: int, do: Callable[[int], Made]) -> list[Made]:
    """Do something with 0, 1, 2 ... on as many threads, which begin together."""
    start = Barrier(times)

    def wait_and_do(number: int) -> Made:
        start.wait()
        return do(number)

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(wait_and_do, range(times)))


def count(database: Database, table: Table) -> int:
    """Return how many rows a table has."""
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def basis(
    policy: str = "cats", model: ModelId = MODEL, *, edit: tuple[str, str] = ("", "")
) -> Basis:
    """Return one of the built-in policies, with one edit in its text."""
    path = Path(pipeline.policies.__file__).parent / f"{policy}.toml"
    content = path.read_text(encoding="utf-8").replace(*edit).encode()
    return Basis(PolicyCopy(parse_policy(content, name=path.name), content), model)


def new_submission(
    key: str = "key-1", *, sha256: str = "a" * 64, **changes: object
) -> NewSubmission:
    submission_id = new_id(NOW_MS)
    fields: dict[str, object] = {
        "id": submission_id,
        "source": Source(f"upload:{submission_id}/source", "clip.mp4", sha256, 1000),
        "tag": "",
        "idempotency_key": key,
        "basis": basis(),
    }
    return NewSubmission(**fields | changes)  # type: ignore[arg-type]


def hand_in(database: Database, key: str = "key-1", **changes: Any) -> Submitted:
    """Submit a video and return what came of it."""
    with database.write() as connection:
        return submit(connection, UPLOADER, new_submission(key, **changes))


def step_of(database: Database, run: Run, kind: StepKind, chunk: int = 0) -> str:
    """Return the id of a run's step."""
    with database.read() as connection:
        query = select(steps.c.id).where(
            steps.c.run_id == run.id, steps.c.kind == kind.value, steps.c.chunk == chunk
        )
        return str(connection.execute(query).scalar_one())


def take(
    database: Database, step_id: str, claimant: Claimant = CLAIMANT, *, now_ms: int = NOW_MS
) -> Step | None:
    with database.write() as connection:
        return claim(connection, step_id, claimant, now_ms=now_ms)


def must_take(database: Database, step_id: str, *, now_ms: int = NOW_MS) -> Step:
    step = take(database, step_id, now_ms=now_ms)
    assert step is not None
    return step


def planned(chunks: int = 1) -> Planned:
    """Return a plan of chunks of 300 s."""
    spans = tuple(Span(i * 300_000, (i + 1) * 300_000) for i in range(chunks))
    return Planned("a" * 64, 1000, "plan.bin", spans, None)


def plan_run(database: Database, run: Run, chunks: int = 1) -> None:
    """Plan a run without going on with its chunks."""
    step = must_take(database, step_of(database, run, StepKind.PLAN))
    with database.write() as connection:
        finish_plan(connection, step, planned(chunks), ONLY_PLANS, now_ms=NOW_MS)


def score_chunk(
    database: Database, run: Run, number: int, *, is_flagged: bool = False
) -> Step | None:
    """Score a chunk without going on with judging, and return what follows, claimed."""
    step = must_take(database, step_of(database, run, StepKind.CHUNK, number))
    scored = Scored(f"chunk-{number}.bin", 10, ("CPUExecutionProvider",), TIMINGS, is_flagged)
    with database.write() as connection:
        return finish_chunk(connection, step, scored, ONLY_PLANS, now_ms=NOW_MS)


def file_pass(database: Database, step: Step) -> None:
    """Judge a run: it passes."""
    filing = Filing(Verdict(Outcome.PASS, 0, ()), "{}", "folder", RunState.DONE, "worker-1")
    with database.write() as connection:
        file_verdict(connection, finish_judge(connection, step), filing, now_ms=NOW_MS)


def file_error(database: Database, step: Step) -> None:
    """Judge a run: it cannot be read."""
    verdict = Verdict(Outcome.ERROR, 0, (Reason(ReasonKind.UNREADABLE, detail="is empty"),))
    filing = Filing(verdict, "{}", None, RunState.DONE, "worker-1")
    with database.write() as connection:
        file_verdict(connection, finish_judge(connection, step), filing, now_ms=NOW_MS)


def judge_run(database: Database, run: Run, chunks: int = 1) -> None:
    """Bring a run to its end: it passes."""
    plan_run(database, run, chunks)
    for number in range(chunks):
        score_chunk(database, run, number)
    file_pass(database, must_take(database, step_of(database, run, StepKind.JUDGE)))


def finish(database: Database, step: Step) -> None:
    """Finish a step of planning, or of scoring a chunk."""
    with database.write() as connection:
        if step.kind is StepKind.PLAN:
            finish_plan(connection, step, planned(2), CLAIMANT, now_ms=NOW_MS)
        else:
            scored = Scored("chunk.bin", 1, (), TIMINGS, is_flagged=True)
            finish_chunk(connection, step, scored, CLAIMANT, now_ms=NOW_MS)
