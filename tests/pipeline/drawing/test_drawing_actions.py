"""Actions: what a confidence asks for under its category's own thresholds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.drawing.actions import Level, action_of, map_to_actions, widen
from pipeline.judging.heatmap import Heatmap
from pipeline.records import Rule
from tests.pipeline.drawing.drawing_parts import make_policy

unit = st.floats(0, 1, width=32)
levels = arrays(np.uint8, st.integers(3, 40), elements=st.integers(0, 2))


def rule_of(review: float, block: float | None) -> Rule:
    return Rule("nudity", ("nsfw",), review, block, 0, is_strict=False, severity=3)


def action(confidence: float, rule: Rule) -> float:
    return float(action_of(np.array([confidence], dtype=np.float32), rule)[0])


@pytest.mark.parametrize(
    ("review", "block", "confidence", "expected"),
    [
        pytest.param(0.5, 0.9, 0.0, 0.0, id="nothing"),
        pytest.param(0.5, 0.9, 0.5, 0.35, id="on-review"),
        pytest.param(0.5, 0.9, 0.7, 0.55, id="between"),
        pytest.param(0.5, 0.9, 0.9, 0.75, id="on-block"),
        pytest.param(0.5, 0.9, 1.0, 1.0, id="certain"),
        pytest.param(0.5, None, 0.75, 0.675, id="without-block"),
        pytest.param(0.5, 0.5, 0.5, 0.75, id="block-is-review"),
        pytest.param(0.5, 1.0, 1.0, 1.0, id="block-is-1"),
        pytest.param(1.0, 1.0, 1.0, 1.0, id="both-are-1"),
        pytest.param(0.7, 0.9, 0.7, 0.35, id="a-threshold-that-float32-rounds-down"),
    ],
)
def test_action(review: float, block: float | None, confidence: float, expected: float) -> None:
    assert action(confidence, rule_of(review, block)) == pytest.approx(expected, abs=1e-6)


def test_what_is_not_known_stays_so() -> None:
    assert np.isnan(action(float("nan"), rule_of(0.5, 0.9)))


@given(unit, unit, st.floats(0.01, 1), st.floats(0, 1))
def test_a_higher_confidence_never_asks_for_less(
    one: float, two: float, review: float, share: float
) -> None:
    rule = rule_of(review, min(1.0, review + share * (1 - review)))

    low, high = sorted((one, two))
    assert 0 <= action(low, rule) <= action(high, rule) <= 1


@given(unit, st.floats(0.01, 0.5), st.floats(0.51, 1))
def test_action_and_level_say_the_same(confidence: float, review: float, block: float) -> None:
    policy = make_policy(review=review, block=block)
    peaks = np.array([[confidence]], dtype=np.float32)
    action_map = map_to_actions(Heatmap(policy.categories, 1, peaks), policy=policy)

    value, level = action_map.any_actions[0], action_map.any_levels[0]
    assert (value >= np.float32(0.35)) == (level >= Level.REVIEW)
    assert (value >= np.float32(0.75)) == (level >= Level.BLOCK)


def test_the_worst_category_is_the_one_that_asks_for_most() -> None:
    policy = make_policy(("low", "high", "unknown"))
    peaks = np.array([[0.2, 0.1], [0.1, 0.9], [np.nan, np.nan]], dtype=np.float32)

    action_map = map_to_actions(Heatmap(policy.categories, 1, peaks), policy=policy)
    assert action_map.worst_first == (1, 0, 2)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param("00010000", "00111000", id="to-both-sides"),
        pytest.param("10000000", "11100000", id="at-the-start"),
        pytest.param("00000001", "00000111", id="at-the-end"),
        pytest.param("00011000", "00011100", id="two"),
        pytest.param("00111000", "00111000", id="three-stay"),
        pytest.param("00000000", "00000000", id="none"),
        pytest.param("01020000", "11222000", id="the-graver-wins"),
    ],
)
def test_widening(flags: str, expected: str) -> None:
    row = np.array(list(flags), dtype=np.uint8)

    actions, wide = widen((row / 2).astype(np.float32), row, width=3)
    assert "".join(map(str, wide)) == expected
    np.testing.assert_array_equal(actions * 2, wide)


@given(levels)
def test_widening_never_takes_away(row: np.ndarray) -> None:
    _, wide = widen(row.astype(np.float32), row, width=3)

    assert np.all(wide >= row)
    edges = np.flatnonzero(np.diff(wide > 0, prepend=False, append=False))
    assert np.all(np.diff(edges)[::2] >= 3)


def test_a_peak_beside_what_is_not_known_is_still_seen() -> None:
    row = np.array([np.nan, 0.9, np.nan], dtype=np.float32)

    actions, _ = widen(row, np.array([0, 2, 0], dtype=np.uint8), width=3)
    np.testing.assert_array_equal(actions, np.full(3, 0.9, dtype=np.float32))
