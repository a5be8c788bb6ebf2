"""`heatreel up`: all processes of one machine, kept up by one owner and gone with it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.workers.queue.process_parts import ROOT, environment_of, wait_until
from tests.workers.queue.queue_parts import House

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    url = f"sqlite:///{tmp_path / 'heatreel.db'}"
    made = House(tmp_path / "house", url, port=free_port(), grace_s=5)
    yield made
    made.close()


@contextmanager
def up(house: House) -> Iterator[subprocess.Popen[bytes]]:
    """Run the whole house for as long as the block runs."""
    log = house.folder / "up.log"
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "workers.cli", "up"],
            env=environment_of(house.settings),
            stdout=file,
            stderr=file,
            cwd=ROOT,
        )
    try:
        wait_until(lambda: is_ready(house))
        yield process
    finally:
        family = [process.pid, *(child.pid for child in children_of(process))]
        process.kill()
        process.wait()
        wait_until(lambda: not any(psutil.pid_exists(pid) for pid in family[1:]))


def is_ready(house: House) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{house.settings.port}/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def children_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        return list(psutil.Process(process.pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def first_key(house: House) -> str:
    said = (house.folder / "up.log").read_text(encoding="utf-8").splitlines()
    (key,) = (line for line in said if line.startswith("hrk_"))
    return key


def test_a_house_judges_an_upload_mends_itself_and_ends_when_asked(house: House) -> None:
    base = f"http://127.0.0.1:{house.settings.port}"
    with up(house) as process, httpx.Client(base_url=base) as client:
        client.headers["Authorization"] = f"Bearer {first_key(house)}"
        for child in children_of(process):
            if "worker" in child.cmdline() or "relay" in child.cmdline():
                child.kill()
        with (house.clips / "magenta.mp4").open("rb") as file:
            answer = client.post("/v1/submissions", files={"file": ("magenta.mp4", file)})
        place = f"/v1/submissions/{answer.json()['submission_id']}"
        wait_until(lambda: client.get(place).json()["runs"][0]["verdict"] == "review")

        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_a_house_whose_owner_is_killed_leaves_nobody_behind(house: House) -> None:
    with up(house) as process:
        # Broker, relay, worker, API, and the server that the broker owns.
        wait_until(lambda: len(children_of(process)) >= 5)
        family = children_of(process)
        os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: not any(child.is_running() for child in family))


def test_the_first_key_is_shown_once(house: House) -> None:
    for _ in range(2):
        with up(house):
            assert first_key(house)
