"""Databases to test on: SQLite and a real PostgreSQL, each test with tables of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.servers import Postgres, running_postgres
from workers.store.database import Database
from workers.store.migrate import migrate


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a fresh database of each kind, with all tables."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres").create())
    url = f"sqlite:///{tmp_path / 'heatreel.db'}"
    database = Database(url)
    migrate(database)
    database.close()
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()
