"""Request bodies have an end: in bytes, declared or not, and in time."""

import asyncio
import contextlib
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import Message, Receive

LINGER_S = 2.0
LINGER_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """How large a body may be, and how long it may take from its first byte asked for."""

    size_bytes: int
    seconds: float


class BoundedBody:
    """ASGI's `receive`, which refuses what is too large or takes too long."""

    def __init__(self, receive: Receive, limit: BodyLimit, headers: Headers) -> None:
        """Bound a body.

        Args:
            receive: what it comes from.
            limit: what it may be at most.
            headers: of the request; the server has checked that a length is a number.
        """
        declared = headers.get("content-length", "0")
        self._receive = receive
        self._limit = limit
        self._declared_bytes = int(declared) if declared.isdecimal() else 0
        self._got_bytes = 0
        self._end_s: float | None = None
        self.is_whole = not self._declared_bytes and "transfer-encoding" not in headers

    async def __call__(self) -> Message:
        """Return the next message.

        Raises:
            HTTPException: 413 if the body is too large, or says that it will be; 408 if it takes
                too long.
        """
        if self.is_whole:  # what comes now is the end of the connection
            return await self._receive()
        self._require_size(self._declared_bytes)
        message = await self._receive_in_time()
        if message["type"] == "http.request":
            self._got_bytes += len(message.get("body", b""))
            self._require_size(self._got_bytes)
            self.is_whole = not message.get("more_body", False)
        return message

    async def pass_over(self) -> None:
        """Take in what is still coming, for a moment.

        Who is cut off while sending may never read the answer; who sends without an end has to be.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                passed_bytes = 0
                while passed_bytes < LINGER_BYTES:
                    message = await self._receive()
                    passed_bytes += len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return

    async def _receive_in_time(self) -> Message:
        if self._end_s is None:
            self._end_s = asyncio.get_running_loop().time() + self._limit.seconds
        try:
            async with asyncio.timeout_at(self._end_s):
                return await self._receive()
        except TimeoutError as error:
            detail = f"the body took more than {self._limit.seconds:g} s"
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail) from error

    def _require_size(self, size_bytes: int) -> None:
        if size_bytes > self._limit.size_bytes:
            detail = f"the body has more than {self._limit.size_bytes} bytes"
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
