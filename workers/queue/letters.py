"""Webhooks: events delivered to those who asked for them, signed, again until they are taken."""

import asyncio
import hashlib
import hmac
import logging
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from pipeline.errors import UnavailableError
from workers.errors import ForbiddenSourceError
from workers.queue.relay_meters import note_away, note_try
from workers.service import Service
from workers.settings import Settings
from workers.store.deliveries import (
    Letter,
    count_failure,
    has_letters,
    note_answered,
    note_delivered,
    note_failed,
    rest_endpoint,
    take_letters,
)

SIGNATURE = "Heatreel-Signature"
EVENT_ID = "Heatreel-Event"
AT_ONCE = 8
FIRST_REST_MS = 5_000
LONGEST_REST_MS = 3_600_000
LONGEST_DOUBLING = 20  # beyond which every rest is the longest anyway
ANSWER_CHARS = 200
LONGEST_PAUSE_S = 5.0

logger = logging.getLogger(__name__)


def sign(secret: str, body: bytes, *, at_s: int) -> str:
    """Return the signature of a delivery: `t=TIME,v1=HMAC-SHA256 of "TIME.BODY"`, in hex.

    The receiver recomputes it, compares in constant time, and refuses old times.

    >>> sign("whsec_x", b"{}", at_s=1700000000)[:20]
    't=1700000000,v1=be8c'
    """
    signed = f"{at_s}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def require_deliverable(url: str, settings: Settings) -> None:
    """Check that webhooks may go to a URL.

    Raises:
        ForbiddenSourceError: unless it is a plain http(s) URL of a host that the operator named.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ForbiddenSourceError("the URL of a webhook is no URL") from error
    host = parsed.netloc.decode("ascii")
    if parsed.scheme not in ("http", "https") or parsed.userinfo or parsed.fragment:
        raise ForbiddenSourceError("the URL of a webhook is a plain http or https one")
    if host not in settings.webhook_hosts:
        raise ForbiddenSourceError(f"the operator does not let webhooks go to {host}")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of one try; status is None and `why` says more where there was no answer."""

    status: int | None
    why: str

    @property
    def is_taken(self) -> bool:
        return self.status is not None and httpx.codes.is_success(self.status)

    @property
    def is_there(self) -> bool:
        """Whether it speaks of this letter alone, not of whoever should take all of them."""
        return self.status is not None and not (
            self.status == httpx.codes.TOO_MANY_REQUESTS or httpx.codes.is_server_error(self.status)
        )


@dataclass(frozen=True, slots=True)
class Postman:
    """Delivers what is due."""

    service: Service
    trusted: ssl.SSLContext = field(default_factory=httpx.create_ssl_context)

    def run(self, stop: threading.Event) -> None:
        """Deliver until *stop*; a database that is away is asked again after a while."""
        pause_s = self.service.settings.tick_s
        while not stop.wait(pause_s):
            try:
                while self.deliver() and not stop.is_set():
                    pass
            except UnavailableError as error:
                logger.warning("%s", error)
                note_away(error)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                pause_s = self.service.settings.tick_s

    def deliver(self) -> bool:
        """Deliver some of what is due, at once; say whether there was anything.

        Raises:
            StoreUnavailableError: if the database is away.
        """
        hold_ms = round(3000 * self.service.settings.webhook_timeout_s)
        now_ms = self.service.now_ms()
        if not self._has_letters(now_ms):
            return False
        with self.service.database.write() as connection:
            letters = take_letters(connection, now_ms=now_ms, hold_ms=hold_ms, limit=AT_ONCE)
        answers = asyncio.run(self._post_all(letters))
        now_ms = self.service.now_ms()
        for letter, answer in zip(letters, answers, strict=True):
            self._note(letter, answer, now_ms)
        for endpoint_id, is_there in _who_is_there(letters, answers).items():
            self._rest(endpoint_id, is_there=is_there, now_ms=now_ms)
        return bool(letters)

    def _has_letters(self, now_ms: int) -> bool:
        with self.service.database.read() as connection:
            return has_letters(connection, now_ms=now_ms)

    async def _post_all(self, letters: Sequence[Letter]) -> list[_Answer]:
        # Whoever sends a byte now and then must not hold the others up: so what is bounded
        # is the whole of a try, not each of its reads. Nobody's cookies are kept.
        timeout_s = self.service.settings.webhook_timeout_s
        async with httpx.AsyncClient(
            verify=self.trusted, follow_redirects=False, timeout=timeout_s
        ) as client:
            return await asyncio.gather(*(self._post(client, letter) for letter in letters))

    async def _post(self, client: httpx.AsyncClient, letter: Letter) -> _Answer:
        body = letter.delivery.body.encode()
        headers = {
            "Content-Type": "application/json",
            EVENT_ID: letter.delivery.event_id,
            SIGNATURE: sign(letter.secret, body, at_s=int(time.time())),
        }
        try:
            require_deliverable(letter.url, self.service.settings)
            async with (
                asyncio.timeout(self.service.settings.webhook_timeout_s),
                client.stream("POST", letter.url, content=body, headers=headers) as response,
            ):  # its body is not read: nobody may send us an endless one
                return _Answer(response.status_code, f"answered {response.status_code}")
        except ForbiddenSourceError as error:
            return _Answer(None, str(error))
        except TimeoutError:
            return _Answer(None, "did not answer in time")
        except httpx.HTTPError as error:
            return _Answer(None, f"{type(error).__name__}: {error}"[:ANSWER_CHARS])

    def _note(self, letter: Letter, answer: _Answer, now_ms: int) -> None:
        delivery = letter.delivery
        note_try(answer.status, is_taken=answer.is_taken)
        with self.service.database.write() as connection:
            if answer.is_taken and answer.status is not None:
                note_delivered(connection, delivery.id, status=answer.status, now_ms=now_ms)
                return
            is_last = delivery.attempts >= self.service.settings.webhook_attempts
            retry_ms = None if is_last else now_ms + _rest_ms(delivery.attempts)
            note_failed(
                connection, delivery.id, status=answer.status, why=answer.why, retry_ms=retry_ms
            )
        logger.warning("webhook %s: %s", delivery.event_id, answer.why)

    def _rest(self, endpoint_id: str, *, is_there: bool, now_ms: int) -> None:
        """Keep an endpoint at which nobody is from holding the others up: its letters rest."""
        with self.service.database.write() as connection:
            if is_there:
                note_answered(connection, endpoint_id)
                return
            rest_ms = _rest_ms(count_failure(connection, endpoint_id))
            rest_endpoint(connection, endpoint_id, until_ms=now_ms + rest_ms)


def _who_is_there(letters: Sequence[Letter], answers: Sequence[_Answer]) -> dict[str, bool]:
    """Return, by endpoint, whether somebody is there: one answer to any letter says so."""
    found: dict[str, bool] = {}
    for letter, answer in zip(letters, answers, strict=True):
        endpoint_id = letter.delivery.endpoint_id
        found[endpoint_id] = found.get(endpoint_id, False) or answer.is_there
    return found


def _rest_ms(failures: int) -> int:
    """Return how long to rest after so many failures in a row, 1 or more.

    >>> [_rest_ms(failures) for failures in (1, 2, 3, 5000)]
    [5000, 10000, 20000, 3600000]
    """
    return min(FIRST_REST_MS << min(failures - 1, LONGEST_DOUBLING), LONGEST_REST_MS)
