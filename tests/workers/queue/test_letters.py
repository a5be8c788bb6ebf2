"""Webhooks, to a real receiver: signed, again until they are taken, never to a stranger."""

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.workers.queue.letter_parts import (
    ATTEMPTS,
    TENANT,
    TIMEOUT_S,
    Handler,
    Office,
    Receiver,
)
from tests.workers.queue.process_parts import wait_until
from workers.queue.letters import EVENT_ID, FIRST_REST_MS, LONGEST_REST_MS, SIGNATURE, Postman
from workers.service import Service, clock_ms
from workers.store.deliveries import replay
from workers.store.tables import deliveries, endpoints


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
