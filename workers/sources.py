"""Where submissions come from: uploads in the artifact store, and URIs that the operator allows."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import quote, unquote, urlsplit

import fsspec

from pipeline.errors import UnreadableVideoError
from pipeline.outputs.names import to_printable
from workers.download import HTTPS, OUTSIDE, Bounds, Outside, download, require_size
from workers.errors import ForbiddenSourceError, NotFoundError, StoreUnavailableError
from workers.store.artifacts import AWAY, ArtifactStore
from workers.store.copies import temporary_copy

UPLOAD_SCHEME = "upload"  # an artifact that an uploader has sent us
FILE = "file://"
MAX_URI_CHARS = 2048
COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FetchTerms:
    """What the operator decides of what is fetched by URI.

    Attributes:
        prefixes: of the URIs that are allowed.
        max_bytes: of the largest file; uploads were bounded when they came.
        options: of the driver of S3-compatible stores.
        timeout_s: that one file may take by https, all in all.
        outside: what of the world is asked for files by https.
    """

    prefixes: tuple[str, ...]
    max_bytes: int
    options: dict[str, Any] = field(default_factory=dict)
    timeout_s: float = 600.0
    outside: Outside = OUTSIDE


def upload_uri(submission_id: str) -> str:
    """Return the address of the bytes that were uploaded with a submission."""
    return f"{UPLOAD_SCHEME}:{upload_name(submission_id)}"


def upload_name(submission_id: str) -> str:
    """Return the name of the artifact that holds them."""
    return f"{submission_id}/source"


def require_allowed(uri: str, prefixes: tuple[str, ...]) -> str:
    """Return a URI that lies under one of the operator's prefixes, in its plainest form.

    The plainest form of a plainest form is itself.

    Raises:
        ForbiddenSourceError: if it does not, or only seems to: by `..`, by escapes, by a query.
    """
    return _find_allowed(uri, prefixes).plain


def is_elsewhere(uri: str) -> bool:
    """Say whether a source is fetched anew each time, from where others may have changed it."""
    return not uri.startswith((f"{UPLOAD_SCHEME}:", FILE))


def filename_of(uri: str) -> str:
    """Return the last part of a URI: what people call the file."""
    return PurePosixPath(unquote(urlsplit(uri).path)).name


@contextmanager
def fetched(
    uri: str,
    *,
    artifacts: ArtifactStore,
    terms: FetchTerms,
    folder: Path,
) -> Iterator[Path]:
    """Give the path of a source's bytes on this machine: where they are, or a copy for a while.

    Args:
        uri: of a submission.
        artifacts: where uploads are.
        terms: what the operator allows; it may have changed since the submission.
        folder: for copies.

    Raises:
        ForbiddenSourceError: if the operator does not allow it.
        UnreadableVideoError: if there is no such file.
        LimitExceededError: if it is larger than the operator allows.
        StoreUnavailableError: if the store or the host that it is in does not answer.
    """
    if uri.startswith(f"{UPLOAD_SCHEME}:"):
        with _fetch_upload(uri, artifacts, folder) as path:
            yield path
        return
    place = _find_allowed(uri, terms.prefixes)
    if place.scheme == "file":
        path = _inside(place, terms.prefixes)
        require_size(path.stat().st_size, terms.max_bytes)
        yield path
        return
    with temporary_copy(folder) as (copy, path):
        if place.scheme == HTTPS:
            bounds = Bounds(terms.max_bytes, terms.timeout_s)
            download(place.plain, copy, bounds, terms.outside)
        else:
            _copy(place, copy, terms)
        copy.flush()
        yield path


def hash_file(path: Path) -> tuple[str, int]:
    """Return the SHA-256 of a file's bytes and how many they are.

    Raises:
        UnreadableVideoError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
    except OSError as error:
        raise UnreadableVideoError(f"cannot be opened: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class _Place:
    """What a URI says, its escapes undone.

    Attributes:
        scheme: in lower case.
        bucket: of an object, or the host; empty for a file of this machine.
        path: from a slash on.
    """

    scheme: str
    bucket: str
    path: str

    @property
    def plain(self) -> str:
        """The URI in its plainest form."""
        return f"{self.scheme}://{self.bucket}{quote(self.path)}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}{self.path}"


def _find_allowed(uri: str, prefixes: tuple[str, ...]) -> _Place:
    """Return the place of a URI, as `require_allowed` allows it."""
    if len(uri) > MAX_URI_CHARS or not uri.isprintable():
        raise ForbiddenSourceError(f"a URI has at most {MAX_URI_CHARS} printable characters")
    place = _parse(uri)
    if not any(str(place).startswith(prefix) for prefix in prefixes):
        raise ForbiddenSourceError(f"{to_printable(uri)}: the operator does not allow this place")
    return place


def _parse(uri: str) -> _Place:
    try:
        parts = urlsplit(uri)
        path = unquote(parts.path, errors="strict")
    except ValueError as error:
        raise ForbiddenSourceError(f"{to_printable(uri)}: is no URI") from error
    steps = path.split("/")[1:]
    # A question mark in a key would ask S3's driver for a version.
    is_odd = bool(parts.query or parts.fragment) or "\\" in path or "?" in path
    is_whole = path.startswith("/") and all(step not in ("", ".", "..") for step in steps)
    if is_odd or not is_whole or not path.isprintable():
        raise ForbiddenSourceError(f"{to_printable(uri)}: is no plain URI of a file")
    is_host = parts.scheme == HTTPS and parts.netloc.isascii()  # K of kelvins is no k
    return _Place(parts.scheme, parts.netloc.lower() if is_host else parts.netloc, path)


@contextmanager
def _fetch_upload(uri: str, artifacts: ArtifactStore, folder: Path) -> Iterator[Path]:
    name = uri.removeprefix(f"{UPLOAD_SCHEME}:")
    with ExitStack() as stack:
        try:
            path = stack.enter_context(artifacts.fetch(name, folder))
        except NotFoundError as error:
            raise UnreadableVideoError("is gone") from error
        except ValueError as error:
            raise ForbiddenSourceError(f"{to_printable(uri)}: is no upload") from error
        yield path


def _inside(place: _Place, prefixes: tuple[str, ...]) -> Path:
    """Return the path of a file, which leads out of no folder that is allowed, by no link."""
    folders = [Path(prefix.removeprefix(FILE)) for prefix in prefixes if prefix.startswith(FILE)]
    try:
        path = Path(place.path).resolve()
        is_inside = any(path.is_relative_to(folder.resolve()) for folder in folders)
        is_file = path.is_file()  # nothing that blocks whoever opens it
    except (OSError, RuntimeError) as error:  # a name that is too long, links in a circle
        raise UnreadableVideoError("cannot be opened") from error
    if not is_inside:
        raise ForbiddenSourceError(f"{to_printable(str(place))}: leads out of what is allowed")
    if not is_file:
        raise UnreadableVideoError("there is no such file")
    return path


def _copy(place: _Place, copy: IO[bytes], terms: FetchTerms) -> None:
    name = f"{place.bucket}{place.path}"
    try:
        files = fsspec.filesystem(place.scheme, **terms.options)
        require_size(int(files.info(name)["size"] or 0), terms.max_bytes)
        with files.open(name, "rb") as source:
            _copy_counted(source, copy, terms.max_bytes)
        copy.flush()
    except FileNotFoundError as error:
        raise UnreadableVideoError("there is no such file") from error
    except AWAY as error:
        said = f"{to_printable(str(place))}: cannot be fetched: {error}"
        raise StoreUnavailableError(said) from error


def _copy_counted(source: IO[bytes], copy: IO[bytes], max_bytes: int) -> None:
    """Copy a file, but no more than is allowed: it may be larger than its store said."""
    copied_bytes = 0
    while piece := source.read(COPY_BYTES):
        copied_bytes += len(piece)
        require_size(copied_bytes, max_bytes)
        copy.write(piece)
