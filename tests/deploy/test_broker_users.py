"""The users of the broker: what Celery needs is allowed, and nothing else."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from pydantic import SecretStr
from redis.exceptions import NoPermissionError

from tests.deploy.conftest import Valkey
from tests.workers.queue.queue_parts import House
from tests.workers.servers import Postgres
from workers.queue.app import SUBMIT_QUEUE, SUBMIT_TASK, Broker, make_app
from workers.settings import Settings
from workers.store.due import Bell
from workers.store.lookups import find_run
from workers.store.records import PRIORITIES, Run, RunState, StepKind
from workers.store.tables import runs

WAIT_S = 120.0

REFUSED = {
    "what lies in the broker is not thrown away": "FLUSHALL",
    "nor in one of its databases": "FLUSHDB",
    "its configuration is not read": "CONFIG GET *",
    "nor written": "CONFIG SET dir /tmp",
    "nobody looks at all keys": "KEYS *",
    "nor step by step": "SCAN 0",
    "nobody watches others": "MONITOR",
    "scripts of others stay": "SCRIPT FLUSH",
    "no script is given whole": "EVAL return(1) 0",
    "it is not stopped": "SHUTDOWN NOSAVE",
    "nor made to write": "BGREWRITEAOF",
    "it follows nobody": "REPLICAOF 127.0.0.1 1",
    "nothing is loaded into it": "FUNCTION LIST",
    "users are not its users' affair": "ACL LIST",
    "nor are their connections": "CLIENT LIST",
    "it is not asked how it is": "INFO",
    "nothing is published": "PUBLISH x y",
    "nor listened to": "SUBSCRIBE x",
    "no other key is read": "GET other",
    "nor written to": "SET other 1",
    "nor pushed to": "LPUSH other 1",
    "nor one that only begins like a queue": "LPUSH planned 1",
    "a queue is not deleted": "DEL plan",
    "what is not acknowledged is not deleted": "DEL unacked",
    "what belongs to queues does not work on the lock": "LPUSH unacked_mutex 1",
    "what belongs to the lock does not work on queues": "SET plan 1",
}


def test_the_users_are_three_and_whoever_gives_no_name_is_none_of_them(valkey: Valkey) -> None:
    with pytest.raises(redis.AuthenticationError), redis.Redis(port=valkey.port) as stranger:
        stranger.ping()
    with valkey.client("operator") as client:
        assert set(client.acl_users()) == {"default", "health", "heatreel", "operator"}
        assert "off" in client.acl_getuser("default")["flags"]


def test_a_wrong_password_opens_nothing(valkey: Valkey) -> None:
    wrong = redis.Redis(port=valkey.port, username="heatreel", password="any")  # noqa: S106
    with pytest.raises(redis.AuthenticationError), wrong:
        wrong.ping()


@pytest.mark.parametrize("command", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("user", ["heatreel", "health"])
def test_is_refused(valkey: Valkey, user: str, command: str) -> None:
    with valkey.client(user) as client, pytest.raises(NoPermissionError):
        client.execute_command(*command.split())


def test_whoever_asks_for_health_may_ask_for_nothing_else(valkey: Valkey) -> None:
    with valkey.client("health") as client:
        assert client.ping()
        with pytest.raises(NoPermissionError):
            client.llen("plan")


def test_a_script_may_do_no_more_than_its_user(valkey: Valkey) -> None:
    with valkey.client() as client:
        thief = client.script_load("return redis.call('GET', 'other')")
        with pytest.raises(redis.ResponseError, match=r"ACL failure|permission"):
            client.evalsha(thief, 1, "unacked_mutex")


@pytest.mark.parametrize("kind", list(StepKind))
def test_bells_of_each_priority_are_rung_and_counted(valkey: Valkey, kind: StepKind) -> None:
    broker = Broker(make_app(Settings(broker_url=SecretStr(valkey.url))))
    before = broker.count_waiting(kind)
    broker.ring([Bell(f"step-{priority}", kind.value, priority) for priority in PRIORITIES])
    assert broker.count_waiting(kind) == before + len(PRIORITIES)
    with valkey.client("operator") as client:
        client.flushall()


@pytest.mark.slow
def test_a_video_goes_all_its_way_and_nothing_of_it_is_refused(
    valkey: Valkey, postgres: Postgres, tmp_path: Path
) -> None:
    """Handed in by message, taken in, rung for, done: relay and worker are real processes."""
    house = House(tmp_path, postgres.create(), broker_url=valkey.url)
    with valkey.client("operator") as operator:
        operator.acl_log_reset()
    with processes(house, ["relay"], ["worker"]):
        uri = (house.clips / "magenta.mp4").as_uri()
        make_app(house.settings).send_task(SUBMIT_TASK, kwargs={"uri": uri}, queue=SUBMIT_QUEUE)
        run = wait_for_verdict(house)
    house.close()

    assert (run.state, run.outcome) == (RunState.DONE, "review")
    with valkey.client("operator") as operator:
        assert operator.acl_log() == []


@contextmanager
def processes(house: House, *commands: list[str]) -> Iterator[None]:
    """Run processes of the service on the settings of a house; end them in good order."""
    secrets = {"database_url": house.settings.database, "broker_url": house.settings.broker}
    told = house.settings.model_dump(mode="json", exclude_unset=True) | secrets
    path = house.folder / "settings.toml"
    path.write_text("\n".join(f"{name} = {to_toml(value)}" for name, value in told.items()))
    environment = {**os.environ, "HEATREEL_SETTINGS": str(path)}
    started = [
        subprocess.Popen([sys.executable, "-m", "workers.cli", *words], env=environment)  # noqa: S603
        for words in commands
    ]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        assert [process.wait() for process in started] == [0] * len(started)


def to_toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {to_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(to_toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def wait_for_verdict(house: House) -> Run:
    until_s = time.monotonic() + WAIT_S
    while time.monotonic() < until_s:
        with house.service.database.read() as connection:
            found = connection.execute(runs.select()).mappings().first()
            if found is not None:
                run = find_run(connection, found["id"])
                if run.state.is_over:
                    return run
        time.sleep(0.1)
    raise AssertionError("no verdict came")
