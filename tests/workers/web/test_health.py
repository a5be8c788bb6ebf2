"""Health: alive, ready, and the figures that Prometheus reads."""

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import update

from pipeline.records import Outcome
from tests.workers.web.web_parts import OUR, Portal, Worker, running
from workers.metrics import FRESH_MS
from workers.store.deliveries import address_event
from workers.store.tables import deliveries


def figures(portal: Portal) -> dict[str, float]:
    portal.clock.ahead_ms += FRESH_MS
    response = portal.admin.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in response.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_all_is_well(portal: Portal) -> None:
    for path in ("/healthz", "/readyz"):
        response = portal.admin.get(path, headers={"Authorization": ""})
        assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_a_database_of_another_version_is_not_ready(tmp_path: Path) -> None:
    with running(tmp_path) as portal:
        with portal.service.database.write() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'else'")

        response = portal.admin.get("/readyz")
        assert response.status_code == 503
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["away"] == ["migrations"]
        assert portal.admin.get("/healthz").status_code == 200


def test_artifacts_that_are_away_are_named_until_they_are_back(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    with running(tmp_path / "house", artifacts_url=f"file://{blocked}/artifacts") as portal:
        assert portal.admin.get("/readyz").json()["away"] == ["artifacts"]
        blocked.unlink()
        portal.clock.ahead_ms += 1000
        assert portal.admin.get("/readyz").status_code == 200


def test_a_database_that_is_away_is_named_and_requests_may_be_made_again(tmp_path: Path) -> None:
    with running(tmp_path / "house") as portal:
        assert portal.admin.get("/v1/submissions").status_code == 200
        portal.service.database.close()  # whoever comes next has to open it again
        for path in (tmp_path / "house" / "home").glob("heatreel.db*"):
            path.unlink()
        (tmp_path / "house" / "home" / "heatreel.db").mkdir()

        assert portal.admin.get("/readyz").json()["away"] == ["database"]
        response = portal.admin.get("/v1/submissions")
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        assert "heatreel.db" not in response.text
        assert figures(portal)["heatreel_database_up"] == 0
        assert portal.admin.get("/healthz").status_code == 200


def test_the_queue_is_counted_from_the_database(portal: Portal, worker: Worker) -> None:
    before = figures(portal)
    first, second, _ = (portal.hand_in(f"counted-{i}.mp4") for i in range(3))
    worker.do_all(portal.run_of(first), Outcome.REVIEW)
    worker.plan(portal.run_of(second))
    after = figures(portal)

    def grown(name: str) -> float:
        return after[name] - before[name]

    assert grown('heatreel_steps_due{kind="plan"}') == 1
    assert grown('heatreel_steps_due{kind="chunk"}') == 1
    assert grown('heatreel_verdicts{outcome="review"}') == 1
    assert grown('heatreel_verdicts{outcome="pass"}') == 0
    assert after["heatreel_steps_dead"] == after["heatreel_deliveries_dead"] == 0
    assert after["heatreel_database_up"] == 1
    assert FRESH_MS / 1000 <= after['heatreel_oldest_step_seconds{kind="plan"}'] < 1000


def test_webhooks_and_events_that_wait_are_told_with_their_age(tmp_path: Path) -> None:
    ages = ("heatreel_oldest_delivery_seconds", "heatreel_oldest_event_seconds")
    with running(tmp_path) as portal:
        before = figures(portal)
        Worker(portal).do_all(portal.run_of(portal.hand_in()))
        portal.admin.post("/v1/webhooks", json={"url": "https://hooks.example.org/"})
        event = {"id": "evt_1", "type": "x", "data": {"submission_id": "5" * 32}}
        with portal.service.database.write() as connection:
            address_event(connection, OUR, json.dumps(event), now_ms=portal.clock())
        portal.clock.ahead_ms += 100_000
        after = figures(portal)

        assert [before[name] for name in (*ages, "heatreel_deliveries_due")] == [0, 0, 0]
        assert after["heatreel_deliveries_due"] == 1
        assert all(100 < after[name] < 200 for name in ages)
        with portal.service.database.write() as connection:
            connection.execute(update(deliveries).values(due_ms=portal.clock() + 10**6))
        assert figures(portal)[ages[0]] == 0  # it rests


def test_requests_are_counted_by_route_and_never_by_path(portal: Portal) -> None:
    before = figures(portal)
    for path in ("a" * 32, "b" * 32):
        portal.admin.get(f"/v1/submissions/{path}")
    portal.admin.get("/x/y/z")
    portal.admin.request("BREW", "/v1/policies")
    after = figures(portal)

    def grown(labels: str) -> float:
        name = f"heatreel_http_requests_total{{{labels}}}"
        return after[name] - before.get(name, 0)

    route = 'route="/v1/submissions/{submission_id}",status="404"'
    assert grown(f'method="GET",{route}') == 2
    assert grown('method="GET",route="unmatched",status="404"') == 1
    assert not [name for name in after if re.search("BREW|aaaa|/x/y", name)]


def test_apps_of_one_process_share_nothing(portal: Portal, tmp_path: Path) -> None:
    portal.hand_in("mine.mp4")
    with running(tmp_path) as other:
        assert figures(other)['heatreel_steps_due{kind="plan"}'] == 0
        assert other.admin.get("/v1/submissions").json()["items"] == []


@pytest.mark.parametrize("word", ["hrk_", "acme", "clip"])
def test_figures_tell_nothing_of_anybody(portal: Portal, word: str) -> None:
    portal.admin.get("/v1/submissions?tag=clip")
    assert word not in portal.admin.get("/metrics").text
