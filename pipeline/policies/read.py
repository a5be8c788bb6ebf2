"""Reading policies: a TOML file becomes a checked record, or one error that names every fault."""

import hashlib
import re
import tomllib
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipeline.errors import PolicyError
from pipeline.policies.lines import key_lines, line_of
from pipeline.policies.schema import GateTable, LimitsTable, PolicyFile, RuleTable
from pipeline.records import Policy

MAX_POLICY_BYTES = 64 * 1024  # a policy of a hundred categories takes a third of this
# What can be asked for by name, and the file that it is.
BUILT_IN_POLICIES = {
    "default": "nudity.toml",
    "nudity": "nudity.toml",
    "nudity-fast": "nudity_fast.toml",
    "cats": "cats.toml",
}
KNOWN_KEYS = sorted(
    {key for table in (PolicyFile, RuleTable, GateTable, LimitsTable) for key in table.model_fields}
)


def find_policy(name_or_path: str) -> Policy:
    """Return the policy of a built-in name (see BUILT_IN_POLICIES) or of a file.

    A name goes before a file of the same name; write `./cats` for the file.

    Raises:
        PolicyError: if there is neither, or the file is wrong.
    """
    path = find_policy_file(name_or_path)
    return parse_policy(read_policy_file(path), name=path.name)


def find_policy_file(name_or_path: str) -> Path:
    """Return the file of a built-in name, or else the one at that path.

    Raises:
        PolicyError: if there is neither.
    """
    if name_or_path in BUILT_IN_POLICIES:
        return Path(__file__).parent / BUILT_IN_POLICIES[name_or_path]
    path = Path(name_or_path)
    if not path.is_file():
        names = ", ".join(sorted(BUILT_IN_POLICIES))
        raise PolicyError(f"{name_or_path}: neither a policy file nor a built-in one ({names})")
    return path


def read_policy(path: Path) -> Policy:
    """Return the policy in a TOML file.

    Raises:
        PolicyError: if it cannot be read or is wrong; one line a fault, "file.toml:12: ...", all
            faults at once, in the order of the file.
    """
    return parse_policy(read_policy_file(path), name=path.name)


def parse_policy(content: bytes, *, name: str) -> Policy:
    """Return the policy that the bytes of a TOML file are; *name* stands before each fault.

    Raises:
        PolicyError: as read_policy.
    """
    try:
        text = content.decode("utf-8")
        parsed = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise PolicyError(f"{name}:{line}: not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{name}:{_syntax_line(error, text)}: {error}") from error
    try:
        file = PolicyFile.model_validate(parsed)
    except ValidationError as error:
        raise PolicyError(_describe(name, text, error)) from error
    return file.to_policy(hashlib.sha256(content).hexdigest())


def read_policy_file(path: Path) -> bytes:
    """Return the bytes of a policy file.

    Raises:
        PolicyError: if it cannot be read, or is longer than any policy.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_POLICY_BYTES + 1)
    except OSError as error:
        raise PolicyError(f"{path.name}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_POLICY_BYTES:
        raise PolicyError(f"{path.name}: larger than {MAX_POLICY_BYTES} bytes, so no policy")
    return content


def _syntax_line(error: tomllib.TOMLDecodeError, text: str) -> int:
    """Return the line that tomllib names in its message; the last one for "end of document"."""
    named = re.search(r"at line (\d+)", str(error))
    return int(named[1]) if named else text.rstrip("\n").count("\n") + 1


def _describe(name: str, text: str, error: ValidationError) -> str:
    """Return one line a fault, in the order of the file."""
    lines = key_lines(text)
    faults = []
    for fault in error.errors(include_url=False):
        # pydantic marks a fault of a key itself, not of its value, by a last part of "[key]".
        path = tuple(str(part) for part in fault["loc"] if part != "[key]")
        faults.append((line_of(path, lines), f"{'.'.join(path)}: {_say(path, fault)}"))
    return "\n".join(f"{name}:{line}: {said}" for line, said in sorted(faults))


def _say(path: tuple[str, ...], fault: ErrorDetails) -> str:
    match fault["type"]:
        case "missing":
            return "missing key"
        case "extra_forbidden":
            near = get_close_matches(path[-1], KNOWN_KEYS, n=1)
            return "unknown key" + (f", did you mean {near[0]!r}?" if near else "")
        case "value_error":
            return str(fault["ctx"]["error"])
        case _:
            said = fault["msg"].replace("Input should", "should")
            return f"{said}, got {fault['input']!r:.80}"
