"""One receiver who is away does not hold the others up, and is asked less and less often."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.queue.letter_parts import Office, Receiver
from workers.queue.letters import AT_ONCE, EVENT_ID, FIRST_REST_MS

MANY = 200


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
def dead_host() -> Iterator[str]:
    """A host that takes calls and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        yield f"127.0.0.1:{silent.getsockname()[1]}"


@pytest.fixture
def office(
    tmp_path: Path, dead_host: str, receiver: Receiver, database_url: str
) -> Iterator[Office]:
    """An office with MANY letters to a dead endpoint, and a living one that has none yet."""
    made = Office(tmp_path, f"http://{dead_host}/", dead_host, database_url, receiver.host)
    made.tell(*range(2, MANY + 1))
    made.add_endpoint(f"http://{receiver.host}/")
    yield made
    made.service.database.close()


def told(receiver: Receiver) -> list[str]:
    return [headers[EVENT_ID] for _, headers, _ in receiver.letters]


def attempts(office: Office) -> list[int]:
    """Return how often each letter was tried, the oldest first."""
    return [row.attempts for row in office.rows()]


def test_the_letters_of_the_living_wait_for_one_slow_batch_at_most(
    office: Office, receiver: Receiver
) -> None:
    office.tell(MANY + 1)
    office.postman.deliver()
    office.postman.deliver()

    assert told(receiver) == [f"evt_{MANY + 1}"]


def test_letters_that_come_while_an_endpoint_rests_rest_with_it(
    office: Office, receiver: Receiver
) -> None:
    office.postman.deliver()
    office.tell(*range(MANY + 1, MANY + 4))
    office.postman.deliver()

    assert sorted(told(receiver)) == [f"evt_{number}" for number in range(MANY + 1, MANY + 4)]
    assert sum(attempts(office)) == AT_ONCE + 3
    assert not office.postman.deliver()


def test_its_oldest_letters_are_tried_again_first_and_its_rests_grow(office: Office) -> None:
    rests = []
    for _ in range(3):
        office.postman.deliver()
        assert not office.postman.deliver()
        (due_ms,) = {row.due_ms for row in office.rows()}
        rests.append(due_ms - office.now_ms)
        office.now_ms = due_ms

    assert rests == [FIRST_REST_MS, 2 * FIRST_REST_MS, 4 * FIRST_REST_MS]
    assert attempts(office) == [3] * AT_ONCE + [0] * (MANY - AT_ONCE)


def test_whoever_gives_a_letter_up_does_not_forget_that_nobody_is_there(office: Office) -> None:
    for _ in range(office.settings.webhook_attempts):
        office.postman.deliver()
        office.now_ms = max(row.due_ms for row in office.rows() if row.state == "due")
    office.postman.deliver()

    assert [row.state for row in office.rows()[:AT_ONCE]] == ["dead"] * AT_ONCE
    due = {row.due_ms for row in office.rows() if row.state == "due"}
    assert due == {office.now_ms + 16 * FIRST_REST_MS}


@pytest.mark.parametrize(
    ("status", "is_all"), [(400, False), (410, False), (302, False), (429, True), (503, True)]
)
def test_what_an_answer_says_of_one_letter_alone_concerns_it_alone(
    office: Office, receiver: Receiver, status: int, *, is_all: bool
) -> None:
    office.throw_away()
    office.tell(*range(AT_ONCE + 2), only=receiver.host)
    receiver.answer = lambda handler: handler.say(status)
    office.postman.deliver()

    rests = [row.due_ms - office.now_ms for row in office.rows()]
    assert rests == [FIRST_REST_MS] * AT_ONCE + [FIRST_REST_MS if is_all else 0] * 2


@pytest.mark.parametrize("place", [0, AT_ONCE - 1])
def test_who_takes_any_letter_of_a_batch_is_there(
    office: Office, receiver: Receiver, place: int
) -> None:
    """A receiver who falls over some events is told of the others without a rest."""
    office.throw_away()
    office.tell(*range(AT_ONCE + 2), only=receiver.host)
    taken = office.rows()[place].event_id
    receiver.answer = lambda handler: handler.say(
        204 if handler.headers[EVENT_ID] == taken else 500
    )
    office.postman.deliver()
    office.postman.deliver()

    assert attempts(office) == [1] * (AT_ONCE + 2)


def test_who_is_back_rests_shortly_the_next_time(office: Office, receiver: Receiver) -> None:
    office.throw_away()
    rests = []
    for number, statuses in enumerate(((500, 500, 204), (500,))):
        office.tell(number, only=receiver.host)
        for status in statuses:
            receiver.answer = lambda handler, status=status: handler.say(status)  # type: ignore[misc] # bound now
            office.postman.deliver()
            rests.append(office.rows()[-1].due_ms - office.now_ms)
            office.now_ms += rests[-1] if status == 500 else 0

    assert rests[:2] == [FIRST_REST_MS, 2 * FIRST_REST_MS]
    assert rests[-1] == FIRST_REST_MS
