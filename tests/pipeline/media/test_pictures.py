"""Pictures: upright, in the model's geometry, with a thumbnail and what can be measured."""

import io
from pathlib import Path

import numpy as np
import pytest
from av import VideoFrame
from numpy.typing import NDArray
from PIL import Image

from pipeline.media.container import open_container
from pipeline.media.decode import Picture
from pipeline.media.encode import Encoding, write_video
from pipeline.media.pictures import Renderer, resized_size, shown_size
from pipeline.records import Change, Fit, Frame, Geometry, Look
from tests.films import photo
from tests.pipeline.media.media_parts import LIMITS, picture

STRETCH = Geometry(224, 224, 256, Fit.STRETCH)
CROP = Geometry(224, 224, 256, Fit.CROP)


def render(shown: Picture, geometry: Geometry = STRETCH) -> Frame:
    return Renderer(geometry).render(shown, Look.FIRST, Change.NONE)


def quadrants() -> NDArray[np.uint8]:
    """A wide picture: red and green above, blue and white below."""
    pixels = np.zeros((180, 320, 3), dtype=np.uint8)
    pixels[:90, :160, 0] = 255
    pixels[:90, 160:, 1] = 255
    pixels[90:, :160, 2] = 255
    pixels[90:, 160:] = 255
    return pixels


def decoded(path: Path) -> Picture:
    with open_container(path, LIMITS) as container:
        frame = next(container.decode(video=0))
    return Picture(frame.pts or 0, 0, frame)


def corners(pixels: NDArray[np.uint8]) -> list[str]:
    """The colours near the four corners, row by row."""
    names = {(1, 0, 0): "red", (0, 1, 0): "green", (0, 0, 1): "blue", (1, 1, 1): "white"}
    places = [(40, 40), (40, -40), (-40, 40), (-40, -40)]
    return [names[tuple((pixels[place] > 127).astype(int).tolist())] for place in places]


@pytest.mark.parametrize(
    ("rotation_deg", "upright"),
    [
        pytest.param(0, ["red", "green", "blue", "white"], id="as-it-is"),
        pytest.param(90, ["green", "white", "red", "blue"], id="a-quarter-counter-clockwise"),
        pytest.param(180, ["white", "blue", "green", "red"], id="upside-down"),
        pytest.param(270, ["blue", "red", "white", "green"], id="a-quarter-clockwise"),
    ],
)
def test_a_picture_is_turned_upright(rotation_deg: int, upright: list[str], tmp_path: Path) -> None:
    how = Encoding(rotation_deg=rotation_deg, options={"crf": "10"})
    write_video(tmp_path / "a.mp4", [quadrants()], how)
    shown = decoded(tmp_path / "a.mp4")

    frame = render(shown)

    assert corners(frame.pixels) == upright
    width, height = Image.open(io.BytesIO(frame.thumbnail)).size
    assert (width > height) is (rotation_deg % 180 == 0)
    assert shown_size(shown.frame) == ((320, 180) if rotation_deg % 180 == 0 else (180, 320))


@pytest.mark.parametrize(
    ("fit", "expected"),
    [
        pytest.param(STRETCH, (256, 256), id="stretch-loses-the-shape"),
        pytest.param(CROP, (455, 256), id="crop-keeps-it"),
    ],
)
def test_sizes(fit: Geometry, expected: tuple[int, int]) -> None:
    assert resized_size((320, 180), fit) == expected


def test_crop_keeps_the_middle_and_stretch_all() -> None:
    pixels = np.full((180, 320, 3), 128, dtype=np.uint8)
    pixels[:, :60] = 255  # what crop cuts off

    assert render(picture(0, pixels), CROP).pixels.max() < 140
    assert render(picture(0, pixels), STRETCH).pixels[:, 0].min() > 240


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 900), (333, 187), (1_921, 1_081)])
def test_odd_sizes_are_read(width: int, height: int) -> None:
    frame = render(picture(0, np.full((height, width, 3), 90, dtype=np.uint8)), CROP)

    assert frame.pixels.shape == (224, 224, 3)
    assert abs(int(frame.pixels[112, 112, 0]) - 90) <= 2


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "yuv444p", "gray", "rgb24"])
def test_any_pixel_format_gives_the_same_picture(pixel_format: str) -> None:
    shown = VideoFrame.from_ndarray(photo("coffee.png"), format="rgb24")
    other = shown.reformat(format=pixel_format)

    frame, expected = render(Picture(0, 0, other)), render(Picture(0, 0, shown))

    luma = expected.pixels.mean(axis=2, keepdims=True)
    wanted = np.broadcast_to(luma, (224, 224, 3)) if pixel_format == "gray" else expected.pixels
    assert np.abs(frame.pixels.astype(float) - wanted).mean() < 12


def test_what_is_measured_of_a_picture() -> None:
    photograph = render(picture(0, photo("coffee.png"))).quality
    black = render(picture(0, np.zeros((90, 160, 3), dtype=np.uint8))).quality
    blurred = np.asarray(Image.fromarray(photo("coffee.png")).resize((12, 8)).resize((600, 400)))

    assert black.brightness < 2 < photograph.brightness
    assert black.contrast < 1 < photograph.contrast
    assert render(picture(0, blurred)).quality.sharpness < photograph.sharpness / 10


def test_a_signature_shows_a_small_new_thing_in_its_place() -> None:
    pixels = photo("coffee.png").copy()
    before = Renderer(STRETCH).signature(picture(0, pixels))
    pixels[:50, :50] = (255, 0, 255)
    after = Renderer(STRETCH).signature(picture(0, pixels))

    changed = np.abs(before.astype(int) - after).max(axis=2) > 30

    assert changed[:3, :4].all()
    assert not changed[6:].any()
