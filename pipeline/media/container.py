"""Opening a file that a stranger handed in: named formats only, and nothing but the file itself.

The file is opened by Python and handed over as bytes, so FFmpeg never sees a name that it could
take for an address, and a playlist or a script that names other files finds no way to them: its
format is not admitted, and every nested open is refused.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NoReturn, Protocol

import av
from av.container import InputContainer

from pipeline.errors import UnreadableVideoError
from pipeline.records import Limits

READ_BYTES = 1 << 18  # one read from the file
MAX_OFFSET = 2**63 - 1  # that the system takes
PADDING = 2  # a decoder works on whole blocks: at worst on so many times the pixels that it shows
# FFmpeg's names of the containers that are admitted: self-contained ones that carry video.
FORMATS = (
    "3dostr", "asf", "av1", "avi", "dv", "flv", "gif", "h264", "hevc", "ivf", "matroska,webm",
    "mov,mp4,m4a,3gp,3g2,mj2", "mpeg", "mpegts", "mpegvideo", "mxf", "nut", "obu", "ogg", "rm",
)  # fmt: skip
# And of the pictures: files that hold one, and nothing that points elsewhere.
STILL_FORMATS = ("bmp_pipe", "jpeg_pipe", "png_pipe", "webp_pipe")
CONTAINER_OPTIONS = {
    "protocol_whitelist": "",
    "ignore_editlist": "1",  # an edit list hides frames; what is in the file is what is judged
    "threads": "1",  # of the decoders that look at the first frames
}


class Budget(Protocol):
    """Says when there was enough."""

    def is_spent(self) -> bool:
        """Whether `check` would raise."""

    def check(self) -> None:
        """Raise an error if there was enough."""


@contextmanager
def open_container(
    file: Path | int,
    limits: Limits,
    formats: tuple[str, ...] = FORMATS,
    *,
    budget: Budget | None = None,
) -> Iterator[InputContainer]:
    """Open a file, in one of these formats, for demuxing and close it again.

    FFmpeg decodes a frame or two to learn what a stream is; none far beyond limits.max_pixels.

    Args:
        file: its path, or the descriptor of one that is open, and stays so.
        limits: of what is in it.
        formats: FFmpeg's names of those that are admitted.
        budget: for reading, too: FFmpeg may go through gigabytes for one packet. Once it is spent,
            the file seems to end, and the budget's own error is raised; None = unbounded.

    Raises:
        UnreadableVideoError: the file is missing, unreadable, not a regular file, empty, or not
            in a container format that Heatreel reads.
    """
    opened = nullcontext(file) if isinstance(file, int) else open_regular_file(file)
    with opened as descriptor, _translated(budget):
        admitted = {"format_whitelist": ",".join(formats)}
        container = av.open(
            _Nameless(descriptor, budget),
            mode="r",
            options=CONTAINER_OPTIONS | admitted | bound_decoder(limits),
            buffer_size=READ_BYTES,
            io_open=_refuse_nested_open,
            metadata_errors="replace",
        )
        try:
            yield container
        finally:
            container.close()


def bound_decoder(limits: Limits) -> dict[str, str]:
    """Return the options of a decoder that refuses pictures far beyond the limits."""
    return {"max_pixels": str(PADDING * limits.max_pixels)}


@contextmanager
def open_regular_file(path: Path) -> Iterator[int]:
    """Open a file for reading, give its descriptor, and close it again.

    Raises:
        UnreadableVideoError: the file is missing, unreadable, not a regular file, or empty.
    """
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for its writer for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UnreadableVideoError(f"cannot be opened: {why}") from error
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise UnreadableVideoError("is not a regular file")
        if facts.st_size == 0:
            raise UnreadableVideoError("is empty (0 bytes)")
        yield descriptor
    finally:
        os.close(descriptor)


class _Nameless:
    """A file's bytes without its name, which FFmpeg would read meaning into.

    It has a place of its own in the file, so that two of them may read one descriptor.
    """

    def __init__(self, descriptor: int, budget: Budget | None) -> None:
        self._descriptor = descriptor
        self._budget = budget
        self._at = 0

    def read(self, size: int) -> bytes:
        """Return up to so many bytes; none at the end."""
        if self._budget is not None and self._budget.is_spent():
            return b""  # an error would get lost in FFmpeg, which tries again
        content = os.pread(self._descriptor, size, self._at)
        self._at += len(content)
        return content

    def tell(self) -> int:
        """Return the place in the file."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move as asked and return where that is, -1 where a damaged file leads out of itself.

        FFmpeg then goes on as best it can; an exception would end all reading.
        """
        starts = {os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(self._descriptor).st_size}
        at = starts.get(whence, 0) + offset
        if not 0 <= at <= MAX_OFFSET:
            return -1
        self._at = at
        return at


@contextmanager
def _translated(budget: Budget | None) -> Iterator[None]:
    """Turn FFmpeg's errors, at opening and in whatever is done with the container, into ours.

    Where the budget is spent, that is the reason for whatever went wrong, or did not.
    """
    try:
        yield
        _check(budget)
    except av.error.FFmpegError as error:
        _check(budget)
        raise UnreadableVideoError(_say_why(error)) from error
    except OSError as error:  # of the disk, on the way through FFmpeg
        raise UnreadableVideoError(f"cannot be read ({error.strerror})") from error


def _check(budget: Budget | None) -> None:
    if budget is not None:
        budget.check()


def _say_why(error: av.error.FFmpegError) -> str:
    if isinstance(error, av.error.ArgumentError):  # its answer to a format that is not on the list
        return "is in no container format that Heatreel reads"
    is_known = isinstance(error, av.error.InvalidDataError)
    what = "is no video that Heatreel reads" if is_known else "cannot be read"
    return f"{what} ({error.strerror})"


def _refuse_nested_open(url: str, _flags: int, _options: dict[str, str]) -> NoReturn:
    raise PermissionError(f"refused to open {url!r} from inside a video")
