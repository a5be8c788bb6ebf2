"""Candidates files: what a submission may show, and when the machine may say so.

As in a policy every key is wanted and unknown ones are refused; only `part_of` may be left out,
which means no part of anything.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import PolicyError
from pipeline.policies.lines import KeyPath
from pipeline.policies.schema import GateTable, LimitsTable
from pipeline.policies.toml_file import Fault, parse_bytes, read_bytes
from pipeline.records import GateThresholds, Limits
from pipeline.votes import ROUNDING, AnswerThresholds, Candidate, Candidates, PartOf, Pooling
from pipeline.words import Words, to_words

BUILT_IN_CANDIDATES = {"objects": "objects.toml"}
MAX_CANDIDATES = 1_000
MAX_PICTURES = 10_000  # 70 MB of signatures

Text = Annotated[str, Field(min_length=1, max_length=200)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
# No share of something that both happens and does not may be 0 or 1: nothing is ruled out for good.
OpenShare = Annotated[float, Field(gt=0, lt=1)]


class _Table(BaseModel):
    """A table of the file: unknown keys are refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class CandidateTable(_Table):
    """`[candidates.<name>]`."""

    labels: Annotated[list[Text], Field(min_length=1)]
    aliases: list[Text]
    prior: Annotated[float, Field(gt=0, le=1)]
    part_of: dict[Text, OpenShare] = {}

    def to_candidate(self, name: str) -> Candidate:
        """Return the candidate of that name."""
        return Candidate(
            name=name,
            labels=tuple(self.labels),
            aliases=tuple(self.aliases),
            prior=self.prior,
            part_of=tuple(PartOf(whole, share) for whole, share in self.part_of.items()),
        )


class AnswerTable(_Table):
    """`[answer]`."""

    min_confidence: Share
    min_margin: Share
    min_good_pictures: Positive
    max_disagreement: Share
    max_stranger_share: Share


class PoolingTable(_Table):
    """`[pooling]`."""

    stray_share: OpenShare
    independence: Share
    copy_below: Annotated[int, Field(ge=0, le=256)]
    full_sharpness: Annotated[float, Field(gt=0)]
    least_weight: Annotated[float, Field(gt=0, le=1)]
    text_strength: Annotated[float, Field(ge=0, lt=1)]


class CandidatesFile(_Table):
    """A whole file."""

    id: Text
    version: Positive
    model: Text
    temperature: Annotated[float, Field(gt=0)]
    max_pictures: Annotated[int, Field(gt=0, le=MAX_PICTURES)]
    max_gap_ms: Positive
    candidates: Annotated[
        dict[Text, CandidateTable], Field(min_length=1, max_length=MAX_CANDIDATES)
    ]
    answer: AnswerTable
    pooling: PoolingTable
    gate: GateTable
    limits: LimitsTable

    def to_candidates(self, sha256: str) -> Candidates:
        """Return the candidates, given the hash of the bytes they were read from."""
        return Candidates(
            candidates_id=self.id,
            version=self.version,
            sha256=sha256,
            model=self.model,
            temperature=self.temperature,
            candidates=tuple(each.to_candidate(name) for name, each in self.candidates.items()),
            answer=AnswerThresholds(**self.answer.model_dump()),
            pooling=Pooling(**self.pooling.model_dump()),
            max_pictures=self.max_pictures,
            max_gap_ms=self.max_gap_ms,
            gate=GateThresholds(**self.gate.model_dump()),
            limits=Limits(**self.limits.model_dump()),
        )


_TABLES = (CandidatesFile, CandidateTable, AnswerTable, PoolingTable, GateTable, LimitsTable)
KNOWN_KEYS = sorted({key for table in _TABLES for key in table.model_fields})


def find_candidates(name_or_path: str) -> Candidates:
    """Return the candidates of a built-in name (see BUILT_IN_CANDIDATES) or of a file.

    A name goes before a file of the same name; write `./objects` for the file.

    Raises:
        PolicyError: if there is neither, or the file is wrong; one line a fault, all at once.
    """
    if name_or_path in BUILT_IN_CANDIDATES:
        return read_candidates(Path(__file__).parent / BUILT_IN_CANDIDATES[name_or_path])
    path = Path(name_or_path)
    if not path.is_file():
        names = ", ".join(sorted(BUILT_IN_CANDIDATES))
        raise PolicyError(f"{name_or_path}: neither a candidates file nor a built-in one ({names})")
    return read_candidates(path)


def read_candidates(path: Path) -> Candidates:
    """Return the candidates in a TOML file.

    Raises:
        PolicyError: if it cannot be read or is wrong; one line a fault, "file.toml:12: ...", all
            faults at once, in the order of the file.
    """
    content = read_bytes(path, noun="candidates file")
    file = parse_bytes(
        content,
        CandidatesFile,
        name=path.name,
        known_keys=KNOWN_KEYS,
        find_more=faults_between,
    )
    return file.to_candidates(hashlib.sha256(content).hexdigest())


def faults_between(parsed: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong between the keys of a file, of those that are right by themselves."""
    raw = parsed.get("candidates")
    tables = dict(_valid_tables(raw))
    names = set(raw) if isinstance(raw, dict) else set()
    yield from _repeated_phrases(tables)
    yield from _wrong_parts(tables, names)
    yield from _too_high_priors(tables)
    gate, pooling = parsed.get("gate"), parsed.get("pooling")
    if isinstance(gate, dict) and isinstance(pooling, dict):
        yield from _wrong_sharpness(gate.get("blur_below"), pooling.get("full_sharpness"))


def _valid_tables(candidates: Any) -> Iterator[tuple[str, CandidateTable]]:
    for name, table in candidates.items() if isinstance(candidates, dict) else ():
        try:
            yield name, CandidateTable.model_validate(table)
        except ValidationError:
            continue


def _repeated_phrases(tables: Mapping[str, CandidateTable]) -> Iterator[Fault]:
    """Yield what two candidates share: nobody could tell them apart by it."""
    owners: dict[Words, str] = {}
    for name, table in tables.items():
        if len(set(table.labels)) < len(table.labels):
            yield _path(name, "labels"), "a label stands there twice: its score would count twice"
        for key, phrases in (("", [name]), ("labels", table.labels), ("aliases", table.aliases)):
            for phrase in phrases:
                words = to_words(phrase)
                if not words:
                    yield _path(name, key), f"{phrase!r} has no letter or digit to find it by"
                elif owners.setdefault(words, name) != name:
                    yield _path(name, key), f"{phrase!r} means {owners[words]!r} already"


def _wrong_parts(tables: Mapping[str, CandidateTable], names: set[str]) -> Iterator[Fault]:
    shares: dict[str, float] = defaultdict(float)
    for name, table in tables.items():
        for whole, share in table.part_of.items():
            path = (*_path(name, "part_of"), whole)
            shares[whole] += share
            if whole not in names:
                yield path, "is no candidate of this file"
            elif name in _wholes_of(whole, tables):
                yield path, f"{whole!r} is {name!r} or a part of it: a ring of parts"
            elif shares[whole] >= 1:
                yield path, f"the parts of {whole!r} take up all of its pictures, or more"


def _wholes_of(name: str, tables: Mapping[str, CandidateTable]) -> set[str]:
    """Return a candidate and all that it is, by any number of steps, a part of."""
    found, waiting = {name}, [name]
    while waiting:
        table = tables.get(waiting.pop())
        fresh = set(table.part_of) - found if table else set()
        found |= fresh
        waiting += fresh
    return found


def _too_high_priors(tables: Mapping[str, CandidateTable]) -> Iterator[Fault]:
    total = sum(table.prior for table in tables.values())
    if total > 1 + ROUNDING:
        yield ("candidates",), f"the priors sum to {total:g}, more than 1"


def _wrong_sharpness(blur_below: Any, full_sharpness: Any) -> Iterator[Fault]:
    for value in (blur_below, full_sharpness):
        if not isinstance(value, int | float):
            return
    if not 0 < blur_below < full_sharpness:
        path = ("pooling", "full_sharpness")
        yield path, f"should be greater than gate.blur_below, and that than 0, got {blur_below}"


def _path(name: str, key: str) -> KeyPath:
    return ("candidates", name, key) if key else ("candidates", name)
