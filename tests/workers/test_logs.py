"""Logs: a JSON object a line, each with what it is about; seen in processes of their own."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def logged(script: str, level: str = "INFO") -> list[dict[str, Any]]:
    """Return what a process logs that does this, as objects."""
    begin = f"""
        import logging, threading
        from workers.logs import about, set_up_logs
        logger = logging.getLogger("workers.x")
        set_up_logs({level!r}, worker="w1")
    """
    words = [sys.executable, "-c", textwrap.dedent(begin) + textwrap.dedent(script)]
    done = subprocess.run(words, capture_output=True, check=True, cwd=ROOT, text=True)  # noqa: S603
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_line_says_when_how_grave_who_and_what() -> None:
    (line,) = logged('logger.warning("%s is %d", "x", 5)')

    assert line.pop("time")
    assert line == {"level": "WARNING", "logger": "workers.x", "message": "x is 5", "worker": "w1"}


def test_every_line_inside_says_what_it_is_about() -> None:
    lines = logged("""
        with about(submission="s", run="r"):
            logger.info("a")
            with about(step="t", run="r2"):
                logging.getLogger("celery").warning("b")
            logger.info("c")
        logger.info("d")
    """)
    fields = [{key: line.get(key) for key in ("submission", "run", "step")} for line in lines]

    assert fields == [
        {"submission": "s", "run": "r", "step": None},
        {"submission": "s", "run": "r2", "step": "t"},
        {"submission": "s", "run": "r", "step": None},
        {"submission": None, "run": None, "step": None},
    ]


def test_threads_say_whose_they_are_but_not_what_others_are_about() -> None:
    (line,) = logged("""
        with about(step="t"):
            thread = threading.Thread(target=logger.info, args=("x",))
            thread.start()
            thread.join()
    """)
    assert line["worker"] == "w1"
    assert "step" not in line


def test_an_exception_is_one_line_like_everything() -> None:
    (line,) = logged("""
        try:
            1 / 0
        except ZeroDivisionError:
            logger.exception("a\\nb")
    """)
    assert line["message"] == "a\nb"
    assert "ZeroDivisionError" in line["exc_info"]


@pytest.mark.parametrize(("level", "said"), [("DEBUG", "dws"), ("INFO", "ws"), ("ERROR", "s")])
def test_libraries_speak_only_of_what_is_grave(level: str, said: str) -> None:
    lines = logged(
        """
        logger.debug("d")
        logger.info("w")
        logging.getLogger("celery").info("x")
        logging.getLogger("celery").error("s")
        """,
        level,
    )
    assert "".join(line["message"] for line in lines) == said
