"""What the tests of deliveries are made of: endpoints, events, and postmen."""

import json

from tests.workers.store.store_parts import NOW_MS, UPLOADER
from workers.store.database import Database
from workers.store.deliveries import (
    Delivery,
    Endpoint,
    Letter,
    address_event,
    create_endpoint,
    list_deliveries,
    note_delivered,
    note_failed,
    take_letters,
)
from workers.store.records import Act

OTHER = Act("other", "somebody", NOW_MS)
HOLD_MS = 30_000


def create(database: Database, act: Act = UPLOADER, path: str = "hook") -> Endpoint:
    with database.write() as connection:
        return create_endpoint(connection, act, f"https://{act.tenant}.example/{path}")[0]


def event(number: int = 1) -> str:
    data = {"submission_id": "5" * 32}
    return json.dumps({"id": f"evt_{number}", "type": "submission.completed", "data": data})


def address(database: Database, number: int = 1, tenant: str = "acme") -> int:
    with database.write() as connection:
        return address_event(connection, tenant, event(number), now_ms=NOW_MS)


def take(database: Database, *, now_ms: int = NOW_MS, limit: int = 10) -> list[Letter]:
    with database.write() as connection:
        return list(take_letters(connection, now_ms=now_ms, hold_ms=HOLD_MS, limit=limit))


def take_one(database: Database, *, now_ms: int = NOW_MS) -> Delivery:
    (letter,) = take(database, now_ms=now_ms)
    return letter.delivery


def fail(database: Database, delivery: Delivery, retry_ms: int | None) -> None:
    with database.write() as connection:
        note_failed(connection, delivery.id, status=503, why="answered 503", retry_ms=retry_ms)


def deliver(database: Database, delivery: Delivery) -> None:
    with database.write() as connection:
        note_delivered(connection, delivery.id, status=200, now_ms=NOW_MS + 5)


def listed(database: Database, tenant: str = "acme") -> list[Delivery]:
    with database.read() as connection:
        return list_deliveries(connection, tenant=tenant, before=None, limit=100)
