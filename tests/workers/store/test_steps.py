"""Steps: nobody has one that another holds, and what an old fence brings does not count."""

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import Connection, func, select

from tests.workers.store.store_parts import (
    CLAIMANT,
    NOW_MS,
    ONLY_PLANS,
    TERMS,
    TIMINGS,
    all_at_once,
    file_error,
    file_pass,
    hand_in,
    judge_run,
    must_take,
    plan_run,
    planned,
    score_chunk,
    step_of,
    take,
)
from workers.errors import LeaseLostError
from workers.store.database import Database
from workers.store.due import (
    measure_queues,
    release_expired,
)
from workers.store.lookups import find_run
from workers.store.progress import find_chunks, find_step, measure_progress
from workers.store.records import RunState, Step, StepKind, StepState
from workers.store.steps import (
    Held,
    Planned,
    Scored,
    finish_chunk,
    finish_plan,
    hand_back,
    renew,
    retry,
)
from workers.store.tables import outbox, verdicts


def test_a_step_is_claimed_once(database: Database) -> None:
    run = hand_in(database).run
    step_id = step_of(database, run, StepKind.PLAN)
    first = must_take(database, step_id)

    assert (first.attempts, first.fence, first.kind) == (1, 1, StepKind.PLAN)
    assert take(database, step_id) is None
    with database.read() as connection:
        assert find_run(connection, run.id).state is RunState.RUNNING


def test_of_many_who_claim_at_once_one_gets_it(database: Database) -> None:
    step_id = step_of(database, hand_in(database).run, StepKind.PLAN)
    taken = all_at_once(8, lambda _: take(database, step_id))

    assert sum(step is not None for step in taken) == 1


@pytest.mark.parametrize("step_id", ["", "f" * 32, "'; DROP TABLE steps; --", "\N{SNOWMAN}" * 1000])
def test_a_forged_id_claims_nothing(database: Database, step_id: str) -> None:
    hand_in(database)

    assert take(database, step_id) is None


def test_a_step_that_rests_is_not_claimed(database: Database) -> None:
    step_id = step_of(database, hand_in(database).run, StepKind.PLAN)
    step = must_take(database, step_id)
    with database.write() as connection:
        retry(connection, step, due_ms=NOW_MS + 1000, why="the decoder died")

    assert take(database, step_id, now_ms=NOW_MS + 999) is None
    again = must_take(database, step_id, now_ms=NOW_MS + 1000)
    assert (again.attempts, again.fence) == (2, 2)


def test_an_attempt_that_was_handed_back_does_not_count(database: Database) -> None:
    step_id = step_of(database, hand_in(database).run, StepKind.PLAN)
    step = must_take(database, step_id)
    with database.write() as connection:
        hand_back(connection, step, due_ms=NOW_MS, why="the worker shuts down")

    again = must_take(database, step_id)
    assert (again.attempts, again.fence) == (1, 2)


def test_nobody_takes_what_was_tried_as_often_as_it_may_be(database: Database) -> None:
    """The relay gives it up in a while; until then no worker tries it once more."""
    step_id = step_of(database, hand_in(database).run, StepKind.PLAN)
    for _ in range(TERMS.max_attempts):
        step = must_take(database, step_id)
        with database.write() as connection:
            retry(connection, step, due_ms=NOW_MS, why="the decoder died")

    assert take(database, step_id) is None


def test_an_old_fence_commits_nothing(database: Database) -> None:
    run = hand_in(database).run
    step_id = step_of(database, run, StepKind.PLAN)
    zombie = must_take(database, step_id)
    with database.write() as connection:
        release_expired(connection, TERMS, now_ms=NOW_MS + 60_001)
    must_take(database, step_id, now_ms=NOW_MS + 100_000)

    lates: list[Callable[[Connection], object]] = [
        lambda c: finish_plan(c, zombie, planned(), CLAIMANT, now_ms=NOW_MS),
        lambda c: hand_back(c, zombie, due_ms=NOW_MS, why=""),
        lambda c: retry(c, zombie, due_ms=NOW_MS, why=""),
    ]
    for late in lates:
        with pytest.raises(LeaseLostError), database.write() as connection:
            late(connection)
    with database.read() as connection:
        assert find_chunks(connection, run.id) == []
        step = find_step(connection, step_id)
        assert step
        assert (step.state, step.fence) == (StepState.RUNNING, 2)


def test_planning_makes_chunks_due_and_hands_over_the_first(database: Database) -> None:
    run = hand_in(database).run
    step = must_take(database, step_of(database, run, StepKind.PLAN))
    with database.write() as connection:
        following = finish_plan(connection, step, planned(3), CLAIMANT, now_ms=NOW_MS)

    assert following
    assert (following.kind, following.chunk, following.state) == (
        StepKind.CHUNK, 0, StepState.RUNNING,
    )  # fmt: skip
    assert take(database, step_of(database, run, StepKind.CHUNK, 0)) is None
    assert take(database, step_of(database, run, StepKind.CHUNK, 2)) is not None


def test_who_only_plans_is_handed_no_chunk(database: Database) -> None:
    run = hand_in(database).run
    step = must_take(database, step_of(database, run, StepKind.PLAN))
    with database.write() as connection:
        assert finish_plan(connection, step, planned(1), ONLY_PLANS, now_ms=NOW_MS) is None

    assert take(database, step_of(database, run, StepKind.CHUNK)) is not None


def test_a_video_that_cannot_be_read_is_judged_at_once(database: Database) -> None:
    run = hand_in(database).run
    step = must_take(database, step_of(database, run, StepKind.PLAN))
    unreadable = Planned("a" * 64, 0, None, (), '{"kind": "unreadable"}')
    with database.write() as connection:
        judging = finish_plan(connection, step, unreadable, CLAIMANT, now_ms=NOW_MS)

    assert judging
    assert judging.kind is StepKind.JUDGE
    file_error(database, judging)
    with database.read() as connection:
        done = find_run(connection, run.id)
    assert (done.state, done.outcome, done.fault) == (
        RunState.DONE, "error", '{"kind": "unreadable"}',
    )  # fmt: skip


def test_the_last_chunk_makes_judging_due(database: Database) -> None:
    run = hand_in(database).run
    plan_run(database, run, chunks=3)
    for number in (2, 0):
        score_chunk(database, run, number)
    with database.read() as connection:
        judging = measure_queues(connection, now_ms=NOW_MS)[2]
    assert judging.due == 0

    score_chunk(database, run, 1)

    assert take(database, step_of(database, run, StepKind.JUDGE)) is not None


def test_chunks_that_end_at_the_same_moment_make_judging_due_once(database: Database) -> None:
    runs = [hand_in(database, f"key-{i}").run for i in range(10)]
    for run in runs:
        plan_run(database, run, chunks=4)
        claimed = [must_take(database, step_of(database, run, StepKind.CHUNK, i)) for i in range(4)]
        followings = all_at_once(4, partial(finish, database, claimed))
        assert sum(following is not None for following in followings) == 1


def finish(database: Database, claimed: list[Step], number: int) -> Step | None:
    scored = Scored(f"chunk-{number}", 1, (), TIMINGS, is_flagged=False)
    with database.write() as connection:
        return finish_chunk(connection, claimed[number], scored, CLAIMANT, now_ms=NOW_MS)


def test_a_run_has_one_verdict_and_tells_of_it_once(database: Database) -> None:
    run = hand_in(database).run
    judge_run(database, run)
    with database.read() as connection:
        step = find_step(connection, step_of(database, run, StepKind.JUDGE))
    assert step
    with pytest.raises(LeaseLostError):
        file_pass(database, step)

    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(verdicts)).scalar_one() == 1
        kinds = connection.execute(select(outbox.c.body)).scalars().all()
    assert len(kinds) == 1
    assert '"submission.completed"' in kinds[0]


def test_the_world_is_told_early_of_the_first_chunk_that_is_flagged(database: Database) -> None:
    run = hand_in(database).run
    plan_run(database, run, chunks=3)
    for number in range(3):
        score_chunk(database, run, number, is_flagged=number > 0)

    with database.read() as connection:
        bodies = connection.execute(select(outbox.c.body)).scalars().all()
    assert [body.count('"submission.flagged_early"') for body in bodies] == [1]
    assert '"chunk": 1' in bodies[0]


def test_progress_adds_up_over_chunks(database: Database) -> None:
    run = hand_in(database).run
    shares = []

    def note() -> None:
        with database.read() as connection:
            shares.append(measure_progress(connection, find_run(connection, run.id)))

    note()
    plan_run(database, run, chunks=2)
    note()
    step = must_take(database, step_of(database, run, StepKind.CHUNK, 0))
    with database.write() as connection:
        renew(connection, [Held(step, 0.5, 5)], TERMS, now_ms=NOW_MS)
    note()
    with database.write() as connection:
        finish_chunk(
            connection,
            step,
            Scored("x", 10, (), TIMINGS, is_flagged=False),
            CLAIMANT,
            now_ms=NOW_MS,
        )
    note()
    score_chunk(database, run, 1)
    note()
    file_pass(database, must_take(database, step_of(database, run, StepKind.JUDGE)))
    note()

    assert [round(one.share, 4) for one in shares] == [0.0, 0.02, 0.2575, 0.495, 0.97, 1.0]
    assert [one.frames_done for one in shares] == [0, 0, 5, 10, 20, 20]
    assert [one.frames_planned for one in shares] == [None, None, 20, 20, 20, 20]
