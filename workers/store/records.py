"""What the store hands out: frozen records of its rows, and the words for their states."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Self

FRESH, RERUN = 0, 9  # priorities: a rerun of the library never delays fresh submissions
PRIORITIES = (FRESH, RERUN)


class StepKind(StrEnum):
    """What is to be done."""

    PLAN = "plan"  # probe the video and cut it into chunks
    CHUNK = "chunk"  # sample and score one chunk
    JUDGE = "judge"  # make the verdict of all chunks, and draw it


class StepState(StrEnum):
    """How far a step is."""

    DUE = "due"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"  # given up after too many attempts
    CANCELLED = "cancelled"  # nobody wants it any more


class RunState(StrEnum):
    """How far a run is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"  # there is a verdict, be it `error`
    DEAD = "dead"  # given up; its verdict is `error`, and a person has to look
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be done."""
        return self in (RunState.DONE, RunState.DEAD, RunState.CANCELLED)


class EventKind(StrEnum):
    """What the world outside is told of."""

    FLAGGED_EARLY = "submission.flagged_early"
    COMPLETED = "submission.completed"
    FAILED = "submission.failed"
    DECISION_RECORDED = "decision.recorded"


class OutboxKind(StrEnum):
    """What an entry of the outbox asks for."""

    EVENT = "event"  # tell every endpoint of the tenant
    ERASE = "erase"  # remove artifacts whose rows are gone


class DeliveryState(StrEnum):
    """How far a delivery is."""

    DUE = "due"
    DELIVERED = "delivered"
    DEAD = "dead"


class Role(StrEnum):
    """What the holder of an API key may do; see `workers.web.access`."""

    UPLOADER = "uploader"
    MODERATOR = "moderator"
    ANALYST = "analyst"
    LEAD = "lead"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something, for whom, and when.

    Attributes:
        tenant: whose data it is about.
        actor: a key's name, a worker's name.
        at_ms: when.
    """

    tenant: str
    actor: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Row:
    """A record of which each field is a column of the same name."""

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:
        """Make the record of a row, which may have more columns."""
        return cls(**{field.name: row[field.name] for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class Source:
    """Where a submission's bytes are, and what is known of them.

    Attributes:
        uri: where they can be read: in the artifact store, or where the operator allows.
        filename: as the uploader calls it: text to show, never a path.
        sha256: of the bytes; None for a URI that was not read yet.
        size_bytes: how many; None likewise.
    """

    uri: str
    filename: str
    sha256: str | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Submission(Row):
    """One submission, as it was handed in."""

    id: str
    tenant: str
    idempotency_key: str
    uri: str
    filename: str
    tag: str
    sha256: str | None
    size_bytes: int | None
    created_ms: int


@dataclass(frozen=True, slots=True)
class Run(Row):
    """One submission under one policy and one model.

    Attributes:
        scored_by: id of the run whose chunks are judged; None = its own.
        plan: artifact of the probed video; None until it is planned, and where it cannot be read.
        fault: why there is nothing to score, a reason in JSON; None where there is.
        flagged_ms: when a chunk first stood at or above a block threshold; None = none did.
        outcome: of the verdict; None until there is one.
    """

    id: str
    submission_id: str
    tenant: str
    policy_sha256: str
    policy_id: str
    policy_version: int
    model_id: str
    model_version: str
    model_sha256: str
    priority: int
    state: RunState
    scored_by: str | None
    plan: str | None
    fault: str | None
    flagged_ms: int | None
    outcome: str | None
    severity: int | None
    created_ms: int
    finished_ms: int | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", RunState(self.state))


@dataclass(frozen=True, slots=True)
class Step(Row):
    """One piece of work.

    Attributes:
        chunk: number of the chunk that it is about, 0 where it is about none.
        attempts: how often it was claimed, this time included.
        fence: counts up with each claim; what is committed under an older one does not count.
        cap_ms: beyond this time no heartbeat holds the lease; None where it is not claimed.
    """

    id: str
    run_id: str
    kind: StepKind
    chunk: int
    state: StepState
    priority: int
    attempts: int
    fence: int
    cap_ms: int | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", StepKind(self.kind))
        object.__setattr__(self, "state", StepState(self.state))


@dataclass(frozen=True, slots=True)
class Chunk(Row):
    """A time range of a video, half-open.

    Attributes:
        artifact: where its frames are; None until it is scored.
        frames: how many were sampled; None likewise.
        providers: execution providers that ran the model, in JSON; None likewise.
        timings: where the CPU seconds went, in JSON; None likewise.
    """

    run_id: str
    number: int
    start_ms: int
    end_ms: int
    artifact: str | None
    frames: int | None
    providers: str | None
    timings: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        share: 0 to 1.
        frames_done: frames sampled so far.
        frames_planned: how many there will be, reckoned from what is done; None until that is
            possible.
    """

    share: float
    frames_done: int
    frames_planned: int | None


@dataclass(frozen=True, slots=True)
class ModelId:
    """Which model: what makes two runs of one submission differ, beside the policy."""

    model_id: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """How long a claimed step is held without a heartbeat, and with heartbeats at most.

    Attributes:
        lease_ms: without one, after which somebody else may have it.
        cap_ms: with them, after which a worker is taken to hang.
        max_attempts: how often a step is claimed before it is given up.
        backoff_ms: how long it rests after the first failed attempt; twice as long after each
            further one.
        max_backoff_ms: how long it rests at most.
    """

    lease_ms: int
    cap_ms: int
    max_attempts: int
    backoff_ms: int
    max_backoff_ms: int

    def __post_init__(self) -> None:
        if not 0 < self.lease_ms <= self.cap_ms:
            raise ValueError(f"lease_ms must be positive and at most cap_ms, got {self}")
        if self.max_attempts < 1 or not 0 <= self.backoff_ms <= self.max_backoff_ms:
            raise ValueError(f"max_attempts must be positive, back-offs not negative, got {self}")

    def rest_ms(self, attempts: int) -> int:
        """Return how long a step rests after so many attempts.

        >>> terms = LeaseTerms(60_000, 600_000, 5, 10_000, 60_000)
        >>> [terms.rest_ms(attempts) for attempts in (1, 2, 3, 4, 50)]
        [10000, 20000, 40000, 60000, 60000]
        """
        doublings = min(attempts - 1, 30)
        return int(min(self.backoff_ms * 2**doublings, self.max_backoff_ms))
