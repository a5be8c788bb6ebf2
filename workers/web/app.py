"""The app, and the server around it."""

import ipaddress
import logging
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from types import FrameType
from typing import Any

import uvicorn
from anyio import to_thread
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from workers.catalogue import Catalogue
from workers.errors import SettingsError
from workers.service import Service
from workers.store.keys import has_keys
from workers.web import admin, health, progress, reports, submissions
from workers.web.bodies import Problem
from workers.web.desk import DATABASE_THREADS, Desk, open_desk
from workers.web.envelope import Envelope
from workers.web.problems import add_handlers
from workers.web.uploads import sweep

DESCRIPTION = """\
Heatreel watches videos so that people need not. Hand in a video, get a verdict with its reasons.

Every request to `/v1` carries an API key: `Authorization: Bearer hrk_...`. What goes wrong is a
problem of RFC 9457. Times are milliseconds since the epoch, UTC; scores lie in 0 to 1, higher is
worse; lists are pages: take `next` of one as `before` (or `after`) of the following.
"""
BACKLOG = 2048
# FastAPI's own, which could send what it records off the machine.
NO_TELEMETRY: Any = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}

logger = logging.getLogger(__name__)


def make_app(service: Service, catalogue: Catalogue) -> FastAPI:
    """Return the API of a service; any number of them may live in one process."""
    desk = open_desk(service, catalogue)
    app = FastAPI(
        title="Heatreel",
        version=version("heatreel"),
        description=DESCRIPTION,
        telemetry=NO_TELEMETRY,
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_live,
        generate_unique_id_function=_name_operation,
    )
    app.state.desk = desk
    for part in (submissions, progress, reports, admin, health):
        app.include_router(part.router)
    add_handlers(app)
    app.add_middleware(Envelope, settings=service.settings, meters=desk.meters)
    _describe_problems(app)
    return app


class Server(uvicorn.Server):
    """Uvicorn, which on a signal lets streams end, answers what it was asked, and returns."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - its own
        """Stop: in good order at the first signal, at once at the second."""
        logger.info("stopping: %s", signal.Signals(sig).name)
        self.stop()

    def stop(self) -> None:
        """Stop: in good order the first time, at once the second time."""
        self.force_exit = self.should_exit
        self.should_exit = True
        desk: Desk = self.config.app.state.desk  # type: ignore[union-attr]
        desk.streams.close()


def make_server(service: Service, catalogue: Catalogue) -> Server:
    """Return a server of the API; `run(sockets=[listen(service)])` runs it."""
    proxies = list(service.settings.trusted_proxies)
    config = uvicorn.Config(
        make_app(service, catalogue),
        access_log=False,
        log_config=None,
        lifespan="on",
        ws="none",
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        timeout_graceful_shutdown=round(service.settings.grace_s),
    )
    return Server(config)


def listen(service: Service) -> socket.socket:
    """Return a socket that listens where the settings say.

    Raises:
        SettingsError: if that cannot be had; or if others than this machine could reach it while
            there is no API key.
        StoreUnavailableError: if the database does not answer.
    """
    host, port = service.settings.host, service.settings.port
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        if not ipaddress.ip_address(address[0]).is_loopback:
            _require_keys(service, host)
        return _open_socket(family, address)
    except OSError as error:
        raise SettingsError(f"host, port: cannot listen at {host}:{port}: {error}") from error


def run_server(service: Service, catalogue: Catalogue) -> None:
    """Serve the API until a signal asks to stop.

    On the first SIGTERM or SIGINT nothing new is accepted; what was asked has
    `settings.grace_s` to be answered.

    Raises:
        SettingsError: as `listen` does.
        StoreUnavailableError: likewise.
    """
    with listen(service) as listening:
        logger.info("listening at %s:%d", *listening.getsockname()[:2])
        make_server(service, catalogue).run(sockets=[listening])


def _open_socket(family: socket.AddressFamily, address: Any) -> socket.socket:
    # Where the protocol is not named, asyncio lets answers wait for others to go with them.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _require_keys(service: Service, host: str) -> None:
    with service.database.read() as connection:
        if not has_keys(connection):
            raise SettingsError(f"host: {host} can be reached by others: make an API key first")


@asynccontextmanager
async def _live(app: FastAPI) -> AsyncIterator[None]:
    desk: Desk = app.state.desk
    to_thread.current_default_thread_limiter().total_tokens = DATABASE_THREADS
    await run_in_threadpool(sweep, desk.service.settings)
    yield
    desk.streams.close()


def _name_operation(route: APIRoute) -> str:
    return route.name


def _describe_problems(app: FastAPI) -> None:
    """Put what the answers to what goes wrong have in common into the description of the API."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            schema = describe()
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = Problem.model_json_schema()
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
