"""The records of a classified submission: what was seen of its pictures, and what they came to."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pipeline.records import BankFacts, Gate, ModelFacts
from pipeline.votes import Vote


class VoteOutcome(StrEnum):
    """What a submission came to, in a word."""

    ANSWER = "answer"
    REVIEW = "review"  # left to a person, with named doubts
    ERROR = "error"  # nothing could be judged


@dataclass(frozen=True, slots=True)
class Seen:
    """One picture that could be read.

    Attributes:
        path: the file.
        timestamp_ms: when the frame is shown; None where the file is no video.
        gate: what the gate said of it.
        ood: higher = less like what the model knows; NaN where nobody asked.
        is_stranger: whether it does not vote for that.
        thumbnail: a JPEG file in memory.
    """

    path: Path
    timestamp_ms: int | None
    gate: Gate
    ood: float
    is_stranger: bool
    thumbnail: bytes


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that could not be read, or not to its end, and why in a few words."""

    path: Path
    why: str


@dataclass(frozen=True, slots=True)
class Classified:
    """Everything that came of one submission.

    Attributes:
        name: what people know it by.
        text: its title, as it was given; may be empty.
        files: how many files it has.
        candidates_id: of the candidates file.
        candidates_version: its version.
        candidates_sha256: hash of its bytes.
        model: which model scored.
        bank: what strangers were told by; None where nobody looked for them.
        pictures: those that were read, in order.
        unread: those that were not.
        vote: what the pictures came to, one entry of `vote.pictures` each; None where nothing could
            be judged.
        error: why not, in one line; empty with a vote.
    """

    name: str
    text: str
    files: int
    candidates_id: str
    candidates_version: int
    candidates_sha256: str
    model: ModelFacts
    bank: BankFacts | None
    pictures: tuple[Seen, ...]
    unread: tuple[Unread, ...]
    vote: Vote | None
    error: str

    def __post_init__(self) -> None:
        if (self.vote is None) is not bool(self.error):
            raise ValueError(f"either a vote or an error is needed, got {self.vote}, {self.error}")
        if self.vote and len(self.vote.pictures) != len(self.pictures):
            raise ValueError("vote must be of the pictures that were read")

    @property
    def outcome(self) -> VoteOutcome:
        """The word of it."""
        if self.vote is None:
            return VoteOutcome.ERROR
        return VoteOutcome.ANSWER if self.vote.answer is not None else VoteOutcome.REVIEW
