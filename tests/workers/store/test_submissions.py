"""Submissions: taken in once a key, cancelled and deleted so that nothing of them goes on."""

from typing import Any

import pytest
from sqlalchemy import select

from tests.workers.store.store_parts import (
    CLAIMANT,
    NOW_MS,
    TIMINGS,
    UPLOADER,
    all_at_once,
    basis,
    count,
    hand_in,
    judge_run,
    must_take,
    new_submission,
    plan_run,
    planned,
    step_of,
    take,
)
from workers.errors import ConflictError, LeaseLostError, NotFoundError
from workers.store.database import Database
from workers.store.lookups import find_policy_copy, find_run, find_submission
from workers.store.progress import find_step
from workers.store.records import (
    Act,
    ModelId,
    RunState,
    Source,
    Step,
    StepKind,
    StepState,
    Submission,
)
from workers.store.steps import Held, Scored, finish_chunk, finish_plan, renew
from workers.store.submissions import cancel, submit
from workers.store.tables import metadata, submissions

OTHER_CONTENT = "b" * 64
STRICTER = ("review = 0.5", "review = 0.4")


class TestSubmitting:
    """The same key is the same submission; the same key for something else is refused."""

    def test_a_new_one_has_a_run_and_its_plan_is_due(self, database: Database) -> None:
        submitted = hand_in(database, tag="upload-7")

        assert submitted.is_new
        assert submitted.submission.tag == "upload-7"
        assert submitted.run.state is RunState.QUEUED
        assert must_take(database, step_of(database, submitted.run, StepKind.PLAN)).attempts == 1
        with database.read() as connection:
            content = find_policy_copy(connection, submitted.run.policy_sha256)
        assert content == basis().policy.content

    def test_the_same_again_is_the_first_one(self, database: Database) -> None:
        first, again = hand_in(database), hand_in(database)

        assert again == type(again)(first.submission, first.run, is_new=False)
        assert count(database, submissions) == 1

    def test_it_is_the_first_one_still_when_the_run_is_over(self, database: Database) -> None:
        first = hand_in(database)
        judge_run(database, first.run)

        again = hand_in(database)
        assert (again.run.id, again.run.state, again.is_new) == (first.run.id, RunState.DONE, False)

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"sha256": OTHER_CONTENT}, id="content"),
            pytest.param({"basis": basis(edit=STRICTER)}, id="policy file"),
            pytest.param({"basis": basis(edit=("version = 1", "version = 2"))}, id="version"),
            pytest.param({"basis": basis("nudity")}, id="policy"),
            pytest.param({"basis": basis(model=ModelId("colour", "2", "n" * 64))}, id="model"),
        ],
    )
    def test_a_key_is_not_used_for_two_things(
        self, database: Database, changes: dict[str, Any]
    ) -> None:
        hand_in(database)

        with pytest.raises(ConflictError, match="key-1"):
            hand_in(database, **changes)
        assert count(database, submissions) == 1

    def test_a_uri_is_the_same_by_its_address(self, database: Database) -> None:
        first = hand_in(database, source=Source("s3://videos/1.mp4", "1.mp4", None, None))
        again = hand_in(database, source=Source("s3://videos/1.mp4", "1.mp4", None, None))

        assert (again.submission, again.is_new) == (first.submission, False)
        with pytest.raises(ConflictError):
            hand_in(database, source=Source("s3://videos/2.mp4", "2.mp4", None, None))

    def test_tenants_do_not_meet_by_their_keys(self, database: Database) -> None:
        with database.write() as connection:
            theirs = submit(connection, Act("other", "key", NOW_MS), new_submission())
        mine = hand_in(database)

        assert theirs.is_new
        assert mine.is_new
        assert hand_in(database).submission == mine.submission
        with database.read() as connection:
            assert find_submission(connection, mine.submission.id, tenant="acme")
            with pytest.raises(NotFoundError):
                find_submission(connection, mine.submission.id, tenant="other")

    def test_of_many_at_once_with_one_key_one_is_new(self, database: Database) -> None:
        made = all_at_once(8, lambda _: hand_in(database))

        assert sum(one.is_new for one in made) == 1
        assert len({(one.submission.id, one.run.id) for one in made}) == 1
        assert count(database, submissions) == 1

    def test_many_at_once_with_keys_of_their_own_are_all_new(self, database: Database) -> None:
        made = all_at_once(8, lambda number: hand_in(database, f"key-{number}"))

        assert all(one.is_new for one in made)
        assert count(database, submissions) == 8


class TestCancelling:
    """What is not over ends; what was over stays."""

    def cancel(self, database: Database, submission: Submission) -> bool:
        with database.write() as connection:
            return cancel(connection, UPLOADER, submission)

    def test_it_ends_what_is_due(self, database: Database) -> None:
        submitted = hand_in(database)
        step_id = step_of(database, submitted.run, StepKind.PLAN)

        assert self.cancel(database, submitted.submission)
        assert take(database, step_id) is None
        with database.read() as connection:
            run = find_run(connection, submitted.run.id)
            step = find_step(connection, step_id)
        assert (run.state, run.finished_ms) == (RunState.CANCELLED, NOW_MS)
        assert step
        assert step.state is StepState.CANCELLED

    @pytest.mark.parametrize("kind", [StepKind.PLAN, StepKind.CHUNK])
    def test_what_is_in_work_cannot_be_committed(self, database: Database, kind: StepKind) -> None:
        submitted = hand_in(database)
        if kind is StepKind.CHUNK:
            plan_run(database, submitted.run, chunks=2)
        step = must_take(database, step_of(database, submitted.run, kind))
        self.cancel(database, submitted.submission)

        with database.write() as connection:
            assert renew(connection, [Held(step, 0.5, 1)], CLAIMANT.terms, now_ms=NOW_MS) == {
                step.id
            }
        with pytest.raises(LeaseLostError):
            finish(database, step)

    def test_what_was_finished_before_stays(self, database: Database) -> None:
        submitted = hand_in(database)
        judge_run(database, submitted.run)

        assert not self.cancel(database, submitted.submission)
        with database.read() as connection:
            assert find_run(connection, submitted.run.id).state is RunState.DONE

    def test_a_second_time_there_is_nothing_left_to_end(self, database: Database) -> None:
        submitted = hand_in(database)

        assert self.cancel(database, submitted.submission)
        assert not self.cancel(database, submitted.submission)

    def test_others_go_on(self, database: Database) -> None:
        submitted, other = hand_in(database), hand_in(database, "key-2")
        self.cancel(database, submitted.submission)

        assert take(database, step_of(database, other.run, StepKind.PLAN))

    def test_whoever_comes_first_of_cancelling_and_finishing_counts(
        self, database: Database
    ) -> None:
        for number in range(6):
            submitted = hand_in(database, f"key-{number}")
            step = must_take(database, step_of(database, submitted.run, StepKind.PLAN))

            def end(which: int, one: Submission = submitted.submission, step: Step = step) -> bool:
                if which == 0:
                    return self.cancel(database, one)
                try:
                    finish(database, step)
                except LeaseLostError:
                    return False
                return True

            is_cancelled, _ = all_at_once(2, end)
            assert is_cancelled
            with database.read() as connection:
                run = find_run(connection, submitted.run.id)
                steps = metadata.tables["steps"]
                states = connection.execute(
                    select(steps.c.state).where(steps.c.run_id == run.id, steps.c.state != "done")
                ).scalars()
                assert set(states) <= {StepState.CANCELLED.value}
            assert run.state is RunState.CANCELLED


def finish(database: Database, step: Step) -> None:
    with database.write() as connection:
        if step.kind is StepKind.PLAN:
            finish_plan(connection, step, planned(2), CLAIMANT, now_ms=NOW_MS)
        else:
            scored = Scored("chunk.bin", 1, (), TIMINGS, is_flagged=True)
            finish_chunk(connection, step, scored, CLAIMANT, now_ms=NOW_MS)
