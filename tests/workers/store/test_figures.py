"""How things stand: what waits and for how long, what was given up."""

from tests.workers.store.delivery_parts import address, create, deliver, fail, take
from tests.workers.store.store_parts import NOW_MS, hand_in, judge_run
from workers.store.database import Database
from workers.store.events import ask_to_erase, settle, take_unsettled
from workers.store.figures import Standing, count_standing
from workers.store.records import OutboxKind


def standing(database: Database) -> Standing:
    with database.read() as connection:
        return count_standing(connection)


def test_where_nothing_was_ever_told_nothing_waits(database: Database) -> None:
    found = standing(database)

    assert (found.due_deliveries, found.dead_deliveries) == (0, 0)
    assert (found.oldest_delivery_ms, found.oldest_event_ms) == (None, None)


def test_webhooks_are_counted_by_what_came_of_them(database: Database) -> None:
    create(database)
    for number in range(5):
        address(database, number)
    taken, given_up, failed = (letter.delivery for letter in take(database, limit=3))
    deliver(database, taken)
    fail(database, given_up, None)
    fail(database, failed, NOW_MS + 5000)
    found = standing(database)

    assert (found.due_deliveries, found.dead_deliveries) == (3, 1)
    assert found.oldest_delivery_ms == NOW_MS
    take(database)
    assert standing(database).oldest_delivery_ms == NOW_MS + 5000


def test_events_wait_from_when_they_happen_until_a_relay_addresses_them(database: Database) -> None:
    with database.write() as connection:  # what is to be erased is no event
        ask_to_erase(connection, "acme", ["x"], now_ms=NOW_MS - 5)
    run = hand_in(database).run
    judge_run(database, run)
    with database.write() as connection:
        entries = take_unsettled(connection, OutboxKind.EVENT, limit=100)
    assert standing(database).oldest_event_ms == NOW_MS

    with database.write() as connection:
        for entry in entries:
            settle(connection, entry.id, now_ms=NOW_MS + 1)
    assert standing(database).oldest_event_ms is None
