"""Pooling: a peak counts once its neighbours were asked."""

from statistics import median_low

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judging.peaks import confirm_targets
from pipeline.judging.pooling import as_confidence, settle_peaks, video_confidence
from pipeline.records import Gate, Look, Span, Timeline
from tests.pipeline.judging.builders import (
    DURATION_MS,
    NAN,
    confidences,
    footage,
    rule,
    timeline,
    timelines,
)

RULE = rule(review=0.5)


def slow_median(line: Timeline, i: int) -> float | None:
    """Return the higher of the two medians that may stand for frame i, asking frame by frame."""
    times, values = line.timestamps_ms.tolist(), line.confidences[:, 0].tolist()
    frames = range(len(times))
    breaks = [span.start_ms for span in line.uncovered]

    def is_near(j: int) -> bool:
        return bool(abs(times[j] - times[i]) <= 500)

    def goes_on(j: int) -> bool:
        return 0 <= j < len(times) - 1 and not any(times[j] < at < times[j + 1] for at in breaks)

    even = [j for j in frames if line.looks[j] != Look.EDGE or j == i]
    is_followed = [*times, line.duration_ms][i + 1] <= times[i] + 500
    near = [values[j] for j in even if is_near(j) and not np.isnan(values[j])]
    look = near if is_followed else []
    first = last = i
    while goes_on(first - 1) and values[first - 1] >= 0.5:
        first -= 1
    while goes_on(last) and values[last + 1] >= 0.5:
        last += 1
    run = [j for j in range(first, last + 1) if is_near(j)]
    if len(run) < 3:
        rows = [range(s, s + 3) for s in range(first, last - 1) if s <= i <= s + 2]
        spread = [max(times[i] - times[row[0]], times[row[2]] - times[i]) for row in rows]
        run = list(rows[spread.index(min(spread))]) if rows else []
    medians = [median_low(look)] if len(look) >= 3 else []
    if last - first >= 2 and times[last] - times[first] >= 250:
        medians.append(median_low(values[j] for j in run))
    return max(medians, default=None)


def confidence(*frames: tuple[int, float], edges: tuple[int, ...] = ()) -> float:
    return video_confidence(timeline(*frames, edges=edges), RULE)


LONE = [(1_000, 0.1), (1_250, 0.1), (1_500, 0.9), (1_750, 0.2), (2_000, 0.1)]
HALF = [(1_000, 0.1), (1_250, 0.1), (1_500, 0.9), (1_750, 0.8), (2_000, 0.1)]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param([], NAN, id="no-frames"),
        pytest.param([(0, NAN)], NAN, id="no-good-frames"),
        pytest.param([(0, 0.3)], 0.3, id="one-frame-below"),
        pytest.param([(0, 0.9)], 0.9, id="one-frame-above-is-not-refuted"),
        pytest.param([(0, 0.9), (500, 0.1)], 0.9, id="one-neighbour-is-too-few"),
        pytest.param(LONE, 0.2, id="a-slip-is-replaced-by-the-median"),
        pytest.param([*LONE, (3_000, 0.4)], 0.4, id="and-the-next-highest-counts"),
        pytest.param([(0, 0.9), (250, 0.8), (500, 0.1)], 0.8, id="the-start-has-one-side"),
        pytest.param([(3_499, 0.1), (3_749, 0.8), (3_999, 0.9)], 0.8, id="so-has-the-end"),
        pytest.param([(0, 0.1), (500, 0.9), (1_000, 0.1)], 0.1, id="500-ms-is-within-reach"),
        pytest.param([(0, 0.1), (501, 0.9), (1_002, 0.1)], 0.9, id="501-ms-is-not"),
        pytest.param([(0, 0.7), (1_000, 0.9), (2_000, 0.8)], 0.8, id="three-in-a-row-are-a-run"),
        pytest.param([(0, 0.7), (1_000, NAN), (2_000, 0.8), (3_000, 0.6)], 0.8, id="a-break"),
        pytest.param([(0, 0.5), (1_000, 0.5), (2_000, 0.5)], 0.5, id="exactly-at-the-threshold"),
    ],
)
def test_the_confidence_of_a_video(frames: list[tuple[int, float]], expected: float) -> None:
    np.testing.assert_equal(confidence(*frames), expected)


def test_two_high_frames_of_five_are_not_enough() -> None:
    assert confidence(*HALF) == 0.1


def test_two_high_frames_of_four_are_not_more_than_half() -> None:
    assert confidence((0, 0.1), (250, 1.0), (500, 1.0), (750, 0.1)) == 0.1


def test_edge_samples_do_not_outvote_the_look_around_a_peak() -> None:
    """Four samples that placed the edge lie below; of the five even ones, three are above."""
    even = [(1_000, 0.1), (1_250, 0.1), (1_500, 0.9), (1_750, 0.8), (2_000, 0.7)]
    placed = {1_375: 0.1, 1_437: 0.1, 1_468: 0.1, 1_484: 0.1}

    assert confidence(*even, *placed.items(), edges=tuple(placed)) >= 0.7
    assert confidence(*even, *placed.items()) >= 0.7  # the run bears it out either way


def test_edge_samples_are_passed_over_by_the_median() -> None:
    """A lone high frame between lower ones stays refuted, however its edges were placed."""
    found = settle_peaks(timeline(*LONE, (1_437, 0.9), (1_468, 0.9), edges=(1_437, 1_468)), RULE)

    assert not found.is_confirmed.any()


@pytest.mark.parametrize(("next_ms", "is_refuted"), [(2_000, True), (2_001, False), (3_900, False)])
def test_what_is_shown_for_long_is_not_outvoted_by_what_was_before(
    next_ms: int, *, is_refuted: bool
) -> None:
    """No frame in the half second behind it was found: it stood there all the time."""
    before = [(1_000, 0.1), (1_100, 0.1), (1_250, 0.1)]
    found = settle_peaks(timeline(*before, (1_500, 0.9), (next_ms, 0.1)), RULE)

    assert found.is_settled[3] == is_refuted


@pytest.mark.parametrize(("start_ms", "is_refuted"), [(3_500, True), (3_499, False)])
def test_nor_is_what_stands_to_the_end(start_ms: int, *, is_refuted: bool) -> None:
    before = [(start_ms - ago_ms, 0.1) for ago_ms in (500, 400, 250)]
    found = settle_peaks(timeline(*before, (start_ms, 0.9)), RULE)

    assert found.is_settled[3] == is_refuted


@pytest.mark.parametrize("gate", [Gate.BLACK, Gate.CORRUPT])
def test_a_bad_frame_after_it_shows_that_it_was_gone(gate: Gate) -> None:
    frames = [(1_000, 0.1), (1_250, 0.1), (1_500, 0.9), (1_600, NAN)]
    line = timeline(*frames, gates={1_600: gate})

    assert settle_peaks(line, RULE).is_settled[2]


@pytest.mark.parametrize(("last_ms", "is_run"), [(249, False), (250, True)])
def test_a_run_must_last_a_quarter_second(last_ms: int, *, is_run: bool) -> None:
    frames = [(0, 0.9), (100, 0.9), (last_ms, 0.9)]
    around = [(t, 0.1) for t in (400, 430, 460, 490)]

    assert settle_peaks(timeline(*frames, *around), RULE).is_confirmed.any() == is_run


def test_a_run_does_not_reach_across_what_was_not_sampled() -> None:
    frames = [(0, 0.9), (1_000, 0.9), (2_000, 0.9)]
    assert settle_peaks(timeline(*frames), RULE).is_confirmed.all()

    broken = timeline(*frames, uncovered=[Span(500, 600)])

    assert not settle_peaks(broken, RULE).is_settled.any()


def test_a_still_picture_that_stands_bears_itself_out() -> None:
    frames = [(t, 0.9) for t in (0, 250, 500)]
    still = timeline(*frames, gates={250: Gate.FROZEN, 500: Gate.FROZEN})

    assert settle_peaks(still, RULE).is_confirmed.all()


def placed_to_100_ms(incident: Span, peak_ms: int) -> Timeline:
    """Return the timeline of one incident after both second looks, at 25 frames a second."""
    grid = range(0, 6_000, 40)
    seen = {0, 5_960, peak_ms}
    seen |= {min(grid, key=lambda t: abs(t - want)) for want in confirm_targets(peak_ms, 6_000)}
    for border in (incident.start_ms, incident.end_ms):
        low, high = max(t for t in seen if t < border), min(t for t in seen if t >= border)
        while high - low > 100:
            probe = min((t for t in grid if low < t < high), key=lambda t: abs(2 * t - low - high))
            seen.add(probe)
            low, high = (probe, high) if probe < border else (low, probe)
    return footage([incident], sorted(seen), duration_ms=6_000)


@given(st.integers(1_000, 4_000), st.integers(0, 12))
def test_an_insert_of_half_a_second_is_confirmed_once_its_edges_are_placed(
    start_ms: int, offset: int
) -> None:
    incident = Span(start_ms, start_ms + 500)
    peak_ms = -(-start_ms // 40) * 40 + 40 * min(offset, 11)

    line = placed_to_100_ms(incident, peak_ms)

    assert video_confidence(line, RULE) == 0.9


@given(st.integers(25, 100))
def test_a_slip_of_one_frame_is_refuted_though_its_edges_are_placed(frame: int) -> None:
    slip = Span(frame * 40, frame * 40 + 40)

    line = placed_to_100_ms(slip, slip.start_ms)

    assert video_confidence(line, RULE) == 0.1


@given(timelines())
def test_each_frame_comes_to_what_asking_its_neighbours_gives(line: Timeline) -> None:
    found = settle_peaks(line, RULE)

    for i, value in enumerate(line.confidences[:, 0]):
        expected = slow_median(line, i) if value >= 0.5 else None
        assert found.is_settled[i] == (expected is not None)
        assert found.is_confirmed[i] == (expected is not None and expected >= 0.5)
        np.testing.assert_allclose(
            found.confidences[i], value if expected is None else expected, rtol=1e-6
        )


@given(timelines(min_size=1))
def test_a_video_never_comes_to_more_than_its_highest_frame(line: Timeline) -> None:
    highest = np.fmax.reduce(line.confidences[:, 0])

    assert not video_confidence(line, RULE) > as_confidence(highest)


@given(st.sampled_from([125, 250, 500]), st.lists(confidences, min_size=32, max_size=32))
def test_time_runs_the_same_backwards_for_the_look_around_a_peak(
    step_ms: int, values: list[float]
) -> None:
    """Mirrored in time, a video without edge samples comes to the same confidence."""
    frames = list(zip(range(0, DURATION_MS, step_ms), values, strict=False))
    mirrored = [(DURATION_MS - 1 - t, value) for t, value in frames]

    np.testing.assert_equal(confidence(*frames), confidence(*mirrored))
