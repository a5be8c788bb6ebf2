"""What stands around every answer: bounds before it, headers on it, a line in the log after it."""

import logging
import time
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workers.metrics import Meters
from workers.settings import Settings
from workers.web.bounded import BodyLimit, BoundedBody
from workers.web.problems import answer_unexpected

UPLOAD_PATH = "/v1/submissions"
MULTIPART = "multipart/form-data"
SMALL_BODY = BodyLimit(size_bytes=64 << 10, seconds=30)
SLOWEST_BYTES_S = 1_000.0  # an upload comes faster than this, or it holds a place of others
FORM_BYTES = 64 << 10  # of a form, beside its file
UNMATCHED = "unmatched"  # the route of a path that is none of ours
END: Message = {"type": "http.response.body", "body": b"", "more_body": False}
ABORTED = 499  # the status, in log and figures, where nobody was left to answer
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Answering:
    """An answer on its way.

    One that is given before the request was read to its end is the last of its connection.
    """

    send: Send
    body: BoundedBody
    began_s: float = field(default_factory=time.perf_counter)
    status: int | None = None
    seconds: float = 0.0
    is_last: bool = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.seconds = time.perf_counter() - self.began_s
            self._add_headers(MutableHeaders(scope=message))
        elif self.is_last and not message.get("more_body", False):
            await self.send({**message, "more_body": True})
            await self.body.pass_over()
            message = END
        await self.send(message)

    def _add_headers(self, headers: MutableHeaders) -> None:
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        self.is_last = not self.body.is_whole
        if self.is_last:
            headers["Connection"] = "close"


class Envelope:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp, settings: Settings, meters: Meters) -> None:
        self._app = app
        self._upload = BodyLimit(
            settings.max_upload_bytes + FORM_BYTES,
            seconds=settings.upload_timeout_s,
            slowest_bytes_s=SLOWEST_BYTES_S,
        )
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request answered; whatever happens, it is answered and noted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        headers = Headers(scope=scope)
        body = BoundedBody(receive, self._limit(scope, headers), headers)
        answering = _Answering(send, body)
        try:
            await self._answer(scope, answering)
        finally:
            self._note(scope, answering)

    async def _answer(self, scope: Scope, answering: _Answering) -> None:
        try:
            await self._app(scope, answering.body, answering)
        except ClientDisconnect:
            answering.status = answering.status or ABORTED
        except Exception:
            response, incident = answer_unexpected()
            logger.exception("unexpected", extra={"incident": incident})
            if answering.status is not None:
                raise  # half an answer cannot be taken back: the server breaks it off
            await response(scope, answering.body, answering)

    def _limit(self, scope: Scope, headers: Headers) -> BodyLimit:
        is_upload = (
            scope["path"] == UPLOAD_PATH
            and scope["method"] == "POST"
            and headers.get("content-type", "").lower().startswith(MULTIPART)
        )
        return self._upload if is_upload else SMALL_BODY

    def _note(self, scope: Scope, answering: _Answering) -> None:
        route = getattr(scope.get("route"), "path", UNMATCHED)
        status = answering.status or HTTPStatus.INTERNAL_SERVER_ERROR
        method, seconds = scope["method"], answering.seconds
        self._meters.note_request(method, route, status=status, seconds=seconds)
        caller = scope["state"].get("caller", "")
        took_ms = round(1000 * (time.perf_counter() - answering.began_s), 1)
        logger.info(
            "%s %s %d", method[:16], route, status, extra={"caller": caller, "took_ms": took_ms}
        )
