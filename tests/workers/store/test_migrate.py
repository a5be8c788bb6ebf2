"""Migrations: whatever the database was, it gets exactly the tables that the code speaks of."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, select, text

from tests.workers.store.store_parts import count, hand_in
from workers.errors import ConflictError
from workers.store.database import Database
from workers.store.migrate import is_current, make_config, migrate
from workers.store.tables import metadata, submissions

MIGRATE = """
import sys
from workers.store.database import Database
from workers.store.migrate import migrate

print("ready", flush=True)
sys.stdin.readline()
migrate(Database(sys.argv[1]))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a database of each kind, with nothing in it."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres").create("template0"))
    return f"sqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    opened = Database(empty_url)
    yield opened
    opened.close()


def tables_of(database: Database) -> set[str]:
    with database.read() as connection:
        return set(inspect(connection).get_table_names())


def test_an_empty_database_gets_all_tables(empty: Database) -> None:
    assert not is_current(empty)
    migrate(empty)

    assert is_current(empty)
    assert tables_of(empty) == set(metadata.tables) | {"alembic_version"}
    assert hand_in(empty).is_new


def test_a_second_time_changes_nothing(empty: Database) -> None:
    migrate(empty)
    hand_in(empty)
    migrate(empty)

    assert count(empty, submissions) == 1


def test_processes_that_start_at_once_do_not_disturb_one_another(
    empty: Database, empty_url: str
) -> None:
    migrating = [
        subprocess.Popen(  # noqa: S603 - our own
            [sys.executable, "-c", MIGRATE, empty_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    for one in migrating:
        assert one.stdout
        assert one.stdout.readline() == b"ready\n"
    for one in migrating:
        assert one.stdin
        one.stdin.write(b"\n")
        one.stdin.flush()
    said = [one.communicate() for one in migrating]

    assert [one.returncode for one in migrating] == [0, 0, 0, 0], said
    assert is_current(empty)
    assert hand_in(empty).is_new


def test_autogenerate_finds_no_difference(empty: Database) -> None:
    migrate(empty)
    with empty.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_indexes_and_constraints_are_the_same_to_the_letter(empty: Database) -> None:
    """Of what an index leaves out, and of primary keys, autogenerate sees nothing."""
    migrate(empty)
    with empty.write() as connection:
        migrated = definitions(connection)
        command.downgrade(make_config(connection), "base")
        metadata.create_all(connection)
        assert definitions(connection) == migrated
    assert any("WHERE" in one for one in migrated)


def definitions(connection: Connection) -> set[str]:
    """Return what makes each index and each constraint of our tables."""
    if connection.dialect.name == "postgresql":
        query = """
            SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
            UNION SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        """
        found = list(connection.execute(text(query)).scalars())
    else:
        query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
        sql = connection.execute(text(query)).scalars()
        found = [line.strip().rstrip(",") for one in sql for line in one.splitlines()]
    return {one for one in found if "alembic" not in one and "version_num" not in one}


def test_the_way_back_leaves_no_table(empty: Database) -> None:
    migrate(empty)
    with empty.write() as connection:
        command.downgrade(make_config(connection), "base")
    assert tables_of(empty) == {"alembic_version"}

    migrate(empty)
    assert is_current(empty)
    assert hand_in(empty).is_new


def test_a_database_of_a_newer_heatreel_is_left_alone(empty: Database) -> None:
    migrate(empty)
    with empty.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    assert not is_current(empty)
    with pytest.raises(ConflictError, match="9999"):
        migrate(empty)
    with empty.read() as connection:
        assert (
            connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
        )
        assert connection.execute(select(submissions)).all() == []


def test_a_migration_that_fails_leaves_everything_as_it_was(empty: Database) -> None:
    """The last table is there already, with something of somebody's in it."""
    with empty.write() as connection:
        connection.execute(text("CREATE TABLE audit (theirs INTEGER)"))
    with pytest.raises(Exception, match="audit"):
        migrate(empty)

    assert tables_of(empty) <= {"audit", "alembic_version"}
    assert not is_current(empty)
