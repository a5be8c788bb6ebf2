"""A real worker with a real broker: rung, waited for, stopped, and spoken to by name."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from celery import Celery
from sqlalchemy import select

from tests.workers.queue.process_parts import Process, broker_of, started, wait_until
from tests.workers.queue.queue_parts import House
from workers.queue.app import Broker, make_app
from workers.queue.relay import Relay
from workers.store.records import RunState, Step, StepKind
from workers.store.steps import Claimant, claim
from workers.store.tables import steps, submissions

pytestmark = pytest.mark.slow


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    url = f"sqlite:///{tmp_path / 'heatreel.db'}"
    made = House(tmp_path / "house", url, lease_s=5, backoff_s=0.2, ring_again_s=0.5, grace_s=5)
    yield made
    made.close()


def test_a_worker_does_what_it_is_rung_for_and_ends_when_asked(house: House) -> None:
    run = house.upload("magenta.mp4")
    with broker_of(house), started(house, "worker") as worker:
        Relay(house.service, Broker(make_app(house.settings))).ring()
        wait_until(lambda: house.run(run.id).state is RunState.DONE)
        code = worker.end()

    assert house.run(run.id).outcome == "review"
    assert code == 0
    (line,) = (line for line in worker.lines() if line["message"] == "judge done")
    assert line["submission"] == run.submission_id
    assert line["run"] == run.id


def decoders_of(worker: Process) -> list[psutil.Process]:
    found = psutil.Process(worker.process.pid).children()
    lines = [(child, child.cmdline()) for child in found]
    # Not the one that only says, when the worker starts, what decoders give up.
    return [
        child
        for child, line in lines
        if "pipeline.media.decoder" in line and "--examine" not in line
    ]


def test_what_a_worker_cannot_finish_in_time_is_handed_back(house: House) -> None:
    """Its decoder is held up from when it starts until the time is over."""
    run = house.upload("magenta.mp4")
    with broker_of(house), started(house, "worker", HEATREEL_GRACE_S="0.2") as worker:
        Relay(house.service, Broker(make_app(house.settings))).ring()
        wait_until(lambda: decoders_of(worker))
        (decoder,) = decoders_of(worker)
        decoder.suspend()
        worker.process.send_signal(signal.SIGTERM)
        wait_until(lambda: worker.has_said("Warm shutdown"))
        threading.Event().wait(0.5)
        decoder.resume()
        code = worker.end()

    with house.service.database.read() as connection:
        step = connection.execute(select(steps).where(steps.c.state != "done")).one()
    assert code == 0
    assert (step.state, step.attempts, step.error) == ("due", 0, "the worker shuts down")
    assert house.run(run.id).outcome is None


def test_a_worker_that_was_frozen_for_longer_than_its_lease_commits_nothing(house: House) -> None:
    """It wakes up while somebody else has the step."""
    run = house.upload("magenta.mp4")
    relay = Relay(house.service, Broker(make_app(house.settings)))
    other = Claimant("other", frozenset(StepKind), house.settings.terms)
    with broker_of(house), started(house, "worker") as worker:
        relay.ring()
        wait_until(lambda: decoders_of(worker))
        frozen = [psutil.Process(worker.process.pid), *decoders_of(worker)]
        for process in frozen:
            process.suspend()
        (before,) = steps_of(house)
        wait_until(lambda: take_over(house, relay, before.id, other))
        for process in frozen:
            process.resume()
        wait_until(lambda: worker.has_said("dropped") or len(steps_of(house)) > 1)

    (after,) = steps_of(house)
    assert (before.fence, after.fence) == (1, 2)
    assert (after.state, after.worker) == ("running", "other")
    assert house.run(run.id).plan is None


def steps_of(house: House) -> list[Any]:
    with house.service.database.read() as connection:
        return list(connection.execute(select(steps)))


def take_over(house: House, relay: Relay, step_id: str, claimant: Claimant) -> Step | None:
    """Have a step taken back, and claim it once it has rested."""
    relay.take_back()
    with house.service.database.write() as connection:
        return claim(connection, step_id, claimant, now_ms=house.service.now_ms())


def test_a_worker_waits_for_a_broker_that_comes_later_and_goes_again(house: House) -> None:
    relay = Relay(house.service, Broker(make_app(house.settings)))
    with started(house, "worker") as worker:
        wait_until(lambda: worker.has_said("Cannot connect"))
        for name in ("plain.mp4", "magenta.mp4"):  # the broker goes away in between
            run = house.upload(name)
            with broker_of(house):
                relay.ring()
                wait_until(lambda run=run: house.run(run.id).state.is_over)  # type: ignore[misc]
        assert worker.is_alive


def test_a_plain_celery_app_submits_by_name_and_twice_is_once(house: House) -> None:
    other = Celery("upload-service", broker=house.settings.broker)
    wanted = {"uri": (house.clips / "plain.mp4").as_uri(), "tag": "upload-123"}
    forbidden = {"uri": "file:///etc/passwd"}

    def tags() -> list[str]:
        with house.service.database.read() as connection:
            return list(connection.execute(select(submissions.c.tag)).scalars())

    with broker_of(house) as client, started(house, "worker") as worker:
        for task_id, kwargs in (("a", wanted), ("a", wanted), ("b", forbidden), ("c", wanted)):
            other.send_task("heatreel.submit", kwargs=kwargs, queue="submit", task_id=task_id)
        wait_until(lambda: len(tags()) == 2 and not client.llen("submit"))
        worker.end()
    other.close()

    assert tags() == ["upload-123", "upload-123"]


def test_a_submission_by_message_waits_for_a_database_that_is_away(house: House) -> None:
    """It is tried again now and then, and not as fast as can be."""
    other = Celery("upload-service", broker=house.settings.broker)
    wanted = {"uri": (house.clips / "plain.mp4").as_uri()}
    place, waits = house.folder.parent / "heatreel.db", "a submission by message waits"
    house.service.database.close()
    for path in place.parent.glob("heatreel.db?*"):
        path.unlink()
    place.rename(place.with_suffix(".away"))
    place.mkdir()
    with broker_of(house) as client, started(house, "worker") as worker:
        other.send_task("heatreel.submit", kwargs=wanted, queue="submit")
        wait_until(lambda: worker.has_said(waits))
        threading.Event().wait(1)
        tries = worker.log.read_text(encoding="utf-8").count(waits)
        place.rmdir()
        place.with_suffix(".away").rename(place)
        wait_until(lambda: not client.hlen("unacked"))
        worker.end()
    other.close()

    assert tries == 1
    with house.service.database.read() as connection:
        assert len(list(connection.execute(select(submissions)))) == 1


def test_a_broker_that_dies_while_a_message_is_not_acknowledged_is_survived(house: House) -> None:
    """`heatreel.submit` alone is acknowledged late; Celery 5.7.0 is said to end for good here."""
    other = Celery("upload-service", broker=house.settings.broker)
    wanted = {"uri": (house.clips / "plain.mp4").as_uri()}
    with started(house, "worker") as worker:
        with house.service.database.write():  # its writing has to wait for us, so it holds on to it
            with broker_of(house) as client:
                other.send_task("heatreel.submit", kwargs=wanted, queue="submit")
                wait_until(lambda: client.hlen("unacked"))
                server: Any = client.info("server")
                os.kill(server["process_id"], signal.SIGKILL)
            wait_until(lambda: worker.has_said("onnection to broker lost"))
        run = house.upload("magenta.mp4")
        with broker_of(house):
            Relay(house.service, Broker(make_app(house.settings))).ring()
            wait_until(lambda: house.run(run.id).state is RunState.DONE)
            assert worker.is_alive
    other.close()
