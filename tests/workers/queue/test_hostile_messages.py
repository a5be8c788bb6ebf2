"""Whoever may write to the broker may write nonsense: a worker bears it, and goes on working."""

import base64
import itertools
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.workers.queue.process_parts import Process, broker_of, started, wait_until
from tests.workers.queue.queue_parts import House
from tests.workers.queue.test_runner import due_steps

TASK = {"lang": "py", "task": "heatreel.plan", "id": "1"}
UNKNOWN_STEP = "f" * 32
BIG_BYTES = 10_000_000
TAGS = itertools.count()


class OpensFile:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.path, "w")


def envelope(content: bytes, headers: object = TASK, *, tag: object = None, **more: Any) -> bytes:
    """Return a message as Celery lays it into a list of Redis, each with a tag of its own."""
    made = {
        "body": base64.b64encode(content).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": {
            "body_encoding": "base64",
            "delivery_info": {"exchange": "", "routing_key": "plan"},
            "delivery_tag": f"tag-{next(TAGS)}" if tag is None else tag,
            "priority": 0,
        },
    }
    return json.dumps(made | more).encode()


def call(*arguments: object, headers: object = TASK, **named: object) -> bytes:
    """Return a message that calls a task."""
    return envelope(json.dumps([arguments, named, {}]).encode(), headers)


BELL = call(UNKNOWN_STEP)
MESSAGES = {
    "a number": b"42",
    "null": b"null",
    "an empty object": b"{}",
    "a list": b"[]",
    "a text": b'"x"',
    "nothing": b"",
    "cut off": BELL[:100],
    "no UTF-8": b"\xff\xfe\x00",
    "deep": b"[" * 200_000,
    "10 MB": envelope(b"x" * BIG_BYTES),
    "an argument of 10 MB": call("f" * BIG_BYTES),
    "an unknown task": call(headers=TASK | {"task": "os.system"}),
    "a task that is a list": call(headers=TASK | {"task": []}),
    "a task that is an object": call(headers=TASK | {"task": {}}),
    "a task of Celery": call(headers=TASK | {"task": "celery.chord_unlock"}),
    "no id": call(headers={"task": "heatreel.plan"}),
    "an id that is a list": call(headers=TASK | {"id": [1]}),
    "headers that are a number": call(headers=5),
    "headers that are a text": call(headers="x"),
    "no arguments": call(),
    "two arguments": call("a", "b"),
    "unknown arguments": call(step_id="a", x=2),
    "an argument that is a number": call(42),
    "an argument that is null": call(None),
    "a forged step": call(UNKNOWN_STEP),
    "a step that is SQL": call("' OR 1=1; --"),
    "a body that is a number": envelope(b"42"),
    "a body that is cut off": envelope(b"["),
    "arguments that are a number": envelope(b"[5, {}, {}]"),
    "callbacks that are none": envelope(b'[["x"], {}, {"callbacks": [5], "chord": 3, "chain": 1}]'),
    "no base64": envelope(b"", body="!"),
    "an unknown encoding": envelope(b"[[], {}, {}]", **{"content-encoding": "klingon"}),
    "an unknown type": envelope(b"[[], {}, {}]", **{"content-type": "application/klingon"}),
    "a type that is a number": envelope(b"[[], {}, {}]", **{"content-type": 5}),
    "false compression": call(headers=TASK | {"compression": "zlib"}),
    "a time that is none": call(headers=TASK | {"eta": "yesterday"}),
    "an end that is none": call(headers=TASK | {"expires": "never"}),
    "limits that are a number": call(UNKNOWN_STEP, headers=TASK | {"id": "2", "timelimit": 5}),
    "limits that are a number, too": call(UNKNOWN_STEP, headers=TASK | {"id": "3", "timelimit": 6}),
    "retries that are a text": call(headers=TASK | {"retries": "many"}),
    "properties that are a number": envelope(b"", properties=5),
    "no tag": envelope(b"", properties={}),
    "a tag that is a list": envelope(b"", tag=[1]),
    "old form": envelope(b'{"task": "heatreel.plan", "id": "1", "args": 5, "kwargs": 5}', {}),
    "old form without an id": envelope(b'{"task": "heatreel.plan", "args": ["x"]}', {}),
    "old form, its task a list": envelope(b'{"task": ["x"]}', {}),
}


class Mill:
    """A worker at a broker, whose slots are two."""

    def __init__(self, house: House, broker: redis.Redis, worker: Process) -> None:
        self.house, self.broker, self.worker = house, broker, worker

    def say(self, message: bytes) -> None:
        """Lay a message into the broker, and wait until the worker has heard what comes after it.

        That has to be as many bells as it has slots: it must not be at the message still.
        """
        self.broker.lpush("plan", message)
        for _ in range(self.house.settings.slots + 1):
            self.broker.lpush("plan", BELL)
        wait_until(lambda: not self.worker.is_alive or not self.broker.llen("plan"))
        assert self.worker.is_alive


@pytest.fixture(scope="module")
def mill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mill]:
    folder = tmp_path_factory.mktemp("mill")
    house = House(folder / "house", f"sqlite:///{folder / 'heatreel.db'}")
    with broker_of(house) as broker, started(house, "worker") as worker:
        yield Mill(house, broker, worker)
    house.close()


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
def test_a_worker_goes_on_after_a_hostile_message(mill: Mill, message: bytes) -> None:
    mill.say(message)


@pytest.mark.parametrize("headers", [TASK, {}], ids=["task", "no task"])
def test_nothing_is_ever_unpickled(mill: Mill, headers: object) -> None:
    trap = mill.house.folder / "unpickled"
    pickled = pickle.dumps(([OpensFile(trap)], {}, {}))
    kind = {"content-type": "application/x-python-serialize", "content-encoding": "binary"}
    mill.say(envelope(pickled, headers, **kind))

    assert not trap.exists()


def test_nothing_of_all_that_comes_back_to_the_next_worker(mill: Mill) -> None:
    wait_until(lambda: not mill.broker.hlen("unacked"))
    assert not any(mill.broker.llen(name) for name in ("plan", "chunk", "judge", "submit"))


def test_after_all_that_a_video_is_judged(mill: Mill) -> None:
    run = mill.house.upload("magenta.mp4")
    mill.broker.lpush("plan", call(due_steps(mill.house)[0]))
    wait_until(lambda: mill.house.run(run.id).state.is_over)

    assert mill.house.run(run.id).outcome == "review"
    assert mill.worker.end() == 0
