"""Reading policies: a TOML file becomes a checked record, or one error that names every fault."""

import hashlib
from pathlib import Path

from pipeline.errors import PolicyError
from pipeline.policies.schema import GateTable, LimitsTable, PolicyFile, RuleTable
from pipeline.policies.toml_file import MAX_FILE_BYTES, parse_bytes, read_bytes
from pipeline.records import Policy

MAX_POLICY_BYTES = MAX_FILE_BYTES
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
    file = parse_bytes(content, PolicyFile, name=name, known_keys=KNOWN_KEYS)
    return file.to_policy(hashlib.sha256(content).hexdigest())


def read_policy_file(path: Path) -> bytes:
    """Return the bytes of a policy file.

    Raises:
        PolicyError: if it cannot be read, or is longer than any policy.
    """
    return read_bytes(path, noun="policy")
