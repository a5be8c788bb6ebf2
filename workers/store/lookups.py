"""Submissions and their runs, looked up."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select

from workers.errors import NotFoundError
from workers.store.records import Run, RunState, Submission
from workers.store.tables import policies, runs, submissions

OVER = [state.value for state in RunState if state.is_over]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list, the newest first.

    Attributes:
        before: the id with which the last page ended; None = the first page.
        limit: how many entries at most.
    """

    before: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Which submissions to list; None = any. One and the same run has both state and outcome.

    Attributes:
        state: of one of its runs.
        outcome: of one of its runs' verdicts.
        tag: its tag.
    """

    state: RunState | None = None
    outcome: str | None = None
    tag: str | None = None


def find_submission(connection: Connection, submission_id: str, *, tenant: str) -> Submission:
    """Return a tenant's submission.

    Raises:
        NotFoundError: if there is none of that id, it was deleted, or it is another tenant's.
    """
    row = (
        connection.execute(
            select(submissions).where(
                submissions.c.id == submission_id,
                submissions.c.tenant == tenant,
                submissions.c.deleted_ms.is_(None),
            )
        )
        .mappings()
        .first()
    )
    if row is None:
        raise NotFoundError(f"no submission {submission_id}")
    return Submission.of(row)


def find_runs(connection: Connection, submission_ids: Sequence[str]) -> dict[str, list[Run]]:
    """Return the runs of each of these submissions, the newest first."""
    found: dict[str, list[Run]] = {submission_id: [] for submission_id in submission_ids}
    rows = connection.execute(
        select(runs).where(runs.c.submission_id.in_(submission_ids)).order_by(runs.c.id.desc())
    )
    for row in rows.mappings():
        found[row["submission_id"]].append(Run.of(row))
    return found


def find_run(connection: Connection, run_id: str) -> Run:
    """Return a run.

    Raises:
        NotFoundError: if there is none of that id.
    """
    row = connection.execute(select(runs).where(runs.c.id == run_id)).mappings().first()
    if row is None:
        raise NotFoundError(f"no run {run_id}")
    return Run.of(row)


def find_policy_copy(connection: Connection, sha256: str) -> bytes:
    """Return the bytes of a policy file that some run is judged by."""
    content: bytes = connection.execute(
        select(policies.c.content).where(policies.c.sha256 == sha256)
    ).scalar_one()
    return content


def list_submissions(
    connection: Connection, *, tenant: str, wanted: Filter, page: Page
) -> list[Submission]:
    """Return a page of a tenant's submissions, the newest first."""
    query = select(submissions).where(
        submissions.c.tenant == tenant, submissions.c.deleted_ms.is_(None)
    )
    if wanted.tag is not None:
        query = query.where(submissions.c.tag == wanted.tag)
    if wanted.state is not None or wanted.outcome is not None:
        query = query.where(_has_run(tenant, wanted, page))
    if page.before is not None:
        query = query.where(submissions.c.id < page.before)
    rows = connection.execute(query.order_by(submissions.c.id.desc()).limit(page.limit)).mappings()
    return [Submission.of(row) for row in rows]


def find_expired(connection: Connection, *, created_before_ms: int, limit: int) -> list[Submission]:
    """Return submissions that are over, and older than the operator keeps them."""
    unfinished = select(runs.c.id).where(
        runs.c.submission_id == submissions.c.id, runs.c.state.not_in(OVER)
    )
    rows = connection.execute(
        select(submissions)
        .where(
            submissions.c.created_ms < created_before_ms,
            submissions.c.deleted_ms.is_(None),
            ~unfinished.exists(),
        )
        .order_by(submissions.c.created_ms)
        .limit(limit)
    ).mappings()
    return [Submission.of(row) for row in rows]


def _has_run(tenant: str, wanted: Filter, page: Page) -> ColumnElement[bool]:
    """Return the condition that a submission has such a run."""
    query = select(runs.c.submission_id).where(runs.c.tenant == tenant)
    if wanted.state is not None:
        query = query.where(runs.c.state == wanted.state.value)
    if wanted.outcome is not None:
        query = query.where(runs.c.outcome == wanted.outcome)
    if wanted.tag is not None:  # which chooses the submissions: each is asked for its runs
        return query.where(runs.c.submission_id == submissions.c.id).exists()
    if page.before is not None:
        query = query.where(runs.c.submission_id < page.before)
    # A page's worth of the newest ones, which one index has in order.
    newest = query.distinct().order_by(runs.c.submission_id.desc()).limit(page.limit)
    return submissions.c.id.in_(newest)
