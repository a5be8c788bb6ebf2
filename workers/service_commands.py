"""What the commands of the service do; the options are in `workers.service_cli`."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pipeline.errors import PermanentError
from pipeline.outputs.names import to_printable
from workers.batch import EXIT_BAD_INPUT, EXIT_ERROR, EXIT_REVIEW
from workers.catalogue import read_catalogue
from workers.doctor import examine
from workers.logs import set_up_logs
from workers.queue import meters, relay_meters
from workers.queue.app import Broker, make_app
from workers.queue.embedded import running_valkey
from workers.queue.letters import Postman
from workers.queue.relay import Relay
from workers.queue.worker import require_queues, run_worker, worker_name
from workers.service import Service, open_service
from workers.settings import Settings, read_settings, show_settings
from workers.store.audit import AuditHead, find_head, verify_audit
from workers.store.keys import create_key, has_keys, list_keys, revoke_key
from workers.store.lookups import find_run
from workers.store.migrate import migrate
from workers.store.records import Act, Role, Run
from workers.submitting import UriRequest, require_text, submit_uri
from workers.up import Part, end_with_owner, end_with_threads, keep_up
from workers.web.app import run_server
from workers.web.asked import MAX_NAME_CHARS

TENANT = "default"
ACTOR = "command line"
POLL_S = 0.2
OUTCOME_CODES = {"pass": 0, "review": EXIT_REVIEW, "block": EXIT_REVIEW, "error": EXIT_ERROR}


@contextmanager
def until_asked_to_end() -> Iterator[threading.Event]:
    """Give an event that is set by SIGTERM or SIGINT."""
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    yield stop


def run_up() -> int:
    """Run everything on this machine until a signal asks to stop."""
    settings = _begin()
    service = open_service(settings)
    migrate(service.database)
    read_catalogue(settings)  # exports the models once, before many processes want them
    _hand_out_first_key(service)
    grace_s = settings.grace_s + 10
    parts = [
        Part("relay", ("relay",), 10),
        Part("worker", ("worker",), grace_s),
        Part("api", ("serve",), grace_s),
    ]
    if settings.broker_url is None:
        parts.insert(0, Part("broker", ("broker",), 10))
    with until_asked_to_end() as stop:
        _say(f"Heatreel at http://{settings.host}:{settings.port}, its data in {settings.home}")
        keep_up(parts, stop)
    return 0


def run_broker() -> int:
    """Run the embedded broker until a signal asks to stop, or it dies."""
    settings = _begin()
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with until_asked_to_end() as stop, running_valkey(settings.home) as server:
        while server.is_running():
            if stop.wait(POLL_S):
                return 0
    return EXIT_ERROR


def run_worker_process(queues: Sequence[str]) -> int:
    """Do steps of these kinds until a signal asks to stop."""
    name = worker_name()
    settings = _begin(worker=name)
    require_queues(queues)
    service = open_service(settings)
    catalogue = read_catalogue(settings)
    meters.serve_meters(meters.registry, settings.metrics_host, settings.metrics_port)
    return run_worker(service, catalogue, queues, name)


def run_relay() -> int:
    """Ring for what is due and deliver webhooks until a signal asks to stop."""
    settings = _begin(worker=worker_name())
    service = open_service(settings)
    relay = Relay(service, Broker(make_app(settings)))
    host, port = settings.metrics_host, settings.relay_metrics_port
    meters.serve_meters(relay_meters.registry, host, port)
    with until_asked_to_end() as stop:
        posting = threading.Thread(target=Postman(service).run, args=(stop,), name="postman")
        posting.start()
        relay.run(stop)
        posting.join()
    return 0


def run_serve() -> int:
    """Serve the API until a signal asks to stop."""
    settings = _begin()
    run_server(open_service(settings), read_catalogue(settings))
    return 0


def run_enqueue(uris: Sequence[str], *, policy: str | None, tag: str, is_awaited: bool) -> int:
    """Submit videos by path or URI; wait for their verdicts if asked to."""
    settings = read_settings()
    service, catalogue = open_service(settings), read_catalogue(settings)
    runs = []
    for uri in uris:
        act = Act(TENANT, ACTOR, service.now_ms())
        asked = UriRequest(_address_of(uri), tag, policy, None)
        with _typed():
            submitted = submit_uri(service, catalogue, act, asked)
        _say(f"{submitted.submission.id}  {uri}{'' if submitted.is_new else '  (known already)'}")
        runs.append(submitted.run)
    return max((_await(service, run) for run in runs), default=0) if is_awaited else 0


def run_migrate() -> int:
    """Bring the tables up to date."""
    migrate(open_service(read_settings()).database)
    return 0


def run_settings() -> int:
    """Print the effective settings, secrets masked."""
    _say(json.dumps(show_settings(read_settings()), indent=2))
    return 0


def run_doctor() -> int:
    """Look at everything that the service needs, and say what is wrong."""
    findings = examine(read_settings())
    for finding in findings:
        _say(f"{'ok   ' if finding.is_good else 'FAULT'}  {finding.what}: {finding.detail}")
    return 0 if all(finding.is_good for finding in findings) else EXIT_BAD_INPUT


def run_keys_create(name: str, role: Role) -> int:
    """Make an API key and show it, once."""
    service = open_service(read_settings())
    with _typed():
        if not 0 < len(require_text("name", name)) <= MAX_NAME_CHARS:
            raise ValueError(f"name: has 1 to {MAX_NAME_CHARS} characters")
    with service.database.write() as connection:
        act = Act(TENANT, ACTOR, service.now_ms())
        key, secret = create_key(connection, act, name=name, role=role)
    _say(f"{key.id}  {key.role}  {key.name}\n{secret}")
    return 0


def run_keys_list() -> int:
    """List the API keys."""
    with open_service(read_settings()).database.read() as connection:
        for key in list_keys(connection, tenant=TENANT):
            _say(f"{key.id}  {key.role}  {key.name}{'  revoked' if key.revoked_ms else ''}")
    return 0


def run_keys_revoke(key_id: str) -> int:
    """Revoke an API key."""
    service = open_service(read_settings())
    with service.database.write() as connection:
        revoke_key(connection, Act(TENANT, ACTOR, service.now_ms()), key_id)
    return 0


def run_audit_verify(head: str | None) -> int:
    """Check the chain of the audit log, against a head that was noted if there is one.

    The head of a faultless log is told, to be noted where nobody can write who can write to the
    database: without it the log cannot show that its last rows were cut off.
    """
    with _typed():
        noted = None if head is None else AuditHead.read(head)
    with open_service(read_settings()).database.read() as connection:
        faults = verify_audit(connection, noted)
        now = find_head(connection)
    for fault in faults:
        _say(fault)
    if faults:
        return EXIT_BAD_INPUT
    _say(f"head {now}")
    return 0


def _begin(**fields: str) -> Settings:
    """Do what every process of the service does first; these fields stand on all that it logs."""
    settings = read_settings()
    set_up_logs(settings.log_level, **fields)
    end_with_owner()
    end_with_threads()
    return settings


@contextmanager
def _typed() -> Iterator[None]:
    """Have what somebody mistyped told in one line."""
    try:
        yield
    except ValueError as error:
        raise PermanentError(str(error)) from error


def _address_of(video: str) -> str:
    """Return the URI of what may be one, or a path, which may lead over `..`."""
    return video if "://" in video else Path(os.path.normpath(Path(video).absolute())).as_uri()


def _hand_out_first_key(service: Service) -> None:
    """Make a key where there is none yet: somebody has to let the others in."""
    with service.database.write() as connection:
        if has_keys(connection):
            return
        act = Act(TENANT, ACTOR, service.now_ms())
        _, secret = create_key(connection, act, name="first key", role=Role.ADMIN)
    _say(f"The first API key, of the role admin; it is not shown again:\n{secret}")


def _await(service: Service, run: Run) -> int:
    """Wait until a run is over, say what came of it, and return its exit code."""
    while not run.state.is_over:
        time.sleep(POLL_S)
        with service.database.read() as connection:
            run = find_run(connection, run.id)
    _say(f"{run.submission_id}  {run.state}  {run.outcome or ''}")
    return OUTCOME_CODES.get(run.outcome or "error", EXIT_ERROR)


def _say(line: str) -> None:
    for part in line.split("\n"):
        sys.stdout.write(f"{to_printable(part)}\n")
    sys.stdout.flush()
