"""Which FFmpeg decodes: one with holes that are known is not let near what strangers hand in."""

import re

import av

from pipeline.errors import BackendUnavailableError

SAFE = (8, 1, 2)  # the first in which CVE-2026-8461 is mended
VERSION = re.compile(r"n?(\d+)\.(\d+)(?:\.(\d+))?(?![\d.]*\d)")


def require_safe_ffmpeg(version: str = av.ffmpeg_version_info) -> None:
    """Refuse to decode with an FFmpeg older than 8.1.2, or one that does not say how old it is.

    Args:
        version: as FFmpeg names itself; that of the one that is linked unless given.

    Raises:
        BackendUnavailableError: if it is older, or no release.
    """
    told = version_of(version)
    if told is None or told < SAFE:
        wanted = ".".join(map(str, SAFE))
        raise BackendUnavailableError(
            f"FFmpeg is {version!r}, and must be {wanted} or newer (CVE-2026-8461)"
        )


def version_of(text: str) -> tuple[int, int, int] | None:
    """Return the release that FFmpeg says that it is; None for a snapshot between releases.

    >>> version_of("n8.1.2-5-g0123abc"), version_of("8.1"), version_of("N-120000-g0123abc")
    ((8, 1, 2), (8, 1, 0), None)
    """
    found = VERSION.match(text)
    if found is None:
        return None
    major, minor, patch = (int(part or 0) for part in found.groups())
    return major, minor, patch
