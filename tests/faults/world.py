"""A house of its own to be hard on: real processes, a real PostgreSQL, a real broker."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from pipeline.media.encode import Encoding, write_video
from tests.films import Incident, even_ms, film
from tests.models import write_colour_model
from tests.workers.servers import Postgres
from tests.workers.test_cli import POLICY
from workers.catalogue import Catalogue, read_catalogue
from workers.service import Service, open_service
from workers.settings import Settings
from workers.sources import hash_file, upload_name, upload_uri
from workers.store.deliveries import create_endpoint
from workers.store.ids import new_id
from workers.store.migrate import migrate
from workers.store.records import Act, Run, Source
from workers.store.submissions import NewSubmission, submit
from workers.up import Keeper, Part

RATE_HZ = 10
SIZE_PX = (480, 270)
ENCODING = Encoding(rate_hz=RATE_HZ, keyframe_interval=RATE_HZ, options={"preset": "ultrafast"})
ACT = "the one who tries"
WORKERS = 2
POLL_S = 0.1
BUSY_EACH = 10  # of so many calls, the receiver is too busy for one
REST_S = 0.5  # before what was killed is started again


def make_videos(folder: Path, count: int, seed: int) -> list[Path]:
    """Write short videos of photographs; in two of three a known colour is planted."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    paths = []
    for i in range(count):
        duration_ms = int(rng.integers(5, 11)) * 1000
        start_ms = int(rng.integers(0, duration_ms - 900))
        planted = [Incident(start_ms, start_ms + 800)] if i % 3 else []
        path = folder / f"{i:04}.mp4"
        write_video(path, film(even_ms(duration_ms, RATE_HZ), *planted, size=SIZE_PX), ENCODING)
        paths.append(path)
    return paths


class Receiver:
    """Somebody who is told by webhook; now and then they are too busy to listen.

    Attributes:
        events: what was said, by the id of the event, whether they listened or not.
        heard: ids of those to which they listened.
    """

    def __init__(self) -> None:
        self.events: dict[str, list[bytes]] = {}
        self.heard: set[str] = set()
        self._calls = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                is_heard = receiver.take(self.headers["Heatreel-Event"], body)
                self.send_response(204 if is_heard else 500)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, event_id: str, body: bytes) -> bool:
        """Take what is said, and return whether it was listened to."""
        self.events.setdefault(event_id, []).append(body)
        self._calls += 1
        if self._calls % BUSY_EACH == 0:
            return False
        self.heard.add(event_id)
        return True

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class World:
    """A house with all its processes.

    Attributes:
        service: its database and artifacts, as the processes see them.
        keepers: of the processes: "broker", "relay", "worker 0" ...
        receiver: of its webhooks.
    """

    def __init__(self, folder: Path, postgres: Postgres, receiver: Receiver) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        model = write_colour_model(folder)
        policy = folder / "magenta.toml"
        policy.write_text(POLICY, encoding="utf-8")
        self.postgres, self.receiver = postgres, receiver
        self.settings = {
            "HEATREEL_HOME": str(folder / "home"),
            "HEATREEL_DATABASE_URL": postgres.create(),
            "HEATREEL_POLICIES": json.dumps([str(policy)]),
            "HEATREEL_MODELS": json.dumps({"colour": str(model)}),
            "HEATREEL_DEVICE": "cpu",
            "HEATREEL_LEASE_S": "5",
            "HEATREEL_MAX_ATTEMPTS": "1000",  # being given up is another test's matter
            "HEATREEL_BACKOFF_S": "0.2",
            "HEATREEL_MAX_BACKOFF_S": "1",
            "HEATREEL_TICK_S": "0.1",
            "HEATREEL_RING_AGAIN_S": "1",
            "HEATREEL_SILENCE_S": "10",
            "HEATREEL_WEBHOOK_HOSTS": json.dumps([receiver.host]),
            "HEATREEL_WEBHOOK_ATTEMPTS": "100",
            "HEATREEL_LOG_LEVEL": "WARNING",
        }
        parts = [Part("broker", ("broker",), 10), Part("relay", ("relay",), 10)]
        parts += [Part(f"worker {i}", ("worker",), 30) for i in range(WORKERS)]
        self.keepers = {part.name: Keeper(part, longest_rest_s=REST_S) for part in parts}
        self._keeping = threading.Lock()
        self._stop = threading.Event()

    def open(self) -> None:
        """Read the settings, which are in the environment by now."""
        read = Settings()
        self.service: Service = open_service(read)
        self.catalogue: Catalogue = read_catalogue(read)
        migrate(self.service.database)
        with self.service.database.write() as connection:
            act = Act("default", ACT, self.service.now_ms())
            create_endpoint(connection, act, f"http://{self.receiver.host}/told")

    def upload(self, path: Path) -> Run:
        """Submit a video, as the API does."""
        now_ms = self.service.now_ms()
        submission_id = new_id(now_ms)
        sha256, size_bytes = hash_file(path)
        self.service.artifacts.put_file(upload_name(submission_id), path)
        source = Source(upload_uri(submission_id), path.name, sha256, size_bytes)
        basis = self.catalogue.find(None)
        new = NewSubmission(submission_id, source, "", submission_id, basis)
        with self.service.database.write() as connection:
            return submit(connection, Act("default", ACT, now_ms), new).run

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keep all processes running, whatever they die of."""
        thread = threading.Thread(target=self._keep)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
            for keeper in reversed(self.keepers.values()):
                keeper.ask_to_end()
            for keeper in reversed(self.keepers.values()):
                keeper.wait()
            self.service.database.close()

    def _keep(self) -> None:
        while not self._stop.wait(POLL_S):
            for keeper in self.keepers.values():
                keeper.look()
