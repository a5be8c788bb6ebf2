"""Migrations: the tables of a database are brought to what this version of Heatreel knows."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from workers.errors import ConflictError
from workers.store.database import Database

HERE = Path(__file__).parent / "migrations"
LOCK = 0x6D696772  # PostgreSQL's advisory lock: of many processes that start, one migrates


def migrate(database: Database) -> None:
    """Bring the tables up to date; does nothing where they are.

    Any number of processes may do so at once.

    Raises:
        StoreUnavailableError: if the database does not answer.
        ConflictError: if a newer Heatreel has changed the tables.
    """
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        _require_known(connection)
        command.upgrade(make_config(connection), "head")


def is_current(database: Database) -> bool:
    """Whether the tables are those that this version of Heatreel knows."""
    with database.read() as connection:
        return _revision(connection) == _script().get_current_head()


def make_config(connection: Connection) -> Config:
    """Return Alembic's configuration for a connection, whose transaction stays the caller's."""
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _require_known(connection: Connection) -> None:
    revision = _revision(connection)
    known = {script.revision for script in _script().walk_revisions()}
    if revision is not None and revision not in known:
        raise ConflictError(f"the database is of a newer Heatreel (revision {revision})")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(HERE))
