"""Thumbnails: letterboxed, and blurred so that nothing can be made out."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from pipeline.drawing.colours import PANEL
from pipeline.drawing.thumbnails import Pictures, find_thumbnail, show_thumbnail
from pipeline.records import Thumbnails
from tests.pipeline.drawing.drawing_parts import encode_jpeg, pan, photograph_jpegs

TILE = (148, 84)


def shown(jpeg: bytes, size: tuple[int, int], pictures: Pictures) -> NDArray[np.float64]:
    width_px, height_px = size
    image = show_thumbnail(jpeg, width_px=width_px, height_px=height_px, pictures=pictures)
    return np.asarray(image, dtype=np.float64)


def detail(pixels: NDArray[np.float64]) -> float:
    """Return the energy in waves shorter than 18 px, where faces and letters are."""
    luma = pixels.mean(axis=2)
    luma = luma - luma.mean()
    window = np.outer(np.hanning(luma.shape[0]), np.hanning(luma.shape[1]))
    spectrum = np.abs(np.fft.fft2(luma * window)) ** 2
    y, x = np.fft.fftfreq(luma.shape[0])[:, None], np.fft.fftfreq(luma.shape[1])[None]
    return float(spectrum[np.hypot(x, y) > 1 / 18].sum())


@pytest.mark.parametrize("index", range(len(photograph_jpegs())))
def test_blurring_takes_the_detail_away(index: int) -> None:
    jpeg = photograph_jpegs()[index]
    sharp, blurred = shown(jpeg, TILE, Pictures.SHARP), shown(jpeg, TILE, Pictures.BLURRED)

    assert detail(blurred) < 0.01 * detail(sharp)
    assert abs(sharp.mean() - blurred.mean()) < 8  # it is still the same picture


def test_letters_cannot_be_read_when_blurred() -> None:
    make_page: Callable[[], NDArray[np.uint8]] = data.page
    page = pan(np.repeat(make_page()[..., None], 3, axis=2), 0.5, is_portrait=False)
    jpeg = encode_jpeg(page)

    blurred, sharp = (shown(jpeg, TILE, each) for each in (Pictures.BLURRED, Pictures.SHARP))
    assert detail(blurred) < 0.001 * detail(sharp)


@pytest.mark.parametrize(
    ("frame", "box", "picture"),
    [
        pytest.param((160, 90), (64, 54), (0, 9, 64, 45), id="16:9-in-a-film-cell"),
        pytest.param((90, 160), (148, 84), (50, 0, 97, 84), id="portrait-in-a-tile"),
        pytest.param((160, 2), (64, 54), (0, 26, 64, 27), id="a-very-wide-one"),
        pytest.param((1, 1), (64, 54), (5, 0, 59, 54), id="one-pixel"),
    ],
)
@pytest.mark.parametrize("pictures", [Pictures.SHARP, Pictures.BLURRED])
def test_the_whole_frame_is_shown_and_the_rest_is_dark(
    frame: tuple[int, int],
    box: tuple[int, int],
    picture: tuple[int, int, int, int],
    pictures: Pictures,
) -> None:
    white = np.full((frame[1], frame[0], 3), 255, dtype=np.uint8)
    pixels = shown(encode_jpeg(white), box, pictures)

    is_picture = np.zeros(pixels.shape[:2], dtype=bool)
    left, top, right, bottom = picture
    is_picture[top:bottom, left:right] = True
    assert np.all(pixels[is_picture] == 255)
    assert np.all(pixels[~is_picture] == PANEL)


@pytest.mark.parametrize(("timestamp_ms", "nearest"), [(0, 0), (149, 0), (151, 1), (9_000, 2)])
def test_the_nearest_frame_in_time_is_found(timestamp_ms: int, nearest: int) -> None:
    jpegs = photograph_jpegs()[:3]
    thumbnails = Thumbnails(1, np.array([100, 200, 300], dtype=np.int64), jpegs)

    found = find_thumbnail([thumbnails], stream=1, timestamp_ms=timestamp_ms)
    assert found == jpegs[nearest]
    assert find_thumbnail([thumbnails], stream=0, timestamp_ms=timestamp_ms) is None


def test_a_stream_without_frames_has_no_thumbnail() -> None:
    empty = Thumbnails(0, np.array([], dtype=np.int64), ())

    assert find_thumbnail([empty], stream=0, timestamp_ms=0) is None


def test_a_grey_jpeg_is_shown_in_colour() -> None:
    grey = encode_jpeg(np.full((90, 160), 128, dtype=np.uint8))

    image = show_thumbnail(grey, width_px=64, height_px=36, pictures=Pictures.BLURRED)
    assert isinstance(image, Image.Image)
    assert image.mode == "RGB"
