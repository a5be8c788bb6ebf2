"""The children that decode: one a thread, for what strangers hand in may crash a decoder."""

import threading
from collections.abc import Sequence

from pipeline.media.remote import DECODER, DecoderProcess


class Decoders:
    """Decoding child processes by thread, each started when its thread first needs it."""

    def __init__(
        self, *, silence_s: float, max_memory_bytes: int, command: Sequence[str] = DECODER
    ) -> None:
        """Make an empty set; see `DecoderProcess` for the arguments."""
        self._silence_s = silence_s
        self._max_memory_bytes = max_memory_bytes
        self._command = command
        self._local = threading.local()
        self._all: list[DecoderProcess] = []
        self._lock = threading.Lock()

    def here(self) -> DecoderProcess:
        """Return the child of the calling thread."""
        decoder: DecoderProcess | None = getattr(self._local, "decoder", None)
        if decoder is None:
            decoder = self._local.decoder = DecoderProcess(
                silence_s=self._silence_s,
                max_memory_bytes=self._max_memory_bytes,
                command=self._command,
            )
            with self._lock:
                self._all.append(decoder)
        return decoder

    def close(self) -> None:
        """End all children; no thread may use them any more."""
        with self._lock:
            for decoder in self._all:
                decoder.close()
            self._all.clear()
