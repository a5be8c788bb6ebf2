"""Writing that a kill cannot leave half done, and knowing what is already there."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.outputs.atomic import (
    find_reports,
    is_done,
    prepare_folder,
    remove_stale,
    write_atomically,
)
from pipeline.outputs.report_json import write
from pipeline.records import BankFacts, Outcome, Report, Verdict
from tests.pipeline.outputs.test_report_json import a_report

DONE = replace(a_report(), artifacts=(("heatmap", "heatmap.png"),), bank=None)
BANK = BankFacts("cc", "knn", 0.25, 0.05)
LENGTH = 8_000_000
# Writes one long file after another, each of one letter, and never waits for the disk, so that it
# is nearly always at what a reader could see half done.
ENDLESS_WRITER = f"""
import sys
from pathlib import Path
from pipeline.outputs import atomic
atomic.os.fsync = lambda handle: None
path = Path(sys.argv[1])
for n in range(10**9):
    print(n, flush=True)
    atomic.write_atomically(path, bytes([65 + n % 26]) * {LENGTH})
"""
# Holds a temporary file half written until it is killed.
STUCK_WRITER = """
import sys, time
from pathlib import Path
from pipeline.outputs import atomic
def stop(handle):
    print("begun", flush=True)
    time.sleep(600)
atomic.os.fsync = stop
atomic.write_atomically(Path(sys.argv[1]), b"new")
"""


def start(program: str, path: Path) -> subprocess.Popen[bytes]:
    """Start a writer and return once it has begun."""
    process = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE
    )
    assert process.stdout
    process.stdout.readline()
    return process


def kill(process: subprocess.Popen[bytes]) -> None:
    with process:
        process.send_signal(signal.SIGKILL)


def put(folder: Path, report: Report = DONE) -> Path:
    write_atomically(folder / "heatmap.png", b"picture")
    write_atomically(folder / "report.json", write(report))
    return folder


def is_done_as_ever(folder: Path, submission_id: str = "sha256:00") -> bool:
    return is_done(folder, submission_id, model_sha256="aa", policy_sha256="bb")


def test_the_file_is_there_whole_and_nothing_else(tmp_path: Path) -> None:
    write_atomically(tmp_path / "new" / "a.json", b"first")
    write_atomically(tmp_path / "new" / "a.json", b"second")

    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.json"]
    assert (tmp_path / "new" / "a.json").read_bytes() == b"second"


def test_others_may_read_what_the_umask_lets_them(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        write_atomically(tmp_path / "a.json", b"")
    finally:
        os.umask(mask)

    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o644


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()

    with pytest.raises(OSError, match="directory"):
        write_atomically(tmp_path / "a.json", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_whoever_reads_while_it_is_written_sees_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"A" * LENGTH)
    process = start(ENDLESS_WRITER, path)
    try:
        seen = [path.read_bytes() for _ in range(100)]
    finally:
        kill(process)

    assert {len(content) for content in seen} == {LENGTH}
    assert all(content == content[:1] * LENGTH for content in seen)
    assert len({content[:1] for content in seen}) > 1


def test_what_a_killed_writer_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"old")
    kill(start(STUCK_WRITER, tmp_path / "a.json"))
    assert len(list(tmp_path.iterdir())) == 2

    remove_stale(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_bytes() == b"old"


def test_what_a_living_writer_holds_stays(tmp_path: Path) -> None:
    process = start(STUCK_WRITER, tmp_path / "a.json")
    try:
        remove_stale(tmp_path)
        assert len(list(tmp_path.iterdir())) == 1
    finally:
        kill(process)


def test_nothing_is_stale_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    remove_stale(tmp_path / "none")


def test_a_folder_that_is_prepared_has_no_report_that_could_speak_of_new_pictures(
    tmp_path: Path,
) -> None:
    kill(start(STUCK_WRITER, put(tmp_path) / "strip.png"))
    prepare_folder(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["heatmap.png"]


def test_a_report_of_the_same_bytes_model_and_policy_is_done(tmp_path: Path) -> None:
    assert is_done_as_ever(put(tmp_path))


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(replace(DONE, submission_id="sha256:01"), id="other-bytes"),
        pytest.param(replace(DONE, model=replace(DONE.model, sha256="ab")), id="another-model"),
        pytest.param(replace(DONE, policy_sha256="bc"), id="another-policy"),
        pytest.param(replace(DONE, artifacts=(("strip", "strip.png"),)), id="an-artifact-is-gone"),
    ],
)
def test_anything_else_is_not_done(report: Report, tmp_path: Path) -> None:
    assert not is_done_as_ever(put(tmp_path, report))


@pytest.mark.parametrize(
    ("bank", "bank_sha256", "is_it"),
    [
        pytest.param(BANK, "cc", True, id="the-same"),
        pytest.param(BANK, "cd", False, id="another"),
        pytest.param(BANK, None, False, id="none-any-more"),
        pytest.param(None, "cc", False, id="none-before"),
    ],
)
def test_a_report_under_another_bank_is_not_done(
    bank: BankFacts | None, bank_sha256: str | None, *, is_it: bool, tmp_path: Path
) -> None:
    put(tmp_path, replace(DONE, bank=bank))
    wanted = {"model_sha256": "aa", "policy_sha256": "bb", "bank_sha256": bank_sha256}

    assert is_done(tmp_path, "sha256:00", **wanted) is is_it  # type: ignore[arg-type]


def test_a_folder_without_a_report_is_not_done(tmp_path: Path) -> None:
    assert not is_done_as_ever(tmp_path)


def test_a_damaged_report_is_not_done(tmp_path: Path) -> None:
    (put(tmp_path) / "report.json").write_bytes(write(DONE)[:-20])

    assert not is_done_as_ever(tmp_path)


def test_the_same_bytes_that_failed_would_fail_again(tmp_path: Path) -> None:
    verdict = Verdict(Outcome.ERROR, 0, DONE.judgement.verdict.reasons)
    failed = replace(DONE, judgement=replace(DONE.judgement, verdict=verdict))

    assert is_done_as_ever(put(tmp_path, failed))
    with_bank = {"model_sha256": "aa", "policy_sha256": "bb", "bank_sha256": "cc"}
    assert is_done(tmp_path, "sha256:00", **with_bank)


def test_bytes_that_could_not_be_read_are_never_done(tmp_path: Path) -> None:
    put(tmp_path, replace(DONE, submission_id="unread:00"))

    assert not is_done_as_ever(tmp_path, "unread:00")


def test_reports_are_found_by_name_of_their_folder(tmp_path: Path) -> None:
    for name in ("b", "a"):
        put(tmp_path / name)
    (tmp_path / "c").mkdir()

    assert list(find_reports(tmp_path)) == [tmp_path / "a", tmp_path / "b"]
