"""Packed files: a header in JSON and columns of numbers, for what one worker hands to another.

Reading one runs nothing, unpacks nothing and takes no more memory than the file is long, whoever
wrote it. Three lines: the kind of file with its version and the SHA-256 of all that follows; the
columns' names, dtypes and shapes; the header. Then the columns, little-endian, one after the other.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from pipeline.errors import ReportError
from pipeline.outputs.names import to_printable

MAX_REASON = 200  # characters of what is said of a file that is refused

Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Columns = dict[str, NDArray[Any]]


class Part(BaseModel):
    """An object of a header, held to what it says."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class _Column(Part):
    name: str
    dtype: Literal["<i8", "<f4", "|u1"]
    shape: Annotated[tuple[Count, ...], Field(min_length=1, max_length=2)]

    @property
    def length_bytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


_COLUMNS = TypeAdapter(tuple[_Column, ...])


def pack(kind: str, header: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the bytes of a packed file; equal in, equal out.

    Args:
        kind: what the file is, and the version of its make; one word each.
        header: what JSON can hold.
        columns: of int64, float32 or uint8, of one or two dimensions.
    """
    arrays = {
        name: np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        for name, array in columns.items()
    }
    shapes = [
        {"name": name, "dtype": array.dtype.str, "shape": array.shape}
        for name, array in arrays.items()
    ]
    texts = (json.dumps(part, allow_nan=False).encode() + b"\n" for part in (shapes, header))
    body = b"".join([*texts, *(array.tobytes() for array in arrays.values())])
    return _first_line(kind, body) + body


def unpack(content: bytes, *, kind: str) -> tuple[bytes, Columns]:
    """Return the header's JSON and the columns of a packed file of this *kind*.

    Raises:
        ValueError: if it is none, or is not as it was written.
    """
    line, _, body = content.partition(b"\n")
    if line + b"\n" != _first_line(kind, body):
        raise ValueError("is of another kind, cut short or damaged")
    shapes, _, rest = body.partition(b"\n")
    header, _, numbers = rest.partition(b"\n")
    described = _COLUMNS.validate_json(shapes)
    if sum(column.length_bytes for column in described) != len(numbers):
        raise ValueError("its columns are not as long as it says")
    return header, dict(_read_columns(described, numbers))


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Turn whatever is wrong with a file's content into a ReportError that it is not *what*."""
    try:
        yield
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:
        why = to_printable(str(error))[:MAX_REASON] or type(error).__name__
        raise ReportError(f"not {what}: {why}") from error


def _first_line(kind: str, body: bytes) -> bytes:
    return f"heatreel {kind} {hashlib.sha256(body).hexdigest()}\n".encode()


def _read_columns(
    described: tuple[_Column, ...], numbers: bytes
) -> Iterator[tuple[str, NDArray[Any]]]:
    start = 0
    for column in described:
        end = start + column.length_bytes
        array = np.frombuffer(numbers[start:end], dtype=column.dtype).reshape(column.shape)
        yield column.name, array.astype(array.dtype.newbyteorder("="), copy=False)
        start = end
