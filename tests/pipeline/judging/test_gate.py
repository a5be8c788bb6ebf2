"""The gate: whether the scores of a picture can be trusted."""

from dataclasses import replace

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


def gate(  # noqa: PLR0913 - all that is measured
    *,
    brightness: float = 100,
    contrast: float = 40,
    sharpness: float = 500,
    content: tuple[float, float] = (1.0, 1.0),
    plain: float = 0.1,
    rim_likeness: float = 0.5,
    last_scored: NDArray[np.uint8] | None = None,
    is_corrupt: bool = False,
) -> Gate:
    measured = (brightness, contrast, sharpness, *content, plain, rim_likeness)
    quality = Quality(*measured, signature(100, 100))
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
        pytest.param(gate(content=(1, 0.19)), Gate.LETTERBOX, id="bars-above-and-below"),
        pytest.param(gate(content=(0.19, 1)), Gate.LETTERBOX, id="bars-at-the-sides"),
        pytest.param(gate(content=(1, 0.2)), Gate.OK, id="bars-just-thin-enough"),
        pytest.param(gate(content=(0.81, 0.19)), Gate.LETTERBOX, id="bars-and-some-margin"),
        pytest.param(gate(content=(0.8, 0.19)), Gate.OK, id="margins-all-around"),
        pytest.param(gate(content=(0.3, 0.3)), Gate.TOO_SMALL, id="lost-in-plain"),
        pytest.param(gate(content=(0.25, 0.4)), Gate.OK, id="just-large-enough"),
        pytest.param(gate(plain=0.41), Gate.OVERLAY, id="a-card-over-it"),
        pytest.param(gate(plain=0.4), Gate.OK, id="a-card-just-small-enough"),
        pytest.param(gate(rim_likeness=0.91), Gate.TOO_CLOSE, id="nothing-around-it"),
        pytest.param(gate(rim_likeness=0.9), Gate.OK, id="just-something-around-it"),
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
        gate(content=(0.1, 0.1), sharpness=0, last_scored=same),
        gate(content=(0.1, 0.1), plain=1, sharpness=0),
        gate(sharpness=0, plain=1, rim_likeness=1),
        gate(plain=1, rim_likeness=1),
        gate(rim_likeness=1),
    ]
    reasons = [*(Gate.CORRUPT, Gate.BLACK, Gate.FLAT, Gate.FROZEN), Gate.TOO_SMALL]
    assert found == [*reasons, Gate.BLUR, Gate.OVERLAY, Gate.TOO_CLOSE]


def test_a_line_of_one_is_never_crossed() -> None:
    off = replace(GATE, overlay_above=1.0, close_above=1.0)
    worst = Quality(100, 40, 500, 1.0, 1.0, 1.0, 1.0, signature(100))

    assert gate_frame(worst, is_corrupt=False, last_scored=None, thresholds=off) is Gate.OK


@given(signatures, signatures)
def test_the_difference_is_that_of_the_cell_that_differs_most(
    one: NDArray[np.uint8], other: NDArray[np.uint8]
) -> None:
    pairs = zip(one.ravel().tolist(), other.ravel().tolist(), strict=True)
    expected = max(abs(a - b) for a, b in pairs)

    assert signature_difference(one, other) == expected
    assert signature_difference(other, one) == expected
