"""The database: what is committed stays, what is not never was; it may go away and come back."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError

from tests.workers.servers import Postgres, running_postgres
from tests.workers.store.store_parts import all_at_once, count
from workers.errors import LeaseLostError, SettingsError, StoreUnavailableError
from workers.store.database import POOL_CONNECTIONS, Database
from workers.store.tables import policies

WRITER = """
import sys
from sqlalchemy import insert
from workers.store.database import Database
from workers.store.tables import policies

database = Database(sys.argv[1])
name, rows = sys.argv[2], int(sys.argv[3])

def put(connection, number):
    row = {"sha256": f"{name}-{number}", "policy_id": name, "version": number, "content": b""}
    connection.execute(insert(policies).values(row))

for number in range(rows):
    with database.write() as connection:
        put(connection, number)
with database.write() as connection:
    put(connection, rows)
    print("ready", flush=True)
    sys.stdin.read()
"""


def start_writer(url: str, name: str, rows: int, stdin: int) -> subprocess.Popen[bytes]:
    """Start a process that commits rows, and one more when nothing more comes from *stdin*."""
    command = [sys.executable, "-c", WRITER, url, name, str(rows)]
    return subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE)  # noqa: S603 - our own


def row(name: str) -> dict[str, object]:
    return {"sha256": name, "policy_id": "p", "version": 1, "content": b""}


def put(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute(insert(policies).values(row(name)))


def test_what_is_committed_survives_the_kill_of_its_writer(
    database: Database, database_url: str
) -> None:
    with start_writer(database_url, "killed", 5, subprocess.PIPE) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == b"ready\n"
        writer.send_signal(signal.SIGKILL)
        assert writer.wait() == -signal.SIGKILL

    assert count(database, policies) == 5
    put(database, "after")
    assert count(database, policies) == 6


def test_an_exception_undoes_the_whole_transaction(database: Database) -> None:
    with suppress(LeaseLostError), database.write() as connection:
        connection.execute(insert(policies).values([row("one"), row("two")]))
        raise LeaseLostError
    assert count(database, policies) == 0


def test_so_does_a_row_that_is_refused(database: Database) -> None:
    put(database, "one")
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert(policies), [row("two"), row("one")])
    assert count(database, policies) == 1


def test_readers_see_one_moment(database: Database) -> None:
    put(database, "one")
    query = select(func.count()).select_from(policies)
    with database.read() as connection:
        assert connection.execute(query).scalar_one() == 1
        with ThreadPoolExecutor(1) as thread:
            thread.submit(put, database, "two").result()
        assert connection.execute(query).scalar_one() == 1
    assert count(database, policies) == 2


def test_writers_see_what_those_before_them_wrote(database: Database, database_url: str) -> None:
    """Each adds one to what it finds: nobody's addition is lost, nobody fails at his."""
    put(database, "one")

    def add(_: int) -> None:
        own = Database(database_url)  # as a process of its own has
        for _ in range(10):
            with own.write() as connection:
                query = select(policies.c.version).with_for_update()
                version = connection.execute(query).scalar_one()
                connection.execute(policies.update().values(version=version + 1))
        own.close()

    all_at_once(8, add)
    with database.read() as connection:
        assert connection.execute(select(policies.c.version)).scalar_one() == 81


def test_many_threads_of_many_processes_write_at_once(
    database: Database, database_url: str
) -> None:
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                start_writer(database_url, f"process-{number}", 20, subprocess.DEVNULL)
            )
            for number in range(3)
        ]

        def put_some(thread: int) -> None:
            for number in range(10):
                put(database, f"thread-{thread}-{number}")

        all_at_once(8, put_some)
        for writer in writers:
            assert writer.wait() == 0
    assert count(database, policies) == 8 * 10 + 3 * 21


def test_a_sign_of_life(database: Database) -> None:
    database.ping()


@pytest.mark.slow
def test_who_gets_no_connection_is_told_to_try_again(postgres: Postgres) -> None:
    database = Database(postgres.create())
    with ExitStack() as stack:
        for _ in range(2 * POOL_CONNECTIONS):
            stack.enter_context(database.read())
        with pytest.raises(StoreUnavailableError):
            database.ping()
    database.ping()
    database.close()


def test_who_finds_another_process_at_a_new_file_waits(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    Timer(0.2, other.commit).start()
    opened = Database(f"sqlite:///{path}")
    opened.ping()

    opened.close()
    other.close()


def test_a_database_that_cannot_be_made_is_away(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder' / 'heatreel.db'}")
    for ask in (database.ping, lambda: put(database, "one")):
        with pytest.raises(StoreUnavailableError, match="unable to open"):
            ask()


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A PostgreSQL that is nobody else's, so that it may be stopped."""
    with running_postgres() as server:
        yield server


class TestAwayAndBack:
    """PostgreSQL may stop and start again; whoever has it open need not open it again."""

    def test_between_transactions(self, server: Postgres) -> None:
        database = Database(server.create())
        put(database, "before")
        server.stop()
        for ask in (database.ping, lambda: put(database, "meanwhile")):
            with pytest.raises(StoreUnavailableError):
                ask()

        server.start_again()
        put(database, "after")
        assert count(database, policies) == 2
        database.close()

    def test_while_nobody_asked_for_anything(self, server: Postgres) -> None:
        database = Database(server.create())
        put(database, "before")
        server.stop()
        server.start_again()

        put(database, "after")
        assert count(database, policies) == 2
        database.close()

    def test_within_a_transaction(self, server: Postgres) -> None:
        database = Database(server.create())
        put(database, "before")

        def write_while_it_stops() -> None:
            with database.write() as connection:
                connection.execute(policies.update().values(version=2))
                server.stop()
                connection.execute(text("SELECT 1"))

        with pytest.raises(StoreUnavailableError):
            write_while_it_stops()
        server.start_again()
        with database.read() as connection:
            assert connection.execute(select(policies.c.version)).scalar_one() == 1
        database.close()

    def test_at_the_commit(self, server: Postgres) -> None:
        database = Database(server.create())

        def write_and_stop() -> None:
            with database.write() as connection:
                connection.execute(insert(policies).values(row("one")))
                server.stop()

        with pytest.raises(StoreUnavailableError):
            write_and_stop()
        server.start_again()
        assert count(database, policies) == 0
        database.close()


@pytest.mark.parametrize(
    "url",
    [
        "", "heatreel.db", "://", "sqlite", "mysql://user:hush@host/name", "oracle://hush@host/x",
        "postgresql+nonesuch://user:hush@host/name", "postgresql+asyncpg://user:hush@host/name",
        "postgresql+psycopg://user:hush@host:port/name", "sqlite+nonesuch:///hush.db",
        "sqlite://", "sqlite:///", "sqlite:///:memory:", "redis://:hush@host/0",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError, match="database_url") as caught:
        Database(url)
    said = str(caught.value)
    chain = caught.value.__cause__
    assert "hush" not in said
    assert chain is None or "hush" not in str(chain)
