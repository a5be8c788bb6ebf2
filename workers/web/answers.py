"""Answers: JSON that any reader can show safely, and problems as RFC 9457 has them."""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi import Response
from pydantic import BaseModel

PROBLEM = "application/problem+json"
BLANK = "about:blank"
ANYWHERE = (401, 403, 422, 429, 503)  # problems of any route that wants a key


class Json(Response):
    """JSON in ASCII: signs that hide, or turn the direction of writing, are escaped too."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the bytes of the body."""
        return json.dumps(content, separators=(",", ":"), allow_nan=False).encode("ascii")


class ProblemJson(Json):
    """A problem."""

    media_type = PROBLEM


def answer(
    body: BaseModel, *, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the answer that has this body."""
    return Json(body.model_dump(mode="json"), status_code=status, headers=headers)


def problem(
    status: int,
    detail: str,
    *,
    problem_type: str = BLANK,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """Return the answer that says what is wrong.

    Args:
        status: of HTTP.
        detail: about this very case, for people.
        problem_type: a URI; "about:blank" where the status says it all.
        headers: of the answer.
        more: members of its body beside those that every problem has.
    """
    body = {
        "type": problem_type,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **(more or {}),
    }
    return ProblemJson(body, status_code=status, headers=headers)


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI is to say of the problems of a route that wants a key."""
    return told_problems(*sorted({*ANYWHERE, *statuses}))


def told_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI is to say of problems with these statuses."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM: schema | {"example": _example(status)}},
        }
        for status in statuses
    }


def told(status: int, description: str, **more: Any) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI is to say of an answer, with what FastAPI takes besides."""
    return {status: {"description": description, **more}}


def told_stream(description: str, media_types: Iterable[str]) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI is to say of an answer that is no JSON of ours."""
    schema = {"schema": {"type": "string"}}
    return told(200, description, content=dict.fromkeys(media_types, schema))


def next_link(path: str, query: Mapping[str, object]) -> dict[str, str]:
    """Return the header that names the next page; what is None in a query is left out."""
    asked = urlencode({name: value for name, value in query.items() if value is not None})
    return {"Link": f'<{path}?{asked}>; rel="next"'}


def _example(status: int) -> dict[str, Any]:
    phrase = HTTPStatus(status).phrase
    return {"type": BLANK, "title": phrase, "status": status, "detail": "what is wrong"}
