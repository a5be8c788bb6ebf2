"""`heatreel serve` as a process of its own, in front of people who mean it no good.

It works with secrets that are planted, and whatever it and its neighbours say is searched for them.
"""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from tests.workers.queue.process_parts import Process, environment_of, started, wait_until
from tests.workers.queue.queue_parts import House
from tests.workers.servers import Postgres
from tests.workers.store.object_store import running_object_store
from tests.workers.test_service_cli import heatreel
from tests.workers.web.test_uploads import FILE, form, part
from tests.workers.web.web_parts import VIDEO, client_of, make_key
from workers.store.deliveries import address_event
from workers.store.keys import digest_of
from workers.store.records import Role
from workers.web.door import FAILURES_ALLOWED

PATH = "/v1/submissions"
MAX_BYTES = 200_000
UPLOAD_TIMEOUT_S = 1.0
PLANTED = {
    "database": "plantedDatabaseWord",
    "broker": "plantedBrokerWord",
    "s3 key": "plantedObjectKey",
    "s3 secret": "plantedObjectSecret",
    "guess": "hrk_plantedGuess",
}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b[2J\x1b]0;owned\x07",
    "a\r\nX-Injected: 1\r\n\r\n{}",
    '", "level": "CRITICAL", "x": "',
    "\u202egnp.exe",
    "\u2028\u2029\u0085",
    "{{7*7}}${7*7}%{7*7}%s%n",
    "'; DROP TABLE audit; --",
    "x" * 5000,
]


class Served:
    """The process and who talks to it."""

    def __init__(self, house: House, process: Process, port: int, secrets: dict[str, str]) -> None:
        self.house = house
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self.secrets = secrets

    def client(self, who: str = "admin") -> httpx.Client:
        return client_of(self.url, self.secrets[who])

    @contextmanager
    def uploading(self, *headers: str) -> Iterator[socket.socket]:
        """Give a connection on which the headers of an upload were sent."""
        lines = [
            f"POST {PATH} HTTP/1.1",
            "Host: tests",
            f"Authorization: Bearer {self.secrets['uploader']}",
            "Content-Type: multipart/form-data; boundary=BOUNDARY",
            *headers,
        ]
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
            yield connection

    @property
    def left_behind(self) -> list[Path]:
        home = self.house.settings.home
        return [
            path
            for folder in ("quarantine", "spare")
            if (home / folder).exists()
            for path in (home / folder).iterdir()
        ]

    def require_others_served(self) -> None:
        """Check that another client is answered, and soon."""
        with self.client("another") as another:
            began_s = time.monotonic()
            assert another.get("/v1/policies").status_code == 200
            assert time.monotonic() - began_s < 2


@pytest.fixture(scope="module")
def served(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    word = PLANTED["database"]
    url = postgres.create().replace("//postgres@", f"//postgres:{word}@")
    with ExitStack() as stack:
        objects = stack.enter_context(running_object_store())
        objects.make_bucket("artifacts")
        free = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = free.getsockname()[1]
        free.close()
        house = House(
            tmp_path_factory.mktemp("served") / "house",
            url,
            port=port,
            max_upload_bytes=MAX_BYTES,
            upload_timeout_s=UPLOAD_TIMEOUT_S,
            webhook_hosts=("127.0.0.1:1",),
            artifacts_url="s3://artifacts/x",
            s3_endpoint=objects.options["client_kwargs"]["endpoint_url"],
            s3_key=PLANTED["s3 key"],
            s3_secret=PLANTED["s3 secret"],
            broker_url=f"redis://:{PLANTED['broker']}@127.0.0.1:1/0",
        )
        stack.callback(house.close)
        roles = {"admin": Role.ADMIN, "uploader": Role.UPLOADER, "another": Role.LEAD}
        secrets = {who: make_key(house.service, "default", role) for who, role in roles.items()}
        process = stack.enter_context(started(house, "serve", **secrets_of(house)))
        found = Served(house, process, port, secrets)
        wait_until(lambda: is_there(found))
        yield found


def secrets_of(house: House) -> dict[str, str]:
    """Return the variables of the settings that are masked where settings are shown."""
    settings = house.settings
    assert settings.s3_key
    assert settings.s3_secret
    return {
        "HEATREEL_BROKER_URL": settings.broker,
        "HEATREEL_S3_KEY": settings.s3_key.get_secret_value(),
        "HEATREEL_S3_SECRET": settings.s3_secret.get_secret_value(),
    }


def is_there(served: Served) -> bool:
    with client_of(served.url, None) as client:
        try:
            return client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False


def status_on(connection: socket.socket) -> int:
    return int(connection.recv(65536).split(b" ")[1])


class TestSlowAndEndless:
    """Whoever sends slowly, too much, or not to the end, holds nobody up and leaves nothing."""

    def test_a_byte_now_and_then(self, served: Served) -> None:
        with served.uploading("Content-Length: 100000") as connection:
            connection.sendall(FILE[:200])
            stop = threading.Event()

            def drip() -> None:
                while not stop.wait(0.1):
                    try:
                        connection.sendall(b"\xff")
                    except OSError:
                        return

            dripping = threading.Thread(target=drip)
            dripping.start()
            try:
                served.require_others_served()
                assert status_on(connection) == 408
            finally:
                stop.set()
                dripping.join()
        wait_until(lambda: served.left_behind == [])

    def test_ten_gigabytes_that_are_only_declared(self, served: Served) -> None:
        with served.uploading("Content-Length: 10000000000") as connection:
            assert status_on(connection) == 413
        assert served.left_behind == []

    def test_what_waits_to_be_asked_for_is_not_asked_for_in_vain(self, served: Served) -> None:
        headers = ("Content-Length: 10000000000", "Expect: 100-continue")
        with served.uploading(*headers) as connection:
            assert status_on(connection) == 413

    def test_chunks_without_an_end(self, served: Served) -> None:
        with served.uploading("Transfer-Encoding: chunked") as connection:
            piece, sent_bytes = FILE[:-2], 0
            try:
                while sent_bytes < 100 * MAX_BYTES:
                    connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                    sent_bytes += len(piece)
                    piece = b"\xff" * 65536
            except OSError:  # it has hung up
                pass
            served.require_others_served()
        assert sent_bytes < 60 * MAX_BYTES
        wait_until(lambda: served.left_behind == [])

    def test_uploads_that_are_broken_off(self, served: Served) -> None:
        for end in range(100, len(FILE), 2500):
            with served.uploading(f"Content-Length: {len(FILE) + 100}") as connection:
                connection.sendall(FILE[:end])
        served.require_others_served()
        wait_until(lambda: served.left_behind == [])

    def test_many_who_say_nothing_at_all(self, served: Served) -> None:
        with ExitStack() as silent:
            for i in range(200):
                one = socket.create_connection(("127.0.0.1", served.port))
                silent.enter_context(one)
                one.sendall(b"GET /v1/policies HTTP/1.1\r\nX: "[: i % 30])
            served.require_others_served()


def test_who_guesses_at_keys_waits_and_others_do_not(served: Served) -> None:
    served.require_others_served()
    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(base_url=served.url, transport=transport) as guesser:
        statuses = [
            guesser.get(PATH, headers={"Authorization": f"Bearer hrk_{i}"}).status_code
            for i in range(FAILURES_ALLOWED + 20)
        ]
    assert statuses == [401] * FAILURES_ALLOWED + [429] * 20
    served.require_others_served()


def ways(text: str) -> list[dict[str, Any]]:
    """Return requests with a text in every field that takes one."""
    escaped = httpx.QueryParams({"x": text})
    quoted = str(escaped).removeprefix("x=").replace("+", "%20")
    head = text.encode().replace(b"\r", b"").replace(b"\n", b"").replace(b"\x1b", b"")
    printable = bytes(byte for byte in head if byte >= 0x20)[:5000]
    upload = part("file", VIDEO + text.encode(), f'; filename="{text[:400]}"')
    kind = {"Content-Type": "multipart/form-data; boundary=BOUNDARY"}
    uri = f"file:///clips/{quoted}"
    return [
        {"method": "POST", "url": PATH, "content": form(upload, part("tag", text.encode()))}
        | {"headers": kind},
        {"method": "POST", "url": PATH, "content": form(FILE, part("policy", text.encode()))}
        | {"headers": kind},
        {"method": "POST", "url": PATH, "content": form(FILE, part(text[:90], b"x"))}
        | {"headers": kind},
        {"method": "POST", "url": PATH, "json": {"uri": uri, "tag": text, "policy": text}},
        {"method": "POST", "url": PATH, "json": {"uri": text}},
        {"method": "POST", "url": PATH, "json": {text: text}},
        {"method": "POST", "url": PATH, "json": {"uri": uri}}
        | {"headers": {b"Idempotency-Key": printable}},
        {"method": "POST", "url": "/v1/keys", "json": {"name": text, "role": "uploader"}},
        {"method": "POST", "url": "/v1/keys", "json": {"name": "x", "role": text}},
        {"method": "POST", "url": "/v1/webhooks", "json": {"url": text}},
        {"method": "POST", "url": "/v1/webhooks", "json": {"url": f"http://127.0.0.1:1/{text}"}},
        {"method": "GET", "url": f"{PATH}/{quoted}"},
        {"method": "DELETE", "url": f"/v1/keys/{quoted}"},
        {"method": "GET", "url": f"/{quoted}"},
        {"method": "GET", "url": f"{PATH}?{escaped}"},
        *(
            {"method": "GET", "url": f"{path}?{name}={quoted}"}
            for path, names in {
                PATH: ("tag", "state", "verdict", "before", "limit"),
                "/v1/audit": ("after", "limit"),
                f"{PATH}/{'f' * 32}/report": ("policy",),
            }.items()
            for name in names
        ),
    ]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_is_typed_is_data(served: Served, text: str) -> None:
    with served.client() as client:
        for way in ways(text):
            response = client.request(**way)
            assert response.status_code in (200, 201, 400, 403, 404, 413, 415, 422), way
            kind = response.headers["Content-Type"]
            assert kind in ("application/json", "application/problem+json")
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.content.isascii()
            assert response.text.isprintable()
            assert "x-injected" not in response.headers
            assert len(response.content) < 60_000
            if response.status_code >= 400:
                assert kind == "application/problem+json"


def test_no_line_of_the_log_and_no_row_of_the_audit_log_was_broken(served: Served) -> None:
    wait_until(lambda: served.process.has_said("401"))
    lines = served.process.log.read_text(encoding="utf-8").splitlines()
    for line in lines:
        said = json.loads(line)
        assert said["level"] in ("INFO", "WARNING", "ERROR")
        assert line.isascii()
        assert line.isprintable()
        assert "Traceback" not in line
    with served.client() as client:
        after, actions = 0, set()
        while True:
            page = client.get(f"/v1/audit?limit=200&after={after}").json()
            actions |= {row["action"] for row in page["items"]}
            assert all(isinstance(json.loads(row["body"]), dict) for row in page["items"])
            if page["next"] is None:
                break
            after = page["next"]
    assert actions == {"key.created", "submission.created", "webhook.created"}


def test_no_secret_is_ever_told(
    served: Served, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Last of all, for it takes the database away."""
    house, webhook = served.house, hang_up_webhook(served)
    told = list(troubled(served))
    name = house.settings.database.partition("@/")[2].partition("?")[0]
    with (
        started(house, "relay", **secrets_of(house)) as relay,
        started(house, "worker", **secrets_of(house)) as worker,
    ):
        wait_until(lambda: relay.has_said("webhook evt_1: "))
        wait_until(lambda: worker.lines() or not worker.is_alive)
        with psycopg.connect(postgres.server.get_uri(), autocommit=True) as admin:
            shut = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false")
            admin.execute(shut.format(sql.Identifier(name)))
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
        told += list(troubled(served))
        for variable, value in environment(house).items():
            monkeypatch.setenv(variable, value)
        told += [heatreel(word).output for word in ("settings", "doctor", "migrate")]
        told += [heatreel("audit", "verify").output]
    told += [one.log.read_text(encoding="utf-8") for one in (served.process, relay, worker)]
    everything = "\n".join(told)

    assert "503" in everything  # it went wrong indeed
    assert PLANTED["database"] in house.settings.database
    for what, secret in {**PLANTED, **served.secrets, "webhook": webhook}.items():
        assert secret not in everything, what
        if secret.startswith("hrk_"):
            assert digest_of(secret) not in everything, what


def hang_up_webhook(served: Served) -> str:
    """Have an event on its way to where nobody is, and return the secret that signs it."""
    with served.client() as client:
        made = client.post("/v1/webhooks", json={"url": "http://127.0.0.1:1/"}).json()
    event = json.dumps({"id": "evt_1", "type": "x", "data": {"submission_id": "f" * 32}})
    with served.house.service.database.write() as connection:
        address_event(connection, "default", event, now_ms=1)
    return str(made["secret"])


def environment(house: House) -> dict[str, str]:
    made = environment_of(house.settings, **secrets_of(house))
    return {name: value for name, value in made.items() if name.startswith("HEATREEL_")}


def troubled(served: Served) -> Iterator[str]:
    """Yield what is answered to requests that go wrong in many ways, headers and all."""
    guess = PLANTED["guess"]
    secret = served.secrets["admin"]
    asked: list[dict[str, Any]] = [
        {"method": "GET", "url": PATH, "headers": {"Authorization": f"Bearer {guess}"}},
        {"method": "GET", "url": PATH, "headers": {"Authorization": f"Basic {secret}"}},
        {"method": "GET", "url": f"{PATH}?key={secret}"},
        {"method": "GET", "url": f"{PATH}/{secret}"},
        {"method": "GET", "url": f"/{secret}"},
        {"method": "POST", "url": "/v1/keys", "json": {"name": "x", "role": secret}},
        {"method": "POST", "url": "/v1/webhooks", "json": {"url": f"http://u:{secret}@127.0.0.1/"}},
        {"method": "POST", "url": PATH, "json": {"uri": f"s3://{secret}/a"}, "x": 1},
        {"method": "POST", "url": PATH, "content": b"{", "headers": {"X-Key": secret}},
        *(
            {"method": "GET", "url": url}
            for url in ("/readyz", "/metrics", "/v1/audit", "/v1/keys")
        ),
        {"method": "GET", "url": "/v1/deliveries"},
        {"method": "GET", "url": "/v1/webhooks"},
        {"method": "POST", "url": PATH, "files": {"file": VIDEO}},
    ]
    with served.client() as client:
        for one in asked:
            is_echo = one.pop("x", None)  # what one asks for is told to oneself alone
            response = client.request(**one)
            if not is_echo:
                yield f"{response.status_code} {response.headers} {response.text}"
