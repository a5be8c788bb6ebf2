"""Damage to single packets of a video file, so that a test knows what is lost."""

from pathlib import Path

import av


def overwrite(path: Path, *packets: tuple[int, int], keep: float = 0.0) -> None:
    """Write zeros over packets, each a (stream, ordinal), but for the first *keep* of each."""
    content = path.read_bytes()
    for stream, ordinal in packets:
        good = _packets_of(path, stream)[ordinal]
        kept = round(keep * len(good))
        content = content.replace(good, good[:kept] + bytes(len(good) - kept), 1)
    path.write_bytes(content)


def repeat_time(path: Path, ordinal: int) -> None:
    """Give a packet of a Matroska file the time of the one before it, in the same cluster.

    A block's time lies just before its content: 2 bytes of time, 1 of flags.
    """
    before, packet = _packets_of(path, 0)[ordinal - 1 : ordinal + 1]
    content = bytearray(path.read_bytes())
    time, wrong = content.index(before) - 3, content.index(packet) - 3
    content[wrong : wrong + 2] = content[time : time + 2]
    path.write_bytes(content)


def _packets_of(path: Path, stream: int) -> list[bytes]:
    with av.open(str(path)) as video:
        read = video.demux(video.streams.video[stream])
        return [bytes(packet) for packet in read if packet.size]
