"""Webhooks as rows: who is told, of what, how often it was tried, what came back."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, insert, select, update

from workers.errors import NotFoundError
from workers.store.audit import append_audit
from workers.store.database import insert_new
from workers.store.ids import new_id
from workers.store.records import Act, DeliveryState, Row
from workers.store.tables import deliveries, endpoints

REMOVED = "the webhook was removed"
SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets begin with


@dataclass(frozen=True, slots=True)
class Endpoint(Row):
    """Somebody who is told of a tenant's events."""

    id: str
    tenant: str
    url: str
    is_active: bool
    created_ms: int


@dataclass(frozen=True, slots=True)
class Delivery(Row):
    """One event on its way to one endpoint.

    Attributes:
        status: HTTP status of the last try; None where there was no answer.
        error: why the last try failed; None where none did.
    """

    id: str
    endpoint_id: str
    event_id: str
    kind: str
    body: str
    state: DeliveryState
    attempts: int
    due_ms: int
    status: int | None
    error: str | None
    created_ms: int
    delivered_ms: int | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", DeliveryState(self.state))


@dataclass(frozen=True, slots=True)
class Letter:
    """A delivery that is to be made now: where to, what, and signed with which secret."""

    delivery: Delivery
    url: str
    secret: str


def create_endpoint(connection: Connection, act: Act, url: str) -> tuple[Endpoint, str]:
    """Add an endpoint and return it with the secret that its deliveries are signed with."""
    secret = f"{SECRET_PREFIX}{secrets.token_urlsafe(32)}"
    row = connection.execute(
        insert(endpoints)
        .values(
            id=new_id(act.at_ms),
            tenant=act.tenant,
            url=url,
            secret=secret,
            is_active=True,
            failures=0,
            rests_until_ms=0,
            created_ms=act.at_ms,
        )
        .returning(endpoints)
    ).mappings()
    endpoint = Endpoint.of(row.one())
    append_audit(connection, act, "webhook.created", subject=endpoint.id, url=url)
    return endpoint, secret


def list_endpoints(connection: Connection, *, tenant: str) -> list[Endpoint]:
    """Return a tenant's endpoints, the oldest first; those that were removed are left out."""
    rows = connection.execute(
        select(endpoints)
        .where(endpoints.c.tenant == tenant, endpoints.c.is_active)
        .order_by(endpoints.c.id)
    ).mappings()
    return [Endpoint.of(row) for row in rows]


def remove_endpoint(connection: Connection, act: Act, endpoint_id: str) -> None:
    """Stop telling an endpoint anything, what is due already included.

    Raises:
        NotFoundError: if the tenant has no such endpoint.
    """
    removed = connection.execute(
        update(endpoints)
        .where(
            endpoints.c.id == endpoint_id, endpoints.c.tenant == act.tenant, endpoints.c.is_active
        )
        .values(is_active=False)
    )
    if removed.rowcount == 0:
        raise NotFoundError(f"no webhook {endpoint_id}")
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.endpoint_id == endpoint_id,
            deliveries.c.state == DeliveryState.DUE.value,
        )
        .values(state=DeliveryState.DEAD.value, error=REMOVED)
    )
    append_audit(connection, act, "webhook.removed", subject=endpoint_id)


def address_event(connection: Connection, tenant: str, body: str, *, now_ms: int) -> int:
    """Make a delivery of an event to each endpoint of a tenant; return how many it goes to.

    Where an endpoint rests, the delivery rests with its others. Doing so twice makes no second one.
    """
    event = json.loads(body)
    found = connection.execute(_active(tenant)).all()
    for endpoint in found:
        connection.execute(
            insert_new(connection, deliveries)
            .values(
                id=new_id(now_ms),
                endpoint_id=endpoint.id,
                event_id=event["id"],
                submission_id=event["data"]["submission_id"],
                kind=event["type"],
                body=body,
                state=DeliveryState.DUE.value,
                attempts=0,
                due_ms=max(now_ms, endpoint.rests_until_ms),
                created_ms=now_ms,
            )
            .on_conflict_do_nothing()
        )
    return len(found)


def has_letters(connection: Connection, *, now_ms: int) -> bool:
    """Whether a delivery is due: a cheap look before anything is taken."""
    query = select(deliveries.c.id).where(
        deliveries.c.state == DeliveryState.DUE.value, deliveries.c.due_ms <= now_ms
    )
    return connection.execute(query.limit(1)).first() is not None


def take_letters(
    connection: Connection, *, now_ms: int, hold_ms: int, limit: int
) -> Sequence[Letter]:
    """Take the deliveries that have been due for longest, the oldest of an endpoint first.

    For *hold_ms* nobody else makes them.
    """
    chosen = (
        select(deliveries.c.id)
        .where(deliveries.c.state == DeliveryState.DUE.value, deliveries.c.due_ms <= now_ms)
        .order_by(deliveries.c.due_ms, deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(chosen))
        .values(due_ms=now_ms + hold_ms, attempts=deliveries.c.attempts + 1, taken_ms=now_ms)
        .returning(deliveries)
    ).mappings()
    found = [Delivery.of(row) for row in taken]
    addresses = connection.execute(
        select(endpoints).where(endpoints.c.id.in_({one.endpoint_id for one in found}))
    )
    by_id = {row.id: row for row in addresses}
    return [Letter(one, by_id[one.endpoint_id].url, by_id[one.endpoint_id].secret) for one in found]


def note_delivered(connection: Connection, delivery_id: str, *, status: int, now_ms: int) -> None:
    """Note that an endpoint took a delivery."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id)
        .values(state=DeliveryState.DELIVERED.value, status=status, error=None, delivered_ms=now_ms)
    )


def note_failed(
    connection: Connection,
    delivery_id: str,
    *,
    status: int | None,
    why: str,
    retry_ms: int | None,
) -> None:
    """Note that a delivery failed; it is tried again at *retry_ms*, or given up if that is None.

    One that was made meanwhile by somebody else stays made.
    """
    changes = {"status": status, "error": why}
    if retry_ms is None:
        changes["state"] = DeliveryState.DEAD.value
    else:
        changes["due_ms"] = retry_ms
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.state == DeliveryState.DUE.value)
        .values(**changes)
    )


def note_answered(connection: Connection, endpoint_id: str) -> None:
    """Note that an endpoint is there: whatever it answers, its next rest is a short one."""
    connection.execute(
        update(endpoints)
        .where(endpoints.c.id == endpoint_id, endpoints.c.failures > 0)
        .values(failures=0, rests_until_ms=0)
    )


def count_failure(connection: Connection, endpoint_id: str) -> int:
    """Note that nobody was there at an endpoint; return how often in a row that was so."""
    counted = connection.execute(
        update(endpoints)
        .where(endpoints.c.id == endpoint_id)
        .values(failures=endpoints.c.failures + 1)
        .returning(endpoints.c.failures)
    )
    return int(counted.scalar_one())


def rest_endpoint(connection: Connection, endpoint_id: str, *, until_ms: int) -> None:
    """Let all that an endpoint is to be told rest until then; what rests longer goes on resting."""
    # The endpoint before its deliveries, as whoever removes it does.
    connection.execute(
        update(endpoints).where(endpoints.c.id == endpoint_id).values(rests_until_ms=until_ms)
    )
    # What somebody else has at this moment, he rests himself: nobody waits for another in a circle.
    due = (
        select(deliveries.c.id)
        .where(
            deliveries.c.state == DeliveryState.DUE.value,
            deliveries.c.due_ms < until_ms,
            deliveries.c.endpoint_id == endpoint_id,
        )
        .with_for_update(skip_locked=True)
    )
    connection.execute(update(deliveries).where(deliveries.c.id.in_(due)).values(due_ms=until_ms))


def list_deliveries(
    connection: Connection, *, tenant: str, before: str | None, limit: int
) -> list[Delivery]:
    """Return a page of a tenant's deliveries, the newest first."""
    query = (
        select(deliveries)
        .join(endpoints, endpoints.c.id == deliveries.c.endpoint_id)
        .where(endpoints.c.tenant == tenant)
    )
    if before is not None:
        query = query.where(deliveries.c.id < before)
    rows = connection.execute(query.order_by(deliveries.c.id.desc()).limit(limit)).mappings()
    return [Delivery.of(row) for row in rows]


def replay(connection: Connection, delivery_id: str, *, tenant: str, now_ms: int) -> None:
    """Make a delivery again, whether it was taken or given up; its event keeps its id.

    Raises:
        NotFoundError: if the tenant has no such delivery, or its endpoint was removed.
    """
    own = connection.execute(_active(tenant)).scalars().all()  # their ids
    replayed = connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.endpoint_id.in_(own))
        .values(state=DeliveryState.DUE.value, attempts=0, due_ms=now_ms, error=None)
    )
    if replayed.rowcount == 0:
        raise NotFoundError(f"no delivery {delivery_id}")


def _active(tenant: str) -> Select[tuple[str, int]]:
    """Return a query of a tenant's endpoints: ids, and until when they rest.

    None of them can be removed before the commit.
    """
    return (
        select(endpoints.c.id, endpoints.c.rests_until_ms)
        .where(endpoints.c.tenant == tenant, endpoints.c.is_active)
        .with_for_update(read=True)
    )
