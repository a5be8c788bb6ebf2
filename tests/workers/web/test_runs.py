"""What is done to a submission: cancelled, judged again, deleted; and how far it is."""

import json
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import pytest

from tests.workers.web.web_parts import VIDEO, Portal, Worker, running, wait_until
from workers.web.desk import MAX_STREAMS
from workers.web.progress import POLL_S

PATH = "/v1/submissions"


def test_a_submission_is_cancelled_once_and_for_all(portal: Portal) -> None:
    submission_id = portal.hand_in("cancelled.mp4")
    for _ in range(2):
        response = portal.admin.post(f"{PATH}/{submission_id}/cancel")
        assert response.status_code == 200
        assert [run["state"] for run in response.json()["runs"]] == ["cancelled"]


def test_what_is_over_is_not_cancelled(portal: Portal, worker: Worker) -> None:
    submission_id = portal.hand_in("over.mp4")
    worker.do_all(portal.run_of(submission_id))

    response = portal.admin.post(f"{PATH}/{submission_id}/cancel")
    assert [run["state"] for run in response.json()["runs"]] == ["done"]


def test_a_rerun_scores_nothing_again_where_that_will_do(portal: Portal, worker: Worker) -> None:
    submission_id = portal.hand_in("again.mp4", policy="close")
    worker.do_all(portal.run_of(submission_id))
    first = portal.admin.post(f"{PATH}/{submission_id}/runs", json={"policy": "cats"})
    second = portal.admin.post(f"{PATH}/{submission_id}/runs", json={"policy": "cats"})

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    rerun = portal.run_of(submission_id)
    assert rerun.scored_by == portal.run_of(submission_id, 1).id
    worker.judge(rerun)
    states = [run["state"] for run in portal.admin.get(f"{PATH}/{submission_id}").json()["runs"]]
    assert states == ["done", "done"]


def test_a_rerun_that_looks_closer_scores_again(portal: Portal, worker: Worker) -> None:
    submission_id = portal.hand_in("closer.mp4", policy="cats")
    worker.do_all(portal.run_of(submission_id))
    assert (
        portal.admin.post(f"{PATH}/{submission_id}/runs", json={"policy": "close"}).status_code
        == 201
    )

    assert portal.run_of(submission_id).scored_by is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"policy": "none"}, 404),
        ({"policy": 7}, 422),
        ({"policy": "x" * 201}, 422),
        ({"more": 1}, 422),
        ([], 422),
    ],
    ids=repr,
)
def test_a_rerun_of_nonsense_is_refused(portal: Portal, body: object, status: int) -> None:
    receipt = portal.admin.post(PATH, json={"uri": "file:///clips/nonsense.mp4"}).json()
    place = f"{PATH}/{receipt['submission_id']}/runs"
    headers = {"Content-Type": "application/json"}
    response = portal.admin.post(place, content=json.dumps(body), headers=headers)
    assert response.status_code == status


def test_what_is_deleted_is_gone_and_may_be_handed_in_anew(portal: Portal) -> None:
    first = portal.admin.post(PATH, files={"file": VIDEO + b"deleted"}).json()["submission_id"]
    assert portal.admin.delete(f"{PATH}/{first}").status_code == 204

    assert portal.admin.get(f"{PATH}/{first}").status_code == 404
    assert portal.admin.delete(f"{PATH}/{first}").status_code == 404
    assert portal.admin.post(f"{PATH}/{first}/runs", json={}).status_code == 404
    again = portal.admin.post(PATH, files={"file": VIDEO + b"deleted"})
    assert again.status_code == 201
    assert again.json()["submission_id"] != first


def test_a_submission_tells_how_far_it_is(portal: Portal, worker: Worker) -> None:
    submission_id = portal.hand_in("far.mp4")

    def progress() -> tuple[object, int, int | None]:
        (one,) = portal.admin.get(f"{PATH}/{submission_id}").json()["progress"]
        return one["progress"], one["frames_done"], one["frames_planned"]

    assert progress() == (0.0, 0, None)
    worker.plan(portal.run_of(submission_id), chunks=2)
    worker.score(portal.run_of(submission_id), 0)
    assert progress() == (pytest.approx(0.495), 10, 20)
    worker.score(portal.run_of(submission_id), 1)
    worker.judge(portal.run_of(submission_id))
    assert progress() == (1.0, 20, 20)


def events_of(text: str) -> list[tuple[str, dict[str, object]]]:
    blocks = [block.split("\n") for block in text.split("\n\n") if block.startswith("event")]
    return [(kind[7:], json.loads(data[6:])) for kind, data in blocks]


def test_a_stream_tells_what_changes_and_ends_when_all_is_over(
    portal: Portal, worker: Worker
) -> None:
    submission_id = portal.hand_in("stream.mp4")
    run = portal.run_of(submission_id)
    text, unchanged = "", Event()
    with portal.admin.stream("GET", f"{PATH}/{submission_id}/progress") as response:
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        lines = response.iter_text()
        todo = worker.parts_of(run)
        for piece in lines:
            text += piece
            unchanged.wait(2.5 * POLL_S)  # several looks at what stays as it is
            next(todo, None)
    events = events_of(text)

    assert [kind for kind, _ in events] == ["progress"] * (len(events) - 1) + ["end"]
    told = [event["runs"][0] for _, event in events[:-1]]  # type: ignore[index]
    assert [one["state"] for one in (told[0], told[-1])] == ["queued", "done"]
    shares = [one["progress"] for one in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len({json.dumps(one) for one in told}) == len(told)


def test_a_stream_of_what_is_over_ends_at_once(portal: Portal) -> None:
    submission_id = portal.hand_in("ended.mp4")
    portal.admin.post(f"{PATH}/{submission_id}/cancel")
    text = portal.admin.get(f"{PATH}/{submission_id}/progress").text

    assert [kind for kind, _ in events_of(text)] == ["progress", "end"]


def test_a_stream_of_what_is_deleted_ends(portal: Portal) -> None:
    submission_id = portal.hand_in("deleted-stream.mp4")
    with portal.admin.stream("GET", f"{PATH}/{submission_id}/progress") as response:
        pieces = response.iter_text()
        next(pieces)
        portal.admin.delete(f"{PATH}/{submission_id}")
        assert "event: end" not in "".join(pieces)


def test_streams_at_once_are_bounded_and_a_place_is_free_again(tmp_path: Path) -> None:
    with running(tmp_path) as portal, ExitStack() as others:
        place = f"{PATH}/{portal.hand_in('bounded.mp4')}/progress"
        streams = portal.server.config.app.state.desk.streams  # type: ignore[union-attr]
        for number in range(MAX_STREAMS - 1):
            others.enter_context(streams.take(f"another {number}"))
        with portal.admin.stream("GET", place) as response:
            pieces = response.iter_text()  # whoever lets go of it hangs up
            assert next(pieces)
            refused = portal.admin.get(place)
            assert refused.status_code == 503
            assert refused.headers["Content-Type"] == "application/problem+json"

        def is_free() -> bool:
            with portal.admin.stream("GET", place) as response:
                return response.status_code == 200

        wait_until(is_free)
