"""Webhooks, to a real receiver: signed, again until they are taken, never to a stranger."""

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.workers.queue.process_parts import wait_until
from workers.errors import ForbiddenSourceError
from workers.queue.letters import (
    EVENT_ID,
    FIRST_REST_MS,
    LONGEST_REST_MS,
    SIGNATURE,
    Postman,
    require_deliverable,
    sign,
)
from workers.service import Service, clock_ms, open_service
from workers.settings import Settings
from workers.store.deliveries import address_event, create_endpoint, replay
from workers.store.migrate import migrate
from workers.store.records import Act
from workers.store.tables import deliveries, endpoints

ATTEMPTS = 4
TIMEOUT_S = 1.0
TENANT = "acme"
Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Notes what comes, and answers as its server is told."""

    server: "Receiver"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.letters.append((self.path, dict(self.headers), body))
        self.server.answer(self)

    def do_GET(self) -> None:
        self.server.gets += 1
        self.say(200)

    def say(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


class Receiver(ThreadingHTTPServer):
    """Somebody who is told."""

    request_queue_size = (
        64  # of connections that wait; the library's 5 would drop some for a second
    )

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.letters: list[tuple[str, dict[str, str], bytes]] = []
        self.gets = 0
        self.answer: Answer = lambda handler: handler.say(204)
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.ended = threading.Event()

    def handle_error(self, *_: object) -> None:
        """Say nothing of those who hang up."""


class Office:
    """A service whose clock is moved by hand, with one endpoint and one letter to it."""

    def __init__(self, folder: Path, url: str, host: str, database_url: str) -> None:
        self.now_ms = clock_ms()
        self.secret = ""
        self.settings = Settings(
            home=folder / "home",
            database_url=database_url,
            webhook_hosts=(host,),
            webhook_timeout_s=TIMEOUT_S,
            webhook_attempts=ATTEMPTS,
        )
        opened = open_service(self.settings)
        self.service = Service(opened.settings, opened.database, opened.artifacts, self.clock)
        migrate(self.service.database)
        self.postman = Postman(self.service)
        self.secret = self.add_endpoint(url)
        self.tell(1)

    def clock(self) -> int:
        return self.now_ms

    def add_endpoint(self, url: str) -> str:
        with self.service.database.write() as connection:
            return create_endpoint(connection, Act(TENANT, "the tests", 0), url)[1]

    def tell(self, number: int) -> None:
        body = {"id": f"evt_{number}", "type": "submission.completed"}
        body |= {"data": {"submission_id": "5" * 32}}  # type: ignore[dict-item]
        with self.service.database.write() as connection:
            address_event(connection, TENANT, json.dumps(body), now_ms=self.now_ms)

    def rows(self) -> list[Any]:
        with self.service.database.read() as connection:
            return list(connection.execute(select(deliveries).order_by(deliveries.c.id)))

    def row(self) -> Any:
        (row,) = self.rows()
        return row

    def try_once(self) -> int:
        """Deliver what is due; return how long the letter rests then, and end its rest."""
        assert self.postman.deliver()
        rest_ms = int(self.row().due_ms) - self.now_ms
        self.now_ms += max(0, rest_ms)
        return rest_ms


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.ended.set()
        made.shutdown()
        thread.join()


@pytest.fixture
def office(tmp_path: Path, receiver: Receiver, database_url: str) -> Iterator[Office]:
    made = Office(tmp_path, f"http://{receiver.host}/told?me=1", receiver.host, database_url)
    yield made
    made.service.database.close()


def test_a_letter_is_signed_and_says_which_event_it_is(office: Office, receiver: Receiver) -> None:
    office.try_once()
    ((path, headers, body),) = receiver.letters

    assert path == "/told?me=1"
    assert (headers[EVENT_ID], json.loads(body)["id"]) == ("evt_1", "evt_1")
    at_s, signature = (part.partition("=")[2] for part in headers[SIGNATURE].split(","))
    signed = f"{at_s}.".encode() + body
    assert hmac.new(office.secret.encode(), signed, hashlib.sha256).hexdigest() == signature
    assert abs(int(at_s) * 1000 - clock_ms()) < 60_000
    row = office.row()
    assert (row.state, row.status, row.attempts, row.error) == ("delivered", 204, 1, None)


def test_nothing_is_delivered_twice(office: Office, receiver: Receiver) -> None:
    office.try_once()
    assert not office.postman.deliver()
    assert len(receiver.letters) == 1


def test_a_letter_that_is_not_taken_comes_again_as_the_same_event_after_growing_rests(
    office: Office, receiver: Receiver
) -> None:
    receiver.answer = lambda handler: handler.say(500)
    rests = [office.try_once() for _ in range(ATTEMPTS - 1)]
    receiver.answer = lambda handler: handler.say(200)
    office.try_once()

    assert rests == [FIRST_REST_MS, 2 * FIRST_REST_MS, 4 * FIRST_REST_MS]
    assert {headers[EVENT_ID] for _, headers, _ in receiver.letters} == {"evt_1"}
    assert len({body for _, _, body in receiver.letters}) == 1
    row = office.row()
    assert (row.state, row.status, row.attempts) == ("delivered", 200, ATTEMPTS)


def test_no_rest_is_longer_than_the_longest(office: Office, receiver: Receiver) -> None:
    receiver.answer = lambda handler: handler.say(500)
    with office.service.database.write() as connection:
        connection.execute(update(deliveries).values(attempts=50))
    office.postman = Postman(changed(office, webhook_attempts=100))

    assert office.try_once() == LONGEST_REST_MS


def test_it_is_given_up_after_so_many_tries_and_can_be_asked_for_again(
    office: Office, receiver: Receiver
) -> None:
    receiver.answer = lambda handler: handler.say(503)
    for _ in range(ATTEMPTS):
        office.try_once()
    row = office.row()
    assert (row.state, row.status, row.error) == ("dead", 503, "answered 503")
    assert not office.postman.deliver()

    receiver.answer = lambda handler: handler.say(200)
    with office.service.database.write() as connection:
        replay(connection, row.id, tenant=TENANT, now_ms=office.now_ms)
    office.try_once()
    assert office.row().state == "delivered"
    assert {headers[EVENT_ID] for _, headers, _ in receiver.letters} == {"evt_1"}


def test_who_does_not_answer_is_asked_again(office: Office, receiver: Receiver) -> None:
    receiver.answer = lambda _: receiver.ended.wait()  # type: ignore[assignment]
    office.try_once()

    row = office.row()
    assert (row.state, row.status, row.error) == ("due", None, "did not answer in time")


def test_who_sends_a_byte_now_and_then_does_not_hold_the_others_up(
    office: Office, receiver: Receiver
) -> None:
    def drip(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not receiver.ended.wait(TIMEOUT_S / 5):
            handler.wfile.write(b"X")
            handler.wfile.flush()

    receiver.answer = drip
    office.try_once()

    assert office.row().error == "did not answer in time"


def test_an_endless_answer_is_not_read(office: Office, receiver: Receiver) -> None:
    sent: list[int] = []

    def pour(handler: Handler) -> None:
        handler.say(200)
        while not receiver.ended.is_set():
            sent.append(handler.wfile.write(b"x" * 65_536))

    receiver.answer = pour
    office.try_once()

    assert office.row().state == "delivered"
    wait_until(lambda: sent)
    assert sum(sent) < 1 << 28  # what the sockets hold


def test_a_host_where_nobody_is_is_asked_again(office: Office, receiver: Receiver) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gone = f"127.0.0.1:{unused.getsockname()[1]}"
        with office.service.database.write() as connection:
            connection.execute(update(endpoints).values(url=f"http://{gone}/"))
        office.postman = Postman(changed(office, webhook_hosts=(gone,)))
        assert office.try_once() == FIRST_REST_MS

    assert office.row().error.startswith("ConnectError")
    assert receiver.letters == []


def changed(office: Office, **settings_changed: object) -> Service:
    settings = office.settings.model_copy(update=settings_changed)
    return Service(settings, office.service.database, office.service.artifacts, office.clock)


def test_a_host_that_is_no_longer_allowed_hears_nothing(office: Office, receiver: Receiver) -> None:
    office.postman = Postman(changed(office, webhook_hosts=()))
    office.try_once()

    assert receiver.letters == []
    assert "does not let webhooks go to" in office.row().error


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirection_is_followed(office: Office, receiver: Receiver, status: int) -> None:
    receiver.answer = lambda handler: handler.say(status, Location="/elsewhere")
    office.try_once()

    assert (len(receiver.letters), receiver.gets) == (1, 0)
    row = office.row()
    assert (row.state, row.status) == ("due", status)


@pytest.mark.parametrize("line", [b"no HTTP at all\r\n\r\n", b"HTTP/1.1 999999 X\r\n\r\n", b""])
def test_who_speaks_no_http_is_asked_again(office: Office, receiver: Receiver, line: bytes) -> None:
    receiver.answer = lambda handler: handler.wfile.write(line)  # type: ignore[assignment]
    assert office.try_once() == FIRST_REST_MS
    assert office.row().status is None


def test_cookies_are_not_kept(office: Office, receiver: Receiver) -> None:
    receiver.answer = lambda handler: handler.say(500, **{"Set-Cookie": "a=b"})
    for _ in range(2):
        office.try_once()

    assert all("Cookie" not in headers for _, headers, _ in receiver.letters)


def test_many_letters_are_delivered_by_several_at_once(office: Office, receiver: Receiver) -> None:
    for number in range(2, 31):
        office.tell(number)
    threads = [threading.Thread(target=deliver_all, args=(office,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    told = sorted(headers[EVENT_ID] for _, headers, _ in receiver.letters)
    assert told == sorted(f"evt_{number}" for number in range(1, 31))
    assert {row.state for row in office.rows()} == {"delivered"}


def deliver_all(office: Office) -> None:
    postman = Postman(office.service)
    while postman.deliver():
        pass


def test_at_shutdown_no_more_letters_are_taken(office: Office, receiver: Receiver) -> None:
    stop = threading.Event()

    def stop_now(handler: Handler) -> None:
        stop.set()
        handler.say(200)

    receiver.answer = stop_now
    for number in range(2, 31):
        office.tell(number)
    office.postman.run(stop)

    assert 0 < len(receiver.letters) < 30


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hook.example/",
        "file:///etc/passwd",
        "http://user@hook.example/",
        "http://user:word@hook.example/",
        "http://hook.example/#part",
        "http://hook.example:8080/",
        "http://hook.example.evil.example/",
        "http://evil.example/hook.example",
        "http://evil.example\\@hook.example/",
        "//hook.example/",
        "hook.example",
        "http://",
        "http://\x00/",
        "http://[::1/",
        "",
    ],
    ids=ascii,
)
def test_what_is_no_plain_url_of_a_host_that_is_allowed_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenSourceError):
        require_deliverable(url, Settings(webhook_hosts=("hook.example",)))


@pytest.mark.parametrize("url", ["http://hook.example/a?b=c", "https://HOOK.example/"])
def test_others_are_allowed(url: str) -> None:
    require_deliverable(url, Settings(webhook_hosts=("hook.example",)))


def test_the_signature_covers_time_body_and_secret() -> None:
    made = {sign("a", b"x", at_s=1), sign("b", b"x", at_s=1), sign("a", b"y", at_s=1)}
    assert len({one.partition("v1=")[2] for one in {*made, sign("a", b"x", at_s=2)}}) == 4
