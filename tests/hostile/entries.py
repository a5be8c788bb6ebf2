"""Uploads that are no plain video: archives, files that are two things, and no files at all."""

import gzip
import io
import os
import socket
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipeline.media.encode import Encoding
from tests.hostile.forge import (
    DOUBTED,
    INSERT,
    MPEG4,
    NO_VIDEO,
    REFUSED,
    SEEN,
    SOUND,
    X264,
    Crafted,
    Place,
    box,
    clip,
)

SPARSE_BYTES = 1 << 33
ODD_NAMES = {
    "named-like-a-protocol": "http:127.0.0.1.mp4",
    "named-like-a-concat": "concat:a|b.mp4",
    "named-like-a-pattern": "a%03d%s%n.png",
    "named-with-escapes": "\x1b[2J\x1b]0;owned\x07\n.mp4",
    "named-like-an-option": "--help -i $(id) `id`.mp4",
    "named-very-long": "a" * 250 + ".mp4",
    "named-right-to-left": "a\u202e4pm.exe",
    "named-as-text": "a.txt",
    "without-a-name": ".mp4",
}


def entry_cases() -> list[Crafted]:
    """Return the cases."""
    return [
        *(Crafted(n, f, _clean, SOUND) for n, f in ODD_NAMES.items()),
        *_archives(),
        *_polyglots(),
        *_no_files(),
        *_sparse(),
    ]


def _clean(path: Path, _place: Place) -> None:
    clip(path, container="mp4")


def _archives() -> list[Crafted]:
    makers: dict[str, Callable[[bytes], bytes]] = {
        "zip": lambda video: _zip(video, zipfile.ZIP_STORED),
        "zip-packed": lambda video: _zip(video, zipfile.ZIP_DEFLATED),
        "tar": _tar,
        "gzip": gzip.compress,
        "seven-zip": lambda video: b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24) + video,
        "rar": lambda video: b"Rar!\x1a\x07\1\0" + bytes(24) + video,
        "xz": lambda video: b"\xfd7zXZ\0" + bytes(24) + video,
        "disk-image": lambda video: bytes(0x8001) + b"CD001\1" + bytes(4096) + video,
    }
    return [
        Crafted(name, "a.mp4", partial(_bend, make), REFUSED, NO_VIDEO)
        for name, make in makers.items()
    ]


def _polyglots() -> list[Crafted]:
    """Valid videos that are something else, too: judged as the video, whose insert is found."""
    page = b"<html><script>location='http://127.0.0.1'</script></html>"
    makers: dict[str, Callable[[bytes], bytes]] = {
        "video-and-zip": lambda video: video + _zip(b"a", zipfile.ZIP_STORED),
        "video-and-page": lambda video: video + box(b"free", page),
        "video-and-program": lambda video: video + b"MZ" + bytes(64) + b"PE\0\0" + page,
        "video-and-pdf": lambda video: video + b"%PDF-1.4\n%%EOF\n",
    }
    cases = [
        Crafted(name, "a.mp4", partial(_bend, make), DOUBTED, SEEN) for name, make in makers.items()
    ]
    behind = {
        "page-and-video": lambda video: page + video,
        "program-and-video": lambda video: b"MZ" + bytes(512) + video,
        "picture-and-video": lambda video: b"\x89PNG\r\n\x1a\n" + bytes(64) + video,
    }
    return cases + [
        Crafted(name, "a.mp4", partial(_bend, make), DOUBTED) for name, make in behind.items()
    ]


def _no_files() -> list[Crafted]:
    makers: dict[str, Callable[[Path, Place], None]] = {
        "named-pipe": lambda path, _place: os.mkfifo(path),
        "folder": lambda path, _place: path.mkdir(),
        "endless-device": lambda path, _place: path.symlink_to("/dev/zero"),
        "empty-device": lambda path, _place: path.symlink_to("/dev/null"),
        "link-to-itself": lambda path, _place: path.symlink_to(path),
        "link-to-nothing": lambda path, _place: path.symlink_to("nothing"),
        "socket": lambda path, _place: _bind(path),
        "empty": partial(_write, b""),
        "nothing": lambda _path, _place: None,
        "one-byte": partial(_write, b"\0"),
        "zeros": partial(_write, bytes(1 << 20)),
        "noise": partial(_write, bytes(range(256)) * 4096),
    }
    return [Crafted(name, "a.mp4", make, REFUSED, NO_VIDEO) for name, make in makers.items()]


def _write(content: bytes, path: Path, _place: Place) -> None:
    path.write_bytes(content)


def _sparse() -> list[Crafted]:
    """Files of 8 GB that take no room on the disk: zeros behind a video, and by themselves."""
    ways = {"mp4": X264, "mkv": X264, "ts": X264, "avi": MPEG4}
    cases = [
        Crafted(f"zeros-behind-{form}", f"a.{form}", partial(_stretch, encoding), DOUBTED)
        for form, encoding in ways.items()
    ]
    nothing = Crafted("zeros-of-8-gb", "a.mp4", lambda p, _: _lengthen(p), REFUSED, NO_VIDEO)
    return [*cases, nothing]


def _stretch(encoding: Encoding, path: Path, _place: Place) -> None:
    clip(path, INSERT, encoding=encoding)
    _lengthen(path)


def _lengthen(path: Path) -> None:
    with path.open("ab") as file:
        file.truncate(SPARSE_BYTES)


def _bend(make: Callable[[bytes], bytes], path: Path, _place: Place) -> None:
    path.write_bytes(make(clip(path, INSERT)))


def _bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(path))


def _zip(video: bytes, method: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("a.mp4", video)
    return out.getvalue()


def _tar(video: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo("../../a.mp4")
        entry.size = len(video)
        archive.addfile(entry, io.BytesIO(video))
    return out.getvalue()
