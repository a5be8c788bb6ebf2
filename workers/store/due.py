"""What is due: steps to ring for, leases that ran out, steps that are given up."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from workers.store.lookups import find_run
from workers.store.records import LeaseTerms, Row, Run, Step, StepKind, StepState
from workers.store.step_rows import cancel_steps
from workers.store.steps import is_ours
from workers.store.tables import runs, steps

DIED = "its worker died, or gave no sign of life"


@dataclass(frozen=True, slots=True)
class Bell(Row):
    """A step that somebody should be told of."""

    id: str
    kind: str
    priority: int


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A step that was tried too often, with its run, locked, and what went wrong at last."""

    step: Step
    run: Run
    why: str


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How much of one kind of step there is.

    Attributes:
        due: steps that wait, those that rest after a failed attempt left out.
        running: steps in work.
        oldest_ms: when the one that has waited longest became due; None where none waits.
    """

    kind: StepKind
    due: int
    running: int
    oldest_ms: int | None


def find_bells(
    connection: Connection, kind: StepKind, *, now_ms: int, rung_before_ms: int, limit: int
) -> list[Bell]:
    """Return steps to ring for: never rung for, or so long ago that the bell may be lost."""
    rows = connection.execute(
        select(steps.c.id, steps.c.kind, steps.c.priority)
        .where(
            steps.c.state == StepState.DUE.value,
            steps.c.kind == kind.value,
            steps.c.due_ms <= now_ms,
            or_(steps.c.rung_ms.is_(None), steps.c.rung_ms < rung_before_ms),
        )
        .order_by(steps.c.priority, steps.c.run_id)
        .limit(limit)
    ).mappings()
    return [Bell.of(row) for row in rows]


def find_next(
    connection: Connection, kinds: Collection[StepKind], *, now_ms: int, limit: int
) -> list[str]:
    """Return ids of the steps that should be done next: of the oldest run, rung for or not.

    A worker that has just finished a step need not wait for a bell.
    """
    found = []
    for kind in kinds:
        rows = connection.execute(
            select(steps.c.priority, steps.c.run_id, steps.c.id)
            .where(
                steps.c.state == StepState.DUE.value,
                steps.c.kind == kind.value,
                steps.c.due_ms <= now_ms,
            )
            .order_by(steps.c.priority, steps.c.run_id)
            .limit(limit)
        )
        found += [tuple(row) for row in rows]
    return [step_id for _, _, step_id in sorted(found)[:limit]]


def note_rung(connection: Connection, step_ids: Collection[str], *, now_ms: int) -> None:
    """Note that the broker was told of these steps."""
    connection.execute(
        update(steps)
        .where(steps.c.id.in_(step_ids), steps.c.state == StepState.DUE.value)
        .values(rung_ms=now_ms)
    )


def release_expired(connection: Connection, terms: LeaseTerms, *, now_ms: int) -> int:
    """Make due again, after a rest, whatever nobody holds any more; return how many.

    Those that were tried too often stay as they are, for `take_abandoned`.
    """
    expired = connection.execute(
        select(steps.c.id, steps.c.attempts)
        .where(
            steps.c.state == StepState.RUNNING.value,
            steps.c.lease_ms < now_ms,
            steps.c.attempts < terms.max_attempts,
        )
        .with_for_update(skip_locked=True)
    ).all()
    for row in expired:
        connection.execute(
            update(steps)
            .where(steps.c.id == row.id)
            .values(
                state=StepState.DUE.value,
                due_ms=now_ms + terms.rest_ms(row.attempts),
                rung_ms=None,
                lease_ms=None,
                error=DIED,
            )
        )
    return len(expired)


def find_abandoned(
    connection: Connection, terms: LeaseTerms, *, now_ms: int, limit: int
) -> list[str]:
    """Return ids of steps that were tried so often that they are to be given up."""
    rows = connection.execute(select(steps.c.id).where(*_is_abandoned(terms, now_ms)).limit(limit))
    return list(rows.scalars())


def take_abandoned(
    connection: Connection, step_id: str, terms: LeaseTerms, *, now_ms: int
) -> Abandoned | None:
    """Give a step up, and with it all that is left of its run; None if it is not so bad after all.

    The caller files the verdict in the same transaction.
    """
    run_id = connection.execute(select(steps.c.run_id).where(steps.c.id == step_id)).scalar()
    if run_id is None:
        return None
    connection.execute(select(runs.c.id).where(runs.c.id == run_id).with_for_update())
    row = (
        connection.execute(
            update(steps)
            .where(steps.c.id == step_id, *_is_abandoned(terms, now_ms))
            .values(state=StepState.DEAD.value)
            .returning(steps)
        )
        .mappings()
        .first()
    )
    if row is None:
        return None
    cancel_steps(connection, run_id)
    why = DIED if row["lease_ms"] is not None else row["error"] or DIED
    return Abandoned(Step.of(row), find_run(connection, run_id), why)


def bury(connection: Connection, step: Step) -> Run | None:
    """Give up a step that is ours, and with it all that is left of its run; return the run.

    None if the step is not ours any more. The caller files the verdict in the same transaction.
    """
    connection.execute(select(runs.c.id).where(runs.c.id == step.run_id).with_for_update())
    buried = connection.execute(
        update(steps).where(*is_ours(step)).values(state=StepState.DEAD.value, lease_ms=None)
    )
    if buried.rowcount == 0:
        return None
    cancel_steps(connection, step.run_id)
    return find_run(connection, step.run_id)


def measure_queues(connection: Connection, *, now_ms: int) -> tuple[QueueDepth, ...]:
    """Return how much of each kind of step is waiting and in work: what autoscalers go by."""
    rows = connection.execute(
        select(
            steps.c.kind,
            steps.c.state,
            func.count().label("steps"),
            func.min(steps.c.due_ms).label("oldest_ms"),
        )
        .where(
            steps.c.state.in_([StepState.DUE.value, StepState.RUNNING.value]),
            or_(steps.c.state == StepState.RUNNING.value, steps.c.due_ms <= now_ms),
        )
        .group_by(steps.c.kind, steps.c.state)
    ).all()
    found = {(row.kind, row.state): row for row in rows}
    return tuple(_depth(kind, found) for kind in StepKind)


def _depth(kind: StepKind, found: dict[Any, Any]) -> QueueDepth:
    due = found.get((kind.value, StepState.DUE.value))
    running = found.get((kind.value, StepState.RUNNING.value))
    return QueueDepth(
        kind,
        due=getattr(due, "steps", 0),
        running=getattr(running, "steps", 0),
        oldest_ms=getattr(due, "oldest_ms", None),
    )


def _is_abandoned(terms: LeaseTerms, now_ms: int) -> tuple[Any, ...]:
    """Return the conditions: tried too often, and either nobody holds it or it is due again."""
    is_unheld = (steps.c.state == StepState.RUNNING.value) & (steps.c.lease_ms < now_ms)
    is_due = steps.c.state == StepState.DUE.value
    return (steps.c.attempts >= terms.max_attempts, or_(is_unheld, is_due))
