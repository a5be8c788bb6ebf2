"""The relay with a real broker: it rings, keeps the broker short, and makes whole what was lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import func, select, update

from pipeline.errors import UnavailableError
from tests.workers.queue.process_parts import broker_of
from tests.workers.queue.queue_parts import House
from workers.errors import BrokerUnavailableError
from workers.queue.app import Broker, make_app
from workers.queue.embedded import running_valkey
from workers.queue.relay import Relay
from workers.store.deliveries import create_endpoint
from workers.store.records import Act, StepKind
from workers.store.tables import deliveries, outbox, steps, submissions

WINDOW = 20


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    url = f"sqlite:///{tmp_path / 'heatreel.db'}"
    made = House(tmp_path / "house", url, ring_window=WINDOW, retention_days=1.0)
    yield made
    made.close()


@pytest.fixture
def client(house: House) -> Iterator[redis.Redis]:
    with broker_of(house) as client:
        yield client


def relay_of(house: House) -> Relay:
    return Relay(house.service, Broker(make_app(house.settings)))


def bells(house: House) -> int:
    return Broker(make_app(house.settings)).count_waiting(StepKind.PLAN)


def count(house: House, table: object) -> int:
    with house.service.database.read() as connection:
        query = select(func.count()).select_from(table)  # type: ignore[arg-type]
        return int(connection.execute(query).scalar_one())


@pytest.mark.usefixtures("client")
def test_what_is_due_is_rung_for_once(house: House) -> None:
    for _ in range(3):
        house.upload("plain.mp4")
    relay = relay_of(house)
    relay.tick(is_slow=True)
    relay.tick(is_slow=True)

    assert bells(house) == 3


@pytest.mark.usefixtures("client")
def test_two_relays_ring_for_each_step_but_do_no_more(house: House) -> None:
    run = house.upload("plain.mp4")
    for relay in (relay_of(house), relay_of(house)):
        relay.ring()

    assert bells(house) == 1
    assert run


def test_the_broker_is_kept_short_however_long_the_queue_is(
    house: House, client: redis.Redis
) -> None:
    first = house.upload("plain.mp4")
    with house.service.database.write() as connection:
        row = connection.execute(select(steps).where(steps.c.run_id == first.id)).mappings().one()
        many = [dict(row) | {"id": f"{i:032}", "chunk": i} for i in range(1, 500)]
        connection.execute(steps.insert(), many)
    relay = relay_of(house)
    for _ in range(5):
        relay.ring()
    assert bells(house) == WINDOW

    client.ltrim(StepKind.PLAN.value, 1, -6)  # five are heard
    relay.ring()
    assert bells(house) <= WINDOW


def test_a_broker_that_forgot_everything_is_told_again(house: House, client: redis.Redis) -> None:
    house.upload("plain.mp4")
    relay = relay_of(house)
    relay.ring()
    client.flushall()
    assert bells(house) == 0
    with house.service.database.write() as connection:  # as if half a minute had gone by
        connection.execute(update(steps).values(rung_ms=steps.c.rung_ms - 31_000))
    relay.ring()

    assert bells(house) == 1


def test_a_broker_that_is_away_is_told_and_the_rest_is_done(house: House) -> None:
    house.upload("plain.mp4")
    with house.service.database.write() as connection:
        connection.execute(update(submissions).values(created_ms=0))
        connection.execute(update(steps).values(state="cancelled"))
    run = house.upload("magenta.mp4")
    relay = relay_of(house)
    with pytest.raises(UnavailableError):
        relay.tick(is_slow=True)
    with house.service.database.read() as connection:
        rung = connection.execute(select(steps.c.rung_ms).where(steps.c.run_id == run.id)).scalar()
    assert rung is None

    with running_valkey(house.settings.home):
        relay.tick(is_slow=True)
        assert bells(house) == 1


def test_counting_bells_of_a_broker_that_is_away_is_an_error(house: House) -> None:
    with pytest.raises(BrokerUnavailableError):
        bells(house)


@pytest.mark.usefixtures("client")
def test_each_event_is_addressed_once_to_each_endpoint(house: House) -> None:
    with house.service.database.write() as connection:
        for place in ("one", "two"):
            create_endpoint(connection, Act("default", "x", 0), f"https://example.org/{place}")
    house.upload("broken.mp4")
    house.runner().run(_only_due(house))
    relay = relay_of(house)
    relay.tick(is_slow=False)
    relay.tick(is_slow=False)

    assert count(house, deliveries) == 2


@pytest.mark.usefixtures("client")
def test_what_is_kept_long_enough_is_deleted_with_its_artifacts(house: House) -> None:
    old = house.upload("broken.mp4")
    house.runner().run(_only_due(house))
    new = house.upload("plain.mp4")
    with house.service.database.write() as connection:
        connection.execute(
            update(submissions)
            .where(submissions.c.id == old.submission_id)
            .values(created_ms=house.service.now_ms() - 90_000_000)
        )
    relay = relay_of(house)
    relay.tick(is_slow=True)

    folders = {path.name for path in (house.settings.home / "artifacts").iterdir()}
    assert folders == {new.submission_id}
    assert count(house, outbox) == 1


def _only_due(house: House) -> str:
    with house.service.database.read() as connection:
        return str(
            connection.execute(select(steps.c.id).where(steps.c.state == "due")).scalar_one()
        )
