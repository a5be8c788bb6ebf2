"""A video that kills every decoder: tried so often, then a person has to look; others go on."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.workers.queue.queue_parts import House
from tests.workers.queue.test_runner import do_all, due_steps, report_of
from workers.queue.app import Broker, make_app
from workers.queue.relay import Relay
from workers.store.records import Run, RunState
from workers.store.tables import outbox, policies, steps

DIES = (sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
MAX_ATTEMPTS = 3
BACKOFF_S = 7.0


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    made = House(tmp_path / "house", database_url, max_attempts=MAX_ATTEMPTS, backoff_s=BACKOFF_S)
    yield made
    made.close()


def relay_of(house: House) -> Relay:
    return Relay(house.service, Broker(make_app(house.settings)))


def rest_of(house: House, step_id: str) -> float:
    """Return how many seconds a step rests, and end its rest."""
    now_ms = house.service.now_ms()
    with house.service.database.write() as connection:
        due_ms = connection.execute(select(steps.c.due_ms).where(steps.c.id == step_id)).scalar()
        connection.execute(update(steps).where(steps.c.id == step_id).values(due_ms=now_ms))
    assert due_ms is not None
    return (int(due_ms) - now_ms) / 1000


def kill_all_decoders(house: House, times: int = MAX_ATTEMPTS) -> tuple[Run, list[float]]:
    """Try a video so often, in vain; return its run, and how long it rested each time."""
    run = house.upload("magenta.mp4")
    (step_id,) = due_steps(house)
    runner = house.runner(decoder=DIES)
    rests = []
    for _ in range(times):
        runner.run(step_id)
        rests.append(rest_of(house, step_id))
    return run, rests


def test_it_rests_longer_after_each_try(house: House) -> None:
    _, rests_s = kill_all_decoders(house)
    for i, rest_s in enumerate(rests_s):
        wanted_s = BACKOFF_S * 2**i
        assert wanted_s - 5 < rest_s <= wanted_s


def test_it_is_given_up_and_a_person_has_to_look(house: House) -> None:
    run, _ = kill_all_decoders(house)
    relay_of(house).give_up()

    given_up = house.run(run.id)
    assert (given_up.state, given_up.outcome) == (RunState.DEAD, "error")
    (reason,) = report_of(house, run)["reasons"]
    assert reason["kind"] == "abandoned"
    assert f"after {MAX_ATTEMPTS} attempts at plan" in reason["detail"]
    assert "SIGSEGV" in reason["detail"]
    assert str(house.folder) not in reason["detail"]
    with house.service.database.read() as connection:
        states = connection.execute(select(steps.c.state)).scalars().all()
        (event,) = connection.execute(select(outbox.c.body)).scalars()
    assert states == ["dead"]
    assert '"submission.failed"' in event


def test_before_that_it_is_not_given_up(house: House) -> None:
    run = house.upload("magenta.mp4")
    (step_id,) = due_steps(house)
    runner = house.runner(decoder=DIES)
    for _ in range(MAX_ATTEMPTS - 1):
        runner.run(step_id)
        rest_of(house, step_id)
        relay_of(house).give_up()

    assert house.run(run.id).state is RunState.RUNNING


def test_what_is_given_up_is_given_up_once(house: House) -> None:
    run, _ = kill_all_decoders(house)
    for _ in range(2):
        relay_of(house).give_up()

    assert house.run(run.id).state is RunState.DEAD


def test_others_are_judged_meanwhile(house: House) -> None:
    poison, _ = kill_all_decoders(house)
    with house.service.database.write() as connection:
        connection.execute(update(steps).values(due_ms=house.service.now_ms() + 60_000))
    other = house.upload("plain.mp4")
    with house.service.database.read() as connection:
        query = select(steps.c.id).where(steps.c.run_id == other.id)
        step_id = connection.execute(query).scalar_one()
    house.runner().run(step_id)

    assert house.run(other.id).outcome == "pass"
    assert house.run(poison.id).outcome is None


def test_a_policy_that_can_no_longer_be_read_does_not_keep_it_from_being_given_up(
    house: House,
) -> None:
    run, _ = kill_all_decoders(house)
    with house.service.database.write() as connection:
        connection.execute(update(policies).values(content=b"of an older Heatreel"))
    relay_of(house).give_up()

    assert house.run(run.id).state is RunState.DEAD


def test_a_decoder_that_died_is_replaced(house: House) -> None:
    run, _ = kill_all_decoders(house, MAX_ATTEMPTS - 1)
    do_all(house, house.runner())

    assert house.run(run.id).outcome == "review"
