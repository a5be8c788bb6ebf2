"""Places: so many of something at once, and no more."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from fastapi import HTTPException

BUSY_S = 5


class Places:
    """A bounded number of things that may go on at once, on one event loop."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self.is_closed = False

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold a place for a while.

        Raises:
            HTTPException: 503 if all are taken.
        """
        if not self._free:
            raise HTTPException(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "too many of these at once; try again",
                headers={"Retry-After": str(BUSY_S)},
            )
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

    def close(self) -> None:
        """Ask all who hold a place to come to an end."""
        self.is_closed = True
