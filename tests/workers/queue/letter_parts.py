"""What the tests of letters are made of: somebody who is told, and a service that tells them."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sqlalchemy import delete, not_, select

from workers.queue.letters import Postman
from workers.service import Service, clock_ms, open_service
from workers.settings import Settings
from workers.store.deliveries import address_event, create_endpoint
from workers.store.migrate import migrate
from workers.store.records import Act
from workers.store.tables import deliveries, endpoints

ATTEMPTS = 4
TIMEOUT_S = 1.0
TENANT = "acme"
Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Notes what comes, and answers as its server is told."""

    server: "Receiver"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.letters.append((self.path, dict(self.headers), body))
        self.server.answer(self)

    def do_GET(self) -> None:
        self.server.gets += 1
        self.say(200)

    def say(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


class Receiver(ThreadingHTTPServer):
    """Somebody who is told."""

    # Connections that may wait; the library's 5 would drop some for a second.
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.letters: list[tuple[str, dict[str, str], bytes]] = []
        self.gets = 0
        self.answer: Answer = lambda handler: handler.say(204)
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.ended = threading.Event()

    def handle_error(self, *_: object) -> None:
        """Say nothing of those who hang up."""


class Office:
    """A service whose clock is moved by hand, with one endpoint and one letter to it."""

    def __init__(
        self, folder: Path, url: str, host: str, database_url: str, *more_hosts: str
    ) -> None:
        self.now_ms = clock_ms()
        self.secret = ""
        self.settings = Settings(
            home=folder / "home",
            database_url=database_url,
            webhook_hosts=(host, *more_hosts),
            webhook_timeout_s=TIMEOUT_S,
            webhook_attempts=ATTEMPTS,
        )
        opened = open_service(self.settings)
        self.service = Service(opened.settings, opened.database, opened.artifacts, self.clock)
        migrate(self.service.database)
        self.postman = Postman(self.service)
        self.secret = self.add_endpoint(url)
        self.tell(1)

    def clock(self) -> int:
        return self.now_ms

    def add_endpoint(self, url: str) -> str:
        with self.service.database.write() as connection:
            return create_endpoint(connection, Act(TENANT, "the tests", 0), url)[1]

    def tell(self, *numbers: int, only: str = "") -> None:
        """Tell every endpoint of events, or only those at one host."""
        with self.service.database.write() as connection:
            for number in numbers:
                body = {"id": f"evt_{number}", "type": "submission.completed"}
                body |= {"data": {"submission_id": "5" * 32}}  # type: ignore[dict-item]
                address_event(connection, TENANT, json.dumps(body), now_ms=self.now_ms)
            others = select(endpoints.c.id).where(not_(endpoints.c.url.contains(only)))
            connection.execute(delete(deliveries).where(deliveries.c.endpoint_id.in_(others)))

    def throw_away(self) -> None:
        """Throw all letters away."""
        with self.service.database.write() as connection:
            connection.execute(delete(deliveries))

    def rows(self) -> list[Any]:
        with self.service.database.read() as connection:
            return list(connection.execute(select(deliveries).order_by(deliveries.c.id)))

    def row(self) -> Any:
        (row,) = self.rows()
        return row

    def try_once(self) -> int:
        """Deliver what is due; return how long the letter rests then, and end its rest."""
        assert self.postman.deliver()
        rest_ms = int(self.row().due_ms) - self.now_ms
        self.now_ms += max(0, rest_ms)
        return rest_ms
