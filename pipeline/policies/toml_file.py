"""TOML files that people write: bytes become a checked schema, or one error with every fault."""

import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.errors import PolicyError
from pipeline.policies.lines import KeyPath, key_lines, line_of

MAX_FILE_BYTES = 64 * 1024  # a policy of a hundred categories takes a third of this

Schema = TypeVar("Schema", bound=BaseModel)
Fault = tuple[KeyPath, str]  # where, and what is wrong there


def read_bytes(path: Path, *, noun: str) -> bytes:
    """Return the bytes of a file that is to be a *noun*.

    Raises:
        PolicyError: if it cannot be read, or is longer than any.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise PolicyError(f"{path.name}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_FILE_BYTES:
        raise PolicyError(f"{path.name}: larger than {MAX_FILE_BYTES} bytes, so no {noun}")
    return content


def parse_bytes(
    content: bytes,
    schema: type[Schema],
    *,
    name: str,
    known_keys: Sequence[str],
    find_more: Callable[[dict[str, Any]], Iterable[Fault]] | None = None,
) -> Schema:
    """Return what the bytes of a TOML file say; *name* stands before each fault.

    Args:
        content: the bytes.
        schema: what the file must be.
        name: of the file.
        known_keys: what a slip of the pen may have meant.
        find_more: finds what is wrong between keys, in any file that is TOML.

    Raises:
        PolicyError: one line a fault, "file.toml:12: ...", all at once, in the order of the file.
    """
    try:
        text = content.decode("utf-8")
        parsed = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise PolicyError(f"{name}:{line}: not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{name}:{_syntax_line(error, text)}: {error}") from error
    more = list(find_more(parsed)) if find_more else []
    try:
        found = schema.model_validate(parsed)
    except ValidationError as error:
        faults = [_to_fault(one, known_keys) for one in error.errors(include_url=False)]
        raise PolicyError(_describe(name, text, [*faults, *more])) from error
    if more:
        raise PolicyError(_describe(name, text, more))
    return found


def _syntax_line(error: tomllib.TOMLDecodeError, text: str) -> int:
    """Return the line that tomllib names in its message; the last one for "end of document"."""
    named = re.search(r"at line (\d+)", str(error))
    return int(named[1]) if named else text.rstrip("\n").count("\n") + 1


def _describe(name: str, text: str, faults: Sequence[Fault]) -> str:
    """Return one line a fault, in the order of the file."""
    lines = key_lines(text)
    told = [(line_of(path, lines), f"{'.'.join(path)}: {said}") for path, said in faults]
    return "\n".join(f"{name}:{line}: {said}" for line, said in sorted(told))


def _to_fault(fault: ErrorDetails, known_keys: Sequence[str]) -> Fault:
    # pydantic marks a fault of a key itself, not of its value, by a last part of "[key]".
    path = tuple(str(part) for part in fault["loc"] if part != "[key]")
    return path, _say(path, fault, known_keys)


def _say(path: KeyPath, fault: ErrorDetails, known_keys: Sequence[str]) -> str:
    match fault["type"]:
        case "missing":
            return "missing key"
        case "extra_forbidden":
            near = get_close_matches(path[-1], known_keys, n=1)
            return "unknown key" + (f", did you mean {near[0]!r}?" if near else "")
        case "value_error":
            return str(fault["ctx"]["error"])
        case _:
            said = fault["msg"].replace("Input should", "should")
            return f"{said}, got {fault['input']!r:.80}"
