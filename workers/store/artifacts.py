"""Artifacts: files under names like `submission/run/judge-3/heatmap.png`, local or in an S3 bucket.

A writer puts its files under a folder that carries its fence, so that two writers never meet; a
file exists for others when the database's commit names it.
"""

import contextlib
import io
import os
import posixpath
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import fsspec

from workers.errors import ArtifactsUnavailableError, NotFoundError, SettingsError
from workers.store.copies import temporary_copy

try:
    from aiohttp import ClientError
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
except ImportError:  # S3's driver is not installed, so nobody raises what it raises
    AWAY: tuple[type[Exception], ...] = (OSError,)
else:
    AWAY = (OSError, ClientError, BotoCoreError)

PART = ".part-"
CHUNK_BYTES = 1 << 20
MAX_NAME_CHARS = 900  # S3 takes 1024 bytes, what stands before it included
PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,200}")  # nothing that a driver or a shell takes for a pattern


class ArtifactStore:
    """A folder of files, on this machine or in an S3-compatible store."""

    def __init__(self, url: str, options: dict[str, Any] | None = None) -> None:
        """Open a store lazily: nothing is connected before the first use.

        Args:
            url: "file:///srv/heatreel" or "s3://bucket/prefix".
            options: what the filesystem's driver takes, as an S3 store's own address and keys.

        Raises:
            SettingsError: if there is no driver for the url's kind.
        """
        try:
            files, self._root = fsspec.core.url_to_fs(url, **(options or {}))
        except (ValueError, ImportError) as error:
            raise SettingsError(f"artifacts_url: {error}") from error
        self._files: Any = files
        self.is_local = "file" in _protocols(files)

    def put(self, name: str, content: bytes) -> None:
        """Write a file; at any time it is not there, or whole.

        Raises:
            ArtifactsUnavailableError: if the store does not take it.
        """
        path = self._path(name)
        with _taken(name):
            if self.is_local:
                self._write_whole(Path(path), io.BytesIO(content))
            else:  # an object store shows an object when it is whole
                self._files.pipe_file(path, content)

    def put_file(self, name: str, path: Path) -> None:
        """Write a file with the bytes of one on this machine, as `put` does."""
        target = self._path(name)
        with path.open("rb") as source, _taken(name):
            if self.is_local:
                self._write_whole(Path(target), source)
            else:
                self._files.put_file(str(path), target)

    def get(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            NotFoundError: if there is none.
            ArtifactsUnavailableError: if the store does not answer.
        """
        with _translated(name):
            content: bytes = self._files.cat_file(self._path(name))
            return content

    def size(self, name: str) -> int:
        """Return a file's size in bytes; raises as `get` does."""
        with _translated(name):
            found = self._files.info(self._path(name))
            if found["type"] != "file":
                raise FileNotFoundError(name)
            return int(found["size"])

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Give a file to read in pieces; opening and reading raise as `get` does."""
        with _translated(name):
            file = self._files.open(self._path(name), "rb")
            if not self.is_local and file.info()["type"] != "file":
                raise FileNotFoundError(name)
        reading = contextlib.nullcontext() if self.is_local else _translated(name)
        with reading, file:
            yield file

    @contextmanager
    def fetch(self, name: str, folder: Path) -> Iterator[Path]:
        """Give a file's path on this machine: its own, or that of a copy in *folder* for a while.

        Raises as `get` does.
        """
        if self.is_local:
            path = Path(self._path(name))
            if not path.is_file():
                raise NotFoundError(f"no artifact {name}")
            yield path
            return
        with temporary_copy(folder) as (copy, path):
            with self.open(name) as file:
                shutil.copyfileobj(file, copy, CHUNK_BYTES)
            copy.flush()
            yield path

    def erase(self, prefix: str) -> None:
        """Remove all files under *prefix*; there may be none.

        Raises:
            ArtifactsUnavailableError: if the store does not answer.
        """
        path = self._path(prefix)
        with contextlib.suppress(NotFoundError), _translated(prefix):
            if self.is_local:
                _remove(Path(path))
            else:
                self._files.rm(path, recursive=True)

    def ping(self) -> None:
        """Ask the store for a sign of life by writing a file and removing it.

        Raises:
            ArtifactsUnavailableError: if it does not take it.
        """
        name = f".ping-{secrets.token_hex(8)}"
        self.put(name, b"")
        self.erase(name)

    def _path(self, name: str) -> str:
        parts = name.split("/")
        is_plain = all(PLAIN.fullmatch(part) and part.strip(".") for part in parts)
        if not is_plain or len(name) > MAX_NAME_CHARS:
            raise ValueError(f"an artifact's name is of plain parts, got {name!r:.100}")
        return posixpath.join(self._root, name)

    def _write_whole(self, path: Path, source: IO[bytes]) -> None:
        """Write a file of this machine under another name, bring it to the disk, and rename it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}{PART}{secrets.token_hex(8)}")
        try:
            with part.open("xb") as file:
                shutil.copyfileobj(source, file, CHUNK_BYTES)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        for folder in path.relative_to(self._root).parents:
            _sync_folder(Path(self._root) / folder)


def _protocols(files: Any) -> tuple[str, ...]:
    found = files.protocol
    return (found,) if isinstance(found, str) else tuple(found)


def _remove(path: Path) -> None:
    """Remove a file or a folder; what others remove at the same time is gone, and no fault."""
    while path.is_dir():
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Turn what drivers say, each in its own words, into our errors."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise NotFoundError(f"no artifact {name}") from error
    except AWAY as error:
        raise ArtifactsUnavailableError(
            f"artifact {name}: the store does not answer: {error}"
        ) from error


@contextmanager
def _taken(name: str) -> Iterator[None]:
    """Turn what drivers say of a file that they don't take into our error."""
    try:
        yield
    except AWAY as error:  # a bucket that is not there is one of them
        raise ArtifactsUnavailableError(
            f"artifact {name}: the store does not take it: {error}"
        ) from (error)
