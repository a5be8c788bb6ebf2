"""What no upload may bring about: a contact by network, a file beside it opened, memory that grows.

Files are watched by the kernel (inotify), so that whoever opens them, and however, is seen.
"""

import ctypes
import gc
import os
import struct
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, SOCK_STREAM, socket
from typing import Self

import psutil

IN_ACCESS, IN_OPEN = 0x1, 0x20  # of linux/inotify.h
EVENT = struct.Struct("iIII")
EVENT_BYTES = 1 << 16
POLL_S = 0.1


class Bait:
    """Files that an upload names, but that nobody handed in: none may ever be opened."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Watch these files, which must be there, from now on."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._queue = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._queue < 0:
            raise OSError(ctypes.get_errno(), "inotify cannot be used")
        for path in paths:
            if (
                self._libc.inotify_add_watch(self._queue, os.fsencode(path), IN_OPEN | IN_ACCESS)
                < 0
            ):
                raise OSError(ctypes.get_errno(), f"{path} cannot be watched")

    def count(self) -> int:
        """Return how often one was opened or read since the last call; 0 = nobody took the bait."""
        count = 0
        with suppress(BlockingIOError):
            while content := os.read(self._queue, EVENT_BYTES):
                count += len(content) // EVENT.size  # of a file by itself, no name follows
        return count

    def close(self) -> None:
        """Watch no more."""
        os.close(self._queue)


class Listener:
    """Listens on one port of loopback, by TCP and UDP, and counts who comes; says nothing."""

    def __init__(self) -> None:
        self._contacts = 0
        self._streams, self._datagrams = socket(AF_INET, SOCK_STREAM), socket(AF_INET, SOCK_DGRAM)
        self._streams.bind(("127.0.0.1", 0))
        self.port: int = self._streams.getsockname()[1]
        self._streams.listen()
        self._streams.settimeout(POLL_S)
        with suppress(OSError):  # somebody else's by chance
            self._datagrams.bind(("127.0.0.1", self.port))
        self._datagrams.setblocking(False)  # noqa: FBT003 - the socket's own
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._streams.close()
        self._datagrams.close()

    def count(self) -> int:
        """Return how many contacts there were since the beginning."""
        with suppress(OSError):
            while self._datagrams.recv(1):
                self._contacts += 1
        return self._contacts

    def _listen(self) -> None:
        while not self._is_over.is_set():
            with suppress(TimeoutError):
                line, _ = self._streams.accept()
                line.close()
                self._contacts += 1


def resident_bytes() -> int:
    """Return how much memory this process holds."""
    gc.collect()
    return int(psutil.Process().memory_info().rss)
