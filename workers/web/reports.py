"""Reports and what lies beside them: pictures, scores."""

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse

from workers.errors import NotFoundError
from workers.store.database import Connection
from workers.store.lookups import find_runs, find_submission
from workers.store.records import Run
from workers.store.verdicts import StoredReport, find_report
from workers.web.access import Looker
from workers.web.answers import Json, failures, told, told_stream
from workers.web.bodies import ArtifactKind
from workers.web.desk import AtDesk, Desk
from workers.web.ids import Id, PolicyId

PIECE_BYTES = 1 << 20
MEDIA_TYPES = {
    ".png": "image/png",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
}
PICTURES = {"image/png"}  # are shown where they are; the others are to be saved

router = APIRouter(prefix="/v1/submissions", tags=["reports"])


@dataclass(frozen=True, slots=True)
class _Opened:
    name: str
    size_bytes: int
    file: IO[bytes]


async def _closing() -> AsyncIterator[ExitStack]:
    """Give a stack that is closed when the answer is out, or nobody waits for it any more."""
    with ExitStack() as stack:
        yield stack


@router.get(
    "/{submission_id}/report",
    responses=told(
        200,
        "report.json, schema version 1.",
        content={"application/json": {"schema": {"type": "object"}}},
    )
    | failures(404),
)
def get_report(
    desk: AtDesk, caller: Looker, submission_id: Id, policy: PolicyId = None
) -> Response:
    """Return the report of the newest run that has one."""
    with desk.service.database.read() as connection:
        report = _find_report(connection, caller.tenant, submission_id, policy)
    return Json(json.loads(report.content))


@router.get(
    "/{submission_id}/artifacts/{kind}",
    response_class=StreamingResponse,
    responses=told_stream(
        "A file of the newest run that has a report: pictures of heatmap and strip, the heatmap's"
        " figures, the scores of all frames.",
        MEDIA_TYPES.values(),
    )
    | failures(404),
)
async def get_artifact(  # noqa: PLR0913 - one parameter a part of the request
    *,
    desk: AtDesk,
    caller: Looker,
    submission_id: Id,
    kind: ArtifactKind,
    stack: Annotated[ExitStack, Depends(_closing)],
    policy: PolicyId = None,
) -> Response:
    """Return one of the files that the report names, as a stream."""

    def open_named() -> _Opened:
        with desk.service.database.read() as connection:
            report = _find_report(connection, caller.tenant, submission_id, policy)
        return _open_artifact(desk, report, kind, stack)

    artifact = await desk.with_files(open_named)
    suffix = PurePosixPath(artifact.name).suffix
    media_type = MEDIA_TYPES.get(suffix, "application/octet-stream")
    way = "inline" if media_type in PICTURES else "attachment"
    headers = {
        "Content-Length": str(artifact.size_bytes),
        "Content-Disposition": f'{way}; filename="{kind}{suffix}"',
    }
    return StreamingResponse(_pieces(desk, artifact.file), headers=headers, media_type=media_type)


def _open_artifact(
    desk: Desk, report: StoredReport, kind: ArtifactKind, stack: ExitStack
) -> _Opened:
    name = _name_of(report, kind)
    place = f"{report.folder}/{name}"
    size_bytes = desk.service.artifacts.size(place)
    return _Opened(name, size_bytes, stack.enter_context(desk.service.artifacts.open(place)))


def _find_report(
    connection: Connection, tenant: str, submission_id: str, policy: str | None
) -> StoredReport:
    """Return the report of the newest run that has one, of those under a policy.

    Raises:
        NotFoundError: if there is none, or no such submission.
    """
    find_submission(connection, submission_id, tenant=tenant)
    runs = find_runs(connection, [submission_id])[submission_id]
    return find_report(connection, _newest_judged(runs, policy).id)


def _newest_judged(runs: list[Run], policy: str | None) -> Run:
    for run in runs:
        if run.outcome is not None and policy in (None, run.policy_id):
            return run
    raise NotFoundError("there is no report of it yet")


def _name_of(report: StoredReport, kind: ArtifactKind) -> str:
    named: dict[str, Any] = json.loads(report.content)["artifacts"]
    if report.folder is None or kind not in named:
        raise NotFoundError(f"the report names no {kind}")
    return str(named[kind])


async def _pieces(desk: Desk, file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await desk.with_files(partial(file.read, PIECE_BYTES)):
        yield piece
