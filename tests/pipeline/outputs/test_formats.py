"""What machines read: a line a video, whatever the video is called."""

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from pipeline.outputs.formats import CSV_COLUMNS, Entry, Format, head_of, line_of
from pipeline.outputs.report_json import to_json_object
from pipeline.records import CategorySummary, Outcome, Reason, ReasonKind, Report, Verdict
from tests.pipeline.outputs.report_strategies import file_names, reports, texts
from tests.pipeline.outputs.test_report_json import a_report

ENTRY = Entry(Path("clips/cat.mp4"), Path("out/cat"), a_report())


def unreadable() -> Report:
    """Return the report of a file that is no video."""
    report = a_report()
    reason = Reason(ReasonKind.UNREADABLE, detail="has no video stream")
    verdict = Verdict(Outcome.ERROR, 0, (reason,))
    judgement = replace(report.judgement, verdict=verdict, categories=(), segments=())
    return replace(report, video=None, judgement=judgement)


def rows_of(*entries: Entry) -> list[dict[str, str]]:
    text = head_of(Format.CSV) + "".join(line_of(Format.CSV, entry) for entry in entries)
    return list(csv.DictReader(io.StringIO(text, newline="")))


def reply_of(entry: Entry) -> Any:
    return json.loads(line_of(Format.REKOGNITION, entry))


@pytest.mark.parametrize("form", [Format.JSONL, Format.REKOGNITION])
@given(report=reports, path=file_names)
def test_a_line_of_json_is_one_line_in_utf_8(form: Format, report: Report, path: Path) -> None:
    line = line_of(form, Entry(path, Path("out"), report))

    assert line.encode("utf-8", "strict").count(b"\n") == 1
    json.loads(line)


def test_jsonl_is_the_report_after_where_it_is() -> None:
    assert json.loads(line_of(Format.JSONL, ENTRY)) == {
        "path": "clips/cat.mp4", "folder": "out/cat", **to_json_object(ENTRY.report),
    }  # fmt: skip


def test_a_row_says_what_matters_most() -> None:
    assert rows_of(ENTRY) == [
        {
            "path": "clips/cat.mp4", "verdict": "review", "severity": "3", "category": "nudity",
            "confidence": "0.91", "start_ms": "100000", "end_ms": "104000",
            "reasons": "nudity 1:40\N{EN DASH}1:44 (4 s)", "duration_ms": "180000",
            "coverage": "1.0", "tag": "upload-123", "submission_id": "sha256:00",
            "folder": "out/cat",
        }
    ]  # fmt: skip


def test_a_file_that_is_no_video_has_a_row_too() -> None:
    row = rows_of(Entry(Path("a.mp4"), Path("out/a"), unreadable()))[0]

    assert (row["path"], row["verdict"], row["duration_ms"]) == ("a.mp4", "error", "")
    assert row["reasons"] == "the file has no video stream"


DOUBT = Reason(ReasonKind.COVERAGE, detail="8 % was not seen")
CATS = Reason(ReasonKind.THRESHOLD, "cats", 0.5, 0.4, 1_000, 2_000)
SUMMARIES = (
    CategorySummary("dogs", float("nan"), 0.0, 0),
    CategorySummary("cats", 0.2, 0.0, 0),
    CategorySummary("birds", 0.3, 0.0, 0),
)


@pytest.mark.parametrize(
    ("reasons", "summaries", "cells"),
    [
        pytest.param([DOUBT, CATS], SUMMARIES, ["cats", "0.5", "1000", "2000"], id="a-rule-fired"),
        pytest.param([DOUBT], SUMMARIES, ["birds", "0.3", "", ""], id="the-closest-in-doubt"),
        pytest.param([], SUMMARIES, ["birds", "0.3", "", ""], id="the-closest-in-a-pass"),
        pytest.param([DOUBT], (), ["", "", "", ""], id="nothing-was-judged"),
        pytest.param([], SUMMARIES[:1], ["", "", "", ""], id="nothing-was-scored"),
    ],
)
def test_a_row_names_the_category_that_matters_most(
    reasons: list[Reason], summaries: tuple[CategorySummary, ...], cells: list[str]
) -> None:
    report = ENTRY.report
    verdict = Verdict(Outcome.REVIEW if reasons else Outcome.PASS, 1, tuple(reasons))
    judgement = replace(report.judgement, verdict=verdict, categories=summaries)
    row = rows_of(replace(ENTRY, report=replace(report, judgement=judgement)))[0]

    assert [row[name] for name in ("category", "confidence", "start_ms", "end_ms")] == cells


@given(report=reports, path=file_names, tag=texts)
def test_any_report_is_one_row_of_all_columns(report: Report, path: Path, tag: str) -> None:
    rows = rows_of(Entry(path, Path("out"), replace(report, tag=tag)))

    assert len(rows) == 1
    assert tuple(rows[0]) == CSV_COLUMNS
    assert None not in rows[0].values()


@pytest.mark.parametrize("tag", ["=1+1", "+1", "-1", "@x", "\uff1d1"])
def test_a_spreadsheet_sees_no_formula(tag: str) -> None:
    assert rows_of(replace(ENTRY, report=replace(ENTRY.report, tag=tag)))[0]["tag"] == f"'{tag}"


@pytest.mark.parametrize("tag", ["\t=1", "\r=1", "\n=1", "a\r\nb"])
def test_a_row_is_one_line(tag: str) -> None:
    line = line_of(Format.CSV, replace(ENTRY, report=replace(ENTRY.report, tag=tag)))

    assert len(line.splitlines()) == 1


def test_a_name_that_is_not_utf_8_is_readable_everywhere() -> None:
    entry = replace(ENTRY, path=Path(os.fsdecode(b"caf\xe9.mp4")))

    assert rows_of(entry)[0]["path"] == r"caf\xe9.mp4"
    assert json.loads(line_of(Format.JSONL, entry))["path"] == r"caf\xe9.mp4"


def test_the_reply_has_the_shape_of_get_content_moderation() -> None:
    assert reply_of(ENTRY) == {
        "JobId": "00",
        "JobStatus": "SUCCEEDED",
        "JobTag": "upload-123",
        "Video": {"S3Object": {"Name": "clips/cat.mp4"}},
        "VideoMetadata": {
            "Codec": "h264", "DurationMillis": 180_000, "Format": "mp4", "FrameRate": 29.97,
            "FrameHeight": 720, "FrameWidth": 1_280,
        },
        "ModerationLabels": [
            {
                "Timestamp": 100_000,
                "ModerationLabel": {
                    "Confidence": 97.0, "Name": "nudity", "ParentName": "", "TaxonomyLevel": 1,
                },
                "StartTimestampMillis": 100_000,
                "EndTimestampMillis": 104_000,
                "DurationMillis": 4_000,
            }
        ],
        "ModerationModelVersion": "open-nsfw 1",
        "GetRequestMetadata": {"SortBy": "TIMESTAMP", "AggregateBy": "SEGMENTS"},
    }  # fmt: skip


def test_labels_are_sorted_by_time_then_name() -> None:
    late = ENTRY.report.judgement.segments[0]
    early = replace(late, start_ms=5, category="b"), replace(late, start_ms=5, category="a")
    judgement = replace(ENTRY.report.judgement, segments=(late, *early))
    labels = reply_of(replace(ENTRY, report=replace(ENTRY.report, judgement=judgement)))

    found = [
        (one["Timestamp"], one["ModerationLabel"]["Name"]) for one in labels["ModerationLabels"]
    ]
    assert found == [(5, "a"), (5, "b"), (100_000, "nudity")]


def test_an_error_is_a_job_that_failed_and_says_why() -> None:
    reply = reply_of(Entry(Path("a.mp4"), Path("out/a"), unreadable()))

    assert reply["JobStatus"] == "FAILED"
    assert reply["StatusMessage"] == "the file has no video stream"
    assert reply["ModerationLabels"] == []
    assert "VideoMetadata" not in reply
