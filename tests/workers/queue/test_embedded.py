"""The embedded broker: for this user alone, and nothing that it was told is lost."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import redis

from workers.errors import BrokerUnavailableError
from workers.queue.embedded import SOCKET_NAME, running_valkey

ROOT = Path(__file__).parents[3]


def connect(home: Path) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(home / SOCKET_NAME))


def pid_of(home: Path) -> int:
    with connect(home) as client:
        return int(client.info("server")["process_id"])


def test_nobody_but_its_user_can_reach_it(tmp_path: Path) -> None:
    with running_valkey(tmp_path):
        mode = stat.S_IMODE((tmp_path / SOCKET_NAME).stat().st_mode)
        listening = psutil.Process(pid_of(tmp_path)).net_connections("inet")

    assert mode == 0o700
    assert listening == []


def test_what_it_was_told_survives_its_death(tmp_path: Path) -> None:
    with running_valkey(tmp_path), connect(tmp_path) as client:
        client.rpush("plan", *range(50))
        os.kill(pid_of(tmp_path), signal.SIGKILL)
    with running_valkey(tmp_path), connect(tmp_path) as client:
        assert client.llen("plan") == 50


def test_one_that_outlived_its_owner_is_ended_and_keeps_what_it_was_told(tmp_path: Path) -> None:
    owned = "\n".join(
        [
            "import pathlib, threading",
            "from workers.queue.embedded import running_valkey",
            f"with running_valkey(pathlib.Path({str(tmp_path)!r})):",
            "    print('up', flush=True)",
            "    threading.Event().wait()",
        ]
    )
    words = [sys.executable, "-c", owned]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE) as owner:  # noqa: S603 - ours
        assert owner.stdout
        assert owner.stdout.readline() == b"up\n"
        owner.kill()
    orphan = psutil.Process(pid_of(tmp_path))
    with connect(tmp_path) as client:
        client.rpush("plan", "x")

    with running_valkey(tmp_path), connect(tmp_path) as client:
        assert pid_of(tmp_path) != orphan.pid
        assert client.llen("plan") == 1
    assert not orphan.is_running()


def test_two_do_not_run_at_one_place(tmp_path: Path) -> None:
    with running_valkey(tmp_path):
        with (
            pytest.raises(BrokerUnavailableError, match="another process"),
            running_valkey(tmp_path),
        ):
            pass
        assert pid_of(tmp_path)


def test_a_place_with_too_long_a_name_is_refused(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 120)
    home.mkdir()

    with pytest.raises(BrokerUnavailableError, match="shorter home"), running_valkey(home):
        pass
