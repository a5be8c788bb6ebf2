"""Small sound videos of every common kind, and what chance makes of them, seeded."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.media.encode import Encoding, write_streams
from tests.hostile.forge import (
    FASTSTART,
    FLV,
    INSERT,
    MPEG2,
    MPEG4,
    RATE_HZ,
    VP8,
    VP9,
    X264,
    clip,
    pictures,
)

HEAD_BYTES = 1_500  # where most of what a demuxer believes stands
MAX_CHANGES = 4  # of one kind or another, a mutant
NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
MARKS = (  # what sizes and numbers stand beside
    b"moov", b"mvhd", b"trak", b"tkhd", b"mdhd", b"stts", b"ctts", b"stsc", b"stsz", b"stco",
    b"stss", b"stsd", b"avc1", b"avcC", b"elst", b"moof", b"traf", b"trun", b"tfhd", b"tfdt",
    b"mdat", b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b",
    b"\x1f\x43\xb6\x75", b"\xa3", b"\xa0", b"\xa1", b"\xe7", b"\xb0", b"RIFF", b"LIST", b"hdrl",
    b"avih", b"strh", b"strf", b"movi", b"idx1", b"00dc", b"FLV", b"onMetaData", b"DKIF", b"OggS",
    b"\x47\x40\x00", b"\x47\x41\x00", b"\0\0\1\xba", b"\0\0\1\xe0", b"\0\0\1\xb3", b"\0\0\1\xb6",
)  # fmt: skip

Rng = np.random.Generator
Mutation = Callable[[bytearray, Rng], bytearray]
WMV = Encoding(codec="wmv2", rate_hz=RATE_HZ, keyframe_interval=10)
KINDS: dict[str, tuple[str, Encoding, dict[str, str]]] = {
    "mp4": ("mp4", replace(X264, b_frames=2, options={}), {}),
    "mp4-faststart": ("mp4", X264, FASTSTART),
    "mp4-fragments": ("mp4", X264, {"movflags": "frag_keyframe+empty_moov"}),
    "mp4-hevc": ("mp4", Encoding(codec="libx265", rate_hz=RATE_HZ, keyframe_interval=10,
                                 options={"x265-params": "log-level=none"}), FASTSTART),
    "mov-mjpeg": ("mov", Encoding(codec="mjpeg", pixel_format="yuvj420p", rate_hz=RATE_HZ), {}),
    "mkv": ("mkv", replace(X264, b_frames=2, options={}), {}),
    "mkv-ffv1": ("mkv", Encoding(codec="ffv1", rate_hz=RATE_HZ, keyframe_interval=5), {}),
    "webm-vp9": ("webm", VP9, {}),
    "webm-vp8": ("webm", VP8, {}),
    "avi": ("avi", MPEG4, {}),
    "avi-h264": ("avi", X264, {}),
    "ts": ("ts", X264, {}),
    "flv": ("flv", FLV, {}),
    "flv-h264": ("flv", X264, {}),
    "mpg": ("mpg", MPEG2, {}),
    "asf": ("asf", WMV, {}),
    "ogg": ("ogg", VP8, {}),
    "nut": ("nut", MPEG4, {}),
    "mxf": ("mxf", MPEG2, {}),
    "ivf": ("ivf", VP9, {}),
    "gif": ("gif", Encoding(codec="gif", pixel_format="rgb8", rate_hz=RATE_HZ), {}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seed:
    """A sound video.

    Attributes:
        name: of its kind, and whether the known colour is planted.
        extension: of its file.
        content: its bytes.
    """

    name: str
    extension: str
    content: bytes


def make_seeds(folder: Path) -> list[Seed]:
    """Encode every kind twice, without the insert and with it, and one video of two streams."""
    seeds = []
    for name, (extension, encoding, options) in KINDS.items():
        path = folder / f"seed.{extension}"
        for incidents in ((), (INSERT,)):
            content = clip(path, *incidents, encoding=encoding, options=options)
            seeds.append(Seed(f"{name}{'-marked' if incidents else ''}", extension, content))
        path.unlink()
    path = folder / "seed.mkv"
    write_streams(path, [(pictures(), X264), (pictures(INSERT), MPEG4)])
    seeds.append(Seed("two-streams-marked", "mkv", path.read_bytes()))
    path.unlink()
    return seeds


def mutate(seeds: list[Seed], number: int, *, seed: int) -> tuple[Seed, bytes]:
    """Return the sound video that mutant *number* of *seed* was, and the mutant's bytes."""
    rng = np.random.default_rng([seed, number])
    sound = seeds[number % len(seeds)]
    content = bytearray(sound.content)
    for _ in range(int(rng.integers(1, MAX_CHANGES + 1))):
        content = MUTATIONS[int(rng.integers(len(MUTATIONS)))](content, rng) or bytearray(1)
    return sound, bytes(content)


def _place(content: bytearray, rng: Rng) -> int:
    """Return a place: every second one where a file's head, or its end, mostly is."""
    size: int = len(content)
    match int(rng.integers(4)):
        case 0:
            return int(rng.integers(min(size, HEAD_BYTES)))
        case 1:  # from the end
            return size - 1 - int(rng.integers(min(size, HEAD_BYTES)))
        case _:
            return int(rng.integers(size))


def _length(content: bytearray, rng: Rng) -> int:
    """Return the length of a run, mostly a short one."""
    return min(len(content), 1 << int(rng.integers(1, 13)))


def _flip_bits(content: bytearray, rng: Rng) -> bytearray:
    for _ in range(2 ** int(rng.integers(6))):
        content[_place(content, rng)] ^= 1 << int(rng.integers(8))
    return content


def _run_of(value: int) -> Mutation:
    def overwrite(content: bytearray, rng: Rng) -> bytearray:
        at, length = _place(content, rng), _length(content, rng)
        run = bytes([value]) * len(content[at : at + length])
        content[at : at + length] = run
        return content

    return overwrite


def _overwrite_by_noise(content: bytearray, rng: Rng) -> bytearray:
    at, length = _place(content, rng), _length(content, rng)
    content[at : at + length] = rng.bytes(len(content[at : at + length]))
    return content


def _swap(content: bytearray, rng: Rng) -> bytearray:
    length = _length(content, rng)
    a, b = sorted((_place(content, rng), _place(content, rng)))
    length = min(length, b - a, len(content) - b)
    content[a : a + length], content[b : b + length] = (
        content[b : b + length],
        content[a : a + length],
    )
    return content


def _repeat(content: bytearray, rng: Rng) -> bytearray:
    at, to, length = _place(content, rng), _place(content, rng), _length(content, rng)
    content[to:to] = content[at : at + length]
    return content


def _insert(content: bytearray, rng: Rng) -> bytearray:
    at = _place(content, rng)
    content[at:at] = rng.bytes(_length(content, rng))
    return content


def _remove(content: bytearray, rng: Rng) -> bytearray:
    at = _place(content, rng)
    del content[at : at + _length(content, rng)]
    return content


def _truncate(content: bytearray, rng: Rng) -> bytearray:
    return content[: _place(content, rng)]


def _set_number(content: bytearray, rng: Rng) -> bytearray:
    """Write a number that is on some edge over one beside a mark that demuxers look for."""
    places = [at for mark in MARKS if (at := content.find(mark)) >= 0]
    near = places[int(rng.integers(len(places)))] if places else _place(content, rng)
    at = max(0, near + int(rng.integers(-8, 28)))
    value: int = NUMBERS[int(rng.integers(len(NUMBERS)))]
    form = (">I", "<I", ">H", "B")[int(rng.integers(4))]
    field = struct.pack(form, value & (1 << 8 * struct.calcsize(form)) - 1)
    content[at : at + len(field)] = field
    return content


MUTATIONS: tuple[Mutation, ...] = (
    _flip_bits,
    _flip_bits,
    _run_of(0),
    _run_of(0xFF),
    _overwrite_by_noise,
    _swap,
    _repeat,
    _insert,
    _remove,
    _truncate,
    _set_number,
    _set_number,
    _set_number,
)
