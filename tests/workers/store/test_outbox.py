"""The outbox: what is told is written with what it tells of, or not at all."""

import json
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Connection, select

from tests.workers.store.store_parts import NOW_MS, UPLOADER, all_at_once, count, hand_in
from workers.errors import LeaseLostError
from workers.store.database import Database
from workers.store.events import (
    ask_to_erase,
    has_unsettled,
    settle,
    take_unsettled,
    tell,
)
from workers.store.records import EventKind, OutboxKind, Run
from workers.store.submissions import delete_submission
from workers.store.tables import outbox


def tell_of(connection: Connection, run: Run, kind: EventKind = EventKind.COMPLETED) -> None:
    tell(connection, kind, run, now_ms=NOW_MS, verdict="pass", severity=0)


def events(database: Database) -> list[dict[str, Any]]:
    with database.read() as connection:
        bodies = connection.execute(select(outbox.c.body).order_by(outbox.c.id)).scalars()
        return [json.loads(body) for body in bodies]


@pytest.mark.parametrize("kind", list(EventKind))
def test_an_event_says_what_it_is_about(database: Database, kind: EventKind) -> None:
    submitted = hand_in(database, tag="upload-\N{SNOWMAN}")
    with database.write() as connection:
        tell_of(connection, submitted.run, kind)

    (event,) = events(database)
    assert event["id"].startswith("evt_")
    assert (event["type"], event["created_ms"]) == (kind.value, NOW_MS)
    assert event["data"] == {
        "submission_id": submitted.submission.id,
        "run_id": submitted.run.id,
        "tag": "upload-\N{SNOWMAN}",
        "filename": "clip.mp4",
        "policy": {"id": "cats", "version": 1},
        "model": {"id": "colour", "version": "1"},
        "verdict": "pass",
        "severity": 0,
    }


def test_each_event_has_an_id_of_its_own(database: Database) -> None:
    run = hand_in(database).run
    with database.write() as connection:
        for _ in range(20):
            tell_of(connection, run)

    assert len({event["id"] for event in events(database)}) == 20


def test_what_is_rolled_back_is_not_told(database: Database) -> None:
    submitted = hand_in(database)
    with suppress(LeaseLostError), database.write() as connection:
        tell_of(connection, submitted.run)
        raise LeaseLostError
    assert count(database, outbox) == 0

    with suppress(LeaseLostError), database.write() as connection:
        delete_submission(connection, UPLOADER, submitted.submission)
        assert len(take_unsettled(connection, OutboxKind.ERASE, limit=10)) == 1
        raise LeaseLostError
    assert count(database, outbox) == 0


def test_entries_come_in_the_order_in_which_they_were_written(database: Database) -> None:
    run = hand_in(database).run
    with database.write() as connection:
        tell_of(connection, run, EventKind.FLAGGED_EARLY)
        ask_to_erase(connection, "acme", ["one", "two"], now_ms=NOW_MS)
        tell_of(connection, run)
        told = take_unsettled(connection, OutboxKind.EVENT, limit=10)
        first = take_unsettled(connection, OutboxKind.EVENT, limit=1)
        (erased,) = take_unsettled(connection, OutboxKind.ERASE, limit=10)

    types = [EventKind.FLAGGED_EARLY.value, EventKind.COMPLETED.value]
    assert [json.loads(entry.body)["type"] for entry in told] == types
    assert json.loads(erased.body) == ["one", "two"]
    assert [entry.id for entry in first] == [told[0].id]


def test_a_look_tells_whether_there_is_anything_of_a_kind(database: Database) -> None:
    run = hand_in(database).run
    with database.write() as connection:
        assert not any(has_unsettled(connection, kind) for kind in OutboxKind)
        tell_of(connection, run)
        assert [has_unsettled(connection, kind) for kind in OutboxKind] == [True, False]
        (entry,) = take_unsettled(connection, OutboxKind.EVENT, limit=2)
        settle(connection, entry.id, now_ms=NOW_MS)
        assert not has_unsettled(connection, OutboxKind.EVENT)


def test_what_was_settled_does_not_come_again(database: Database) -> None:
    run = hand_in(database).run
    with database.write() as connection:
        for _ in range(3):
            tell_of(connection, run)
        entries = take_unsettled(connection, OutboxKind.EVENT, limit=3)
        settle(connection, entries[1].id, now_ms=NOW_MS)

        left = take_unsettled(connection, OutboxKind.EVENT, limit=3)
    assert [entry.id for entry in left] == [entries[0].id, entries[2].id]


def test_whoever_fails_at_settling_leaves_the_entry_for_others(database: Database) -> None:
    run = hand_in(database).run
    with database.write() as connection:
        tell_of(connection, run)
    with suppress(LeaseLostError), database.write() as connection:
        (entry,) = take_unsettled(connection, OutboxKind.EVENT, limit=1)
        settle(connection, entry.id, now_ms=NOW_MS)
        raise LeaseLostError

    with database.write() as connection:
        assert [one.id for one in take_unsettled(connection, OutboxKind.EVENT, limit=1)] == [
            entry.id
        ]


def test_many_who_settle_at_once_deal_with_each_entry_once(database: Database) -> None:
    run = hand_in(database).run
    with database.write() as connection:
        for _ in range(40):
            tell_of(connection, run)

    def settle_some(_: int) -> list[int]:
        settled = []
        for _ in range(20):
            with database.write() as connection:
                for entry in take_unsettled(connection, OutboxKind.EVENT, limit=3):
                    settle(connection, entry.id, now_ms=NOW_MS)
                    settled.append(entry.id)
        return settled

    dealt_with = [one for settled in all_at_once(4, settle_some) for one in settled]
    assert len(dealt_with) == len(set(dealt_with)) == 40
