"""A child that dies, hangs or speaks nonsense: an error that says so, and then another child."""

import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from pipeline.errors import DecoderDiedError, UnavailableError
from pipeline.media.child import Child, Talk
from pipeline.media.decode import Damage
from pipeline.media.looks import Looker
from pipeline.media.remote import DecoderProcess, RemoteLooker
from pipeline.media.wire import Allowance, ProbeRequest
from pipeline.records import Look
from tests.pipeline.media.media_parts import LIMITS, budget
from tests.pipeline.media.remote_parts import (
    PATIENCE_S,
    assert_same_frames,
    assert_same_video,
    is_gone,
    looker_at,
    stand_in,
    until_idle,
    write_b_frames,
)

SILENCE_S = 1.0  # of stand-ins that say nothing


@pytest.fixture
def looker(tmp_path: Path) -> Looker:
    write_b_frames(tmp_path / "a.mp4")
    return looker_at(tmp_path / "a.mp4")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_child_that_is_killed_in_the_midst_of_a_look(
    number: signal.Signals, looker: Looker
) -> None:
    pts = looker.index.shown_pts.tolist()
    with DecoderProcess(silence_s=PATIENCE_S) as decoder:
        remote = RemoteLooker(decoder, looker)
        frames = remote.second_look(pts, Look.EDGE)
        next(frames)
        first = decoder.pid
        psutil.Process(first).send_signal(number)

        with pytest.raises(DecoderDiedError, match=rf"was killed by {number.name}, at .*a\.mp4"):
            list(frames)
        assert decoder.pid is None
        assert_same_frames(
            list(remote.second_look(pts, Look.EDGE)), list(looker.second_look(pts, Look.EDGE))
        )
        assert decoder.pid not in {None, first}


def test_a_child_that_died_between_two_requests_costs_neither(looker: Looker) -> None:
    with DecoderProcess(silence_s=PATIENCE_S) as decoder:
        decoder.probe(looker.video.path, limits=LIMITS, budget=budget())
        spent_s = decoder.cpu_s()
        process = psutil.Process(decoder.pid)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        video = decoder.probe(looker.video.path, limits=LIMITS, budget=budget())

    assert_same_video(video, looker.video)
    assert decoder.cpu_s() > spent_s > 0


def test_it_may_be_tried_again() -> None:
    assert issubclass(DecoderDiedError, UnavailableError)


def test_a_child_that_hangs_is_ended(looker: Looker) -> None:
    hanging = stand_in("import time; time.sleep(600)")
    with DecoderProcess(silence_s=SILENCE_S, command=hanging) as decoder:
        with pytest.raises(DecoderDiedError, match=r"no sign of life for 1 s, at .*a\.mp4"):
            decoder.probe(looker.video.path, limits=LIMITS, budget=budget())
        assert decoder.pid is None


def test_a_child_that_takes_no_request_is_ended(looker: Looker) -> None:
    """The request is larger than what the line holds."""
    numbers = np.arange(300_000, dtype=np.int64)
    index = replace(
        looker.index,
        pts=numbers,
        sizes_bytes=numbers,
        positions=numbers,
        is_key=np.ones(len(numbers), dtype=np.bool_),
    )
    hanging = stand_in("import time; time.sleep(600)")
    with DecoderProcess(silence_s=SILENCE_S, command=hanging) as decoder:
        frames = RemoteLooker(decoder, replace(looker, index=index)).second_look([0], Look.EDGE)
        with pytest.raises(DecoderDiedError, match="no sign of life"):
            next(frames)


def test_a_child_that_is_busy_gives_signs_of_life(tmp_path: Path) -> None:
    """It answers nothing: the beat does, for as long as Python makes its steps; prints are none."""
    busy = stand_in(
        "import signal; from pipeline.media import decoder\n"
        "speaker = decoder.Speaker(decoder.take_line())\n"
        "print('not an answer', flush=True)\n"
        "signal.signal(signal.SIGALRM, speaker.beat); speaker.begin()\n"
        "while True: pass"
    )
    request = ProbeRequest(tmp_path, LIMITS, Allowance(1.0, 0.0))
    talk = Talk(tmp_path, request, kind="video", read=print, index=None, damage=Damage())
    child = Child(busy, silence_s=PATIENCE_S)
    try:
        assert [child.hear(talk), child.hear(talk)] == [None, None]
        assert talk.end is None
        assert child.cpu_s > 0
    finally:
        child.end()


@pytest.mark.parametrize(
    ("program", "how"),
    [
        pytest.param("", "ended with exit code 0", id="at-once"),
        pytest.param("import sys; sys.exit(3)", "ended with exit code 3", id="with-a-code"),
        pytest.param("import os; os.abort()", "was killed by SIGABRT", id="by-a-signal"),
        pytest.param(
            "import os; os.kill(os.getpid(), 40)", "was killed by signal 40", id="by-an-odd-one"
        ),
        pytest.param(
            "import os, time; os.close(0); os.close(1); time.sleep(600)", "closed the line",
            id="it-does-not",
        ),
        pytest.param("import os; os.write(1, bytes(2))", "ended with", id="in-mid-prefix"),
        pytest.param(
            "import os; os.write(1, bytes([0, 0, 0, 9, 1]))", "ended with", id="in-mid-header"
        ),
    ],
)  # fmt: skip
def test_how_a_child_died_is_said(program: str, how: str, looker: Looker) -> None:
    assert_dies(DecoderProcess(silence_s=PATIENCE_S, command=stand_in(program)), looker, how)


def test_a_program_that_is_not_there(looker: Looker) -> None:
    gone = DecoderProcess(silence_s=PATIENCE_S, command=("/nowhere/decoder",))
    assert_dies(gone, looker, "could not be started")


def assert_dies(decoder: DecoderProcess, looker: Looker, how: str) -> None:
    with decoder, pytest.raises(DecoderDiedError, match=how):
        decoder.probe(looker.video.path, limits=LIMITS, budget=budget())


def test_the_name_of_a_file_can_be_logged_whatever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a\udcff\n.mp4"
    path.write_bytes(b"a")
    with DecoderProcess(silence_s=1.0, command=("/nowhere/decoder",)) as decoder:
        with pytest.raises(DecoderDiedError) as caught:
            decoder.probe(path, limits=LIMITS, budget=budget())
        assert str(caught.value).isprintable()


def test_no_silence_at_all_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="silence_s must be positive, got 0"):
        DecoderProcess(silence_s=0)


def test_closing_ends_the_child_and_the_look(looker: Looker) -> None:
    decoder = DecoderProcess(silence_s=PATIENCE_S)
    frames = RemoteLooker(decoder, looker).second_look(looker.index.shown_pts.tolist(), Look.EDGE)
    next(frames)
    pid = decoder.pid

    decoder.close()
    decoder.close()

    assert pid is not None
    assert is_gone(pid)
    with pytest.raises(ValueError, match="must be taken before"):
        next(frames)


@pytest.mark.parametrize("state", ["idle", "at-work"])
def test_the_child_ends_when_the_worker_dies(state: str, tmp_path: Path) -> None:
    write_b_frames(tmp_path / "a.mp4")
    worker = subprocess.Popen(  # noqa: S603 - our own words
        stand_in(WORKER, str(tmp_path / "a.mp4"), state),
        stdout=subprocess.PIPE,
    )
    with worker:
        assert worker.stdout
        pid = int(worker.stdout.readline())
        until_idle(pid)
        assert not is_gone(pid)
        worker.kill()

    while not is_gone(pid):
        time.sleep(0.05)


# Starts a child, says which one, and does nothing more until it is killed.
WORKER = """
import sys, time
from pathlib import Path
from pipeline.media.remote import DecoderProcess, RemoteLooker
from pipeline.records import Look
from tests.pipeline.media.remote_parts import looker_at
decoder = DecoderProcess(silence_s=600.0)
looker = looker_at(Path(sys.argv[1]))
wanted = looker.index.shown_pts.tolist()
frames = RemoteLooker(decoder, looker).second_look(wanted, Look.EDGE)
next(frames)
if sys.argv[2] == "idle":
    frames.close()
print(decoder.pid, flush=True)
time.sleep(600)
"""


def test_the_child_leaves_no_core_and_has_the_memory_it_was_given(looker: Looker) -> None:
    bound = 8 << 30
    with DecoderProcess(silence_s=PATIENCE_S, max_memory_bytes=bound) as decoder:
        decoder.probe(looker.video.path, limits=LIMITS, budget=budget())
        lines = Path(f"/proc/{decoder.pid}/limits").read_text().splitlines()
        limits = {line[:25].strip(): line[25:].split()[:2] for line in lines}

        assert limits["Max address space"] == [str(bound)] * 2
        assert limits["Max core file size"] == ["0", "0"]


def test_a_child_without_enough_memory_dies(looker: Looker) -> None:
    """By an error where Python still has room for one, else by the signal that ends it."""
    small = DecoderProcess(silence_s=PATIENCE_S, max_memory_bytes=16 << 20)
    assert_dies(small, looker, "ended with exit code|was killed by SIG")
