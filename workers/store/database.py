"""The database: one address, SQLite or PostgreSQL, and transactions that mean the same on both."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import PoolProxiedConnection

from workers.errors import DatabaseUnavailableError, SettingsError

# Whoever is handed a connection need know no more of SQLAlchemy than this name.
__all__ = ["Connection", "Database", "insert_new"]

BUSY_S = 30.0  # how long a writer waits for SQLite's only writing place
CONNECT_S = 5
POOL_CONNECTIONS = 10  # that are kept; as many more are opened when they are needed
POOL_WAIT_S = 10.0  # how long a thread waits for one of them
WRITES = "heatreel_writes"  # the execution option of a transaction that is going to write
WAL_RETRY_S = 0.01
SQLITE_PRAGMAS = (
    "PRAGMA synchronous = FULL",  # what is committed survives the loss of power
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -65536",  # 64 MiB
)


class Database:
    """A database, through which every process of the service knows what is to be done.

    Reading transactions see one moment; writing ones wait for their place from their first
    statement on, so that nobody who has read something fails at writing it.
    """

    def __init__(self, url: str) -> None:
        """Open a database lazily: nothing is connected before the first transaction.

        Args:
            url: as SQLAlchemy writes it: "sqlite:////path/heatreel.db" or
                "postgresql+psycopg://user:password@host/name".

        Raises:
            SettingsError: if the url is none, or of another kind of database.
        """
        self._engine = _make_engine(url)
        self.is_sqlite = self._engine.dialect.name == "sqlite"
        self._writing = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that reads one moment of the database.

        Raises:
            DatabaseUnavailableError: if the database does not answer.
        """
        with _translated(), self._engine.connect() as connection:
            if not self.is_sqlite:  # whose readers see one moment anyway
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose writes are committed together at the end, or not at all.

        Raises:
            DatabaseUnavailableError: if the database does not answer; nothing was written then,
                unless it went away at the very commit.
        """
        # SQLite has one writing place: threads of this process queue for it here, in turn.
        with self._in_turn(), _translated(), self._engine.connect() as connection:
            writing = connection.execution_options(**{WRITES: True})
            with writing.begin():
                yield writing

    def ping(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            DatabaseUnavailableError: if there is none.
        """
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, for migrations."""
        return self._engine

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        with self._writing:
            yield


def insert_new(connection: Connection, table: Table) -> Any:
    """Return an INSERT that can pass over rows that are there already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def _make_engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        match parsed.get_backend_name():
            case "sqlite":
                return _make_sqlite(parsed)
            case "postgresql":
                return _make_postgresql(parsed)
            case name:
                raise SettingsError(f"database_url: {name} is neither sqlite nor postgresql")
    except ImportError as error:
        raise SettingsError(f"database_url: its driver is not installed: {error.name}") from error
    except (ArgumentError, ValueError):  # which may repeat a password
        raise SettingsError("database_url: is no address of a database") from None


def _make_postgresql(url: URL) -> Engine:
    return create_engine(
        url,
        pool_size=POOL_CONNECTIONS,
        max_overflow=POOL_CONNECTIONS,
        pool_timeout=POOL_WAIT_S,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",  # who has waited for a row sees it as it then is
        # Planned anew each time: few steps are due and a million done, one plan is not for both.
        connect_args={"connect_timeout": CONNECT_S, "prepare_threshold": None},
    )


def _make_sqlite(url: URL) -> Engine:
    if url.database in (None, "", ":memory:"):
        raise SettingsError("database_url: a database in memory would lose everything")
    engine = create_engine(url, connect_args={"timeout": BUSY_S, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: PoolProxiedConnection) -> None:
        connection.isolation_level = None  # the driver begins no transaction of its own
        _keep_wal(connection)
        for pragma in SQLITE_PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _keep_wal(connection: sqlite3.Connection) -> None:
    """Switch a file to a write-ahead log, for good.

    Of connections that do so at once SQLite refuses all but one without its usual wait.
    """
    give_up = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(WAL_RETRY_S)
        else:
            return


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what drivers say of a database that is away into our error; the rest goes on."""
    try:
        yield
    except (OperationalError, PoolTimeoutError) as error:
        raise DatabaseUnavailableError(
            f"the database does not answer: {_first_line(error)}"
        ) from error
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise DatabaseUnavailableError(f"the database went away: {_first_line(error)}") from error


def _first_line(error: SQLAlchemyError) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().partition("\n")[0]
