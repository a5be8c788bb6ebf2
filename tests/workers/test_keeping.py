"""Parts are kept up: started again after growing rests, and a part that only dies is told of."""

import logging
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from workers.up import END_WITH_OWNER, FIRST_REST_S, LOOP_DEATHS, Keeper, Part, keep_up

ROOT = Path(__file__).parents[2]
DIES = Part("the one that dies", ("no-such-command",), 10)
PATIENCE_S = 60


def deaths(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "workers.up"]


@pytest.mark.slow
def test_a_part_that_dies_is_started_again_after_growing_rests_and_a_loop_is_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keeper = Keeper(DIES, longest_rest_s=2 * FIRST_REST_S)
    pause = threading.Event()
    while len(deaths(caplog)) < LOOP_DEATHS:
        keeper.look()
        pause.wait(0.05)
    keeper.ask_to_end()
    keeper.wait()

    rests_s = [record.args[-1] for record in deaths(caplog)]  # type: ignore[index]
    assert rests_s == [FIRST_REST_S, *[2 * FIRST_REST_S] * (LOOP_DEATHS - 1)]
    levels = [record.levelno for record in deaths(caplog)]
    assert levels == [logging.WARNING] * (LOOP_DEATHS - 1) + [logging.ERROR]


def test_a_part_that_does_not_end_in_time_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    keeper = Keeper(Part("the slow one", ("--help",), 0.0))
    keeper.look()
    keeper.wait()

    assert keeper.pid is None
    assert [record.args for record in deaths(caplog)] == [("the slow one",)]


def test_all_parts_end_when_their_owner_stops() -> None:
    stop = threading.Event()
    stop.set()
    keep_up([DIES], stop)


def run(script: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return] # noqa: S603
        [sys.executable, "-c", script], cwd=ROOT, text=True, stderr=subprocess.PIPE, **options
    )


def test_a_thread_that_dies_takes_its_process_with_it() -> None:
    script = (
        "import threading; from workers.up import end_with_threads; end_with_threads()\n"
        "threading.Thread(target=lambda: 1 / 0, name='heart').start(); threading.Event().wait()"
    )
    with run(script) as process:
        said = process.communicate(timeout=PATIENCE_S)[1]

    assert process.returncode == -signal.SIGTERM
    assert "heart" in said
    assert "ZeroDivisionError" in said


def test_a_part_ends_with_its_owner() -> None:
    script = (
        "import threading; from workers.up import end_with_owner; end_with_owner()\n"
        "threading.Event().wait()"
    )
    with run(script, stdin=subprocess.PIPE, env={END_WITH_OWNER: "1"}) as process:
        assert process.stdin
        process.stdin.close()  # as the system does, whatever the owner died of
        assert process.wait(PATIENCE_S) == -signal.SIGTERM


def test_others_do_not_end_with_their_standard_input() -> None:
    script = "from workers.up import end_with_owner; end_with_owner()"
    with run(script, stdin=subprocess.DEVNULL) as process:
        assert process.wait(PATIENCE_S) == 0
