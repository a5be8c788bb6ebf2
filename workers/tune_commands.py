"""What `heatreel tune` does; the options are in `workers.tune_cli`, its words in `tune_words`."""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import DecisionsError, PolicyError
from pipeline.learning.tuning import Aims
from pipeline.outputs.atomic import write_atomically
from pipeline.outputs.names import to_printable
from pipeline.policies.read import find_policy_file, parse_policy, read_policy_file
from pipeline.policies.rewrite import NewThreshold, rewrite_policy
from workers.batch import EXIT_BAD_INPUT, EXIT_ERROR, EXIT_PASS
from workers.decisions_file import read_decisions
from workers.library import read_library
from workers.tune_evidence import say_evidence
from workers.tune_words import say_json, say_text
from workers.tuned import Tuned, tune


@dataclass(frozen=True, slots=True)
class TuneRequest:
    """What `heatreel tune` was asked for.

    Attributes:
        out: a folder of outputs.
        decisions: the file of decisions.
        policy: a built-in's name, or the path of a policy file.
        aims: what is wanted; the confidence that all guarantees are to hold at once.
        is_json: whether machines read what is printed.
        write: the new policy's file; None = none is written.
        at_ms: now, milliseconds of Unix time.
    """

    out: Path
    decisions: Path
    policy: str
    aims: Aims
    is_json: bool
    write: Path | None
    at_ms: int


def run_tune(request: TuneRequest) -> int:
    """Say what the decisions say about the thresholds, and write the policy if asked to."""
    path = find_policy_file(request.policy)
    content = read_policy_file(path)
    policy = parse_policy(content, name=path.name)
    if request.write:
        _require_new(request.write)
    decisions = read_decisions(request.decisions)
    library = read_library(request.out, policy)
    try:
        tuned = tune(policy, library, decisions, request.aims)
    except DecisionsError as fault:
        raise DecisionsError(f"{request.decisions}: {fault}") from fault
    sys.stdout.write((say_json if request.is_json else say_text)(tuned))
    for line in library.faults:
        _complain(line)
    if request.write:
        _write(request.write, content, tuned, request.at_ms)
    if library.faults:
        return EXIT_BAD_INPUT
    return EXIT_PASS if set(tuned.reviews) == set(policy.categories) else EXIT_ERROR


def evidence_path(policy: Path) -> Path:
    """Return where the evidence of a tuned policy lies: beside it.

    >>> evidence_path(Path("nudity-2.toml")).name
    'nudity-2.evidence.json'
    """
    return policy.with_name(f"{policy.stem}.evidence.json")


def _require_new(path: Path) -> None:
    for file in (path, evidence_path(path)):
        if file.exists():
            raise PolicyError(f"{file}: is there already; policies are not overwritten")


def _write(path: Path, content: bytes, tuned: Tuned, at_ms: int) -> None:
    """Write the evidence, then the policy that names it; nothing if no threshold is new."""
    if not tuned.reviews:
        _complain(f"{path}: not written, since no category has a guaranteed threshold")
        return
    beside, evidence = evidence_path(path), say_evidence(tuned, at_ms=at_ms)
    miss, confidence = 100 * tuned.aims.max_miss, 100 * tuned.aims.confidence
    note = f"misses at most {miss:g} % at {confidence:g} % confidence: {beside.name}"
    policy = rewrite_policy(
        content,
        {name: NewThreshold(review, note) for name, review in tuned.reviews.items()},
        evidence_sha256=hashlib.sha256(evidence).hexdigest(),
        name=path.name,
    )
    write_atomically(beside, evidence)
    write_atomically(path, policy)
    _complain(f"wrote {path}, version {tuned.policy.version + 1}, and {beside}")


def _complain(line: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"heatreel: {to_printable(line)}\n")
