"""Progress: how far the runs of a submission are, at once or as it changes (server-sent events)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from workers.errors import NotFoundError
from workers.store.database import Connection
from workers.store.lookups import find_runs, find_submission
from workers.store.progress import measure_progress
from workers.store.records import Run
from workers.web.access import Looker
from workers.web.answers import failures, told_stream
from workers.web.bodies import ProgressBody
from workers.web.desk import AtDesk, Desk
from workers.web.ids import Id
from workers.web.shown import show_progress

EVENT_STREAM = "text/event-stream"
POLL_S = 0.5
KEEP_ALIVE_S = 15.0
MAX_STREAM_S = 300.0  # then whoever watches comes again, and shows a key again
KEEP_ALIVE = ": still here\n\n"
END = "event: end\ndata: {}\n\n"

router = APIRouter(prefix="/v1/submissions", tags=["submissions"])


async def _hold_stream(desk: AtDesk, caller: Looker) -> AsyncIterator[None]:
    """Hold a place for a stream until it has ended, however it ends."""
    with desk.streams.take(caller.id):
        yield


def measure(connection: Connection, submission_id: str, runs: Sequence[Run]) -> ProgressBody:
    """Return how far the runs of a submission are."""
    shown = tuple(show_progress(run, measure_progress(connection, run)) for run in runs)
    return ProgressBody(submission_id=submission_id, runs=shown)


@router.get(
    "/{submission_id}/progress",
    response_class=StreamingResponse,
    responses=told_stream(
        "`progress` events, one at once and one when something changes; at last `end`, if all runs"
        " are over. A stream that ends without it may be opened again.",
        [EVENT_STREAM],
    )
    | failures(404),
)
async def watch(
    desk: AtDesk, caller: Looker, submission_id: Id, _held: Annotated[None, Depends(_hold_stream)]
) -> Response:
    """Watch how far a submission is, as server-sent events."""
    first = await run_in_threadpool(_look, desk, caller.tenant, submission_id)
    events = _follow(desk, caller.tenant, first)
    return StreamingResponse(events, media_type=EVENT_STREAM)


async def _follow(desk: Desk, tenant: str, first: ProgressBody) -> AsyncIterator[str]:
    """Yield events until all runs are over, the submission is gone, or it has been long enough."""
    seen, waited_s, quiet_s = first, 0.0, 0.0
    yield _event(first)
    while not (seen.is_over or desk.streams.is_closed or waited_s >= MAX_STREAM_S):
        await asyncio.sleep(POLL_S)
        waited_s, quiet_s = waited_s + POLL_S, quiet_s + POLL_S
        try:
            now = await run_in_threadpool(_look, desk, tenant, first.submission_id)
        except NotFoundError:
            break
        if now != seen:
            yield _event(now)
            seen, quiet_s = now, 0.0
        elif quiet_s >= KEEP_ALIVE_S:
            yield KEEP_ALIVE
            quiet_s = 0.0
    if seen.is_over:
        yield END


def _look(desk: Desk, tenant: str, submission_id: str) -> ProgressBody:
    with desk.service.database.read() as connection:
        find_submission(connection, submission_id, tenant=tenant)
        runs = find_runs(connection, [submission_id])[submission_id]
        return measure(connection, submission_id, runs)


def _event(progress: ProgressBody) -> str:
    return f"event: progress\ndata: {progress.model_dump_json(ensure_ascii=True)}\n\n"
