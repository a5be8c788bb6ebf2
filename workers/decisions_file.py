"""The file of decisions: what people settled about videos, a CSV that anybody may have written.

Columns, in any order: `video` (a submission id, or the name of a video's folder of outputs; the
column may as well be called `submission_id` or `folder`), `category`, `decision` (allow|remove),
`sampled_by` (uniform|review|other) and, if need be, `probability`, with which a video was drawn, in
(0, 1]; empty = 1. Nothing is ever computed from a cell that looks like a formula.
"""

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pipeline.errors import DecisionsError
from pipeline.outputs.names import to_printable

MAX_BYTES = 256 << 20  # a million rows, each with a whole hash, are 100 MB
MAX_SHOWN = 80
VIDEO_NAMES = ("video", "submission_id", "folder")
NEEDED = ("category", "decision", "sampled_by")
OPTIONAL = ("probability",)


class Choice(StrEnum):
    """What a person settled."""

    ALLOW = "allow"
    REMOVE = "remove"


class SampledBy(StrEnum):
    """How a video came before a person."""

    UNIFORM = "uniform"  # drawn without a look at its scores
    REVIEW = "review"  # because of its scores
    OTHER = "other"  # an appeal, a complaint, a search


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person settled about one video and category.

    Attributes:
        row: of the file, the header being row 1.
        video: a submission id or the name of a folder.
        category: the policy's.
        choice: what was settled.
        sampled_by: how it came before the person.
        probability: with which it was drawn, in (0, 1].
    """

    row: int
    video: str
    category: str
    choice: Choice
    sampled_by: SampledBy
    probability: float


@dataclass(frozen=True, slots=True)
class Decisions:
    """A whole file.

    Attributes:
        sha256: of its bytes.
        rows: the decisions, in the order of the file.
    """

    sha256: str
    rows: tuple[Decision, ...]


def read_decisions(path: Path) -> Decisions:
    """Read a file of decisions.

    Raises:
        DecisionsError: if it cannot be read or is wrong; one line, which names the first wrong row.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DecisionsError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise DecisionsError(f"{path}: longer than {MAX_BYTES:,} bytes")
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
    return Decisions(hashlib.sha256(content).hexdigest(), tuple(_parse(path, text)))


def _parse(path: Path, text: io.TextIOWrapper) -> Iterator[Decision]:
    row = 0
    try:
        reader = csv.reader(text, strict=True)
        columns = _find_columns(next(reader, []))
        for row, cells in enumerate(reader, start=2):
            if cells:
                yield _to_decision(row, cells, columns)
    except UnicodeDecodeError as error:
        raise DecisionsError(f"{path}: after row {max(row, 1)}: not UTF-8 text") from error
    except csv.Error as error:
        raise DecisionsError(f"{path}: after row {max(row, 1)}: {error}") from error
    except ValueError as error:
        raise DecisionsError(f"{path}: row {max(row, 1)}: {error}") from error


def _find_columns(header: Sequence[str]) -> dict[str, int]:
    """Return where each column stands; that of the video under `video`, by whatever name."""
    names = [cell.strip() for cell in header]
    known = (*VIDEO_NAMES, *NEEDED, *OPTIONAL)
    for name in names:
        if name not in known:
            raise ValueError(f"unknown column {_show(name)}; known are {', '.join(known)}")
        if names.count(name) > 1:
            raise ValueError(f"the column {name} stands there twice")
    videos = [name for name in names if name in VIDEO_NAMES]
    missing = [name for name in NEEDED if name not in names]
    if len(videos) != 1 or missing:
        wanted = f"one of {', '.join(VIDEO_NAMES)}; {', '.join(NEEDED)}"
        raise ValueError(f"wrong columns; wanted are {wanted}")
    return {"video" if name in VIDEO_NAMES else name: i for i, name in enumerate(names)}


def _to_decision(row: int, cells: Sequence[str], columns: dict[str, int]) -> Decision:
    if len(cells) != len(columns):
        raise ValueError(f"{len(cells)} cells, but {len(columns)} columns")
    found = {name: cells[i].strip() for name, i in columns.items()}
    if not found["video"] or not found["category"]:
        raise ValueError("names no video or no category")
    return Decision(
        row,
        found["video"],
        found["category"],
        Choice(_one_of("decision", found["decision"], tuple(Choice))),
        SampledBy(_one_of("sampled_by", found["sampled_by"], tuple(SampledBy))),
        _to_probability(found.get("probability", "")),
    )


def _one_of(column: str, word: str, words: Sequence[str]) -> str:
    if word not in words:
        raise ValueError(f"{column} must be one of {', '.join(words)}, got {_show(word)}")
    return word


def _to_probability(text: str) -> float:
    if not text:
        return 1.0
    try:
        probability = float(text)
    except ValueError:
        probability = 0.0
    if not 0 < probability <= 1:  # NaN too
        raise ValueError(f"probability must lie in (0, 1], got {_show(text)}")
    return probability


def _show(cell: str) -> str:
    return f"'{to_printable(cell[:MAX_SHOWN])}'"
