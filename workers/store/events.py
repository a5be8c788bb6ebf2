"""What the world outside is told: events go to the outbox with what they tell of, or not at all."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from workers.store.ids import new_id
from workers.store.records import EventKind, OutboxKind, Run
from workers.store.tables import deliveries, outbox, submissions


def tell(connection: Connection, kind: EventKind, run: Run, *, now_ms: int, **more: Any) -> None:
    """Put an event about *run* into the outbox; it is sent after the commit, at least once.

    Its id stays the same however often it is sent, so that receivers can tell repeats.
    """
    submission = connection.execute(
        select(submissions.c.tag, submissions.c.filename).where(
            submissions.c.id == run.submission_id
        )
    ).one()
    event = {
        "id": f"evt_{new_id(now_ms)}",
        "type": kind.value,
        "created_ms": now_ms,
        "data": {
            "submission_id": run.submission_id,
            "run_id": run.id,
            "tag": submission.tag,
            "filename": submission.filename,
            "policy": {"id": run.policy_id, "version": run.policy_version},
            "model": {"id": run.model_id, "version": run.model_version},
            **more,
        },
    }
    _put(connection, OutboxKind.EVENT, run.tenant, event, now_ms, about=run.submission_id)


def ask_to_erase(
    connection: Connection, tenant: str, prefixes: Sequence[str], *, now_ms: int
) -> None:
    """Have the artifacts under these prefixes removed after the commit."""
    _put(connection, OutboxKind.ERASE, tenant, list(prefixes), now_ms)


def has_unsettled(connection: Connection, kind: OutboxKind) -> bool:
    """Whether there are such entries: a look that locks nothing."""
    query = select(outbox.c.id).where(outbox.c.settled_ms.is_(None), outbox.c.kind == kind.value)
    return connection.execute(query.limit(1)).first() is not None


def take_unsettled(connection: Connection, kind: OutboxKind, *, limit: int) -> Sequence[Any]:
    """Return the oldest such entries that nobody else deals with: id, tenant, body."""
    entries = connection.execute(
        select(outbox.c.id, outbox.c.tenant, outbox.c.body)
        .where(outbox.c.settled_ms.is_(None), outbox.c.kind == kind.value)
        .order_by(outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return entries.all()


def settle(connection: Connection, entry_id: int, *, now_ms: int) -> None:
    """Note that an entry was dealt with."""
    connection.execute(update(outbox).where(outbox.c.id == entry_id).values(settled_ms=now_ms))


def forget_events(connection: Connection, submission_id: str) -> None:
    """Remove all that was said, or was still to be said, of a submission."""
    connection.execute(delete(outbox).where(outbox.c.submission_id == submission_id))
    connection.execute(delete(deliveries).where(deliveries.c.submission_id == submission_id))


def _put(  # noqa: PLR0913 - the whole of an entry
    connection: Connection,
    kind: OutboxKind,
    tenant: str,
    body: object,
    now_ms: int,
    *,
    about: str | None = None,
) -> None:
    connection.execute(
        insert(outbox).values(
            kind=kind.value,
            tenant=tenant,
            submission_id=about,
            body=json.dumps(body),
            created_ms=now_ms,
        )
    )
