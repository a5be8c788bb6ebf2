"""What crafted files are made of: films whose truth is known, and tools to bend containers."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.media.encode import Encoding, write_video
from pipeline.records import Outcome, ReasonKind
from tests.films import Incident, Pixels, even_ms, film

SIZE_PX = (160, 96)
RATE_HZ = 10
LENGTH_MS = 2_000
INSERT = Incident(500, 1_700)
X264 = Encoding(rate_hz=RATE_HZ, keyframe_interval=10, options={"preset": "ultrafast"})
MPEG4 = Encoding(codec="mpeg4", rate_hz=RATE_HZ, keyframe_interval=10)
MPEG2 = Encoding(codec="mpeg2video", rate_hz=25, keyframe_interval=12)
FLV = Encoding(codec="flv", rate_hz=RATE_HZ, keyframe_interval=10)
VP8 = Encoding(codec="libvpx", rate_hz=RATE_HZ, keyframe_interval=10)
VP9 = Encoding(
    codec="libvpx-vp9",
    rate_hz=RATE_HZ,
    keyframe_interval=10,
    options={"cpu-used": "8", "deadline": "realtime"},
)

REFUSED = frozenset({Outcome.ERROR})
DOUBTED = frozenset({Outcome.REVIEW, Outcome.ERROR})  # never a pass
SOUND = frozenset({Outcome.PASS})
ANY = frozenset({Outcome.PASS, Outcome.REVIEW, Outcome.ERROR})  # a pass only of what was seen
FASTSTART = {"movflags": "faststart"}
NO_VIDEO = frozenset({ReasonKind.UNREADABLE})
SEEN = frozenset({ReasonKind.THRESHOLD})
DECODE = frozenset({ReasonKind.DECODE})
LIMIT = frozenset({ReasonKind.LIMIT})
NO_KIND: frozenset[ReasonKind] = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the corpus lies.

    Attributes:
        bait: a video that the crafted files name; it lies beside them.
        port: of loopback, where a contact is noticed.
    """

    bait: Path
    port: int


@dataclass(frozen=True, slots=True)
class Crafted:
    """One crafted upload.

    Attributes:
        name: of the case.
        file_name: what the upload is called.
        make: writes it to a path.
        allowed: the outcomes that are right.
        kinds: one of these must be among the reasons; empty = any will do.
        is_script: whether it would have other files opened, and is text: it is also probed in this
            process, where the list of formats is all that stands in its way.
    """

    name: str
    file_name: str
    make: Callable[[Path, Place], None]
    allowed: frozenset[Outcome]
    kinds: frozenset[ReasonKind] = NO_KIND
    is_script: bool = False


def pictures(
    *incidents: Incident, size: tuple[int, int] = SIZE_PX, rate_hz: int = RATE_HZ
) -> list[Pixels]:
    """Return the pictures of the film that all clips show."""
    return list(film(even_ms(LENGTH_MS, rate_hz), *incidents, size=size))


def clip(
    path: Path,
    *incidents: Incident,
    encoding: Encoding = X264,
    container: str | None = None,
    options: Mapping[str, str] | None = None,
) -> bytes:
    """Write two seconds of film, and return the file's bytes."""
    frames = pictures(*incidents, rate_hz=int(encoding.rate_hz))
    write_video(path, frames, encoding, container=container, container_options=options)
    return path.read_bytes()


def box(kind: bytes, content: bytes = b"", *, size: int | None = None) -> bytes:
    """Return an MP4 box, whose size may be a lie."""
    return struct.pack(">I", 8 + len(content) if size is None else size) + kind + content


def put(content: bytes, at: int, new: bytes) -> bytes:
    """Return the content with *new* written over what is at *at*."""
    return content[:at] + new + content[at + len(new) :]


def put_in_box(content: bytes, kind: bytes, offset: int, new: bytes) -> bytes:
    """Write *new* over an MP4 box, *offset* bytes behind the name of the first one of this kind."""
    return put(content, content.index(kind) + 4 + offset, new)


def ebml(identity: bytes, content: bytes) -> bytes:
    """Return an element of Matroska."""
    return identity + struct.pack(">Q", len(content) | 1 << 56) + content
