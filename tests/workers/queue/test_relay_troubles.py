"""What a relay bears: others like it, workers that die, receivers that are silent."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import func, select, update

from tests.workers.queue.process_parts import broker_of, started, wait_until
from tests.workers.queue.queue_parts import House
from tests.workers.store.store_parts import all_at_once
from workers.queue.app import Broker, make_app
from workers.queue.relay import Relay
from workers.store.deliveries import create_endpoint
from workers.store.records import Act, StepKind
from workers.store.steps import Claimant, claim
from workers.store.tables import runs, steps, submissions
from workers.submitting import UriRequest, submit_uri

MOST_BELL_BYTES = 2000  # of the broker's memory, a bell
RELAYS = 4
OLD = 60


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    made = House(tmp_path / "house", database_url, retention_days=1.0)
    yield made
    made.close()


@pytest.fixture
def broker(house: House) -> Iterator[redis.Redis]:
    with broker_of(house) as client:
        yield client


def relay_of(house: House) -> Relay:
    return Relay(house.service, Broker(make_app(house.settings)))


def enqueue(house: House, count: int) -> None:
    """Hand in so many videos, without a file of each."""
    for number in range(count):
        asked = UriRequest((house.clips / f"{number}.mp4").as_uri(), "", None, None)
        act = Act("default", "the tests", house.service.now_ms())
        submit_uri(house.service, house.catalogue, act, asked)


def due(house: House) -> list[Any]:
    with house.service.database.read() as connection:
        return list(connection.execute(select(steps).where(steps.c.state == "due")))


@pytest.mark.usefixtures("broker")
def test_relays_may_delete_the_same_at_the_same_time(house: House) -> None:
    enqueue(house, OLD)
    with house.service.database.write() as connection:
        connection.execute(update(submissions).values(created_ms=0))
        connection.execute(update(runs).values(state="done"))
    relays = [relay_of(house) for _ in range(RELAYS)]
    all_at_once(RELAYS, lambda number: relays[number].tick(is_slow=True))

    with house.service.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(runs)).scalar_one() == 0


@pytest.mark.usefixtures("broker")
def test_what_nobody_holds_any_more_is_taken_back_after_a_rest(house: House) -> None:
    enqueue(house, 1)
    relay = relay_of(house)
    relay.ring()
    with house.service.database.write() as connection:
        claimant = Claimant("dead", frozenset(StepKind), house.settings.terms)
        assert claim(connection, due(house)[0].id, claimant, now_ms=house.service.now_ms())
        connection.execute(update(steps).values(lease_ms=0))
    relay.tick(is_slow=False)
    assert due(house) == []
    relay.tick(is_slow=True)
    (step,) = due(house)

    assert (step.attempts, step.rung_ms) == (1, None)
    assert step.due_ms > house.service.now_ms()


def test_a_bell_takes_little_of_the_broker(house: House, broker: redis.Redis) -> None:
    enqueue(house, OLD)
    relay_of(house).ring()
    taken_bytes: Any = broker.memory_usage(StepKind.PLAN.value)

    assert broker.llen(StepKind.PLAN.value) == OLD
    assert taken_bytes < MOST_BELL_BYTES * OLD


@pytest.mark.slow
def test_who_is_silent_at_a_letter_does_not_hold_the_bells_up(tmp_path: Path) -> None:
    """A whole relay, as a process; the one who is told takes the call and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        url = f"sqlite:///{tmp_path / 'heatreel.db'}"
        house = House(tmp_path / "house", url, webhook_hosts=(host,), webhook_timeout_s=600)
        with house.service.database.write() as connection:
            create_endpoint(connection, Act("default", "x", 0), f"http://{host}/")
        house.upload("broken.mp4")
        house.runner().run(due(house)[0].id)
        with broker_of(house) as broker, started(house, "relay"):
            call, _ = silent.accept()
            house.upload("plain.mp4")
            wait_until(lambda: broker.llen(StepKind.PLAN.value) == 1)
            call.close()
        house.close()
