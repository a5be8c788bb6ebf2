"""What was asked for on the command line becomes a list of files, hostile names and all."""

import os
from pathlib import Path

import pytest

from workers.videos import find_videos


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with videos, at two levels, and something else."""
    monkeypatch.chdir(tmp_path)
    for name in ("clips/b.mp4", "clips/a.MKV", "clips/sub/c.webm", "clips/notes.txt"):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return Path("clips")


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        pytest.param(["clips"], ["a.MKV", "b.mp4", "sub/c.webm"], id="a-folder-with-all-in-it"),
        pytest.param(["clips/notes.txt"], ["notes.txt"], id="a-named-file-whatever-its-ending"),
        pytest.param(["clips/*.mp4"], ["b.mp4"], id="a-pattern"),
        pytest.param(["clips/**/*.*m*"], ["b.mp4", "sub/c.webm"], id="a-pattern-over-folders"),
        pytest.param(["clips/s*"], ["sub/c.webm"], id="a-pattern-for-a-folder"),
        pytest.param(["clips/b.mp4", "clips"], ["b.mp4", "a.MKV", "sub/c.webm"], id="each-once"),
    ],
)
def test_what_is_found(asked: list[str], names: list[str], clips: Path) -> None:
    found = find_videos(asked)

    assert [video.relative_to(clips).as_posix() for video in found.videos] == names
    assert found.faults == ()


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        pytest.param("none.mp4", "none.mp4: no such file or folder", id="a-missing-file"),
        pytest.param("none/*.mp4", "none/*.mp4: no videos there", id="a-pattern-of-nothing"),
        pytest.param("empty", "empty: no videos there", id="an-empty-folder"),
        pytest.param("broken.mp4", "broken.mp4: a link to nothing", id="a-broken-link"),
        pytest.param("pipe.mp4", "pipe.mp4: no file, but a device or a pipe", id="a-pipe"),
        pytest.param("", ": no such file or folder", id="no-name"),
        pytest.param("a\0b", r"a\x00b: no such file or folder", id="a-zero-byte"),
        pytest.param("x\x1b[2J\n", r"x\x1b[2J\n: no videos there", id="a-command"),
        pytest.param("x" * 300, ": no such file or folder", id="too-long"),
    ],
)
def test_a_path_that_comes_to_nothing_is_one_line_and_the_rest_goes_on(
    asked: str, fault: str, clips: Path
) -> None:
    Path("empty").mkdir()
    Path("broken.mp4").symlink_to("nowhere")
    os.mkfifo("pipe.mp4")
    found = find_videos([asked, "clips/b.mp4"])

    assert found.videos == (clips / "b.mp4",)
    assert len(found.faults) == 1
    assert fault in found.faults[0]
    assert found.faults[0].isprintable()


def test_a_file_whose_name_looks_like_a_pattern_is_found(clips: Path) -> None:
    (clips / "[x]*.mp4").write_bytes(b"")

    assert find_videos(["clips/[x]*.mp4"]).videos == (clips / "[x]*.mp4",)


def test_folders_are_walked_in_order_of_their_names(clips: Path) -> None:
    names = ["z", "b", "sub2", "a", "\u00e9", "m"]
    for name in names:
        (clips / name).mkdir()
        (clips / name / "x.mp4").write_bytes(b"")

    walked = [video.parent.name for video in find_videos(["clips"]).videos if video.stem == "x"]
    assert walked == sorted(names, key=os.fsencode)


def test_a_ring_of_links_is_not_walked(clips: Path) -> None:
    (clips / "sub" / "ring").symlink_to("..", target_is_directory=True)

    assert len(find_videos(["clips"]).videos) == 3


def test_a_name_that_is_not_utf_8_is_found(clips: Path) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    (clips / name).write_bytes(b"")

    assert clips / name in find_videos(["clips"]).videos


@pytest.mark.parametrize("asked", ["clips", "clips/*.mp4"])
def test_what_is_no_file_in_a_folder_is_told_and_passed_over(asked: str, clips: Path) -> None:
    os.mkfifo(clips / "pipe.mp4")
    (clips / "link.mp4").symlink_to("nowhere")
    found = find_videos([asked])

    assert clips / "b.mp4" in found.videos
    assert found.faults == (
        f"{clips}/link.mp4: a link to nothing",
        f"{clips}/pipe.mp4: no file, but a device or a pipe",
    )
