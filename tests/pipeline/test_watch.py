"""Watching a stream: what is sampled, in which look, and how little of it is scored."""

import gc
import io
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count, pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.ahead import Stopwatch
from pipeline.judging.segments import find_segments
from pipeline.judging.timeline import build_timeline
from pipeline.judging.verdict import judge
from pipeline.media.decode import Damage
from pipeline.media.encode import Encoding, write_video
from pipeline.media.looks import Looker
from pipeline.media.video import probe
from pipeline.records import (
    Examination,
    Frame,
    Gate,
    Look,
    Outcome,
    Policy,
    Rule,
    Span,
    Timeline,
)
from pipeline.scoring.session import Scorer
from pipeline.watch import Watched, Watcher
from tests.films import Incident, even_ms, film
from tests.pipeline.media.media_parts import LIMITS, budget
from tests.scanning import MAGENTA_RULE, colour_policy

SIZE = (160, 90)
NO_CUTS = {"preset": "ultrafast", "sc_threshold": "0"}
MINUTE_MS = even_ms(60_000, 10)
ALTERNATING = [Incident(start_ms, start_ms + 1_000) for start_ms in range(1_000, 60_000, 2_000)]
TEN_S = even_ms(10_000, 20)
FADING = (Incident(2_350, 8_450, 0.3), Incident(4_050, 6_150))


@dataclass(frozen=True)
class Seen:
    """What watching gave back, and what it told of its progress."""

    watched: Watched
    timeline: Timeline
    shares: list[float]

    @property
    def looks(self) -> list[int]:
        """How many frames each look sampled."""
        looks: list[int] = self.watched.frames.looks.tolist()
        return [looks.count(look) for look in Look]

    def times_of(self, look: Look) -> list[int]:
        frames = self.watched.frames
        times: list[int] = frames.timestamps_ms[frames.looks == look].tolist()
        return times


@pytest.fixture(scope="module")
def alternating(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute that shows the incident every other second."""
    path = tmp_path_factory.mktemp("films") / "alternating.mkv"
    how = Encoding(rate_hz=10, keyframe_interval=20, options=NO_CUTS)
    write_video(path, film(MINUTE_MS, *ALTERNATING, size=SIZE), how)
    return path


def write_ten_s(path: Path, *incidents: Incident, keyframe_interval: int = 400) -> Path:
    how = Encoding(rate_hz=20, keyframe_interval=keyframe_interval, options=NO_CUTS)
    write_video(path, film(TEN_S, *incidents, size=SIZE), how)
    return path


def watch(
    path: Path,
    policy: Policy,
    scorer: Scorer,
    *,
    clock_s: Callable[[], float] = time.thread_time,
    on_progress: Callable[[float], None] = lambda _share: None,
) -> Seen:
    video = probe(path, limits=LIMITS, budget=budget())
    geometry = scorer.manifest.input.geometry
    looker = Looker(video, video.streams[0], geometry, policy, budget(), Damage())
    shares: list[float] = []

    def tell(share: float) -> None:
        shares.append(share)
        on_progress(share)

    whole = Span(0, video.facts.duration_ms)
    watched = Watcher(whole, looker, scorer, Stopwatch(clock_s)).watch(tell)
    timeline = build_timeline(watched.frames, policy, scorer.manifest.exclusivity)
    return Seen(watched, timeline, shares)


@pytest.mark.parametrize("examination", Examination)
@pytest.mark.parametrize("merge_gap_ms", [0, 2_000], ids=["thirty-segments", "one-segment"])
def test_a_film_that_alternates_every_second_costs_a_bounded_number_of_frames(
    examination: Examination, merge_gap_ms: int, alternating: Path, colour: Scorer
) -> None:
    policy = replace(colour_policy(examination=examination), merge_gap_ms=merge_gap_ms)

    seen = watch(alternating, policy, colour)

    judgement = judge([seen.timeline], policy, faults=())
    first, confirm, edge = seen.looks
    edges = 2 * len(judgement.segments)
    assert judgement.verdict.outcome is Outcome.REVIEW
    assert len(judgement.segments) == (30 if merge_gap_ms == 0 else 1)
    assert any(segment.is_confirmed for segment in judgement.segments)
    assert first <= 60 + len(ALTERNATING) * 2
    assert 0 < confirm <= 4 * policy.max_confirmations
    assert edge <= edges * math.ceil(math.log2(1_000 / 100))


def test_frames_are_in_order_each_with_its_look_and_its_thumbnail(
    alternating: Path, colour: Scorer
) -> None:
    seen = watch(alternating, replace(colour_policy(), merge_gap_ms=0), colour)

    frames, thumbnails = seen.watched.frames, seen.watched.thumbnails
    assert all(a < b for a, b in pairwise(frames.timestamps_ms.tolist()))
    assert set(frames.looks.tolist()) == set(Look)
    np.testing.assert_array_equal(thumbnails.timestamps_ms, frames.timestamps_ms)
    np.testing.assert_array_equal(seen.timeline.timestamps_ms, frames.timestamps_ms)
    shown = [(thumbnail_is_magenta(jpeg), jpeg[:2]) for jpeg in thumbnails.jpegs]
    assert shown == [
        (time_ms // 1_000 % 2 == 1, b"\xff\xd8") for time_ms in frames.timestamps_ms.tolist()
    ]


def thumbnail_is_magenta(jpeg: bytes) -> bool:
    pixels = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(int)
    return bool(np.mean(pixels[..., 0] - pixels[..., 1]) > 90)


def test_progress_rises_to_1_and_never_falls(alternating: Path, colour: Scorer) -> None:
    shares = watch(alternating, colour_policy(), colour).shares

    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert all(a <= b for a, b in pairwise(shares))
    assert 0.8 < shares[-2] < 1.0
    assert len(shares) > 60


def test_a_peak_is_confirmed_by_the_four_frames_about_it(tmp_path: Path, colour: Scorer) -> None:
    """A policy that goes back to one peak: the highest frame, the earliest of several as high."""
    path = write_ten_s(tmp_path / "a.mkv", Incident(4_000, 6_000))
    policy = replace(colour_policy(), max_confirmations=1, merge_gap_ms=0)

    seen = watch(path, policy, colour)

    (segment,) = find_segments(seen.timeline, policy)
    assert segment.is_confirmed
    confirm = seen.times_of(Look.CONFIRM)
    assert len(confirm) == 4
    assert np.diff(confirm).tolist() == [250, 500, 250]
    assert 4_000 <= confirm[0] + 500 < 6_000


def test_a_flash_is_refuted_by_the_frames_about_it(tmp_path: Path, colour: Scorer) -> None:
    path = write_ten_s(tmp_path / "a.mkv", Incident(5_000, 5_050))
    policy = colour_policy()

    seen = watch(path, policy, colour)

    assert judge([seen.timeline], policy, faults=()).verdict.outcome is Outcome.PASS
    assert set(seen.times_of(Look.CONFIRM)) <= {4_500, 4_750, 5_250, 5_500}


def test_more_flashes_than_rounds_are_left_to_a_person(tmp_path: Path, colour: Scorer) -> None:
    """Each of 8 rounds goes back to one and refutes it; those that none reached stay in force."""
    flashes = [Incident(start_ms, start_ms + 100) for start_ms in range(2_000, 60_000, 2_500)]
    how = Encoding(rate_hz=10, keyframe_interval=600, options=NO_CUTS)
    write_video(tmp_path / "a.mkv", film(MINUTE_MS, *flashes, size=SIZE), how)
    policy = replace(
        colour_policy(rule=replace(MAGENTA_RULE, is_strict=True)),
        max_confirmations=1,
        merge_gap_ms=0,
    )

    seen = watch(tmp_path / "a.mkv", policy, colour)

    assert 8 <= len(seen.times_of(Look.CONFIRM)) <= 4 * 8
    assert judge([seen.timeline], policy, faults=()).verdict.outcome is Outcome.REVIEW


@pytest.mark.parametrize(
    ("examination", "max_probes"),
    [
        pytest.param(Examination.PICTURES, 1, id="one-frame-where-the-jump-was-seen"),
        pytest.param(Examination.PACKETS, math.ceil(math.log2(2_000 / 100)), id="else-by-halving"),
    ],
)
def test_an_edge_is_placed_with_few_scored_frames(
    examination: Examination, max_probes: int, tmp_path: Path, colour: Scorer
) -> None:
    path = write_ten_s(tmp_path / "a.mkv", Incident(3_150, 6_350), keyframe_interval=40)
    policy = colour_policy(max_gap_ms=2_000, examination=examination)

    seen = watch(path, policy, colour)

    (segment,) = find_segments(seen.timeline, policy)
    assert segment.start_ms == pytest.approx(3_150, abs=100)
    assert segment.end_ms == pytest.approx(6_350, abs=100)
    assert 1 <= len(seen.times_of(Look.EDGE)) <= 2 * max_probes


def test_edges_of_two_categories_are_placed_at_once(tmp_path: Path, colour: Scorer) -> None:
    """The incident fades in: the film is calm no more before it shows much of it."""
    path = write_ten_s(tmp_path / "a.mkv", *FADING, keyframe_interval=40)
    calm = Rule("calm", ("other",), 0.5, None, 0, is_strict=False, severity=1)
    much = Rule("much", ("magenta",), 0.95, None, 0, is_strict=False, severity=2)
    base = colour_policy(max_gap_ms=2_000, examination=Examination.PACKETS)
    policy = replace(base, rules=(much, calm), max_confirmations=0)

    seen = watch(path, policy, colour)

    found = find_segments(seen.timeline, policy)
    assert [segment.category for segment in found] == ["calm", "much", "calm"]
    edges = [edge for segment in found for edge in (segment.start_ms, segment.end_ms)]
    fade_in, full = FADING
    truth = [0, fade_in.start_ms, full.start_ms, full.end_ms, fade_in.end_ms, 10_000]
    assert edges == pytest.approx(truth, abs=100)


def test_witnesses_of_a_still_film_do_not_copy_one_another(tmp_path: Path, colour: Scorer) -> None:
    how = Encoding(rate_hz=20, keyframe_interval=400, options=NO_CUTS)
    incident = Incident(4_000, 6_000)
    write_video(tmp_path / "a.mkv", film(TEN_S, incident, size=SIZE, is_still=True), how)

    frames = watch(tmp_path / "a.mkv", colour_policy(), colour).watched.frames

    assert frames.gates[frames.looks == Look.CONFIRM].tolist() == [Gate.OK] * 4


@pytest.mark.parametrize("is_still", [False, True], ids=["moving", "still"])
def test_what_is_examined_needs_no_sample(
    is_still: bool,  # noqa: FBT001 - a column of the table
    tmp_path: Path,
    colour: Scorer,
) -> None:
    """Slides of three seconds, or a camera before a wall: sampled a frame each, all covered."""
    times = TEN_S if is_still else tuple(range(0, 10_000, 2_500))
    how = Encoding(timestamps_ms=times, keyframe_interval=400)
    pictures = film(times, size=SIZE, is_still=is_still)
    write_video(tmp_path / "a.mkv", pictures, how)

    seen = watch(tmp_path / "a.mkv", colour_policy(), colour)

    assert seen.timeline.uncovered == ()
    assert len(seen.watched.frames.timestamps_ms) <= 4


def test_no_more_than_sixteen_frames_are_decoded_ahead(alternating: Path, colour: Scorer) -> None:
    calls = count()
    read: list[int] = []

    def clock_s() -> float:
        read.append(next(calls))  # before a frame is made, and after
        return 0.0

    def linger(_share: float) -> None:
        if not seen_ahead:
            time.sleep(0.5)
            seen_ahead.append(len(read) // 2)

    seen_ahead: list[int] = []
    watch(alternating, colour_policy(), colour, clock_s=clock_s, on_progress=linger)

    assert colour.batch_frames < seen_ahead[0] <= colour.batch_frames + 16
    assert len(read) // 2 > 60


def test_no_more_frames_are_held_than_one_edge_needs(alternating: Path, colour: Scorer) -> None:
    """Of sixty edges with a second of frames each: one second, and what is decoded ahead."""
    held: list[int] = []
    calls = count()

    def count_frames() -> float:
        if next(calls) % 100 == 0:  # to look at every object there is takes its time
            held.append(sum(isinstance(thing, Frame) for thing in gc.get_objects()))
        return 0.0

    policy = replace(colour_policy(examination=Examination.PACKETS), merge_gap_ms=0)
    watch(alternating, policy, colour, clock_s=count_frames)

    assert next(calls) > 1_000
    assert max(held) <= 10 + 2 * 16
