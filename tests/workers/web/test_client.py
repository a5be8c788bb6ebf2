"""The client: what an upload service types, against a real server, and one that fails at times."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.errors import PermanentError, UnavailableError
from pipeline.records import Outcome
from tests.workers.web.web_parts import OUR, VIDEO, Portal, Worker, running
from workers.client import HeatreelClient
from workers.errors import ConflictError, ForbiddenSourceError, NotFoundError
from workers.store.records import Role, RunState
from workers.web.bodies import ArtifactKind

RECEIPT = {
    "submission_id": "f" * 32,
    "run_id": "e" * 32,
    "filename": "a.mp4",
    "tag": "",
    "sha256": None,
    "policy": {"id": "cats", "version": 1, "sha256": ""},
    "model": {"id": "colour", "version": "1", "sha256": ""},
    "created_ms": 1,
    "told_by_a_newer_server": True,
}


@pytest.fixture(scope="module")
def client(portal: Portal) -> Iterator[HeatreelClient]:
    secret = portal.secrets[OUR, Role.ADMIN]
    with HeatreelClient(portal.url, secret, first_rest_s=0.01) as client:
        yield client


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip \N{SNOWMAN}.mp4"
    path.write_bytes(VIDEO + b"client")
    return path


def test_a_file_goes_in_and_its_report_comes_out(
    client: HeatreelClient, portal: Portal, worker: Worker, clip: Path
) -> None:
    receipt = client.submit_file(clip, tag="mine", policy="close", idempotency_key="client-1")
    assert (receipt.filename, receipt.tag, receipt.policy.id) == (clip.name, "mine", "close")
    assert client.submit_file(clip, policy="close", idempotency_key="client-1") == receipt
    run = portal.run_of(receipt.submission_id)
    portal.service.artifacts.put("folder/heatmap.png", b"\x89PNG")
    report = {"artifacts": {"heatmap": "heatmap.png"}}
    worker.do_all(run, report=json.dumps(report), folder="folder")

    done = client.wait(receipt.submission_id, timeout_s=30)
    assert [run.verdict for run in done.runs] == [Outcome.PASS]
    assert client.report(receipt.submission_id) == report
    assert client.report(receipt.submission_id, policy="close") == report
    assert client.artifact(receipt.submission_id, ArtifactKind.HEATMAP) == b"\x89PNG"


def test_a_uri_goes_in_and_is_steered(client: HeatreelClient, portal: Portal) -> None:
    receipt = client.submit_uri("file:///clips/client.mp4", tag="steered")
    assert client.cancel(receipt.submission_id).runs[0].state is RunState.CANCELLED
    portal.clock.ahead_ms += 1
    assert client.rerun(receipt.submission_id, "close").policy.id == "close"
    states = [run.state for run in client.get(receipt.submission_id).runs]
    assert states == [RunState.QUEUED, RunState.CANCELLED]
    found = list(client.list(tag="steered", state=RunState.QUEUED))
    assert [one.id for one in found] == [receipt.submission_id]
    client.delete(receipt.submission_id)
    assert list(client.list(tag="steered")) == []
    assert [policy.policy.id for policy in client.policies()] == ["cats", "close"]


def test_a_list_has_all_pages(client: HeatreelClient, portal: Portal) -> None:
    made = [portal.hand_in(f"page-{i}.mp4", tag="pages") for i in range(203)]

    assert {one.id for one in client.list(tag="pages")} == set(made)


def test_progress_is_watched_to_its_end(
    client: HeatreelClient, portal: Portal, worker: Worker
) -> None:
    submission_id = portal.hand_in("watched.mp4")
    run = portal.run_of(submission_id)
    todo = worker.parts_of(run)
    told = []
    for progress in client.watch(submission_id):
        told.append(progress.runs[0])
        next(todo, None)

    assert [one.state for one in (told[0], told[-1])] == [RunState.QUEUED, RunState.DONE]
    assert told[-1].progress == 1.0


def test_who_waits_too_long_is_told_so(client: HeatreelClient, portal: Portal) -> None:
    submission_id = portal.hand_in("long.mp4")
    with pytest.raises(UnavailableError, match="not over"):
        client.wait(submission_id, timeout_s=0.05)


def test_what_goes_wrong_is_an_error_of_our_tree(
    client: HeatreelClient, portal: Portal, clip: Path
) -> None:
    client.submit_file(clip, idempotency_key="client-2")
    clip.write_bytes(VIDEO + b"another")
    for error, ask in (
        (NotFoundError, lambda: client.get("f" * 32)),
        (NotFoundError, lambda: client.get("../keys")),
        (NotFoundError, lambda: list(client.watch("f" * 32))),
        (NotFoundError, lambda: client.rerun("f" * 32, "cats")),
        (ConflictError, lambda: client.submit_file(clip, idempotency_key="client-2")),
        (ForbiddenSourceError, lambda: client.submit_uri("file:///etc/passwd")),
        (PermanentError, lambda: client.submit_uri("file:///clips/a.mp4", tag="x" * 501)),
    ):
        with pytest.raises(error):
            ask()
    with (
        HeatreelClient(portal.url, portal.secrets[OUR, Role.MODERATOR]) as moderator,
        pytest.raises(PermanentError, match="moderator") as refused,
    ):
        moderator.submit_uri("file:///clips/a.mp4")
    assert type(refused.value) is PermanentError


def test_a_client_asks_at_least_once() -> None:
    with pytest.raises(ValueError, match="attempts"):
        HeatreelClient("http://localhost", "hrk_", attempts=0)


class Flaky:
    """A server that answers as it is told to: a status, or nothing at all (0)."""

    def __init__(self, statuses: list[int]) -> None:
        self.statuses = statuses
        self.seen: list[tuple[str | None, int]] = []
        flaky = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                flaky.seen.append((self.headers["Idempotency-Key"], len(content)))
                status = flaky.statuses.pop(0)
                if not status:
                    self.close_connection = True
                    return
                body = json.dumps(RECEIPT).encode() if status < 300 else b"<html>"
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Retry-After", "0")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def answering(*statuses: int) -> Iterator[tuple[Flaky, HeatreelClient]]:
    flaky = Flaky(list(statuses))
    thread = threading.Thread(target=flaky.server.serve_forever)
    thread.start()
    try:
        with HeatreelClient(flaky.url, "hrk_x", attempts=3, first_rest_s=0.01) as client:
            yield flaky, client
    finally:
        flaky.server.shutdown()
        thread.join()
        flaky.server.server_close()


@pytest.mark.parametrize("statuses", [(503, 201), (0, 201), (429, 502, 201), (500, 0, 201)])
def test_what_the_server_cannot_do_now_is_asked_again_in_whole(
    clip: Path, statuses: tuple[int, ...]
) -> None:
    with answering(*statuses) as (flaky, client):
        receipt = client.submit_file(clip, idempotency_key="once")

    assert receipt.submission_id == RECEIPT["submission_id"]
    assert len(flaky.seen) == len(statuses)
    assert {key for key, _ in flaky.seen} == {"once"}
    assert all(length > len(VIDEO) for _, length in flaky.seen)


@pytest.mark.parametrize("status", [503, 0])
def test_what_it_can_never_do_is_given_up_after_so_many_attempts(status: int) -> None:
    with (
        answering(*[status] * 9) as (flaky, client),
        pytest.raises(UnavailableError),
    ):
        client.submit_uri("file:///clips/a.mp4")
    assert len(flaky.seen) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422])
def test_what_is_refused_is_not_asked_again(status: int) -> None:
    with answering(status, status) as (flaky, client), pytest.raises(PermanentError):
        client.submit_uri("file:///clips/a.mp4")
    assert len(flaky.seen) == 1


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with (
        HeatreelClient("http://127.0.0.1:1", "hrk_x", attempts=2, first_rest_s=0.01) as client,
        pytest.raises(UnavailableError, match="no answer"),
    ):
        client.get("f" * 32)


def test_a_file_that_is_too_large_is_refused_and_not_sent_again(tmp_path: Path) -> None:
    large = tmp_path / "large.mp4"
    large.write_bytes(VIDEO.ljust(20 << 20, b"\xff"))
    with (
        running(tmp_path / "house") as portal,
        HeatreelClient(portal.url, portal.secrets[OUR, Role.ADMIN], first_rest_s=0.01) as client,
        pytest.raises((PermanentError, UnavailableError)),
    ):
        client.submit_file(large)
