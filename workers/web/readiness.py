"""Whether what answering takes is there."""

import threading
from collections.abc import Callable

from pipeline.errors import UnavailableError
from workers.service import Service
from workers.store.migrate import is_current

FRESH_MS = 1_000  # whoever asks more often gets the same again: asking costs


class Readiness:
    """Asks database and artifacts for a sign of life, for whoever wants to know."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._turn = threading.Lock()
        self._asked_ms: int | None = None
        self._away: tuple[str, ...] = ()

    def ask(self) -> tuple[str, ...]:
        """Return what is away: "database", "migrations", "artifacts"; nothing where all is well."""
        with self._turn:
            now_ms = self._service.now_ms()
            if self._asked_ms is None or now_ms - self._asked_ms >= FRESH_MS:
                self._away = self._find_away()
                self._asked_ms = now_ms
            return self._away

    def _find_away(self) -> tuple[str, ...]:
        database = self._service.database
        is_there = _answers(database.ping)
        has_artifacts = _answers(self._service.artifacts.ping)
        return (
            *(() if is_there else ("database",)),
            *(("migrations",) if is_there and not is_current(database) else ()),
            *(() if has_artifacts else ("artifacts",)),
        )


def _answers(ask: Callable[[], None]) -> bool:
    try:
        ask()
    except UnavailableError:
        return False
    return True
