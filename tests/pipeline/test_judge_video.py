"""Judging what was seen: without the file, under any policy, early, and where nothing was seen."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.chunks import join_chunks
from pipeline.drawing.style import HeatmapStyle
from pipeline.errors import PolicyError, UnreadableVideoError
from pipeline.media.encode import Encoding, write_video
from pipeline.outputs import chunk_file, frames_table, report_json
from pipeline.records import (
    ChunkScan,
    Exclusivity,
    Outcome,
    Policy,
    Reason,
    ReasonKind,
    Rule,
    Span,
    Timings,
)
from pipeline.scan import Scan, Subject, error_scan, find_blocks, judge_video, write_scan
from pipeline.scoring.session import Scorer
from tests.films import Incident, even_ms, film
from tests.pipeline.chunk_parts import probe_file, scan_apart, see, see_apart, subject_of
from tests.scanning import MAGENTA_RULE, colour_policy, scan

SIZE = (160, 90)
POLICY = colour_policy()
BLOCKING = colour_policy(rule=replace(MAGENTA_RULE, block=0.9))
NO_CUTS = {"preset": "ultrafast", "sc_threshold": "0"}
SECONDS = Encoding(rate_hz=20, keyframe_interval=20, options=NO_CUTS)
THIRDS = (Span(0, 5_000), Span(5_000, 10_000), Span(10_000, 15_000))
SOFTMAX = Exclusivity.SOFTMAX


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifteen seconds: an incident in the second third, a flash in the third."""
    path = tmp_path_factory.mktemp("films") / "a.mkv"
    incidents = (Incident(6_200, 8_300), Incident(12_500, 12_550))
    write_video(path, film(even_ms(15_000, 20), *incidents, size=SIZE), SECONDS)
    return path


@pytest.fixture(scope="module")
def thirds(path: Path, colour: Scorer) -> list[ChunkScan]:
    return see_apart(path, THIRDS, BLOCKING, colour)


def judged(chunks: list[ChunkScan], subject: Subject, path: Path) -> Scan:
    video = probe_file(path)
    seen = join_chunks(chunks)
    return judge_video(subject, video.facts, video.faults, seen, exclusivity=SOFTMAX)


def test_a_scan_is_the_judgement_of_its_one_chunk(path: Path, colour: Scorer) -> None:
    whole = scan(path, POLICY, colour)

    apart = scan_apart(path, (Span(0, 15_000),), POLICY, colour)

    assert replace(apart.report, timings=whole.report.timings) == whole.report
    assert frames_table.write(apart.frames) == frames_table.write(whole.frames)
    assert [one.jpegs for one in apart.thumbnails] == [one.jpegs for one in whole.thumbnails]


def test_stored_chunks_are_judged_under_any_policy_without_the_file(
    thirds: list[ChunkScan], path: Path, colour: Scorer
) -> None:
    """As often as somebody likes, and each time as if it had been scanned under that policy."""
    stored = [(chunk_file.write(one), one.timings) for one in thirds]
    chunks = [chunk_file.read(content, timings=timings) for content, timings in stored]
    gone = replace(subject_of(path, POLICY, colour), source=Path("gone.mkv"))
    calm = Rule("calm", ("other",), 0.5, None, 0, is_strict=False, severity=1)
    patient = replace(MAGENTA_RULE, min_duration_ms=5_000)

    def outcome(policy: Policy) -> tuple[Outcome, list[str]]:
        report = judged(chunks, replace(gone, policy=policy), path).report
        assert (report.source, report.max_gap_ms) == (Path("gone.mkv"), policy.max_gap_ms)
        found = report.judgement.segments
        return report.judgement.verdict.outcome, [one.category for one in found if one.is_confirmed]

    assert outcome(POLICY) == (Outcome.REVIEW, ["magenta"])
    assert outcome(BLOCKING) == (Outcome.BLOCK, ["magenta"])
    assert outcome(replace(POLICY, rules=(patient,))) == (Outcome.PASS, [])
    assert outcome(replace(POLICY, rules=(calm,)))[1][0] == "calm"
    assert outcome(POLICY) == (Outcome.REVIEW, ["magenta"])


def test_a_policy_that_looks_closer_than_the_scan_did_is_not_covered(
    thirds: list[ChunkScan], path: Path, colour: Scorer
) -> None:
    closer = replace(POLICY, max_gap_ms=200)

    judgement = judged(thirds, subject_of(path, closer, colour), path).report.judgement

    assert judgement.coverage < 1
    assert ReasonKind.COVERAGE in [reason.kind for reason in judgement.verdict.reasons]


def test_a_video_is_not_judged_by_a_part_of_it(
    thirds: list[ChunkScan], path: Path, colour: Scorer
) -> None:
    with pytest.raises(ValueError, match="seen must be of all 15000 ms"):
        judged(thirds[:2], subject_of(path, POLICY, colour), path)


def test_labels_that_were_not_scored_are_a_fault_of_the_policy(
    thirds: list[ChunkScan], path: Path, colour: Scorer
) -> None:
    unknown = replace(POLICY, rules=(replace(MAGENTA_RULE, labels=("purple",)),))

    with pytest.raises(PolicyError, match="'purple'"):
        judged(thirds, subject_of(path, unknown, colour), path)
    with pytest.raises(PolicyError, match="'purple'"):
        find_blocks(thirds[0], unknown, exclusivity=SOFTMAX)


def test_what_the_probe_found_wrong_stands_in_the_report(
    thirds: list[ChunkScan], path: Path, colour: Scorer
) -> None:
    fault = Reason(ReasonKind.DECODE, detail="does not say how long it is")
    facts = probe_file(path).facts
    subject = subject_of(path, POLICY, colour)

    found = judge_video(subject, facts, (fault,), join_chunks(thirds), exclusivity=SOFTMAX)

    assert fault in found.report.judgement.verdict.reasons


def test_the_seconds_of_all_chunks_stand_in_the_report(
    thirds: list[ChunkScan], path: Path, colour: Scorer
) -> None:
    timings = judged(thirds, subject_of(path, POLICY, colour), path).report.timings

    assert timings.decode_s == pytest.approx(sum(one.timings.decode_s for one in thirds))
    assert timings.score_s == pytest.approx(sum(one.timings.score_s for one in thirds))
    assert min(one.timings.decode_s for one in thirds) > 0


def test_the_files_of_joined_chunks_are_written_as_any_scan_s(
    thirds: list[ChunkScan], path: Path, colour: Scorer, tmp_path: Path
) -> None:
    found = judged(thirds, subject_of(path, BLOCKING, colour), path)

    report = write_scan(found, tmp_path, policy=BLOCKING, style=HeatmapStyle())

    assert report_json.read(tmp_path / "report.json") == report
    (frames,) = frames_table.read(tmp_path / "frames.parquet")
    np.testing.assert_array_equal(frames.scores, found.frames[0].scores)


def test_a_confirmed_segment_that_blocks_is_known_from_its_chunk_alone(
    thirds: list[ChunkScan],
) -> None:
    """Nothing in the first, the incident in the second, and in the third a flash, refuted."""
    alarms = [find_blocks(chunk, BLOCKING, exclusivity=SOFTMAX) for chunk in thirds]

    assert [len(reasons) for reasons in alarms] == [0, 1, 0]
    (reason,) = alarms[1]
    assert (reason.kind, reason.category) == (ReasonKind.THRESHOLD, "magenta")
    assert reason.threshold == 0.9
    assert reason.start_ms == pytest.approx(6_200, abs=100)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(MAGENTA_RULE, id="never-blocks"),
        pytest.param(replace(MAGENTA_RULE, block=1.0, labels=("other",)), id="below-the-threshold"),
        pytest.param(replace(MAGENTA_RULE, block=0.9, min_duration_ms=9_000), id="too-short"),
    ],
)
def test_what_does_not_block_raises_no_alarm(rule: Rule, thirds: list[ChunkScan]) -> None:
    assert find_blocks(thirds[1], replace(POLICY, rules=(rule,)), exclusivity=SOFTMAX) == ()


def test_the_gravest_alarm_comes_first(thirds: list[ChunkScan]) -> None:
    grave = replace(MAGENTA_RULE, category="grave", block=0.9, severity=4)
    both = replace(POLICY, rules=(BLOCKING.rules[0], grave))

    alarms = find_blocks(thirds[1], both, exclusivity=SOFTMAX)

    assert [reason.category for reason in alarms] == ["grave", "magenta"]


@pytest.mark.parametrize("kind", [ReasonKind.UNREADABLE, ReasonKind.LIMIT])
def test_what_could_not_be_judged_has_a_report_that_says_why(
    kind: ReasonKind, path: Path, colour: Scorer, tmp_path: Path
) -> None:
    facts = probe_file(path).facts
    reason = Reason(kind, detail="takes more than 9 CPU seconds")

    found = error_scan(
        subject_of(path, POLICY, colour), facts, reason, timings=Timings(1.0, 2.0, 0.0)
    )

    report = found.report
    assert (report.judgement.verdict.outcome, report.judgement.verdict.reasons) == (
        Outcome.ERROR,
        (reason,),
    )
    assert (report.video, report.timings) == (facts, Timings(1.0, 2.0, 0.0))
    assert (found.frames, found.timelines, found.thumbnails) == ((), (), ())
    write_scan(found, tmp_path, policy=POLICY, style=HeatmapStyle())
    assert not (tmp_path / "frames.parquet").exists()


def test_a_chunk_of_a_file_that_is_gone_cannot_be_seen(path: Path, colour: Scorer) -> None:
    video = replace(probe_file(path), path=Path("gone.mkv"))

    with pytest.raises(UnreadableVideoError):
        see(video, THIRDS[0], POLICY, colour)
