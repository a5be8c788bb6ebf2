"""Who gets in: keys, strangers who guess at them, and neighbours."""

import json
from pathlib import Path

import pytest
from httpx import Response

from tests.workers.web.web_parts import OUR, RIVAL, VIDEO, Portal, client_of, make_key, running
from workers.store.deliveries import address_event
from workers.store.keys import find_key, revoke_key
from workers.store.records import Act, Role
from workers.web.door import FAILURES_ALLOWED, REMEMBERED_MS, WINDOW_MS, Strangers

NOBODYS = "f" * 32


def ask(portal: Portal, secret: str | None, path: str) -> Response:
    with client_of(portal.url, secret) as client:
        return client.get(path)


@pytest.fixture(scope="module")
def ours(portal: Portal) -> dict[str, str]:
    """Return an id of ours for each kind of thing that has one."""
    webhook = portal.admin.post("/v1/webhooks", json={"url": "https://hooks.example.org/"}).json()
    with portal.service.database.write() as connection:
        event = {"id": "evt_1", "type": "x", "data": {"submission_id": NOBODYS}}
        address_event(connection, OUR, json.dumps(event), now_ms=1)
    delivery = portal.admin.get("/v1/deliveries").json()["items"][0]
    key = portal.admin.post("/v1/keys", json={"name": "spare", "role": "uploader"}).json()
    return {
        "submission_id": portal.hand_in("ours.mp4"),
        "webhook_id": webhook["id"],
        "delivery_id": delivery["id"],
        "key_id": key["id"],
    }


@pytest.mark.parametrize("path", ["/v1/submissions", "/v1/deliveries", "/v1/webhooks"])
def test_lists_hold_nothing_of_another_tenant(
    portal: Portal, ours: dict[str, str], path: str
) -> None:
    assert ours
    with portal.client(tenant=RIVAL) as rival:
        assert rival.get(path).json()["items"] == []


def test_the_audit_log_of_a_tenant_is_its_own(portal: Portal, ours: dict[str, str]) -> None:
    def subjects(tenant: str) -> set[str]:
        with portal.client(Role.LEAD, tenant) as lead:
            return {row["subject"] for row in lead.get("/v1/audit?limit=200").json()["items"]}

    assert ours["submission_id"] in subjects(OUR)
    assert ours["submission_id"] not in subjects(RIVAL)
    assert not subjects(OUR) & subjects(RIVAL)


def test_two_tenants_with_the_same_idempotency_key_do_not_meet(portal: Portal) -> None:
    headers = {"Idempotency-Key": "the same"}
    ids = set()
    for tenant in (OUR, RIVAL):
        with portal.client(Role.UPLOADER, tenant) as client:
            response = client.post("/v1/submissions", files={"file": VIDEO}, headers=headers)
            assert response.status_code == 201
            ids.add(response.json()["submission_id"])

    assert len(ids) == 2


def test_a_new_key_works_at_once_and_its_secret_is_shown_once(portal: Portal) -> None:
    made = portal.admin.post("/v1/keys", json={"name": "fresh", "role": "lead"}).json()
    with client_of(portal.url, made["secret"]) as client:
        assert client.get("/v1/audit").status_code == 200

    assert made["secret"] not in portal.admin.get("/v1/keys").text
    assert made["secret"] not in portal.admin.get("/v1/audit?limit=200").text


def test_a_revoked_key_is_refused_at_once(portal: Portal) -> None:
    made = portal.admin.post("/v1/keys", json={"name": "brief", "role": "lead"}).json()
    with client_of(portal.url, made["secret"]) as client:
        assert client.get("/v1/submissions").status_code == 200
        assert portal.admin.delete(f"/v1/keys/{made['id']}").status_code == 204
        assert client.get("/v1/submissions").status_code == 401
    assert portal.admin.delete(f"/v1/keys/{made['id']}").status_code == 404


def test_a_key_that_was_revoked_elsewhere_is_refused_when_it_is_looked_up_again(
    portal: Portal,
) -> None:
    secret = make_key(portal.service, OUR, Role.LEAD)
    with client_of(portal.url, secret) as client:
        assert client.get("/v1/submissions").status_code == 200
        with portal.service.database.write() as connection:
            key = find_key(connection, secret)
            assert key
            revoke_key(connection, Act(OUR, "elsewhere", 1), key.id)
        portal.clock.ahead_ms += REMEMBERED_MS
        assert client.get("/v1/submissions").status_code == 401


class TestStrangers:
    """Too many wrong keys from an address, and strangers from there wait; others don't."""

    @pytest.fixture(autouse=True)
    def pass_the_window(self, portal: Portal) -> None:
        portal.clock.ahead_ms += WINDOW_MS

    def guess(self, portal: Portal, secret: str = "hrk_guess") -> Response:  # noqa: S107
        return ask(portal, secret, "/v1/submissions")

    def test_the_next_is_not_even_looked_at(self, portal: Portal) -> None:
        statuses = [self.guess(portal, f"hrk_{i}").status_code for i in range(FAILURES_ALLOWED)]
        late = self.guess(portal, make_key(portal.service, OUR, Role.LEAD))

        assert set(statuses) == {401}
        assert late.status_code == 429
        assert 0 < int(late.headers["Retry-After"]) <= WINDOW_MS / 1000

    def test_who_was_let_in_before_goes_on(self, portal: Portal) -> None:
        assert portal.admin.get("/v1/policies").status_code == 200
        for i in range(FAILURES_ALLOWED):
            self.guess(portal, f"hrk_{i}")
        portal.clock.ahead_ms += REMEMBERED_MS

        assert portal.admin.get("/v1/policies").status_code == 200
        assert self.guess(portal).status_code == 429

    def test_after_a_while_they_are_listened_to_again(self, portal: Portal) -> None:
        for i in range(FAILURES_ALLOWED):
            self.guess(portal, f"hrk_{i}")
        assert self.guess(portal).status_code == 429
        portal.clock.ahead_ms += WINDOW_MS

        assert self.guess(portal).status_code == 401

    def test_nobody_says_himself_where_he_comes_from(self, portal: Portal) -> None:
        for i in range(FAILURES_ALLOWED):
            assert self.guess_from(portal.url, f"192.0.2.{i}") == 401

        assert self.guess_from(portal.url, "192.0.2.99") == 429

    @pytest.mark.parametrize("proxies", [("10.0.0.0/8",), ("127.0.0.2", "::1")])
    def test_nor_where_only_others_are_trusted(
        self, tmp_path: Path, proxies: tuple[str, ...]
    ) -> None:
        with running(tmp_path, trusted_proxies=proxies) as behind:
            for i in range(FAILURES_ALLOWED):
                assert self.guess_from(behind.url, f"192.0.2.{i}") == 401
            assert self.guess_from(behind.url, "192.0.2.99") == 429

    @pytest.mark.parametrize("proxies", [("127.0.0.1",), ("127.0.0.0/8", "10.0.0.0/8")])
    def test_behind_a_proxy_that_is_trusted_clients_are_counted_apart(
        self, tmp_path: Path, proxies: tuple[str, ...]
    ) -> None:
        with running(tmp_path, trusted_proxies=proxies) as behind:
            for i in range(FAILURES_ALLOWED):  # what a client claims stands before what is true
                assert self.guess_from(behind.url, f"203.0.113.{i}, 192.0.2.1") == 401

            assert self.guess_from(behind.url, "192.0.2.1") == 429
            assert self.guess_from(behind.url, "192.0.2.2") == 401
            assert self.guess_from(behind.url, None) == 401

    def guess_from(self, url: str, address: str | None) -> int:
        with client_of(url, "hrk_guess") as client:
            headers = {} if address is None else {"X-Forwarded-For": address}
            return client.get("/v1/submissions", headers=headers).status_code

    def test_addresses_are_counted_apart_and_networks_of_version_6_as_one(self) -> None:
        strangers = Strangers()
        for i in range(FAILURES_ALLOWED):
            strangers.note_failure("192.0.2.1", 0)
            strangers.note_failure(f"2001:db8:1:1::{i}", 0)

        for free in ("192.0.2.2", "2001:db8:1:2::1", ""):
            strangers.require_patience(free, 0)
        for waits in ("192.0.2.1", "2001:db8:1:1:ffff::"):
            with pytest.raises(Exception, match="429"):
                strangers.require_patience(waits, 0)


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Basic aHJrXzE=", "hrk_1", "Bearer hrk_\xff", "Bearer " + "x" * 10_000],
)
def test_what_is_no_key_is_refused(portal: Portal, header: str) -> None:
    portal.clock.ahead_ms += WINDOW_MS
    with client_of(portal.url, None) as client:
        headers = {b"Authorization": header.encode("latin-1")}
        assert client.get("/v1/submissions", headers=headers).status_code == 401
