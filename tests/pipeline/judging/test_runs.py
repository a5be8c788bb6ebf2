"""Runs: how long a frame speaks, and which frames stand in a row."""

import numpy as np
import pytest
from hypothesis import given

from pipeline.judging.runs import find_runs, is_good, is_judged, is_over, reach_ms
from pipeline.records import Gate, Span, Timeline
from tests.pipeline.judging.builders import DURATION_MS, NAN, timeline, timelines


def slow_reach_ms(line: Timeline, i: int) -> int:
    after = [*line.timestamps_ms.tolist(), *(span.start_ms for span in line.uncovered)]
    own = int(line.timestamps_ms[i])
    return int(min((t for t in after if t > own), default=line.duration_ms))


@pytest.mark.parametrize(
    ("uncovered", "expected"),
    [
        pytest.param((), [1_000, DURATION_MS], id="until-the-next-frame-or-the-end"),
        pytest.param((Span(400, 600),), [400, DURATION_MS], id="until-the-guarantee-ends"),
        pytest.param((Span(1_000, 1_200),), [1_000, DURATION_MS], id="inside-an-uncovered-span"),
        pytest.param((Span(2_000, DURATION_MS),), [1_000, 2_000], id="not-to-the-end"),
    ],
)
def test_a_frame_speaks(uncovered: tuple[Span, ...], expected: list[int]) -> None:
    assert reach_ms(timeline((0, 0.1), (1_000, 0.1), uncovered=uncovered)).tolist() == expected


@given(timelines())
def test_reach_is_the_next_thing_that_happens(line: Timeline) -> None:
    expected = [slow_reach_ms(line, i) for i in range(len(line.timestamps_ms))]

    assert reach_ms(line).tolist() == expected
    assert np.all(reach_ms(line) > line.timestamps_ms)


@given(timelines())
def test_runs_are_found_frame_by_frame(line: Timeline) -> None:
    is_in = is_over(line.confidences[:, 0], 0.5)
    expected: list[tuple[int, int]] = []
    for i in np.flatnonzero(is_in).tolist():
        speaks_on = i > 0 and slow_reach_ms(line, i - 1) == line.timestamps_ms[i]
        if expected and expected[-1][1] == i and speaks_on:
            expected[-1] = (expected[-1][0], i + 1)
        else:
            expected.append((i, i + 1))

    assert find_runs(line, is_in) == expected


def test_a_threshold_means_what_is_written() -> None:
    """float32(0.7) lies below 0.7, and a score of 0.7 is at the threshold of 0.7."""
    scores = np.array([0.7, 0.69999, NAN], dtype=np.float32)

    assert is_over(scores, 0.7).tolist() == [True, False, False]


def test_good_is_what_the_gate_says_and_judged_what_has_confidences() -> None:
    line = timeline((0, 0.1), (1, 0.1), (2, NAN), (3, NAN), gates={1: Gate.FROZEN, 3: Gate.OK})

    assert is_good(line.gates).tolist() == [True, True, False, True]
    assert is_judged(line).tolist() == [True, True, False, False]
