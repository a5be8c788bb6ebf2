"""What Prometheus is told of a relay: rounds, bells, what was away, how webhooks were answered."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from pipeline.errors import UnavailableError
from tests.workers.queue.process_parts import broker_of, started, wait_until
from tests.workers.queue.queue_parts import House
from workers.errors import (
    ArtifactsUnavailableError,
    BrokerUnavailableError,
    DatabaseUnavailableError,
    SettingsError,
    StoreUnavailableError,
)
from workers.queue.app import Broker, make_app
from workers.queue.meters import serve_meters
from workers.queue.relay import Relay
from workers.queue.relay_meters import note_away, note_try, registry


def told() -> dict[str, float]:
    lines = generate_latest(registry).decode().splitlines()
    found = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in found}


def grown(name: str, do: Callable[[], object]) -> float:
    """Return by how much a figure grows while something is done."""
    before = told()[name]
    do()
    return told()[name] - before


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "house", f"sqlite:///{tmp_path / 'heatreel.db'}")
    yield made
    made.close()


def relay_of(house: House) -> Relay:
    return Relay(house.service, Broker(make_app(house.settings)))


def test_rounds_and_bells_are_counted(house: House) -> None:
    for _ in range(2):
        house.upload("plain.mp4")
    relay = relay_of(house)
    with broker_of(house):
        assert grown('heatreel_bells_total{kind="plan"}', relay.ring) == 2
        assert grown("heatreel_relay_ticks_total", lambda: relay.tick(is_slow=True)) == 1
    assert told()["heatreel_broker_up"] == 1


def test_a_broker_that_is_away_is_told_and_the_rounds_go_on(house: House) -> None:
    relay = relay_of(house)
    with broker_of(house):
        relay.ring()

    def tick() -> None:
        with pytest.raises(BrokerUnavailableError):
            relay.tick(is_slow=True)

    assert grown('heatreel_away_total{what="broker"}', tick) == 1
    assert grown("heatreel_relay_ticks_total", tick) == 1
    assert told()["heatreel_broker_up"] == 0


def test_a_broker_is_asked_only_where_there_is_something_to_ring_for(house: House) -> None:
    """Else a relay that has nothing to do would keep it, and itself, busy."""
    relay = relay_of(house)
    relay.tick(is_slow=False)  # there is no broker, and nobody minds
    house.upload("magenta.mp4")

    with pytest.raises(BrokerUnavailableError):
        relay.tick(is_slow=False)


def test_a_database_that_is_away_says_nothing_of_the_broker(house: House) -> None:
    relay = relay_of(house)
    with broker_of(house):
        relay.ring()
        house.service.database.close()
        for path in house.folder.parent.glob("heatreel.db*"):
            path.unlink()
        (house.folder.parent / "heatreel.db").mkdir()

        def tick() -> None:
            with suppress(UnavailableError):
                relay.tick(is_slow=False)

        assert grown('heatreel_away_total{what="database"}', tick) == 3  # a duty each
    assert told()["heatreel_broker_up"] == 1


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (DatabaseUnavailableError, "database"),
        (ArtifactsUnavailableError, "artifacts"),
        (BrokerUnavailableError, "broker"),
        (StoreUnavailableError, "other"),
    ],
)
def test_what_is_away_is_told_by_the_error(error: type[UnavailableError], what: str) -> None:
    assert grown(f'heatreel_away_total{{what="{what}"}}', lambda: note_away(error("x"))) == 1


@pytest.mark.parametrize(
    ("status", "is_taken", "end"),
    [(204, True, "taken"), (500, False, "refused"), (None, False, "unanswered")],
)
def test_tries_of_webhooks_are_told_by_how_they_end(
    status: int | None, *, is_taken: bool, end: str
) -> None:
    name = f'heatreel_webhook_tries_total{{end="{end}"}}'
    assert grown(name, lambda: note_try(status, is_taken=is_taken)) == 1


def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"127.0.0.1:{port}"):
            serve_meters(CollectorRegistry(), "127.0.0.1", port)


@pytest.mark.slow
def test_a_relay_tells_its_own_figures_at_its_own_port(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    place = f"http://127.0.0.1:{port}/metrics"

    def is_told() -> bool:
        with suppress(httpx.HTTPError):
            return "heatreel_broker_up 1.0" in httpx.get(place).text
        return False

    port_of_relay = {"HEATREEL_RELAY_METRICS_PORT": str(port)}
    with broker_of(house), started(house, "relay", **port_of_relay) as relay:
        wait_until(is_told)
        assert "heatreel_frames" not in httpx.get(place).text  # which are a worker's
        assert relay.end() == 0
