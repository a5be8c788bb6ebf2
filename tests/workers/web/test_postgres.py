"""The API on PostgreSQL, where more can go wrong: NUL bytes, deadlocks, transactions that fail."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.workers.servers import Postgres
from tests.workers.web.web_parts import VIDEO, Portal, Worker, running
from workers.store.records import Role

PATH = "/v1/submissions"
ID = "f" * 32


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Portal]:
    folder = tmp_path_factory.mktemp("postgres")
    with running(folder, database_url=postgres.create()) as portal:
        yield portal


@pytest.mark.parametrize("kind", ["upload", "uri"])
def test_eight_at_once_are_one_submission(portal: Portal, kind: str) -> None:
    def submit(_: int) -> tuple[int, bytes]:
        with portal.client(Role.UPLOADER) as client:
            if kind == "upload":
                response = client.post(PATH, files={"file": VIDEO})
            else:
                response = client.post(PATH, json={"uri": "file:///clips/at-once.mp4"})
            return response.status_code, response.content

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(submit, range(8)))

    assert sorted(status for status, _ in answers) == [200] * 7 + [201]
    assert len({content for _, content in answers}) == 1


def test_many_at_once_fail_apart(portal: Portal) -> None:
    def submit(i: int) -> int:
        with portal.client(Role.UPLOADER) as client:
            headers = {"Idempotency-Key": f"key-{i % 10}"}
            body = {"uri": f"file:///clips/{i}.mp4"}
            return client.post(PATH, json=body, headers=headers).status_code

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(submit, range(20))) == [201] * 10 + [409] * 10


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{PATH}/{ID}%00", 404),
        (f"{PATH}/%00", 404),
        (f"{PATH}/%ff", 404),
        (f"{PATH}?before=%00", 422),
        (f"{PATH}?tag=%00", 422),
        (f"{PATH}?tag=%ff", 200),
        (f"{PATH}/{ID}/report?policy=%00", 404),
        ("/v1/audit?after=9223372036854775807", 200),
        ("/v1/audit?after=9223372036854775808", 422),
        ("/readyz", 200),
    ],
)
def test_what_the_database_cannot_hold_does_not_get_to_it(
    portal: Portal, path: str, status: int
) -> None:
    assert portal.admin.get(path).status_code == status


@pytest.mark.parametrize(
    "body",
    [
        {"uri": "file:///clips/a.mp4", "tag": "\x00"},
        {"uri": "file:///clips/a.mp4", "policy": "\x00"},
        {"uri": "file:///clips/\x00.mp4"},
        {"uri": "file:///clips/%00/a.mp4"},
    ],
    ids=repr,
)
def test_nul_bytes_are_refused(portal: Portal, body: dict[str, str]) -> None:
    assert portal.admin.post(PATH, json=body).status_code in (403, 404, 422)


def test_a_submission_lives_from_upload_to_deletion(portal: Portal) -> None:
    submission_id = portal.hand_in("life.mp4", tag="life")
    Worker(portal).do_all(portal.run_of(submission_id))
    found = portal.admin.get(PATH, params={"tag": "life", "state": "done"}).json()["items"]
    assert [one["id"] for one in found] == [submission_id]
    assert portal.admin.get(f"{PATH}/{submission_id}/report").json() == {}
    assert "event: end" in portal.admin.get(f"{PATH}/{submission_id}/progress").text
    assert 'heatreel_verdicts{outcome="pass"} 1.0' in portal.admin.get("/metrics").text
    assert portal.admin.delete(f"{PATH}/{submission_id}").status_code == 204
    assert portal.admin.get(f"{PATH}/{submission_id}").status_code == 404
