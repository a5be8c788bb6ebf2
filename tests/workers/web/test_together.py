"""Writes that come at once: committed together, failing apart."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from workers.errors import ConflictError, DatabaseUnavailableError
from workers.store.database import Database
from workers.web.together import Together


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'together.db'}")
    with opened.write() as connection:
        connection.exec_driver_sql("CREATE TABLE notes (number INTEGER PRIMARY KEY, made INTEGER)")
    yield opened
    opened.close()


class Notes:
    """Writes that note themselves, and in which transaction they were."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.connections: dict[int, list[int]] = {}

    def note(self, connection: Connection, number: int) -> int:
        self.connections.setdefault(number, []).append(id(connection.get_transaction()))
        connection.exec_driver_sql("INSERT INTO notes VALUES (?, 1)", (number,))
        if number % 10 == 7:
            raise ConflictError(f"{number} is not wanted")
        return 2 * number

    async def note_all(self, numbers: range) -> list[object]:
        together = Together(self.database)
        writes = [together.write(partial(self.note, number=number)) for number in numbers]
        return list(await asyncio.gather(*writes, return_exceptions=True))

    def kept(self) -> list[int]:
        with self.database.read() as connection:
            rows = connection.exec_driver_sql("SELECT number FROM notes ORDER BY number")
            return [row.number for row in rows]


def test_each_gets_what_came_of_its_own(database: Database) -> None:
    notes = Notes(database)
    assert asyncio.run(notes.note_all(range(100, 107))) == [2 * i for i in range(100, 107)]
    assert notes.kept() == list(range(100, 107))


def test_what_comes_at_once_is_committed_together(database: Database) -> None:
    notes = Notes(database)
    asyncio.run(notes.note_all(range(100, 107)))

    assert len({tuple(one) for one in notes.connections.values()}) < 7


@pytest.mark.parametrize("count", [1, 2, 30, 100])
def test_one_that_fails_fails_alone_and_leaves_nothing(database: Database, count: int) -> None:
    notes = Notes(database)
    made = asyncio.run(notes.note_all(range(7, 7 + count)))

    wanted = [i for i in range(7, 7 + count) if i % 10 != 7]
    assert [one for one in made if isinstance(one, int)] == [2 * i for i in wanted]
    assert all(isinstance(one, int | ConflictError) for one in made)
    assert notes.kept() == wanted


def test_a_database_that_is_away_is_told_to_all(tmp_path: Path) -> None:
    notes = Notes(Database(f"sqlite:///{tmp_path / 'no' / 'folder' / 'x.db'}"))
    made = asyncio.run(notes.note_all(range(3)))

    assert [type(one) for one in made] == [DatabaseUnavailableError] * 3


def test_one_that_nobody_waits_for_any_more_keeps_nobody_waiting(database: Database) -> None:
    notes = Notes(database)

    async def abandon() -> int:
        together = Together(database)
        first = asyncio.create_task(together.write(lambda c: notes.note(c, 1)))
        second = asyncio.create_task(together.write(lambda c: notes.note(c, 2)))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(abandon()) == 4
