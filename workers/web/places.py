"""Places: so many of something at once, and no more."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from fastapi import HTTPException

BUSY_S = 5


class Places:
    """A bounded number of things that may go on at once, on one event loop.

    Nobody may hold more than a share of them, so that the flood of one leaves room for others.
    """

    def __init__(self, limit: int, share: int) -> None:
        """Make places.

        Args:
            limit: how many there are.
            share: how many of them one holder has at most.
        """
        self._free = limit
        self._share = share
        self._held: Counter[str] = Counter()
        self.is_closed = False

    @contextmanager
    def take(self, holder: str) -> Iterator[None]:
        """Hold a place for a while.

        Raises:
            HTTPException: 429 if the holder has its share already, 503 if all are taken.
        """
        if self._held[holder] >= self._share:
            raise _refusal(HTTPStatus.TOO_MANY_REQUESTS, "you do too many of these at once")
        if not self._free:
            raise _refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many of these at once")
        self._free -= 1
        self._held[holder] += 1
        try:
            yield
        finally:
            self._free += 1
            self._held[holder] -= 1
            if not self._held[holder]:
                del self._held[holder]

    def close(self) -> None:
        """Ask all who hold a place to come to an end."""
        self.is_closed = True


def _refusal(status: HTTPStatus, detail: str) -> HTTPException:
    return HTTPException(status, f"{detail}; try again", headers={"Retry-After": str(BUSY_S)})
