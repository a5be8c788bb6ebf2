"""The server: where it listens, and how it stops."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.workers.web.web_parts import (
    OUR,
    VIDEO,
    Clock,
    Portal,
    client_of,
    make_key,
    open_parts,
    wait_until,
)
from workers.errors import SettingsError
from workers.store.records import Role
from workers.web.app import listen

ROOT = Path(__file__).parents[3]
PROGRAM = """\
import logging, sys
from pathlib import Path
from tests.workers.web.web_parts import Clock, open_parts
from workers.web.app import run_server
logging.basicConfig(level="INFO")
service, catalogue = open_parts(Path(sys.argv[1]), Clock(), port=int(sys.argv[2]))
run_server(service, catalogue)
"""


def test_others_can_reach_it_only_when_there_is_a_key(tmp_path: Path) -> None:
    service, _ = open_parts(tmp_path, Clock(), host="0.0.0.0")  # noqa: S104 - that is the point
    with pytest.raises(SettingsError, match="API key"):
        listen(service)
    make_key(service, OUR, Role.ADMIN)
    with listen(service) as listening:
        assert listening.getsockname()[0] == "0.0.0.0"  # noqa: S104
    service.database.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.9.9.9"])
def test_this_machine_can_always_reach_it(tmp_path: Path, host: str) -> None:
    service, _ = open_parts(tmp_path, Clock(), host=host)
    listen(service).close()
    service.database.close()


def test_a_place_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service, _ = open_parts(tmp_path, Clock(), port=port)
        with pytest.raises(SettingsError, match=str(port)):
            listen(service)
    service.database.close()


def test_it_waits_for_nobody_to_send_small_answers(portal: Portal) -> None:
    """Without TCP_NODELAY every answer would wait 40 ms for the client's acknowledgement."""
    with socket.create_connection(("127.0.0.1", int(portal.url.rpartition(":")[2]))) as ours:
        ours.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert ours.recv(100)
        accepted = [
            transport.get_extra_info("socket")
            for transport in (
                connection.transport for connection in portal.server.server_state.connections
            )
        ]
        assert accepted
        assert all(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in accepted)


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_it_end_in_good_order(tmp_path: Path, asked: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", PROGRAM, str(tmp_path), str(port)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: is_there(url))
        service, _ = open_parts(tmp_path, Clock())
        with client_of(url, make_key(service, OUR, Role.ADMIN)) as client:
            receipt = client.post("/v1/submissions", files={"file": VIDEO}).json()
            place = f"/v1/submissions/{receipt['submission_id']}/progress"
            with client.stream("GET", place) as response:
                pieces = response.iter_text()
                assert next(pieces)
                process.send_signal(asked)
                assert "event: end" not in "".join(pieces)
        said = process.communicate(timeout=30)[1]
    finally:
        process.kill()
        process.wait()
    service.database.close()
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert f"stopping: {asked.name}" in said


def is_there(url: str) -> bool:
    with client_of(url, None) as client:
        try:
            return client.get("/healthz").status_code == 200
        except httpx.ConnectError:
            return False
