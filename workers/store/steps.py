"""Steps: claimed under a lease and a fence, kept by heartbeats, finished or handed back.

Doing a step twice does no harm; finishing it with an old fence does nothing. Whoever finishes a
step makes what follows on it due in the same transaction, and may take that up at once.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, case, func, insert, select, update

from pipeline.records import Span, Timings
from workers.errors import LeaseLostError
from workers.store.events import tell
from workers.store.lookups import find_run
from workers.store.records import EventKind, LeaseTerms, Run, RunState, Step, StepKind, StepState
from workers.store.step_rows import add_steps, cancel_steps
from workers.store.tables import chunks, runs, steps, submissions


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who takes steps up: its name, the kinds of step that it does, and how long it holds one."""

    worker: str
    kinds: frozenset[StepKind]
    terms: LeaseTerms


@dataclass(frozen=True, slots=True)
class Held:
    """A step in work, and how far it is.

    Attributes:
        share: 0 to 1.
        frames: sampled so far.
    """

    step: Step
    share: float
    frames: int


@dataclass(frozen=True, slots=True)
class Scored:
    """What came of a chunk.

    Attributes:
        artifact: where its frames are.
        frames: how many were sampled.
        providers: the execution providers that ran the model.
        timings: where the CPU seconds went.
        is_flagged: whether a confirmed segment of it stands at or above a block threshold: the
            world is told of the first such chunk at once.
    """

    artifact: str
    frames: int
    providers: tuple[str, ...]
    timings: Timings
    is_flagged: bool


@dataclass(frozen=True, slots=True)
class Planned:
    """What planning found out.

    Attributes:
        sha256: of the video's bytes; None where there were none to read.
        size_bytes: how many; None likewise.
        artifact: the probed video; None where it cannot be read.
        spans: of the chunks; none where it cannot be read.
        fault: why it cannot be read, a reason in JSON; None where it can.
    """

    sha256: str | None
    size_bytes: int | None
    artifact: str | None
    spans: tuple[Span, ...]
    fault: str | None

    def __post_init__(self) -> None:
        if bool(self.spans) == (self.fault is not None):
            raise ValueError(f"either chunks or a fault is what planning comes to, got {self}")


def claim(connection: Connection, step_id: str, claimant: Claimant, *, now_ms: int) -> Step | None:
    """Take a step that is due, or return None: done, held by another, resting, never heard of.

    One that was tried as often as it may be is nobody's: the relay gives it up.
    """
    terms = claimant.terms
    is_due = (
        steps.c.id == step_id,
        steps.c.state == StepState.DUE.value,
        steps.c.due_ms <= now_ms,
        steps.c.attempts < terms.max_attempts,
    )
    # Everybody locks the run before its steps, so that no two wait for one another.
    connection.execute(
        update(runs)
        .where(
            runs.c.id == select(steps.c.run_id).where(*is_due).scalar_subquery(),
            runs.c.state == RunState.QUEUED.value,
        )
        .values(state=RunState.RUNNING.value)
    )
    row = (
        connection.execute(
            update(steps)
            .where(*is_due)
            .values(
                state=StepState.RUNNING.value,
                attempts=steps.c.attempts + 1,
                fence=steps.c.fence + 1,
                worker=claimant.worker,
                claimed_ms=now_ms,
                lease_ms=now_ms + terms.lease_ms,
                cap_ms=now_ms + terms.cap_ms,
                progress=0.0,
                frames=0,
            )
            .returning(steps)
        )
        .mappings()
        .first()
    )
    return Step.of(row) if row else None


def renew(
    connection: Connection, held: Iterable[Held], terms: LeaseTerms, *, now_ms: int
) -> set[str]:
    """Hold on to steps in work, note how far they are, and return the ids of those that are lost.

    A step is lost when it was cancelled, when somebody else has it, or when its cap is reached.
    """
    lost = set()
    for one in held:
        until = case(
            (steps.c.cap_ms < now_ms + terms.lease_ms, steps.c.cap_ms),
            else_=now_ms + terms.lease_ms,
        )
        kept = connection.execute(
            update(steps)
            .where(*is_ours(one.step), steps.c.cap_ms > now_ms)
            .values(lease_ms=until, progress=one.share, frames=one.frames)
        )
        if kept.rowcount == 0:
            lost.add(one.step.id)
    return lost


def hand_back(connection: Connection, step: Step, *, due_ms: int, why: str) -> None:
    """Make a claimed step due again without counting the attempt: it was not the video's fault.

    Raises:
        LeaseLostError: if it is not ours any more.
    """
    _release(connection, step, {"attempts": step.attempts - 1, "due_ms": due_ms, "error": why})


def retry(connection: Connection, step: Step, *, due_ms: int, why: str) -> None:
    """Make a claimed step due again; the attempt counts.

    Raises:
        LeaseLostError: if it is not ours any more.
    """
    _release(connection, step, {"due_ms": due_ms, "error": why})


def finish_plan(
    connection: Connection, step: Step, planned: Planned, claimant: Claimant, *, now_ms: int
) -> Step | None:
    """Commit a plan, make its chunks due, and return the first one, claimed, if we do such.

    A video that cannot be read has no chunks: judging it is due at once.

    Raises:
        LeaseLostError: if the step is not ours any more; nothing is committed then.
    """
    if planned.sha256 is not None:
        _note_source(connection, step, planned)
    run = _finish(connection, step)
    connection.execute(
        update(runs).where(runs.c.id == run.id).values(plan=planned.artifact, fault=planned.fault)
    )
    if not planned.spans:
        ids = add_steps(connection, run, StepKind.JUDGE, [0], now_ms=now_ms)
        return _go_on(connection, StepKind.JUDGE, ids[0], claimant, now_ms)
    rows = [
        {"run_id": run.id, "number": i, "start_ms": span.start_ms, "end_ms": span.end_ms}
        for i, span in enumerate(planned.spans)
    ]
    connection.execute(insert(chunks), rows)
    ids = add_steps(connection, run, StepKind.CHUNK, range(len(rows)), now_ms=now_ms)
    return _go_on(connection, StepKind.CHUNK, ids[0], claimant, now_ms)


def finish_chunk(
    connection: Connection, step: Step, scored: Scored, claimant: Claimant, *, now_ms: int
) -> Step | None:
    """Commit a chunk; after the last one, make judging due and return it, claimed, if we do such.

    Raises:
        LeaseLostError: if the step is not ours any more; nothing is committed then.
    """
    run = _finish(connection, step)
    connection.execute(
        update(chunks)
        .where(chunks.c.run_id == run.id, chunks.c.number == step.chunk)
        .values(
            artifact=scored.artifact,
            frames=scored.frames,
            providers=json.dumps(scored.providers),
            timings=json.dumps(asdict(scored.timings)),
        )
    )
    if scored.is_flagged and run.flagged_ms is None:
        connection.execute(update(runs).where(runs.c.id == run.id).values(flagged_ms=now_ms))
        tell(connection, EventKind.FLAGGED_EARLY, run, now_ms=now_ms, chunk=step.chunk)
    missing = select(func.count()).where(chunks.c.run_id == run.id, chunks.c.artifact.is_(None))
    if connection.execute(missing).scalar_one():
        return None
    ids = add_steps(connection, run, StepKind.JUDGE, [0], now_ms=now_ms)
    return _go_on(connection, StepKind.JUDGE, ids[0], claimant, now_ms)


def finish_faulty(
    connection: Connection, step: Step, fault: str, claimant: Claimant, *, now_ms: int
) -> Step | None:
    """Commit that a video turned out to be unreadable while a chunk of it was scored.

    Its other chunks are cancelled, and judging it is due at once, which is returned, claimed, if
    we do such.

    Raises:
        LeaseLostError: if the step is not ours any more; nothing is committed then.
    """
    run = _finish(connection, step)
    cancel_steps(connection, run.id)
    connection.execute(update(runs).where(runs.c.id == run.id).values(fault=fault))
    ids = add_steps(connection, run, StepKind.JUDGE, [0], now_ms=now_ms)
    return _go_on(connection, StepKind.JUDGE, ids[0], claimant, now_ms)


def finish_judge(connection: Connection, step: Step) -> Run:
    """Note that judging is done and return its run, locked, for its verdict to be filed.

    Raises:
        LeaseLostError: if the step is not ours any more; nothing is committed then.
    """
    return _finish(connection, step)


def _note_source(connection: Connection, step: Step, planned: Planned) -> None:
    """Note what a submission's bytes are; everybody locks a submission before its runs."""
    owner = select(runs.c.submission_id).where(runs.c.id == step.run_id).scalar_subquery()
    connection.execute(
        update(submissions)
        .where(submissions.c.id == owner)
        .values(sha256=planned.sha256, size_bytes=planned.size_bytes)
    )


def _finish(connection: Connection, step: Step) -> Run:
    """Mark a step as done and return its run, locked: the last two chunks must see each other."""
    connection.execute(select(runs.c.id).where(runs.c.id == step.run_id).with_for_update())
    done = connection.execute(
        update(steps)
        .where(*is_ours(step))
        .values(state=StepState.DONE.value, lease_ms=None, progress=1.0)
    )
    if done.rowcount == 0:
        raise LeaseLostError(f"step {step.id} is not ours any more (fence {step.fence})")
    return find_run(connection, step.run_id)


def _release(connection: Connection, step: Step, changes: dict[str, Any]) -> None:
    released = connection.execute(
        update(steps)
        .where(*is_ours(step))
        .values(state=StepState.DUE.value, rung_ms=None, lease_ms=None, **changes)
    )
    if released.rowcount == 0:
        raise LeaseLostError(f"step {step.id} is not ours any more (fence {step.fence})")


def is_ours(step: Step) -> tuple[Any, ...]:
    """Return the conditions under which a claimed step has not become somebody else's."""
    return (
        steps.c.id == step.id,
        steps.c.state == StepState.RUNNING.value,
        steps.c.fence == step.fence,
    )


def _go_on(
    connection: Connection, kind: StepKind, step_id: str, claimant: Claimant, now_ms: int
) -> Step | None:
    return claim(connection, step_id, claimant, now_ms=now_ms) if kind in claimant.kinds else None
