"""Lines: where in a TOML file a key stands, so that a fault can be named by its line."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

KeyPath = tuple[str, ...]


def key_lines(text: str) -> dict[KeyPath, int]:
    r"""Return the line, from 1, on which each key and each table of a valid TOML text begins.

    The parser itself says where a statement ends: lines are gathered until they parse, so strings
    and arrays over several lines, quoted and dotted keys need no second grammar here.

    >>> key_lines("id = 'x'\n[rules.nudity]\nreview = 0.5\n")[("rules", "nudity", "review")]
    3
    """
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    statement, start = "", 1
    for number, line in enumerate(text.split("\n"), start=1):
        statement += line + "\n"
        parsed = _parse(statement)
        if parsed is None:
            continue
        if statement.lstrip().startswith("["):
            paths = list(_paths((), parsed))
            table = paths[-1]
        else:
            paths = list(_paths(table, parsed))
        for path in paths:
            lines.setdefault(path, start)
        statement, start = "", number + 1
    return lines


def line_of(path: KeyPath, lines: Mapping[KeyPath, int]) -> int:
    """Return the line of a key, or of the nearest table around it that the text has, or 1.

    >>> line_of(("gate", "black_below"), {("gate",): 7})
    7
    """
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _parse(statement: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return None


def _paths(prefix: KeyPath, table: Mapping[str, Any]) -> Iterator[KeyPath]:
    """Yield the paths of all keys, each table before what is in it."""
    for key, value in table.items():
        yield (*prefix, key)
        if isinstance(value, Mapping):
            yield from _paths((*prefix, key), value)
