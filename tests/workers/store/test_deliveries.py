"""Deliveries: each event once to each endpoint, again until it is taken, never to a stranger."""

import json

import pytest
from sqlalchemy import select

from tests.workers.store.store_parts import NOW_MS, UPLOADER, all_at_once, count
from workers.errors import NotFoundError
from workers.store.audit import read_audit
from workers.store.database import Database
from workers.store.deliveries import (
    Delivery,
    Endpoint,
    Letter,
    address_event,
    create_endpoint,
    has_letters,
    list_deliveries,
    list_endpoints,
    note_delivered,
    note_failed,
    remove_endpoint,
    replay,
    take_letters,
)
from workers.store.records import Act, DeliveryState
from workers.store.tables import deliveries

OTHER = Act("other", "somebody", NOW_MS)
HOLD_MS = 30_000


def create(database: Database, act: Act = UPLOADER, path: str = "hook") -> Endpoint:
    with database.write() as connection:
        return create_endpoint(connection, act, f"https://{act.tenant}.example/{path}")[0]


def event(number: int = 1) -> str:
    data = {"submission_id": "5" * 32}
    return json.dumps({"id": f"evt_{number}", "type": "submission.completed", "data": data})


def address(database: Database, number: int = 1, tenant: str = "acme") -> int:
    with database.write() as connection:
        return address_event(connection, tenant, event(number), now_ms=NOW_MS)


def take(database: Database, *, now_ms: int = NOW_MS, limit: int = 10) -> list[Letter]:
    with database.write() as connection:
        return list(take_letters(connection, now_ms=now_ms, hold_ms=HOLD_MS, limit=limit))


def take_one(database: Database, *, now_ms: int = NOW_MS) -> Delivery:
    (letter,) = take(database, now_ms=now_ms)
    return letter.delivery


def fail(database: Database, delivery: Delivery, retry_ms: int | None) -> None:
    with database.write() as connection:
        note_failed(connection, delivery.id, status=503, why="answered 503", retry_ms=retry_ms)


def deliver(database: Database, delivery: Delivery) -> None:
    with database.write() as connection:
        note_delivered(connection, delivery.id, status=200, now_ms=NOW_MS + 5)


def listed(database: Database, tenant: str = "acme") -> list[Delivery]:
    with database.read() as connection:
        return list_deliveries(connection, tenant=tenant, before=None, limit=100)


class TestAddressing:
    """An event goes to every endpoint of its tenant."""

    def test_to_each_of_them_once(self, database: Database) -> None:
        urls = {create(database, path=str(number)).url for number in range(3)}
        create(database, OTHER)

        assert address(database) == 3
        letters = take(database)
        assert {letter.url for letter in letters} == urls
        assert {letter.delivery.event_id for letter in letters} == {"evt_1"}
        assert {letter.delivery.body for letter in letters} == {event()}

    def test_twice_the_same_is_once(self, database: Database) -> None:
        create(database)
        address(database)
        address(database)

        assert count(database, deliveries) == 1

    def test_to_nobody_where_there_is_none(self, database: Database) -> None:
        create(database, OTHER)

        assert address(database) == 0
        assert count(database, deliveries) == 0

    def test_an_endpoint_signs_with_the_secret_that_it_was_given(self, database: Database) -> None:
        with database.write() as connection:
            _, secret = create_endpoint(connection, UPLOADER, "https://acme.example/")
        address(database)

        (letter,) = take(database)
        assert secret.startswith("whsec_")
        assert letter.secret == secret
        with database.read() as connection:
            assert secret not in repr(list(read_audit(connection)))
            assert secret not in repr(list_endpoints(connection, tenant="acme"))


class TestTaking:
    """A letter is with one postman at a time, and with the next one if that one is silent."""

    def test_what_was_taken_is_not_taken_again_before_the_hold_ends(
        self, database: Database
    ) -> None:
        create(database)
        address(database)
        assert take_one(database).attempts == 1

        assert take(database, now_ms=NOW_MS + HOLD_MS - 1) == []
        assert take_one(database, now_ms=NOW_MS + HOLD_MS).attempts == 2

    def test_a_look_says_whether_there_are_any(self, database: Database) -> None:
        create(database)
        with database.read() as connection:
            assert not has_letters(connection, now_ms=NOW_MS)
        address(database)
        with database.read() as connection:
            assert not has_letters(connection, now_ms=NOW_MS - 1)
            assert has_letters(connection, now_ms=NOW_MS)
        take(database)
        with database.read() as connection:
            assert not has_letters(connection, now_ms=NOW_MS)

    def test_of_many_takers_at_once_one_gets_a_letter(self, database: Database) -> None:
        for number in range(4):
            create(database, path=str(number))
        for number in range(10):
            address(database, number)

        def take_some(_: int) -> list[str]:
            return [one.delivery.id for _ in range(10) for one in take(database, limit=3)]

        taken = [one for ids in all_at_once(4, take_some) for one in ids]
        assert len(taken) == len(set(taken)) == 40

    @pytest.mark.parametrize("limit", [1, 3])
    def test_no_more_are_taken_than_are_wanted(self, database: Database, limit: int) -> None:
        create(database)
        for number in range(4):
            address(database, number)

        assert len(take(database, limit=limit)) == limit


class TestOutcomes:
    """Taken, tried again, given up."""

    @pytest.fixture
    def delivery(self, database: Database) -> Delivery:
        create(database)
        address(database)
        return take_one(database)

    def test_what_was_delivered_is_over(self, database: Database, delivery: Delivery) -> None:
        deliver(database, delivery)

        (one,) = listed(database)
        assert (one.state, one.status, one.error) == (DeliveryState.DELIVERED, 200, None)
        assert one.delivered_ms == NOW_MS + 5
        assert take(database, now_ms=NOW_MS + 10**9) == []

    def test_what_failed_is_tried_at_the_time_that_was_said(
        self, database: Database, delivery: Delivery
    ) -> None:
        fail(database, delivery, NOW_MS + 5000)

        (one,) = listed(database)
        assert (one.state, one.status, one.error) == (DeliveryState.DUE, 503, "answered 503")
        assert take(database, now_ms=NOW_MS + 4999) == []
        assert take_one(database, now_ms=NOW_MS + 5000).event_id == delivery.event_id

    def test_what_was_given_up_is_not_tried_again(
        self, database: Database, delivery: Delivery
    ) -> None:
        fail(database, delivery, None)

        (one,) = listed(database)
        assert (one.state, one.error) == (DeliveryState.DEAD, "answered 503")
        assert take(database, now_ms=NOW_MS + 10**9) == []

    @pytest.mark.parametrize("retry_ms", [None, NOW_MS])
    def test_a_late_failure_does_not_undo_a_delivery(
        self, database: Database, delivery: Delivery, retry_ms: int | None
    ) -> None:
        take_one(database, now_ms=NOW_MS + HOLD_MS)
        deliver(database, delivery)
        fail(database, delivery, retry_ms)

        (one,) = listed(database)
        assert (one.state, one.status, one.error) == (DeliveryState.DELIVERED, 200, None)

    @pytest.mark.parametrize("is_delivered", [True, False])
    def test_a_replay_sends_the_same_event(
        self, database: Database, delivery: Delivery, *, is_delivered: bool
    ) -> None:
        if is_delivered:
            deliver(database, delivery)
        else:
            fail(database, delivery, None)
        with database.write() as connection:
            replay(connection, delivery.id, tenant="acme", now_ms=NOW_MS + 100)

        assert take(database, now_ms=NOW_MS + 99) == []
        again = take_one(database, now_ms=NOW_MS + 100)
        assert (again.id, again.event_id, again.body) == (
            delivery.id, delivery.event_id, delivery.body,
        )  # fmt: skip
        assert again.attempts == 1


class TestRemoving:
    """An endpoint that was removed is told nothing more."""

    @pytest.fixture
    def endpoint(self, database: Database) -> Endpoint:
        return create(database)

    def remove(self, database: Database, endpoint: Endpoint, act: Act = UPLOADER) -> None:
        with database.write() as connection:
            remove_endpoint(connection, act, endpoint.id)

    def test_no_new_event_goes_to_it(self, database: Database, endpoint: Endpoint) -> None:
        other = create(database, path="other")
        self.remove(database, endpoint)

        assert address(database) == 1
        assert [letter.url for letter in take(database)] == [other.url]
        with database.read() as connection:
            assert list_endpoints(connection, tenant="acme") == [other]

    def test_nor_one_that_was_due_already(self, database: Database, endpoint: Endpoint) -> None:
        address(database)
        self.remove(database, endpoint)

        assert take(database, now_ms=NOW_MS + 10**9) == []
        with database.read() as connection:
            assert not has_letters(connection, now_ms=NOW_MS + 10**9)
        (one,) = listed(database)
        assert (one.state, one.error) == (DeliveryState.DEAD, "the webhook was removed")

    def test_nor_one_that_failed_meanwhile(self, database: Database, endpoint: Endpoint) -> None:
        address(database)
        delivery = take_one(database)
        self.remove(database, endpoint)
        fail(database, delivery, NOW_MS)

        assert take(database, now_ms=NOW_MS + 10**9) == []

    def test_nor_is_one_replayed(self, database: Database, endpoint: Endpoint) -> None:
        address(database)
        delivery = take_one(database)
        deliver(database, delivery)
        self.remove(database, endpoint)

        with pytest.raises(NotFoundError), database.write() as connection:
            replay(connection, delivery.id, tenant="acme", now_ms=NOW_MS)
        assert take(database, now_ms=NOW_MS + 10**9) == []

    def test_what_was_delivered_before_stays_delivered(
        self, database: Database, endpoint: Endpoint
    ) -> None:
        address(database)
        deliver(database, take_one(database))
        self.remove(database, endpoint)

        assert listed(database)[0].state is DeliveryState.DELIVERED

    def test_removing_and_addressing_at_once_leave_nothing_due(self, database: Database) -> None:
        for number in range(8):
            endpoint = create(database)

            def end(which: int, endpoint: Endpoint = endpoint, number: int = number) -> None:
                if which == 0:
                    self.remove(database, endpoint)
                else:
                    address(database, number)

            all_at_once(2, end)
        assert take(database) == []

    def test_it_is_removed_once(self, database: Database, endpoint: Endpoint) -> None:
        self.remove(database, endpoint)
        with pytest.raises(NotFoundError):
            self.remove(database, endpoint)
        with database.read() as connection:
            actions = [row.action for row in read_audit(connection)]
        assert actions == ["webhook.created", "webhook.removed"]


class TestTenants:
    """Nobody sees or touches what is another's."""

    def test_endpoints(self, database: Database) -> None:
        mine, theirs = create(database), create(database, OTHER)
        with pytest.raises(NotFoundError), database.write() as connection:
            remove_endpoint(connection, OTHER, mine.id)

        with database.read() as connection:
            assert list_endpoints(connection, tenant="acme") == [mine]
            assert list_endpoints(connection, tenant="other") == [theirs]

    def test_deliveries(self, database: Database) -> None:
        create(database)
        create(database, OTHER)
        address(database)
        delivery = take_one(database)
        deliver(database, delivery)

        assert listed(database, "other") == []
        with pytest.raises(NotFoundError), database.write() as connection:
            replay(connection, delivery.id, tenant="other", now_ms=NOW_MS)
        assert listed(database)[0].state is DeliveryState.DELIVERED

    def test_pages_are_complete_and_newest_first(self, database: Database) -> None:
        create(database)
        create(database, OTHER)
        for number in range(7):
            address(database, number)
            address(database, number, "other")
        with database.read() as connection:
            ids, before = [], None
            while page := list_deliveries(connection, tenant="acme", before=before, limit=3):
                ids += [one.id for one in page]
                before = page[-1].id
            own = connection.execute(
                select(deliveries.c.id)
                .where(deliveries.c.endpoint_id == list_endpoints(connection, tenant="acme")[0].id)
                .order_by(deliveries.c.id.desc())
            ).scalars()
            assert ids == list(own)
        assert len(ids) == 7
