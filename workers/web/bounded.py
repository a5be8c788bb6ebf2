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
    """How large a body may be, and how long it may take from its first byte asked for.

    Attributes:
        size_bytes: at most.
        seconds: at most, for the whole of it.
        slowest_bytes_s: the bytes a second that it has to come with on the whole; 0 = any.
        grace_s: that it may be late by that measure.
    """

    size_bytes: int
    seconds: float
    slowest_bytes_s: float = 0.0
    grace_s: float = 30.0

    def seconds_for(self, got_bytes: int) -> float:
        """Return within how many seconds of the beginning more has to come, after so many bytes.

        >>> limit = BodyLimit(size_bytes=10**9, seconds=3600, slowest_bytes_s=1000, grace_s=30)
        >>> [limit.seconds_for(got_bytes) for got_bytes in (0, 10_000, 10**8)]
        [30.0, 40.0, 3600]
        """
        if not self.slowest_bytes_s:
            return self.seconds
        return min(self.seconds, self.grace_s + got_bytes / self.slowest_bytes_s)


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
        self._began_s: float | None = None
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
        if self._began_s is None:
            self._began_s = asyncio.get_running_loop().time()
        seconds = self._limit.seconds_for(self._got_bytes)
        try:
            async with asyncio.timeout_at(self._began_s + seconds):
                return await self._receive()
        except TimeoutError as error:
            detail = f"the body took more than {seconds:g} s for {self._got_bytes} bytes"
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail) from error

    def _require_size(self, size_bytes: int) -> None:
        if size_bytes > self._limit.size_bytes:
            detail = f"the body has more than {self._limit.size_bytes} bytes"
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
