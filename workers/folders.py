"""Where the outputs of each video go: a folder of its own, the same one every time."""

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import ReportError
from pipeline.outputs.names import to_folder_name
from pipeline.outputs.report_json import REPORT_NAME, read
from pipeline.records import Report

DIGEST_CHARS = 8


def identify(path: Path) -> str:
    """Return a video's submission id: `sha256:` and the hash of its bytes.

    Bytes that cannot be read have no hash. Then it is `unread:` and a hash of the path, so that
    there is something to file the error under.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except OSError:
        name = str(path.absolute()).encode(errors="surrogateescape")
        return f"unread:{hashlib.sha256(name).hexdigest()}"


def _open_at_once(name: str, flags: int) -> int:
    """Open a file that may have become a pipe since it was found: one is not waited for."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def find_namesakes(videos: Sequence[Path]) -> frozenset[Path]:
    """Return those of *videos* whose folder names another one would get too, in any case."""
    names = {video: to_folder_name(video).casefold() for video in videos}
    counts = Counter(names.values())
    return frozenset(video for video, name in names.items() if counts[name] > 1)


def choose_folder(out: Path, video: Path, submission_id: str, *, has_namesake: bool) -> Path:
    """Return the folder in *out* for a video's outputs.

    It is called after the file, and after its content too (`clip-1a2b3c4d`) where the plain name
    would not do: another video of the batch wants it, or one that lies elsewhere has it already.
    A video stays where its bytes were filed before, so that the order of a batch, or what else
    is in it, changes nothing.
    """
    plain = out / to_folder_name(video)
    digest = submission_id.rpartition(":")[2][:DIGEST_CHARS]
    own = out / f"{plain.name}-{digest}"
    reports = {folder: _find_report(folder) for folder in (plain, own)}
    for folder, report in reports.items():
        if report and report.submission_id == submission_id:
            return folder
    return own if has_namesake or _is_of_another(reports[plain], video) else plain


def _find_report(folder: Path) -> Report | None:
    try:
        return read(folder / REPORT_NAME)
    except ReportError:
        return None


def _is_of_another(report: Report | None, video: Path) -> bool:
    """Whether a report is of a file that lies elsewhere."""
    return report is not None and report.source.absolute() != video.absolute()
