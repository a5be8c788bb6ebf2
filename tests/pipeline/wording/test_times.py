"""Ticks of the time axis."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.drawing.layout import spread
from pipeline.wording.times import TICK_STEPS_MS, tick_step


@given(st.integers(1, 400 * 3_600_000))
def test_there_are_at_most_ten_ticks_but_no_finer_round_step(duration_ms: int) -> None:
    step_ms = tick_step(duration_ms)

    assert len(range(0, duration_ms, step_ms)) <= 10
    finer = [step for step in TICK_STEPS_MS if step < step_ms]
    assert not finer or len(range(0, duration_ms, finer[-1])) > 10


@pytest.mark.parametrize(
    ("duration_ms", "step_ms"),
    [(1, 1), (10_000, 1_000), (10_001, 2_000), (3_600_000, 600_000), (36_000_000, 3_600_000)],
)
def test_the_step(duration_ms: int, step_ms: int) -> None:
    assert tick_step(duration_ms) == step_ms


@given(st.lists(st.integers(0, 1_000), max_size=8))
def test_spread_numbers_keep_order_and_distance(positions: list[int]) -> None:
    moved = spread(sorted(positions), gap_px=16, first_px=0, last_px=1_000)

    assert all(later - earlier >= 16 for earlier, later in pairwise(moved))
    assert all(0 <= x <= 1_000 for x in moved)


def test_numbers_that_do_not_touch_stay_where_they_are() -> None:
    assert spread([5, 50, 500], gap_px=16, first_px=0, last_px=1_000) == [5, 50, 500]
