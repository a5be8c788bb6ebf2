"""Pictures that are turned and cut at once, and what is measured whatever the model wants."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipeline.media.container import open_container
from pipeline.media.decode import Picture
from pipeline.media.encode import Encoding, write_video
from pipeline.media.pictures import Renderer, quarter_turns_of
from pipeline.media.video import probe
from pipeline.records import Change, Fit, Frame, Geometry, Look
from tests.films import photo
from tests.pipeline.media.media_parts import LIMITS, budget, picture

STRETCH = Geometry(224, 224, 256, Fit.STRETCH)
CROP = Geometry(224, 224, 256, Fit.CROP)


def render(shown: Picture, geometry: Geometry = STRETCH) -> Frame:
    return Renderer(geometry).render(shown, Look.FIRST, Change.NONE)


def decoded(path: Path) -> Picture:
    with open_container(path, LIMITS) as container:
        frame = next(container.decode(video=0))
    return Picture(frame.pts or 0, 0, frame)


def halves() -> NDArray[np.uint8]:
    """A wide picture, red on the left and blue on the right, with a green circle in the middle."""
    pixels = np.zeros((180, 320, 3), dtype=np.uint8)
    pixels[:, :160, 0] = 255
    pixels[:, 160:, 2] = 255
    y, x = np.mgrid[:180, :320]
    pixels[np.hypot(x - 160, y - 90) < 60] = (0, 255, 0)
    return pixels


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_a_turned_picture_keeps_its_shape_when_it_is_cut(rotation_deg: int, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [halves()], Encoding(rotation_deg=rotation_deg))

    pixels = render(decoded(tmp_path / "a.mp4"), CROP).pixels.astype(int)

    rows, columns = np.nonzero(pixels[..., 1] > pixels[..., [0, 2]].max(axis=2) + 60)
    height, width = np.ptp(rows), np.ptp(columns)
    assert height == pytest.approx(width, abs=4)
    assert height == pytest.approx(120 * 256 / 180, abs=6)


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_turns_are_counted_from_0_to_3(rotation_deg: int, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [halves()], Encoding(rotation_deg=rotation_deg))

    assert quarter_turns_of(decoded(tmp_path / "a.mp4").frame) == rotation_deg // 90
    facts = probe(tmp_path / "a.mp4", limits=LIMITS, budget=budget()).facts
    assert facts.rotation_deg == rotation_deg


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((180, 320), (160, 90)),
        ((320, 180), (90, 160)),
        ((60, 60), (160, 160)),
        ((1, 900), (160, 1)),
    ],
)
def test_a_thumbnail_shows_the_whole_picture_in_its_own_shape(
    shape: tuple[int, int], size: tuple[int, int]
) -> None:
    pixels = np.full((*shape, 3), (250, 120, 10), dtype=np.uint8)

    thumbnail = Image.open(io.BytesIO(render(picture(0, pixels), CROP).thumbnail))

    assert thumbnail.size == size
    colour = np.asarray(thumbnail.convert("RGB")).mean(axis=(0, 1))
    assert colour == pytest.approx([250, 120, 10], abs=8)


def test_sharpness_is_measured_at_one_size_whatever_the_model_wants() -> None:
    """What a small model wants is enlarged for it: that makes no picture sharper."""
    shown = picture(0, photo("coffee.png"))
    small = Geometry(96, 96, 96, Fit.STRETCH)
    usual, cut, enlarged = (render(shown, model).quality for model in (STRETCH, CROP, small))

    assert enlarged.sharpness < usual.sharpness
    assert cut.sharpness == pytest.approx(usual.sharpness, rel=0.05)
    assert enlarged.contrast == pytest.approx(usual.contrast, rel=0.05)
    np.testing.assert_array_equal(enlarged.signature, usual.signature)
