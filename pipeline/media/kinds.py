"""What kind of file it is, by its first bytes; names say nothing."""

import os
from pathlib import Path

HEAD_BYTES = 12
_STILL_HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM")


def is_still(path: Path) -> bool:
    """Return whether a file begins like a picture that `read_still` reads: BMP, JPEG, PNG, WebP.

    One that cannot be opened does not; whoever opens it next is told why.
    """
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for its writer for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError):
        return False
    try:
        head = os.read(descriptor, HEAD_BYTES)
    except OSError:  # a folder, or a pipe that nobody writes to
        return False
    finally:
        os.close(descriptor)
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return is_webp or head.startswith(_STILL_HEADS)
