"""Videos with more in them than one picture: streams, covers, turns, sizes, codecs, titles."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.stream import Disposition

from pipeline.media.encode import Encoding, write_streams, write_video
from tests.films import film, uneven_ms
from tests.hostile.forge import (
    ANY,
    DOUBTED,
    INSERT,
    LIMIT,
    MPEG4,
    NO_VIDEO,
    RATE_HZ,
    REFUSED,
    SEEN,
    SIZE_PX,
    SOUND,
    VP9,
    X264,
    Crafted,
    Place,
    clip,
    pictures,
)

LATE_FROM_BYTES = 6_000_000  # FFmpeg looks for streams in the first 5 MB
SECOND_PID = {"mpegts_start_pid": "0x200", "mpegts_pmt_start_pid": "0x1100"}
ODD_CODECS = {
    "ffv1": ("mkv", "yuv420p"), "huffyuv": ("avi", "yuv422p"), "utvideo": ("avi", "yuv420p"),
    "magicyuv": ("avi", "yuv420p"), "rawvideo": ("avi", "yuv420p"), "png": ("mov", "rgb24"),
    "qtrle": ("mov", "rgb24"), "svq1": ("mov", "yuv410p"),
    "mjpeg": ("avi", "yuvj420p"), "prores": ("mov", "yuv422p10le"), "snow": ("avi", "yuv420p"),
    "msmpeg4v3": ("avi", "yuv420p"), "wmv2": ("asf", "yuv420p"), "zlib": ("avi", "bgr24"),
    "rv20": ("rm", "yuv420p"), "asv1": ("avi", "yuv420p"), "libx265": ("mp4", "yuv420p10le"),
    "libsvtav1": ("webm", "yuv420p"), "mpeg1video": ("mpg", "yuv420p"),
}  # fmt: skip
TITLES = {
    "escapes": "\x1b[2J\x1b]0;owned\x07\x1b[31m\r\n\t\0\x7f\x85",
    "formats": "%n%n%s%s%p {0.__class__} ${jndi:ldap://127.0.0.1} $(id) `id`",
    "paths": "../../../../etc/passwd C:\\..\\..\\boot.ini file:///etc/passwd",
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>' OR 1=1 --",
    "wrong-way-round": "\u202e\u2066abc\ufeff\ud7ff\uffff",
    "megabytes": "x" * 4_000_000,
}


def stream_cases() -> list[Crafted]:
    """Return the cases."""
    return [*_many_streams(), *_no_video(), *_odd_pictures(), *_odd_codecs(), *_titles()]


def _many_streams() -> list[Crafted]:
    """The insert is in a stream that is not the first, nor the best."""
    return [
        Crafted("second-stream", "a.mkv", partial(_write_rows, 2, 0), DOUBTED, SEEN),
        Crafted("second-stream-of-mp4", "a.mp4", partial(_write_rows, 2, 0), DOUBTED, SEEN),
        Crafted("second-stream-of-ts", "a.ts", partial(_write_rows, 2, 0), DOUBTED, SEEN),
        Crafted("twelfth-stream", "a.mkv", partial(_write_rows, 12, 0), DOUBTED, SEEN),
        Crafted("second-stream-later", "a.mkv", partial(_write_rows, 2, 9_000), DOUBTED, SEEN),
        Crafted("sixty-streams", "a.mkv", partial(_write_rows, 60, 0), REFUSED, LIMIT),
        Crafted("stream-that-begins-late", "a.ts", write_late_stream, DOUBTED),
        Crafted("stream-of-an-unknown-codec", "a.mkv", _write_unknown_codec, DOUBTED),
        Crafted("cover-with-the-insert", "a.mkv", _write_cover, DOUBTED),
        Crafted("text-beside-the-video", "a.mkv", _write_attachment, SOUND),
    ]


def _write_rows(count: int, start_ms: int, path: Path, _place: Place) -> None:
    later = replace(MPEG4, start_ms=start_ms)
    rows = [(pictures(), MPEG4)] * (count - 1) + [(pictures(INSERT), later)]
    write_streams(path, rows)


def write_late_stream(path: Path, _place: Place | None = None) -> None:
    """Write a video of which a second stream, with the insert, begins behind 6 MB."""
    first = clip(path)
    second = clip(path, INSERT, options=SECOND_PID)
    path.write_bytes(first * (LATE_FROM_BYTES // len(first)) + second)


def _write_unknown_codec(path: Path, _place: Place) -> None:
    write_streams(path, [(pictures(), X264), (pictures(INSERT), VP9)])
    path.write_bytes(path.read_bytes().replace(b"V_VP9", b"V_XYZ"))


def _write_cover(path: Path, _place: Place) -> None:
    cover = path.with_name("cover.mp4")
    clip(path, encoding=MPEG4)
    write_video(cover, pictures(INSERT)[8:9], Encoding(codec="mjpeg", pixel_format="yuvj420p"))
    film_bytes = path.with_name("film.mkv")
    path.rename(film_bytes)
    with (
        av.open(str(film_bytes)) as moving,
        av.open(str(cover)) as still,
        av.open(str(path), "w") as output,
    ):
        rows = [
            (source, output.add_stream_from_template(source.streams.video[0]))
            for source in (moving, still)
        ]
        rows[1][1].disposition = Disposition.attached_pic
        for source, stream in rows:
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    output.mux_one(packet)
    film_bytes.unlink()
    cover.unlink()


def _write_attachment(path: Path, _place: Place) -> None:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg4", rate=RATE_HZ)
        stream.width, stream.height, stream.pix_fmt = *SIZE_PX, "yuv420p"
        output.add_attachment("../../evil.html", "text/html", b"<script>1</script>" * 999)
        for i, pixels in enumerate(pictures()):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, RATE_HZ)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def _no_video() -> list[Crafted]:
    ways = {"sound-alone": ("a.mp4", "aac"), "sound-as-matroska": ("a.mkv", "flac"),
            "sound-as-wav": ("a.wav", "pcm_s16le"), "sound-as-ogg": ("a.ogg", "flac")}  # fmt: skip
    cases = [
        Crafted(name, file_name, partial(_write_sound, codec), REFUSED, NO_VIDEO)
        for name, (file_name, codec) in ways.items()
    ]
    only = Crafted("attachment-alone", "a.mkv", _write_only_attachment, REFUSED, NO_VIDEO)
    return [*cases, only]


def _write_sound(codec: str, path: Path, _place: Place) -> None:
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=8_000, layout="mono")
        if not isinstance(stream, AudioStream):
            raise TypeError(f"codec must be one of sound, got {codec}")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8_000), np.int16), layout="mono")
        silence.sample_rate, silence.pts = 8_000, 0
        output.mux(stream.encode(silence))
        output.mux(stream.encode(None))


def _write_only_attachment(path: Path, _place: Place) -> None:
    with av.open(str(path), "w") as output:
        output.add_attachment("a.mp4", "video/mp4", clip(path.with_name("b.mp4"), INSERT))
        output.add_stream("flac", rate=8_000, layout="mono")
        output.start_encoding()
    path.with_name("b.mp4").unlink()


def _odd_pictures() -> list[Crafted]:
    turns = [
        Crafted(f"turned-by-{degrees}", "a.mp4", partial(_write_turned, degrees), DOUBTED, SEEN)
        for degrees in (90, 180, 270)
    ]
    return [
        *turns,
        Crafted("unevenly-spaced", "a.mkv", _write_uneven, DOUBTED, SEEN),
        Crafted("larger-from-the-middle", "a.ts", partial(_grow, (320, 192)), DOUBTED),
        Crafted("smaller-from-the-middle", "a.h264", partial(_grow, (48, 32)), DOUBTED, SEEN),
        Crafted("wider-from-the-middle", "a.h264", partial(_grow, (640, 32)), DOUBTED),
        Crafted("huge-from-the-middle", "a.h264", partial(_grow, (4_096, 2_304)), DOUBTED),
        Crafted("another-codec-from-the-middle", "a.ts", _change_codec, DOUBTED),
    ]


def _write_turned(degrees: int, path: Path, _place: Place) -> None:
    clip(path, INSERT, encoding=replace(X264, rotation_deg=degrees))


def _write_uneven(path: Path, _place: Place) -> None:
    times = uneven_ms(2_000, seed=3)
    encoding = Encoding(timestamps_ms=times, options={"preset": "ultrafast"})
    write_video(path, film(times, INSERT, size=SIZE_PX), encoding)


def _grow(size: tuple[int, int], path: Path, _place: Place) -> None:
    first = clip(path)
    few = 12 if max(size) < 1_000 else 7  # frames, of which two are of the insert
    write_video(path, pictures(INSERT, size=size)[:few], X264)
    path.write_bytes(first + path.read_bytes())


def _change_codec(path: Path, _place: Place) -> None:
    later = Encoding(codec="mpeg2video", rate_hz=25)
    path.write_bytes(clip(path) + clip(path, INSERT, encoding=later))


def _odd_codecs() -> list[Crafted]:
    """Sound videos of rare kinds: their insert is found, or nobody says that all was seen."""
    return [
        Crafted(f"codec-{codec}", f"a.{form}", partial(_write_odd, codec, pixels), DOUBTED)
        for codec, (form, pixels) in ODD_CODECS.items()
    ]


def _write_odd(codec: str, pixel_format: str, path: Path, _place: Place) -> None:
    quiet: Mapping[str, str] = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    rate_hz = 25 if codec == "mpeg1video" else RATE_HZ
    more = {"strict": "-2"} if codec == "snow" else {}
    options = {**quiet, **more, **({"preset": "12"} if codec == "libsvtav1" else {})}
    encoding = Encoding(codec=codec, pixel_format=pixel_format, rate_hz=rate_hz, options=options)
    clip(path, INSERT, encoding=encoding)


def _titles() -> list[Crafted]:
    makers: list[tuple[str, str, Callable[[Path, Place], None]]] = [
        (f"title-of-{name}-in-{form}", f"a.{form}", partial(_write_title, title))
        for name, title in TITLES.items()
        for form in ("mp4", "mkv")
    ]
    makers.append(("five-thousand-tags", "a.mkv", _write_tags))
    return [Crafted(name, file_name, make, ANY) for name, file_name, make in makers]


def _write_title(title: str, path: Path, _place: Place) -> None:
    _write_with(path, {"title": title, "artist": title, "comment": title})


def _write_tags(path: Path, _place: Place) -> None:
    _write_with(path, {f"tag{i}": f"Stream #0:{i}: Video" for i in range(5_000)})


def _write_with(path: Path, metadata: dict[str, str]) -> None:
    with av.open(str(path), "w") as output:
        output.metadata.update({k: v.replace("\0", "") for k, v in metadata.items()})
        stream = output.add_stream("mpeg4", rate=RATE_HZ)
        stream.width, stream.height, stream.pix_fmt = *SIZE_PX, "yuv420p"
        for i, pixels in enumerate(pictures()):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, RATE_HZ)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
