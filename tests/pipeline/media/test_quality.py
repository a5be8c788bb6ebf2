"""What is measured of a picture beside its light: margins, plain colour, rim and middle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage import data

from pipeline.media.quality import measure
from pipeline.records import Quality

SIDE_PX = 256  # as it is measured: what stands in a cell is what is asserted


def quality_of(picture: NDArray[np.uint8]) -> Quality:
    height, width = picture.shape[:2]
    return measure(picture, (width, height), np.zeros((1, 1, 3), np.uint8))


def photograph(name: str) -> NDArray[np.uint8]:
    picture: NDArray[np.uint8] = getattr(data, name)()
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def on_plain(
    top: int, left: int, height: int, width: int, tone: tuple[int, int, int] = (20, 20, 20)
) -> NDArray[np.uint8]:
    """Return noise of this size in plain surroundings."""
    picture = np.full((SIDE_PX, SIDE_PX, 3), tone, np.uint8)
    picture[top : top + height, left : left + width] = noise(height, width)
    return picture


@pytest.mark.parametrize(
    ("picture", "width", "height"),
    [
        pytest.param(noise(256, 256), 1, 1, id="none"),
        pytest.param(on_plain(64, 0, 128, 256), 1, 0.5, id="above-and-below"),
        pytest.param(on_plain(0, 32, 256, 64), 0.25, 1, id="at-the-sides"),
        pytest.param(on_plain(0, 0, 256, 192), 0.75, 1, id="at-one-side"),
        pytest.param(on_plain(128, 64, 64, 32), 0.125, 0.25, id="all-around"),
        pytest.param(on_plain(0, 0, 64, 64), 0.25, 0.25, id="in-a-corner"),
        pytest.param(on_plain(100, 100, 64, 64, (250, 250, 250)), 0.25, 0.25, id="on-white"),
        pytest.param(on_plain(0, 0, 0, 0), 0, 0, id="nothing-but-margin"),
    ],
)
def test_plain_margins_are_trimmed(picture: NDArray[np.uint8], width: float, height: float) -> None:
    quality = quality_of(picture)

    assert (quality.content_width, quality.content_height) == (width, height)


def test_bars_of_two_tones_are_margins_too() -> None:
    picture = on_plain(64, 0, 128, 256)
    picture[192:] = 240

    assert quality_of(picture).content_height == 0.5


def test_a_slope_is_no_margin() -> None:
    slope = np.linspace(0, 255, SIDE_PX).astype(np.uint8)[:, None, None]
    quality = quality_of(np.broadcast_to(slope, (SIDE_PX, SIDE_PX, 3)).copy())

    assert quality.content_height > 0.9


@given(top=st.integers(0, 200), left=st.integers(0, 200), seed=st.integers(0, 99))
def test_a_picture_on_its_side_has_the_same_margins(top: int, left: int, seed: int) -> None:
    height, width = np.random.default_rng(seed).integers(16, 57, 2).tolist()
    picture = on_plain(top, left, height, width)
    upright, turned = quality_of(picture), quality_of(np.ascontiguousarray(np.rot90(picture)))

    assert (turned.content_width, turned.content_height) == (
        upright.content_height,
        upright.content_width,
    )


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.75])
def test_plain_is_the_share_of_the_largest_one_colour(share: float) -> None:
    picture = noise(SIDE_PX, SIDE_PX)
    rows = round(SIDE_PX * share)
    picture[32 : 32 + rows, 4:-4] = (10, 200, 90)  # noise is left all around: it is no margin
    expected = share * (SIDE_PX - 8) / SIDE_PX

    assert quality_of(picture).plain == pytest.approx(expected, abs=0.01)


def test_margins_are_no_part_of_what_is_plain() -> None:
    assert quality_of(on_plain(100, 0, 56, 256)).plain < 0.01


def test_of_two_plain_colours_the_larger_counts() -> None:
    picture = noise(SIDE_PX, SIDE_PX)
    picture[8:136, 8:248] = (200, 10, 10)
    picture[152:216, 8:248] = (10, 10, 200)

    assert quality_of(picture).plain == pytest.approx(128 * 240 / SIDE_PX**2, abs=0.01)


def test_what_is_around_an_object_differs_from_it() -> None:
    """A texture fills a picture to its rim; an object leaves room for something else."""
    assert quality_of(photograph("grass")).rim_likeness > 0.98
    assert quality_of(photograph("coffee")).rim_likeness < 0.7
    assert quality_of(on_plain(64, 64, 128, 128)).rim_likeness < 0.1


@given(height=st.integers(1, 40), width=st.integers(1, 40), tone=st.sampled_from([0, 7, 128, 255]))
def test_everything_lies_within_its_bounds_whatever_the_shape(
    height: int, width: int, tone: int
) -> None:
    for picture in (noise(height, width), np.full((height, width, 3), tone, np.uint8)):
        quality = quality_of(picture)
        shares = (quality.content_width, quality.content_height, quality.plain)

        assert all(0 <= share <= 1 for share in (*shares, quality.rim_likeness))
