"""Steps and chunks, looked up: how far a run is."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from workers.store.records import Chunk, Progress, Run, RunState, Step, StepKind, StepState
from workers.store.tables import chunks, steps

PLAN_SHARE = 0.02  # of the progress that is shown
JUDGE_SHARE = 0.03


def find_step(connection: Connection, step_id: str) -> Step | None:
    """Return a step as it stands, None if there is none."""
    row = connection.execute(select(steps).where(steps.c.id == step_id)).mappings().first()
    return Step.of(row) if row else None


def find_chunks(connection: Connection, run_id: str) -> list[Chunk]:
    """Return the chunks of a run, in order of time."""
    rows = connection.execute(
        select(chunks).where(chunks.c.run_id == run_id).order_by(chunks.c.number)
    ).mappings()
    return [Chunk.of(row) for row in rows]


def measure_progress(connection: Connection, run: Run) -> Progress:
    """Return how far a run is, from what its steps last said."""
    if run.state is RunState.DONE:
        frames = connection.execute(
            select(func.coalesce(func.sum(chunks.c.frames), 0)).where(
                chunks.c.run_id == (run.scored_by or run.id)
            )
        ).scalar_one()
        return Progress(1.0, int(frames), int(frames))
    rows = connection.execute(
        select(
            steps.c.kind, steps.c.state, steps.c.progress, steps.c.frames,
            chunks.c.start_ms, chunks.c.end_ms, chunks.c.frames.label("frames_done"),
        )
        .select_from(
            steps.outerjoin(
                chunks, (chunks.c.run_id == steps.c.run_id) & (chunks.c.number == steps.c.chunk)
            )
        )
        .where(steps.c.run_id == run.id)
    ).all()  # fmt: skip
    return _add_up(rows)


def _add_up(rows: Sequence[Any]) -> Progress:
    """Return the progress of rows of steps, each with the span of its chunk."""
    parts = [row for row in rows if row.kind == StepKind.CHUNK.value]
    whole_ms = sum(row.end_ms - row.start_ms for row in parts)
    done_ms = sum(_share(row) * (row.end_ms - row.start_ms) for row in parts)
    frames = sum(row.frames_done if row.frames_done is not None else row.frames for row in parts)
    scored = done_ms / whole_ms if whole_ms else 0.0
    planned = round(frames / scored) if scored > 0 else None
    share = PLAN_SHARE + (1 - PLAN_SHARE - JUDGE_SHARE) * scored if parts else 0.0
    return Progress(min(share, 1.0), int(frames), planned)


def _share(row: Any) -> float:
    return 1.0 if row.state == StepState.DONE.value else float(row.progress)
