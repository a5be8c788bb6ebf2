"""The sandbox: what a process that was taken over cannot do any more, and what it still can.

Each attempt is made twice in a process of its own: without the sandbox it succeeds.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import BackendUnavailableError
from pipeline.media.remote import DecoderProcess, RemoteLooker, examine_decoder
from pipeline.media.sandbox import ABIS, CALLS, Confinement
from pipeline.records import Look
from tests.pipeline.media.media_parts import LIMITS, budget
from tests.pipeline.media.remote_parts import (
    PATIENCE_S,
    looker_at,
    write_b_frames,
)

FREE, CONFINED = (
    "pass",
    "from pipeline.media.sandbox import confine; confine(max_memory_bytes=None)",
)
# What is tried, after os, socket, mmap, signal, ctypes and threading were imported.
ATTEMPTS = {
    "read-a-file": "open('/etc/passwd').read()",
    "write-a-file": "open({target!r}, 'w')",
    "append-to-what-is-there": "os.open({victim!r}, os.O_WRONLY | os.O_APPEND)",
    "make-a-folder": "os.mkdir({target!r})",
    "make-a-link": "os.symlink('/etc/passwd', {target!r})",
    "remove-a-file": "os.unlink({victim!r})",
    "rename-a-file": "os.rename({victim!r}, {target!r})",
    "make-it-anybodys": "os.chmod({victim!r}, 0o777)",
    "list-a-folder": "os.listdir('/')",
    "ask-for-a-file": "os.stat('/etc/passwd')",
    "go-elsewhere": "os.chdir('/')",
    "reopen-what-is-open": "open('/proc/self/fd/2', 'rb')",
    "reach-the-network": "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
    "reach-the-network-by-datagrams": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "reach-a-neighbour": "socket.socket(socket.AF_UNIX)",
    "make-a-pair-of-sockets": "socket.socketpair()",
    "make-a-pipe": "os.pipe()",
    "start-a-process": "os.fork() or os._exit(0)",
    "become-a-program": "os.execv('/bin/true', ['true'])",
    "start-a-program": "os.posix_spawn('/bin/true', ['true'], dict())",
    "signal-its-parent": "os.kill(os.getppid(), 0)",
    "become-root-again": "os.setresuid(0, 0, 0)",
    "run-what-it-wrote": "mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)",
    "share-memory": "os.memfd_create('x')",
    "load-a-library": "ctypes.CDLL('libresolv.so.2')",
}
NEED_ROOT = {"become-root-again"}
STILL = {
    "read-what-is-open": "assert os.pread({number}, 5, 0) == b'there'",
    "ask-what-is-open": "assert os.fstat({number}).st_size == 5",
    "start-a-thread": "t = threading.Thread(target=list); t.start(); t.join()",
    "take-memory": "bytearray(1 << 28)",
    "draw-lots": "os.urandom(8)",
    "tell-the-time": "time.time(), time.process_time(), time.sleep(0.001)",
    "write-to-its-log": "print('x', file=sys.stderr, flush=True)",
    "be-alarmed": "signal.setitimer(signal.ITIMER_REAL, 100.0)",
}


def attempt(tmp_path: Path, how: str, what: str) -> "subprocess.CompletedProcess[str]":
    victim = tmp_path / "victim"
    victim.write_text("there")
    imports = "import ctypes, mmap, os, signal, socket, sys, threading, time\n"
    with victim.open("rb") as file:
        names = {"victim": str(victim), "target": str(tmp_path / "target"), "number": file.fileno()}
        program = f"{imports}{how}\n{what.format(**names)}\n"
        return subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-c", program],
            pass_fds=[file.fileno()],
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.mark.parametrize("what", ATTEMPTS.values(), ids=ATTEMPTS)
def test_a_confined_process_cannot(tmp_path: Path, what: str) -> None:
    done = attempt(tmp_path, CONFINED, what)

    assert done.returncode != 0
    assert "Operation not permitted" in done.stderr
    assert (tmp_path / "victim").read_text() == "there"
    assert not (tmp_path / "target").is_symlink()
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(what, id=name)
        for name, what in ATTEMPTS.items()
        if name not in NEED_ROOT or os.geteuid() == 0
    ],
)
def test_a_free_one_can(tmp_path: Path, what: str) -> None:
    assert attempt(tmp_path, FREE, what).returncode == 0


@pytest.mark.parametrize("what", STILL.values(), ids=STILL)
def test_a_confined_process_still_can(tmp_path: Path, what: str) -> None:
    assert attempt(tmp_path, CONFINED, what).stderr.strip() in ("", "x")


def test_threads_from_before_are_confined_too(tmp_path: Path) -> None:
    early = (
        "import threading\n"
        "go, said = threading.Event(), []\n"
        "def late():\n"
        "    go.wait()\n"
        "    try: open('/etc/passwd')\n"
        "    except PermissionError: said.append('refused')\n"
        "thread = threading.Thread(target=late); thread.start()\n"
    )
    done = attempt(
        tmp_path, early + CONFINED, "go.set(); thread.join(); assert said == ['refused']"
    )

    assert done.returncode == 0, done.stderr


# What containers take from root: all that it may more than others, its name left to it.
POWERLESS = (
    "import struct; libc = ctypes.CDLL(None)\n"
    "libc.capset(struct.pack('II', 0x20080522, 0), struct.pack('6I', *[0] * 6))\n"
)


def test_root_without_its_powers_is_confined_all_the_same(tmp_path: Path) -> None:
    """A decoder that cannot become nobody must still decode, and open nothing."""
    done = attempt(tmp_path, POWERLESS + CONFINED, "open('/etc/passwd')")

    assert done.stderr.rstrip().endswith("Operation not permitted: '/etc/passwd'")


def test_what_holds_is_said_and_what_does_not_is_shouted() -> None:
    unheld = Confinement(is_filtered=False, is_nobody=False, memory_bytes=None)

    assert unheld.words == "NOT kept from files, network and processes; root"


@pytest.mark.parametrize("column", [0, 1])
def test_no_number_stands_for_two_calls(column: int) -> None:
    numbers = [both[column] for both in CALLS.values() if both[column] is not None]

    assert len(set(numbers)) == len(numbers)


def test_a_decoder_says_what_it_gives_up() -> None:
    assert examine_decoder(is_required=True) == "no file by name, no network, no process; not root"


# A system without seccomp, as far as the sandbox can tell.
ELSEWHERE = (
    "import sys; from pipeline.media import decoder, sandbox; sandbox.ABIS.clear();"
    "decoder.main(sys.argv[1:])"
)


def test_where_there_is_no_sandbox_none_starts_unless_that_is_allowed() -> None:
    command = (sys.executable, "-c", ELSEWHERE)

    with pytest.raises(BackendUnavailableError, match="offers no sandbox: NOT kept from files"):
        examine_decoder(is_required=True, command=command)
    assert examine_decoder(is_required=False, command=command).startswith("NOT kept from files")


def test_a_decoder_that_does_not_start_is_said_not_to() -> None:
    with pytest.raises(BackendUnavailableError, match="no decoder can be started"):
        examine_decoder(is_required=True, command=("/nowhere/decoder",))


def test_a_decoder_holds_one_descriptor_a_request_and_then_none(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_b_frames(path)
    looker = looker_at(path)
    wanted = looker.index.shown_pts.tolist()[:1]
    with DecoderProcess(silence_s=PATIENCE_S) as decoder:
        for _ in range(100):  # more than it may have open at once
            decoder.probe(path, limits=LIMITS, budget=budget())
        frames = list(RemoteLooker(decoder, looker).second_look(wanted, Look.EDGE))

    assert len(frames) == 1


def test_a_decoder_knows_no_secret_of_its_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEATREEL_S3_SECRET", "planted-secret")
    write_b_frames(tmp_path / "a.mp4")
    with DecoderProcess(silence_s=PATIENCE_S) as decoder:
        decoder.probe(tmp_path / "a.mp4", limits=LIMITS, budget=budget())
        content = Path(f"/proc/{decoder.pid}/environ").read_bytes()

    assert b"PATH=" in content
    assert b"planted" not in content


def test_this_machine_is_one_that_is_known() -> None:
    assert os.uname().machine in ABIS
