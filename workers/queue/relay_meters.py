"""What Prometheus is told of one relay: its rounds, what it found away, what it has sent."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from pipeline.errors import UnavailableError
from workers.errors import (
    ArtifactsUnavailableError,
    BrokerUnavailableError,
    DatabaseUnavailableError,
)
from workers.store.records import StepKind

AWAY = {
    DatabaseUnavailableError: "database",
    ArtifactsUnavailableError: "artifacts",
    BrokerUnavailableError: "broker",
}
OTHER = "other"
TAKEN, REFUSED, UNANSWERED = "taken", "refused", "unanswered"

registry = CollectorRegistry()
_ticks = Counter(
    "heatreel_relay_ticks", "Rounds, those in which something was away included.", registry=registry
)
_away = Counter("heatreel_away", "How often something was found away.", ["what"], registry=registry)
_bells = Counter("heatreel_bells", "Bells that were rung.", ["kind"], registry=registry)
_tries = Counter(
    "heatreel_webhook_tries", "Tries of webhooks, by how they ended.", ["end"], registry=registry
)
_broker_up = Gauge("heatreel_broker_up", "Whether the broker answers.", registry=registry)

for _what in (*AWAY.values(), OTHER):
    _away.labels(_what)
for _kind in StepKind:
    _bells.labels(_kind.value)
for _end in (TAKEN, REFUSED, UNANSWERED):
    _tries.labels(_end)


def note_tick() -> None:
    """Count a round."""
    _ticks.inc()


def note_away(error: UnavailableError) -> None:
    """Count what was found away."""
    found = [what for kind, what in AWAY.items() if isinstance(error, kind)]
    _away.labels(found[0] if found else OTHER).inc()
    if isinstance(error, BrokerUnavailableError):
        _broker_up.set(0)


def note_broker_there() -> None:
    """Note that the broker answers."""
    _broker_up.set(1)


def note_bells(kind: StepKind, bells: int) -> None:
    """Count bells of one kind."""
    _bells.labels(kind.value).inc(bells)


def note_try(status: int | None, *, is_taken: bool) -> None:
    """Count a try of a webhook.

    Args:
        status: of HTTP; None where there was no answer.
        is_taken: whether the answer was that the event is taken.
    """
    answered = TAKEN if is_taken else REFUSED
    _tries.labels(UNANSWERED if status is None else answered).inc()
