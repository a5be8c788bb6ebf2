"""Picture files: what they show, the right way up; nothing damaged, nothing but pictures."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import LimitExceededError, UnreadableVideoError
from pipeline.media.encode import Encoding, write_video
from pipeline.media.remote import DecoderProcess
from pipeline.media.stills import read_still
from pipeline.records import Fit, Frame, Geometry, Limits
from tests.films import even_ms, film
from tests.pipeline.media.media_parts import LIMITS
from tests.pipeline.media.remote_parts import assert_same_frames

WHOLE = Geometry(48, 48, 48, Fit.STRETCH)
ORIENTATION = 0x112  # the tag of EXIF
TURNED_RIGHT = 6


def halves(width: int = 96, height: int = 64) -> Image.Image:
    """Return a picture whose upper half is red and its lower half noise around blue."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2] = (200, 20, 20)
    noise = np.random.default_rng(3).integers(0, 60, (height - height // 2, width), np.uint8)
    pixels[height // 2 :, :, 2] = 190 + noise
    return Image.fromarray(pixels)


def encoded(form: str, picture: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def read(path: Path, content: bytes, limits: Limits = LIMITS) -> Frame:
    path.write_bytes(content)
    return read_still(path, geometry=WHOLE, limits=limits)


def is_red(pixels: NDArray[np.uint8]) -> bool:
    red, green, blue = pixels.reshape(-1, 3).mean(axis=0)
    return bool(red > 150 and green < 60 and blue < 60)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP"])
def test_a_picture_is_what_its_file_shows(tmp_path: Path, form: str) -> None:
    frame = read(tmp_path / "x", encoded(form, halves()))

    assert is_red(frame.pixels[:20])
    assert not is_red(frame.pixels[28:])
    assert not frame.is_corrupt
    assert frame.timestamp_ms == 0


def test_it_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED_RIGHT
    frame = read(tmp_path / "x.jpg", encoded("JPEG", halves(), exif=exif))

    assert is_red(frame.pixels[:, 28:])
    assert not is_red(frame.pixels[:, :20])


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_every_kind_of_colour_is_read(tmp_path: Path, mode: str) -> None:
    form = "JPEG" if mode == "CMYK" else "PNG"
    assert read(tmp_path / "x", encoded(form, halves().convert(mode))).pixels.shape == (48, 48, 3)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_half_a_file_is_refused(tmp_path: Path, form: str, share: float) -> None:
    content = encoded(form, halves())
    with pytest.raises(UnreadableVideoError):
        read(tmp_path / "x", content[: round(share * len(content))])


def test_a_file_with_a_hole_is_refused(tmp_path: Path) -> None:
    content = bytearray(encoded("JPEG", halves(480, 320), quality=95))
    middle = len(content) // 2
    content[middle : middle + 64] = b"\xff" * 64
    with pytest.raises(UnreadableVideoError, match="damaged"):
        read(tmp_path / "x.jpg", bytes(content))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"no picture at all", id="text"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'><image href='/x'/></svg>", id="svg"),
        pytest.param(b"ffconcat version 1.0\nfile x.jpg\n", id="script"),
        pytest.param(encoded("TIFF", halves()), id="tiff"),
        pytest.param(encoded("GIF", halves()), id="gif"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableVideoError):
        read(tmp_path / "x.jpg", content)


def test_a_video_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    frames = film(even_ms(400, 10), size=(64, 48))
    write_video(path, frames, Encoding(codec="mpeg4", rate_hz=10), container="mp4")
    with pytest.raises(UnreadableVideoError, match="container format"):
        read_still(path, geometry=WHOLE, limits=LIMITS)


def test_more_pixels_than_allowed_are_refused_by_their_number(tmp_path: Path) -> None:
    limits = Limits(96 * 64 - 1, 1, 1, 1.0)
    with pytest.raises(LimitExceededError, match=r"96x64 pixels, more than 6,143"):
        read(tmp_path / "x.png", encoded("PNG", halves()), limits)


def test_a_missing_file_is_named_as_missing(tmp_path: Path) -> None:
    with pytest.raises(UnreadableVideoError, match="No such file"):
        read_still(tmp_path / "x.png", geometry=WHOLE, limits=LIMITS)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP"])
def test_the_sandboxed_child_reads_the_same(tmp_path: Path, form: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(encoded(form, halves()))
    with DecoderProcess(silence_s=60.0) as decoder:
        there = decoder.read_still(path, geometry=WHOLE, limits=LIMITS)
    here = read_still(path, geometry=WHOLE, limits=LIMITS)

    assert_same_frames([there], [here])


def test_the_child_refuses_what_is_refused_here_and_goes_on(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(encoded("PNG", halves()))
    content = encoded("PNG", halves())
    bad.write_bytes(content[: len(content) // 2])
    limits = Limits(96 * 64 - 1, 1, 1, 1.0)
    with DecoderProcess(silence_s=60.0) as decoder:
        with pytest.raises(UnreadableVideoError):
            decoder.read_still(bad, geometry=WHOLE, limits=LIMITS)
        with pytest.raises(LimitExceededError, match="96x64 pixels"):
            decoder.read_still(good, geometry=WHOLE, limits=limits)
        with pytest.raises(UnreadableVideoError, match="No such file"):
            decoder.read_still(tmp_path / "none.png", geometry=WHOLE, limits=LIMITS)
        pid = decoder.pid
        assert decoder.read_still(good, geometry=WHOLE, limits=LIMITS).pixels.shape == (48, 48, 3)
        assert decoder.pid == pid
