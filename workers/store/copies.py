"""Copies of files from elsewhere, for as long as they are worked on and no longer."""

import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def temporary_copy(folder: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Give an empty file on the disk of *folder*, and a path that this process may open it by.

    On Linux the file has no name: it is gone with its process, whatever that dies of.
    """
    if platform.system() == "Linux":
        with tempfile.TemporaryFile(dir=folder) as file:
            yield file, Path(f"/proc/self/fd/{file.fileno()}")
        return
    with tempfile.NamedTemporaryFile(dir=folder, prefix="fetched-") as named:
        yield named.file, Path(named.name)
