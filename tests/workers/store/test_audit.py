"""The audit log: whatever is done to its rows afterwards is found, and the row is named."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select, update

from tests.workers.store.store_parts import NOW_MS, UPLOADER, all_at_once, count
from workers.errors import LeaseLostError
from workers.store.audit import (
    GENESIS,
    AuditHead,
    append_audit,
    find_head,
    read_audit,
    seal_of,
    verify_audit,
)
from workers.store.database import Database
from workers.store.records import Act
from workers.store.tables import audit

ROWS = 5
FAR = 1000  # a number that no row has
Values = dict[str, Any]


def append(database: Database, number: int) -> None:
    with database.write() as connection:
        act = Act("acme", "a person", NOW_MS + number)
        append_audit(connection, act, "thing.done", subject=f"thing-{number}", number=number)


def verify(database: Database) -> tuple[str, ...]:
    with database.read() as connection:
        return verify_audit(connection)


@pytest.fixture
def log(database: Database) -> Database:
    """A database with a log of five rows."""
    for number in range(ROWS):
        append(database, number)
    return database


def test_an_empty_log_is_whole(database: Database) -> None:
    assert verify(database) == ()


def test_rows_are_numbered_and_chained(log: Database) -> None:
    with log.read() as connection:
        rows = list(read_audit(connection))

    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    assert [row.previous for row in rows] == [GENESIS, *(row.hash for row in rows[:-1])]
    assert (rows[2].action, rows[2].subject, rows[2].body) == (
        "thing.done", "thing-2", '{"number": 2}',
    )  # fmt: skip
    assert verify(log) == ()


def test_reading_may_begin_in_the_middle(log: Database) -> None:
    with log.read() as connection:
        assert [row.number for row in read_audit(connection, after=3)] == [4, 5]
        assert list(read_audit(connection, after=5)) == []


def test_a_log_of_more_than_a_page_is_read_to_its_end(database: Database) -> None:
    with database.write() as connection:
        for number in range(2001):
            append_audit(connection, UPLOADER, "thing.done", subject=str(number))

    assert verify(database) == ()
    with database.read() as connection:
        assert sum(1 for _ in read_audit(connection)) == 2001


def test_what_is_not_committed_leaves_no_gap(log: Database) -> None:
    with suppress(LeaseLostError), log.write() as connection:
        append_audit(connection, UPLOADER, "thing.done", subject="never")
        raise LeaseLostError
    append(log, ROWS)

    assert count(log, audit) == ROWS + 1
    assert verify(log) == ()


def test_rows_of_many_at_once_are_one_chain(database: Database) -> None:
    def append_some(thread: int) -> None:
        for number in range(5):
            append(database, 100 * thread + number)

    all_at_once(8, append_some)

    assert count(database, audit) == 40
    assert verify(database) == ()


def row_of(connection: Connection, number: int) -> Values:
    found = connection.execute(select(audit).where(audit.c.number == number)).mappings()
    return dict(found.one())


def edit(connection: Connection, number: int, /, **values: object) -> None:
    connection.execute(update(audit).where(audit.c.number == number).values(**values))


def renumber(connection: Connection, first: int, by: int) -> None:
    """Move the rows from *first* on, those first that make room for the others."""
    numbers = range(first, ROWS + 1)
    for number in reversed(numbers) if by > 0 else numbers:
        edit(connection, number, number=number + by)


def remove(connection: Connection, *numbers: int) -> None:
    connection.execute(delete(audit).where(audit.c.number.in_(numbers)))


def edit_and_seal(connection: Connection) -> None:
    edit(connection, 3, actor="nobody")
    edit(connection, 3, hash=seal_of(row_of(connection, 3)))


def remove_and_close_up(connection: Connection) -> None:
    remove(connection, 3)
    renumber(connection, 4, -1)


def swap(connection: Connection) -> None:
    edit(connection, 2, number=FAR)
    edit(connection, 3, number=2)
    edit(connection, FAR, number=3)


def insert_between(connection: Connection) -> None:
    renumber(connection, 3, 1)
    row = row_of(connection, 2) | {"number": 3, "subject": "invented"}
    row["previous"] = row_of(connection, 2)["hash"]
    connection.execute(insert(audit).values(row | {"hash": seal_of(row)}))


@pytest.mark.parametrize(
    ("tamper", "faults"),
    [
        pytest.param(
            lambda c: edit(c, 3, actor="nobody"), ["row 3: was edited"], id="edited"
        ),
        pytest.param(
            edit_and_seal, ["row 4: does not follow on the row before it"], id="edited and sealed"
        ),
        pytest.param(
            lambda c: remove(c, 3), ["row 4: 1 rows before it are missing"], id="removed"
        ),
        pytest.param(
            lambda c: remove(c, 1, 2), ["row 3: 2 rows before it are missing"], id="the first ones"
        ),
        pytest.param(
            remove_and_close_up,
            ["row 3: does not follow on the row before it", "row 3: was edited",
             "row 4: was edited"],
            id="removed and closed up",
        ),
        pytest.param(
            swap,
            ["row 2: does not follow on the row before it", "row 2: was edited",
             "row 3: does not follow on the row before it", "row 3: was edited",
             "row 4: does not follow on the row before it"],
            id="reordered",
        ),
        pytest.param(
            insert_between,
            ["row 4: does not follow on the row before it", "row 4: was edited",
             "row 5: was edited", "row 6: was edited"],
            id="inserted",
        ),
    ],
)  # fmt: skip
def test_what_is_done_to_rows_is_found(
    log: Database, tamper: Callable[[Connection], None], faults: list[str]
) -> None:
    with log.write() as connection:
        tamper(connection)

    assert list(verify(log)) == faults


def cut_off(connection: Connection) -> None:
    remove(connection, 4, 5)


def cut_off_and_go_on(connection: Connection) -> None:
    """What is done afterwards gets the numbers of what was cut off."""
    cut_off(connection)
    for number in range(3):
        append_audit(connection, UPLOADER, "thing.done", subject=f"new-{number}")


def write_anew(connection: Connection) -> None:
    """Whoever can write all of the log can make every seal fit."""
    edit(connection, 2, actor="nobody")
    for number in range(2, ROWS + 1):
        edit(connection, number, previous=row_of(connection, number - 1)["hash"])
        edit(connection, number, hash=seal_of(row_of(connection, number)))


def remove_all(connection: Connection) -> None:
    connection.execute(delete(audit))


@pytest.mark.parametrize("tamper", [cut_off, cut_off_and_go_on, write_anew, remove_all])
def test_what_the_log_cannot_show_is_found_by_a_head_that_was_noted(
    log: Database, tamper: Callable[[Connection], None]
) -> None:
    with log.write() as connection:
        noted = find_head(connection)
        assert verify_audit(connection, noted) == ()
        tamper(connection)
    with log.read() as connection:
        assert verify_audit(connection) == ()
        assert verify_audit(connection, noted) == (
            "row 5: is not there, or not the one that was noted",
        )


def test_an_old_head_stays_good(log: Database) -> None:
    with log.read() as connection:
        noted = find_head(connection)
    append(log, ROWS)

    with log.read() as connection:
        assert find_head(connection).number == noted.number + 1
        assert verify_audit(connection, noted) == ()
        assert AuditHead.read(str(noted)) == noted


def test_the_head_of_no_log_is_known(database: Database) -> None:
    with database.read() as connection:
        noted = find_head(connection)
        assert str(noted) == f"0:{GENESIS}"
        assert verify_audit(connection, noted) == ()
    append(database, 1)
    with database.read() as connection:
        assert verify_audit(connection, noted) == ()


class UndoneError(Exception):
    """What an example wrote is to be undone."""


@contextmanager
def undone(database: Database) -> Iterator[Connection]:
    with suppress(UndoneError), database.write() as connection:
        yield connection
        raise UndoneError


FIELDS = {
    "at_ms": st.integers(0, 2**62),
    "tenant": st.text("abc", max_size=5),
    "actor": st.text("abc", max_size=5),
    "action": st.text("abc", max_size=5),
    "subject": st.text("abc", max_size=5),
    "body": st.text("{}ab", max_size=5),
    "previous": st.text("0123", min_size=1, max_size=64),
    "hash": st.text("0123", min_size=1, max_size=64),
}
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    bodies=st.lists(st.dictionaries(TEXTS, TEXTS, max_size=3), min_size=1, max_size=5),
    more=st.data(),
)
def test_any_change_of_any_field_is_found(
    database: Database, bodies: list[dict[str, str]], more: st.DataObject
) -> None:
    with undone(database) as connection:
        for body in bodies:
            append_audit(connection, UPLOADER, "thing.done", subject="x", said=body)
        assert verify_audit(connection) == ()
        number = more.draw(st.integers(1, len(bodies)))
        field = more.draw(st.sampled_from(sorted(FIELDS)))
        value = more.draw(
            FIELDS[field].filter(lambda new: new != row_of(connection, number)[field])
        )
        edit(connection, number, **{field: value})

        faults = verify_audit(connection)
        assert f"row {number}: was edited" in faults
    assert count(database, audit) == 0
