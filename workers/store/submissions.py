"""Submissions and their runs: handed in, cancelled, judged again, deleted."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update

from workers.errors import ConflictError, NotFoundError
from workers.store.audit import append_audit
from workers.store.database import insert_new
from workers.store.events import ask_to_erase, forget_events
from workers.store.lookups import OVER, find_runs
from workers.store.records import (
    FRESH,
    RERUN,
    Act,
    Run,
    RunState,
    Source,
    Submission,
)
from workers.store.run_rows import Basis, add_run
from workers.store.step_rows import cancel_steps
from workers.store.tables import runs, submissions


@dataclass(frozen=True, slots=True)
class NewSubmission:
    """What somebody hands in.

    Attributes:
        id: the one that it is to get.
        source: its bytes.
        tag: what they call it; may be empty.
        idempotency_key: of two submissions of a tenant with the same one, the second is the first.
        basis: what it is judged by.
    """

    id: str
    source: Source
    tag: str
    idempotency_key: str
    basis: Basis


@dataclass(frozen=True, slots=True)
class Submitted:
    """A submission with the run that was asked for, and whether it is new."""

    submission: Submission
    run: Run
    is_new: bool


def submit(connection: Connection, act: Act, new: NewSubmission) -> Submitted:
    """Take a submission in, with its run and its first step, or find that it is there already.

    Raises:
        ConflictError: if its idempotency key was used for something else.
    """
    made = connection.execute(
        insert_new(connection, submissions)
        .values(
            id=new.id,
            tenant=act.tenant,
            idempotency_key=new.idempotency_key,
            uri=new.source.uri,
            filename=new.source.filename,
            tag=new.tag,
            sha256=new.source.sha256,
            size_bytes=new.source.size_bytes,
            created_ms=act.at_ms,
        )
        .on_conflict_do_nothing()
        .returning(submissions)
    ).mappings()
    if (row := made.first()) is None:
        return _find_same(connection, act, new)
    submission = Submission.of(row)
    run = add_run(connection, submission, new.basis, FRESH, None, now_ms=act.at_ms)
    append_audit(
        connection,
        act,
        "submission.created",
        subject=new.id,
        sha256=new.source.sha256,
        run=run.id,
        policy=run.policy_sha256,
        model=run.model_sha256,
    )
    return Submitted(submission, run, is_new=True)


def cancel(connection: Connection, act: Act, submission: Submission) -> bool:
    """End what is not over yet of a submission's runs; say whether there was anything.

    Work in progress is dropped at its next heartbeat, and cannot be committed any more.
    """
    ended = connection.execute(
        update(runs)
        .where(runs.c.submission_id == submission.id, runs.c.state.not_in(OVER))
        .values(state=RunState.CANCELLED.value, finished_ms=act.at_ms)
        .returning(runs.c.id)
    ).scalars()
    run_ids = list(ended)
    for run_id in run_ids:
        cancel_steps(connection, run_id)
    for run_id in run_ids:
        append_audit(connection, act, "run.cancelled", subject=submission.id, run=run_id)
    return bool(run_ids)


def rerun(
    connection: Connection,
    act: Act,
    submission: Submission,
    basis: Basis,
    *,
    can_reuse: Callable[[Run], bool],
) -> Submitted:
    """Judge a submission under another policy or model, or find that this was done already.

    Args:
        connection: of a writing transaction.
        act: who asks for it, and when.
        submission: which.
        basis: by what.
        can_reuse: whether the chunks that a run has scored will do for the new policy; then
            nothing is scored again.

    Raises:
        ConflictError: if there is a run under another file of the same policy and version.
        NotFoundError: if the submission was deleted meanwhile.
    """
    _lock(connection, submission)
    theirs = find_runs(connection, [submission.id])[submission.id]
    for run in theirs:
        if (run.policy_sha256, run.model_sha256) == basis.hashes:
            return Submitted(submission, run, is_new=False)
        if _is_namesake(run, basis):
            raise ConflictError(
                f"policy {run.policy_id} version {run.policy_version} was another file when it"
                f" judged this submission: count its version up"
            )
    scored = (run for run in theirs if _has_chunks(run) and run.model_sha256 == basis.model.sha256)
    scored_by = next((run.id for run in scored if can_reuse(run)), None)
    run = add_run(connection, submission, basis, RERUN, scored_by, now_ms=act.at_ms)
    append_audit(
        connection,
        act,
        "run.created",
        subject=submission.id,
        run=run.id,
        policy=run.policy_sha256,
        model=run.model_sha256,
    )
    return Submitted(submission, run, is_new=True)


def delete_submission(connection: Connection, act: Act, submission: Submission) -> None:
    """Delete a submission with all its runs, frames, reports and artifacts.

    What stays is its id, so that nobody gets it again, and what the audit log says of it.

    Raises:
        NotFoundError: if it was deleted already.
    """
    _lock(connection, submission)
    connection.execute(delete(runs).where(runs.c.submission_id == submission.id))
    connection.execute(
        update(submissions)
        .where(submissions.c.id == submission.id)
        .values(
            uri="",
            filename="",
            tag="",
            sha256=None,
            size_bytes=None,
            idempotency_key=f"deleted:{submission.id}",
            deleted_ms=act.at_ms,
        )
    )
    forget_events(connection, submission.id)
    ask_to_erase(connection, submission.tenant, [submission.id], now_ms=act.at_ms)
    append_audit(connection, act, "submission.deleted", subject=submission.id)


def _find_same(connection: Connection, act: Act, new: NewSubmission) -> Submitted:
    """Return the submission that has *new*'s idempotency key, if it asks for the same."""
    row = (
        connection.execute(
            select(submissions).where(
                submissions.c.tenant == act.tenant,
                submissions.c.idempotency_key == new.idempotency_key,
            )
        )
        .mappings()
        .first()
    )
    if row is None:  # it was deleted a moment ago: the key is free again
        return submit(connection, act, new)
    submission = Submission.of(row)
    for run in find_runs(connection, [submission.id])[submission.id]:
        is_wanted = (run.policy_sha256, run.model_sha256) == new.basis.hashes
        if is_wanted and _is_same(submission, new.source):
            return Submitted(submission, run, is_new=False)
    raise ConflictError(
        f"idempotency key {new.idempotency_key!r} was used for another video, policy or model"
    )


def _lock(connection: Connection, submission: Submission) -> None:
    """Have a submission to oneself until the commit; whoever locks its runs too does so after."""
    found = connection.execute(
        select(submissions.c.id)
        .where(submissions.c.id == submission.id, submissions.c.deleted_ms.is_(None))
        .with_for_update(key_share=True)
    )
    if found.first() is None:
        raise NotFoundError(f"no submission {submission.id}")


def _is_same(submission: Submission, source: Source) -> bool:
    if source.sha256 is None:
        return submission.uri == source.uri
    return submission.sha256 == source.sha256


def _is_namesake(run: Run, basis: Basis) -> bool:
    policy, model = basis.policy.policy, basis.model
    theirs = (run.policy_id, run.policy_version, run.model_id, run.model_version)
    return theirs == (policy.policy_id, policy.version, model.model_id, model.version)


def _has_chunks(run: Run) -> bool:
    """Whether a run has chunks of its own, all of them scored; who borrows some has no plan."""
    return run.state is RunState.DONE and run.plan is not None and run.fault is None
