"""Deleting and expiring: nothing of a submission stays but its id and what the audit says."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from tests.workers.store.store_parts import (
    NOW_MS,
    UPLOADER,
    basis,
    count,
    finish,
    hand_in,
    judge_run,
    must_take,
    new_submission,
    plan_run,
    step_of,
)
from workers.errors import LeaseLostError, NotFoundError
from workers.store.database import Database
from workers.store.deliveries import address_event, create_endpoint
from workers.store.events import settle, take_unsettled
from workers.store.lookups import find_expired, find_run, find_submission
from workers.store.records import (
    Act,
    OutboxKind,
    Run,
    RunState,
    Source,
    StepKind,
    Submission,
)
from workers.store.submissions import cancel, delete_submission, rerun, submit
from workers.store.tables import metadata, outbox, submissions


class TestDeleting:
    """Nothing stays but the id, and what the audit log says."""

    def delete(self, database: Database, submission: Submission) -> None:
        with database.write() as connection:
            delete_submission(connection, UPLOADER, submission)

    def test_nothing_is_left_but_the_tombstone_and_the_audit(self, database: Database) -> None:
        secret = "a-name-that-nobody-may-find-again"  # noqa: S105 - it opens nothing
        source = Source("upload:x/source", f"{secret}.mp4", "a" * 64, 1000)
        submitted = hand_in(database, secret, source=source, tag=secret)
        judge_run(database, submitted.run, chunks=2)
        with database.write() as connection:
            create_endpoint(connection, UPLOADER, "https://acme.example/hook")
            for entry in take_unsettled(connection, OutboxKind.EVENT, limit=10):
                assert address_event(connection, "acme", entry.body, now_ms=NOW_MS) == 1
                settle(connection, entry.id, now_ms=NOW_MS)
        self.delete(database, submitted.submission)

        left = {table.name for table in metadata.sorted_tables if count(database, table)}
        assert left == {"submissions", "policies", "outbox", "endpoints", "audit"}
        with database.read() as connection:
            for table in metadata.sorted_tables:
                assert secret not in repr(connection.execute(select(table)).all()), table.name
            row = connection.execute(select(submissions)).one()
            with pytest.raises(NotFoundError):
                find_submission(connection, row.id, tenant="acme")
        assert (row.id, row.deleted_ms) == (submitted.submission.id, NOW_MS)
        assert (row.sha256, row.size_bytes, row.uri) == (None, None, "")

    def test_its_artifacts_are_to_be_erased(self, database: Database) -> None:
        submitted = hand_in(database)
        self.delete(database, submitted.submission)

        with database.read() as connection:
            entry = connection.execute(select(outbox)).one()
        assert (entry.kind, entry.tenant) == (OutboxKind.ERASE.value, "acme")
        assert json.loads(entry.body) == [submitted.submission.id]

    def test_the_same_upload_may_come_again(self, database: Database) -> None:
        first = hand_in(database)
        self.delete(database, first.submission)
        again = hand_in(database)
        self.delete(database, again.submission)

        assert again.is_new
        assert hand_in(database).submission.id not in (first.submission.id, again.submission.id)

    def test_what_is_in_work_cannot_be_committed(self, database: Database) -> None:
        submitted = hand_in(database)
        step = must_take(database, step_of(database, submitted.run, StepKind.PLAN))
        self.delete(database, submitted.submission)

        with pytest.raises(LeaseLostError):
            finish(database, step)
        with database.read() as connection:
            assert connection.execute(select(submissions.c.sha256)).scalar_one() is None

    def test_a_second_time_there_is_none(self, database: Database) -> None:
        submitted = hand_in(database)
        self.delete(database, submitted.submission)

        with pytest.raises(NotFoundError):
            self.delete(database, submitted.submission)

    def test_others_stay(self, database: Database) -> None:
        submitted, other = hand_in(database), hand_in(database, "key-2")
        judge_run(database, other.run)
        self.delete(database, submitted.submission)

        with database.read() as connection:
            assert find_submission(connection, other.submission.id, tenant="acme")
            assert find_run(connection, other.run.id).state is RunState.DONE
            told = connection.execute(select(func.count()).where(outbox.c.kind == "event"))
            assert told.scalar_one() == 1


def over(database: Database, created_ms: int) -> Submission:
    """Hand a video in at a time, and cancel it."""
    act = Act("acme", "key", created_ms)
    with database.write() as connection:
        submitted = submit(connection, act, new_submission(f"key-{created_ms}"))
        cancel(connection, act, submitted.submission)
    return submitted.submission


class TestExpiring:
    """What is over and older than it is kept; the oldest goes first."""

    def expired(self, database: Database, before_ms: int, limit: int = 10) -> list[str]:
        with database.read() as connection:
            found = find_expired(connection, created_before_ms=before_ms, limit=limit)
        return [submission.id for submission in found]

    def test_what_is_older_than_the_time_and_nothing_else(self, database: Database) -> None:
        ids = [over(database, NOW_MS + i).id for i in range(3)]

        assert self.expired(database, NOW_MS) == []
        assert self.expired(database, NOW_MS + 1) == ids[:1]
        assert self.expired(database, NOW_MS + 3) == ids
        assert self.expired(database, NOW_MS + 3, limit=2) == ids[:2]

    @pytest.mark.parametrize("bring", [lambda _, __: None, plan_run], ids=["queued", "running"])
    def test_what_is_not_over_stays(
        self, database: Database, bring: Callable[[Database, Run], None]
    ) -> None:
        bring(database, hand_in(database).run)

        assert self.expired(database, NOW_MS + 1) == []

    def test_one_run_that_goes_on_keeps_it(self, database: Database) -> None:
        submitted = hand_in(database)
        judge_run(database, submitted.run)
        assert self.expired(database, NOW_MS + 1) == [submitted.submission.id]
        with database.write() as connection:
            rerun(connection, UPLOADER, submitted.submission, basis("nudity"), can_reuse=never)

        assert self.expired(database, NOW_MS + 1) == []

    def test_what_was_deleted_does_not_expire_again(self, database: Database) -> None:
        submission = over(database, NOW_MS)
        with database.write() as connection:
            delete_submission(connection, UPLOADER, submission)

        assert self.expired(database, NOW_MS + 1) == []


def never(_: Run) -> bool:
    return False
