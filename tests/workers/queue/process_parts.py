"""Real processes for the tests of the queue: a broker, workers, what is said to them."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.workers.queue.queue_parts import House
from workers.queue.embedded import SOCKET_NAME, running_valkey
from workers.settings import Settings

ROOT = Path(__file__).parents[3]
PATIENCE_S = 120.0  # far more than anything takes
POLL_S = 0.05


def wait_until(is_so: Callable[[], object], *, within_s: float = PATIENCE_S) -> None:
    """Wait until a condition holds."""
    waiting = threading.Event()
    for _ in range(round(within_s / POLL_S)):
        if is_so():
            return
        waiting.wait(POLL_S)
    raise AssertionError("it never came to be")


def environment_of(settings: Settings, **more: str) -> dict[str, str]:
    """Return the environment of processes that have these settings."""
    changed = settings.model_dump(mode="json", include=settings.model_fields_set)
    changed["database_url"] = settings.database
    said = {
        f"HEATREEL_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in changed.items()
    }
    return {**os.environ, **said, **more}


class Process:
    """A process of the service.

    Attributes:
        process: it.
        log: the file with what it has logged.
    """

    def __init__(self, house: House, *words: str, **settings: str) -> None:
        self.log = house.folder / f"{words[0]}-{len(list(house.folder.glob('*.log')))}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own words
                [sys.executable, "-m", "workers.cli", *words],
                env=environment_of(house.settings, **settings),
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def lines(self) -> list[dict[str, Any]]:
        """Return what it has logged so far, all that is JSON."""
        said = self.log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in said if line.startswith("{")]

    def has_said(self, words: str) -> bool:
        return words in self.log.read_text(encoding="utf-8")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send it a signal and return its exit code."""
        if self.is_alive:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@contextmanager
def started(house: House, *words: str, **settings: str) -> Iterator[Process]:
    """Run `heatreel WORDS` for as long as the block runs."""
    made = Process(house, *words, **settings)
    try:
        yield made
    finally:
        if made.is_alive:
            made.process.kill()
        made.process.wait()


@contextmanager
def broker_of(house: House) -> Iterator[redis.Redis]:
    """Run the embedded broker of a house, and give a client of it."""
    with running_valkey(house.settings.home), client_of(house) as client:
        yield client


def client_of(house: House) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(house.settings.home / SOCKET_NAME))
