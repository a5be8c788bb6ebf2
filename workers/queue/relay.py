"""The relay: rings for what is due, takes back what nobody holds, tells the world what happened.

Any number of relays may run; what two of them do twice does no harm.
"""

import json
import logging
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from pipeline.errors import UnavailableError
from workers.errors import NotFoundError
from workers.queue.app import Broker
from workers.queue.filing import file_abandoned
from workers.queue.relay_meters import note_away, note_bells, note_broker_there, note_tick
from workers.service import Service
from workers.store.deliveries import address_event
from workers.store.due import (
    find_abandoned,
    find_bells,
    note_rung,
    release_expired,
    take_abandoned,
)
from workers.store.events import has_unsettled, settle, take_unsettled
from workers.store.lookups import find_expired
from workers.store.records import Act, OutboxKind, StepKind
from workers.store.submissions import delete_submission

PAGE = 100
DAY_MS = 86_400_000
LONGEST_PAUSE_S = 5.0
SLOW_TICKS = 25  # what need not be done at each tick is done at every 25th
ACTOR = "relay"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Relay:
    """One relay; `tick` does everything once.

    Attributes:
        service: settings, database, artifacts, clock.
        broker: who is rung.
    """

    service: Service
    broker: Broker

    def run(self, stop: threading.Event) -> None:
        """Tick until *stop*; what is away is tried again, at longer and longer intervals."""
        pause_s, ticks = self.service.settings.tick_s, 0
        while not stop.wait(pause_s):
            try:
                self.tick(is_slow=ticks % SLOW_TICKS == 0)
            except UnavailableError as error:
                logger.warning("%s", error)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                pause_s = self.service.settings.tick_s
            ticks += 1

    def tick(self, *, is_slow: bool) -> None:
        """Do everything once; what is rarely needed only if *is_slow*.

        Raises:
            UnavailableError: if the database, the broker or the artifact store is away.
        """
        duties: list[Callable[[], None]] = [self._address_events, self._erase]
        if is_slow:
            duties = [self.take_back, self.give_up, self._forget, *duties, self.ring]
        else:
            duties.append(self._ring_where_due)
        failures = []
        for duty in duties:
            try:
                duty()
            except UnavailableError as error:  # the others must not wait for what one needs
                failures.append(error)
                note_away(error)
        note_tick()
        if failures:
            raise failures[0]

    def ring(self, kinds: Collection[StepKind] = tuple(StepKind)) -> None:
        """Ring for what is due, but keep the broker's queues short.

        The broker holds a window of the bells, the database all of them: its memory does not
        grow with the queue, and a broker that lost everything is made whole again by itself.
        """
        settings = self.service.settings
        for kind in kinds:
            waiting = self.broker.count_waiting(kind)
            note_broker_there()
            room = settings.ring_window - waiting
            if room <= 0:
                continue
            now_ms = self.service.now_ms()
            # Bells that still wait in the broker are not lost.
            lost_ms = now_ms - round(settings.ring_again_s * 1000) if waiting == 0 else 0
            with self.service.database.read() as connection:
                bells = find_bells(
                    connection, kind, now_ms=now_ms, rung_before_ms=lost_ms, limit=room
                )
            if bells:
                self.broker.ring(bells)
                note_bells(kind, len(bells))
                with self.service.database.write() as connection:
                    note_rung(connection, [bell.id for bell in bells], now_ms=now_ms)

    def _ring_where_due(self) -> None:
        """Ring as `ring` does, but leave a broker alone that need hear of nothing."""
        now_ms = self.service.now_ms()
        lost_ms = now_ms - round(self.service.settings.ring_again_s * 1000)
        with self.service.database.read() as connection:
            kinds = [
                kind
                for kind in StepKind
                if find_bells(connection, kind, now_ms=now_ms, rung_before_ms=lost_ms, limit=1)
            ]
        self.ring(kinds)

    def take_back(self) -> None:
        """Make due again what nobody holds any more."""
        with self.service.database.write() as connection:
            terms, now_ms = self.service.settings.terms, self.service.now_ms()
            released = release_expired(connection, terms, now_ms=now_ms)
        if released:
            logger.warning("%d steps were taken back: their workers gave no sign of life", released)

    def give_up(self) -> None:
        """Send to a person what was tried too often."""
        terms, now_ms = self.service.settings.terms, self.service.now_ms()
        with self.service.database.read() as connection:
            step_ids = find_abandoned(connection, terms, now_ms=now_ms, limit=PAGE)
        for step_id in step_ids:
            with self.service.database.write() as connection:
                abandoned = take_abandoned(connection, step_id, terms, now_ms=now_ms)
                if abandoned is None:
                    continue
                attempts = abandoned.step.attempts
                why = (
                    f"given up after {attempts} attempts at {abandoned.step.kind}: {abandoned.why}"
                )
                file_abandoned(connection, abandoned.run, why, now_ms=now_ms)
            logger.error("run %s is %s", abandoned.run.id, why)

    def _address_events(self) -> None:
        """Make a delivery of each event to everybody who is to be told of it."""
        while self._has_unsettled(OutboxKind.EVENT):
            now_ms = self.service.now_ms()
            with self.service.database.write() as connection:
                entries = take_unsettled(connection, OutboxKind.EVENT, limit=PAGE)
                for entry in entries:
                    address_event(connection, entry.tenant, entry.body, now_ms=now_ms)
                    settle(connection, entry.id, now_ms=now_ms)
            if not entries:  # another relay has them
                return

    def _erase(self) -> None:
        """Remove the artifacts of what was deleted, one entry after the other."""
        while self._has_unsettled(OutboxKind.ERASE):
            with self.service.database.write() as connection:
                entries = take_unsettled(connection, OutboxKind.ERASE, limit=1)
                for entry in entries:
                    for prefix in json.loads(entry.body):
                        self.service.artifacts.erase(prefix)
                    settle(connection, entry.id, now_ms=self.service.now_ms())
            if not entries:
                return

    def _has_unsettled(self, kind: OutboxKind) -> bool:
        with self.service.database.read() as connection:
            return has_unsettled(connection, kind)

    def _forget(self) -> None:
        """Delete submissions that are older than the operator keeps them."""
        days = self.service.settings.retention_days
        if days is None:
            return
        now_ms = self.service.now_ms()
        with self.service.database.read() as connection:
            expired = find_expired(
                connection, created_before_ms=now_ms - round(days * DAY_MS), limit=PAGE
            )
        for submission in expired:
            act = Act(submission.tenant, ACTOR, now_ms)
            # Somebody else may have deleted it meanwhile.
            with suppress(NotFoundError), self.service.database.write() as connection:
                delete_submission(connection, act, submission)
