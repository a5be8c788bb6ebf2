"""Reading far into a file without reading all that lies before: by a seek that is not trusted.

Packets are told apart by counting them from the file's start, and a seek lands wherever the file
or FFmpeg's reading of it says. So what comes after one is believed only while the index bears it
out, packet by packet: time, size and place in the file, from the first packet after the seek on.
Bytes at one place are the same bytes, whichever way led there: no file can show one thing to
whoever seeks and another to whoever reads on. Where the index says otherwise, the file is opened
again and counted from its start.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import chain, islice

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from pipeline.media.packets import place_of, read_packets, time_of
from pipeline.probed import PacketIndex

SEEK_FROM = 2_000  # packets: to read fewer costs less than what a seek may
WITNESSES = 8  # packets in a row that must be in the index as they are
TRIES = 3  # a seek may land behind where it should: the next goes further back ...
STEP_BACK = 4  # ... by so many keyframes

Opening = Callable[[], AbstractContextManager[InputContainer]]


def packets_from_start(
    container: InputContainer, stream: VideoStream
) -> "Iterator[tuple[int, Packet[VideoStream]]]":
    """Yield the packets of a stream, each with its number, by counting."""
    return enumerate(packet for packet in read_packets(container, stream) if packet.size)


def packets_from(
    container: InputContainer,
    index: PacketIndex,
    first: int,
    *,
    reopen: Opening,
) -> "Iterator[tuple[int, Packet[VideoStream]]]":
    """Yield the packets of a stream from packet *first* at the latest, each with its number.

    Args:
        container: the file; nothing has been read from it.
        index: of the stream.
        first: the first packet that is needed.
        reopen: opens the file once more, so that a seek can be taken back.
    """
    at = 0
    if first >= SEEK_FROM:
        for ordinal, packet in _sought(container, index, first):
            yield ordinal, packet
            at = ordinal + 1
        if at == len(index.pts):
            return
        with reopen() as again:
            stream = again.streams.video[index.stream]
            yield from islice(packets_from_start(again, stream), at, None)
    else:
        yield from packets_from_start(container, container.streams.video[index.stream])


def _sought(
    container: InputContainer, index: PacketIndex, first: int
) -> "Iterator[tuple[int, Packet[VideoStream]]]":
    """Yield packets after a seek for as long as the index bears them out; maybe none."""
    try:
        for target in _targets(index, first):
            packets = _seek(container, index, target)
            head = list(islice(packets, WITNESSES))
            at = _place_of(head, index)
            if at is not None and at <= first:
                break
        else:
            return
        for ordinal, packet in enumerate(chain(head, packets), at):
            if not _is_at(packet, index, ordinal):
                return
            yield ordinal, packet
    except av.error.FFmpegError:
        return


def _targets(index: PacketIndex, first: int) -> list[int]:
    """Return the keyframes to seek, one after the other."""
    keys = np.flatnonzero(index.is_key[: first + 1])[::-1]
    return [int(key) for key in keys[::STEP_BACK][:TRIES]]


def _seek(
    container: InputContainer, index: PacketIndex, target: int
) -> "Iterator[Packet[VideoStream]]":
    stream = container.streams.video[index.stream]
    container.seek(int(index.pts[target]), stream=stream)
    return (packet for packet in read_packets(container, stream) if packet.size)


def _place_of(head: "list[Packet[VideoStream]]", index: PacketIndex) -> int | None:
    """Return the one place in the index where these packets stand; None where it is not one."""
    if len(head) < WITNESSES:
        return None
    places = [
        at
        for at in np.flatnonzero(index.positions == place_of(head[0])).tolist()
        if all(_is_at(packet, index, at + i) for i, packet in enumerate(head))
    ]
    return places[0] if len(places) == 1 else None


def _is_at(packet: "Packet[VideoStream]", index: PacketIndex, ordinal: int) -> bool:
    """Say whether this is that packet, and comes as it does to whoever counts."""
    return (
        ordinal < len(index.pts)
        and 0 <= place_of(packet) == int(index.positions[ordinal])
        and packet.size == int(index.sizes_bytes[ordinal])
        and time_of(packet) == int(index.pts[ordinal])
    )
