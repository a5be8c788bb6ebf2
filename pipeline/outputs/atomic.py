"""Writing that a kill cannot leave half done, and knowing what is already there."""

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import ReportError
from pipeline.outputs.report_json import REPORT_NAME, read
from pipeline.records import Outcome

if sys.platform != "win32":
    import fcntl

PREFIX, SUFFIX = ".heatreel-", ".part"


def write_atomically(path: Path, content: bytes) -> None:
    """Write *content* to *path*, so that at any time the old file is there, or the new, whole.

    The folder is made if need be. The bytes go to a temporary name beside it, then to the disk,
    then it is renamed. Whoever is killed in between leaves only the temporary file, which
    remove_stale clears away.

    Raises:
        OSError: if the file system refuses; nothing is left behind then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.parent / f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}"
    try:
        with part.open("xb") as file:
            _lock(file.fileno())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if sys.platform != "win32":  # renamed under the lock: nobody takes it for stale
                part.replace(path)
        if sys.platform == "win32":
            part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def prepare_folder(folder: Path) -> None:
    """Make *folder* ready for a new scan's outputs.

    What a killed scan left is removed, and the old report before the pictures that it speaks of
    are replaced: a report that is there speaks of what is there.
    """
    remove_stale(folder)
    (folder / REPORT_NAME).unlink(missing_ok=True)


def remove_stale(folder: Path) -> None:
    """Remove the temporary files in *folder* that a killed scan left; those in use stay."""
    for part in sorted(folder.glob(f"{PREFIX}*{SUFFIX}")):
        if not _is_in_use(part):
            part.unlink(missing_ok=True)


def is_done(
    folder: Path,
    submission_id: str,
    *,
    model_sha256: str,
    policy_sha256: str,
    bank_sha256: str | None = None,
) -> bool:
    """Whether *folder* holds the whole report of these very bytes under this model and policy.

    So it must be of this bank, if any, that strangers are told by. A report of verdict `error`
    counts, with any bank: the same bytes under the same policy would fail again.
    Bytes that could not be read have no hash, hence no `sha256:` id, and are never done. So is
    a report one of whose artifacts is gone.
    """
    try:
        report = read(folder / REPORT_NAME)
    except ReportError:
        return False
    wanted = (submission_id, model_sha256, policy_sha256)
    used = report.bank.sha256 if report.bank else None
    is_error = report.judgement.verdict.outcome is Outcome.ERROR
    return (
        submission_id.startswith("sha256:")
        and (report.submission_id, report.model.sha256, report.policy_sha256) == wanted
        and (is_error or used == bank_sha256)
        and all((folder / name).is_file() for _, name in report.artifacts)
    )


def find_reports(out: Path) -> Iterator[Path]:
    """Yield the folders directly in *out* that hold a report, by name."""
    return (path.parent for path in sorted(out.glob(f"*/{REPORT_NAME}")))


def _lock(handle: int) -> None:
    """Mark a file as in use until it is closed, or its process dies."""
    if sys.platform != "win32":
        fcntl.flock(handle, fcntl.LOCK_EX)


def _is_in_use(part: Path) -> bool:
    if sys.platform == "win32":  # Windows itself keeps an open file from being removed
        return False
    try:
        with part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _sync_folder(folder: Path) -> None:
    """Bring a rename to the disk; Windows has no such thing as an open folder."""
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
