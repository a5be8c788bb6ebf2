"""What the routes work with: one desk an app."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request

from workers.catalogue import Catalogue
from workers.metrics import Meters
from workers.service import Service
from workers.store.keys import ApiKey
from workers.store.records import Act
from workers.web.door import Door
from workers.web.places import Places
from workers.web.readiness import Readiness
from workers.web.together import Together

MAX_STREAMS = 100  # of progress, open at once
STREAMS_OF_ONE = 75  # key
MAX_UPLOADS = 32  # at once
UPLOADS_OF_ONE = 24
MAX_REQUESTS = 1_000  # at once, streams and uploads among them
REQUESTS_OF_ONE = 250
DATABASE_THREADS = 12  # fewer than connections in the pool: nobody waits for one
FILE_THREADS = 16  # a slow artifact store keeps nobody from the database

P = ParamSpec("P")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts that the routes of one app share.

    Attributes:
        service: settings, database, artifacts, clock.
        catalogue: the policies that may be asked for.
        door: lets in whoever has a key.
        meters: what Prometheus is told.
        readiness: whether database and artifacts are there.
        together: writes that come at the same moment.
        streams: of progress.
        uploads: that are being received.
        requests: that are being answered, of those who have a key.
        files: threads for whatever reads and writes files.
    """

    service: Service
    catalogue: Catalogue
    door: Door
    meters: Meters
    readiness: Readiness
    together: Together
    streams: Places = field(default_factory=lambda: Places(MAX_STREAMS, STREAMS_OF_ONE))
    uploads: Places = field(default_factory=lambda: Places(MAX_UPLOADS, UPLOADS_OF_ONE))
    requests: Places = field(default_factory=lambda: Places(MAX_REQUESTS, REQUESTS_OF_ONE))
    files: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(FILE_THREADS))

    def act_of(self, caller: ApiKey) -> Act:
        """Return what is noted of something that a caller does now."""
        return Act(caller.tenant, caller.name, self.service.now_ms())

    async def with_files(self, do: Callable[[], Made]) -> Made:
        """Do something with files on a thread, and return what came of it."""
        return await to_thread.run_sync(do, limiter=self.files)


def open_desk(service: Service, catalogue: Catalogue) -> Desk:
    """Return the desk of a new app."""
    door = Door(service.database, service.now_ms)
    return Desk(
        service,
        catalogue,
        door,
        Meters(service),
        Readiness(service),
        Together(service.database),
    )


async def _desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(_desk_of)]
