"""chunk.bin: what was seen of one chunk, so that another worker can join and judge it.

The CPU seconds stand beside the file, not in it: two scans of one chunk give equal bytes.
"""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array
from pipeline.outputs.packed import Columns, Count, Int64, Part, pack, refusing, unpack
from pipeline.records import (
    BankFacts,
    ChunkScan,
    DamageKeys,
    FrameScores,
    Span,
    Thumbnails,
    Timings,
)

KIND = "chunk 1"
ARRAYS = ("timestamps_ms", "pts", "looks", "gates", "scores", "ood")


class _Bank(Part):
    sha256: str
    method: str
    threshold: float
    false_alarms: float


class _Header(Part):
    span: tuple[Int64, Int64]
    duration_ms: Int64
    labels: tuple[str, ...]
    streams: tuple[Count, ...]
    lost: tuple[tuple[Int64, Int64 | None], ...]
    marred: tuple[tuple[Int64, Int64], ...]
    misplaced: tuple[tuple[Int64, Int64], ...]
    bank: _Bank | None = None


def write(chunk: ChunkScan) -> bytes:
    """Return the bytes that *chunk* can be read back from, but for its timings."""
    damage = chunk.damage
    header: dict[str, Any] = {
        "span": (chunk.span.start_ms, chunk.span.end_ms),
        "duration_ms": chunk.duration_ms,
        "labels": chunk.frames[0].labels,
        "streams": [frames.stream for frames in chunk.frames],
        "lost": sorted(damage.lost, key=lambda key: (key[0], key[1] is not None, key[1])),
        "marred": sorted(damage.marred),
        "misplaced": sorted(damage.misplaced),
    }
    if bank := chunk.frames[0].bank:  # else left out: workers before there were banks read it too
        header["bank"] = asdict(bank)
    columns: Columns = {}
    for number, frames in enumerate(chunk.frames):
        of_stream = _to_columns(frames, chunk.thumbnails[number].jpegs)
        columns |= {f"{number}.{name}": array for name, array in of_stream.items()}
    return pack(KIND, header, columns)


def read(content: bytes, *, timings: Timings) -> ChunkScan:
    """Return the chunk that was written.

    Args:
        content: what `write` returned.
        timings: of the chunk, which the caller kept beside it.

    Raises:
        ReportError: if it is not what `write` returns, in whatever way; one line says why.
    """
    with refusing("a scanned chunk"):
        text, columns = unpack(content, kind=KIND)
        header = _Header.model_validate_json(text)
        streams = range(len(header.streams))
        return ChunkScan(
            Span(*header.span),
            frames=tuple(_to_frames(header, number, columns) for number in streams),
            thumbnails=tuple(_to_thumbnails(header, number, columns) for number in streams),
            damage=DamageKeys(
                frozenset(header.lost), frozenset(header.marred), frozenset(header.misplaced)
            ),
            timings=timings,
        )


def _to_columns(frames: FrameScores, jpegs: tuple[bytes, ...]) -> dict[str, NDArray[Any]]:
    spans = [(span.start_ms, span.end_ms) for span in frames.examined]
    return {name: getattr(frames, name) for name in ARRAYS} | {
        "examined": np.array(spans, np.int64).reshape(-1, 2),
        "cuts_ms": np.array(frames.cuts_ms, np.int64),
        "jpeg_bytes": np.array([len(jpeg) for jpeg in jpegs], np.int64),
        "jpegs": np.frombuffer(b"".join(jpegs), np.uint8),
    }


def _to_frames(header: _Header, number: int, columns: Columns) -> FrameScores:
    examined, cuts_ms = columns[f"{number}.examined"], columns[f"{number}.cuts_ms"]
    require_array("examined", examined, np.int64, (None, 2))
    require_array("cuts_ms", cuts_ms, np.int64, (None,))
    return FrameScores(
        labels=header.labels,
        stream=header.streams[number],
        duration_ms=header.duration_ms,
        examined=tuple(Span(start_ms, end_ms) for start_ms, end_ms in examined.tolist()),
        cuts_ms=tuple(cuts_ms.tolist()),
        bank=BankFacts(**header.bank.model_dump()) if header.bank else None,
        **{name: columns[f"{number}.{name}"] for name in ARRAYS},
    )


def _to_thumbnails(header: _Header, number: int, columns: Columns) -> Thumbnails:
    sizes, jpegs = columns[f"{number}.jpeg_bytes"], columns[f"{number}.jpegs"]
    require_array("jpeg_bytes", sizes, np.int64, (None,))
    require_array("jpegs", jpegs, np.uint8, (None,))
    if np.any((sizes < 0) | (sizes > len(jpegs))) or sum(sizes.tolist()) != len(jpegs):
        raise ValueError("its thumbnails are not as long as it says")
    ends = np.cumsum(sizes).tolist()
    whole = jpegs.tobytes()
    return Thumbnails(
        header.streams[number],
        columns[f"{number}.timestamps_ms"],
        tuple(whole[end - size : end] for end, size in zip(ends, sizes.tolist(), strict=True)),
    )
