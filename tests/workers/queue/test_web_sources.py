"""Videos by https, from the submission to the verdict: fetched by the worker, and never trusted."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.queue.queue_parts import House
from tests.workers.queue.test_runner import do_all, due_steps, report_of
from tests.workers.tls_parts import HERE, Authority, Host, answer, listening, saying
from workers.download import Outside
from workers.errors import ForbiddenSourceError
from workers.queue.app import Broker, make_app
from workers.queue.relay import Relay
from workers.queue.runner import StepRunner
from workers.queue.scorers import spare_folder
from workers.store.lookups import find_submission
from workers.store.records import Act, Run, RunState
from workers.submitting import UriRequest, submit_uri

NAME = "videos.example.org"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def host(authority: Authority) -> Iterator[Host]:
    with listening(authority.server(NAME)) as host:
        yield host


@pytest.fixture
def house(tmp_path: Path, host: Host) -> Iterator[House]:
    folder = tmp_path / "house"
    uris = (f"https://{NAME}:{host.port}/in/",)
    url = f"sqlite:///{tmp_path / 'heatreel.db'}"
    made = House(folder, url, uris=uris, chunk_s=2, backoff_s=0.001, max_attempts=3)
    yield made
    assert list(spare_folder(made.settings).iterdir()) == []
    made.close()


@pytest.fixture
def runner(house: House, authority: Authority) -> StepRunner:
    outside = Outside(lambda _host, _port: [HERE], HERE.__eq__, authority.trusted)
    return house.runner(outside=outside)


def hand_in(house: House, host: Host, path: str = "in/clip.mp4") -> Run:
    act = Act("default", "the tests", house.service.now_ms())
    asked = UriRequest(f"https://{NAME}:{host.port}/{path}", "", None, None)
    return submit_uri(house.service, house.catalogue, act, asked).run


def detail_of(house: House, run: Run) -> str:
    return str(report_of(house, run)["reasons"][0]["detail"])


def test_a_video_is_fetched_and_judged(house: House, host: Host, runner: StepRunner) -> None:
    host.deed = saying(answer((house.clips / "magenta.mp4").read_bytes()))
    run = hand_in(house, host)
    assert host.contacts == 0  # whoever hands in makes nobody connect at once
    do_all(house, runner)

    assert house.run(run.id).outcome == "review"
    assert abs(report_of(house, run)["segments"][0]["start_ms"] - 3000) <= 100
    assert host.contacts == 5  # the plan, and four chunks
    with house.service.database.read() as connection:
        submission = find_submission(connection, run.submission_id, tenant="default")
    assert submission.filename == "clip.mp4"
    assert submission.sha256


def test_one_that_was_exchanged_meanwhile_does_not_pass(
    house: House, host: Host, runner: StepRunner
) -> None:
    """What was hashed is what is judged: it is no use to show us something else in between."""
    good = answer((house.clips / "plain.mp4").read_bytes())
    bad = answer((house.clips / "magenta.mp4").read_bytes())

    def exchange(connection: socket.socket) -> None:
        connection.sendall(bad if host.contacts == 1 else good)

    host.deed = exchange
    run = hand_in(house, host)
    do_all(house, runner)

    assert house.run(run.id).outcome == "error"
    assert "its bytes have changed" in detail_of(house, run)


def test_what_is_not_allowed_is_not_taken_in(house: House, host: Host) -> None:
    for path in ("clip.mp4", "in/../clip.mp4", "in/clip.mp4?token=x"):
        with pytest.raises(ForbiddenSourceError):
            hand_in(house, host, path)


def test_an_inner_address_is_given_up_at_once(
    house: House, host: Host, authority: Authority
) -> None:
    outside = Outside(lambda _host, _port: [HERE], trust=authority.trusted)
    run = hand_in(house, host)
    house.runner(outside=outside).run(due_steps(house)[0])

    done = house.run(run.id)
    assert (done.state, done.outcome) == (RunState.DEAD, "error")
    assert "is not at a public address" in detail_of(house, run)
    assert host.contacts == 0


def test_a_file_that_is_gone_is_an_error(house: House, host: Host, runner: StepRunner) -> None:
    host.deed = saying(answer(b"no", "404 Not Found"))
    run = hand_in(house, host)
    do_all(house, runner)

    assert house.run(run.id).outcome == "error"
    assert "answered 404" in detail_of(house, run)


def test_a_host_that_fails_is_not_asked_for_ever(
    house: House, host: Host, runner: StepRunner
) -> None:
    """Each attempt counts: a host that is not ours may be slow, or away, for good."""
    host.deed = saying(answer(b"", "503 Away"))
    run = hand_in(house, host)
    relay = Relay(house.service, Broker(make_app(house.settings)))
    for _ in range(1000):
        for step_id in due_steps(house):
            runner.run(step_id)
        relay.give_up()
        if house.run(run.id).state.is_over:
            break

    assert host.contacts == 3
    assert house.run(run.id).state is RunState.DEAD
