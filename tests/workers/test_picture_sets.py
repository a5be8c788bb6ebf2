"""What was asked for on the command line becomes submissions: sets of files."""

from pathlib import Path

import pytest

from workers.picture_sets import FoundSets, find_one_set, find_sets_by_folder

MAX_FILES = 5


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def names(found: FoundSets, root: Path) -> list[list[str]]:
    return [[str(path.relative_to(root)) for path in one.paths] for one in found.sets]


def one_set(*asked: Path | str) -> FoundSets:
    return find_one_set([str(each) for each in asked], max_files=MAX_FILES)


def by_folder(*asked: Path) -> FoundSets:
    return find_sets_by_folder([str(each) for each in asked], max_files=MAX_FILES)


def test_files_and_folders_are_one_set_in_order(tmp_path: Path) -> None:
    make(tmp_path, "z.jpg", "set/b.txt", "set/a.jpg", "set/in/c.jpg")

    found = one_set(tmp_path / "z.jpg", tmp_path / "set")

    assert names(found, tmp_path) == [["z.jpg", "set/a.jpg", "set/b.txt", "set/in/c.jpg"]]
    assert found.sets[0].name == f"{tmp_path / 'z.jpg'} and 1 more"
    assert found.faults == ()


def test_what_is_asked_for_twice_is_taken_once(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")

    assert names(one_set(tmp_path, tmp_path / "a.jpg"), tmp_path) == [["a.jpg"]]


def test_hidden_names_are_passed_over_in_folders_only(tmp_path: Path) -> None:
    make(tmp_path, ".hidden.jpg", ".git/a.jpg", "a.jpg")

    assert names(one_set(tmp_path), tmp_path) == [["a.jpg"]]
    assert names(one_set(tmp_path / ".hidden.jpg"), tmp_path) == [[".hidden.jpg"]]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        pytest.param("gone.jpg", "no such file or folder", id="nothing-there"),
        pytest.param("empty", "no pictures there", id="an-empty-folder"),
        pytest.param("a\nb\x1b", "no such file or folder", id="a-name-of-signs"),
        pytest.param("x" * 5_000, "File name too long", id="an-endless-name"),
        pytest.param("a\0b", "no such file or folder", id="a-zero"),
    ],
)
def test_a_path_that_comes_to_nothing_is_one_line(tmp_path: Path, asked: str, why: str) -> None:
    (tmp_path / "empty").mkdir()

    found = one_set(tmp_path / asked)

    assert found.sets == ()
    (fault,) = found.faults
    assert fault.endswith(f": {why}")
    assert fault.isprintable()


def test_an_empty_path_is_not_the_folder_one_stands_in() -> None:
    assert one_set("").sets == ()
    assert len(one_set("").faults) == 1


def test_no_more_is_listed_than_shows_that_there_are_too_many(tmp_path: Path) -> None:
    make(tmp_path, *(f"{i}.jpg" for i in range(20)))

    assert len(one_set(tmp_path).sets[0].paths) == MAX_FILES + 1
    assert len(one_set(*sorted(tmp_path.iterdir())).sets[0].paths) == MAX_FILES + 1


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    make(tmp_path, "set/a.jpg")
    (tmp_path / "set" / "ring").symlink_to(tmp_path / "set")

    assert names(one_set(tmp_path / "set"), tmp_path) == [["set/a.jpg"]]


def test_each_folder_is_a_set(tmp_path: Path) -> None:
    make(tmp_path, "b/2.jpg", "b/1.jpg", "a/x/3.jpg", ".c/4.jpg")

    found = by_folder(tmp_path)

    assert names(found, tmp_path) == [["a/x/3.jpg"], ["b/1.jpg", "b/2.jpg"]]
    assert [one.name for one in found.sets] == [str(tmp_path / "a"), str(tmp_path / "b")]


def test_what_lies_beside_the_folders_is_told(tmp_path: Path) -> None:
    make(tmp_path, "a/1.jpg", "stray.jpg", "other.jpg")

    found = by_folder(tmp_path)

    assert len(found.sets) == 1
    assert found.faults == (f"{tmp_path}: 2 lie beside the folders and belong to no submission",)


def test_a_folder_without_folders_and_an_empty_one_are_told(tmp_path: Path) -> None:
    make(tmp_path, "plain/1.jpg")
    (tmp_path / "sets" / "empty").mkdir(parents=True)

    found = by_folder(tmp_path / "plain", tmp_path / "sets", tmp_path / "gone")

    assert found.sets == ()
    assert [fault.rpartition(": ")[2] for fault in found.faults] == [
        "no folders there",
        "1 lie beside the folders and belong to no submission",
        "no pictures there",
        "No such file or directory",
    ]
