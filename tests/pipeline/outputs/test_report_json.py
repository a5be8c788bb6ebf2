"""report.json: strict JSON of one schema, read back as the very record, believed in nothing."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from pipeline.errors import ReportError
from pipeline.outputs.report_json import MAX_BYTES, read, write
from pipeline.records import (
    BankFacts,
    CategorySummary,
    Judgement,
    ModelFacts,
    Outcome,
    Reason,
    ReasonKind,
    Report,
    Segment,
    Timings,
    Unjudged,
    Verdict,
    VideoFacts,
)
from tests.pipeline.outputs.report_strategies import NAN, reports

one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def a_report(path: Path = Path("clips/cat.mp4")) -> Report:
    """Return the report of DESIGN section 3."""
    reason = Reason(ReasonKind.THRESHOLD, "nudity", 0.91, 0.85, 100_000, 104_000)
    segment = Segment("nudity", 0, 100_000, 104_000, 0.97, 0.88, 9, 101_500, is_confirmed=True)
    judgement = Judgement(
        Verdict(Outcome.REVIEW, 3, (reason,)),
        (CategorySummary("nudity", 0.91, 4.0, 4_000),),
        (segment,),
        (Unjudged(0, 1_200, "black"),),
        (),
        1.0,
        214,
        3,
    )
    video = VideoFacts("mp4", "h264", 180_000, 1_280, 720, 0, 29.97, is_vfr=False, streams=1)
    model = ModelFacts("open-nsfw", "1", "aa", ("CPUExecutionProvider",))
    artifacts = (("strip", "strip.png"), ("frames", "frames.parquet"), ("heatmap", "heatmap.png"))
    timings = Timings(1.2, 3.4, 0.1)
    ids = ("sha256:00", "upload-123", path, video, model, "default", 7, "bb", 1_000)
    return Report(*ids, judgement, artifacts, timings, BankFacts("cc", "knn", 0.25, 0.05))


def as_object(report: Report) -> Any:
    return json.loads(write(report))


def test_the_names_are_those_of_the_design() -> None:
    written = as_object(a_report())

    assert list(written) == [
        "schema_version", "submission_id", "tag", "source", "video", "sampler", "model", "policy",
        "bank", "verdict", "severity", "reasons", "categories", "segments", "unjudged", "events",
        "artifacts", "timings",
    ]  # fmt: skip
    assert written["schema_version"] == 1
    assert written["sampler"] == {
        "max_gap_ms": 1_000, "frames_scored": 214, "frames_rejected": 3, "coverage": 1.0,
    }  # fmt: skip
    assert written["model"] == {
        "id": "open-nsfw", "version": "1", "sha256": "aa", "providers": ["CPUExecutionProvider"],
    }  # fmt: skip
    assert written["policy"] == {"id": "default", "version": 7, "sha256": "bb"}
    assert written["bank"] == {
        "sha256": "cc", "method": "knn", "threshold": 0.25, "false_alarms": 0.05,
    }  # fmt: skip
    assert (written["verdict"], written["severity"]) == ("review", 3)
    assert written["reasons"] == [
        {
            "kind": "threshold", "category": "nudity", "confidence": 0.91, "threshold": 0.85,
            "start_ms": 100_000, "end_ms": 104_000,
        }
    ]  # fmt: skip
    assert written["categories"] == {
        "nudity": {"confidence": 0.91, "seconds_over": 4.0, "longest_ms": 4_000}
    }
    assert written["segments"] == [
        {
            "category": "nudity", "stream": 0, "start_ms": 100_000, "end_ms": 104_000,
            "max_score": 0.97, "mean_score": 0.88, "frames": 9, "peak_ms": 101_500,
            "is_confirmed": True,
        }
    ]  # fmt: skip
    assert written["unjudged"] == [{"start_ms": 0, "end_ms": 1_200, "reason": "black"}]
    assert written["timings"] == {"decode_s": 1.2, "score_s": 3.4, "draw_s": 0.1}
    assert written["video"]["codec"] == "h264"


def test_a_report_of_before_there_were_banks_is_read(tmp_path: Path) -> None:
    written = as_object(a_report())
    del written["bank"]
    (tmp_path / "report.json").write_text(json.dumps(written))

    assert read(tmp_path / "report.json").bank is None


def test_artifacts_go_by_name_whatever_order_they_came_in() -> None:
    assert list(as_object(a_report())["artifacts"]) == ["frames", "heatmap", "strip"]


@one_folder
@given(report=reports)
def test_what_is_read_back_is_what_was_written(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(write(report))

    assert read(path) == report
    assert write(read(path)) == path.read_bytes()


@given(report=reports)
def test_a_report_is_strict_json_in_utf_8_with_a_newline_at_the_end(report: Report) -> None:
    def refuse(word: str) -> None:
        pytest.fail(f"{word} is no JSON")

    text = write(report).decode("utf-8", "strict")

    assert text.endswith("}\n")
    json.loads(text, parse_constant=refuse)


def test_a_category_that_was_not_scored_is_null_and_reads_back_as_nan(tmp_path: Path) -> None:
    report = a_report()
    summary = CategorySummary("nudity", NAN, 0.0, 0)
    unscored = replace(report, judgement=replace(report.judgement, categories=(summary,)))
    path = tmp_path / "report.json"
    path.write_bytes(write(unscored))

    assert as_object(unscored)["categories"]["nudity"]["confidence"] is None
    assert np.isnan(read(path).judgement.categories[0].confidence)


def test_numbers_of_numpy_are_written_as_numbers() -> None:
    timings = Timings(np.float32(0.5), np.float64(1.5), np.int64(2))  # type: ignore[arg-type]

    assert as_object(replace(a_report(), timings=timings))["timings"] == {
        "decode_s": 0.5, "score_s": 1.5, "draw_s": 2,
    }  # fmt: skip


def test_a_name_that_is_not_utf_8_stays_readable_and_comes_back(tmp_path: Path) -> None:
    report = a_report(Path(os.fsdecode(b"clips/caf\xe9\\n.mp4")))
    path = tmp_path / "report.json"
    path.write_bytes(write(report))

    assert as_object(report)["source"] == r"clips/caf\xe9\\n.mp4"
    assert read(path) == replace(report, artifacts=tuple(sorted(report.artifacts)))


def test_any_other_text_that_is_not_utf_8_stays_readable() -> None:
    assert as_object(replace(a_report(), tag="\udcff"))["tag"] == r"\xff"


def change(*steps: str | int, to: Any) -> Callable[[Any], None]:
    """Return what puts *to* at the place that *steps* lead to."""

    def apply(written: Any) -> None:
        for step in steps[:-1]:
            written = written[step]
        written[steps[-1]] = to

    return apply


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param(change("extra", to=1), "extra", id="an-unknown-key"),
        pytest.param(change("segments", 0, "extra", to=1), "extra", id="an-unknown-key-inside"),
        pytest.param(change("schema_version", to=2), "schema_version", id="another-schema"),
        pytest.param(change("verdict", to="fine"), "verdict", id="an-unknown-verdict"),
        pytest.param(change("reasons", to=[]), "needs a reason", id="a-review-without-reason"),
        pytest.param(change("severity", to=9), "severity", id="too-severe"),
        pytest.param(change("segments", 0, "end_ms", to=5), "end_ms", id="an-end-before-its-start"),
        pytest.param(change("segments", 0, "max_score", to=1.5), r"\[0, 1\]", id="a-score-above-1"),
        pytest.param(change("segments", 0, "frames", to="9"), "frames", id="a-number-as-a-string"),
        pytest.param(
            change("categories", "nudity", "confidence", to=NAN),
            "Infinity|NaN|finite",
            id="nan-itself",
        ),
        pytest.param(change("reasons", 0, "threshold", to=-1), r"\[0, 1\]", id="below-0"),
        pytest.param(change("artifacts", "heatmap", to="../x"), "artifacts", id="a-way-out"),
        pytest.param(change("artifacts", "heatmap", to=".."), "artifacts", id="the-folder-above"),
        pytest.param(change("artifacts", "heatmap", to="/etc/x"), "artifacts", id="elsewhere"),
        pytest.param(change("\x1b[31m\n", to=1), r"\\x1b", id="a-key-that-commands-terminals"),
    ],
)
def test_a_report_with_a_fault_is_refused_in_one_line(
    fault: Callable[[Any], None], said: str, tmp_path: Path
) -> None:
    written = as_object(a_report())
    fault(written)
    path = tmp_path / "report.json"
    path.write_text(json.dumps(written), encoding="utf-8")

    with pytest.raises(ReportError, match=said) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"hello", id="text"),
        pytest.param(b"[]", id="a-list"),
        pytest.param(b'{"tag": "\xff"}', id="not-utf-8"),
        pytest.param(b"[" * 100_000, id="nested-without-end"),
        pytest.param(write(a_report())[:-40], id="cut-short"),
        pytest.param(b" " * (MAX_BYTES + 1), id="endless"),
    ],
)
def test_a_file_that_is_no_report_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)

    with pytest.raises(ReportError) as caught:
        read(path)
    assert str(caught.value).isprintable()


def test_a_missing_report_is_a_report_error(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="No such file"):
        read(tmp_path / "report.json")


def test_a_folder_in_its_place_is_a_report_error(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="Is a directory"):
        read(tmp_path)
