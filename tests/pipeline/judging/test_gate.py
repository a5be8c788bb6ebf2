"""The gate: whether the scores of a picture can be trusted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from pipeline.judging.gate import gate_frame, signature_difference
from pipeline.records import Gate, Quality
from tests.pipeline.judging.builders import GATE

signatures = arrays(np.uint8, (2, 3, 3), elements=st.sampled_from([0, 1, 2, 3, 128, 253, 255]))


def signature(*levels: int) -> NDArray[np.uint8]:
    """Return a signature of one cell a level."""
    return np.array([[[level] * 3 for level in levels]], dtype=np.uint8)


def gate(
    *,
    brightness: float = 100,
    contrast: float = 40,
    sharpness: float = 500,
    last_scored: NDArray[np.uint8] | None = None,
    is_corrupt: bool = False,
) -> Gate:
    quality = Quality(brightness, contrast, sharpness, signature(100, 100))
    return gate_frame(quality, is_corrupt=is_corrupt, last_scored=last_scored, thresholds=GATE)


def test_a_good_frame_is_ok() -> None:
    assert gate() is Gate.OK


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(gate(brightness=9.9, contrast=19.9), Gate.BLACK, id="dark-and-dull"),
        pytest.param(gate(brightness=10, contrast=5), Gate.OK, id="not-dark-enough-for-black"),
        pytest.param(gate(brightness=5, contrast=20), Gate.OK, id="stars-are-not-black"),
        pytest.param(gate(contrast=3.9), Gate.FLAT, id="flat"),
        pytest.param(gate(contrast=4), Gate.OK, id="just-not-flat"),
        pytest.param(gate(sharpness=2.9), Gate.BLUR, id="blurred"),
        pytest.param(gate(sharpness=3), Gate.OK, id="just-sharp"),
        pytest.param(gate(last_scored=signature(100, 102)), Gate.FROZEN, id="frozen"),
        pytest.param(gate(last_scored=signature(100, 103)), Gate.OK, id="one-cell-just-moved"),
        pytest.param(gate(last_scored=signature(100, 97)), Gate.OK, id="one-cell-just-darker"),
        pytest.param(gate(last_scored=signature(100)), Gate.OK, id="another-shape-is-another"),
        pytest.param(gate(is_corrupt=True), Gate.CORRUPT, id="corrupt"),
    ],
)
def test_each_line_is_drawn_where_the_thresholds_say(found: Gate, expected: Gate) -> None:
    assert found is expected


def test_the_least_known_is_asked_first() -> None:
    same = signature(100, 100)
    found = [
        gate(is_corrupt=True, brightness=0, contrast=0, sharpness=0, last_scored=same),
        gate(brightness=0, contrast=0, sharpness=0, last_scored=same),
        gate(contrast=0, sharpness=0, last_scored=same),
        gate(sharpness=0, last_scored=same),
        gate(sharpness=0),
    ]
    assert found == [Gate.CORRUPT, Gate.BLACK, Gate.FLAT, Gate.FROZEN, Gate.BLUR]


@given(signatures, signatures)
def test_the_difference_is_that_of_the_cell_that_differs_most(
    one: NDArray[np.uint8], other: NDArray[np.uint8]
) -> None:
    pairs = zip(one.ravel().tolist(), other.ravel().tolist(), strict=True)
    expected = max(abs(a - b) for a, b in pairs)

    assert signature_difference(one, other) == expected
    assert signature_difference(other, one) == expected
