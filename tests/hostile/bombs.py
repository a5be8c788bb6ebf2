"""Small files that ask for much: of pixels, frames, streams, depth, memory, or time."""

import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from pipeline.media.encode import Encoding, write_video
from tests.hostile.forge import (
    ANY,
    DOUBTED,
    FASTSTART,
    INSERT,
    LIMIT,
    NO_KIND,
    NO_VIDEO,
    RATE_HZ,
    REFUSED,
    VP9,
    X264,
    Crafted,
    Place,
    box,
    clip,
    ebml,
    pictures,
    put_in_box,
)

PNG_HEAD = b"\x89PNG\r\n\x1a\n"
DEPTH = 20_000


def bomb_cases() -> list[Crafted]:
    """Return the cases."""
    return [*_sizes(), *_counts(), *_structures()]


def _sizes() -> list[Crafted]:
    raw = Encoding(codec="gif", pixel_format="rgb8", rate_hz=RATE_HZ)
    shown = {"2x2": (2, 2), "1x1": (1, 1), "65535x1": (65_535, 1), "1x65535": (1, 65_535)}
    cases = [
        Crafted(f"size-{name}", "a.gif", partial(_write_sized, size, raw), ANY)
        for name, size in shown.items()
    ]
    return [
        *cases,
        Crafted("16000x16000", "a.mov", _write_large_png, REFUSED),
        Crafted("16000x16000-inside", "a.mov", _write_hidden_png, DOUBTED),
        Crafted("65535x65535-declared-by-gif", "a.gif", _write_large_gif, DOUBTED),
        Crafted("65535x65535-declared-by-mp4", "a.mp4", _write_large_mp4, ANY),
        Crafted("no-size", "a.mp4", _write_no_size, ANY),
        Crafted("8192x8192-declared-by-vp9", "a.ivf", _write_large_vp9, ANY),
    ]


def _write_sized(size: tuple[int, int], encoding: Encoding, path: Path, _place: Place) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    write_video(path, [noise] * 12, encoding)


def _png(width: int, height: int) -> bytes:
    """Return a picture of zeros: a thousandth of its size when packed."""
    row = zlib.compressobj(1)
    packed = b"".join(row.compress(bytes(1 + width // 8)) for _ in range(height)) + row.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return PNG_HEAD + _chunk(b"IHDR", head) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def _write_packets(path: Path, size: tuple[int, int], packets: list[bytes], codec: str) -> None:
    """Write packets of a codec as they are, each a keyframe of a tenth of a second."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=RATE_HZ)
        if not isinstance(stream, VideoStream):
            raise TypeError(f"codec must be one of video, got {codec}")
        stream.width, stream.height, stream.pix_fmt = (
            *size,
            "rgb24" if codec == "png" else "yuv420p",
        )
        for number, content in enumerate(packets):
            packet = av.Packet(content)
            packet.stream, packet.time_base = stream, Fraction(1, RATE_HZ)
            packet.pts = packet.dts = number
            packet.is_keyframe = number == 0 or codec == "png"
            output.mux_one(packet)


def _write_large_png(path: Path, _place: Place) -> None:
    _write_packets(path, (16_000, 16_000), [_png(16_000, 16_000)] * 3, "png")


def _write_hidden_png(path: Path, _place: Place) -> None:
    """Say that pictures are small, but for the first they are not."""
    _write_packets(path, (64, 64), [_png(64, 64), *[_png(16_000, 16_000)] * 9], "png")


def _write_large_gif(path: Path, _place: Place) -> None:
    content = clip(path, encoding=Encoding(codec="gif", rate_hz=RATE_HZ, pixel_format="rgb8"))
    path.write_bytes(content[:6] + b"\xff\xff\xff\xff" + content[10:])


def _write_large_mp4(path: Path, _place: Place) -> None:
    content = clip(path, options=FASTSTART)
    content = put_in_box(content, b"tkhd", 76, struct.pack(">II", 65_535 << 16, 65_535 << 16))
    path.write_bytes(put_in_box(content, b"avc1", 24, b"\xff\xff\xff\xff"))


def _write_no_size(path: Path, _place: Place) -> None:
    content = put_in_box(clip(path, options=FASTSTART), b"tkhd", 76, bytes(8))
    path.write_bytes(put_in_box(content, b"avc1", 24, bytes(4)))


def _write_large_vp9(path: Path, _place: Place) -> None:
    content = clip(path, encoding=VP9)
    path.write_bytes(content[:12] + struct.pack("<HH", 8_192, 8_192) + content[16:])


def _counts() -> list[Crafted]:
    return [
        Crafted("1200-loud-frames-of-4k", "a.webm", _write_many_large, REFUSED, LIMIT),
        Crafted("one-frame", "a.mp4", partial(_write_few, 1), DOUBTED),
        Crafted("two-frames", "a.mp4", partial(_write_few, 2), ANY),
        Crafted("no-frames", "a.mp4", _write_none, REFUSED, NO_VIDEO),
        Crafted("300000-frames", "a.ivf", _write_many_small, REFUSED, LIMIT),
        Crafted("hundred-and-twenty-streams", "a.mkv", _write_many_streams, REFUSED, LIMIT),
        Crafted("years-long", "a.mkv", _write_long, REFUSED, LIMIT),
    ]


def _write_many_large(path: Path, _place: Place) -> None:
    """Repeat one packet that says "as before": some 50 kB for 1,200 frames of 3840x2160."""
    small = path.with_name("two.webm")
    grey = np.full((2_160, 3_840, 3), 90, np.uint8)
    options = {"cpu-used": "8", "deadline": "realtime", "crf": "63", "b": "0"}
    write_video(small, [grey] * 3, Encoding(codec="libvpx", rate_hz=24, options=options))
    with av.open(str(small)) as film:
        packets = [bytes(packet) for packet in film.demux(video=0) if packet.size]
    _write_packets(path, (3840, 2160), [packets[0], *packets[1:2] * 1_199], "libvpx")
    small.unlink()


def _write_few(count: int, path: Path, _place: Place) -> None:
    write_video(path, pictures(INSERT)[7 : 7 + count], X264)


def _write_none(path: Path, _place: Place) -> None:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg4", rate=RATE_HZ)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        output.start_encoding()


def _write_many_small(path: Path, _place: Place) -> None:
    content = clip(path, encoding=VP9)
    size = struct.unpack_from("<I", content, 32)[0]
    packet = content[44 : 44 + min(size, 16)]
    rows = b"".join(struct.pack("<IQ", len(packet), i) + packet for i in range(300_000))
    path.write_bytes(content[:32] + rows)


def _write_many_streams(path: Path, _place: Place) -> None:
    with av.open(str(path), "w") as output:
        streams = [output.add_stream("mpeg4", rate=RATE_HZ) for _ in range(120)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for stream in streams:
            for i in range(2):
                frame = av.VideoFrame(32, 32, "yuv420p")
                frame.pts, frame.time_base = i, Fraction(1, RATE_HZ)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))


def _write_long(path: Path, _place: Place) -> None:
    times = (*range(0, 1_000, 100), 10**9)
    write_video(path, pictures()[: len(times)], Encoding(timestamps_ms=times))


def _structures() -> list[Crafted]:
    """Boxes in boxes, sizes that lie, packed headers: what a parser may run away with."""
    bends: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
        "boxes-in-boxes": ("a.mp4", lambda c: _nested(b"moov") + c),
        "tracks-in-tracks": ("a.mp4", lambda _c: box(b"ftyp", b"isom\0\0\2\0") + _nested(b"trak")),
        "box-of-no-end": ("a.mp4", lambda c: c[:32] + box(b"free", b"", size=0) + c[32:]),
        "box-of-2-gb": ("a.mp4", lambda c: put_in_box(c, b"udta", -8, b"\x7f\xff\xff\xff")),
        "box-of-1-byte": ("a.mp4", lambda c: put_in_box(c, b"mdia", -8, b"\0\0\0\1")),
        "million-empty-boxes": ("a.mp4", lambda c: box(b"free") * 500_000 + c),
        "packed-header": ("a.mov", lambda _c: _packed_movie(200_000_000)),
        "elements-in-elements": ("a.mkv", _nested_elements),
        "elements-of-no-end": ("a.mkv", lambda c: c[:60] + b"\x1f\x43\xb6\x75\x01" + b"\xff" * 7),
        "elements-of-nothing": ("a.mkv", lambda c: c + ebml(b"\xec", b"") * 300_000),
        "chunks-in-chunks": ("a.avi", lambda c: _nested_lists() + c),
        "packets-of-nothing": ("a.ts", lambda c: c[:564] + c[376:564] * 20_000 + c[564:]),
        "flash-script-in-script": ("a.flv", lambda _c: _nested_script()),
    }
    kinds = NO_KIND
    return [
        Crafted(name, file_name, partial(_bend, bend), ANY, kinds)
        for name, (file_name, bend) in bends.items()
    ]


def _bend(bend: Callable[[bytes], bytes], path: Path, _place: Place) -> None:
    codec = {".avi": "mpeg4", ".flv": "flv"}.get(path.suffix, "libx264")
    options = FASTSTART if path.suffix == ".mp4" else {}
    path.write_bytes(
        bend(clip(path, INSERT, encoding=Encoding(codec=codec, rate_hz=RATE_HZ), options=options))
    )


def _nested(kind: bytes) -> bytes:
    sizes = range(8 * DEPTH, 0, -8)
    return b"".join(struct.pack(">I", size) + kind for size in sizes)


def _packed_movie(claimed_bytes: int) -> bytes:
    """Return a header (cmov) that says that it unpacks to as much, and nearly does."""
    packed = zlib.compress(bytes(claimed_bytes // 20), 9)
    header = box(b"dcom", b"zlib") + box(b"cmvd", struct.pack(">I", claimed_bytes) + packed)
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", box(b"cmov", header))


def _nested_elements(content: bytes) -> bytes:
    """Return a file whose tags (SimpleTag) lie in one another."""
    inner = b""
    for _ in range(2_000):
        inner = ebml(b"\x67\xc8", inner)
    return content + ebml(b"\x12\x54\xc3\x67", ebml(b"\x73\x73", inner))


def _nested_lists() -> bytes:
    sizes = range(12 * DEPTH, 0, -12)
    return b"RIFF\xff\xff\xff\x7fAVI " + b"".join(
        b"LIST" + struct.pack("<I", size) + b"hdrl" for size in sizes
    )


def _nested_script() -> bytes:
    body = b"\x02\x00\x0aonMetaData" + b"\x03\x00\x01a" * DEPTH
    tag = b"\x12" + len(body).to_bytes(3, "big") + bytes(7) + body
    return b"FLV\1\1\0\0\0\x09\0\0\0\0" + tag + struct.pack(">I", len(tag))
