"""Verdicts and reports: filed once a run, with what the world is told of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from pipeline.records import Outcome, Verdict
from workers.errors import NotFoundError
from workers.store.audit import append_audit
from workers.store.events import tell
from workers.store.records import Act, EventKind, Row, Run, RunState
from workers.store.tables import reports, runs, verdicts


@dataclass(frozen=True, slots=True)
class StoredReport(Row):
    """A report as it was filed.

    Attributes:
        folder: where its artifacts are; None where nothing was drawn.
        content: of report.json.
    """

    run_id: str
    folder: str | None
    content: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class Filing:
    """What is to be filed of a run.

    Attributes:
        verdict: the answer.
        report: content of report.json.
        folder: where its artifacts are; None where nothing was drawn.
        state: in which it leaves the run: DONE, or DEAD where it was given up.
        actor: who judged: a worker's name.
    """

    verdict: Verdict
    report: str
    folder: str | None
    state: RunState
    actor: str


def file_verdict(connection: Connection, run: Run, filing: Filing, *, now_ms: int) -> None:
    """File the one verdict of a run; whoever comes second fails, as the fence has told them."""
    verdict = filing.verdict
    connection.execute(
        insert(reports).values(
            run_id=run.id, folder=filing.folder, content=filing.report, created_ms=now_ms
        )
    )
    connection.execute(
        insert(verdicts).values(
            run_id=run.id,
            submission_id=run.submission_id,
            policy_id=run.policy_id,
            policy_version=run.policy_version,
            model_id=run.model_id,
            model_version=run.model_version,
            outcome=verdict.outcome.value,
            severity=verdict.severity,
            created_ms=now_ms,
        )
    )
    connection.execute(
        update(runs)
        .where(runs.c.id == run.id)
        .values(
            state=filing.state.value,
            outcome=verdict.outcome.value,
            severity=verdict.severity,
            finished_ms=now_ms,
        )
    )
    _announce(connection, run, verdict, now_ms)
    append_audit(
        connection,
        Act(run.tenant, filing.actor, now_ms),
        "verdict.filed",
        subject=run.submission_id,
        run=run.id,
        outcome=verdict.outcome.value,
        severity=verdict.severity,
    )


def find_report(connection: Connection, run_id: str) -> StoredReport:
    """Return the report of a run.

    Raises:
        NotFoundError: if there is none yet.
    """
    row = connection.execute(select(reports).where(reports.c.run_id == run_id)).mappings().first()
    if row is None:
        raise NotFoundError(f"run {run_id} has no report yet")
    return StoredReport.of(row)


def _announce(connection: Connection, run: Run, verdict: Verdict, now_ms: int) -> None:
    kind = EventKind.FAILED if verdict.outcome is Outcome.ERROR else EventKind.COMPLETED
    tell(
        connection,
        kind,
        run,
        now_ms=now_ms,
        verdict=verdict.outcome.value,
        severity=verdict.severity,
        reasons=_in_words(verdict),
    )


def _in_words(verdict: Verdict) -> Sequence[dict[str, object]]:
    return [
        {
            "kind": reason.kind.value,
            "category": reason.category,
            "confidence": reason.confidence,
            "detail": reason.detail,
        }
        for reason in verdict.reasons
    ]
