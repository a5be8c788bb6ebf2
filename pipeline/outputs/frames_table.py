"""frames.parquet: every score of every frame, so that any threshold can be replayed.

One row a sampled frame, by stream, then time: `timestamp_ms`, `pts`, `stream`, `look`
(first|confirm|edge), `gate` (ok|black|flat|blur|frozen|corrupt|letterbox|too_small|overlay|
too_close), `score_<label>` float32 ..., `ood` float32; NaN is "not scored".

A column is called `score_` and the label, each run of signs other than letters, digits and
underscores made one underscore; a name that is taken gets `_2`, `_3` ... The label as the model
says it stands in the column's metadata under `label`. What belongs to a whole stream (its
length, examined spans, cuts, bank) is JSON in the table's metadata under `heatreel`.
"""

import io
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.errors import ReportError
from pipeline.outputs.names import to_printable
from pipeline.records import BankFacts, FrameScores, Gate, Look, Span

FRAMES_NAME = "frames.parquet"
METADATA_KEY = b"heatreel"
LOOK_WORDS = tuple(look.name.lower() for look in Look)
GATE_WORDS = tuple(gate.name.lower() for gate in Gate)


def write(streams: Sequence[FrameScores]) -> bytes:
    """Return the bytes of frames.parquet for the *streams* of one video; equal in, equal out.

    Raises:
        ValueError: if the streams were not scored for the same labels.
    """
    labels = streams[0].labels if streams else ()
    if any(stream.labels != labels for stream in streams):
        raise ValueError("streams must all have the labels of the first")
    columns = _frame_columns(streams) | _score_columns(streams, labels)
    schema = _make_schema(labels, [_stream_object(stream) for stream in streams])
    buffer = io.BytesIO()
    table = pa.table(list(columns.values()), schema=schema)
    pq.write_table(table, buffer, compression="zstd", use_dictionary=["look", "gate"])
    return buffer.getvalue()


def read(path: Path) -> tuple[FrameScores, ...]:
    """Read a frames.parquet back: one FrameScores a stream, as they were written.

    Raises:
        ReportError: if there is none, or it is not one that Heatreel writes.
    """
    try:
        table = pq.read_table(pa.BufferReader(path.read_bytes()))
        labels = tuple(json.loads(field.metadata[b"label"]) for field in list(table.schema)[5:-1])
        streams = json.loads(table.schema.metadata[METADATA_KEY])
        return tuple(_to_stream(table, labels, stream) for stream in streams)
    except (OSError, pa.ArrowException, ValueError, LookupError, TypeError) as error:
        why = to_printable(str(error)) or type(error).__name__
        raise ReportError(f"{to_printable(str(path))}: not a table of frames: {why}") from error


def name_columns(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the column names of *labels*, distinct, in their order.

    >>> name_columns(["tabby, tabby cat", "crane", "crane", "=cmd()"])
    ('score_tabby_tabby_cat', 'score_crane', 'score_crane_2', 'score_cmd')
    """
    names: dict[str, None] = {}
    for label in labels:
        plain = f"score_{re.sub(r'[^a-zA-Z0-9]+', '_', label).strip('_') or 'label'}"
        name, nth = plain, 1
        while name in names:
            nth += 1
            name = f"{plain}_{nth}"
        names[name] = None
    return tuple(names)


def _frame_columns(streams: Sequence[FrameScores]) -> dict[str, Any]:
    indices = [np.full(len(one.timestamps_ms), one.stream, np.int32) for one in streams]
    return {
        "timestamp_ms": _join([one.timestamps_ms for one in streams], np.int64),
        "pts": _join([one.pts for one in streams], np.int64),
        "stream": _join(indices, np.int32),
        "look": _to_words([one.looks for one in streams], LOOK_WORDS),
        "gate": _to_words([one.gates for one in streams], GATE_WORDS),
    }


def _score_columns(streams: Sequence[FrameScores], labels: Sequence[str]) -> dict[str, Any]:
    columns = {
        name: _join([one.scores[:, i] for one in streams], np.float32)
        for i, name in enumerate(name_columns(labels))
    }
    return columns | {"ood": _join([one.ood for one in streams], np.float32)}


def _join(parts: Sequence[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate([np.empty(0, dtype), *parts])


def _to_words(parts: Sequence[NDArray[np.uint8]], words: Sequence[str]) -> Any:
    return pa.array([words[value] for value in _join(parts, np.uint8)], pa.string())


def _make_schema(labels: Sequence[str], streams: list[dict[str, Any]]) -> Any:
    scores = [
        pa.field(name, pa.float32(), metadata={"label": json.dumps(label)})
        for name, label in zip(name_columns(labels), labels, strict=True)
    ]
    frame = [("timestamp_ms", pa.int64()), ("pts", pa.int64()), ("stream", pa.int32())]
    words = [("look", pa.string()), ("gate", pa.string())]
    fields = [pa.field(*column) for column in (*frame, *words)]
    metadata = {METADATA_KEY: json.dumps(streams)}
    return pa.schema([*fields, *scores, pa.field("ood", pa.float32())], metadata=metadata)


def _stream_object(one: FrameScores) -> dict[str, Any]:
    return {
        "stream": one.stream,
        "duration_ms": one.duration_ms,
        "examined": [(span.start_ms, span.end_ms) for span in one.examined],
        "cuts_ms": one.cuts_ms,
        "bank": asdict(one.bank) if one.bank else None,
    }


def _to_stream(table: Any, labels: tuple[str, ...], stream: dict[str, Any]) -> FrameScores:
    """Return the rows of one stream as they were before they were written."""
    rows = table.filter(pa.compute.equal(table["stream"], stream["stream"]))
    scores = [rows[name].to_numpy() for name in name_columns(labels)]
    return FrameScores(
        labels=labels,
        stream=stream["stream"],
        duration_ms=stream["duration_ms"],
        timestamps_ms=rows["timestamp_ms"].to_numpy(),
        pts=rows["pts"].to_numpy(),
        looks=_to_values(rows["look"], LOOK_WORDS),
        gates=_to_values(rows["gate"], GATE_WORDS),
        scores=np.column_stack([np.empty((len(rows), 0), np.float32), *scores]),
        ood=rows["ood"].to_numpy(),
        examined=tuple(Span(*span) for span in stream["examined"]),
        cuts_ms=tuple(stream["cuts_ms"]),
        bank=BankFacts(**stream["bank"]) if stream.get("bank") else None,
    )


def _to_values(column: Any, words: Sequence[str]) -> NDArray[np.uint8]:
    return np.array([words.index(word) for word in column.to_pylist()], np.uint8)
