"""A worker: a Celery process with threads, one model, heartbeats for all that it has in work."""

import logging
import os
import secrets
import socket
import time
from collections.abc import Collection
from typing import Any

from celery import Celery, signals
from celery.worker.request import Request

from pipeline.errors import PermanentError, UnavailableError
from pipeline.media.remote import DECODER, examine_decoder
from workers.catalogue import Catalogue
from workers.errors import SettingsError
from workers.queue.app import SUBMIT_QUEUE, SUBMIT_TASK, make_app, task_name
from workers.queue.decoders import Decoders
from workers.queue.leases import Leases
from workers.queue.runner import StepRunner
from workers.queue.scorers import Scorers
from workers.queue.work import VideoWork
from workers.service import Service
from workers.store.records import Act, StepKind
from workers.store.steps import Claimant
from workers.submitting import UriRequest, submit_uri

DEFAULT_TENANT = "default"
RETRY_S = 5  # that a submission by message waits for a database that is away

logger = logging.getLogger(__name__)


class AtOnce(Request):  # type: ignore[misc] # it has no types
    """A message, dealt with when it is heard, whatever it says of a time.

    What asks for later (`eta`) Celery would hold in its memory, any number of them for any time,
    while the broker gives them out again and again; and of what comes too late (`expires`) it would
    remember the id, so that nobody else could use it. The database knows when a step is due; a
    submission is taken in rather early, or late, than not at all.
    """

    @property
    def eta(self) -> None:
        """No message is held for later."""
        return

    @property
    def expires(self) -> None:
        """No message comes too late."""
        return


def worker_name() -> str:
    """Return a name that no other process has or will have."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def require_queues(queues: Collection[str]) -> None:
    """Check what a worker is to do.

    Raises:
        SettingsError: unless it is kinds of step, or SUBMIT_QUEUE.
    """
    known = [*StepKind, SUBMIT_QUEUE]
    unknown = [queue for queue in queues if queue not in known]
    if unknown:
        raise SettingsError(f"queues: are of {', '.join(known)}, got {', '.join(unknown)!r}")


def run_worker(service: Service, catalogue: Catalogue, queues: Collection[str], name: str) -> int:
    """Work until a signal asks to stop, and return the exit code.

    On the first SIGTERM or SIGINT nothing new is taken up; what is in work has
    `settings.grace_s` to be finished, and is then handed back.

    Args:
        service: settings, database, artifacts, clock.
        catalogue: the policies and models.
        queues: kinds of step, and SUBMIT_QUEUE.
        name: of the worker; nobody else has it.

    Raises:
        BackendUnavailableError: if decoders have no sandbox here, and the settings require one.
    """
    kinds = frozenset(StepKind(queue) for queue in queues if queue != SUBMIT_QUEUE)
    leases = Leases(service)
    settings = service.settings
    logger.info("decoders: %s", examine_decoder(is_required=settings.sandbox_required))
    decoders = Decoders(
        silence_s=settings.silence_s,
        max_memory_bytes=settings.decoder_bytes,
        command=(*DECODER, "--require-sandbox") if settings.sandbox_required else DECODER,
    )
    work = VideoWork(service, Scorers(service.settings, catalogue), decoders, name)
    runner = StepRunner(service, work, leases, Claimant(name, kinds, service.settings.terms))
    app = make_app(service.settings)
    _register(app, runner, service, catalogue)

    def begin_shutdown(**_: Any) -> None:
        leases.stop_by(time.monotonic() + service.settings.grace_s)

    signals.worker_shutting_down.connect(begin_shutdown, weak=False)
    leases.start()
    try:
        return _serve(app, name, queues, service.settings.slots)
    finally:
        leases.end()
        decoders.close()


def _serve(app: Celery, name: str, queues: Collection[str], slots: int) -> int:
    worker = app.Worker(
        hostname=name,
        queues=sorted(queues),
        concurrency=slots,
        pool="threads",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def _register(app: Celery, runner: StepRunner, service: Service, catalogue: Catalogue) -> None:
    """Give the app its tasks: one a kind of step, and one for those who submit by message."""
    for kind in StepKind:
        app.task(name=task_name(kind), ignore_result=True, Request=AtOnce)(_as_task(runner))

    def submit(task: Any, *, uri: str, tag: str = "", policy: str | None = None) -> None:
        """Take in a URI; the same message, delivered again, is the same submission."""
        try:
            act = Act(DEFAULT_TENANT, "celery", service.now_ms())
            asked = UriRequest(uri, tag, policy, f"celery:{task.request.id}")
            submit_uri(service, catalogue, act, asked)
        except (PermanentError, ValueError) as error:
            logger.warning("a message asked for what cannot be had: %s", error)
        except UnavailableError as error:
            logger.warning("a submission by message waits: %s", error)
            time.sleep(RETRY_S)  # without the database there is nothing else to do
            raise task.retry(exc=error, countdown=0) from error

    # The broker alone holds what it asks for: it is acknowledged when the database has it.
    app.task(
        name=SUBMIT_TASK,
        bind=True,
        ignore_result=True,
        acks_late=True,
        max_retries=None,
        Request=AtOnce,
    )(submit)


def _as_task(runner: StepRunner) -> Any:
    def do(step_id: object) -> None:
        runner.run(step_id)

    return do
