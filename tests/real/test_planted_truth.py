"""Planted truth: videos with a known incident, a faultless model, and what the sampler promises.

Incidents of half a second to four seconds, filling the picture or in a corner of it, at the very
start, inside and at the very end, in the codecs and keyframe patterns that people upload.
"""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline.media.encode import Encoding, write_video
from pipeline.records import Examination, Look, Outcome
from pipeline.scan import Scan
from pipeline.scoring.session import Scorer
from tests.films import (
    SHOT_MS,
    Incident,
    even_ms,
    film,
    uneven_ms,
    write_film,
    write_still_film,
)
from tests.scanning import colour_policy, scan

RATE_HZ = 20
DURATION_MS = 12_000
EVEN_MS = even_ms(DURATION_MS, RATE_HZ)
UNEVEN_MS = uneven_ms(DURATION_MS, seed=3)
CORNER = 0.45  # of width and height: a fifth of the picture
ULTRAFAST = {"preset": "ultrafast", "crf": "23"}
NO_CUTS = {**ULTRAFAST, "sc_threshold": "0"}
ENCODINGS: dict[str, dict[str, Any]] = {
    "x264-1s": {"keyframe_interval": 20, "options": ULTRAFAST},
    "x264-2s-b-frames": {"keyframe_interval": 40, "b_frames": 2, "options": NO_CUTS},
    "x264-10s-b-frames": {"keyframe_interval": 200, "b_frames": 3, "options": ULTRAFAST},
    "x264-one-keyframe": {"keyframe_interval": 10_000, "options": NO_CUTS},
    "x265-open-gop": {
        "codec": "libx265",
        "keyframe_interval": 40,
        "b_frames": 2,
        "options": {"preset": "ultrafast", "x265-params": "log-level=none:open-gop=1:scenecut=0"},
    },
    "vp9": {
        "codec": "libvpx-vp9",
        "keyframe_interval": 40,
        "options": {"deadline": "realtime", "cpu-used": "8"},
    },
    "mpeg4": {"codec": "mpeg4", "keyframe_interval": 40},
    "mjpeg": {"codec": "mjpeg", "pixel_format": "yuvj420p"},
}
STILL_ENCODINGS: dict[str, dict[str, Any]] = {
    "x264": ENCODINGS["x264-10s-b-frames"],
    "x264-hard": {**ENCODINGS["x264-10s-b-frames"], "options": {"crf": "34", "sc_threshold": "0"}},
    "x265": {**ENCODINGS["x265-open-gop"], "keyframe_interval": 200},
    "av1": {"codec": "libsvtav1", "keyframe_interval": 200, "options": {"preset": "12"}},
}
INCIDENTS = [
    pytest.param(length_ms, share, where, id=f"{length_ms}ms-{name}-{where}")
    for length_ms, share, name in [
        (500, 1.0, "cut"),
        (500, CORNER, "corner"),
        (1_000, CORNER, "corner"),
        (4_000, 1.0, "cut"),
    ]
    for where in ("start", "inside", "end")
]


def planted(times: tuple[int, ...], length_ms: int, share: float, where: str) -> Incident:
    """An incident whose edges are first shown by real frames of the film."""
    start_ms = {"start": 0, "inside": 5_630, "end": DURATION_MS - length_ms}[where]
    end_ms = next((t for t in times if t >= start_ms + length_ms), DURATION_MS)
    return Incident(next(t for t in times if t >= start_ms), end_ms, share)


def assert_found(found: Scan, incident: Incident) -> None:
    """The incident is the one segment, confirmed, its edges within 100 ms of the truth."""
    judgement = found.report.judgement
    (segment,) = judgement.segments
    video = found.report.video
    assert video is not None
    end_ms = video.duration_ms if incident.end_ms == DURATION_MS else incident.end_ms
    assert segment.start_ms == pytest.approx(incident.start_ms, abs=100)
    assert segment.end_ms == pytest.approx(end_ms, abs=100)
    assert segment.is_confirmed
    assert judgement.verdict.outcome is Outcome.REVIEW
    assert judgement.coverage == 1.0


@pytest.mark.soak
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("times", [EVEN_MS, UNEVEN_MS], ids=["cfr", "vfr"])
@pytest.mark.parametrize(("length_ms", "share", "where"), INCIDENTS)
def test_every_incident_is_found_within_100_ms(  # noqa: PLR0913, PLR0917 - dimensions
    encoding: str,
    times: tuple[int, ...],
    length_ms: int,
    share: float,
    where: str,
    colour: Scorer,
    tmp_path: Path,
) -> None:
    incident = planted(times, length_ms, share, where)
    uneven = () if times == EVEN_MS else times
    how = Encoding(rate_hz=RATE_HZ, timestamps_ms=uneven, **ENCODINGS[encoding])
    path = write_film(tmp_path / "film.mkv", times, how, incident)

    assert_found(scan(path, colour_policy(), colour), incident)


@pytest.mark.parametrize("encoding", ["x264-1s", "x264-2s-b-frames", "x265-open-gop"])
@pytest.mark.parametrize("where", ["start", "inside", "end"])
def test_by_packets_alone_half_a_second_that_fills_the_picture_is_found(
    encoding: str, where: str, colour: Scorer, tmp_path: Path
) -> None:
    incident = planted(EVEN_MS, 500, 1.0, where)
    how = Encoding(rate_hz=RATE_HZ, **ENCODINGS[encoding])
    path = write_film(tmp_path / "film.mkv", EVEN_MS, how, incident)
    policy = colour_policy(max_gap_ms=2_000, examination=Examination.PACKETS)

    assert_found(scan(path, policy, colour), incident)


@pytest.mark.parametrize("examination", Examination)
@pytest.mark.parametrize("share", [0.34, CORNER, 1.0])
@pytest.mark.parametrize("encoding", STILL_ENCODINGS)
def test_what_appears_before_a_fixed_camera_is_found(
    encoding: str, examination: Examination, share: float, colour: Scorer, tmp_path: Path
) -> None:
    """Quiet groups of pictures are passed over by their packets; one with an incident is not."""
    incident = planted(EVEN_MS, 500, share, "inside")
    how = Encoding(rate_hz=RATE_HZ, **STILL_ENCODINGS[encoding])
    path = write_still_film(tmp_path / "film.mkv", EVEN_MS, how, incident)

    found = scan(path, colour_policy(examination=examination), colour)

    assert_found(found, incident)
    first_look = found.frames[0].looks == Look.FIRST
    assert found.frames[0].scores[first_look].shape[0] <= DURATION_MS / 1000 + 4


def test_a_still_film_is_scored_once_a_keyframe_at_most(colour: Scorer, tmp_path: Path) -> None:
    how = Encoding(rate_hz=RATE_HZ, **ENCODINGS["x264-10s-b-frames"])
    path = write_still_film(tmp_path / "film.mkv", EVEN_MS, how)

    judgement = scan(path, colour_policy(), colour).report.judgement

    assert (judgement.verdict.outcome, judgement.coverage) == (Outcome.PASS, 1.0)
    assert judgement.frames_scored <= DURATION_MS / 10_000 + 1


@pytest.mark.parametrize("max_gap_ms", [1_000, 2_000])
def test_a_minute_costs_about_a_frame_a_gap(
    max_gap_ms: int, colour: Scorer, tmp_path: Path
) -> None:
    """And a frame a cut (every 4.7 s), and what the second look at one incident takes."""
    times = even_ms(60_000, RATE_HZ)
    how = Encoding(rate_hz=RATE_HZ, keyframe_interval=40, options=ULTRAFAST)
    path = write_film(tmp_path / "film.mkv", times, how, Incident(31_300, 31_800, CORNER))

    found = scan(path, colour_policy(max_gap_ms=max_gap_ms), colour)

    cuts = 60_000 // 4_700
    assert found.report.judgement.frames_scored <= 60_000 / max_gap_ms + 2 * cuts + 12
    assert len(found.report.judgement.segments) == 1


def test_no_frame_is_further_from_the_next_than_the_gap(colour: Scorer, tmp_path: Path) -> None:
    how = Encoding(rate_hz=Fraction(30_000, 1_001), **ENCODINGS["x264-one-keyframe"])
    path = write_film(tmp_path / "film.mkv", EVEN_MS, how)

    times = scan(path, colour_policy(), colour).frames[0].timestamps_ms

    assert times[0] == 0
    assert max(b - a for a, b in pairwise(times)) <= 1_000


@pytest.mark.parametrize("after_ms", [0, 50, 100, 150, 200])
@pytest.mark.parametrize("share", [CORNER, 1.0])
def test_an_incident_just_after_a_cut_is_found(
    after_ms: int, share: float, colour: Scorer, tmp_path: Path
) -> None:
    """A foreign picture just before an incident does not hide it."""
    start_ms = 2 * SHOT_MS + after_ms
    how = Encoding(rate_hz=RATE_HZ, keyframe_interval=200, options=ULTRAFAST)
    incident = Incident(start_ms, start_ms + 500, share)
    path = write_film(tmp_path / "film.mkv", EVEN_MS, how, incident)

    assert_found(scan(path, colour_policy(), colour), incident)


def test_flicker_does_not_hide_an_incident(colour: Scorer, tmp_path: Path) -> None:
    """A second of a picture that is turned upside down ten times, then the incident."""
    incident = Incident(6_300, 6_800, CORNER)
    pictures = film(EVEN_MS, incident)
    flickering = (
        pixels[::-1] if 5_300 <= t < 6_300 and t // 50 % 2 else pixels
        for t, pixels in zip(EVEN_MS, pictures, strict=True)
    )
    how = Encoding(rate_hz=RATE_HZ, keyframe_interval=200, options=ULTRAFAST)
    write_video(tmp_path / "film.mkv", flickering, how)

    assert_found(scan(tmp_path / "film.mkv", colour_policy(), colour), incident)
