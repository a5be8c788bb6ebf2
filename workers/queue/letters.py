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
from workers.service import Service
from workers.settings import Settings
from workers.store.deliveries import Letter, has_letters, note_delivered, note_failed, take_letters

SIGNATURE = "Heatreel-Signature"
EVENT_ID = "Heatreel-Event"
AT_ONCE = 8
FIRST_REST_MS = 5_000
LONGEST_REST_MS = 3_600_000
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
        for letter, answer in zip(letters, asyncio.run(self._post_all(letters)), strict=True):
            self._note(letter, answer)
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

    def _note(self, letter: Letter, answer: _Answer) -> None:
        delivery, now_ms = letter.delivery, self.service.now_ms()
        with self.service.database.write() as connection:
            if answer.is_taken and answer.status is not None:
                note_delivered(connection, delivery.id, status=answer.status, now_ms=now_ms)
                return
            is_last = delivery.attempts >= self.service.settings.webhook_attempts
            rest_ms = min(FIRST_REST_MS * 2 ** (delivery.attempts - 1), LONGEST_REST_MS)
            retry_ms = None if is_last else now_ms + rest_ms
            note_failed(
                connection, delivery.id, status=answer.status, why=answer.why, retry_ms=retry_ms
            )
        logger.warning("webhook %s: %s", delivery.event_id, answer.why)
