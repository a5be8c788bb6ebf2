"""What was asked for on the command line becomes a list of video files."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.outputs.names import to_printable

# In a folder, only files with these endings are taken for videos; a file that is named is taken
# whatever it is called.
VIDEO_ENDINGS = frozenset(
    [
        ".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif", ".m1v", ".m2ts",
        ".m2v", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf",
        ".ogm", ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv", ".y4m",
    ]
)  # fmt: skip
# Of the pictures that `read_still` reads.
PICTURE_ENDINGS = frozenset([".bmp", ".jpeg", ".jpg", ".png", ".webp"])


@dataclass(frozen=True, slots=True)
class Found:
    """What the paths of a command line came to.

    Attributes:
        videos: the files, each once, those of one folder or pattern in order of their names.
        faults: one line for each path that came to nothing.
    """

    videos: tuple[Path, ...]
    faults: tuple[str, ...]


def find_videos(
    asked: Sequence[str], *, endings: frozenset[str] = VIDEO_ENDINGS, noun: str = "videos"
) -> Found:
    """Return the files that *asked* names: files, folders with all in them, or patterns.

    A path that exists is taken as it is, even if it looks like a pattern; in a pattern, ``**``
    stands for any folders. Links to files are followed, links to folders inside a folder are
    not, so that no ring of links is walked.

    Args:
        asked: the paths.
        endings: what counts in a folder, in lower case; with those of pictures, they are found too.
        noun: what a fault calls them.
    """
    videos: dict[Path, Path] = {}
    faults: list[str] = []
    for text in asked:
        try:
            for path in _expand(text, faults, endings, noun):
                videos.setdefault(path.absolute(), path)
        except ValueError as fault:
            faults.append(f"{to_printable(text)}: {fault}")
        except OSError as fault:
            faults.append(f"{to_printable(text)}: {fault.strerror}")
    return Found(tuple(videos.values()), tuple(faults))


def _expand(text: str, faults: list[str], endings: frozenset[str], noun: str) -> list[Path]:
    """Return the files that one path stands for; ValueError if there are none.

    What lies in a folder and cannot be read goes to *faults*, so that the rest is not lost.
    """
    path = Path(text)
    if not text or not (os.path.lexists(path) or glob.has_magic(text)):
        raise ValueError("no such file or folder")
    if os.path.lexists(path):
        is_folder = path.is_dir()
        videos = list(_walk(path, faults, endings)) if is_folder else [_require_file(path)]
    else:
        # pathlib's own takes no pattern that begins at the root.
        matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207
        videos = [video for match in matches for video in _take(Path(match), faults, endings)]
    if not videos:
        raise ValueError(f"no {noun} there")
    return videos


def _take(match: Path, faults: list[str], endings: frozenset[str]) -> Iterable[Path]:
    if match.is_dir():
        return _walk(match, faults, endings)
    return _keep_file(match, faults)


def _require_file(path: Path) -> Path:
    """Return *path* unless it is a broken link, or something that is read without an end."""
    if not path.exists():
        raise ValueError("a link to nothing")
    if not path.is_file():
        raise ValueError("no file, but a device or a pipe")
    return path


def _keep_file(path: Path, faults: list[str]) -> list[Path]:
    """Return *path* if it can be read as a file; else say so, for somebody calls it a video."""
    try:
        return [_require_file(path)]
    except ValueError as fault:
        faults.append(f"{to_printable(str(path))}: {fault}")
        return []


def _walk(folder: Path, faults: list[str], endings: frozenset[str]) -> Iterator[Path]:
    def complain(error: OSError) -> None:
        faults.append(f"{to_printable(str(error.filename))}: {error.strerror}")

    for parent, folders, names in os.walk(folder, onerror=complain):
        folders.sort(key=os.fsencode)
        for name in sorted(names, key=os.fsencode):
            path = Path(parent) / name
            if path.suffix.lower() in endings:
                yield from _keep_file(path, faults)
