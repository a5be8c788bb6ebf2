"""Writes that come at the same moment are committed together: one wait for the disk serves all."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool

from workers.store.database import Connection, Database

MAX_TOGETHER = 32  # in one transaction
ALONE = object()  # what came of a write that is to be made again, by itself

Made = TypeVar("Made")
Write = Callable[[Connection], Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    write: Write
    outcome: asyncio.Future[Any]


class Together:
    """Writes to a database from one event loop; what is returned is committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Asked] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, write: Callable[[Connection], Made]) -> Made:
        """Make a write and return what came of it, once it is committed.

        It may be made twice, the first time in vain; it gets a transaction that others write in.
        Whatever *write* raises is raised here, and nothing of it was written then.

        Raises:
            StoreUnavailableError: if the database does not answer.
        """
        asked = _Asked(write, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        made: Any = await asked.outcome
        if made is ALONE:
            (made,) = await run_in_threadpool(self._commit, [write])
        written: Made = made
        return written

    async def _write_all(self) -> None:
        """Write until nothing waits; what comes meanwhile waits for the next transaction."""
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_TOGETHER], self._waiting[MAX_TOGETHER:]
            try:
                made = await run_in_threadpool(self._commit, [asked.write for asked in batch])
            except Exception:  # noqa: BLE001 - made alone, each tells by itself what is wrong
                made = [ALONE] * len(batch)
            for asked, one in zip(batch, made, strict=True):
                if not asked.outcome.done():  # its request may be gone
                    asked.outcome.set_result(one)
        self._writing = None

    def _commit(self, writes: Sequence[Write]) -> list[Any]:
        with self._database.write() as connection:
            return [write(connection) for write in writes]
