"""Submissions: handed in, looked up, listed, cancelled, judged again, deleted."""

from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, ValidationError

from pipeline.errors import PolicyError
from pipeline.policies.read import parse_policy
from pipeline.records import Outcome, Policy
from workers.catalogue import can_reuse_chunks
from workers.sources import upload_uri
from workers.store.database import Connection
from workers.store.ids import new_id
from workers.store.keys import ApiKey
from workers.store.lookups import (
    Filter,
    Page,
    find_policy_copy,
    find_runs,
    find_submission,
    list_submissions,
)
from workers.store.records import Run, RunState, Source
from workers.store.submissions import (
    NewSubmission,
    Submitted,
    cancel,
    delete_submission,
    rerun,
)
from workers.store.submissions import submit as take_in
from workers.submitting import (
    MAX_KEY_CHARS,
    UriRequest,
    default_key,
    describe_uri,
    require_key,
    require_text,
)
from workers.web.access import Deleter, Looker, Steerer, Submitter
from workers.web.answers import Json, answer, failures, next_link, told
from workers.web.asked import Rerun, SubmitUri
from workers.web.bodies import (
    Receipt,
    RunBody,
    SubmissionDetail,
    SubmissionPage,
)
from workers.web.desk import AtDesk, Desk
from workers.web.envelope import MULTIPART
from workers.web.ids import DEFAULT_PAGE, Before, Id, Limit, Tag
from workers.web.progress import measure
from workers.web.shown import show_receipt, show_run, show_submission
from workers.web.uploads import Upload, received, store_upload

PATH = "/v1/submissions"
router = APIRouter(prefix=PATH, tags=["submissions"])

IdempotencyKey = Annotated[
    str | None,
    AfterValidator(require_key),
    Header(
        alias="Idempotency-Key",
        description=f"1 to {MAX_KEY_CHARS} printable ASCII characters; of two submissions with"
        " the same one, the second is the first. Default: made of the content or the URI, the"
        " policy and the model.",
        examples=["upload-123"],
    ),
]
FORM_SCHEMA = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
        "tag": {"type": "string", "description": "What you call it; stands in reports."},
        "policy": {"type": "string", "description": "Id of a policy; none = the default one."},
    },
}
SUBMIT_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {"schema": FORM_SCHEMA},
            "application/json": {"schema": SubmitUri.model_json_schema()},
        },
    }
}


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=Receipt,
    responses=told(200, "It was handed in before; this is the same answer.", model=Receipt)
    | failures(400, 404, 408, 409, 413, 415),
    openapi_extra=SUBMIT_BODY,
)
async def submit(
    request: Request, desk: AtDesk, caller: Submitter, idempotency_key: IdempotencyKey = None
) -> Response:
    """Hand in a video: its file, or the URI of where it lies."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == MULTIPART:
        submitted = await _submit_file(request, desk, caller, idempotency_key)
    elif kind == "application/json":
        submitted = await _submit_uri(request, desk, caller, idempotency_key)
    else:
        detail = f"wanted is {MULTIPART} or application/json"
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    receipt = show_receipt(submitted)
    return answer(
        receipt,
        status=HTTPStatus.CREATED if submitted.is_new else HTTPStatus.OK,
        headers={"Location": f"{PATH}/{receipt.submission_id}"},
    )


@router.get("", response_model=SubmissionPage, responses=failures())
def list_all(  # noqa: PLR0913 - one parameter a filter
    *,
    desk: AtDesk,
    caller: Looker,
    state: Annotated[RunState | None, Query(description="Only with a run in it.")] = None,
    verdict: Annotated[Outcome | None, Query(description="Only with a run that got it.")] = None,
    tag: Tag = None,
    before: Before = None,
    limit: Limit = DEFAULT_PAGE,
) -> Response:
    """List your tenant's submissions, the newest first."""
    wanted = Filter(state, verdict.value if verdict else None, tag)
    with desk.service.database.read() as connection:
        found = list_submissions(
            connection, tenant=caller.tenant, wanted=wanted, page=Page(before, limit + 1)
        )
        runs = find_runs(connection, [submission.id for submission in found[:limit]])
    last = found[limit - 1].id if len(found) > limit else None
    items = tuple(show_submission(one, runs[one.id]) for one in found[:limit])
    query = {"state": state, "verdict": verdict, "tag": tag, "before": last, "limit": limit}
    return answer(
        SubmissionPage(items=items, next=last), headers=next_link(PATH, query) if last else None
    )


@router.get(
    "/{submission_id}",
    response_model=SubmissionDetail,
    responses=failures(404),
)
def get(desk: AtDesk, caller: Looker, submission_id: Id) -> Response:
    """Look a submission up, with its runs and how far they are."""
    with desk.service.database.read() as connection:
        return _show(connection, caller, submission_id)


@router.post(
    "/{submission_id}/cancel",
    response_model=SubmissionDetail,
    responses=failures(404),
)
def cancel_runs(desk: AtDesk, caller: Steerer, submission_id: Id) -> Response:
    """End all runs of a submission that are not over; verdicts that there are stay."""
    with desk.service.database.write() as connection:
        submission = find_submission(connection, submission_id, tenant=caller.tenant)
        cancel(connection, desk.act_of(caller), submission)
        return _show(connection, caller, submission_id)


@router.post(
    "/{submission_id}/runs",
    status_code=HTTPStatus.CREATED,
    response_model=RunBody,
    responses=told(200, "There is such a run already.", model=RunBody) | failures(404, 409, 413),
)
def run_again(desk: AtDesk, caller: Steerer, submission_id: Id, asked: Rerun) -> Response:
    """Judge a submission by another policy; nothing is scored again where that will do."""
    basis = desk.catalogue.find(asked.policy)
    with desk.service.database.write() as connection:
        submitted = rerun(
            connection,
            desk.act_of(caller),
            find_submission(connection, submission_id, tenant=caller.tenant),
            basis,
            can_reuse=partial(_can_reuse, connection, basis.policy.policy),
        )
    status = HTTPStatus.CREATED if submitted.is_new else HTTPStatus.OK
    return answer(show_run(submitted.run), status=status)


@router.delete(
    "/{submission_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=failures(404),
)
def delete(desk: AtDesk, caller: Deleter, submission_id: Id) -> Response:
    """Delete a submission with all that was made of it."""
    with desk.service.database.write() as connection:
        submission = find_submission(connection, submission_id, tenant=caller.tenant)
        delete_submission(connection, desk.act_of(caller), submission)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _submit_file(
    request: Request, desk: Desk, caller: ApiKey, idempotency_key: str | None
) -> Submitted:
    async with received(request, desk, caller) as upload:
        new = _describe(upload, desk, idempotency_key)
        act = desk.act_of(caller)
        return await desk.with_files(partial(store_upload, desk.service, act, new, upload.path))


def _describe(upload: Upload, desk: Desk, idempotency_key: str | None) -> NewSubmission:
    """Return what is to be taken in of an upload."""
    basis = desk.catalogue.find(upload.policy)
    submission_id = new_id(desk.service.now_ms())
    try:
        filename = require_text("filename", upload.filename)
        tag = require_text("tag", upload.tag)
    except ValueError as error:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
    source = Source(upload_uri(submission_id), filename, upload.sha256, upload.size_bytes)
    key = idempotency_key or default_key("sha256", upload.sha256, basis)
    return NewSubmission(submission_id, source, tag, key, basis)


async def _submit_uri(
    request: Request, desk: Desk, caller: ApiKey, idempotency_key: str | None
) -> Submitted:
    try:
        asked = SubmitUri.model_validate_json(await request.body())
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False)) from error
    act = desk.act_of(caller)
    try:
        wanted = UriRequest(asked.uri, asked.tag, asked.policy, idempotency_key)
        new = describe_uri(desk.service.settings, desk.catalogue, act, wanted)
    except ValueError as error:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
    return await desk.together.write(lambda connection: take_in(connection, act, new))


def _show(connection: Connection, caller: ApiKey, submission_id: str) -> Response:
    submission = find_submission(connection, submission_id, tenant=caller.tenant)
    runs = find_runs(connection, [submission_id])[submission_id]
    shown = show_submission(submission, runs).model_dump(mode="json")
    progress = measure(connection, submission_id, runs).model_dump(mode="json")
    return Json(shown | {"progress": progress["runs"]})


def _can_reuse(connection: Connection, wanted: Policy, run: Run) -> bool:
    content = find_policy_copy(connection, run.policy_sha256)
    try:
        return can_reuse_chunks(parse_policy(content, name=run.policy_id), wanted)
    except PolicyError:  # of an older Heatreel, whose rules for policies were others
        return False
