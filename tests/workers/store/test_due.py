"""What is due: leases that run out, steps that are given up, and who is rung for."""

from tests.workers.store.store_parts import (
    NOW_MS,
    TERMS,
    hand_in,
    must_take,
    plan_run,
    step_of,
    take,
)
from workers.store.database import Database
from workers.store.due import (
    DIED,
    bury,
    find_abandoned,
    find_bells,
    measure_queues,
    note_rung,
    release_expired,
    take_abandoned,
)
from workers.store.progress import find_step
from workers.store.records import StepKind
from workers.store.steps import (
    Held,
    hand_back,
    renew,
    retry,
)


class TestLeases:
    """A heartbeat keeps a step; without one, and beyond the cap, it is lost."""

    def test_a_heartbeat_moves_the_end_of_the_lease(self, database: Database) -> None:
        step_id = step_of(database, hand_in(database).run, StepKind.PLAN)
        step = must_take(database, step_id)
        with database.write() as connection:
            lost = renew(connection, [Held(step, 0.5, 7)], TERMS, now_ms=NOW_MS + 50_000)
            assert lost == set()
            assert release_expired(connection, TERMS, now_ms=NOW_MS + 110_000) == 0
            assert release_expired(connection, TERMS, now_ms=NOW_MS + 110_001) == 1

    def test_no_heartbeat_goes_beyond_the_cap(self, database: Database) -> None:
        step = must_take(database, step_of(database, hand_in(database).run, StepKind.PLAN))
        with database.write() as connection:
            held = [Held(step, 0.5, 7)]
            assert renew(connection, held, TERMS, now_ms=NOW_MS + 590_000) == set()
            assert release_expired(connection, TERMS, now_ms=NOW_MS + 600_000) == 0
            assert renew(connection, held, TERMS, now_ms=NOW_MS + 600_000) == {step.id}
            assert release_expired(connection, TERMS, now_ms=NOW_MS + 600_001) == 1

    def test_what_is_released_rests_longer_each_time(self, database: Database) -> None:
        step_id = step_of(database, hand_in(database).run, StepKind.PLAN)
        now_ms, rests = NOW_MS, []
        for _ in range(4):
            must_take(database, step_id, now_ms=now_ms)
            died_ms = now_ms + 60_001
            with database.write() as connection:
                assert release_expired(connection, TERMS, now_ms=died_ms) == 1
            rest_ms = next(
                rest for rest in range(0, 120_000, 10_000)
                if take(database, step_id, now_ms=died_ms + rest) is not None
            )  # fmt: skip
            rests.append(rest_ms)
            now_ms = died_ms + rest_ms
            with database.read() as connection:
                step = find_step(connection, step_id)
            assert step
            with database.write() as connection:
                hand_back(connection, step, due_ms=now_ms, why="for the next turn")
        assert rests == [10_000, 20_000, 40_000, 60_000]


class TestGivingUp:
    """After so many attempts a step goes to a person, and takes its run with it."""

    def fail(self, database: Database, step_id: str, times: int) -> None:
        for _ in range(times):
            step = must_take(database, step_id)
            with database.write() as connection:
                retry(connection, step, due_ms=NOW_MS, why="the decoder died")

    def test_a_step_is_given_up_after_five_attempts_and_not_before(
        self, database: Database
    ) -> None:
        run = hand_in(database).run
        plan_run(database, run, chunks=2)
        step_id = step_of(database, run, StepKind.CHUNK, 1)
        self.fail(database, step_id, 4)
        with database.write() as connection:
            assert find_abandoned(connection, TERMS, now_ms=NOW_MS, limit=10) == []
        self.fail(database, step_id, 1)
        with database.write() as connection:
            assert find_abandoned(connection, TERMS, now_ms=NOW_MS, limit=10) == [step_id]
            abandoned = take_abandoned(connection, step_id, TERMS, now_ms=NOW_MS)

        assert abandoned
        assert abandoned.why == "the decoder died"
        assert abandoned.run.id == run.id
        assert take(database, step_of(database, run, StepKind.CHUNK, 0)) is None
        with database.write() as connection:
            assert take_abandoned(connection, step_id, TERMS, now_ms=NOW_MS) is None

    def test_a_worker_that_died_on_the_fifth_attempt_is_not_waited_for(
        self, database: Database
    ) -> None:
        step_id = step_of(database, hand_in(database).run, StepKind.PLAN)
        self.fail(database, step_id, 4)
        must_take(database, step_id)
        with database.write() as connection:
            assert find_abandoned(connection, TERMS, now_ms=NOW_MS + 60_000, limit=1) == []
            assert find_abandoned(connection, TERMS, now_ms=NOW_MS + 60_001, limit=1) == [step_id]
            assert release_expired(connection, TERMS, now_ms=NOW_MS + 60_001) == 0
            abandoned = take_abandoned(connection, step_id, TERMS, now_ms=NOW_MS + 60_001)

        assert abandoned
        assert abandoned.why == DIED

    def test_what_cannot_be_mended_is_buried_at_once(self, database: Database) -> None:
        run = hand_in(database).run
        step = must_take(database, step_of(database, run, StepKind.PLAN))
        with database.write() as connection:
            buried = bury(connection, step)
            assert buried
            assert buried.id == run.id
            assert bury(connection, step) is None


class TestBells:
    """Who is rung for, in which order, and when again."""

    def test_each_due_step_is_rung_for_once(self, database: Database) -> None:
        step_ids = [
            step_of(database, hand_in(database, f"key-{i}").run, StepKind.PLAN) for i in range(3)
        ]
        with database.write() as connection:
            bells = find_bells(connection, StepKind.PLAN, now_ms=NOW_MS, rung_before_ms=0, limit=10)
            note_rung(connection, [bell.id for bell in bells], now_ms=NOW_MS)
            again = find_bells(
                connection, StepKind.PLAN, now_ms=NOW_MS, rung_before_ms=NOW_MS, limit=10
            )
            lost = find_bells(
                connection, StepKind.PLAN, now_ms=NOW_MS, rung_before_ms=NOW_MS + 1, limit=10
            )
        assert {bell.id for bell in bells} == set(step_ids) == {bell.id for bell in lost}
        assert again == []

    def test_what_was_released_is_rung_for_again(self, database: Database) -> None:
        step_id = step_of(database, hand_in(database).run, StepKind.PLAN)
        with database.write() as connection:
            note_rung(connection, [step_id], now_ms=NOW_MS)
        step = must_take(database, step_id)
        with database.write() as connection:
            hand_back(connection, step, due_ms=NOW_MS, why="")
            bells = find_bells(connection, StepKind.PLAN, now_ms=NOW_MS, rung_before_ms=0, limit=1)
        assert [bell.id for bell in bells] == [step_id]

    def test_queues_count_what_is_due_and_what_is_in_work(self, database: Database) -> None:
        for i in range(3):
            hand_in(database, f"key-{i}")
        must_take(database, step_of(database, hand_in(database, "key-3").run, StepKind.PLAN))
        with database.read() as connection:
            plan, chunk, judge = measure_queues(connection, now_ms=NOW_MS)
        assert (plan.due, plan.running, plan.oldest_ms) == (3, 1, NOW_MS)
        assert (chunk.due, judge.running, judge.oldest_ms) == (0, 0, None)
