"""The built-in gate thresholds, tried on real photographs and on what can become of them."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from pipeline.judging.gate import gate_frame
from pipeline.media.quality import measure
from pipeline.policies.read import find_policy
from pipeline.records import Gate
from tests.degraded import Degradation, as_jpeg, darken, fade, letterbox, lose_in_plain, overlay

# Among them the darkest, the dullest and the softest that scikit-image brings.
NAMES = [
    *("astronaut", "camera", "chelsea", "clock", "coffee", "coins"),
    *("hubble_deep_field", "moon", "page", "rocket", "text"),
]
SEEN_PX = 224  # the smallest that a built-in model has a picture brought to


def photograph(name: str) -> NDArray[np.uint8]:
    picture: NDArray[np.uint8] = getattr(data, name)()
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def gate_of(picture: NDArray[np.uint8]) -> Gate:
    height, width = picture.shape[:2]
    whole = cv2.resize(picture, (SEEN_PX, SEEN_PX), interpolation=cv2.INTER_AREA).astype(np.uint8)
    quality = measure(whole, (width, height), np.zeros((1, 1, 3), dtype=np.uint8))
    thresholds = find_policy("default").gate
    return gate_frame(quality, is_corrupt=False, last_scored=None, thresholds=thresholds)


@pytest.mark.parametrize("name", NAMES)
def test_a_real_photograph_is_good(name: str) -> None:
    assert gate_of(photograph(name)) is Gate.OK


@pytest.mark.parametrize("name", NAMES)
def test_a_heavy_blur_is_seen(name: str) -> None:
    """One of 6 px, were the longer side 256 px."""
    picture = photograph(name)
    sigma_px = 6 * max(picture.shape) / 256

    blurred = cv2.GaussianBlur(picture, (0, 0), sigma_px).astype(np.uint8)

    assert gate_of(blurred) is Gate.BLUR


@pytest.mark.parametrize(
    ("level", "expected"),
    [(0, Gate.BLACK), (5, Gate.BLACK), (16, Gate.FLAT), (128, Gate.FLAT), (255, Gate.FLAT)],
)
def test_one_tone_with_noise_is_black_or_flat(level: int, expected: Gate) -> None:
    noise = np.random.default_rng(seed=1).normal(level, 2, (180, 320, 3))

    assert gate_of(noise.clip(0, 255).astype(np.uint8)) is expected


# As strong as the lines are meant for; how the weaker ones fare, `python -m tests.bench.gate` says.
WAYS: dict[str, tuple[Degradation, float, set[Gate]]] = {
    "between-bars": (letterbox, 0.15, {Gate.LETTERBOX}),
    "lost-in-plain": (lose_in_plain, 0.06, {Gate.TOO_SMALL}),
    "under-a-card": (overlay, 0.9, {Gate.OVERLAY}),
    "hardly-lit": (darken, 0.03, {Gate.BLACK, Gate.FLAT}),
    "faded": (fade, 0.03, {Gate.FLAT, Gate.TOO_SMALL, Gate.BLACK}),
}
# And half as strong: what a person still makes out, the model is still asked about.
MILD: dict[str, tuple[Degradation, float]] = {
    "between-bars": (letterbox, 0.3),
    "lost-in-plain": (lose_in_plain, 0.2),
    "under-a-card": (overlay, 0.4),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_made_bad_is_seen_to_be(way: str) -> None:
    degrade, strength, expected = WAYS[way]
    rng = np.random.default_rng(4)
    bad = [as_jpeg(degrade(photograph(name), strength, rng), 85) for name in NAMES]
    found = [gate_of(picture) for picture in bad]

    # The darkest and the dullest become black or flat first: bad in any case.
    assert sum(gate in expected for gate in found) >= len(NAMES) - 2, found
    assert not any(gate.is_good for gate in found)


@pytest.mark.parametrize("way", MILD)
def test_what_is_hardly_worse_passes(way: str) -> None:
    degrade, strength = MILD[way]
    rng = np.random.default_rng(4)
    mild = [as_jpeg(degrade(photograph(name), strength, rng), 85) for name in NAMES]

    assert [gate_of(picture) for picture in mild].count(Gate.OK) >= len(NAMES) - 1


def test_cats_are_gated_like_the_default() -> None:
    assert find_policy("cats").gate == find_policy("default").gate
