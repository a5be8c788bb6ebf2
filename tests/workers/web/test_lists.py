"""Lists: whole and without repeats while new entries come in, and filtered as asked."""

import json
from collections.abc import Iterator

import pytest

from pipeline.records import Outcome
from tests.workers.web.web_parts import OUR, Portal, Worker, running
from workers.store.deliveries import address_event
from workers.store.records import Role


@pytest.fixture
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running(tmp_path_factory.mktemp("lists")) as portal:
        yield portal


def walk(portal: Portal, path: str, while_walking: object = None) -> Iterator[dict[str, object]]:
    """Yield the entries of all pages, by their Link headers."""
    while path:
        response = portal.admin.get(path)
        assert response.status_code == 200, response.text
        yield from response.json()["items"]
        path = response.links["next"]["url"] if "next" in response.links else ""
        assert ("next" in response.links) == (response.json()["next"] is not None)
        if callable(while_walking):
            while_walking()


def test_pages_are_whole_and_without_repeats_while_new_ones_come_in(portal: Portal) -> None:
    made = []
    for i in range(23):
        portal.clock.ahead_ms += 1
        made.append(portal.hand_in(f"{i}.mp4"))
    late = iter(range(100))

    def hand_in_another() -> None:
        portal.clock.ahead_ms += 1
        portal.hand_in(f"late-{next(late)}.mp4")

    found = [one["id"] for one in walk(portal, "/v1/submissions?limit=5", hand_in_another)]

    assert found == made[::-1]


@pytest.mark.parametrize("count", [0, 1, 4, 5])
def test_the_last_page_has_no_next(portal: Portal, count: int) -> None:
    for i in range(count):
        portal.hand_in(f"{i}.mp4")
    page = portal.admin.get("/v1/submissions?limit=4").json()

    assert len(page["items"]) == min(count, 4)
    assert (page["next"] is None) == (count <= 4)


def test_lists_hold_what_is_asked_for(portal: Portal, worker: Worker) -> None:
    ids = {}
    for name, tag in (("done", "a b&c"), ("dull", "a b&c"), ("new", ""), ("gone", "a b&c")):
        portal.clock.ahead_ms += 1
        ids[name] = portal.hand_in(f"{name}.mp4", tag=tag)
    worker.do_all(portal.run_of(ids["done"]), Outcome.REVIEW)
    worker.do_all(portal.run_of(ids["dull"]), Outcome.PASS)
    assert portal.admin.delete(f"/v1/submissions/{ids['gone']}").status_code == 204

    def found(**query: object) -> set[str]:
        path = "/v1/submissions?" + "&".join(
            f"{name}={str(value).replace(' ', '+').replace('&', '%26')}"
            for name, value in {**query, "limit": 1}.items()
        )
        names = {submission_id: name for name, submission_id in ids.items()}
        return {names[str(one["id"])] for one in walk(portal, path)}

    assert found() == {"done", "dull", "new"}
    assert found(state="done") == {"done", "dull"}
    assert found(state="queued") == {"new"}
    assert found(verdict="review") == {"done"}
    assert found(tag="a b&c") == {"done", "dull"}
    assert found(tag="a b&c", verdict="pass", state="done") == {"dull"}
    assert found(tag="none") == set()


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=201", "limit=x", "limit=1e9", "state=x", "verdict=x", "before=x",
        "before=" + "F" * 32, "before=%00", "tag=%00", "tag=%0a", "tag=" + "x" * 501,
    ],
)  # fmt: skip
def test_a_query_that_makes_no_sense_is_refused(portal: Portal, query: str) -> None:
    response = portal.admin.get(f"/v1/submissions?{query}")

    assert response.status_code == 422
    assert response.json()["errors"][0]["at"] == f"query.{query.partition('=')[0]}"


def test_the_audit_log_is_read_in_pages(portal: Portal) -> None:
    for i in range(5):
        portal.hand_in(f"{i}.mp4")
    rows = list(walk(portal, "/v1/audit?limit=3"))

    assert [row["number"] for row in rows] == sorted({int(str(row["number"])) for row in rows})
    assert [row["action"] for row in rows].count("submission.created") == 5
    created = [row for row in rows if row["action"] == "submission.created"]
    assert {row["actor"] for row in created} == {f"{Role.ADMIN} of {OUR}"}


@pytest.mark.parametrize("after", ["-1", "x", str(2**63), "9" * 5000])
def test_an_audit_log_begins_at_a_number(portal: Portal, after: str) -> None:
    assert portal.admin.get(f"/v1/audit?after={after}").status_code == 422


def test_deliveries_are_listed_in_pages_and_made_again(portal: Portal) -> None:
    url = "https://hooks.example.org/x"
    made = portal.admin.post("/v1/webhooks", json={"url": url})
    assert made.json()["secret"].startswith("whsec_")
    assert made.json()["secret"] not in portal.admin.get("/v1/webhooks").text
    for i in range(5):
        portal.clock.ahead_ms += 1
        event = {"id": f"evt_{i}", "type": "x", "data": {"submission_id": "f" * 32}}
        now_ms = portal.service.now_ms()
        with portal.service.database.write() as connection:
            address_event(connection, OUR, json.dumps(event), now_ms=now_ms)

    rows = list(walk(portal, "/v1/deliveries?limit=2"))
    assert [row["event_id"] for row in rows] == [f"evt_{i}" for i in (4, 3, 2, 1, 0)]
    again = portal.admin.post(f"/v1/deliveries/{rows[0]['id']}/replay")
    assert again.status_code == 204


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "https://hooks.example.org.evil.example/", "file:///etc/passwd",
        "https://user:pw@hooks.example.org/", "https://hooks.example.org:8443/", "x", "",
        "https://hooks.example.org\\@evil.example/",
    ],
)  # fmt: skip
def test_a_webhook_goes_only_where_the_operator_allows(portal: Portal, url: str) -> None:
    response = portal.admin.post("/v1/webhooks", json={"url": url})

    assert response.status_code == 403
    assert portal.admin.get("/v1/webhooks").json()["items"] == []
