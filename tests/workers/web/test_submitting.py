"""Handing in: the same twice is one submission and one answer; whatever is typed is only data."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.workers.web.web_parts import VIDEO, Portal, Worker
from workers.store.records import Role

PATH = "/v1/submissions"
NUL = "\x00"


def test_an_upload_is_taken_in_whole(portal: Portal) -> None:
    response = portal.admin.post(PATH, files={"file": ("a.mp4", VIDEO)}, data={"tag": "mine"})
    receipt = response.json()

    assert response.status_code == 201
    assert response.headers["Location"] == f"{PATH}/{receipt['submission_id']}"
    source = portal.service.artifacts.get(f"{receipt['submission_id']}/source")
    assert source == VIDEO
    found = portal.admin.get(response.headers["Location"]).json()
    assert (found["filename"], found["tag"], found["size_bytes"]) == ("a.mp4", "mine", len(VIDEO))
    assert found["sha256"] == receipt["sha256"]
    assert [run["state"] for run in found["runs"]] == ["queued"]
    assert portal.quarantine == []


def test_the_same_upload_twice_is_one_submission_and_one_answer(
    portal: Portal, worker: Worker
) -> None:
    before = len(portal.sources())
    video = VIDEO + b"twice"
    first = portal.admin.post(PATH, files={"file": ("a.mp4", video)})
    worker.do_all(portal.run_of(first.json()["submission_id"]))
    second = portal.admin.post(PATH, files={"file": ("another name.mp4", video)})

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.content == second.content
    assert len(portal.sources()) == before + 1


def test_the_same_uri_twice_is_one_submission_and_one_answer(
    portal: Portal, worker: Worker
) -> None:
    body = {"uri": "file:///clips/twice.mp4"}
    first = portal.admin.post(PATH, json=body)
    worker.do_all(portal.run_of(first.json()["submission_id"]))
    second = portal.admin.post(PATH, json=body)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.content == second.content


@pytest.mark.parametrize("kind", ["upload", "uri"])
def test_the_same_under_another_policy_is_another_submission(portal: Portal, kind: str) -> None:
    ids = set()
    for policy in ("cats", "close"):
        if kind == "upload":
            form = {"files": {"file": VIDEO + b"policy"}, "data": {"policy": policy}}
        else:
            form = {"json": {"uri": "file:///clips/policy.mp4", "policy": policy}}
        response = portal.admin.post(PATH, **form)  # type: ignore[arg-type]
        assert response.status_code == 201
        assert response.json()["policy"]["id"] == policy
        ids.add(response.json()["submission_id"])

    assert len(ids) == 2


def test_a_key_that_was_used_for_something_else_is_a_conflict(portal: Portal) -> None:
    headers = {"Idempotency-Key": "upload-123"}
    before = len(portal.sources())
    statuses = [
        portal.admin.post(PATH, files={"file": VIDEO + end}, headers=headers).status_code
        for end in (b"1", b"1", b"2")
    ]
    other_policy = portal.admin.post(
        PATH, files={"file": VIDEO + b"1"}, data={"policy": "close"}, headers=headers
    )

    assert statuses == [201, 200, 409]
    assert other_policy.status_code == 409
    assert other_policy.json()["type"] == "urn:heatreel:problem:conflict"
    assert len(portal.sources()) == before + 1
    assert portal.quarantine == []


@pytest.mark.parametrize("kind", ["upload", "uri"])
def test_eight_at_once_are_one_submission(portal: Portal, kind: str) -> None:
    before = len(portal.sources())

    def submit(_: int) -> tuple[int, bytes]:
        with portal.client(Role.UPLOADER) as client:
            if kind == "upload":
                response = client.post(PATH, files={"file": VIDEO + b"at once"})
            else:
                response = client.post(PATH, json={"uri": "file:///clips/at-once.mp4"})
            return response.status_code, response.content

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(submit, range(8)))

    assert sorted(status for status, _ in answers) == [200] * 7 + [201]
    assert len({content for _, content in answers}) == 1
    assert len(portal.sources()) == before + (kind == "upload")


def test_what_is_wrong_with_one_of_many_is_the_others_affair_no_more(portal: Portal) -> None:
    """Writes that are committed together fail apart."""
    for i in range(4):
        headers = {"Idempotency-Key": f"taken-{i}"}
        body = {"uri": f"file:///clips/taken-{i}.mp4"}
        assert portal.admin.post(PATH, json=body, headers=headers).status_code == 201

    def submit(i: int) -> int:
        with portal.client(Role.UPLOADER) as client:
            headers = {"Idempotency-Key": f"taken-{i}"}
            body = {"uri": f"file:///clips/other-{i}.mp4"}
            return client.post(PATH, json=body, headers=headers).status_code

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(submit, range(8))) == [409] * 4 + [201] * 4


@pytest.mark.parametrize("key", ["", "x" * 201, "caf\xe9", "a\tb", "deleted:" + "f" * 32], ids=repr)
def test_an_odd_idempotency_key_is_refused(portal: Portal, key: str) -> None:
    headers = {b"Idempotency-Key": key.encode("latin-1")}
    for body in ({"json": {"uri": "file:///clips/a.mp4"}}, {"files": {"file": VIDEO}}):
        response = portal.admin.post(PATH, headers=headers, **body)
        assert response.status_code == 422


@pytest.mark.parametrize("key", ["x" * 200, "a b", "'; DROP TABLE submissions; --", "../../x"])
def test_any_printable_idempotency_key_will_do(portal: Portal, key: str) -> None:
    video = VIDEO + key.encode()
    headers = {"Idempotency-Key": key}
    statuses = [
        portal.admin.post(PATH, files={"file": video}, headers=headers).status_code
        for _ in range(2)
    ]
    assert statuses == [201, 200]


HOSTILE_TEXTS = [
    "../../../etc/passwd",
    "/etc/passwd",
    "C:\\Windows\\x.mp4",
    "<script>alert(1)</script>.mp4",
    "'; DROP TABLE submissions; --.mp4",
    "a\u202egp4.exe",
    "\u2028\u200b\ufeff.mp4",
    "\N{SNOWMAN}" * 100,
    "con",
    ".",
    "$(reboot).mp4",
    "%s%n%00.mp4",
    '"; filename="b.mp4',
]


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=ascii)
def test_a_hostile_tag_is_text(portal: Portal, text: str) -> None:
    submission_id = portal.hand_in(f"{abs(hash(text))}.mp4", tag=text)
    response = portal.admin.get(f"{PATH}/{submission_id}")

    assert response.json()["tag"] == text
    assert response.content.isascii()
    assert response.text.isprintable()
    listed = portal.admin.get(PATH, params={"tag": text}).json()["items"]
    assert [one["id"] for one in listed] == [submission_id]


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=ascii)
def test_a_hostile_file_name_is_text(portal: Portal, text: str) -> None:
    before = set(portal.service.settings.home.rglob("*"))
    name = text.replace("\\", "\\\\").replace('"', '\\"').encode()
    disposition = b'form-data; name="file"; filename="' + name + b'"'
    part = b"Content-Disposition: " + disposition + b"\r\n\r\n" + VIDEO + name
    body = b"--BOUNDARY\r\n" + part + b"\r\n--BOUNDARY--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=BOUNDARY"}
    response = portal.admin.post(PATH, content=body, headers=headers)

    assert response.status_code == 201, response.text
    wanted = text.rpartition("\\")[2] if text[1:3] == ":\\" else text
    assert response.json()["filename"] == wanted
    assert response.content.isascii()
    artifacts = portal.service.settings.home / "artifacts"
    submission_id = response.json()["submission_id"]
    made = set(portal.service.settings.home.rglob("*")) - before
    assert {path for path in made if path.is_relative_to(artifacts)} == {
        artifacts / submission_id,
        artifacts / submission_id / "source",
    }


def test_a_file_name_that_is_not_utf8_is_shown_with_its_bytes(portal: Portal) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="caf\xe9.mp4"\r\n\r\n'
        + VIDEO
        + b"latin\r\n--x--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    response = portal.admin.post(PATH, content=body, headers=headers)

    assert response.json()["filename"] == r"caf\xe9.mp4"


@pytest.mark.parametrize(
    "tag", ["a\nb", NUL, "\x1b[31m", "\x7f", "\x85", "x" * 501, "\ud800"], ids=range(7)
)
def test_control_characters_and_long_tags_are_refused(portal: Portal, tag: str) -> None:
    body = json.dumps({"uri": "file:///clips/a.mp4", "tag": tag})
    headers = {"Content-Type": "application/json"}
    response = portal.admin.post(PATH, content=body, headers=headers)
    assert response.status_code == 422
    if tag != "\ud800":  # which is no JSON either, and which no form can hold
        assert response.json()["errors"][0]["at"] == "tag"
        assert not response.json()["errors"][0]["message"].startswith("tag")
        form = portal.admin.post(PATH, files={"file": VIDEO}, data={"tag": tag})
        assert form.status_code == 422
        assert portal.quarantine == []


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        ("file:///etc/passwd", 403),
        ("file:///clips/../etc/passwd", 403),
        ("file:///clips/%2e%2e/etc/passwd", 403),
        ("file:///clips/..%2fetc/passwd", 403),
        ("file://evil.example/clips/a.mp4", 403),
        ("file:///clips/a.mp4?x=1", 403),
        ("file:///clips/a.mp4#x", 403),
        ("file:///clips/a%00.mp4", 403),
        ("file:///clips/%00/a.mp4", 403),
        ("file:///clips/", 403),
        ("http://169.254.169.254/latest/meta-data", 403),
        ("http://[::1", 403),
        ("upload:0123/source", 403),
        ("s3://bucket/key", 403),
        ("javascript:alert(1)", 403),
        ("", 403),
        ("\ud800", 422),
        ("file:///clips/" + "x" * 3000, 422),
        (7, 422),
        (None, 422),
        (["file:///clips/a.mp4"], 422),
    ],
    ids=repr,
)
def test_a_uri_outside_of_what_is_allowed_is_refused(
    portal: Portal, uri: object, status: int
) -> None:
    headers = {"Content-Type": "application/json"}
    response = portal.admin.post(PATH, content=json.dumps({"uri": uri}), headers=headers)

    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.content.isascii()


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"\xff\xfe", "application/json", 422),
        (b'{"uri": "file:///clips/a.mp4", "more": 1}', "application/json", 422),
        (b'{"uri": "file:///clips/a.mp4", "policy": "none"}', "application/json", 404),
        (b"[" * 60_000, "application/json", 422),
        (b"uri=x", "application/x-www-form-urlencoded", 415),
        (b"<uri/>", "text/xml", 415),
        (b"", "", 415),
        (b"x" * (65 << 10), "application/json", 413),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=", 400),
        (b"x", "multipart/form-data; boundary=" + "y" * 1000, 400),
        (b"--y\r\n", "multipart/form-data; boundary=y", 400),
        (b"--y--\r\n", "multipart/form-data; boundary=y", 422),
    ],
    ids=range(15),
)
def test_what_is_no_submission_is_refused(
    portal: Portal, content: bytes, content_type: str, status: int
) -> None:
    response = portal.admin.post(PATH, content=content, headers={"Content-Type": content_type})

    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert portal.quarantine == []
