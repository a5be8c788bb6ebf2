"""Peaks: where the second look goes back to."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given

from pipeline.judging.peaks import confirm_targets, peaks_to_confirm
from pipeline.judging.pooling import settle_peaks
from pipeline.records import Look, Timeline
from tests.pipeline.judging.builders import policy, rule, timeline, timelines

LONG_MS = 60_000


def peaks(
    *frames: tuple[int, float], visited: tuple[int, ...] = (), max_confirmations: int = 4
) -> tuple[int, ...]:
    line = timeline(*frames, duration_ms=LONG_MS)
    return peaks_to_confirm(line, policy(max_confirmations=max_confirmations), visited=visited)


def two_categories(*frames: tuple[int, float, float]) -> Timeline:
    n = len(frames)
    return Timeline(
        ("nudity", "gore"),
        0,
        LONG_MS,
        np.array([frame[0] for frame in frames], dtype=np.int64),
        np.full(n, Look.FIRST, dtype=np.uint8),
        np.zeros(n, dtype=np.uint8),
        np.array([frame[1:] for frame in frames], dtype=np.float32),
        (),
        (),
    )


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param([], (), id="no-frames"),
        pytest.param([(0, 0.49)], (), id="below-the-threshold"),
        pytest.param([(0, 0.5)], (0,), id="at-the-threshold"),
        pytest.param([(0, 0.6), (1_999, 0.7)], (1_999,), id="closer-than-2-s-the-higher"),
        pytest.param([(0, 0.6), (2_000, 0.7)], (0, 2_000), id="2-s-apart-both"),
        pytest.param([(0, 0.7), (1_000, 0.7)], (0,), id="of-equal-ones-the-earlier"),
        pytest.param([(0, 0.1), (250, 0.9), (500, 0.1)], (250,), id="refuted-unvisited"),
        pytest.param([(0, 0.9), (1_000, 0.9), (2_000, 0.9)], (), id="three-in-a-row"),
    ],
)
def test_the_peaks_to_go_back_to(
    frames: list[tuple[int, float]], expected: tuple[int, ...]
) -> None:
    assert peaks(*frames) == expected


def test_the_highest_come_first_when_not_all_may_be_looked_at() -> None:
    frames = [(t, 0.5 + t / 100_000) for t in range(0, 40_000, 4_000)]
    below = [(t + 2_000, 0.1) for t, _ in frames]

    assert peaks(*frames, *below, max_confirmations=2) == (32_000, 36_000)
    assert peaks(*frames, *below, max_confirmations=0) == ()


SEEN = [(10_000, 0.9), (9_750, 0.1), (10_250, 0.1)]  # looked at, and refuted
BORNE_OUT = [(20_000, 0.9), (19_750, 0.9), (20_250, 0.1)]  # looked at, and confirmed
UNSEEN = [(30_000, 0.7), (40_000, 0.6)]
BETWEEN = [(15_000, 0.1), (25_000, 0.1), (35_000, 0.1)]


def test_a_refuted_peak_uses_up_nothing() -> None:
    found = peaks(*SEEN, *UNSEEN, *BETWEEN, visited=(10_000,), max_confirmations=1)

    assert found == (30_000,)


def test_a_peak_that_was_borne_out_uses_up_one_look() -> None:
    frames = [*BORNE_OUT, *UNSEEN, *BETWEEN]

    assert peaks(*frames, visited=(20_000,), max_confirmations=2) == (30_000,)
    assert peaks(*frames, visited=(20_000,), max_confirmations=1) == ()


@pytest.mark.parametrize(("visited", "expected"), [(9_500, ()), (9_499, (10_000,))])
def test_nothing_within_reach_of_a_visited_peak_is_asked_for_again(
    visited: int, expected: tuple[int, ...]
) -> None:
    assert peaks((10_000, 0.9), visited=(visited,)) == expected


def test_peaks_of_two_categories_that_are_near_are_looked_at_together() -> None:
    line = two_categories((0, 0.9, 0.1), (250, 0.1, 0.9), (5_000, 0.1, 0.9), (5_251, 0.9, 0.1))
    both = policy(rule("nudity"), rule("gore"))

    assert peaks_to_confirm(line, both, visited=()) == (0, 5_000, 5_251)


@pytest.mark.parametrize(
    ("peak_ms", "duration_ms", "expected"),
    [
        pytest.param(1_000, 2_000, (500, 750, 1_250, 1_500), id="both-sides"),
        pytest.param(0, 2_000, (250, 500), id="at-the-start"),
        pytest.param(1_999, 2_000, (1_499, 1_749), id="at-the-end"),
        pytest.param(250, 751, (0, 500, 750), id="a-target-at-each-bound"),
        pytest.param(1_500, 2_000, (1_000, 1_250, 1_750), id="the-end-is-outside"),
        pytest.param(0, 1, (), id="a-single-frame"),
    ],
)
def test_targets_lie_inside_the_video(
    peak_ms: int, duration_ms: int, expected: tuple[int, ...]
) -> None:
    assert confirm_targets(peak_ms, duration_ms) == expected


@given(timelines())
def test_peaks_are_high_unconfirmed_and_apart(line: Timeline) -> None:
    found = peaks_to_confirm(line, policy(), visited=())

    settled = settle_peaks(line, rule())
    for peak_ms in found:
        i = line.timestamps_ms.tolist().index(peak_ms)
        assert line.confidences[i, 0] >= 0.5
        assert not settled.is_confirmed[i]
    assert all(later - earlier >= 2_000 for earlier, later in pairwise(found))


@given(timelines())
def test_asking_until_nothing_is_left_comes_to_an_end(line: Timeline) -> None:
    """Even where no look finds a frame."""
    visited: list[int] = []
    while found := peaks_to_confirm(line, policy(), visited=visited):
        assert not set(found) & set(visited)
        visited += found
    assert len(visited) <= line.duration_ms // 500 + 1
