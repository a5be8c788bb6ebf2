"""How long the store takes with a million submissions: `python -m tests.bench.store --url URL`.

The tables are made and filled if there are none; every call is a transaction of its own, as a
request or a tick of the relay is. The table goes to stdout.
"""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable

from sqlalchemy import func, select

from tests.bench.store_rows import EVERY_MS, FIRST_MS, Fate, fates, fill
from tests.bench.tables import markdown
from workers.store.database import Database
from workers.store.deliveries import has_letters
from workers.store.due import (
    find_abandoned,
    find_bells,
    find_next,
    measure_queues,
    note_rung,
    release_expired,
)
from workers.store.events import has_unsettled
from workers.store.figures import count_standing
from workers.store.ids import new_id
from workers.store.lookups import (
    Filter,
    Page,
    find_expired,
    find_runs,
    find_submission,
    list_submissions,
)
from workers.store.migrate import migrate
from workers.store.progress import measure_progress
from workers.store.records import LeaseTerms, OutboxKind, RunState, StepKind
from workers.store.steps import Claimant, claim
from workers.store.tables import submissions

CALLS = 500
PAGE = 50
WINDOW = 500
TERMS = LeaseTerms(60_000, 3_600_000, 5, 10_000, 600_000)
CLAIMANT = Claimant("bench", frozenset(StepKind), TERMS)
HEADER = ("call", "p50, ms", "p95, ms", "worst, ms")
Call = Callable[[], object]


class Bench:
    """What is asked of a full store, of another submission each time."""

    def __init__(self, database: Database, rows: int) -> None:
        self._database = database
        self._rng = random.Random(2)  # noqa: S311 - no secret is made of it
        self._now_ms = FIRST_MS + EVERY_MS * rows
        found = list(fates(rows))
        self._some = [one for one in found if one.run not in ("cancelled", "queued")]
        self._due = [one.id_of(2) for one in found if one.step == "due"]

    def calls(self) -> dict[str, Call]:
        """Return what is measured, by its name."""
        lists = {
            "first page": (Filter(), False),
            "a page in the middle": (Filter(), True),
            "state queued": (Filter(RunState.QUEUED), False),
            "state done": (Filter(RunState.DONE), False),
            "state done, in the middle": (Filter(RunState.DONE), True),
            "outcome review": (Filter(outcome="review"), True),
            "outcome error": (Filter(outcome="error"), True),
            "state done and outcome error": (Filter(RunState.DONE, "error"), True),
            "state dead and outcome error": (Filter(RunState.DEAD, "error"), True),
        }
        tagged = {
            "a tag": Filter(),
            "a tag and outcome pass": Filter(outcome="pass"),
            "a tag and state dead": Filter(RunState.DEAD),
        }
        return {
            **{f"list, {name}": self._list(*what) for name, what in lists.items()},
            **{f"list, {name}": self._list_tagged(what) for name, what in tagged.items()},
            "get: submission, runs, progress": self._get,
            "find_bells": self._find_bells,
            "find_bells and note_rung": self._ring,
            "find_next": self._find_next,
            "measure_queues": self._measure_queues,
            "count_standing": self._count_standing,
            "find_abandoned": self._find_abandoned,
            "release_expired": self._release_expired,
            "find_expired": self._find_expired,
            "has_unsettled, has_letters": self._look,
            "claim": self._claim,
        }

    def _one(self) -> Fate:
        return self._rng.choice(self._some)

    def _list(self, wanted: Filter, is_middle: bool) -> Call:  # noqa: FBT001 - of a table above
        def ask() -> None:
            one = self._one()
            page = Page(one.id_of(0) if is_middle else None, PAGE)
            with self._database.read() as connection:
                found = list_submissions(connection, tenant=one.tenant, wanted=wanted, page=page)
                find_runs(connection, [submission.id for submission in found])

        return ask

    def _list_tagged(self, wanted: Filter) -> Call:
        def ask() -> None:
            one = self._one()
            tagged = Filter(wanted.state, wanted.outcome, one.tag or "batch-1")
            with self._database.read() as connection:
                found = list_submissions(
                    connection, tenant=one.tenant, wanted=tagged, page=Page(None, PAGE)
                )
                find_runs(connection, [submission.id for submission in found])

        return ask

    def _get(self) -> None:
        one = self._one()
        with self._database.read() as connection:
            submission = find_submission(connection, one.id_of(0), tenant=one.tenant)
            for run in find_runs(connection, [submission.id])[submission.id]:
                measure_progress(connection, run)

    def _find_bells(self) -> None:
        with self._database.read() as connection:
            for kind in StepKind:
                find_bells(connection, kind, now_ms=self._now_ms, rung_before_ms=0, limit=WINDOW)

    def _ring(self) -> None:
        """Ring for all again and again, as when nobody answers."""
        with self._database.write() as connection:
            bells = find_bells(
                connection,
                StepKind.PLAN,
                now_ms=self._now_ms,
                rung_before_ms=self._now_ms,
                limit=WINDOW,
            )
            note_rung(connection, [bell.id for bell in bells], now_ms=self._now_ms - 1)

    def _find_next(self) -> None:
        with self._database.read() as connection:
            find_next(connection, list(StepKind), now_ms=self._now_ms, limit=10)

    def _count_standing(self) -> None:
        with self._database.read() as connection:
            count_standing(connection)

    def _measure_queues(self) -> None:
        with self._database.read() as connection:
            measure_queues(connection, now_ms=self._now_ms)

    def _find_abandoned(self) -> None:
        with self._database.read() as connection:
            find_abandoned(connection, TERMS, now_ms=self._now_ms, limit=100)

    def _release_expired(self) -> None:
        with self._database.write() as connection:
            release_expired(connection, TERMS, now_ms=self._now_ms)

    def _find_expired(self) -> None:
        with self._database.read() as connection:
            find_expired(connection, created_before_ms=self._now_ms, limit=100)

    def _look(self) -> None:
        with self._database.read() as connection:
            has_unsettled(connection, OutboxKind.EVENT)
            has_letters(connection, now_ms=self._now_ms)

    def _claim(self) -> None:
        step_id = self._due.pop() if self._due else new_id(self._now_ms)
        with self._database.write() as connection:
            claim(connection, step_id, CLAIMANT, now_ms=self._now_ms)


def measure(call: Call) -> list[float]:
    """Return how many milliseconds each of many calls took, in order of length."""
    took_ms = []
    for _ in range(CALLS):
        began_s = time.perf_counter()
        call()
        took_ms.append(1000 * (time.perf_counter() - began_s))
    return sorted(took_ms)


def main() -> None:
    """Fill the database if it is empty, measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="of a database, empty or filled by this")
    parser.add_argument("--rows", type=int, default=1_000_000)
    asked = parser.parse_args()
    database = Database(asked.url)
    migrate(database)
    with database.read() as connection:
        has_rows = connection.execute(select(func.count()).select_from(submissions)).scalar_one()
    if not has_rows:
        fill(database, asked.rows)
    rows = []
    for name, call in Bench(database, asked.rows).calls().items():
        sys.stderr.write(f"{name}\n")
        took_ms = measure(call)
        p95_ms = statistics.quantiles(took_ms, n=20)[-1]
        rows.append(
            (name, *(f"{ms:.1f}" for ms in (statistics.median(took_ms), p95_ms, took_ms[-1])))
        )
    sys.stdout.write(markdown(HEADER, rows))


if __name__ == "__main__":
    main()
