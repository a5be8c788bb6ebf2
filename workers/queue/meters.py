"""What Prometheus is told of one worker; what the database knows, the API tells."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server

from pipeline.records import Timings, Verdict
from workers.errors import SettingsError
from workers.store.records import StepKind

BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)

registry = CollectorRegistry()
_steps = Counter(
    "heatreel_steps", "Steps that were done, by how they ended.", ["kind", "end"], registry=registry
)
_step_seconds = Histogram(
    "heatreel_step_seconds",
    "Seconds from claim to commit.",
    ["kind"],
    registry=registry,
    buckets=BUCKETS_S,
)
_stage_seconds = Counter(
    "heatreel_stage_cpu_seconds", "CPU seconds of chunks by stage.", ["stage"], registry=registry
)
_frames = Counter("heatreel_frames", "Frames that were sampled.", registry=registry)
_found = Counter(
    "heatreel_found",
    "Verdicts with a category among their reasons, by category; `none` has those without.",
    ["category", "outcome"],
    registry=registry,
)
_batches = Counter("heatreel_batches", "Batches that the model scored.", registry=registry)
_batch_frames = Counter("heatreel_batch_frames", "Frames in these batches.", registry=registry)
_batch_room = Counter(
    "heatreel_batch_room", "Frames that would have fitted in these batches.", registry=registry
)


@contextmanager
def timed_step(kind: StepKind) -> Iterator[None]:
    """Count a step that ends well, with its time; one that raises is counted by its error."""
    began_s = monotonic()
    try:
        yield
    except BaseException as error:
        _steps.labels(kind.value, type(error).__name__).inc()
        raise
    _steps.labels(kind.value, "done").inc()
    _step_seconds.labels(kind.value).observe(monotonic() - began_s)


def note_chunk(timings: Timings, frames: int) -> None:
    """Count what a chunk took."""
    _frames.inc(frames)
    _stage_seconds.labels("decode").inc(timings.decode_s)
    _stage_seconds.labels("score").inc(timings.score_s)


def note_verdict(verdict: Verdict) -> None:
    """Count a verdict, once a category among its reasons."""
    named = {reason.category for reason in verdict.reasons if reason.category is not None}
    for category in named or {"none"}:
        _found.labels(category, verdict.outcome.value).inc()


def note_batch(frames: int, room: int) -> None:
    """Count a batch of so many frames, where there was room for so many."""
    _batches.inc()
    _batch_frames.inc(frames)
    _batch_room.inc(room)


def serve_meters(figures: CollectorRegistry, host: str, port: int | None) -> None:
    """Tell Prometheus these figures at an address; without a port, don't.

    Raises:
        SettingsError: if the address cannot be had.
    """
    if port is None:
        return
    try:
        start_http_server(port, host, figures)
    except OSError as error:
        raise SettingsError(f"figures: cannot listen at {host}:{port}: {error}") from error
