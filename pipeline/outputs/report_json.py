"""report.json: a Report as strict JSON, schema version 1 (DESIGN section 3), and back.

Whoever reads one back gets exactly the record that was written, or a ReportError: a report is
a file on disk like any other, so nothing in it is believed unchecked.
"""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import ReportError
from pipeline.outputs.names import escape_path, escape_surrogates, to_printable, unescape_path
from pipeline.records import (
    MAX_SEVERITY,
    BankFacts,
    CategorySummary,
    Event,
    Judgement,
    ModelFacts,
    Outcome,
    Reason,
    Report,
    Segment,
    Timings,
    Unjudged,
    Verdict,
    VideoFacts,
)

REPORT_NAME = "report.json"
SCHEMA_VERSION = 1
MAX_BYTES = 64 << 20  # a report is a few kilobytes; a file this long is something else


class _Part(BaseModel):
    """An object of the schema; the records inside one are held to the same strictness."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


_Count = Annotated[int, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, le=1)]
_FileName = Annotated[str, Field(pattern=r"^[^/\\:\x00]*[^./\\:\x00][^/\\:\x00]*$")]


class _Video(_Part):
    container: str
    codec: str
    duration_ms: _Count
    width: _Count
    height: _Count
    rotation_deg: Literal[0, 90, 180, 270]
    frame_rate: float | None
    is_vfr: bool
    streams: _Count


class _Sampler(_Part):
    max_gap_ms: _Count
    frames_scored: _Count
    frames_rejected: _Count
    coverage: _Share


class _Model(_Part):
    id: str
    version: str
    sha256: str
    providers: tuple[str, ...]


class _Policy(_Part):
    id: str
    version: int
    sha256: str


class _Bank(_Part):
    sha256: str
    method: str
    threshold: float
    false_alarms: float


class _Category(_Part):
    confidence: _Share | None
    seconds_over: Annotated[float, Field(ge=0)]
    longest_ms: _Count


class _ReportFile(_Part):
    schema_version: Literal[1]
    submission_id: str
    tag: str
    source: str
    video: _Video | None
    sampler: _Sampler
    model: _Model
    policy: _Policy
    bank: _Bank | None = None
    verdict: Outcome
    severity: Annotated[int, Field(ge=0, le=MAX_SEVERITY)]
    reasons: tuple[Reason, ...]
    categories: dict[str, _Category]
    segments: tuple[Segment, ...]
    unjudged: tuple[Unjudged, ...]
    events: tuple[Event, ...]
    artifacts: dict[str, _FileName]
    timings: Timings


def to_json_object(report: Report) -> dict[str, Any]:
    """Return *report* as the schema's object, with only what JSON and UTF-8 can hold.

    Reasons, segments, events and categories keep their order, which means something; artifacts
    go by name. NaN becomes null; a path that is not UTF-8 is written as `names.escape_path`
    writes it.
    """
    judgement = report.judgement
    written = {
        "schema_version": SCHEMA_VERSION,
        "submission_id": report.submission_id,
        "tag": report.tag,
        "source": escape_path(report.source),
        "video": asdict(report.video) if report.video else None,
        "sampler": {
            "max_gap_ms": report.max_gap_ms,
            "frames_scored": judgement.frames_scored,
            "frames_rejected": judgement.frames_rejected,
            "coverage": judgement.coverage,
        },
        "model": _model_object(report.model),
        "policy": {
            "id": report.policy_id,
            "version": report.policy_version,
            "sha256": report.policy_sha256,
        },
        "bank": asdict(report.bank) if report.bank else None,
        "verdict": judgement.verdict.outcome.value,
        "severity": judgement.verdict.severity,
        "reasons": [_without_blanks(reason) for reason in judgement.verdict.reasons],
        "categories": {
            summary.category: _summary_object(summary) for summary in judgement.categories
        },
        "segments": [asdict(segment) for segment in judgement.segments],
        "unjudged": [asdict(span) for span in judgement.unjudged],
        "events": [asdict(event) for event in judgement.events],
        "artifacts": dict(sorted(report.artifacts)),
        "timings": asdict(report.timings),
    }
    return {key: _to_plain(value) for key, value in written.items()}


def write(report: Report) -> bytes:
    """Return the bytes of *report*'s report.json: UTF-8, indented, with a newline at the end."""
    text = json.dumps(to_json_object(report), indent=2, allow_nan=False, ensure_ascii=False)
    return f"{text}\n".encode()


def read(path: Path) -> Report:
    """Read a report.json back.

    Raises:
        ReportError: if there is none, or it is not one that Heatreel writes; one line says why.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ReportError(f"{_shown(path)}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise ReportError(f"{_shown(path)}: longer than {MAX_BYTES} bytes, so no report")
    try:
        return _to_report(_ReportFile.model_validate_json(content))
    except ValidationError as error:
        raise ReportError(f"{_shown(path)}: {_first_fault(error)}") from error
    except ValueError as error:
        raise ReportError(f"{_shown(path)}: {to_printable(str(error))}") from error


def _to_report(file: _ReportFile) -> Report:
    _require_shares(file)
    return Report(
        submission_id=file.submission_id,
        tag=file.tag,
        source=unescape_path(file.source),
        video=_to_video(file.video) if file.video else None,
        model=ModelFacts(
            file.model.id, file.model.version, file.model.sha256, file.model.providers
        ),
        policy_id=file.policy.id,
        policy_version=file.policy.version,
        policy_sha256=file.policy.sha256,
        max_gap_ms=file.sampler.max_gap_ms,
        judgement=_to_judgement(file),
        artifacts=tuple(file.artifacts.items()),
        timings=file.timings,
        bank=BankFacts(**file.bank.model_dump()) if file.bank else None,
    )


def _to_judgement(file: _ReportFile) -> Judgement:
    return Judgement(
        verdict=Verdict(file.verdict, file.severity, file.reasons),
        categories=tuple(
            CategorySummary(name, _from_null(one.confidence), one.seconds_over, one.longest_ms)
            for name, one in file.categories.items()
        ),
        segments=file.segments,
        unjudged=file.unjudged,
        events=file.events,
        coverage=file.sampler.coverage,
        frames_scored=file.sampler.frames_scored,
        frames_rejected=file.sampler.frames_rejected,
    )


def _to_video(video: _Video) -> VideoFacts:
    return VideoFacts(**video.model_dump() | {"frame_rate": _from_null(video.frame_rate)})


def _model_object(model: ModelFacts) -> dict[str, Any]:
    return {
        "id": model.model_id,
        "version": model.version,
        "sha256": model.sha256,
        "providers": list(model.providers),
    }


def _summary_object(summary: CategorySummary) -> dict[str, Any]:
    fields = asdict(summary)
    del fields["category"]
    return fields


def _without_blanks(reason: Reason) -> dict[str, Any]:
    """Return a reason as an object of what it is about; what is None or empty is left out."""
    return {name: value for name, value in asdict(reason).items() if value not in (None, "")}


def _to_plain(value: Any) -> Any:
    """Return *value* with what JSON can't hold replaced: NaN, numpy's numbers, surrogates."""
    match value:
        case dict():
            return {_to_plain(key): _to_plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_to_plain(item) for item in value]
        case np.generic():
            return _to_plain(value.item())
        case float():
            return None if math.isnan(value) else value
        case str():
            return escape_surrogates(value)
    return value


def _from_null(value: float | None) -> float:
    return math.nan if value is None else value


def _require_shares(file: _ReportFile) -> None:
    scores = [score for one in file.segments for score in (one.max_score, one.mean_score)]
    scores += [event.confidence for event in file.events]
    scores += [score for one in file.reasons for score in (one.confidence, one.threshold) if score]
    if not all(0 <= score <= 1 for score in scores):
        raise ValueError("a score lies outside [0, 1]")


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(step) for step in fault["loc"])
    return to_printable(f"{place}: {fault['msg']}" if place else fault["msg"])


def _shown(path: Path) -> str:
    return to_printable(str(path))
