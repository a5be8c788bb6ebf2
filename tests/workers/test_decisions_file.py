"""The file of decisions: a CSV that anybody may have written."""

import hashlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import DecisionsError
from workers.decisions_file import (
    MAX_BYTES,
    Choice,
    Decision,
    SampledBy,
    read_decisions,
)

HEAD = "video,category,decision,sampled_by\n"
WHOLE = "video,category,decision,sampled_by,probability\n"


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "decisions.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def fault(folder: Path, content: str | bytes) -> str:
    with pytest.raises(DecisionsError) as raised:
        read_decisions(written(folder, content))
    assert "\n" not in str(raised.value)
    return str(raised.value).removeprefix(f"{folder / 'decisions.csv'}: ")


def test_a_file_becomes_decisions(tmp_path: Path) -> None:
    text = f"{WHOLE}clip,nudity,remove,uniform,0.02\nsha256:ab,nudity,allow,review,\n"
    found = read_decisions(written(tmp_path, text))

    assert found.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert found.rows == (
        Decision(2, "clip", "nudity", Choice.REMOVE, SampledBy.UNIFORM, 0.02),
        Decision(3, "sha256:ab", "nudity", Choice.ALLOW, SampledBy.REVIEW, 1.0),
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\ufeff" + HEAD + "clip,nudity,allow,other\n", id="byte-order-mark"),
        pytest.param(HEAD.replace("\n", "\r\n") + "clip,nudity,allow,other\r\n", id="crlf"),
        pytest.param(HEAD + "\n\nclip,nudity,allow,other", id="empty-lines-no-last-break"),
        pytest.param(HEAD + '"clip", nudity ,allow,other\n', id="quotes-and-spaces"),
        pytest.param(HEAD.replace("video", "folder") + "clip,nudity,allow,other\n", id="folder"),
        pytest.param(
            "sampled_by,decision,submission_id,category\nother,allow,clip,nudity\n", id="order"
        ),
    ],
)
def test_other_ways_to_write_it(text: str, tmp_path: Path) -> None:
    (found,) = read_decisions(written(tmp_path, text)).rows

    assert (found.video, found.category, found.choice) == ("clip", "nudity", Choice.ALLOW)
    assert found.sampled_by is SampledBy.OTHER


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("", "row 1: wrong columns; wanted are one of video", id="empty"),
        pytest.param("video,category\n", "row 1: wrong columns", id="columns-missing"),
        pytest.param(HEAD.replace("video,", ""), "row 1: wrong columns", id="no-video-column"),
        pytest.param(HEAD.replace("video", "video,folder"), "row 1: wrong columns", id="two-names"),
        pytest.param(
            WHOLE.replace("probability", "probabilty"), "row 1: unknown column 'probabilty'",
            id="a-slip",
        ),
        pytest.param(HEAD.replace("category", "video"), "row 1: the column video", id="twice"),
        pytest.param(HEAD + "clip,nudity,allow\n", "row 2: 3 cells, but 4 columns", id="short"),
        pytest.param(HEAD + "a,nudity,allow,other\nb,c,d,e,f\n", "row 3: 5 cells", id="long"),
        pytest.param(HEAD + "clip,nudity,keep,other\n", "row 2: decision must be one of allow, "
            "remove, got 'keep'", id="decision"),
        pytest.param(HEAD + "clip,nudity,Allow,other\n", "row 2: decision", id="capitals"),
        pytest.param(HEAD + "clip,nudity,allow,unifrom\n", "row 2: sampled_by", id="sampled-by"),
        pytest.param(HEAD + ",nudity,allow,other\n", "row 2: names no video", id="no-video"),
        pytest.param(HEAD + "clip,,allow,other\n", "row 2: names no video or no", id="no-category"),
        *(
            pytest.param(f"{WHOLE}clip,nudity,allow,uniform,{cell}\n",
                f"row 2: probability must lie in (0, 1], got '{cell}'", id=f"probability-{cell}")
            for cell in ("nan", "NaN", "inf", "0", "-0.5", "1.01", "half", "=1/2")
        ),
        pytest.param(HEAD + '"clip,nudity,allow,other\n', "after row 1: ", id="open-quote"),
        pytest.param(HEAD + '"a"b,nudity,allow,other\n', "after row 1: ", id="quote-inside"),
        pytest.param(HEAD + "a,b,allow,other\n" + "x" * 200_000, "after row 2: field",
            id="long-cell"),
        pytest.param(HEAD.encode() + b"caf\xe9,nudity,allow,other\n", "after row 1: not UTF-8",
            id="not-utf-8"),
        pytest.param(b"\x00" * 100, "row 1: unknown column '\\x00", id="zeros"),
        pytest.param(HEAD.encode("utf-16"), "after row 1: not UTF-8 text", id="utf-16"),
        pytest.param(HEAD + "clip,nudity,\x1b[31m\u202e,other\n", r"row 2: decision must be one "
            r"of allow, remove, got '\x1b[31m\u202e'", id="terminal-commands"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_one_line_that_names_the_row(
    content: str | bytes, expected: str, tmp_path: Path
) -> None:
    assert fault(tmp_path, content).startswith(expected)


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DecisionsError, match="cannot be read"):
            read_decisions(path)


def test_a_file_that_is_too_long_is_refused_before_it_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # a hole: it takes no room

    with pytest.raises(DecisionsError, match="longer than"):
        read_decisions(path)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: (HEAD + text).encode()))
def test_any_bytes_are_decisions_or_one_line(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), content)
        told = "0 lines"
        try:
            read_decisions(path)
        except DecisionsError as error:
            told = str(error)
        assert len(told.splitlines()) == 1
