"""Planted truth in chunks: what a video holds is found wherever it is cut.

Each chunk is scanned by itself, from files, as by a worker of its own; incidents stand before,
across, at and behind the border of two chunks.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipeline.media.encode import Encoding, write_streams, write_video
from pipeline.records import Examination, Look, Outcome, ReasonKind, Span
from pipeline.scan import Scan
from pipeline.scoring.session import Scorer
from tests.damage import overwrite
from tests.films import Incident, even_ms, film, uneven_ms, write_film
from tests.pipeline.chunk_parts import probe_file, scan_apart, see_apart, spans_of
from tests.scanning import colour_policy, scan

RATE_HZ = 20
DURATION_MS = 22_000
EVEN_MS = even_ms(DURATION_MS, RATE_HZ)
UNEVEN_MS = uneven_ms(DURATION_MS, seed=3)
SIZE = (160, 90)
ULTRAFAST = {"preset": "ultrafast", "crf": "23"}
NO_CUTS = {**ULTRAFAST, "sc_threshold": "0"}
ENCODINGS: dict[str, dict[str, Any]] = {
    "x264-1s": {"keyframe_interval": 20, "options": NO_CUTS},
    "x264-1s-uneven": {"keyframe_interval": 20, "options": NO_CUTS, "timestamps_ms": UNEVEN_MS},
    "x264-10s": {"keyframe_interval": 200, "b_frames": 3, "options": NO_CUTS},
    "x264-open-gop": {
        "keyframe_interval": 40,
        "b_frames": 3,
        "options": {**ULTRAFAST, "x264-params": "open-gop=1:scenecut=0"},
    },
    "x265-open-gop": {
        "codec": "libx265",
        "keyframe_interval": 40,
        "b_frames": 3,
        "options": {"preset": "ultrafast", "x265-params": "log-level=none:open-gop=1:scenecut=0"},
    },
}
# Where an incident stands, by when it begins before or after the border.
PLACES = {
    "inside": -3_150,
    "up-to-it": -1_000,
    "ends-just-behind-it": -900,
    "across": -500,
    "ends-half-a-second-behind-it": -450,
    "just-before-it": -50,
    "at-it": 0,
    "just-behind-it": 50,
    "half-a-second-behind-it": 450,
}
POLICY = colour_policy()
Borders = Callable[[str, int], int]


def film_of(encoding: str) -> tuple[tuple[int, ...], Encoding]:
    fields = ENCODINGS[encoding]
    return fields.get("timestamps_ms", EVEN_MS), Encoding(rate_hz=RATE_HZ, **fields)


def write(path: Path, encoding: str, *incidents: Incident) -> Path:
    times, how = film_of(encoding)
    return write_film(path, times, how, *incidents)


@pytest.fixture(scope="module")
def border_ms(tmp_path_factory: pytest.TempPathFactory) -> Borders:
    """Where a film is cut that is scanned in so many chunks: at its second keyframe or later."""
    folder = tmp_path_factory.mktemp("borders")

    @cache
    def border(encoding: str, chunks: int) -> int:
        path = folder / f"{encoding}.mkv"
        if not path.exists():
            write(path, encoding)
        spans = spans_of(probe_file(path), chunks)
        return spans[len(spans) // 2].start_ms or 10_000

    return border


def planted(times: tuple[int, ...], start_ms: int, length_ms: int) -> Incident:
    """An incident whose edges are first shown by real frames of the film."""
    return Incident(*(next(t for t in times if t >= at) for at in (start_ms, start_ms + length_ms)))


def assert_found(found: Scan, incident: Incident, stream: int = 0) -> None:
    """The incident is the one segment, within 100 ms of the truth; a person is asked."""
    judgement = found.report.judgement
    (segment,) = judgement.segments
    assert segment.start_ms == pytest.approx(incident.start_ms, abs=100)
    assert segment.end_ms == pytest.approx(incident.end_ms, abs=100)
    assert judgement.coverage == 1.0
    assert (segment.stream, segment.is_confirmed) == (stream, True)
    assert judgement.verdict.outcome is Outcome.REVIEW


def kinds_of(found: Scan) -> tuple[Outcome, set[ReasonKind]]:
    verdict = found.report.judgement.verdict
    return verdict.outcome, {reason.kind for reason in verdict.reasons}


def doubts_of(found: Scan) -> list[str]:
    reasons = found.report.judgement.verdict.reasons
    return [reason.detail for reason in reasons if reason.kind is ReasonKind.DECODE]


@pytest.mark.soak
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("length_ms", "chunks"), [(500, 1), (500, 2), (500, 5), (1_000, 2)])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_incident_is_found_wherever_the_video_is_cut(  # noqa: PLR0913, PLR0917 - dimensions
    encoding: str,
    length_ms: int,
    chunks: int,
    place: str,
    border_ms: Borders,
    colour: Scorer,
    tmp_path: Path,
) -> None:
    times, _ = film_of(encoding)
    incident = planted(times, border_ms(encoding, chunks) + PLACES[place], length_ms)
    path = write(tmp_path / "film.mkv", encoding, incident)

    found = scan_apart(path, spans_of(probe_file(path), chunks), POLICY, colour)

    assert_found(found, incident)
    assert kinds_of(found) == kinds_of(scan(path, POLICY, colour))


@pytest.mark.parametrize("place", ["across", "at-it"])
@pytest.mark.parametrize("chunks", [1, 2, 5])
def test_by_packets_alone_an_incident_is_found_wherever_the_video_is_cut(
    chunks: int, place: str, border_ms: Borders, colour: Scorer, tmp_path: Path
) -> None:
    incident = planted(EVEN_MS, border_ms("x264-1s", chunks) + PLACES[place], 1_000)
    path = write(tmp_path / "film.mkv", "x264-1s", incident)
    policy = colour_policy(max_gap_ms=2_000, examination=Examination.PACKETS)

    assert_found(scan_apart(path, spans_of(probe_file(path), chunks), policy, colour), incident)


@pytest.mark.parametrize("chunks", [1, 2, 5])
def test_a_still_film_in_chunks_is_covered_and_scored_but_for_the_borders_as_rarely(
    chunks: int, colour: Scorer, tmp_path: Path
) -> None:
    times, how = film_of("x264-10s")
    write_video(tmp_path / "film.mkv", film(times, size=SIZE, is_still=True), how)
    spans = spans_of(probe_file(tmp_path / "film.mkv"), chunks)

    judgement = scan_apart(tmp_path / "film.mkv", spans, POLICY, colour).report.judgement

    assert (judgement.verdict.outcome, judgement.coverage) == (Outcome.PASS, 1.0)
    assert judgement.frames_scored <= DURATION_MS / 10_000 + 1 + len(spans)


@pytest.mark.parametrize("chunks", [1, 2, 5])
def test_two_cameras_with_keyframes_of_their_own_are_both_seen(
    chunks: int, colour: Scorer, tmp_path: Path
) -> None:
    """The border lies in mid-group of the second; the incident lies across it."""
    seconds = Encoding(rate_hz=RATE_HZ, keyframe_interval=20, options=NO_CUTS)
    slow = replace(seconds, keyframe_interval=70)
    incident = Incident(10_500, 12_500)
    films = [(film(EVEN_MS, size=SIZE), seconds), (film(EVEN_MS, incident, size=SIZE), slow)]
    write_streams(tmp_path / "two.mkv", films)
    spans = spans_of(probe_file(tmp_path / "two.mkv"), chunks)

    found = scan_apart(tmp_path / "two.mkv", spans, POLICY, colour)

    assert [frames.stream for frames in found.frames] == [0, 1]
    assert_found(found, incident, stream=1)


@pytest.mark.parametrize("place", ["across", "at-it"])
@pytest.mark.parametrize("name", ["film.avi", "film.ts", "film.mp4"])
def test_an_incident_is_found_in_other_containers(
    name: str, place: str, border_ms: Borders, colour: Scorer, tmp_path: Path
) -> None:
    """AVI tells no presentation times; two chunks."""
    incident = planted(EVEN_MS, border_ms("x264-10s", 5) + PLACES[place], 1_000)
    path = write(tmp_path / name, "x264-10s", incident)

    assert_found(scan_apart(path, spans_of(probe_file(path), 5), POLICY, colour), incident)


@pytest.mark.parametrize("chunks", [2, 5])
def test_damage_is_counted_once_whoever_came_upon_it(
    chunks: int, colour: Scorer, tmp_path: Path
) -> None:
    """In mid-chunk, and the keyframe between two: one decodes it last, the other first."""
    how = Encoding(codec="mpeg4", rate_hz=RATE_HZ, keyframe_interval=20)
    path = tmp_path / "film.mp4"
    write_video(path, film(EVEN_MS, Incident(10_500, 11_500), size=SIZE), how)
    spans = spans_of(probe_file(path), chunks)
    border = spans[0].end_ms * RATE_HZ // 1_000
    overwrite(path, (0, 7), (0, border))
    overwrite(path, (0, border + 45), keep=0.3)

    whole, apart = scan(path, POLICY, colour), scan_apart(path, spans, POLICY, colour)

    seen = [chunk.damage.lost for chunk in see_apart(path, spans[:2], POLICY, colour)]
    assert len(seen[0] & seen[1]) == 1
    assert doubts_of(apart) == doubts_of(whole)
    assert doubts_of(apart)[0] == "2 packets could not be decoded"
    assert kinds_of(apart) == kinds_of(whole)


def test_chunks_together_cost_a_keyframe_a_border_more_than_the_whole(
    colour: Scorer, tmp_path: Path
) -> None:
    path = write(tmp_path / "film.mkv", "x264-10s")
    spans = tuple(Span(a, b) for a, b in [(0, 10_000), (10_000, 20_000), (20_000, DURATION_MS)])

    whole, apart = (scan_apart(path, of, POLICY, colour) for of in ((Span(0, DURATION_MS),), spans))

    first_looks = [int((one.frames[0].looks == Look.FIRST).sum()) for one in (whole, apart)]
    assert first_looks[0] <= first_looks[1] <= first_looks[0] + 3 * (len(spans) - 1)
