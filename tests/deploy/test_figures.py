"""Dashboard and alerts speak of figures that there are, by labels that they have."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.records import Outcome, Timings, Verdict
from tests.deploy.deploy_parts import DEPLOY
from workers.metrics import Meters
from workers.queue import meters, relay_meters
from workers.queue.meters import note_batch, note_chunk, note_verdict, timed_step
from workers.service import open_service
from workers.settings import Settings
from workers.store.migrate import migrate
from workers.store.records import StepKind

OF_PROMETHEUS = {"instance", "job", "le"}
DASHBOARD: dict[str, Any] = json.loads(
    (DEPLOY / "grafana" / "heatreel.json").read_text(encoding="utf-8")
)
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
GROUPS = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))[
    "groups"
]
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}
WANTED = {
    "queue age": "heatreel_oldest_step_seconds",
    "depth": "heatreel_steps_due",
    "steps by end": "heatreel_steps_total",
    "time of steps": "heatreel_step_seconds_bucket",
    "frames": "heatreel_frames_total",
    "batch fill": "heatreel_batch_room_total",
    "CPU by stage": "heatreel_stage_cpu_seconds_total",
    "verdicts": "heatreel_verdicts",
    "dead letters": "heatreel_steps_dead",
    "latency": "heatreel_http_request_seconds_bucket",
    "errors": "heatreel_http_requests_total",
    "webhooks": "heatreel_deliveries_dead",
    "webhooks that wait": "heatreel_deliveries_due",
    "for how long": "heatreel_oldest_delivery_seconds",
    "events that wait": "heatreel_oldest_event_seconds",
    "tries of webhooks": "heatreel_webhook_tries_total",
    "broker": "heatreel_broker_up",
    "what was away": "heatreel_away_total",
}


def expressions() -> Iterator[tuple[str, str]]:
    """Give every expression with what it is of."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for name, rule in ALERTS.items():
        yield name, rule["expr"]


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Return the labels of every series that API, worker and relay give, by its name."""
    service = open_service(Settings(home=tmp_path_factory.mktemp("home")))
    migrate(service.database)
    of_api = Meters(service)
    of_api.note_request("GET", "/v1/policies", status=200, seconds=0.1)
    with timed_step(StepKind.PLAN):
        note_chunk(Timings(1.0, 1.0, 0.0), frames=1)
        note_batch(1, 2)
        note_verdict(Verdict(Outcome.PASS, 0, ()))
    found: dict[str, set[str]] = defaultdict(set)
    others = [generate_latest(one) for one in (meters.registry, relay_meters.registry)]
    for text in (of_api.render(), *others):
        for family in text_string_to_metric_families(text.decode()):
            for sample in family.samples:
                found[sample.name] |= set(sample.labels)
    service.database.close()
    return found


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_what_is_asked_for_is_there(
    figures: dict[str, set[str]], where: str, expression: str
) -> None:
    names = set(re.findall(r"\bheatreel_\w+", expression))
    assert names, where
    assert names <= set(figures)


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_it_is_sorted_and_chosen_by_labels_that_it_has(
    figures: dict[str, set[str]], where: str, expression: str
) -> None:
    names = re.findall(r"\bheatreel_\w+", expression)
    had = OF_PROMETHEUS | set().union(*(figures[name] for name in names))
    by = ",".join(re.findall(r"\bby \(([^)]*)\)", expression))
    chosen = re.findall(r"[{,]\s*(\w+)\s*[=!]", expression)
    assert {one.strip() for one in by.split(",") if one.strip()} | set(chosen) <= had, where


@pytest.mark.parametrize("wanted", WANTED.values(), ids=WANTED)
def test_the_dashboard_shows(wanted: str) -> None:
    assert any(wanted in target["expr"] for panel in PANELS for target in panel["targets"])


def test_its_legends_name_labels_that_are_left() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            by = set(re.findall(r"\w+", ",".join(re.findall(r"by \(([^)]*)\)", target["expr"]))))
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= by, panel["title"]


def test_it_is_one_of_grafana_11_and_its_source_is_chosen_where_it_is_shown() -> None:
    assert DASHBOARD["schemaVersion"] >= 39
    (variable,) = DASHBOARD["templating"]["list"]
    assert (variable["name"], variable["type"]) == ("datasource", "datasource")
    assert {panel["datasource"]["uid"] for panel in PANELS} == {"${datasource}"}


def test_its_panels_do_not_overlap_and_have_ids_of_their_own() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells), panel["title"]
        taken |= cells


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_and_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "action"}


def test_alerts_have_names_of_their_own() -> None:
    assert len(ALERTS) == sum(len(group["rules"]) for group in GROUPS)
