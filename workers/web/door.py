"""Who is at the door: keys are looked up, remembered for a moment, and strangers kept waiting."""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import HTTPException
from starlette.concurrency import run_in_threadpool

from workers.store.database import Database
from workers.store.keys import PREFIX, ApiKey, digest_of, find_key

REMEMBERED_MS = 2_000  # a key that was revoked elsewhere is let in for so long at most
MAX_REMEMBERED = 4_096
FAILURES_ALLOWED = 10  # from one address, within the window
WINDOW_MS = 60_000
MAX_ADDRESSES = 4_096
V6_NETWORK_BITS = 64  # one customer's


@dataclass(frozen=True, slots=True)
class _Known:
    key: ApiKey
    checked_ms: int


class Door:
    """Lets in whoever has a key, on one event loop."""

    def __init__(self, database: Database, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._now_ms = now_ms
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._strangers = Strangers()

    async def admit(self, secret: str | None, address: str) -> ApiKey:
        """Return the key of a secret.

        A key that was seen before is let in however many failures there were from its address;
        the others of that address wait with those who failed.

        Raises:
            HTTPException: 401 if there is no such key, 429 after too many failures.
            StoreUnavailableError: if the database does not answer.
        """
        if secret is None:
            raise _refusal("an API key is wanted: `Authorization: Bearer hrk_...`")
        now_ms = self._now_ms()
        digest = digest_of(secret)
        known = self._known.get(digest)
        if known and now_ms - known.checked_ms < REMEMBERED_MS:
            return known.key
        if not known:
            self._strangers.require_patience(address, now_ms)
        key = await run_in_threadpool(self._look_up, secret) if secret.startswith(PREFIX) else None
        self._known.pop(digest, None)
        if key is None:
            self._strangers.note_failure(address, now_ms)
            raise _refusal("there is no such API key, or it was revoked")
        self._known[digest] = _Known(key, now_ms)
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        return key

    def forget(self) -> None:
        """Forget all keys, as one was revoked."""
        self._known.clear()

    def _look_up(self, secret: str) -> ApiKey | None:
        with self._database.read() as connection:
            return find_key(connection, secret)


class Strangers:
    """Failures by address: after too many of them, nobody from there is listened to for a while."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, int]] = OrderedDict()  # number, since when

    def require_patience(self, address: str, now_ms: int) -> None:
        """Refuse an address with too many failures.

        Raises:
            HTTPException: 429, with how long to wait.
        """
        count, since_ms = self._failures.get(_network(address), (0, now_ms))
        wait_ms = since_ms + WINDOW_MS - now_ms
        if count >= FAILURES_ALLOWED and wait_ms > 0:
            raise HTTPException(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too many keys from this address were wrong",
                headers={"Retry-After": str(-(-wait_ms // 1000))},
            )

    def note_failure(self, address: str, now_ms: int) -> None:
        """Count a failure; the window begins with the first."""
        network = _network(address)
        count, since_ms = self._failures.get(network, (0, now_ms))
        is_over = now_ms - since_ms >= WINDOW_MS
        self._failures[network] = (1, now_ms) if is_over else (count + 1, since_ms)
        if len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)


def _network(address: str) -> str:
    """Return what is counted as one: an IPv4 address, or a network of IPv6 addresses."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # a Unix socket has none
        return address
    if parsed.version == 4:  # noqa: PLR2004 - its name
        return address
    return str(ipaddress.ip_network((parsed.packed, V6_NETWORK_BITS), strict=False))


def _refusal(detail: str) -> HTTPException:
    return HTTPException(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})
