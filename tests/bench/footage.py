"""What is measured: real clips of the shared folder, and encoded ones made once and kept.

Made of scikit-image's photographs with a sensor's noise. Moving ones are lengthened by writing the
packets of a short part again and again, with later timestamps, which costs no encoding.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from pipeline.media.encode import Encoding, write_video
from tests.films import PHOTOS, Pixels, even_ms, film, photo

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data" / "videos"
CACHE = ROOT / "build" / "bench"  # git ignores build/

RATE_HZ = 25
LENGTH_MS = 120_000
PARTS = 3  # of moving footage a third is encoded, and comes three times
FULL_HD = (1920, 1080)
NOISE_LEVELS = 2.0  # standard deviation, of 255: a daylight sensor
NOISES = 8  # pictures of noise, used in turn
SLIDE_MS = 8_000
SLIDE_PHOTOS = (*PHOTOS, "chelsea.png")
BALL_PX = 40  # side of what moves before the fixed camera
FAST = {"preset": "veryfast", "crf": "23"}
NO_CUTS = {**FAST, "sc_threshold": "0"}  # no keyframe at a cut


@dataclass(frozen=True, slots=True)
class Clip:
    """A video to measure.

    Attributes:
        name: what the table calls it.
        path: where it lies.
    """

    name: str
    path: Path


def real_clips() -> tuple[Clip, ...]:
    """Return the clips of the shared folder, none where it is absent."""
    return tuple(Clip(path.stem, path) for path in sorted(SHARED.glob("*.mp4")))


def encoded_clips() -> tuple[Clip, ...]:
    """Return the encoded clips, made now if they are not in the cache."""
    return tuple(Clip(name, _made_once(name, write)) for name, write in ENCODED.items())


def repeated(clip: Clip, times: int) -> Clip:
    """Return a clip whose packets are those of *clip*, over and over, made now if need be."""
    name = f"{clip.name} x {times}"
    return Clip(name, _made_once(name, partial(_repeat, clip.path, times)))


def _made_once(name: str, write: Callable[[Path], None]) -> Path:
    path = CACHE / f"{name.replace(' ', '-')}.mp4"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}")
        write(part)
        part.replace(path)
    return path


def _write(frames: Callable[[], Iterator[Pixels]], encoding: Encoding, path: Path) -> None:
    write_video(path, frames(), encoding, container="mp4")


def _write_moving(size: tuple[int, int], encoding: Encoding, path: Path) -> None:
    part = path.with_suffix(".part")
    _write(partial(_moving, size), encoding, part)
    _repeat(part, PARTS, path)
    part.unlink()


def _encoding(keyframe_interval_s: int, options: dict[str, str]) -> Encoding:
    interval = keyframe_interval_s * RATE_HZ
    return Encoding(rate_hz=RATE_HZ, keyframe_interval=interval, b_frames=3, options=options)


def _moving(size: tuple[int, int]) -> Iterator[Pixels]:
    """Yield photographs under a moving camera, a cut every 4.7 s."""
    return _noisy(film(even_ms(LENGTH_MS // PARTS, RATE_HZ), size=size))


def _quiet() -> Iterator[Pixels]:
    """Yield what a fixed camera sees: one photograph, and something small that moves."""
    return _noisy(_still_with_ball())


def _slides() -> Iterator[Pixels]:
    """Yield a photograph every SLIDE_MS, still and without noise."""
    slides = [cv2.resize(photo(name), FULL_HD).astype(np.uint8) for name in SLIDE_PHOTOS]
    for timestamp_ms in even_ms(LENGTH_MS, RATE_HZ):
        yield slides[timestamp_ms // SLIDE_MS % len(slides)]


def _still_with_ball() -> Iterator[Pixels]:
    scene = cv2.resize(photo(PHOTOS[0]), FULL_HD).astype(np.uint8)
    for timestamp_ms in even_ms(LENGTH_MS, RATE_HZ):
        pixels = scene.copy()
        left = round((FULL_HD[0] - BALL_PX) * abs(np.sin(timestamp_ms / 5_000)))
        pixels[FULL_HD[1] // 2 :, left:][:BALL_PX, :BALL_PX] = (200, 60, 40)
        yield pixels


def _noisy(frames: Iterator[Pixels]) -> Iterator[Pixels]:
    rng = np.random.default_rng(2)
    noises: list[tuple[Pixels, Pixels]] = []
    for number, pixels in enumerate(frames):
        if len(noises) < NOISES:
            levels = rng.normal(0, NOISE_LEVELS, pixels.shape).round().astype(np.int16)
            signs = (np.clip(levels, 0, 255), np.clip(-levels, 0, 255))
            noises.append((signs[0].astype(np.uint8), signs[1].astype(np.uint8)))
        more, less = noises[number % NOISES]
        yield cv2.subtract(cv2.add(pixels, more), less).astype(np.uint8, copy=False)


def _repeat(source: Path, times: int, path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as output:
        for number in range(times):
            with av.open(str(source)) as container:
                stream = container.streams.video[0]
                if number == 0:
                    written = output.add_stream_from_template(stream)
                length = stream.duration or 0
                _copy(output, container.demux(stream), written, number * length)


def _copy(
    output: OutputContainer,
    packets: "Iterator[Packet[VideoStream]]",
    stream: VideoStream,
    later_by: int,
) -> None:
    for packet in packets:
        if packet.pts is not None and packet.dts is not None:
            packet.stream = stream
            packet.pts, packet.dts = packet.pts + later_by, packet.dts + later_by
            output.mux(packet)


GOP_2, GOP_10 = "1080p GOP 2 s", "1080p GOP 10 s"
QUIET, SLIDES, MOVIE = "1080p fixed camera", "1080p slides", "480p film"
ENCODED: dict[str, Callable[[Path], None]] = {
    GOP_2: partial(_write_moving, FULL_HD, _encoding(2, NO_CUTS)),
    GOP_10: partial(_write_moving, FULL_HD, _encoding(10, NO_CUTS)),
    QUIET: partial(_write, _quiet, _encoding(10, FAST)),
    SLIDES: partial(_write, _slides, _encoding(10, FAST)),
    MOVIE: partial(_write_moving, (854, 480), _encoding(10, FAST)),
}
