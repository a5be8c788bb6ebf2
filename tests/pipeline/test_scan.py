"""One submission end to end: its progress, its times, its doubts, its files, the report last."""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.drawing.style import HeatmapStyle
from pipeline.media.encode import Encoding, write_streams, write_video
from pipeline.media.here import DecoderHere
from pipeline.outputs import frames_table, report_json
from pipeline.records import Look, Outcome, Policy, ReasonKind, Report
from pipeline.scan import Scan, scan_video, write_scan
from pipeline.scoring.session import Scorer
from tests.damage import overwrite, repeat_time
from tests.films import Incident, even_ms, film
from tests.scanning import colour_policy

SIZE = (160, 90)
POLICY = colour_policy()
SIX_S = even_ms(6_000, 10)
HOW = Encoding(rate_hz=10, keyframe_interval=20, options={"preset": "ultrafast"})
MPEG4 = Encoding(codec="mpeg4", rate_hz=10, keyframe_interval=10)
INCIDENT = Incident(2_000, 4_000)
STYLE = HeatmapStyle()


@pytest.fixture(scope="module")
def two_cameras(tmp_path_factory: pytest.TempPathFactory, colour: Scorer) -> Scan:
    """A scan of two streams; the second shows the incident."""
    path = tmp_path_factory.mktemp("films") / "two.mkv"
    films = [(film(SIX_S, size=SIZE), HOW), (film(SIX_S, INCIDENT, size=SIZE), HOW)]
    write_streams(path, films)
    return scan(path, colour)


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that is far more work to decode than to score: a frame a second of 25."""
    path = tmp_path_factory.mktemp("films") / "long.mkv"
    how = Encoding(rate_hz=25, keyframe_interval=300, options={"preset": "ultrafast"})
    write_video(path, film(even_ms(10_000, 25), size=(640, 360)), how)
    return path


def scan(
    path: Path,
    scorer: Scorer,
    policy: Policy = POLICY,
    on_progress: Callable[[float], None] = lambda _share: None,
) -> Scan:
    return scan_video(
        path,
        submission_id="sha256:test",
        policy=policy,
        scorer=scorer,
        decoder=DecoderHere(),
        tag="a tag",
        on_progress=on_progress,
    )


def doubts_of(report: Report) -> list[str]:
    reasons = report.judgement.verdict.reasons
    return [reason.detail for reason in reasons if reason.kind is ReasonKind.DECODE]


def test_every_stream_is_watched_and_the_worst_decides(two_cameras: Scan) -> None:
    report = two_cameras.report

    assert report.judgement.verdict.outcome is Outcome.REVIEW
    (segment,) = report.judgement.segments
    assert (segment.stream, segment.is_confirmed) == (1, True)
    assert segment.start_ms == pytest.approx(INCIDENT.start_ms, abs=100)
    assert [frames.stream for frames in two_cameras.frames] == [0, 1]
    assert [timeline.stream for timeline in two_cameras.timelines] == [0, 1]
    assert [thumbnails.stream for thumbnails in two_cameras.thumbnails] == [0, 1]
    assert Look.CONFIRM not in two_cameras.frames[0].looks
    assert Look.CONFIRM in two_cameras.frames[1].looks


@pytest.mark.parametrize("streams", [1, 2, 3])
def test_progress_rises_from_0_to_1_and_never_falls(
    streams: int, colour: Scorer, tmp_path: Path
) -> None:
    films = [(film(SIX_S, INCIDENT, size=SIZE), HOW) for _ in range(streams)]
    write_streams(tmp_path / "a.mkv", films)
    shares: list[float] = []

    scan(tmp_path / "a.mkv", colour, on_progress=shares.append)

    assert shares[0] == 0.0
    assert shares[-1] == pytest.approx(1.0)
    assert all(a <= b for a, b in pairwise(shares))
    for number in range(streams):
        assert number / streams in [pytest.approx(share) for share in shares]


def test_what_the_caller_says_is_in_the_report(two_cameras: Scan, colour: Scorer) -> None:
    report = two_cameras.report

    assert (report.submission_id, report.tag, report.source.name) == (
        "sha256:test",
        "a tag",
        "two.mkv",
    )
    assert (report.policy_id, report.max_gap_ms) == (POLICY.policy_id, POLICY.max_gap_ms)
    assert report.model == colour.facts
    assert report.video is not None
    assert (report.video.duration_ms, report.video.streams) == (6_000, 2)


def test_times_add_up_to_the_cpu_seconds_that_were_spent(
    colour: Scorer, long_film: Path, tmp_path: Path
) -> None:
    began_s = time.process_time()

    scanned = scan(long_film, colour)

    spent_s = time.process_time() - began_s
    timings = scanned.report.timings
    assert timings.decode_s > timings.score_s > 0
    assert timings.decode_s + timings.score_s <= spent_s
    assert timings.draw_s == 0
    drawn = write_scan(scanned, tmp_path / "out", policy=POLICY, style=STYLE).timings
    assert (drawn.decode_s, drawn.score_s) == (timings.decode_s, timings.score_s)
    assert drawn.draw_s > 0


def test_the_files_of_a_scan_are_those_that_its_report_names(
    two_cameras: Scan, tmp_path: Path
) -> None:
    report = write_scan(two_cameras, tmp_path / "new" / "out", policy=POLICY, style=STYLE)

    names = {path.name for path in (tmp_path / "new" / "out").iterdir()}
    assert names == {name for _, name in report.artifacts} | {"report.json"}
    assert [kind for kind, _ in report.artifacts] == ["frames", "heatmap", "heatmap_data", "strip"]
    assert report_json.read(tmp_path / "new" / "out" / "report.json") == report
    frames = frames_table.read(tmp_path / "new" / "out" / "frames.parquet")
    assert [columns.stream for columns in frames] == [0, 1]


@pytest.mark.parametrize("name", ["heatmap.png", "heatmap.json", "strip.png", "frames.parquet"])
def test_there_is_no_report_of_files_that_could_not_be_written(
    name: str, two_cameras: Scan, tmp_path: Path
) -> None:
    (tmp_path / name / "in the way").mkdir(parents=True)

    with pytest.raises(OSError, match=name):
        write_scan(two_cameras, tmp_path, policy=POLICY, style=STYLE)
    assert not (tmp_path / "report.json").exists()


@pytest.mark.parametrize(
    ("content", "max_duration_ms", "kind"),
    [
        pytest.param(b"hello\n" * 99, 10_000, ReasonKind.UNREADABLE, id="no-video"),
        pytest.param(None, 9_999, ReasonKind.LIMIT, id="too-long"),
    ],
)
def test_a_scan_that_ends_in_an_error_has_a_report_and_no_frames(  # noqa: PLR0913, PLR0917 - a table
    content: bytes | None,
    max_duration_ms: int,
    kind: ReasonKind,
    colour: Scorer,
    long_film: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "a.mkv").write_bytes(long_film.read_bytes() if content is None else content)
    policy = replace(POLICY, limits=replace(POLICY.limits, max_duration_ms=max_duration_ms))

    scanned = scan(tmp_path / "a.mkv", colour, policy)
    report = write_scan(scanned, tmp_path / "out", policy=policy, style=STYLE)

    assert report.judgement.verdict.outcome is Outcome.ERROR
    assert [reason.kind for reason in report.judgement.verdict.reasons] == [kind]
    assert report.video is None
    assert (scanned.frames, scanned.timelines, scanned.thumbnails) == ((), (), ())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "report.json", "heatmap.png", "heatmap.json", "strip.png",
    }  # fmt: skip
    assert report_json.read(tmp_path / "out" / "report.json") == report


def test_a_video_that_takes_too_long_is_an_error_with_its_facts(
    colour: Scorer, long_film: Path
) -> None:
    whole_s = scan(long_film, colour).report.timings.decode_s
    policy = replace(POLICY, limits=replace(POLICY.limits, max_cpu_s=whole_s / 2))

    scanned = scan(long_film, colour, policy)

    (reason,) = scanned.report.judgement.verdict.reasons
    assert (scanned.report.judgement.verdict.outcome, reason.kind) == (
        Outcome.ERROR,
        ReasonKind.LIMIT,
    )
    assert scanned.report.video is not None
    assert scanned.report.video.duration_ms == 10_000
    assert scanned.frames == ()


def test_what_is_damaged_in_any_stream_calls_for_a_person(colour: Scorer, tmp_path: Path) -> None:
    shown = list(film(SIX_S, size=SIZE))
    write_streams(tmp_path / "a.mkv", [(shown, MPEG4), (shown[::-1], MPEG4)])
    overwrite(tmp_path / "a.mkv", (0, 7), (1, 9), (1, 33))

    report = scan(tmp_path / "a.mkv", colour).report

    assert report.judgement.verdict.outcome is Outcome.REVIEW
    assert doubts_of(report) == ["3 packets could not be decoded"]


def test_a_damaged_picture_calls_for_a_person(colour: Scorer, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mkv", film(SIX_S, size=SIZE), MPEG4)
    overwrite(tmp_path / "a.mkv", (0, 15), keep=0.3)

    assert doubts_of(scan(tmp_path / "a.mkv", colour).report) == ["1 decoded pictures are damaged"]


def test_two_frames_at_one_time_call_for_a_person(colour: Scorer, tmp_path: Path) -> None:
    """Both are said: what the packets claim, and what the decoder made of it."""
    write_video(tmp_path / "a.mkv", film(SIX_S, size=SIZE), MPEG4)
    repeat_time(tmp_path / "a.mkv", 15)

    assert doubts_of(scan(tmp_path / "a.mkv", colour).report) == [
        "1 frames have the timestamp of another",
        "1 decoded pictures are out of order",
    ]
