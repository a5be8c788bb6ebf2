"""Uploads that are too large, too slow, cut off, or no videos: refused, and nothing stays."""

import bz2
import gzip
import logging
import lzma
import os
import socket
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.web.web_parts import OUR, VIDEO, Portal, running, wait_until
from workers.store.records import Role
from workers.web.desk import MAX_UPLOADS
from workers.web.forms import UploadForm
from workers.web.looks import name_stranger
from workers.web.uploads import sweep

PATH = "/v1/submissions"
BOUNDARY = b"BOUNDARY"
MAX_BYTES = 1 << 20  # of the portal's settings


def part(name: str, value: bytes, more: str = "") -> bytes:
    head = f'--BOUNDARY\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + value + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--BOUNDARY--\r\n"


FILE = part("file", VIDEO, '; filename="a.mp4"')


@contextmanager
def uploading(portal: Portal, length: str) -> Iterator[socket.socket]:
    """Give a connection on which the headers of an upload were sent."""
    host, _, port = portal.url.removeprefix("http://").partition(":")
    lines = [
        f"POST {PATH} HTTP/1.1",
        "Host: tests",
        f"Authorization: Bearer {portal.secrets[OUR, Role.UPLOADER]}",
        "Content-Type: multipart/form-data; boundary=BOUNDARY",
        length,
    ]
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        yield connection


def status_on(connection: socket.socket) -> int:
    return int(connection.recv(65536).split(b" ")[1])


def test_a_file_may_be_as_large_as_the_limit_and_no_larger(portal: Portal) -> None:
    statuses = []
    for more in (0, 1):
        video = VIDEO.ljust(MAX_BYTES + more, b"\xff")
        statuses.append(portal.admin.post(PATH, files={"file": video}).status_code)

    assert statuses == [201, 413]
    assert portal.quarantine == []


def test_what_says_that_it_is_too_large_is_refused_at_once(portal: Portal) -> None:
    with uploading(portal, f"Content-Length: {MAX_BYTES * 2}") as connection:
        assert status_on(connection) == 413
    assert portal.quarantine == []


def test_what_has_no_end_is_refused_when_it_is_too_large(portal: Portal) -> None:
    with uploading(portal, "Transfer-Encoding: chunked") as connection:
        sent = 0
        piece = FILE[:-2] + b"\xff" * (64 << 10)
        try:
            while sent < 64 * MAX_BYTES:
                connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                sent += len(piece)
                piece = b"\xff" * (64 << 10)
        except OSError:  # it has hung up
            pass
        assert sent < 32 * MAX_BYTES
    wait_until(lambda: portal.quarantine == [])


def test_who_sends_too_much_can_read_why(portal: Portal) -> None:
    with uploading(portal, "Transfer-Encoding: chunked") as connection:
        piece = FILE[:-2] + b"\xff" * 2 * MAX_BYTES
        connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


def test_a_field_has_an_end_long_before_the_file_has(portal: Portal) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=BOUNDARY"}
    statuses = [
        portal.admin.post(
            PATH, content=form(part("policy", b"x" * length), FILE), headers=headers
        ).status_code
        for length in (4096, 4097)
    ]
    assert statuses == [404, 422]


def test_an_upload_that_is_cut_off_leaves_nothing(
    portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    before = portal.sources()
    with (
        caplog.at_level(logging.INFO, "workers"),
        uploading(portal, "Content-Length: 500000") as connection,
    ):
        connection.sendall(FILE[:-2] + b"\xff" * 1000)
        wait_until(lambda: len(portal.quarantine) == 1)
        connection.close()
        wait_until(lambda: f"POST {PATH} 499" in caplog.messages)

    assert portal.quarantine == []
    assert portal.sources() == before
    assert not [line for line in caplog.records if line.levelno > logging.INFO]


def test_an_upload_that_is_too_slow_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        running(tmp_path, upload_timeout_s=0.3) as portal,
        uploading(portal, "Content-Length: 500000") as connection,
    ):
        connection.sendall(FILE[:-2])
        assert status_on(connection) == 408
        wait_until(lambda: portal.quarantine == [])


def test_uploads_at_once_are_bounded(tmp_path: Path) -> None:
    with running(tmp_path) as portal, ExitStack() as others:
        uploads = portal.server.config.app.state.desk.uploads  # type: ignore[union-attr]
        for number in range(MAX_UPLOADS - 1):
            others.enter_context(uploads.take(f"another {number}"))
        with uploading(portal, "Content-Length: 500000") as connection:
            connection.sendall(FILE[:-2])
            wait_until(lambda: len(portal.quarantine) == 1)
            response = portal.admin.post(PATH, files={"file": VIDEO})
            assert response.status_code == 503
            assert response.headers["Retry-After"]
        wait_until(lambda: portal.quarantine == [])
        wait_until(lambda: portal.admin.post(PATH, files={"file": VIDEO}).status_code == 201)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (form(part("file", b"", '; filename="a.mp4"')), 422),
        (form(part("tag", b"x")), 422),
        (form(FILE, FILE), 422),
        (form(FILE, part("tag", b"1"), part("tag", b"2")), 422),
        (form(FILE, part("else", b"1")), 422),
        (form(FILE, part("", b"1")), 422),
        (form(FILE, b"--BOUNDARY\r\n\r\nno header\r\n"), 422),
        (form(FILE, part("policy", b"none")), 404),
        (form(FILE, part("policy", b"\xff")), 404),
        (form(part("file", b"#EXTM3U\nhttp://x/", '; filename="a.m3u8"')), 415),
        (form(part("file", b"\xff\xd8\xff\xe0" + VIDEO, '; filename="a.mp4"')), 415),
        (FILE, 400),
        (FILE[:-2], 400),
        (b"", 400),
        (b"no form at all", 400),
        (b"--BOUNDARY\r\n" + b"X: y\r\n" * 1000, 400),
        (b"--BOUNDARY\r\nX: " + b"y" * 10_000, 400),
    ],
    ids=range(17),
)
def test_what_is_no_form_with_one_video_is_refused(
    portal: Portal, body: bytes, status: int
) -> None:
    before = portal.sources()
    headers = {"Content-Type": "multipart/form-data; boundary=BOUNDARY"}
    response = portal.admin.post(PATH, content=body, headers=headers)

    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert portal.quarantine == []
    assert portal.sources() == before


@given(st.binary(max_size=3000), st.lists(st.integers(1, 200), max_size=50))
def test_a_form_is_read_the_same_however_it_is_cut(content: bytes, lengths: list[int]) -> None:
    boundary = b"b0"
    body = (
        b'--b0\r\nContent-Disposition: form-data; name="tag"\r\n\r\nmine\r\n'
        b'--b0\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        + content.replace(boundary, b"")
        + b"\r\n--b0--\r\n"
    )
    taken = bytearray()
    read = UploadForm("multipart/form-data; boundary=b0", taken.extend)
    start = 0
    for length in lengths:
        read.feed(body[start : start + length])
        start += length
    read.feed(body[start:])
    read.end()

    assert bytes(taken) == content.replace(boundary, b"")
    assert (read.fields, read.filename) == ({"tag": "mine"}, "x")


def packed(kind: str, path: Path) -> bytes:
    """Return an archive of this kind with a video in it."""
    video = path / "a.mp4"
    video.write_bytes(VIDEO)
    match kind:
        case "gz":
            return gzip.compress(VIDEO)
        case "bz2":
            return bz2.compress(VIDEO)
        case "xz":
            return lzma.compress(VIDEO)
        case "empty.zip":
            return b"PK\x05\x06" + bytes(18)
        case "zip":
            with zipfile.ZipFile(path / "made", "w") as archive:
                archive.write(video, "a.mp4")
        case _:
            modes = {"tar": "w", "tar.gz": "w:gz", "tar.xz": "w:xz"}
            with tarfile.open(path / "made", modes[kind]) as archive:  # type: ignore[call-overload]
                archive.add(video, "a.mp4")
    return (path / "made").read_bytes()


@pytest.mark.parametrize("kind", ["zip", "empty.zip", "tar", "tar.gz", "tar.xz", "gz", "bz2", "xz"])
def test_archives_are_refused(portal: Portal, tmp_path: Path, kind: str) -> None:
    """Nothing is unpacked, ever."""
    response = portal.admin.post(PATH, files={"file": ("a.mp4", packed(kind, tmp_path))})

    assert response.status_code == 415
    assert response.headers["Content-Type"] == "application/problem+json"
    assert portal.quarantine == []


@pytest.mark.parametrize(
    "head",
    [
        b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00", b"7z\xbc\xaf\x27\x1c\x00\x04",
        b"\x28\xb5\x2f\xfd\x24", b"\x04\x22\x4d\x18", b"LZIP\x01", b"\x1f\x9d\x90", b"MSCF",
        b"!<arch>\n", b"PK\x07\x08PK\x03\x04", b"\x00" * 257 + b"ustar\x0000",
        b"\x00" * 257 + b"ustar  \x00",
    ],
)  # fmt: skip
def test_so_are_those_that_this_python_cannot_make(head: bytes) -> None:
    assert "archive" in str(name_stranger(head)) or head.startswith(b"\x1f\x9d")
    assert name_stranger(head)


@pytest.mark.parametrize(
    "head",
    [
        b"\x00\x00\x00\x18ftypmp42",
        b"\x1aE\xdf\xa3",
        b"RIFF\x00\x00\x00\x00AVI ",
        b"G@\x11\x10",
        b"\x00\x00\x01\xba",
        b"GIF89a\x01\x00",
        b"FLV\x01",
        b"OggS\x00",
        b"",
    ],
)
def test_what_may_be_a_video_is_let_through(head: bytes) -> None:
    assert name_stranger(head) is None


def test_artifacts_that_are_away_are_worth_another_try(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    with running(tmp_path / "house", artifacts_url=f"file://{blocked}/artifacts") as portal:
        response = portal.admin.post(PATH, files={"file": VIDEO})

        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        assert "blocked" not in response.text
        assert portal.quarantine == []
        assert portal.admin.get(PATH).json()["items"] == []


def test_what_processes_that_died_have_left_is_swept_up(tmp_path: Path) -> None:
    with running(tmp_path) as portal:
        settings = portal.service.settings
    folder = settings.home / "quarantine"
    old, fresh, other = folder / "upload-old", folder / "upload-fresh", folder / "mine"
    for path in (old, fresh, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (0, 0))
    sweep(settings)

    assert sorted(folder.iterdir()) == sorted([fresh, other])
