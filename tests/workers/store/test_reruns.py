"""Judging again: nothing is done twice, nothing is scored again without need."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from tests.workers.store.store_parts import (
    CLAIMANT,
    NOW_MS,
    ONLY_PLANS,
    UPLOADER,
    all_at_once,
    basis,
    count,
    file_error,
    file_pass,
    hand_in,
    judge_run,
    must_take,
    plan_run,
    planned,
    step_of,
    take,
)
from workers.errors import ConflictError, LeaseLostError, NotFoundError
from workers.store.database import Database
from workers.store.lookups import find_run
from workers.store.progress import measure_progress
from workers.store.records import RERUN, ModelId, Run, RunState, Step, StepKind, Submission
from workers.store.run_rows import Basis
from workers.store.steps import finish_faulty, finish_plan
from workers.store.submissions import Submitted, cancel, delete_submission, rerun
from workers.store.tables import runs, steps

OTHER_MODEL = ModelId("colour", "2", "n" * 64)
SECOND_VERSION = basis(edit=("version = 1", "version = 2"))


def always(_: Run) -> bool:
    return True


def never(_: Run) -> bool:
    return False


def note(asked: list[Run], run: Run) -> bool:
    asked.append(run)
    return True


def judge_again(
    database: Database,
    submission: Submission,
    wanted: Basis = SECOND_VERSION,
    can_reuse: Callable[[Run], bool] = always,
) -> Submitted:
    with database.write() as connection:
        return rerun(connection, UPLOADER, submission, wanted, can_reuse=can_reuse)


@pytest.fixture
def judged(database: Database) -> Submitted:
    submitted = hand_in(database)
    judge_run(database, submitted.run, chunks=2)
    return submitted


def test_the_same_again_is_the_run_that_is_there(database: Database, judged: Submitted) -> None:
    again = judge_again(database, judged.submission, basis())

    assert (again.run.id, again.is_new) == (judged.run.id, False)
    assert count(database, runs) == 1


def test_chunks_that_will_do_are_judged_and_not_scored_again(
    database: Database, judged: Submitted
) -> None:
    asked: list[Run] = []
    again = judge_again(database, judged.submission, can_reuse=partial(note, asked))

    assert [run.id for run in asked] == [judged.run.id]
    assert (again.is_new, again.run.scored_by, again.run.priority) == (True, judged.run.id, RERUN)
    file_pass(database, must_take(database, step_of(database, again.run, StepKind.JUDGE)))
    with database.read() as connection:
        run = find_run(connection, again.run.id)
        progress = measure_progress(connection, run)
    assert (run.state, progress.share, progress.frames_done) == (RunState.DONE, 1.0, 20)
    assert count(database, steps) == 1 + 2 + 1 + 1


@pytest.mark.parametrize(
    ("wanted", "can_reuse"),
    [
        pytest.param(SECOND_VERSION, never, id="the chunks will not do"),
        pytest.param(basis(model=OTHER_MODEL), always, id="another model"),
    ],
)
def test_else_the_whole_is_done_again(
    database: Database, judged: Submitted, wanted: Basis, can_reuse: Callable[[Run], bool]
) -> None:
    again = judge_again(database, judged.submission, wanted, can_reuse)

    assert (again.is_new, again.run.scored_by, again.run.priority) == (True, None, RERUN)
    assert take(database, step_of(database, again.run, StepKind.PLAN)) is not None


def test_a_run_whose_chunks_were_not_all_scored_is_no_help(database: Database) -> None:
    submitted = hand_in(database)
    plan_run(database, submitted.run, chunks=2)
    assert judge_again(database, submitted.submission).run.scored_by is None

    step = must_take(database, step_of(database, submitted.run, StepKind.CHUNK, 1))
    with database.write() as connection:
        finish_faulty(connection, step, "{}", ONLY_PLANS, now_ms=NOW_MS)
    file_error(database, must_take(database, step_of(database, submitted.run, StepKind.JUDGE)))
    wanted = basis(edit=("version = 1", "version = 3"))
    assert judge_again(database, submitted.submission, wanted).run.scored_by is None


def test_neither_is_one_that_was_cancelled(database: Database) -> None:
    submitted = hand_in(database)
    plan_run(database, submitted.run)
    with database.write() as connection:
        cancel(connection, UPLOADER, submitted.submission)

    assert judge_again(database, submitted.submission).run.scored_by is None


def test_who_borrows_chunks_lends_none(database: Database, judged: Submitted) -> None:
    borrower = judge_again(database, judged.submission).run
    file_pass(database, must_take(database, step_of(database, borrower, StepKind.JUDGE)))
    third = judge_again(database, judged.submission, basis(edit=("version = 1", "version = 3")))

    assert third.run.scored_by == judged.run.id


def test_a_policy_that_changed_without_a_new_version_is_refused(
    database: Database, judged: Submitted
) -> None:
    edited = basis(edit=("review = 0.5", "review = 0.4"))

    with pytest.raises(ConflictError, match="cats version 1"):
        judge_again(database, judged.submission, edited)
    assert count(database, runs) == 1


def test_of_many_at_once_one_is_new(database: Database, judged: Submitted) -> None:
    made = all_at_once(8, lambda _: judge_again(database, judged.submission))

    assert sum(one.is_new for one in made) == 1
    assert len({one.run.id for one in made}) == 1
    assert count(database, runs) == 2


def test_what_was_deleted_meanwhile_is_not_judged_again(
    database: Database, judged: Submitted
) -> None:
    with database.write() as connection:
        delete_submission(connection, UPLOADER, judged.submission)

    with pytest.raises(NotFoundError, match=judged.submission.id):
        judge_again(database, judged.submission)
    assert count(database, runs) == 0


def test_deleting_and_judging_again_at_once_leave_no_run_behind(database: Database) -> None:
    for number in range(8):
        submission = hand_in(database, f"key-{number}").submission

        def end(which: int, submission: Submission = submission) -> None:
            if which == 0:
                with database.write() as connection:
                    delete_submission(connection, UPLOADER, submission)
                return
            with suppress(NotFoundError):
                judge_again(database, submission)

        all_at_once(2, end)
    assert count(database, runs) == count(database, steps) == 0


def test_who_plans_meanwhile_and_who_deletes_do_not_wait_for_one_another(
    database: Database,
) -> None:
    for number in range(8):
        submitted = hand_in(database, f"key-{number}")
        step = must_take(database, step_of(database, submitted.run, StepKind.PLAN))

        def end(which: int, submission: Submission = submitted.submission, s: Step = step) -> None:
            with suppress(LeaseLostError), database.write() as connection:
                if which == 0:
                    delete_submission(connection, UPLOADER, submission)
                else:
                    finish_plan(connection, s, planned(2), CLAIMANT, now_ms=NOW_MS)

        all_at_once(2, end)
    assert count(database, runs) == count(database, steps) == 0
