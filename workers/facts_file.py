"""The file of facts: what people answered about pictures, one JSON object a line.

It is only appended to, a whole line at once, and brought to the disk before anybody is told that an
answer counts. Whoever changes it holds a lock, so that two processes never write at once and an
answer is checked against all that was said before. The one exception is `forget`, which writes the
file anew without somebody: what the law calls erasure is no erasure if the log keeps it.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipeline.errors import FactsError
from pipeline.learning.facts import Answer, AnswerKind, Event, Forgotten, Undo
from pipeline.outputs.atomic import write_atomically
from pipeline.outputs.names import to_printable

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

MAX_BYTES = 1 << 28
Key = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}(@[0-9:]{1,24})?(#[0-9,]{1,24})?$")]
Name = Annotated[str, Field(max_length=100)]
Number = Annotated[int, Field(ge=1)]
AtMs = Annotated[int, Field(ge=0)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    schema_version: Literal[1] = 1
    number: Number
    at_ms: AtMs


class AnswerLine(_Line):
    """An answer, as it is written."""

    event: Literal["answer"] = "answer"
    kind: Annotated[AnswerKind, Field(strict=False)]
    name: Name
    members: list[Key]
    kept: list[Key]
    odd: list[Key]
    audit: list[Key]
    guesses: list[Name]
    match: float | None
    model: Annotated[str, Field(max_length=100)]
    size: Number
    spread: Annotated[float, Field(ge=0, le=2.001)]

    def to_event(self) -> Answer:
        """Return the answer."""
        if not all(name.isprintable() for name in (self.name, *self.guesses)):
            raise ValueError("a name holds characters that cannot be shown")
        return Answer(
            number=self.number,
            at_ms=self.at_ms,
            kind=self.kind,
            name=self.name,
            members=tuple(self.members),
            kept=tuple(self.kept),
            odd=tuple(self.odd),
            audit=tuple(self.audit),
            guesses=tuple(self.guesses),
            match=self.match,
            model=self.model,
            size=self.size,
            spread=self.spread,
        )


class UndoLine(_Line):
    """An undo, as it is written."""

    event: Literal["undo"] = "undo"
    of: Number

    def to_event(self) -> Undo:
        """Return the undo."""
        return Undo(self.number, self.at_ms, self.of)


class ForgottenLine(_Line):
    """That somebody was forgotten, as it is written: not who."""

    event: Literal["forgotten"] = "forgotten"
    answers: Number

    def to_event(self) -> Forgotten:
        """Return the event."""
        return Forgotten(self.number, self.at_ms, self.answers)


Line = Annotated[AnswerLine | UndoLine | ForgottenLine, Field(discriminator="event")]
LINE: TypeAdapter[AnswerLine | UndoLine | ForgottenLine] = TypeAdapter(Line)


def read_facts(path: Path) -> tuple[Event, ...]:
    """Return the events of a file of facts, in order; none where there is no file.

    Raises:
        FactsError: if it cannot be read, or a line is no event; it names the line. The file is
            left as it is.
    """
    try:
        if not path.exists():
            return ()
        if not path.is_file():
            raise FactsError(f"{path}: is no file")
        if path.stat().st_size > MAX_BYTES:
            raise FactsError(f"{path}: is larger than {MAX_BYTES:,} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise FactsError(f"{path}: cannot be read: {error.strerror}") from error
    return _parse(path, content)


def change_facts(path: Path, decide: Callable[[tuple[Event, ...]], Event]) -> Event:
    """Append the event that *decide* makes of what is in the file, and return it.

    No other process changes the file in between; when this returns, the event is on the disk.

    Raises:
        FactsError: as `read_facts`, whatever *decide* raises, or if the file cannot be written.
    """
    with _locked(path):
        event = decide(read_facts(path))
        _append(path, line_of(event))
    return event


def rewrite_facts(
    path: Path, decide: Callable[[tuple[Event, ...]], tuple[Event, ...]]
) -> tuple[Event, ...]:
    """Write the file anew with the events that *decide* makes of those in it; the old is gone.

    Raises:
        FactsError: as `change_facts`.
    """
    with _locked(path):
        before = read_facts(path)
        events = decide(before)
        if events != before:
            try:
                write_atomically(path, b"".join(line_of(event) for event in events))
            except OSError as error:
                raise FactsError(f"{path}: cannot be written: {error.strerror}") from error
    return events


def line_of(event: Event) -> bytes:
    """Return the line of an event, its line break included."""
    kinds = {Answer: "answer", Undo: "undo", Forgotten: "forgotten"}
    fields = {slot: getattr(event, slot) for slot in type(event).__slots__}
    lists = {name: list(value) for name, value in fields.items() if isinstance(value, tuple)}
    line = LINE.validate_python({"event": kinds[type(event)], **fields, **lists})
    return line.model_dump_json().encode() + b"\n"


def _parse(path: Path, content: bytes) -> tuple[Event, ...]:
    events: list[Event] = []
    numbers: set[int] = set()
    for place, line in enumerate(content.splitlines(keepends=True), start=1):
        if not line.endswith(b"\n"):
            raise FactsError(
                f"{path}: line {place} is cut off: it was never confirmed, remove it to go on"
            )
        try:
            event = LINE.validate_json(line).to_event()
        except ValidationError as error:
            raise FactsError(f"{path}: line {place}: {_say(error)}") from error
        except ValueError as error:
            raise FactsError(f"{path}: line {place}: {error}") from error
        if events and event.number <= events[-1].number:
            raise FactsError(f"{path}: line {place}: number {event.number} does not rise")
        if isinstance(event, Undo) and event.of not in numbers:
            raise FactsError(f"{path}: line {place}: takes back {event.of}, which stands nowhere")
        numbers.add(event.number)
        events.append(event)
    return tuple(events)


def _say(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return to_printable(f"{where}: {first['msg']}" if where else str(first["msg"]))[:200]


def _append(path: Path, line: bytes) -> None:
    """Append a line and bring it to the disk; if that fails, the file is as it was."""
    try:
        with path.open("ab", buffering=0) as file:
            size = file.tell()
            try:
                written = file.write(line)
                if written != len(line):
                    raise OSError(28, "No space left on device")  # noqa: TRY301 - undone below
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size)
                raise
    except OSError as error:
        raise FactsError(f"{path}: cannot be written: {error.strerror}") from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file of facts: a file beside it, for the file itself may be replaced."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f".{path.name}.lock").open("ab")
    except OSError as error:
        raise FactsError(f"{path}: cannot be written: {error.strerror}") from error
    with lock:
        if sys.platform == "win32":
            lock.seek(0)
            msvcrt.locking(lock.fileno(), msvcrt.LK_LOCK, 1)
        else:
            fcntl.flock(lock, fcntl.LOCK_EX)  # given back when the file is closed
        yield
