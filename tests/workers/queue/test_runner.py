"""Steps done for real: real videos, a real model, a real database; no broker is needed for it."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from pipeline.drawing.style import HeatmapStyle
from pipeline.media.here import DecoderHere
from pipeline.outputs.report_json import to_json_object
from pipeline.policies.read import parse_policy
from pipeline.scan import scan_video, write_scan
from tests.scanning import colour_scorer
from tests.workers.queue.queue_parts import House
from workers.queue.runner import StepRunner
from workers.sources import upload_name
from workers.store.due import find_next
from workers.store.lookups import find_submission
from workers.store.records import RERUN, Act, Run, RunState, StepKind
from workers.store.run_rows import Basis, PolicyCopy
from workers.store.submissions import rerun
from workers.store.tables import steps, verdicts
from workers.store.verdicts import find_report
from workers.submitting import UriRequest, submit_uri


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    made = House(tmp_path / "house", database_url)
    yield made
    made.close()


def due_steps(house: House) -> list[str]:
    with house.service.database.read() as connection:
        return list(connection.execute(select(steps.c.id).where(steps.c.state == "due")).scalars())


def do_all(house: House, runner: StepRunner) -> None:
    while due := due_steps(house):
        for step_id in due:
            runner.run(step_id)


def report_of(house: House, run: Run) -> dict[str, Any]:
    with house.service.database.read() as connection:
        report = json.loads(find_report(connection, run.id).content)
    assert isinstance(report, dict)
    return report


def test_a_short_video_is_done_at_one_ring(house: House) -> None:
    run = house.upload("magenta.mp4", tag="mine")
    house.runner().run(due_steps(house)[0])

    done = house.run(run.id)
    assert (done.state, done.outcome) == (RunState.DONE, "review")
    report = report_of(house, run)
    assert report["tag"] == "mine"
    segment = report["segments"][0]
    assert abs(segment["start_ms"] - 3000) <= 100
    with house.service.database.read() as connection:
        folder = find_report(connection, run.id).folder
    assert house.service.artifacts.get(f"{folder}/heatmap.png").startswith(b"\x89PNG")


def test_the_report_is_the_one_that_a_scan_gives(house: House, tmp_path: Path) -> None:
    run = house.upload("magenta.mp4")
    do_all(house, house.runner())
    report = report_of(house, run)
    scan = scan_video(
        house.clips / "magenta.mp4",
        submission_id=str(report["submission_id"]),
        policy=house.catalogue.find(None).policy.policy,
        scorer=colour_scorer(tmp_path),
        decoder=DecoderHere(),
        tag="",
        on_progress=lambda _share: None,
    )
    policy = house.catalogue.find(None).policy.policy
    scanned = to_json_object(write_scan(scan, tmp_path, policy=policy, style=HeatmapStyle()))

    assert report | {"timings": 0, "source": 0} == scanned | {"timings": 0, "source": 0}


def test_a_long_video_is_scored_in_chunks_and_judged_once(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str
) -> None:
    house = House(tmp_path / "house", database_url, chunk_s=2)
    request.addfinalizer(house.close)
    run = house.upload("magenta.mp4")
    runner = house.runner()
    threads = [threading.Thread(target=do_all, args=(house, runner)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    do_all(house, runner)

    report = report_of(house, run)
    assert report["verdict"] == "review"
    assert abs(report["segments"][0]["end_ms"] - 5000) <= 100
    with house.service.database.read() as connection:
        kinds = connection.execute(select(steps.c.kind)).scalars().all()
        assert len(connection.execute(select(verdicts)).all()) == 1
    assert sorted(kinds) == ["chunk"] * 4 + ["judge", "plan"]


def test_what_is_no_video_gets_its_error_with_the_reason(house: House) -> None:
    run = house.upload("broken.mp4")
    do_all(house, house.runner())

    done = house.run(run.id)
    assert (done.state, done.outcome) == (RunState.DONE, "error")
    assert "is no video" in report_of(house, run)["reasons"][0]["detail"]


@pytest.mark.parametrize("message", [None, 42, [], {}, "", "f" * 32, "'; --", b"x"], ids=repr)
def test_a_message_that_is_no_bell_does_nothing(house: House, message: object) -> None:
    run = house.upload("plain.mp4")
    house.runner().run(message)

    assert house.run(run.id).state is RunState.QUEUED


def test_a_bell_that_is_rung_twice_is_answered_once(house: House) -> None:
    run = house.upload("plain.mp4")
    bell = due_steps(house)[0]
    runner = house.runner()
    runner.run(bell)
    before = report_of(house, run)
    runner.run(bell)

    assert report_of(house, run) == before


def test_each_kind_of_step_may_have_workers_of_its_own(house: House) -> None:
    run = house.upload("plain.mp4")
    for kind in StepKind:
        (bell,) = due_steps(house)
        house.runner(frozenset([kind])).run(bell)

    assert house.run(run.id).outcome == "pass"


def test_an_upload_that_was_changed_in_the_store_is_not_judged_as_what_it_was(
    house: House,
) -> None:
    run = house.upload("plain.mp4")
    name = f"{run.submission_id}/source"
    house.service.artifacts.put_file(name, house.clips / "magenta.mp4")
    do_all(house, house.runner())

    assert house.run(run.id).outcome == "error"
    assert "have changed" in report_of(house, run)["reasons"][0]["detail"]


def test_one_ring_is_enough_for_all_that_is_due(house: House) -> None:
    runs = [house.upload(name) for name in ("plain.mp4", "broken.mp4", "magenta.mp4")]
    house.runner().run(due_steps(house)[0])

    assert [house.run(run.id).outcome for run in runs] == ["pass", "error", "review"]


def test_a_rerun_judges_what_was_scored_and_looks_at_no_video(house: House) -> None:
    first = house.upload("magenta.mp4")
    do_all(house, house.runner())
    house.service.artifacts.erase(upload_name(first.submission_id))
    scored = house.catalogue.find(None)
    content = scored.policy.content.replace(b'id = "cats"', b'id = "again"')
    again = Basis(PolicyCopy(parse_policy(content, name="again"), content), scored.model)
    with house.service.database.write() as connection:
        submission = find_submission(connection, first.submission_id, tenant=first.tenant)
        act = Act(first.tenant, "somebody", house.service.now_ms())
        run = rerun(connection, act, submission, again, can_reuse=lambda _: True).run
    do_all(house, house.runner(decoder=("false",)))

    before, after = report_of(house, first), report_of(house, run)
    assert house.run(run.id).outcome == "review"
    assert (before["policy"]["id"], after["policy"]["id"]) == ("cats", "again")
    assert after["segments"] == before["segments"]


def test_the_oldest_run_goes_first_and_a_rerun_last(house: House) -> None:
    with house.service.database.read() as connection:
        assert find_next(connection, list(StepKind), now_ms=house.service.now_ms(), limit=8) == []
    old, new = house.upload("plain.mp4"), house.upload("magenta.mp4")
    with house.service.database.write() as connection:
        connection.execute(update(steps).where(steps.c.run_id == old.id).values(priority=RERUN))
    with house.service.database.read() as connection:
        found = find_next(connection, list(StepKind), now_ms=house.service.now_ms(), limit=8)
        order = [
            connection.execute(select(steps.c.run_id).where(steps.c.id == step_id)).scalar_one()
            for step_id in found
        ]

    assert order == [new.id, old.id]


def test_a_file_by_uri_that_is_larger_than_an_upload_may_be_is_not_judged(tmp_path: Path) -> None:
    """It ends with a verdict that says why, and is not fetched again and again."""
    url = f"sqlite:///{tmp_path / 'heatreel.db'}"
    house = House(tmp_path / "house", url, max_upload_bytes=100)
    act = Act("default", "the tests", house.service.now_ms())
    asked = UriRequest((house.clips / "magenta.mp4").as_uri(), "", None, None)
    run = submit_uri(house.service, house.catalogue, act, asked).run
    do_all(house, house.runner())

    assert house.run(run.id).outcome == "error"
    (reason,) = report_of(house, run)["reasons"]
    size_bytes = (house.clips / "magenta.mp4").stat().st_size
    assert reason["kind"] == "limit"
    assert f"{size_bytes} bytes" in reason["detail"]
    assert "allows 100" in reason["detail"]
    house.close()
