"""How a worker and its decoder talk: requests go down as pickles, answers come up as numbers.

The decoder is a child process that reads what strangers handed in, so it counts as one of them:
nothing that it says is unpickled, and nothing is believed before it was checked. An answer is a
small JSON header behind its length, then the bytes of the arrays that the header speaks of. A
request comes from a worker, which the child trusts.
"""

import json
import math
import pickle
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from socket import recv_fds, send_fds, socket
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.media.decode import CpuBudget
from pipeline.media.plan import Plan
from pipeline.probed import PacketIndex, Video
from pipeline.records import Geometry, Limits, Look, Policy

REQUEST_PREFIX = struct.Struct(">II")  # number of the request, bytes that follow: 0 = stop it
ANSWER_PREFIX = struct.Struct(">I")  # bytes of the header
MAX_INT64 = 2**63 - 1
MAX_HEADER_BYTES = 1 << 20  # that of a video with as many streams as can be has some 200 kB
MAX_TEXT = 1_000  # characters of one line for people


class MisfitError(ValueError):
    """An answer is not what was asked for; it never leaves the worker's side of the line."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many CPU seconds one video may take, and how many it has taken."""

    max_cpu_s: float
    spent_s: float

    @classmethod
    def of(cls, budget: CpuBudget) -> "Allowance":
        """Return what *budget* stands at."""
        return cls(budget.max_cpu_s, budget.clock_s() - budget.began_s)


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """Asks for the facts and the packets of a file; its path is but its name."""

    path: Path
    limits: Limits
    allowance: Allowance


@dataclass(frozen=True, slots=True)
class StillRequest:
    """Asks for the frame that a picture file shows; its path is but its name."""

    path: Path
    geometry: Geometry
    limits: Limits
    allowance: Allowance


@dataclass(frozen=True, slots=True)
class Wanted:
    """The frames that a second look goes back to."""

    pts: tuple[int, ...]
    look: Look


@dataclass(frozen=True, slots=True, eq=False)
class LookRequest:
    """Asks for the frames of one look at one stream.

    Attributes:
        video: its path is but its name; of its streams, one is enough.
        index: of the stream.
        geometry: the pixels that the model wants.
        policy: how closely to look, and within which limits.
        task: a plan for the first look, frames for the second.
        allowance: of CPU seconds.
    """

    video: Video
    index: PacketIndex
    geometry: Geometry
    policy: Policy
    task: Plan | Wanted
    allowance: Allowance


Request = ProbeRequest | StillRequest | LookRequest


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the child says: a header that JSON can hold, and arrays or bytes behind it."""

    header: Mapping[str, object]
    body: tuple[NDArray[Any] | bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Received:
    """What came from a worker.

    Attributes:
        number: of the request.
        content: its bytes, for load_request; none = stop it.
        descriptor: of the file that it is about, for the child to close; None with a stop.
    """

    number: int
    content: bytes
    descriptor: int | None


class Ear(Protocol):
    """Takes in bytes from the other end of a line."""

    def recv_into(self, buffer: memoryview, /) -> int:
        """Fill the buffer's beginning and return how many bytes came; 0 = the line is closed."""


def send_request(line: socket, number: int, request: Request, descriptor: int) -> None:
    """Ask for something of the open file *descriptor*; *number* tells requests apart."""
    content = pickle.dumps(request)
    prefix = REQUEST_PREFIX.pack(number, len(content))
    sent = send_fds(line, [prefix], [descriptor])
    line.sendall(prefix[sent:] + content)


def send_stop(line: socket, number: int) -> None:
    """Say that nobody wants any more of a request; its end is still answered, once."""
    line.sendall(REQUEST_PREFIX.pack(number, 0))


def receive_request(line: socket) -> Received:
    """Return what the worker sends next.

    Raises:
        EOFError: if the worker has closed the line or is gone.
    """
    prefix, descriptors, _, _ = recv_fds(line, REQUEST_PREFIX.size, 1)
    if not prefix:
        raise EOFError("the line has ended")
    prefix += read_bytes(line, REQUEST_PREFIX.size - len(prefix))
    number, length = REQUEST_PREFIX.unpack(prefix)
    return Received(number, read_bytes(line, length), descriptors[0] if descriptors else None)


def load_request(content: bytes) -> Request:
    """Return the request that a worker sent."""
    request: Request = pickle.loads(content)  # noqa: S301 - only the worker holds the other end
    return request


def pack_answer(answer: Answer) -> bytes:
    """Return an answer's bytes, as they go over the line."""
    header = json.dumps(answer.header).encode()
    parts = [part if isinstance(part, bytes) else part.tobytes() for part in answer.body]
    return b"".join([ANSWER_PREFIX.pack(len(header)), header, *parts])


@dataclass(frozen=True, slots=True)
class Header:
    """An answer's header, of which nothing is believed; each method raises MisfitError."""

    fields: Mapping[str, object] = field(repr=False)

    def whole(self, name: str, low: int, high: int) -> int:
        """Return a whole number that must lie in [low, high]."""
        value = self.fields.get(name)
        if type(value) is not int or not low <= value <= high:
            raise MisfitError(f"{name} is no whole number from {low} to {high}")
        return value

    def number(self, name: str, low: float, high: float) -> float:
        """Return a number with a point in it that must lie in [low, high]."""
        value = self.fields.get(name)
        if type(value) is not float or not low <= value <= high:
            raise MisfitError(f"{name} is no number from {low:g} to {high:g}")
        return value

    def flag(self, name: str) -> bool:
        """Return what must be true or false."""
        value = self.fields.get(name)
        if not isinstance(value, bool):
            raise MisfitError(f"{name} is neither true nor false")
        return value

    def text(self, name: str, longest: int) -> str:
        """Return one printable line of at most *longest* characters."""
        return _line(name, self.fields.get(name), longest)

    def texts(self, name: str, most: int, longest: int) -> list[str]:
        """Return at most *most* printable lines."""
        return [_line(name, value, longest) for value in _row(name, self.fields, most)]

    def parts(self, name: str, most: int) -> "list[Header]":
        """Return a list of at most *most* headers."""
        return [_part(name, value) for value in _row(name, self.fields, most)]

    def require_shape(self, name: str, shape: Sequence[int]) -> None:
        """Refuse any other shape than this one."""
        if self.fields.get(name) != list(shape):
            raise MisfitError(f"{name} is not {list(shape)}")


def read_header(line: Ear) -> Header:
    """Read the header of the next answer.

    Raises:
        MisfitError: if it is longer than MAX_HEADER_BYTES, or no JSON object.
        EOFError: if the line ends.
    """
    (length,) = ANSWER_PREFIX.unpack(read_bytes(line, ANSWER_PREFIX.size))
    if length > MAX_HEADER_BYTES:
        raise MisfitError(f"a header of {length:,} bytes, more than {MAX_HEADER_BYTES:,}")
    content = read_bytes(line, length)
    try:
        fields = json.loads(content, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise MisfitError("a header is no JSON") from error
    if not isinstance(fields, dict):
        raise MisfitError("a header is no JSON object")
    return Header(fields)


def read_array(line: Ear, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
    """Read the bytes of an array of a shape that the caller has found right."""
    array = np.empty(shape, dtype)
    rest = memoryview(array.reshape(-1).view(np.uint8).data)
    while rest:
        count = line.recv_into(rest)
        if count == 0:
            raise EOFError("the line has ended")
        rest = rest[count:]
    return array


def read_bytes(line: Ear, length: int) -> bytes:
    """Read as many bytes, a number that the caller has found right."""
    return read_array(line, np.uint8, (length,)).tobytes()


def printable(text: str) -> str:
    r"""Return the text as one line that any log takes: what cannot be printed is spelled out.

    >>> printable("a\nb\udcffc")
    'a\\nb\\udcffc'
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)[:MAX_TEXT]


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is not finite")
    return value


def _row(name: str, fields: Mapping[str, object], most: int) -> list[object]:
    values = fields.get(name)
    if not isinstance(values, list) or len(values) > most:
        raise MisfitError(f"{name} is no list of at most {most}")
    return values


def _line(name: str, value: object, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        raise MisfitError(f"{name} is no printable line of at most {longest} characters")
    return value


def _part(name: str, value: object) -> Header:
    if not isinstance(value, dict):
        raise MisfitError(f"{name} holds something else than objects")
    return Header(value)
