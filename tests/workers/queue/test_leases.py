"""Leases: kept by heartbeats up to their cap, told when they are lost, handed back at shutdown."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.workers.queue.process_parts import wait_until
from tests.workers.queue.queue_parts import WORKER, House
from tests.workers.queue.test_runner import due_steps
from tests.workers.servers import Postgres
from workers.errors import LeaseLostError
from workers.queue.leases import HandedBackError, Lease, Leases
from workers.store.due import release_expired
from workers.store.records import Step, StepKind
from workers.store.steps import Claimant, claim
from workers.store.tables import steps

LEASE_S = 2.0


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    made = House(tmp_path / "house", database_url, lease_s=LEASE_S)
    yield made
    made.close()


@pytest.fixture
def leases(house: House) -> Iterator[Leases]:
    made = Leases(house.service)
    made.start()
    yield made
    made.end()


def claim_one(house: House) -> Step:
    """Hand in a video and claim its first step."""
    house.upload("plain.mp4")
    claimant = Claimant(WORKER, frozenset(StepKind), house.settings.terms)
    with house.service.database.write() as connection:
        step = claim(connection, due_steps(house)[0], claimant, now_ms=house.service.now_ms())
    assert step
    return step


def row_of(house: House, step: Step) -> Any:
    with house.service.database.read() as connection:
        return connection.execute(select(steps).where(steps.c.id == step.id)).one()


def wait_s(seconds: float) -> None:
    threading.Event().wait(seconds)


def is_lost(lease: Lease) -> bool:
    try:
        lease.report(0.5)
    except LeaseLostError:
        return True
    return False


def test_heartbeats_keep_a_step_beyond_its_lease(house: House, leases: Leases) -> None:
    step = claim_one(house)
    with leases.hold(step) as lease:
        wait_s(1.5 * LEASE_S)
        with house.service.database.write() as connection:
            now_ms = house.service.now_ms()
            assert release_expired(connection, house.settings.terms, now_ms=now_ms) == 0
        assert not is_lost(lease)
    assert row_of(house, step).state == "running"


def test_without_heartbeats_it_is_taken_back(house: House) -> None:
    step = claim_one(house)
    wait_s(1.2 * LEASE_S)
    with house.service.database.write() as connection:
        now_ms = house.service.now_ms()
        assert release_expired(connection, house.settings.terms, now_ms=now_ms) == 1
    assert row_of(house, step).state == "due"


def test_heartbeats_say_how_far_a_step_is(house: House, leases: Leases) -> None:
    step = claim_one(house)
    with leases.hold(step) as lease:
        lease.frames = 7
        lease.report(0.25)
        wait_until(lambda: row_of(house, step).progress == 0.25)
        assert row_of(house, step).frames == 7
        lease.report(40.0)
        wait_until(lambda: row_of(house, step).progress == 1.0)


def test_a_step_that_somebody_else_has_is_told_to_be_lost(house: House, leases: Leases) -> None:
    step = claim_one(house)
    with leases.hold(step) as lease:
        with house.service.database.write() as connection:
            connection.execute(update(steps).values(fence=step.fence + 1))
        wait_until(lambda: is_lost(lease))


def test_beyond_the_cap_no_heartbeat_holds_a_step(house: House, leases: Leases) -> None:
    step = claim_one(house)
    with leases.hold(step) as lease:
        with house.service.database.write() as connection:
            connection.execute(update(steps).values(cap_ms=house.service.now_ms()))
        wait_until(lambda: is_lost(lease))


def test_of_several_steps_only_those_that_are_lost_are_told_so(
    house: House, leases: Leases
) -> None:
    lost, kept = claim_one(house), claim_one(house)
    with leases.hold(lost) as lost_lease, leases.hold(kept) as kept_lease:
        with house.service.database.write() as connection:
            connection.execute(update(steps).where(steps.c.id == lost.id).values(state="cancelled"))
        wait_until(lambda: is_lost(lost_lease))
        assert not is_lost(kept_lease)


def test_at_shutdown_a_step_may_be_finished_within_its_time(house: House, leases: Leases) -> None:
    with leases.hold(claim_one(house)) as lease:
        before = leases.are_stopping
        leases.stop_by(float("inf"))
        assert (before, leases.are_stopping) == (False, True)
        lease.report(0.5)

        leases.stop_by(0.0)
        with pytest.raises(HandedBackError):
            lease.report(0.5)


def test_what_is_taken_up_during_shutdown_is_handed_back_too(house: House, leases: Leases) -> None:
    leases.stop_by(0.0)
    with leases.hold(claim_one(house)) as lease, pytest.raises(HandedBackError):
        lease.report(0.5)


def test_heartbeats_survive_a_database_that_is_away_for_a_moment(
    tmp_path: Path, postgres: Postgres
) -> None:
    house = House(tmp_path / "house", postgres.create(), lease_s=20)
    leases = Leases(house.service)
    leases.start()
    with leases.hold(claim_one(house)) as lease:
        before_ms = row_of(house, lease.step).lease_ms
        postgres.stop()
        wait_s(6)  # longer than from one beat to the next
        postgres.start_again()
        wait_until(lambda: row_of(house, lease.step).lease_ms > before_ms + 6000)
        assert not is_lost(lease)
    leases.end()
    house.close()
