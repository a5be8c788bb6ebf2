"""Endpoints: who was removed is told nothing more, and nobody touches what is another's."""

import pytest
from sqlalchemy import select

from tests.workers.store.delivery_parts import (
    OTHER,
    address,
    create,
    deliver,
    fail,
    listed,
    take,
    take_one,
)
from tests.workers.store.store_parts import NOW_MS, UPLOADER, all_at_once
from workers.errors import NotFoundError
from workers.store.audit import read_audit
from workers.store.database import Database
from workers.store.deliveries import (
    Endpoint,
    has_letters,
    list_deliveries,
    list_endpoints,
    remove_endpoint,
    replay,
)
from workers.store.records import Act, DeliveryState
from workers.store.tables import deliveries


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
