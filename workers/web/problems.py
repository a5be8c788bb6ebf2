"""Whatever goes wrong becomes a problem of RFC 9457, with nothing of our inside in it."""

import logging
import secrets
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from pipeline.errors import HeatreelError, UnavailableError
from workers.web.answers import problem
from workers.web.statuses import status_of

RETRY_AFTER_S = 5
MAX_FAULTS = 20
MAX_FAULT_CHARS = 300
VALUE_ERROR = "Value error, "  # what pydantic puts before our own words

logger = logging.getLogger(__name__)


def add_handlers(app: FastAPI) -> None:
    """Have *app* answer with problems only."""
    app.add_exception_handler(HTTPException, _answer_http)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _answer_invalid)  # type: ignore[arg-type]
    app.add_exception_handler(HeatreelError, _answer_known)  # type: ignore[arg-type]


def answer_unexpected() -> tuple[Response, str]:
    """Return the answer to a fault of ours, and the id that it shares with a line in the log."""
    incident = secrets.token_hex(8)
    detail = f"something went wrong here; it is in the log as {incident}"
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail), incident


async def _answer_http(_request: Request, error: HTTPException) -> Response:
    return problem(error.status_code, error.detail, headers=error.headers)


async def _answer_invalid(_request: Request, error: RequestValidationError) -> Response:
    faults = [
        {"at": _place(fault["loc"]), "message": _in_words(str(fault["msg"]), fault["loc"])}
        for fault in error.errors()[:MAX_FAULTS]
    ]
    detail = "; ".join(f"{fault['at']}: {fault['message']}" for fault in faults)
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, detail[:MAX_FAULT_CHARS], more={"errors": faults}
    )


async def _answer_known(_request: Request, error: HeatreelError) -> Response:
    status, problem_type = status_of(error)
    if not isinstance(error, UnavailableError):
        return problem(status, str(error), problem_type=problem_type)
    logger.warning("not answered: %s", error)  # names of our hosts are no caller's affair
    return problem(
        status,
        "something that this takes is away; try again",
        problem_type=problem_type,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def _place(steps: tuple[object, ...]) -> str:
    return ".".join(str(step) for step in steps)[:MAX_FAULT_CHARS]


def _in_words(message: str, steps: tuple[object, ...]) -> str:
    """Return what is wrong, without what is said of its place beside it."""
    return message.removeprefix(VALUE_ERROR).removeprefix(f"{steps[-1] if steps else ''}: ")
