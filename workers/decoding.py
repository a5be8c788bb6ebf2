"""The child that decodes for the commands of the command line."""

from pipeline.media.ffmpeg import require_safe_ffmpeg
from pipeline.media.remote import DecoderProcess

SILENCE_S = 120.0  # a decoder without a sign of life is ended
MEMORY_BYTES = 4_000_000_000  # of address space; a frame of 36 million pixels takes some 0.1 GB


def open_decoder() -> DecoderProcess:
    """Return a decoder, whose child is started when it is first needed; close it at the end.

    Raises:
        BackendUnavailableError: if the FFmpeg that is here is not safe to use.
    """
    require_safe_ffmpeg()
    return DecoderProcess(silence_s=SILENCE_S, max_memory_bytes=MEMORY_BYTES)
