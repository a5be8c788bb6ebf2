"""Reports and the files beside them: as they were filed, each with its own type."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from tests.workers.web.web_parts import Portal, Worker, running, wait_until
from workers.store.artifacts import ArtifactStore

PATH = "/v1/submissions"
FILES = {
    "heatmap": ("heatmap.png", b"\x89PNG heatmap", "image/png"),
    "strip": ("strip.png", b"\x89PNG strip", "image/png"),
    "heatmap_data": ("heatmap.json", b'{"a": 1}', "application/json"),
    "frames": ("frames.parquet", b"PAR1" * 700_000, "application/vnd.apache.parquet"),
}
REPORT = {
    "tag": "\u202e<b>\x85",
    "score": 0.1,
    "artifacts": {kind: name for kind, (name, _, _) in FILES.items()},
}


def judge(portal: Portal, worker: Worker, name: str, **filed: Any) -> str:
    """Hand in a video that gets this report and these files; return its id."""
    submission_id = portal.hand_in(name)
    run = portal.run_of(submission_id)
    folder = f"{submission_id}/{run.id}/judge-1"
    for file_name, content, _ in FILES.values():
        portal.service.artifacts.put(f"{folder}/{file_name}", content)
    worker.do_all(run, report=json.dumps(REPORT), **({"folder": folder} | filed))
    return submission_id


@pytest.fixture(scope="module")
def judged(portal: Portal) -> str:
    return judge(portal, Worker(portal), "judged.mp4")


def test_a_report_is_what_was_filed(portal: Portal, judged: str) -> None:
    response = portal.admin.get(f"{PATH}/{judged}/report")

    assert response.json() == REPORT
    assert response.headers["Content-Type"] == "application/json"
    assert response.content.isascii()


@pytest.mark.parametrize("kind", FILES)
def test_a_file_comes_whole_and_as_what_it_is(portal: Portal, judged: str, kind: str) -> None:
    name, content, media_type = FILES[kind]
    response = portal.admin.get(f"{PATH}/{judged}/artifacts/{kind}")

    assert response.content == content
    headers = response.headers
    assert headers["Content-Type"] == media_type
    assert headers["Content-Length"] == str(len(content))
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    way = "inline" if media_type == "image/png" else "attachment"
    suffix = name.partition(".")[2]
    assert headers["Content-Disposition"] == f'{way}; filename="{kind}.{suffix}"'


@pytest.mark.parametrize(
    ("kind", "status"),
    [("report", 422), ("../report.json", 404), ("..%2f..%2fsource", 404), ("heatmap.png", 422)],
)
def test_only_files_that_the_report_names_are_given(
    portal: Portal, judged: str, kind: str, status: int
) -> None:
    response = portal.admin.get(f"{PATH}/{judged}/artifacts/{kind}")

    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"


def test_the_report_is_that_of_the_policy_asked_for(portal: Portal, worker: Worker) -> None:
    submission_id = judge(portal, worker, "policies.mp4")
    portal.clock.ahead_ms += 1
    place = f"{PATH}/{submission_id}"
    portal.admin.post(f"{place}/runs", json={"policy": "close"})
    assert portal.admin.get(f"{place}/report").json() == REPORT
    assert portal.admin.get(f"{place}/report?policy=close").status_code == 404

    worker.do_all(portal.run_of(submission_id), report='{"newer": 1}')
    assert portal.admin.get(f"{place}/report").json() == {"newer": 1}
    assert portal.admin.get(f"{place}/report?policy=close").json() == {"newer": 1}
    assert portal.admin.get(f"{place}/report?policy=cats").json() == REPORT
    assert portal.admin.get(f"{place}/report?policy=none").status_code == 404
    heatmap = portal.admin.get(f"{place}/artifacts/heatmap?policy=cats")
    assert heatmap.content == FILES["heatmap"][1]


def test_what_is_not_judged_has_no_report(portal: Portal) -> None:
    submission_id = portal.hand_in("waiting.mp4")
    for place in ("report", "artifacts/heatmap"):
        assert portal.admin.get(f"{PATH}/{submission_id}/{place}").status_code == 404


def test_where_nothing_was_drawn_there_are_no_files(portal: Portal, worker: Worker) -> None:
    submission_id = judge(portal, worker, "undrawn.mp4", folder=None)

    assert portal.admin.get(f"{PATH}/{submission_id}/report").status_code == 200
    assert portal.admin.get(f"{PATH}/{submission_id}/artifacts/strip").status_code == 404


def test_a_file_that_is_gone_is_not_found(portal: Portal, worker: Worker) -> None:
    submission_id = judge(portal, worker, "erased.mp4")
    portal.service.artifacts.erase(submission_id)

    assert portal.admin.get(f"{PATH}/{submission_id}/artifacts/strip").status_code == 404


class WatchedStore(ArtifactStore):
    """Artifacts that know how many of them are being read."""

    reading = 0

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        with super().open(name) as file:
            WatchedStore.reading += 1
            try:
                yield file
            finally:
                WatchedStore.reading -= 1


def test_whoever_stops_reading_holds_no_file(tmp_path: Path) -> None:
    with running(tmp_path, store=WatchedStore) as portal:
        submission_id = judge(portal, Worker(portal), "stopped.mp4")
        with portal.admin.stream("GET", f"{PATH}/{submission_id}/artifacts/frames") as response:
            pieces = response.iter_raw(1024)
            assert next(pieces)
            assert WatchedStore.reading == 1
        wait_until(lambda: WatchedStore.reading == 0)
