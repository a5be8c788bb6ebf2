"""Messages that ask to be dealt with later, and what lies among those that nobody acknowledged."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import select

from tests.workers.queue.process_parts import broker_of, started, wait_until
from tests.workers.queue.queue_parts import House
from tests.workers.queue.test_hostile_messages import TASK, UNKNOWN_STEP, Mill, call, envelope
from tests.workers.queue.test_runner import due_steps
from workers.store.tables import submissions

FAR = "2099-01-01T00:00:00+00:00"
MANY = 300
SUBMIT = TASK | {"task": "heatreel.submit"}
LONG_AGO_S = time.time() - 86_400.0


@pytest.fixture(scope="module")
def mill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mill]:
    folder = tmp_path_factory.mktemp("mill")
    made = House(folder / "house", f"sqlite:///{folder / 'heatreel.db'}")
    with broker_of(made) as broker, started(made, "worker") as worker:
        yield Mill(made, broker, worker)
    made.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "house", f"sqlite:///{tmp_path / 'heatreel.db'}")
    yield made
    made.close()


@pytest.fixture
def broker(house: House) -> Iterator[redis.Redis]:
    with broker_of(house) as client:
        yield client


def later(number: int, *, old_form: bool = False) -> bytes:
    """Return a bell that asks to be heard in many years."""
    if not old_form:
        return call(UNKNOWN_STEP, headers=TASK | {"id": f"later-{number}", "eta": FAR})
    body = {"task": "heatreel.plan", "id": f"later-{number}", "args": [UNKNOWN_STEP], "kwargs": {}}
    return envelope(json.dumps(body | {"eta": FAR}).encode(), {})


def tags(house: House) -> list[str]:
    with house.service.database.read() as connection:
        return list(connection.execute(select(submissions.c.tag)).scalars())


@pytest.mark.parametrize("old_form", [False, True])
def test_nothing_is_kept_for_later(mill: Mill, *, old_form: bool) -> None:
    """A worker would hold it in its memory, and the broker a second time."""
    mill.broker.lpush("plan", *(later(number, old_form=old_form) for number in range(MANY)))
    mill.say(later(MANY))

    wait_until(lambda: not mill.broker.hlen("unacked"), within_s=20)
    assert not mill.broker.zcard("unacked_index")


def test_a_bell_that_asks_for_later_is_heard_now(mill: Mill) -> None:
    run = mill.house.upload("magenta.mp4")
    mill.broker.lpush("plan", call(due_steps(mill.house)[0], headers=TASK | {"eta": FAR}))
    wait_until(lambda: mill.house.run(run.id).state.is_over, within_s=60)


def test_a_submission_that_asks_for_later_is_taken_in_now(mill: Mill) -> None:
    uri = (mill.house.clips / "plain.mp4").as_uri()
    mill.broker.lpush("submit", call(uri=uri, tag="early", headers=SUBMIT | {"eta": FAR}))
    wait_until(lambda: "early" in tags(mill.house), within_s=20)
    wait_until(lambda: not mill.broker.hlen("unacked"), within_s=20)


@pytest.mark.parametrize("expires", [FAR, "2001-01-01T00:00:00", "9999-12-31T23:59:59.999999"])
def test_an_end_stops_nobody(mill: Mill, expires: str) -> None:
    mill.say(call(UNKNOWN_STEP, headers=TASK | {"expires": expires}))
    run = mill.house.upload("magenta.mp4")
    mill.broker.lpush("plan", call(due_steps(mill.house)[0]))
    wait_until(lambda: mill.house.run(run.id).state.is_over, within_s=60)


LEFT = {
    "no JSON": b"x",
    "nothing": b"",
    "no UTF-8": b"\xff\xfe",
    "a number": b"42",
    "an object": b"{}",
    "two things": b"[1, 2]",
    "a message that is a number": b'[1, "", "plan"]',
    "a message that is a list": b'[[], "", "plan"]',
    "a message that is empty": b'[{}, "", "plan"]',
    "a queue that is a list": json.dumps([json.loads(call("x")), "", ["plan"]]).encode(),
    "a queue that is an object": json.dumps([json.loads(call("x")), "", {}]).encode(),
    "an exchange that is a list": json.dumps([json.loads(call("x")), ["x"], "plan"]).encode(),
    "an exchange that is a number": json.dumps([json.loads(call("x")), 5, "plan"]).encode(),
    "an unknown exchange": json.dumps([json.loads(call("x")), "x", "x"]).encode(),
    "deep": b"[" * 200_000,
}


def test_what_was_left_behind_and_is_none_is_thrown_away_and_the_rest_comes_back(
    house: House, broker: redis.Redis
) -> None:
    """A worker looks through all of it when it starts; what is newest comes first."""
    uri = (house.clips / "plain.mp4").as_uri()
    message = json.loads(call(uri=uri, tag="left", headers=SUBMIT))
    broker.hset("unacked", mapping=LEFT | {"ours": json.dumps([message, "", "submit"])})
    broker.zadd("unacked_index", dict.fromkeys(LEFT, LONG_AGO_S + 10) | {"ours": LONG_AGO_S})
    broker.zadd("unacked_index", {b"\xff": LONG_AGO_S + 20})  # of what is not there at all
    with started(house, "worker") as worker:
        wait_until(lambda: tags(house) == ["left"], within_s=30)
        wait_until(lambda: not broker.hlen("unacked"), within_s=20)
        assert not broker.zcard("unacked_index")
        assert worker.end() == 0


def test_many_that_were_left_behind_do_not_keep_a_worker_from_its_work(
    house: House, broker: redis.Redis
) -> None:
    left = json.dumps([json.loads(call(UNKNOWN_STEP)), "", "plan"])
    tags_left = [f"tag-{number}" for number in range(20_000)]
    broker.hset("unacked", mapping=dict.fromkeys(tags_left, left))
    broker.zadd("unacked_index", dict.fromkeys(tags_left, LONG_AGO_S))
    run = house.upload("magenta.mp4")
    broker.lpush("plan", call(due_steps(house)[0]))
    with started(house, "worker"):
        wait_until(lambda: house.run(run.id).state.is_over, within_s=60)
        still_left: Any = broker.zcard("unacked_index")
        assert still_left > len(tags_left) / 2
