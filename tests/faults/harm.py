"""What is done to a house: seeded, so that it can be done again."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from random import Random

import psutil
import redis
from sqlalchemy import select

from pipeline.errors import UnavailableError
from tests.faults.world import WORKERS, World
from workers.queue.app import Broker, make_app
from workers.store.due import Bell
from workers.store.tables import steps

FORGED_AT_ONCE = 20
FREEZE_S = (0.5, 8.0)  # shorter and longer than a lease
PAUSE_S = (0.3, 1.2)  # between two harms
RELAY_SHARE = 0.1  # of the kills are of the relay; the others wait until a step is in work
WAIT_S = 3.0
IN_WORK_S = 0.15  # and then so long at most
POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Harms:
    """How often what is done.

    Attributes:
        kills: SIGKILLs of workers, of the children that decode, of the relay.
        broker_kills: SIGKILLs of the broker.
        wipes: of all that the broker holds.
        freezes: of a worker or its child, each thawed again.
        forged: messages: known steps again, unknown ones, nonsense.
        restarts: of the database.
    """

    kills: int
    broker_kills: int
    wipes: int
    freezes: int
    forged: int
    restarts: int

    @property
    def in_all(self) -> dict[str, int]:
        """The numbers by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def do_harm(world: World, harms: Harms, rng: Random, meanwhile: Callable[[float], None]) -> None:
    """Do all harms, mixed, with pauses in between.

    Before each one, *meanwhile* is told how much of the harm will be done by then, 0 to 1: what is
    submitted all at once would be judged before most of it.
    """
    batches = -(-harms.forged // FORGED_AT_ONCE)
    ways: dict[Callable[[World, Random], None], int] = {
        kill: harms.kills,
        kill_broker: harms.broker_kills,
        wipe: harms.wipes,
        freeze: harms.freezes,
        forge: batches,
        restart_database: harms.restarts,
    }
    todo = [way for way, times in ways.items() for _ in range(times)]
    rng.shuffle(todo)
    for i, way in enumerate(todo):
        time.sleep(rng.uniform(*PAUSE_S))
        meanwhile((i + 1) / len(todo))
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            way(world, rng)


def kill(world: World, rng: Random) -> None:
    """Kill a worker or one of its children, mostly in the midst of a step; else the relay."""
    if rng.random() < RELAY_SHARE:
        victims = _family(world, "relay")
    else:
        victims = _family(world, _wait_for_work(world, rng))
        time.sleep(rng.uniform(0, IN_WORK_S))
    if victims:
        os.kill(rng.choice(victims), signal.SIGKILL)


def kill_broker(world: World, rng: Random) -> None:
    """Kill the broker itself, or the one who owns it."""
    family = _family(world, "broker")
    if family:
        os.kill(rng.choice(family), signal.SIGKILL)


def wipe(world: World, _rng: Random) -> None:
    """Have the broker forget everything."""
    socket = world.service.settings.broker.removeprefix("redis+socket://")
    with contextlib.suppress(redis.RedisError):
        redis.Redis(unix_socket_path=socket).flushall()


def freeze(world: World, rng: Random) -> None:
    """Stop a worker or a child for a while, maybe longer than it has its lease for."""
    family = _family(world, f"worker {rng.randrange(WORKERS)}")
    if not family:
        return
    pid = rng.choice(family)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(rng.uniform(*FREEZE_S))
    os.kill(pid, signal.SIGCONT)


def forge(world: World, rng: Random) -> None:
    """Ring for steps that are known, at whatever state, and for some that are not."""
    with contextlib.suppress(UnavailableError):
        with world.service.database.read() as connection:
            known = list(connection.execute(select(steps.c.id, steps.c.kind)))
        bells = [Bell(row.id, row.kind, 0) for row in rng.choices(known, k=FORGED_AT_ONCE - 2)]
        bells += [Bell("f" * 32, "chunk", 0), Bell("", "judge", 9)]
        Broker(make_app(world.service.settings)).ring(bells)


def restart_database(world: World, rng: Random) -> None:
    """Stop the database, whoever is at work in it, and start it again after a while."""
    world.postgres.stop()
    time.sleep(rng.uniform(0, 3))
    world.postgres.start_again()


def _wait_for_work(world: World, rng: Random) -> str:
    """Return a worker that has a step in work, of whose name its process id is a part; else any."""
    names = [f"worker {i}" for i in range(WORKERS)]
    rng.shuffle(names)
    until_s = time.monotonic() + WAIT_S
    while time.monotonic() < until_s:
        with contextlib.suppress(UnavailableError), world.service.database.read() as connection:
            query = select(steps.c.worker).where(steps.c.state == "running")
            busy = connection.execute(query).scalars().all()
            for name in names:
                if any(f"-{world.keepers[name].pid}-" in worker for worker in busy):
                    return name
        time.sleep(POLL_S)
    return names[0]


def _family(world: World, name: str) -> list[int]:
    """Return the process ids of a part and of its children."""
    pid = world.keepers[name].pid
    if pid is None:
        return []
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
