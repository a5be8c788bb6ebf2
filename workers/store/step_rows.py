"""The steps of a run, made due and cancelled all together."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, update

from workers.store.ids import new_id
from workers.store.records import Run, StepKind, StepState
from workers.store.tables import steps


def add_steps(
    connection: Connection, run: Run, kind: StepKind, numbers: Sequence[int], *, now_ms: int
) -> list[str]:
    """Make steps of a run due, one a number of a chunk, and return their ids."""
    ids = [new_id(now_ms) for _ in numbers]
    rows = [
        {
            "id": step_id,
            "run_id": run.id,
            "kind": kind.value,
            "chunk": number,
            "state": StepState.DUE.value,
            "priority": run.priority,
            "due_ms": now_ms,
            "attempts": 0,
            "fence": 0,
            "progress": 0.0,
            "frames": 0,
            "created_ms": now_ms,
        }
        for step_id, number in zip(ids, numbers, strict=True)
    ]
    connection.execute(insert(steps), rows)
    return ids


def cancel_steps(connection: Connection, run_id: str) -> None:
    """Cancel what is due or in progress of a run."""
    connection.execute(
        update(steps)
        .where(
            steps.c.run_id == run_id,
            steps.c.state.in_([StepState.DUE.value, StepState.RUNNING.value]),
        )
        .values(state=StepState.CANCELLED.value, lease_ms=None)
    )
