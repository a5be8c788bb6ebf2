"""Videos that are not what they say: cut short, with times that lie, with frames that are hidden.

In each a known colour is planted where a player that believes the container does not see it, or
where it has been cut off: none may pass as if all of it had been seen.
"""

import struct
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import av

from pipeline.media.encode import Encoding
from pipeline.records import Outcome
from tests.films import Incident
from tests.hostile.forge import (
    ANY,
    DOUBTED,
    FASTSTART,
    FLV,
    INSERT,
    LENGTH_MS,
    MPEG2,
    MPEG4,
    RATE_HZ,
    REFUSED,
    SEEN,
    VP8,
    VP9,
    X264,
    Crafted,
    Place,
    clip,
    put,
    put_in_box,
)

FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}
END = Incident(1_500, 2_000)  # what is cut off
LATE = Incident(1_200, 1_900)
DECLARED = {  # containers that say how much there is to be
    "mp4": (X264, FASTSTART),
    "mov": (MPEG4, FASTSTART),
    "mkv": (X264, {}),
    "webm": (VP9, {}),
    "avi": (MPEG4, {}),
    "flv": (FLV, {}),
    "nut": (MPEG4, {}),
    "ivf": (VP9, {}),
}
# Containers that do not: what is left of them is a whole video, of which nothing is hidden.
UNDECLARED: tuple[tuple[str, Encoding, Mapping[str, str]], ...] = (
    ("ts", X264, {}),
    ("mpg", MPEG2, {}),
    ("mp4", X264, FRAGMENTS),
    ("ogv", VP8, {}),
    ("h264", X264, {}),
)
PLACES = {"at-its-head": 0.03, "at-a-third": 0.33, "before-its-end": 0.8}

# What is written over which box of MP4, so many bytes behind its name.
TABLES = {
    "edit-list-of-millions": (b"elst", 4, b"\x0f\xff\xff\xff"),
    "huge-step": (b"stts", 12, b"\x7f\xff\xff\xf0"),
    "large-step": (b"stts", 12, b"\x00\x0f\xff\xf0"),
    "negative-step": (b"stts", 12, b"\xff\xff\xff\xf0"),
    "no-step": (b"stts", 12, bytes(4)),
    "few-steps": (b"stts", 8, b"\0\0\0\5"),
    "no-clock": (b"mdhd", 12, bytes(4)),
    "fast-clock": (b"mdhd", 12, b"\x7f\xff\xff\xff"),
    "slow-clock": (b"mdhd", 12, b"\0\0\0\1"),
    "says-a-long-duration": (b"mdhd", 16, b"\0\x7f\xff\xff"),
    "more-samples-than-there-are": (b"stsz", 8, b"\0\0\1\0"),
    "billions-of-samples": (b"stsz", 8, b"\xff\xff\xff\xff"),
    "fewer-samples-than-there-are": (b"stsz", 8, b"\0\0\0\5"),
    "samples-of-no-size": (b"stsz", 32, bytes(40)),
    "samples-beyond-the-file": (b"stco", 8, b"\x7f\xff\xff\xff"),
    "no-keyframes": (b"stss", 4, bytes(4)),
    "keyframes-that-are-none": (b"stss", 8, struct.pack(">II", 3, 7)),
    "data-is-elsewhere": (b"url ", 0, bytes(4)),
}

Bend = Callable[[bytes], bytes]


def broken_cases() -> list[Crafted]:
    """Return the cases."""
    return [*_truncations(), *_mp4_tables(), *_matroska_times(), *_joined()]


def _truncations() -> list[Crafted]:
    cases = [
        Crafted(
            f"{form}-cut-{where}", f"a.{form}", partial(_cut, encoding, options, share), DOUBTED
        )
        for form, (encoding, options) in DECLARED.items()
        for where, share in PLACES.items()
    ]
    for form, encoding, options in UNDECLARED:
        name = f"{form}-{'fragments-' if options else ''}cut"
        cases += [
            Crafted(f"{name}-{where}", f"a.{form}", partial(_cut, encoding, options, share), ANY)
            for where, share in PLACES.items()
        ]
    index_last = partial(_cut, X264, {}, 0.9)
    cases.append(Crafted("mp4-without-its-index", "a.mp4", index_last, REFUSED))
    return cases


def _cut(
    encoding: Encoding, options: Mapping[str, str], share: float, path: Path, _place: Place
) -> None:
    content = clip(path, END, encoding=encoding, options=options)
    path.write_bytes(content[: round(share * len(content))])


def _mp4_tables() -> list[Crafted]:
    """Edit lists and sample tables of MP4 that hide what is there, or declare what is not."""
    short = struct.pack(">IIiI", 1, 500, 0, 1 << 16)  # the first half second, and no more
    late = struct.pack(">IIiI", 1, 500, 15 * 1024, 1 << 16)
    nothing = struct.pack(">IIiI", 1, 60_000, -1, 1 << 16)
    still = struct.pack(">IIiI", 1, 2_000, 0, 0)
    cases = [
        Crafted(name, "a.mp4", partial(_bend, _putting(*change)), DOUBTED, SEEN)
        for name, change in (
            ("edit-list-ends-early", (b"elst", 4, short)),
            ("edit-list-begins-late", (b"elst", 4, late)),
            ("edit-list-shows-nothing", (b"elst", 4, nothing)),
            ("edit-list-stands-still", (b"elst", 4, still)),
            ("track-is-off", (b"tkhd", 3, b"\0")),
        )
    ]
    cases += [
        Crafted(name, "a.mp4", partial(_bend, _putting(*change)), DOUBTED)
        for name, change in TABLES.items()
    ]
    bends: dict[str, Bend] = {
        "says-no-duration": _without_duration,
        "track-is-sound": lambda content: content.replace(b"vide", b"soun"),
        "track-is-text": lambda content: content.replace(b"vide", b"text"),
        "second-description": _second_description,
    }
    return cases + [
        Crafted(name, "a.mp4", partial(_bend, bend), DOUBTED) for name, bend in bends.items()
    ]


def _putting(kind: bytes, offset: int, new: bytes) -> Bend:
    return lambda content: put_in_box(content, kind, offset, new)


def _bend(bend: Bend, path: Path, _place: Place) -> None:
    path.write_bytes(bend(clip(path, LATE, options=FASTSTART)))


def _without_duration(content: bytes) -> bytes:
    for kind, offset in ((b"mvhd", 16), (b"mdhd", 16), (b"tkhd", 20), (b"elst", 8)):
        content = put_in_box(content, kind, offset, bytes(4))
    return content


def _second_description(content: bytes) -> bytes:
    """Say of all but the first samples that another codec, of which nothing is known, made them."""
    at = content.index(b"stsc")
    return put(content, at + 8 + 8 + 4 - 4, b"\0\0\0\2")


def _matroska_times() -> list[Crafted]:
    """Packets of Matroska with times that go back, stand still, or are missing."""
    last = LENGTH_MS - 1_000 // RATE_HZ
    times: dict[str, tuple[Callable[[int], int], frozenset[Outcome]]] = {
        "backwards": (lambda t: last - t, DOUBTED),
        "all-at-once": (lambda _t: 0, DOUBTED),
        "in-pairs": (lambda t: t // 200 * 200, DOUBTED),
        "before-the-beginning": (lambda t: t - 1_000, DOUBTED),
        "a-jump": (lambda t: t + 3_600_000 * (t > 500), DOUBTED),
        "a-great-jump": (lambda t: t + 10**11 * (t > 500), DOUBTED),
        "insert-in-no-time": (lambda t: 1_200 + (t - 1_200) // 700 if t >= 1_200 else t, DOUBTED),
        "insert-before-all": (lambda t: t - 5_000 if t >= 1_200 else t, DOUBTED),
    }
    cases = [
        Crafted(f"times-{name}-in-{form}", f"a.{form}", partial(_retime, change), allowed)
        for name, (change, allowed) in times.items()
        for form in ("mkv",)
    ]
    without = Crafted("mkv-without-a-length", "a.mkv", _write_live, DOUBTED)
    return [*cases, without]


def _retime(change: Callable[[int], int], path: Path, _place: Place) -> None:
    """Write a film's packets with other times than they had."""
    source = path.with_name(f"source-of-{path.name}")
    clip(source, LATE, encoding=MPEG4)
    options = {"avoid_negative_ts": "disabled"}
    with (
        av.open(str(source)) as film,
        av.open(str(path), "w", container_options=options) as output,
    ):
        stream = output.add_stream_from_template(film.streams.video[0])
        for number, packet in enumerate(film.demux(video=0)):
            if packet.dts is None or packet.time_base is None:
                continue
            shown_ms = round(packet.dts * packet.time_base * 1000)
            packet.stream = stream
            packet.pts = round(change(shown_ms) / 1000 / packet.time_base)
            packet.dts = number - 10_000_000  # in order, as muxers want it; Matroska has none
            try:
                output.mux_one(packet)
            except (av.error.FFmpegError, OverflowError):
                continue  # what the muxer will not write, no file of its kind holds
    source.unlink()


def _write_live(path: Path, _place: Place) -> None:
    content = clip(path, END, options={"live": "1"})
    path.write_bytes(content[: round(0.7 * len(content))])


def _joined() -> list[Crafted]:
    """One file behind another, the second with the insert: what no player shows must not pass."""
    ways = {
        "mp4": X264, "mkv": X264, "webm": VP9, "avi": MPEG4, "ts": X264, "flv": FLV,
        "h264": X264, "nut": MPEG4, "ivf": VP9,
        "ogv": VP8,
        "mpg": MPEG2,
        "gif": Encoding(codec="gif", rate_hz=RATE_HZ, pixel_format="rgb8"),
    }  # fmt: skip
    unread = {"mp4", "flv"}  # whose readers stop where a player's do: at the end of the first
    return [
        Crafted(
            f"two-{form}-in-a-row",
            f"a.{form}",
            partial(_join, encoding),
            ANY if form in unread else DOUBTED,
        )
        for form, encoding in ways.items()
    ]


def _join(encoding: Encoding, path: Path, _place: Place) -> None:
    path.write_bytes(clip(path, encoding=encoding) + clip(path, INSERT, encoding=encoding))
