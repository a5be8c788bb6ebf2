"""What the tests of the API are made of: a real server on a real database, and keys to it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from pipeline.records import Outcome, Reason, ReasonKind, Verdict
from pipeline.scoring.backend import Device
from tests.models import write_colour_model
from tests.workers.store.store_parts import ONLY_PLANS, TIMINGS, planned, step_of
from tests.workers.test_cli import POLICY
from workers.catalogue import Catalogue, read_catalogue
from workers.service import Service, clock_ms, open_service
from workers.settings import Settings
from workers.store.artifacts import ArtifactStore
from workers.store.keys import create_key
from workers.store.lookups import find_run, find_submission
from workers.store.migrate import migrate
from workers.store.records import Act, Role, Run, RunState, Step, StepKind
from workers.store.steps import Scored, claim, finish_chunk, finish_judge, finish_plan
from workers.store.verdicts import Filing, file_verdict
from workers.web.app import Server, listen, make_server

VIDEO = b"\x00\x00\x00\x20ftypisom" + bytes(range(256)) * 40  # it begins like one
OUR, RIVAL = "acme", "rival"
START_S = 30.0


class Clock:
    """The time, and how far the tests have moved it on."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return clock_ms() + self.ahead_ms


class Portal:
    """A running API, with a database, artifacts and keys of its own.

    Attributes:
        url: where it answers.
        service: what it works with.
        clock: its time.
        server: Uvicorn.
        secrets: of keys, by tenant and role.
    """

    def __init__(
        self, folder: Path, *, store: type[ArtifactStore] = ArtifactStore, **settings: object
    ) -> None:
        self.clock = Clock()
        self.service, self.catalogue = open_parts(folder, self.clock, store=store, **settings)
        self.secrets = {
            (tenant, role): make_key(self.service, tenant, role)
            for tenant in (OUR, RIVAL)
            for role in Role
        }
        self.server: Server = make_server(self.service, self.catalogue)
        self._listening = listen(self.service)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(
            target=self.server.run, kwargs={"sockets": [self._listening]}, daemon=True
        )

    def start(self) -> None:
        self._thread.start()
        wait_until(lambda: self.server.started)

    def stop(self) -> None:
        self.server.stop()
        self._thread.join(START_S)
        assert not self._thread.is_alive()
        self._listening.close()
        self.service.database.close()

    def client(self, role: Role = Role.ADMIN, tenant: str = OUR) -> httpx.Client:
        return client_of(self.url, self.secrets[tenant, role])

    @cached_property
    def admin(self) -> httpx.Client:
        return self.client()

    @property
    def quarantine(self) -> list[Path]:
        return list((self.service.settings.home / "quarantine").iterdir())

    def sources(self) -> list[Path]:
        """Return the uploads that are among the artifacts."""
        return list((self.service.settings.home / "artifacts").glob("*/source"))

    def hand_in(self, name: str = "clip.mp4", **changes: object) -> str:
        """Submit a URI and return the submission's id."""
        asked = {"uri": f"file:///clips/{name}", **changes}
        response = self.admin.post("/v1/submissions", json=asked)
        assert response.status_code == 201, response.text
        return str(response.json()["submission_id"])

    def run_of(self, submission_id: str, number: int = 0) -> Run:
        runs = self.admin.get(f"/v1/submissions/{submission_id}").json()["runs"]
        with self.service.database.read() as connection:
            return find_run(connection, runs[number]["id"])


class Worker:
    """Moves runs forward as a worker would, without a look at any video."""

    def __init__(self, portal: Portal) -> None:
        self._service = portal.service

    def claim(self, run: Run, kind: StepKind, number: int = 0) -> Step:
        step_id = step_of(self._service.database, run, kind, number)
        with self._service.database.write() as connection:
            step = claim(connection, step_id, ONLY_PLANS, now_ms=self._service.now_ms())
        assert step
        return step

    def plan(self, run: Run, chunks: int = 1) -> None:
        step = self.claim(run, StepKind.PLAN)
        with self._service.database.write() as connection:
            now_ms = self._service.now_ms()
            of_it = find_submission(connection, run.submission_id, tenant=run.tenant)
            plan = replace(planned(chunks), sha256=of_it.sha256 or "a" * 64)
            finish_plan(connection, step, plan, ONLY_PLANS, now_ms=now_ms)

    def score(self, run: Run, number: int = 0) -> None:
        step = self.claim(run, StepKind.CHUNK, number)
        scored = Scored(
            f"chunk-{number}.bin", 10, ("CPUExecutionProvider",), TIMINGS, is_flagged=False
        )
        with self._service.database.write() as connection:
            finish_chunk(connection, step, scored, ONLY_PLANS, now_ms=self._service.now_ms())

    def judge(
        self,
        run: Run,
        outcome: Outcome = Outcome.PASS,
        *,
        report: str = "{}",
        folder: str | None = None,
    ) -> None:
        step = self.claim(run, StepKind.JUDGE)
        reasons = () if outcome is Outcome.PASS else (Reason(ReasonKind.UNREADABLE),)
        verdict = Verdict(outcome, 0, reasons)
        filing = Filing(verdict, report, folder, RunState.DONE, "worker-1")
        with self._service.database.write() as connection:
            done = finish_judge(connection, step)
            file_verdict(connection, done, filing, now_ms=self._service.now_ms())

    def parts_of(self, run: Run) -> Iterator[None]:
        """Bring a run to its end, one step each time that one asks for more."""
        self.plan(run)
        yield
        self.score(run)
        yield
        self.judge(run)
        yield

    def do_all(self, run: Run, outcome: Outcome = Outcome.PASS, **filed: Any) -> None:
        """Bring a run to its end."""
        self.plan(run)
        self.score(run)
        self.judge(run, outcome, **filed)


def open_parts(
    folder: Path,
    now_ms: Clock,
    *,
    store: type[ArtifactStore] = ArtifactStore,
    **settings: object,
) -> tuple[Service, Catalogue]:
    """Return a service on SQLite, with one small model and two policies that it serves."""
    folder.mkdir(parents=True, exist_ok=True)
    model = write_colour_model(folder)
    policies = [folder / "magenta.toml", folder / "close.toml"]
    closer = POLICY.replace('id = "cats"', 'id = "close"').replace(
        "max_gap_ms = 1000", "max_gap_ms = 500"
    )
    policies[0].write_text(POLICY, encoding="utf-8")
    policies[1].write_text(closer, encoding="utf-8")
    defaults: dict[str, object] = {
        "home": folder / "home",
        "policies": tuple(map(str, policies)),
        "models": {"colour": str(model)},
        "device": Device.CPU,
        "uris": ("file:///clips/",),
        "port": 0,
        "max_upload_bytes": 1 << 20,
        "webhook_hosts": ("hooks.example.org",),
        "grace_s": 5,
    }
    made = Settings(**(defaults | settings))  # type: ignore[arg-type]
    opened = open_service(made)
    artifacts = store(made.artifacts, made.artifact_options)
    service = Service(opened.settings, opened.database, artifacts, now_ms)
    migrate(service.database)
    return service, read_catalogue(made)


@contextmanager
def running(folder: Path, **settings: Any) -> Iterator[Portal]:
    """Run an API."""
    portal = Portal(folder, **settings)
    portal.start()
    try:
        with portal.admin:
            yield portal
    finally:
        portal.stop()


def client_of(url: str, secret: str | None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return httpx.Client(base_url=url, headers=headers, timeout=START_S, trust_env=False)


def make_key(service: Service, tenant: str, role: Role) -> str:
    with service.database.write() as connection:
        act = Act(tenant, "the tests", service.now_ms())
        return create_key(connection, act, name=f"{role} of {tenant}", role=role)[1]


def wait_until(is_so: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    waiting = threading.Event()
    for _ in range(round(START_S / 0.01)):
        if is_so():
            return
        waiting.wait(0.01)
    raise AssertionError("it never came to be")
