"""Files too long to be read from their start, and what is read of them from elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from pipeline.media.container import open_container
from pipeline.media.encode import Encoding, write_video
from pipeline.media.seek import SEEK_FROM, packets_from
from pipeline.probed import PacketIndex
from tests.pipeline.media.media_parts import LIMITS

N = SEEK_FROM + 500
X264 = {"preset": "ultrafast", "x264-params": "scenecut=0"}
H264 = Encoding(keyframe_interval=20, options=X264)
B_FRAMES = replace(H264, b_frames=2)
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}
SEEKABLE: dict[str, tuple[Encoding, dict[str, str]]] = {
    "a.mp4": (B_FRAMES, {}),
    "fragmented.mp4": (H264, FRAGMENTED),
    "a.mkv": (B_FRAMES, {}),
    "a.webm": (Encoding(codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"}), {}),
    "a.flv": (H264, {}),
}
OTHERS: dict[str, tuple[Encoding, dict[str, str]]] = {
    "a.ts": (B_FRAMES, {}),
    "a.avi": (B_FRAMES, {}),
    "mpeg4.avi": (Encoding(codec="mpeg4", keyframe_interval=20), {}),
    "a.mpg": (Encoding(codec="mpeg2video", keyframe_interval=12, b_frames=2), {}),
    "a.h264": (H264, {}),
    "a.nut": (H264, {}),
}
FILES = SEEKABLE | OTHERS


@dataclass(frozen=True)
class Reading:
    """What was read of a file, and how often it was opened again."""

    first: int
    packets: list[bytes]
    reopened: int


def pictures(n: int = N) -> Iterator[NDArray[np.uint8]]:
    """Small pictures, each unlike the others."""
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 60, (48, 64, 3), dtype=np.uint8)
    return (np.roll(noise, 7 * i, axis=1) + np.uint8(i % 190) for i in range(n))


def long_file(folder: Path, name: str) -> Path:
    """Return a file of N frames, written once."""
    path = folder / name
    if not path.exists():
        how, options = FILES[name]
        write_video(path, pictures(), how, container_options=options)
    return path


def read(path: Path, index: PacketIndex, first: int, stop: int | None = None) -> Reading:
    """Read a file from about packet *first* on."""
    reopened = []

    @contextmanager
    def reopen() -> Iterator[InputContainer]:
        reopened.append(path)
        with open_container(path, LIMITS) as again:
            yield again

    with open_container(path, LIMITS) as container:
        numbered = packets_from(container, index, first, reopen=reopen)
        found = []
        for ordinal, packet in numbered:
            found.append((ordinal, bytes(packet)))
            if ordinal + 1 == stop:
                break
        numbered.close()  # type: ignore[attr-defined] # it is a generator
    assert [ordinal for ordinal, _ in found] == list(range(found[0][0], found[-1][0] + 1))
    return Reading(found[0][0], [content for _, content in found], len(reopened))


def counted(path: Path, index: PacketIndex) -> list[bytes]:
    reading = read(path, index, 0)
    assert (reading.first, reading.reopened) == (0, 0)
    return reading.packets


def assert_same(path: Path, index: PacketIndex, first: int) -> Reading:
    """Whatever way is taken to packet *first*, the packets are those that counting finds."""
    reading = read(path, index, first)
    assert reading.first <= first
    assert reading.packets == counted(path, index)[reading.first :]
    return reading


def change(index: PacketIndex, field: str, values: NDArray[np.int64]) -> PacketIndex:
    fields = {name: getattr(index, name) for name in PacketIndex.__slots__}
    return PacketIndex(**fields | {field: values})


def last_key(index: PacketIndex, before: int) -> int:
    return int(np.flatnonzero(index.is_key[: before + 1])[-1])
