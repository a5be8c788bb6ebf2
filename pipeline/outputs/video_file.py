"""video.bin: a probed video, so that nobody who scans a chunk of it need index the file again."""

from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from pipeline.arrays import require_array
from pipeline.outputs.packed import Columns, Count, Int64, Part, pack, refusing, unpack
from pipeline.probed import PacketIndex, Video
from pipeline.records import Reason, VideoFacts

KIND = "video 1"
NUMBERS = ("pts", "sizes_bytes", "positions")

_Int31 = Annotated[int, Field(ge=1, lt=2**31)]  # FFmpeg's fractions


class _Stream(Part):
    stream: Count
    time_base: tuple[_Int31, _Int31]
    origin_pts: Int64
    end_pts: Int64
    timeless: Count
    damaged: Count


class _Header(Part):
    facts: VideoFacts
    faults: tuple[Reason, ...]
    streams: Annotated[tuple[_Stream, ...], Field(min_length=1)]


def write(video: Video) -> bytes:
    """Return the bytes that *video* can be read back from, but for its path."""
    header = {
        "facts": asdict(video.facts),
        "faults": [asdict(fault) for fault in video.faults],
        "streams": [
            {
                "stream": index.stream,
                "time_base": (index.time_base.numerator, index.time_base.denominator),
                "origin_pts": index.origin_pts,
                "end_pts": index.end_pts,
                "timeless": index.timeless,
                "damaged": index.damaged,
            }
            for index in video.streams
        ],
    }
    columns: Columns = {}
    for number, index in enumerate(video.streams):
        columns |= {f"{number}.{name}": getattr(index, name) for name in NUMBERS}
        columns[f"{number}.is_key"] = index.is_key.astype(np.uint8)
    return pack(KIND, header, columns)


def read(content: bytes, *, path: Path) -> Video:
    """Return the video that was written, its file now being at *path*, which is not looked at.

    Raises:
        ReportError: if content is not what `write` returns, in whatever way; one line says why.
    """
    with refusing("a probed video"):
        text, columns = unpack(content, kind=KIND)
        header = _Header.model_validate_json(text)
        streams = tuple(
            _to_index(stream, number, columns) for number, stream in enumerate(header.streams)
        )
        if header.facts.duration_ms < max(index.end_ms for index in streams):
            raise ValueError("its streams are longer than it is")
        return Video(path, header.facts, streams, header.faults)


def _to_index(stream: _Stream, number: int, columns: Columns) -> PacketIndex:
    is_key = columns[f"{number}.is_key"]
    require_array("is_key", is_key, np.uint8, (None,))
    if not is_key[0]:
        raise ValueError("its first packet is no keyframe")
    return PacketIndex(
        stream=stream.stream,
        time_base=Fraction(*stream.time_base),
        origin_pts=stream.origin_pts,
        is_key=is_key != 0,
        end_pts=stream.end_pts,
        timeless=stream.timeless,
        damaged=stream.damaged,
        **{name: columns[f"{number}.{name}"] for name in NUMBERS},
    )
