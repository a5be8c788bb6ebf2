"""Everything on one machine: broker, relay, worker, API as processes, kept up by one owner."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

END_WITH_OWNER = "_HEATREEL_ENDS_WITH_OWNER"  # set for processes that end with their standard input
FIRST_REST_S, LONGEST_REST_S = 0.5, 30.0
LOOP_DEATHS, LOOP_S = 5, 60.0  # so many deaths in so many seconds are a restart loop
POLL_S = 0.2

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the house.

    Attributes:
        name: what it is.
        words: of the command line, after `heatreel`.
        grace_s: how long it may take to end once it is asked to.
    """

    name: str
    words: tuple[str, ...]
    grace_s: float


def end_with_owner() -> None:
    """End this process, as a signal would, when the one that started it is gone.

    It does so only where the owner asked for it: standard input is then a pipe that the owner
    holds open for as long as it lives, whatever it dies of.
    """
    if END_WITH_OWNER not in os.environ:
        return

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="owner", daemon=True).start()


def end_with_threads() -> None:
    """End this process, as a signal would, when one of its threads dies of an error.

    Whoever keeps it up starts it anew; without its heartbeat, say, it would only seem to work.
    """

    def end(died: threading.ExceptHookArgs) -> None:
        if died.exc_type is SystemExit:
            return
        found = (died.exc_type, died.exc_value or died.exc_type(), died.exc_traceback)
        name = died.thread.name if died.thread else "unknown"
        logger.critical("the thread %s died; so does its process", name, exc_info=found)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.excepthook = end


class Keeper:
    """Keeps one part running: started again, after a rest, whenever it dies."""

    def __init__(self, part: Part, *, longest_rest_s: float = LONGEST_REST_S) -> None:
        """Make the keeper of a part, which is not started yet.

        After each death in a row it waits twice as long, up to longest_rest_s.
        """
        self.part = part
        self._longest_rest_s = longest_rest_s
        self._process: subprocess.Popen[bytes] | None = None
        self._deaths: deque[float] = deque(maxlen=LOOP_DEATHS)
        self._start_s = 0.0

    @property
    def pid(self) -> int | None:
        """Process id; None where it does not run."""
        return self._process.pid if self._process else None

    def look(self) -> None:
        """Start the part if it does not run and has rested; note it if it died."""
        now_s = time.monotonic()
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._forget()
            self._note_death(code, now_s)
        if now_s >= self._start_s:
            self._process = self._spawn()

    def ask_to_end(self) -> None:
        """Ask the part to end."""
        if self._process is not None:
            self._process.terminate()

    def wait(self) -> None:
        """Wait for the part to end; one that takes longer than its grace is killed."""
        if self._process is None:
            return
        try:
            self._process.wait(self.part.grace_s)
        except subprocess.TimeoutExpired:
            logger.warning("%s does not end and is killed", self.part.name)
            self._process.kill()
            self._process.wait()
        self._forget()

    def _forget(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    def _spawn(self) -> subprocess.Popen[bytes]:
        # In a session of its own, so that Ctrl-C reaches the owner alone, who ends all in order.
        return subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-m", "workers.cli", *self.part.words],
            stdin=subprocess.PIPE,
            env={**os.environ, END_WITH_OWNER: "1"},
            start_new_session=True,
        )

    def _note_death(self, code: int, now_s: float) -> None:
        self._deaths.append(now_s)
        recent = [death_s for death_s in self._deaths if death_s > now_s - LOOP_S]
        rest_s = min(FIRST_REST_S * 2 ** (len(recent) - 1), self._longest_rest_s)
        self._start_s = now_s + rest_s
        is_loop = len(recent) == LOOP_DEATHS
        level = logging.ERROR if is_loop else logging.WARNING
        said = "dies again and again" if is_loop else "died"
        logger.log(level, "%s %s (%s); started again in %g s", self.part.name, said, code, rest_s)


def keep_up(parts: Sequence[Part], stop: threading.Event) -> None:
    """Keep all parts running until *stop*, then end them, the last one first."""
    keepers = [Keeper(part) for part in parts]
    try:
        while not stop.is_set():
            for keeper in keepers:
                keeper.look()
            stop.wait(POLL_S)
    finally:
        for keeper in reversed(keepers):
            keeper.ask_to_end()
            keeper.wait()
