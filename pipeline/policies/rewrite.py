"""Rewriting a policy: new thresholds in the file that people wrote, their comments kept.

Numbers are replaced on their own lines; then the whole is read again, and must be the old policy
but for what was asked. So whatever the file looks like, it is right or refused.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import takewhile

from pipeline.errors import PolicyError
from pipeline.policies.lines import key_lines
from pipeline.policies.read import parse_policy
from pipeline.records import Policy

_NUMBER_LINE = re.compile(r"(?P<key>[^=#]*=\s*)[-+\w.]+(?P<comment>\s*(?:#.*)?)")
_CONTINUED = re.compile(r"\s+#.*")  # a comment that goes on from the line above


@dataclass(frozen=True, slots=True)
class NewThreshold:
    """What a rule's `review` becomes, and a word on why, which becomes its comment."""

    review: float
    note: str


def rewrite_policy(
    content: bytes, thresholds: Mapping[str, NewThreshold], *, evidence_sha256: str, name: str
) -> bytes:
    """Return the bytes of a policy with new review thresholds, its version counted up.

    Args:
        content: of a right policy file.
        thresholds: by category, each one of the policy's.
        evidence_sha256: of the file that says what they rest on; the policy names it.
        name: of the new file; stands before each fault.

    Raises:
        PolicyError: if the file is written in such a way that it cannot be rewritten, or what comes
            out is no right policy: `block` below the new `review`, say.
    """
    old = parse_policy(content, name=name)
    text = content.decode("utf-8")
    places, lines = key_lines(text), text.split("\n")
    gone = {places[path] - 1 for path in places if path == ("evidence",)}
    for category, new in thresholds.items():
        gone |= _set_review(lines, places[("rules", category, "review")] - 1, new)
    _count_up(lines, places[("version",)] - 1, old.version + 1, evidence_sha256)
    written = "\n".join(line for i, line in enumerate(lines) if i not in gone).encode()
    try:
        found = parse_policy(written, name=name)
    except PolicyError as fault:
        raise PolicyError(f"{fault} (with the new thresholds)") from fault
    if found != _expect(old, thresholds, written):
        raise PolicyError(f"{name}: cannot be rewritten; set the thresholds by hand")
    return written


def _set_review(lines: list[str], i: int, new: NewThreshold) -> set[int]:
    """Put a threshold on its line, in place of the comment too; return what went on of it below."""
    match = _NUMBER_LINE.fullmatch(lines[i])
    if not match:
        return set()
    note = new.note.replace("\n", " ")
    lines[i] = f"{match['key']}{new.review!r}  # {note}"
    below = takewhile(lambda row: _CONTINUED.fullmatch(lines[row]), range(i + 1, len(lines)))
    return set(below)


def _count_up(lines: list[str], i: int, version: int, evidence_sha256: str) -> None:
    match = _NUMBER_LINE.fullmatch(lines[i])
    if match:
        counted = f"{match['key']}{version}{match['comment']}"
        lines[i] = f'{counted}\nevidence = "{evidence_sha256}"  # sha256 of what it rests on'


def _expect(old: Policy, thresholds: Mapping[str, NewThreshold], written: bytes) -> Policy:
    rules = tuple(
        replace(rule, review=thresholds[rule.category].review)
        if rule.category in thresholds
        else rule
        for rule in old.rules
    )
    sha256 = hashlib.sha256(written).hexdigest()
    return replace(old, version=old.version + 1, sha256=sha256, rules=rules)
