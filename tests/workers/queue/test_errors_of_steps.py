"""What goes wrong in a step is sorted by its type: dropped, handed back, tried again, given up."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from pipeline.errors import (
    BackendUnavailableError,
    DecoderDiedError,
    LimitExceededError,
    ModelError,
    UnreadableVideoError,
)
from tests.workers.queue.queue_parts import House
from tests.workers.queue.test_runner import due_steps, report_of
from tests.workers.queue.told_work import Deed, ToldWork, runner_of
from tests.workers.servers import Postgres
from workers.errors import LeaseLostError, StoreUnavailableError
from workers.queue.leases import Lease, Leases
from workers.store.lookups import find_submission
from workers.store.records import Act, Run, RunState, StepKind
from workers.store.submissions import cancel, delete_submission
from workers.store.tables import outbox, steps

BACKOFF_S = 40.0
AWAY_S = 2.0


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    made = House(tmp_path / "house", database_url, backoff_s=BACKOFF_S)
    yield made
    made.close()


@pytest.fixture
def far_house(tmp_path: Path, postgres: Postgres) -> Iterator[House]:
    """Return a house whose database is a server, which may go away."""
    made = House(tmp_path / "house", postgres.create(), backoff_s=BACKOFF_S)
    yield made
    made.close()


def raising(error: Exception) -> Deed:
    def do(_: Lease) -> None:
        raise error

    return do


def row_of(house: House, step_id: str) -> Any:
    with house.service.database.read() as connection:
        return connection.execute(select(steps).where(steps.c.id == step_id)).one()


def rest_s(house: House, row: Any) -> float:
    return float(row.due_ms - house.service.now_ms()) / 1000


def plan_with(house: House, work: ToldWork) -> tuple[Run, Any]:
    """Have the first step of a video done; return its run, and the step's row."""
    run = house.upload("plain.mp4")
    (step_id,) = due_steps(house)
    runner_of(house, work).run(step_id)
    return run, row_of(house, step_id)


def test_a_lost_lease_drops_the_step(house: House) -> None:
    _, row = plan_with(house, ToldWork(plan=raising(LeaseLostError("lost"))))

    assert (row.state, row.attempts, row.error) == ("running", 1, None)


def test_what_is_handed_back_is_due_at_once_and_is_not_counted(house: House) -> None:
    run = house.upload("plain.mp4")
    (step_id,) = due_steps(house)
    leases = Leases(house.service)

    def stop(lease: Lease) -> None:
        leases.stop_by(0)
        lease.report(0.5)

    runner_of(house, ToldWork(plan=stop), leases).run(step_id)

    row = row_of(house, step_id)
    assert (row.state, row.attempts, row.error) == ("due", 0, "the worker shuts down")
    assert row.rung_ms is None
    assert rest_s(house, row) <= 0
    assert house.run(run.id).state is RunState.RUNNING


@pytest.mark.parametrize("error", [BackendUnavailableError, StoreUnavailableError])
def test_what_is_away_is_tried_again_after_a_rest_and_not_counted(
    house: House, error: Callable[[str], Exception]
) -> None:
    _, row = plan_with(house, ToldWork(plan=raising(error("is away"))))

    assert (row.state, row.attempts, row.error) == ("due", 0, "is away")
    assert BACKOFF_S - 10 < rest_s(house, row) <= BACKOFF_S


@pytest.mark.parametrize("tried", [0, 2])
def test_a_decoder_that_died_counts(house: House, tried: int) -> None:
    run = house.upload("plain.mp4")
    (step_id,) = due_steps(house)
    with house.service.database.write() as connection:
        connection.execute(update(steps).values(attempts=tried))
    runner_of(house, ToldWork(plan=raising(DecoderDiedError("it died")))).run(step_id)

    row = row_of(house, step_id)
    assert (row.state, row.attempts, row.error) == ("due", tried + 1, "it died")
    assert BACKOFF_S * 2**tried - 10 < rest_s(house, row) <= BACKOFF_S * 2**tried
    assert house.run(run.id).state is RunState.RUNNING


def test_what_nobody_foresaw_counts_and_is_told(house: House) -> None:
    with pytest.raises(ZeroDivisionError):
        plan_with(house, ToldWork(plan=raising(ZeroDivisionError("of all things"))))

    with house.service.database.read() as connection:
        row = connection.execute(select(steps)).one()
    assert (row.state, row.attempts) == ("due", 1)
    assert row.error == "ZeroDivisionError('of all things')"
    assert BACKOFF_S - 10 < rest_s(house, row) <= BACKOFF_S


@pytest.mark.parametrize("kind", list(StepKind))
def test_what_trying_again_will_not_mend_is_given_up_at_once(house: House, kind: StepKind) -> None:
    run, _ = plan_with(house, ToldWork(**{kind.value: raising(ModelError("is no model"))}))

    given_up = house.run(run.id)
    assert (given_up.state, given_up.outcome) == (RunState.DEAD, "error")
    (reason,) = report_of(house, run)["reasons"]
    assert (reason["kind"], reason["detail"]) == ("abandoned", "is no model")
    assert due_steps(house) == []


@pytest.mark.parametrize(
    ("error", "kind"), [(UnreadableVideoError, "unreadable"), (LimitExceededError, "limit")]
)
def test_a_video_that_turns_out_to_be_faulty_is_judged_and_its_other_chunks_are_not_scored(
    house: House, error: Callable[[str], Exception], kind: str
) -> None:
    work = ToldWork(chunk=raising(error("at 0:03")))
    run, _ = plan_with(house, work)

    assert work.done == [StepKind.PLAN, StepKind.CHUNK, StepKind.JUDGE]
    judged = house.run(run.id)
    assert (judged.state, judged.outcome) == (RunState.DONE, "error")
    assert json.loads(str(judged.fault)) == {"kind": kind, "detail": "at 0:03"}
    with house.service.database.read() as connection:
        states = connection.execute(
            select(steps.c.state).where(steps.c.kind == "chunk").order_by(steps.c.chunk)
        )
        assert list(states.scalars()) == ["done", "cancelled"]


@pytest.mark.parametrize("kind", list(StepKind))
def test_what_is_cancelled_in_work_is_dropped(house: House, kind: StepKind) -> None:
    run = house.upload("plain.mp4")

    def cancel_it(_: Lease) -> None:
        with house.service.database.write() as connection:
            submission = find_submission(connection, run.submission_id, tenant=run.tenant)
            cancel(connection, Act(run.tenant, "somebody", 0), submission)

    runner_of(house, ToldWork(**{kind.value: cancel_it})).run(due_steps(house)[0])

    cancelled = house.run(run.id)
    assert (cancelled.state, cancelled.outcome) == (RunState.CANCELLED, None)
    with house.service.database.read() as connection:
        assert connection.execute(select(outbox)).all() == []
    assert due_steps(house) == []


@pytest.mark.parametrize("kind", list(StepKind))
def test_what_is_deleted_in_work_is_dropped(house: House, kind: StepKind) -> None:
    run = house.upload("plain.mp4")

    def delete_it(_: Lease) -> None:
        with house.service.database.write() as connection:
            submission = find_submission(connection, run.submission_id, tenant=run.tenant)
            delete_submission(connection, Act(run.tenant, "somebody", 0), submission)

    runner_of(house, ToldWork(**{kind.value: delete_it})).run(due_steps(house)[0])

    with house.service.database.read() as connection:
        assert connection.execute(select(steps)).all() == []


@pytest.mark.parametrize("kind", list(StepKind))
def test_a_database_that_is_away_at_commit_is_waited_for(
    far_house: House, postgres: Postgres, kind: StepKind
) -> None:
    returning = threading.Timer(AWAY_S, postgres.start_again)

    def go_away(_: Lease) -> None:
        if not returning.is_alive() and not returning.finished.is_set():
            postgres.stop()
            returning.start()

    work = ToldWork(**{kind.value: go_away})
    run = far_house.upload("plain.mp4")
    runner_of(far_house, work).run(due_steps(far_house)[0])
    returning.join()

    assert far_house.run(run.id).state is RunState.DONE
    assert work.done == [StepKind.PLAN, StepKind.CHUNK, StepKind.CHUNK, StepKind.JUDGE]


def test_a_database_that_is_away_at_claim_is_told_and_the_step_stays_due(
    far_house: House, postgres: Postgres
) -> None:
    far_house.upload("plain.mp4")
    (step_id,) = due_steps(far_house)
    work = ToldWork()
    postgres.stop()
    try:
        with pytest.raises(StoreUnavailableError):
            runner_of(far_house, work).run(step_id)
    finally:
        postgres.start_again()

    assert work.done == []
    row = row_of(far_house, step_id)
    assert (row.state, row.attempts) == ("due", 0)
