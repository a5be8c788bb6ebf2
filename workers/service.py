"""What every process of the service has: settings, the database, the artifacts, the clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from workers.settings import Settings
from workers.store.artifacts import ArtifactStore
from workers.store.database import Database


def clock_ms() -> int:
    """Return the time in milliseconds since the epoch; machines keep it equal by NTP."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Service:
    """The parts that processes share, each opened lazily."""

    settings: Settings
    database: Database
    artifacts: ArtifactStore
    now_ms: Callable[[], int]


def open_service(settings: Settings) -> Service:
    """Return the service of these settings; nothing is connected yet.

    Raises:
        SettingsError: if an address is wrong.
    """
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.database)
    artifacts = ArtifactStore(settings.artifacts, settings.artifact_options)
    return Service(settings, database, artifacts, clock_ms)
