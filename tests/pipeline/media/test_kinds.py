"""What kind of file it is, by its first bytes."""

import os
from pathlib import Path

import pytest
from PIL import Image

from pipeline.media.kinds import is_still
from tests.classifying import save_video


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP"])
def test_a_picture_is_a_still_whatever_it_is_called(tmp_path: Path, form: str) -> None:
    path = tmp_path / "x.mp4"
    Image.new("RGB", (8, 8)).save(path, form)

    assert is_still(path)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8", b"GIF89a" + bytes(20), b"RIFF\0\0\0\0AVI ", b"text"]
)
def test_what_begins_otherwise_is_not(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(content)

    assert not is_still(path)


def test_a_video_is_not(tmp_path: Path) -> None:
    assert not is_still(save_video(tmp_path / "x.mp4", is_magenta=False, seconds=1))


def test_what_cannot_be_opened_is_not_and_nothing_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    odd = (tmp_path / "pipe", tmp_path, tmp_path / "gone", Path("a\0b"), Path("x" * 5_000))
    assert not any(map(is_still, odd))
