"""Doing steps: claim, work, commit under the fence; what goes wrong is sorted by its type."""

import logging
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from pipeline.errors import (
    DecoderDiedError,
    LimitExceededError,
    PermanentError,
    UnavailableError,
    UnreadableVideoError,
)
from workers.errors import HostUnavailableError, LeaseLostError, StoreUnavailableError
from workers.logs import about
from workers.queue.filing import fault_of, file_abandoned
from workers.queue.leases import HandedBackError, Lease, Leases
from workers.queue.meters import note_chunk, note_verdict, timed_step
from workers.service import Service
from workers.store.database import Connection
from workers.store.due import bury, find_next
from workers.store.lookups import find_run, find_submission
from workers.store.records import Run, Step, StepKind, Submission
from workers.store.steps import (
    Claimant,
    Planned,
    Scored,
    claim,
    finish_chunk,
    finish_faulty,
    finish_judge,
    finish_plan,
    hand_back,
    retry,
)
from workers.store.verdicts import Filing, file_verdict

COMMIT_S = 300.0  # how long a finished step waits for a database that is away
PAUSE_S = 1.0
CANDIDATES = 8

logger = logging.getLogger(__name__)
Made = TypeVar("Made")


class Work(Protocol):
    """What is done in a step; nothing of it touches the database."""

    def plan(self, run: Run, submission: Submission, lease: Lease) -> Planned:
        """Probe the video and cut it into chunks."""

    def chunk(self, run: Run, submission: Submission, lease: Lease) -> Scored:
        """Sample and score one chunk."""

    def judge(self, run: Run, submission: Submission, lease: Lease) -> Filing:
        """Make the verdict of all chunks, and draw it."""


class StepRunner:
    """Does steps, one after another on each thread that calls it."""

    def __init__(self, service: Service, work: Work, leases: Leases, claimant: Claimant) -> None:
        """Make a runner; it shares its leases with others of the process."""
        self._service = service
        self._work = work
        self._leases = leases
        self._claimant = claimant

    def run(self, step_id: object) -> None:
        """Do the step of this id, and what follows on it, if it is due; else nothing.

        Raises:
            StoreUnavailableError: if the database is away; the step stays due.
        """
        if not isinstance(step_id, str):
            logger.warning("a message that is no id of a step was dropped")
            return
        step = self._write(
            lambda c: claim(c, step_id, self._claimant, now_ms=self._service.now_ms())
        )
        while step is not None:
            step = self._do(step) or self._take_next()

    def _take_next(self) -> Step | None:
        """Claim what is to be done next, if there is anything: no bell needs to be waited for."""
        now_ms = self._service.now_ms()
        if self._leases.are_stopping:
            return None
        with self._service.database.read() as connection:
            found = find_next(connection, self._claimant.kinds, now_ms=now_ms, limit=CANDIDATES)
        for step_id in found:  # others want them too
            step = self._write(lambda c, i=step_id: claim(c, i, self._claimant, now_ms=now_ms))  # type: ignore[misc] # bound now
            if step is not None:
                return step
        return None

    def _do(self, step: Step) -> Step | None:
        """Do a claimed step; return the one that follows, claimed."""
        with self._service.database.read() as connection:
            run = find_run(connection, step.run_id)
            submission = find_submission(connection, run.submission_id, tenant=run.tenant)
        with about(submission=submission.id, run=run.id, step=step.id):
            began_s = time.monotonic()
            try:
                following = self._work_and_commit(step, run, submission)
            except LeaseLostError as lost:
                logger.warning("dropped: %s", lost)
                return None
            except HandedBackError as reason:
                self._let_go(hand_back, step, rest_ms=0, why=str(reason))
                return None
            except (DecoderDiedError, HostUnavailableError) as error:
                rest_ms = self._claimant.terms.rest_ms(step.attempts)
                self._let_go(retry, step, rest_ms=rest_ms, why=str(error))
                return None
            except UnavailableError as error:
                rest_ms = self._claimant.terms.rest_ms(1)
                self._let_go(hand_back, step, rest_ms=rest_ms, why=str(error))
                return None
            except PermanentError as error:
                self._give_up(step, run, str(error))
                return None
            except Exception as error:
                logger.exception("%s failed", step.kind)
                rest_ms = self._claimant.terms.rest_ms(step.attempts)
                self._let_go(retry, step, rest_ms=rest_ms, why=repr(error))
                raise
            took_s = time.monotonic() - began_s
            logger.info("%s done", step.kind, extra={"took_s": round(took_s, 3)})
            return following

    def _work_and_commit(self, step: Step, run: Run, submission: Submission) -> Step | None:
        now_ms = self._service.now_ms
        with timed_step(step.kind), self._leases.hold(step) as lease:
            match step.kind:
                case StepKind.PLAN:
                    plan = self._work.plan(run, submission, lease)
                    return self._commit(
                        lease,
                        lambda c: finish_plan(c, step, plan, self._claimant, now_ms=now_ms()),
                    )
                case StepKind.CHUNK:
                    return self._commit(lease, self._score(step, run, submission, lease))
                case StepKind.JUDGE:
                    filing = self._work.judge(run, submission, lease)
                    self._commit(
                        lease,
                        lambda c: file_verdict(c, finish_judge(c, step), filing, now_ms=now_ms()),
                    )
                    note_verdict(filing.verdict)
                    return None

    def _score(
        self, step: Step, run: Run, submission: Submission, lease: Lease
    ) -> Callable[[Connection], Step | None]:
        """Score a chunk and return what commits it, or that the video cannot be judged."""
        now_ms = self._service.now_ms
        try:
            scored = self._work.chunk(run, submission, lease)
        except (UnreadableVideoError, LimitExceededError) as error:
            fault = fault_of(error)
            return lambda c: finish_faulty(c, step, fault, self._claimant, now_ms=now_ms())
        note_chunk(scored.timings, scored.frames)
        return lambda c: finish_chunk(c, step, scored, self._claimant, now_ms=now_ms())

    def _commit(self, lease: Lease, commit: Callable[[Connection], Made]) -> Made:
        """Commit what was made, once the database is there, unless the step is lost meanwhile."""
        give_up_s = time.monotonic() + COMMIT_S
        while True:
            lease.report(1.0)
            try:
                return self._write(commit)
            except StoreUnavailableError as error:
                if time.monotonic() > give_up_s:
                    raise
                logger.warning("waiting to commit: %s", error)
                time.sleep(PAUSE_S)

    def _let_go(self, way: Callable[..., None], step: Step, *, rest_ms: int, why: str) -> None:
        """Make a step due again; where even that fails, its lease runs out by itself."""
        logger.warning("%s is due again in %d ms: %s", step.kind, rest_ms, why)
        due_ms = self._service.now_ms() + rest_ms
        try:
            self._write(lambda c: way(c, step, due_ms=due_ms, why=why))
        except (LeaseLostError, StoreUnavailableError) as error:
            logger.warning("not handed back: %s", error)

    def _give_up(self, step: Step, run: Run, why: str) -> None:
        """Send to a person what trying again will not mend."""
        logger.error("%s is given up: %s", step.kind, why)

        def commit(connection: Connection) -> None:
            if bury(connection, step):
                file_abandoned(connection, run, why, now_ms=self._service.now_ms())

        try:
            self._write(commit)
        except StoreUnavailableError as error:
            logger.warning("not given up yet: %s", error)

    def _write(self, write: Callable[[Connection], Made]) -> Made:
        with self._service.database.write() as connection:
            return write(connection)
