"""What machines read on standard output: one line a video, in the form they asked for."""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pipeline.outputs.names import escape_path, escape_surrogates, to_printable
from pipeline.outputs.report_json import to_json_object
from pipeline.records import Outcome, Reason, ReasonKind, Report, Segment, VideoFacts
from pipeline.wording.reports import highest_category, say_reason

CSV_COLUMNS = (
    "path", "verdict", "severity", "category", "confidence", "start_ms", "end_ms", "reasons",
    "duration_ms", "coverage", "tag", "submission_id", "folder",
)  # fmt: skip
_FORMULA_STARTS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")  # the wide forms count in some locales


class Format(StrEnum):
    """A form for machines."""

    JSONL = "jsonl"
    CSV = "csv"
    REKOGNITION = "rekognition"


@dataclass(frozen=True, slots=True)
class Entry:
    """One judged video, and where things are.

    Attributes:
        path: the file, as it was asked for.
        folder: where its report and pictures lie.
        report: what was found.
    """

    path: Path
    folder: Path
    report: Report


def head_of(form: Format) -> str:
    """Return what is printed before the first video: the CSV's header, else nothing."""
    return _csv_line(CSV_COLUMNS) if form is Format.CSV else ""


def line_of(form: Format, entry: Entry) -> str:
    """Return one video's line in *form*, with its newline."""
    match form:
        case Format.JSONL:
            return to_jsonl(entry)
        case Format.CSV:
            return to_csv(entry)
        case Format.REKOGNITION:
            return to_rekognition(entry)


def to_jsonl(entry: Entry) -> str:
    """Return the report as one line of JSON, `path` and `folder` before it.

    The path is the one that was asked for; the report's `source` may be another, where the same
    bytes were scanned under it before.
    """
    where = {"path": escape_path(entry.path), "folder": escape_path(entry.folder)}
    return _json_line(where | to_json_object(entry.report))


def to_csv(entry: Entry) -> str:
    """Return one row of CSV_COLUMNS.

    Category, confidence and times are those of the gravest reason that names a category; failing
    that, of the category that came closest. A text that a spreadsheet would take for a formula
    gets an apostrophe before it, and a row is one line, whatever a text holds.
    """
    report = entry.report
    verdict = report.judgement.verdict
    main = _main_reason(report)
    cells = {
        "path": escape_path(entry.path),
        "verdict": verdict.outcome.value,
        "severity": verdict.severity,
        "category": main.category,
        "confidence": main.confidence,
        "start_ms": main.start_ms,
        "end_ms": main.end_ms,
        "reasons": "; ".join(say_reason(reason) for reason in verdict.reasons),
        "duration_ms": report.video.duration_ms if report.video else None,
        "coverage": report.judgement.coverage,
        "tag": report.tag,
        "submission_id": report.submission_id,
        "folder": escape_path(entry.folder),
    }
    return _csv_line([cells[column] for column in CSV_COLUMNS])


def to_rekognition(entry: Entry) -> str:
    """Return one line of JSON in the shape of Amazon Rekognition's GetContentModeration.

    The form is AggregateBy SEGMENTS, SortBy TIMESTAMP: a segment's Confidence (0 to 100) is its
    highest, its category a label of the top level without a parent. JobId is the hash of the
    file's bytes, Video.S3Object.Name its path, JobTag the tag. A verdict of `error` is a job
    that FAILED, with the first reason as StatusMessage. ColorRange and ContentTypes, which
    Heatreel does not know, are left out, as the API allows.
    """
    report = entry.report
    reply = _job_object(report) | {
        "ModerationLabels": [_detection_object(one) for one in _by_time(report)],
        "ModerationModelVersion": f"{report.model.model_id} {report.model.version}",
        "Video": {"S3Object": {"Name": escape_path(entry.path)}},
        "GetRequestMetadata": {"SortBy": "TIMESTAMP", "AggregateBy": "SEGMENTS"},
    }
    video = {"VideoMetadata": _metadata_object(report.video)} if report.video else {}
    tag = {"JobTag": escape_surrogates(report.tag)} if report.tag else {}
    return _json_line(reply | video | tag)


def _main_reason(report: Report) -> Reason:
    """Return the gravest reason that names a category, else one made of the closest category."""
    reasons = report.judgement.verdict.reasons
    closest = highest_category(report.judgement)
    named = [reason for reason in reasons if reason.category is not None]
    if named or closest is None:
        return named[0] if named else Reason(ReasonKind.THRESHOLD)
    return Reason(ReasonKind.THRESHOLD, closest.category, closest.confidence)


def _job_object(report: Report) -> dict[str, Any]:
    """Return the fields that say how the analysis went."""
    job = {"JobId": report.submission_id.rpartition(":")[2]}  # the API allows it no colon
    if report.judgement.verdict.outcome is Outcome.ERROR:
        why = say_reason(report.judgement.verdict.reasons[0])
        return job | {"JobStatus": "FAILED", "StatusMessage": escape_surrogates(why)}
    return job | {"JobStatus": "SUCCEEDED"}


def _metadata_object(video: VideoFacts) -> dict[str, Any]:
    return {
        "Codec": video.codec,
        "DurationMillis": video.duration_ms,
        "Format": video.container,
        "FrameRate": None if math.isnan(video.frame_rate) else float(video.frame_rate),
        "FrameHeight": video.height,
        "FrameWidth": video.width,
    }


def _by_time(report: Report) -> list[Segment]:
    return sorted(report.judgement.segments, key=lambda one: (one.start_ms, one.category))


def _detection_object(segment: Segment) -> dict[str, Any]:
    label = {
        "Confidence": 100 * float(segment.max_score),
        "Name": escape_surrogates(segment.category),
        "ParentName": "",
        "TaxonomyLevel": 1,
    }
    return {
        "Timestamp": segment.start_ms,
        "ModerationLabel": label,
        "StartTimestampMillis": segment.start_ms,
        "EndTimestampMillis": segment.end_ms,
        "DurationMillis": segment.end_ms - segment.start_ms,
    }


def _json_line(value: dict[str, Any]) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False) + "\n"


def _csv_line(cells: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_to_cell(cell) for cell in cells])
    return line.getvalue()


def _to_cell(value: Any) -> Any:
    match value:
        case str():
            text = to_printable(value)
            return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
        case float():
            return round(value, 4)
    return value
