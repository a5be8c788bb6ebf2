"""Files that nobody of ours wrote: cut short, damaged, or made to mislead."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.errors import ReportError
from pipeline.outputs.packed import Columns, pack, unpack

Change = Callable[[dict[str, Any], Columns], None]


def spoilt(content: bytes) -> list[Any]:
    """Return what can become of a file by accident."""
    lines = content.split(b"\n", 3)
    cases = {
        "empty": b"",
        "first-line": lines[0],
        "no-columns": b"\n".join(lines[:3]),
        "half": content[: len(content) // 2],
        "last-byte-gone": content[:-1],
        "a-byte-more": content + b"\0",
        "twice": content * 2,
        "zeros": bytes(len(content)),
        "lines-swapped": b"\n".join([lines[0], lines[2], lines[1], lines[3]]),
    }
    return [pytest.param(case, id=name) for name, case in cases.items()]


def repacked(content: bytes, kind: str, change: Change) -> bytes:
    """Return a file that is changed and yet has the right check sum."""
    header, columns = unpack(content, kind=kind)
    told = json.loads(header)
    change(told, columns)
    return pack(kind, told, columns)


def resummed(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Return a file of which all behind the first line is changed, with the right check sum."""
    line, _, body = content.partition(b"\n")
    changed = change(body)
    words = [*line.split(b" ")[:-1], hashlib.sha256(changed).hexdigest().encode()]
    return b" ".join(words) + b"\n" + changed


def header_changes(*changes: tuple[str, Any]) -> list[Any]:
    """Return a Change for each (key, value) of a header."""
    return [
        pytest.param(_setting(key, value), id=f"{key}-{i}")
        for i, (key, value) in enumerate(changes)
    ]


def _setting(key: str, value: Any) -> Change:
    def change(header: dict[str, Any], _columns: Columns) -> None:
        header[key] = value

    return change


def assert_refused(read: Callable[[], object]) -> None:
    with pytest.raises(ReportError) as caught:
        read()
    assert str(caught.value).isprintable()
