"""Severity: how grave a confidence is under a rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judging.severity import certain_at, doubtful_severity, severity_of
from tests.pipeline.judging.builders import NAN, rule


@pytest.mark.parametrize(
    ("confidence", "block", "severity", "expected"),
    [
        pytest.param(0.49, 0.9, 4, 0, id="below-review"),
        pytest.param(NAN, 0.9, 4, 0, id="never-scored"),
        pytest.param(0.5, 0.9, 4, 3, id="at-review"),
        pytest.param(0.89, 0.9, 4, 3, id="just-below-block"),
        pytest.param(0.9, 0.9, 4, 4, id="at-block"),
        pytest.param(0.74, None, 4, 3, id="below-midway-without-block"),
        pytest.param(0.75, None, 4, 4, id="midway-without-block"),
        pytest.param(0.5, None, 1, 1, id="never-0-over-review"),
        pytest.param(0.5, 0.5, 2, 2, id="block-at-review"),
    ],
)
def test_severity(confidence: float, block: float | None, severity: int, expected: int) -> None:
    assert severity_of(confidence, rule(block=block, severity=severity)) == expected


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 4))
def test_a_higher_confidence_is_never_less_grave(one: float, other: float, severity: int) -> None:
    own = rule(severity=severity)
    low, high = sorted([one, other])

    assert severity_of(low, own) <= severity_of(high, own) <= severity


def test_what_is_in_doubt_is_one_less_grave_but_never_nothing() -> None:
    assert [doubtful_severity(rule(severity=n)) for n in (1, 2, 3, 4)] == [1, 1, 2, 3]


def test_certainty_begins_at_block_or_midway() -> None:
    assert certain_at(rule(block=0.8)) == 0.8
    assert certain_at(rule(block=None)) == 0.75
