"""Videos made to be passed over: the insert lies where a sampler that saves work does not look.

Each is a valid video that any player shows in full.
"""

from functools import partial
from pathlib import Path

import av

from pipeline.media.encode import Encoding, write_video
from tests.films import Incident, even_ms, film
from tests.hostile.forge import DOUBTED, SEEN, SIZE_PX, Crafted, Place

RATE_HZ = 20
LENGTH_MS = 4_000
BETWEEN = Incident(800, 1_450)  # two frames that others refer to
PADDING_BYTES = 2_000_000
FILLER = b"\x0c" + b"\xff" * PADDING_BYTES + b"\x80"  # a unit of H.264 that decoders pass over


def hidden_cases() -> list[Crafted]:
    """Return the cases."""
    ways = {"short": 3, "long": 14}
    unneeded = [
        Crafted(
            f"{name}-rows-of-unneeded-frames", "a.mp4", partial(_write_unneeded, row), DOUBTED, SEEN
        )
        for name, row in ways.items()
    ]
    return [
        *unneeded,
        Crafted("behind-a-padded-keyframe", "a.mp4", write_padded, DOUBTED, SEEN),
        Crafted("in-the-last-frames", "a.mp4", partial(_write_at, 3_500), DOUBTED, SEEN),
        Crafted("in-the-first-frames", "a.mp4", partial(_write_at, 0), DOUBTED, SEEN),
        Crafted("one-frame-shown-for-long", "a.mp4", _write_held, DOUBTED),
    ]


def _write_held(path: Path, _place: Place) -> None:
    """Write a video of even frames, but for one: it shows the insert, for ten seconds."""
    before = tuple(range(0, 1_000, 100))
    times = (*before, 1_000, *(11_000 + time_ms for time_ms in before))
    encoding = Encoding(timestamps_ms=times, options={"preset": "ultrafast"})
    write_video(path, film(times, Incident(1_000, 11_000), size=SIZE_PX), encoding)


def write_unneeded(path: Path, row: int) -> None:
    """Write a video whose insert lies in frames, so many in a row, that no other refers to."""
    parameters = f"bframes={row}:b-adapt=0:b-pyramid=none:scenecut=0:keyint=64:min-keyint=64"
    encoding = Encoding(
        rate_hz=RATE_HZ,
        keyframe_interval=64,
        b_frames=row,
        options={"preset": "ultrafast", "x264-params": parameters},
    )
    write_video(path, film(even_ms(LENGTH_MS, RATE_HZ), BETWEEN, size=SIZE_PX), encoding)


def write_padded(path: Path, _place: Place | None = None) -> None:
    """Write a video of one keyframe, padded so that what follows is next to nothing beside it."""
    source = path.with_name(f"source-of-{path.name}")
    insert = Incident(1_500, 2_500)
    encoding = Encoding(
        rate_hz=10, keyframe_interval=1_000, options={"preset": "ultrafast", "sc_threshold": "0"}
    )
    pixels = film(even_ms(LENGTH_MS, 10), insert, size=SIZE_PX, is_still=True)
    write_video(source, pixels, encoding)
    with av.open(str(source)) as plain, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(plain.streams.video[0])
        for packet in plain.demux(video=0):
            if packet.dts is None:
                continue
            unit = len(FILLER).to_bytes(4, "big") + FILLER if packet.is_keyframe else b""
            padded = av.Packet(bytes(packet) + unit)
            padded.stream, padded.time_base = stream, packet.time_base
            padded.pts, padded.dts, padded.is_keyframe = packet.pts, packet.dts, packet.is_keyframe
            output.mux_one(padded)
    source.unlink()


def _write_unneeded(row: int, path: Path, _place: Place) -> None:
    write_unneeded(path, row)


def _write_at(start_ms: int, path: Path, _place: Place) -> None:
    insert = Incident(start_ms, start_ms + 500)
    encoding = Encoding(rate_hz=RATE_HZ, options={"preset": "ultrafast"})
    write_video(path, film(even_ms(LENGTH_MS, RATE_HZ), insert, size=SIZE_PX), encoding)
