"""Deliveries: each event once to each endpoint, again until it is taken, never to a stranger."""

import pytest

from tests.workers.store.delivery_parts import (
    HOLD_MS,
    OTHER,
    address,
    create,
    deliver,
    event,
    fail,
    listed,
    take,
    take_one,
)
from tests.workers.store.store_parts import NOW_MS, UPLOADER, all_at_once, count
from workers.store.audit import read_audit
from workers.store.database import Database
from workers.store.deliveries import (
    Delivery,
    create_endpoint,
    has_letters,
    list_endpoints,
    replay,
)
from workers.store.records import DeliveryState
from workers.store.tables import deliveries


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
