"""File names as text: hostile ones too come back, print on one line, and make a safe folder."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.outputs.names import (
    MAX_NAME_BYTES,
    escape_path,
    to_folder_name,
    to_printable,
    unescape_path,
)

raw_names = st.binary(min_size=1).map(lambda raw: Path(os.fsdecode(raw.replace(b"\0", b""))))


@given(raw_names)
def test_an_escaped_path_is_utf_8_and_comes_back(path: Path) -> None:
    text = escape_path(path)

    text.encode("utf-8", "strict")
    assert unescape_path(text) == path


def test_a_name_that_looks_escaped_is_not_taken_for_another() -> None:
    assert escape_path(Path(r"\xff")) != escape_path(Path(os.fsdecode(b"\xff")))


@given(st.text(st.characters()))
def test_what_is_printed_is_one_printable_line(text: str) -> None:
    assert to_printable(text).isprintable()


@given(raw_names)
def test_a_folder_name_is_one_plain_name(path: Path) -> None:
    name = to_folder_name(path)

    assert Path(name).name == name
    assert name == name.strip(".- ")
    assert 0 < len(name.encode()) <= MAX_NAME_BYTES
    assert all(char.isalnum() or char in "_-." for char in name)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        pytest.param("a/../..", "video", id="the-way-up"),
        pytest.param("a\n\x1b[31mb.mp4", "a_31mb", id="terminal-commands"),
        pytest.param("x\u202egpm.4pm", "x_gpm", id="a-turned-direction"),
        pytest.param("猫.mp4", "猫", id="letters-of-any-script"),
        pytest.param("e\u0301.mp4", "\u00e9", id="one-spelling-of-an-accent"),
        pytest.param("NUL.x.mp4", "NUL.x_", id="a-device-of-windows"),
        pytest.param("-rf.mp4", "rf", id="what-looks-like-an-option"),
        pytest.param("\u00e9" * 200, "\u00e9" * 50, id="too-long"),
    ],
)
def test_a_hostile_name_makes_a_harmless_folder(path: str, name: str) -> None:
    assert to_folder_name(Path(path)) == name
