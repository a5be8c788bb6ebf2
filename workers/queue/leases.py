"""Leases that this process holds: one thread renews them all, and tells which are lost."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.errors import HeatreelError, UnavailableError
from workers.errors import LeaseLostError
from workers.service import Service
from workers.store.records import Step
from workers.store.steps import Held, renew

BEATS_A_LEASE = 4
logger = logging.getLogger(__name__)


class HandedBackError(HeatreelError):
    """The worker shuts down and has no more time for this step."""


class Lease:
    """A step in work: its worker says how far it is, and hears whether it may go on."""

    def __init__(self, step: Step) -> None:
        """Make the lease of a step that was claimed."""
        self.step = step
        self.frames = 0
        self._share = 0.0
        self._lost = threading.Event()
        self._stop_s: float | None = None

    def report(self, share: float) -> None:
        """Say that *share* of the step, 0 to 1, is done.

        Raises:
            LeaseLostError: if the step is somebody else's by now.
            HandedBackError: if the worker shuts down and has waited long enough.
        """
        self._share = min(1.0, max(0.0, share))
        if self._lost.is_set():
            raise LeaseLostError(f"step {self.step.id} is not ours any more")
        if self._stop_s is not None and time.monotonic() > self._stop_s:
            raise HandedBackError("the worker shuts down")

    def count_frame(self) -> None:
        """Say that one more frame was decoded."""
        self.frames += 1

    def lose(self) -> None:
        """Note that the step is somebody else's."""
        self._lost.set()

    def stop_by(self, stop_s: float) -> None:
        """Have the step handed back if it is still in work at this time of the monotonic clock."""
        self._stop_s = stop_s

    @property
    def held(self) -> Held:
        """What the next heartbeat says."""
        return Held(self.step, self._share, self.frames)


class Leases:
    """All steps that this process has in work."""

    def __init__(self, service: Service) -> None:
        """Make an empty set; `start` begins the heartbeats."""
        self._service = service
        self._held: dict[str, Lease] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._stop_s: float | None = None
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin the heartbeats."""
        self._thread.start()

    def end(self) -> None:
        """End the heartbeats."""
        self._ended.set()
        self._thread.join()

    @property
    def are_stopping(self) -> bool:
        """Whether nothing new is to be taken up."""
        return self._stop_s is not None

    def stop_by(self, stop_s: float) -> None:
        """Have every step handed back that is in work at this time of the monotonic clock."""
        with self._lock:
            self._stop_s = stop_s
            for lease in self._held.values():
                lease.stop_by(stop_s)

    @contextmanager
    def hold(self, step: Step) -> Iterator[Lease]:
        """Hold on to a step for as long as the block runs."""
        lease = Lease(step)
        with self._lock:
            if self._stop_s is not None:
                lease.stop_by(self._stop_s)
            self._held[step.id] = lease
        try:
            yield lease
        finally:
            with self._lock:
                del self._held[step.id]

    def _beat(self) -> None:
        terms = self._service.settings.terms
        while not self._ended.wait(terms.lease_ms / BEATS_A_LEASE / 1000):
            with self._lock:
                leases = dict(self._held)
            if leases:
                self._renew(leases)

    def _renew(self, leases: dict[str, Lease]) -> None:
        service = self._service
        try:
            with service.database.write() as connection:
                held = [lease.held for lease in leases.values()]
                lost = renew(connection, held, service.settings.terms, now_ms=service.now_ms())
        except UnavailableError as error:  # the next beat may come through before a lease ends
            logger.warning("no heartbeat: %s", error)
            return
        for step_id in lost:
            leases[step_id].lose()
