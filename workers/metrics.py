"""What Prometheus is told: of requests as they come, of the queue from the database at a scrape."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.errors import UnavailableError
from workers.service import Service
from workers.store.due import QueueDepth, measure_queues
from workers.store.figures import Standing, count_standing

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FRESH_MS = 2_000  # whoever scrapes more often gets the same again: counting costs
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)


class Meters:
    """The figures of one process that answers requests."""

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(StoreFigures(service))
        self._requests = Counter(
            "heatreel_http_requests",
            "Requests that were answered.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._latency = Histogram(
            "heatreel_http_request_seconds",
            "Seconds until the answer began.",
            ["method", "route"],
            registry=self._registry,
            buckets=BUCKETS_S,
        )

    def note_request(self, method: str, route: str, *, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            method: of HTTP; whatever a stranger makes up counts as one.
            route: template of its path, never the path.
            status: of the answer.
            seconds: until the answer began.
        """
        known = method if method in METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._latency.labels(known, route).observe(seconds)

    def render(self) -> bytes:
        """Return all figures as Prometheus reads them."""
        return generate_latest(self._registry)


class StoreFigures(Collector):
    """The figures that the database knows; all processes give the same."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._counted_ms: int | None = None
        self._figures: list[Metric] = []

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the database is not asked when this is registered."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return the figures, counted now or a moment ago."""
        now_ms = self._service.now_ms()
        if self._counted_ms is None or now_ms - self._counted_ms >= FRESH_MS:
            self._figures = self._count(now_ms)
            self._counted_ms = now_ms
        return self._figures

    def _count(self, now_ms: int) -> list[Metric]:
        try:
            with self._service.database.read() as connection:
                depths = measure_queues(connection, now_ms=now_ms)
                standing = count_standing(connection)
        except UnavailableError:
            return [_gauge("database_up", "Whether the database answers.", 0)]
        return [
            _gauge("database_up", "Whether the database answers.", 1),
            *_of_queues(depths, now_ms),
            *_of_standing(standing, now_ms),
        ]


def _of_queues(depths: Iterable[QueueDepth], now_ms: int) -> list[Metric]:
    due = GaugeMetricFamily("heatreel_steps_due", "Steps that wait.", labels=["kind"])
    running = GaugeMetricFamily("heatreel_steps_running", "Steps in work.", labels=["kind"])
    oldest = GaugeMetricFamily(
        "heatreel_oldest_step_seconds", "How long the oldest has waited.", labels=["kind"]
    )
    for depth in depths:
        due.add_metric([depth.kind], depth.due)
        running.add_metric([depth.kind], depth.running)
        oldest.add_metric([depth.kind], _age_s(depth.oldest_ms, now_ms))
    return [due, running, oldest]


def _of_standing(standing: Standing, now_ms: int) -> list[Metric]:
    verdicts = GaugeMetricFamily("heatreel_verdicts", "Verdicts, by outcome.", labels=["outcome"])
    for outcome, count in standing.verdicts.items():
        verdicts.add_metric([outcome], count)
    return [
        verdicts,
        _gauge("steps_dead", "Steps that were given up.", standing.dead_steps),
        _gauge(
            "deliveries_due",
            "Webhooks that are still to be delivered, those that rest included.",
            standing.due_deliveries,
        ),
        _gauge("deliveries_dead", "Webhooks that were given up.", standing.dead_deliveries),
        _gauge(
            "oldest_delivery_seconds",
            "How long the oldest webhook is overdue.",
            _age_s(standing.oldest_delivery_ms, now_ms),
        ),
        _gauge(
            "oldest_event_seconds",
            "How long the oldest event has waited for a relay.",
            _age_s(standing.oldest_event_ms, now_ms),
        ),
    ]


def _age_s(since_ms: int | None, now_ms: int) -> float:
    """Return how many seconds ago something was; 0 where there is nothing, or it is to come."""
    return 0.0 if since_ms is None else max(0, now_ms - since_ms) / 1000


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"heatreel_{name}", what, value=value)
