"""The file of facts: what is written is read back, what is wrong is said, nothing is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import FactsError
from pipeline.learning.facts import Answer, AnswerKind, Event, Forgotten, Undo
from workers.facts_file import change_facts, line_of, read_facts, rewrite_facts

ROOT = Path(__file__).parents[2]


def key(number: int, behind: str = "") -> str:
    return f"sha256:{number:064x}{behind}"


def answer(number: int = 1, *, name: str = "ant", match: float | None = 0.5) -> Answer:
    kept, odd = (key(1), key(2, "@1:200")), (key(3, "@7#12,34"),)
    return Answer(
        number=number,
        at_ms=5,
        kind=AnswerKind.ODD,
        name=name,
        members=(*kept, *odd),
        kept=kept,
        odd=odd,
        audit=(kept[1],),
        guesses=("bee", name),
        match=match,
        model="ab",
        size=3,
        spread=0.25,
    )


LOG: tuple[Event, ...] = (answer(1), answer(2), Undo(3, 6, 2), Forgotten(5, 7, 1))


def write(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"".join(lines))
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    for event in LOG:
        change_facts(tmp_path / "new" / "facts.jsonl", lambda _, event=event: event)  # type: ignore[misc]

    assert read_facts(tmp_path / "new" / "facts.jsonl") == LOG


@given(
    name=st.text(min_size=1, max_size=100).filter(str.isprintable),
    match=st.none() | st.floats(-1, 1),
)
@settings(max_examples=50)
def test_any_name_is_one_line(name: str, match: float | None) -> None:
    line = line_of(answer(name=name, match=match))

    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert json.loads(line)["name"] == name


def test_a_file_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert read_facts(tmp_path / "facts.jsonl") == ()


GOOD = line_of(answer(1))
LATER = json.loads(line_of(answer(2)))


def changed(**fields: object) -> bytes:
    return json.dumps(LATER | fields).encode() + b"\n"


def without(field: str) -> bytes:
    return json.dumps({k: v for k, v in LATER.items() if k != field}).encode() + b"\n"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        pytest.param(b"nonsense\n", "Invalid JSON", id="no-json"),
        pytest.param(b"\n", "Invalid JSON", id="an-empty-line"),
        pytest.param(b"\xff\xfe\n", "Invalid JSON", id="no-utf-8"),
        pytest.param(b"\x00" * 50 + b"\n", "Invalid JSON", id="zeros-of-a-crashed-disk"),
        pytest.param(b"[" * 100_000 + b"\n", "Invalid JSON", id="endless-nesting"),
        pytest.param(GOOD[:40], "is cut off", id="cut-off"),
        pytest.param(b"[]\n", "valid dictionary|object", id="no-object"),
        pytest.param(changed(event="boom"), "event", id="an-unknown-event"),
        pytest.param(changed(schema_version=2), "schema_version", id="a-later-version"),
        pytest.param(changed(extra=1), "extra", id="an-unknown-key"),
        pytest.param(without("kept"), "kept", id="a-missing-key"),
        pytest.param(changed(number="2"), "number", id="a-number-as-text"),
        pytest.param(changed(number=1), "number 1 does not rise", id="a-number-twice"),
        pytest.param(changed(kind="maybe"), "kind", id="an-unknown-kind"),
        pytest.param(changed(kind="yes"), "odd ones", id="a-yes-with-odd-ones"),
        pytest.param(changed(kept=["../../etc/passwd"]), "kept", id="no-key"),
        pytest.param(changed(kept=[key(9)]), "kept", id="kept-that-is-no-member"),
        pytest.param(changed(name="a\nb"), "cannot be shown", id="a-name-of-two-lines"),
        pytest.param(changed(name="x" * 101), "name", id="an-endless-name"),
        pytest.param(
            changed(spread=0).replace(b'"spread": 0', b'"spread": NaN'), "spread|JSON", id="nan"
        ),
        pytest.param(changed(spread=1e999), "spread", id="infinity"),
        pytest.param(changed(at_ms=-1), "at_ms", id="before-time-began"),
        pytest.param(
            b'{"event":"undo","number":2,"at_ms":0,"of":7}\n',
            "stands nowhere",
            id="undo-of-nothing",
        ),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_lost(tmp_path: Path, line: bytes, says: str) -> None:
    path = write(tmp_path / "facts.jsonl", GOOD, line)
    before = path.read_bytes()

    with pytest.raises(FactsError, match=rf"line 2.*({says})"):
        read_facts(path)
    with pytest.raises(FactsError, match="line 2"):
        change_facts(path, lambda _: answer(9))

    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "facts.jsonl"
    path.mkdir() if kind == "folder" else os.mkfifo(path)

    with pytest.raises(FactsError, match="is no file"):
        read_facts(path)


def test_a_disk_that_refuses_is_said_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file" / "facts.jsonl"
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(FactsError, match="cannot be written"):
        change_facts(path, lambda _: answer(1))


def test_who_decides_against_it_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "facts.jsonl", GOOD)

    def refuse(events: tuple[Event, ...]) -> Event:
        raise FactsError(f"{len(events)} is enough")

    with pytest.raises(FactsError, match="1 is enough"):
        change_facts(path, refuse)
    assert path.read_bytes() == GOOD


def test_forgetting_writes_the_file_anew(tmp_path: Path) -> None:
    path = write(tmp_path / "facts.jsonl", GOOD, line_of(answer(2)))

    rewrite_facts(path, lambda events: (*events[1:], Forgotten(3, 0, 1)))

    assert read_facts(path) == (answer(2), Forgotten(3, 0, 1))
    assert [each.name for each in tmp_path.iterdir() if each.name.endswith(".part")] == []


WRITER = """
import sys, time
from pathlib import Path
from pipeline.learning.facts import Undo, next_number
from workers.facts_file import change_facts
def decide(events):
    time.sleep(0.003)
    return Undo(next_number(events), 0, 1)
for _ in range(20):
    change_facts(Path(sys.argv[1]), decide)
"""


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "facts.jsonl", GOOD)
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]  # noqa: S603 - our own words

    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert [event.number for event in read_facts(path)] == list(range(1, 62))
