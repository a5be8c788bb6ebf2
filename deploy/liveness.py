"""Says whether this container makes progress, as the database sees it: exit code 0 or 1.

    python liveness.py worker plan,chunk,judge
    python liveness.py relay

Why not look for a process: one that hangs is still there. Why not ask it: a thread that answers
says nothing of the threads that work. Why not `heatreel doctor`: it says whether what everybody
shares is there, and no restart of this container brings that back. So the question is what only
this container can be blamed for:

- a worker: bells of its kinds have lain in the broker for long, and it holds no step;
- a relay: steps have been due for long, the broker has no bell of their kind, and nobody rings.

Whoever waits for a database or a broker that is away is not to blame. A worker that holds a step is
not either: a decoder that says nothing is killed after `silence_s`, a step is somebody else's after
`lease_cap_s`, and then this worker holds none. One look proves nothing (between two steps a worker
holds none); whoever calls this restarts after several in a row that failed.
"""

# ruff: noqa: INP001 - a script of the image, no module

import socket
import sys
from pathlib import Path

from sqlalchemy import text

from pipeline.errors import UnavailableError
from workers.queue.app import Broker, make_app
from workers.service import Service, open_service
from workers.settings import read_settings
from workers.store.records import StepKind

QUERY = Path(__file__).with_suffix(".sql")
SLACK_MS = 60_000  # beyond the time after which a bell is rung again


def find_blame(service: Service, role: str, kinds: list[StepKind], host: str) -> str | None:
    """Return what the worker or relay of this host is to blame for; None = nothing.

    Raises:
        UnavailableError: if the database or the broker is away.
    """
    broker = Broker(make_app(service.settings))
    now_ms = service.now_ms()
    long_ago_ms = now_ms - round(1000 * service.settings.ring_again_s) - SLACK_MS
    for kind in kinds:
        asked = {"kind": kind.value, "host": host, "now_ms": now_ms, "long_ago_ms": long_ago_ms}
        with service.database.read() as connection:
            row = connection.execute(text(QUERY.read_text(encoding="utf-8")), asked).one()
        if role == "worker" and row.is_working:
            return None
        if role == "worker" and row.is_unheard and broker.count_waiting(kind) > 0:
            return f"bells of {kind} wait, and {host} takes nothing up"
        if role == "relay" and row.is_unrung and broker.count_waiting(kind) == 0:
            return f"steps of {kind} are due, and nobody rings for them"
    return None


def main(role: str, queues: str = "plan,chunk,judge") -> int:
    """Say what was found, and return the exit code."""
    if role not in ("worker", "relay"):
        raise ValueError(f"role: worker or relay, got {role!r}")
    names = set(queues.split(","))
    kinds = [kind for kind in StepKind if kind.value in names]
    try:
        blame = find_blame(open_service(read_settings()), role, kinds, socket.gethostname())
    except UnavailableError as error:
        sys.stdout.write(f"not our fault: {error}\n")
        return 0
    sys.stdout.write(f"{blame or 'ok'}\n")
    return 1 if blame else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
