"""What was asked for on the command line becomes submissions: sets of files."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pipeline.outputs.names import to_printable


@dataclass(frozen=True, slots=True)
class FileSet:
    """The files of one submission.

    Attributes:
        name: what people know it by.
        paths: in the order they were asked for, those of a folder in order of their names; at most
            one more than may be judged, for then none is.
    """

    name: str
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class FoundSets:
    """What the paths of a command line came to.

    Attributes:
        sets: the submissions, none empty.
        faults: one line for each path that came to nothing.
    """

    sets: tuple[FileSet, ...]
    faults: tuple[str, ...]


def find_one_set(asked: Sequence[str], *, max_files: int) -> FoundSets:
    """Return all files that *asked* names as one submission: files, and all in folders.

    Names that begin with a dot are passed over in folders, and links to folders are not followed;
    every other file is taken, whatever it is called.
    """
    paths: dict[Path, Path] = {}
    faults: list[str] = []
    for text in asked:
        for path in islice(_expand(text, faults), max_files + 1):
            paths.setdefault(path.absolute(), path)
    name = asked[0] if len(asked) == 1 else f"{asked[0]} and {len(asked) - 1} more"
    chosen = tuple(islice(paths.values(), max_files + 1))
    return FoundSets((FileSet(name, chosen),) if chosen else (), tuple(faults))


def find_sets_by_folder(asked: Sequence[str], *, max_files: int) -> FoundSets:
    """Return one submission a sub-folder of the folders *asked*, in order of their names."""
    sets: list[FileSet] = []
    faults: list[str] = []
    for text in asked:
        sets += _sets_in(Path(text), faults, max_files)
    return FoundSets(tuple(sets), tuple(faults))


def _sets_in(parent: Path, faults: list[str], max_files: int) -> Iterator[FileSet]:
    try:
        entries = sorted(_visible(parent), key=lambda entry: os.fsencode(entry.name))
    except OSError as fault:
        faults.append(_say(parent, fault.strerror))
        return
    folders = [Path(entry.path) for entry in entries if entry.is_dir()]
    if not folders:
        faults.append(_say(parent, "no folders there"))
    if len(folders) < len(entries):
        count = len(entries) - len(folders)
        faults.append(_say(parent, f"{count} lie beside the folders and belong to no submission"))
    for folder in folders:
        paths = tuple(islice(_expand(str(folder), faults), max_files + 1))
        if paths:
            yield FileSet(str(folder), paths)


def _expand(text: str, faults: list[str]) -> Iterator[Path]:
    """Yield the files that one path stands for; if there are none, or some are lost, say so."""
    path = Path(text)
    try:
        is_folder = bool(text) and path.is_dir()
        is_there = bool(text) and os.path.lexists(path)
    except OSError as fault:  # a name that is too long
        faults.append(_say(path, fault.strerror))
        return
    if not is_there:
        faults.append(_say(Path(text), "no such file or folder"))
    elif is_folder:
        yield from _walk_or_say(path, faults)
    else:
        yield path


def _walk_or_say(folder: Path, faults: list[str]) -> Iterator[Path]:
    is_empty = True
    for path in _walk(folder, faults):
        is_empty = False
        yield path
    if is_empty:
        faults.append(_say(folder, "no pictures there"))


def _walk(folder: Path, faults: list[str]) -> Iterator[Path]:
    def complain(error: OSError) -> None:
        faults.append(_say(Path(str(error.filename)), error.strerror))

    for parent, folders, names in os.walk(folder, onerror=complain):
        folders[:] = sorted((name for name in folders if name[0] != "."), key=os.fsencode)
        for name in sorted((name for name in names if name[0] != "."), key=os.fsencode):
            yield Path(parent) / name


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return [entry for entry in entries if entry.name[0] != "."]


def _say(path: Path, why: str | None) -> str:
    return f"{to_printable(str(path))}: {why}"
