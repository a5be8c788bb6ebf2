"""Uploads: into quarantine while they stream in, hashed and bounded, then to the artifacts."""

import contextlib
import hashlib
import logging
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO

from fastapi import HTTPException, Request

from pipeline.errors import UnavailableError
from workers.errors import NotFoundError
from workers.service import Service
from workers.settings import Settings
from workers.sources import upload_name
from workers.store.keys import ApiKey
from workers.store.lookups import find_submission
from workers.store.records import Act
from workers.store.submissions import NewSubmission, Submitted, submit
from workers.web.desk import Desk
from workers.web.forms import UploadForm
from workers.web.looks import ENOUGH_BYTES, name_stranger

PREFIX = "upload-"
PIECE_BYTES = 1 << 20  # is hashed and written at once, on a thread

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in quarantine, with what its form said of it: data that nobody has looked at yet.

    Attributes:
        path: of the file; it has no part of the name that the uploader gave.
        filename: as the uploader calls it.
        tag: what they call the submission; may be empty.
        policy: id of the policy that they ask for; None = the default one.
        sha256: of its bytes.
        size_bytes: how many, at least one.
    """

    path: Path
    filename: str
    tag: str
    policy: str | None
    sha256: str
    size_bytes: int


class Spool:
    """A file that grows while it is hashed, to a bound."""

    def __init__(self, file: IO[bytes], max_bytes: int) -> None:
        self.size_bytes = 0
        self.waiting = bytearray()
        self._file = file
        self._max_bytes = max_bytes
        self._digest = hashlib.sha256()
        self._head = b""

    def take(self, piece: bytes) -> None:
        """Add bytes, which are written at the next `write`.

        Raises:
            HTTPException: 413 if there are too many by now, 415 if this is surely no video.
        """
        self.size_bytes += len(piece)
        if self.size_bytes > self._max_bytes:
            detail = f"the file has more than {self._max_bytes} bytes"
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
        if len(self._head) < ENOUGH_BYTES:
            self._head = (self._head + piece)[:ENOUGH_BYTES]
            if len(self._head) == ENOUGH_BYTES:
                self._require_video()
        self.waiting += piece

    def write(self) -> None:
        """Hash and write what is waiting."""
        self._digest.update(self.waiting)
        self._file.write(self.waiting)
        self.waiting.clear()

    def end(self) -> str:
        """Write all that is left and return the hash.

        Raises:
            HTTPException: 422 if the file is empty, 415 if this is surely no video.
        """
        if not self.size_bytes:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "the file is empty")
        self._require_video()
        self.write()
        self._file.flush()
        return self._digest.hexdigest()

    def _require_video(self) -> None:
        stranger = name_stranger(self._head)
        if stranger:
            detail = f"the file is {stranger}, no video"
            raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)


def quarantine_of(settings: Settings) -> Path:
    """Return the folder of what is streaming in."""
    return settings.home / "quarantine"


def sweep(settings: Settings) -> None:
    """Make the quarantine, and remove what processes that died have left in it."""
    folder = quarantine_of(settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    oldest_s = time.time() - 2 * settings.upload_timeout_s
    for path in folder.glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest_s:
                path.unlink()


@asynccontextmanager
async def received(request: Request, desk: Desk, caller: ApiKey) -> AsyncIterator[Upload]:
    """Give the upload of a request; its file is gone afterwards, whatever happens.

    Raises:
        HTTPException: 4xx, if the form or the file is not as it should be, or the caller sends
            too many at once; 503 if all together do.
    """
    settings = desk.service.settings
    with desk.uploads.take(caller.id), _quarantined(quarantine_of(settings)) as (file, path):
        spool = Spool(file, settings.max_upload_bytes)
        form = UploadForm(request.headers.get("content-type", ""), spool.take)
        async for piece in request.stream():
            form.feed(piece)
            if len(spool.waiting) >= PIECE_BYTES:
                await desk.with_files(spool.write)
        form.end()
        sha256 = await desk.with_files(spool.end)
        yield Upload(
            path=path,
            filename=form.filename or "",
            tag=form.fields.get("tag", ""),
            policy=form.fields.get("policy") or None,
            sha256=sha256,
            size_bytes=spool.size_bytes,
        )


def store_upload(service: Service, act: Act, new: NewSubmission, path: Path) -> Submitted:
    """Move an upload out of quarantine and take it in, or find that it is there already.

    Raises:
        ConflictError: if the idempotency key was used for something else.
        StoreUnavailableError: if the artifacts or the database are away.
    """
    service.artifacts.put_file(upload_name(new.id), path)
    try:
        with service.database.write() as connection:
            submitted = submit(connection, act, new)
    except BaseException:
        _clear(service, act, new.id)
        raise
    if not submitted.is_new:
        service.artifacts.erase(new.id)
    return submitted


def _clear(service: Service, act: Act, submission_id: str) -> None:
    """Remove the artifact of a submission that failed, unless its commit came through after all."""
    try:
        with service.database.read() as connection:
            find_submission(connection, submission_id, tenant=act.tenant)
    except NotFoundError:
        service.artifacts.erase(submission_id)
    except UnavailableError as error:
        logger.warning("artifact %s is left behind: %s", submission_id, error)


@contextmanager
def _quarantined(folder: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Give an empty file, and remove it at the end."""
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=PREFIX)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
