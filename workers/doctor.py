"""The doctor: looks at each thing that the service needs, and says what it found."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

import av
import onnxruntime

from pipeline.errors import HeatreelError
from pipeline.media.remote import examine_decoder
from workers.catalogue import read_catalogue
from workers.queue.app import Broker, make_app
from workers.service import Service, open_service
from workers.settings import Settings
from workers.store.migrate import is_current
from workers.store.records import StepKind

MIN_FREE_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing."""

    what: str
    is_good: bool
    detail: str


def examine(settings: Settings) -> tuple[Finding, ...]:
    """Look at everything; what is away is told, and does not keep the rest from being looked at."""
    service = open_service(settings)
    checks: dict[str, Callable[[], str]] = {
        "database": lambda: _database(service),
        "broker": lambda: _broker(settings),
        "artifacts": lambda: _artifacts(service),
        "policies and models": lambda: _catalogue(settings),
        "disk": lambda: _disk(settings),
        "libraries": _libraries,
        "decoders": lambda: examine_decoder(is_required=settings.sandbox_required),
    }
    return tuple(_examine(what, check) for what, check in checks.items())


def _examine(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, is_good=True, detail=check())
    except (HeatreelError, OSError) as error:
        return Finding(what, is_good=False, detail=str(error))


def _database(service: Service) -> str:
    service.database.ping()
    if not is_current(service.database):
        raise HeatreelError("its tables are not up to date; run `heatreel migrate`")
    return "answers, tables up to date"


def _broker(settings: Settings) -> str:
    broker = Broker(make_app(settings))
    waiting = sum(broker.count_waiting(kind) for kind in StepKind)
    return f"answers, {waiting} bells wait"


def _artifacts(service: Service) -> str:
    service.artifacts.ping()
    return "takes and gives files"


def _catalogue(settings: Settings) -> str:
    return ", ".join(read_catalogue(settings).bases)


def _disk(settings: Settings) -> str:
    free_bytes = shutil.disk_usage(settings.home).free
    said = f"{free_bytes / 1e9:.1f} GB free in {settings.home}"
    if free_bytes < MIN_FREE_BYTES:
        raise HeatreelError(said)
    return said


def _libraries() -> str:
    ffmpeg = ".".join(str(part) for part in av.library_versions["libavcodec"])
    providers = ", ".join(onnxruntime.get_available_providers())
    return f"PyAV {av.__version__} (libavcodec {ffmpeg}), ONNX Runtime with {providers}"
