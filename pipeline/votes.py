"""The records of a vote: the candidates, the pictures of one object, and what they came to.

Confidences over K candidates need not sum to 1: what is missing is the confidence that the picture
shows none of them.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal
from pipeline.records import Gate, GateThresholds, Limits
from pipeline.words import Words, to_words

ROUNDING = 1e-6  # by how much float32 confidences of one picture may sum to more than 1


class VoteRule(StrEnum):
    """How the pictures of one object become one answer."""

    POOLED = "pooled"  # log-linear pooling: how sure each picture is counts, and how good it is
    MAJORITY = "majority"  # each picture has one vote; the summed confidences break a tie


class DoubtKind(StrEnum):
    """Why a vote is left to a person."""

    FEW_PICTURES = "few_pictures"  # too few different good pictures, copies counting as one
    STRANGERS = "strangers"  # too many pictures are unlike what the model knows
    NOTHING_SAID = "nothing_said"  # that it is none of the candidates is the likeliest
    TIE = "tie"  # the two best are level
    THIN_MARGIN = "thin_margin"  # the best is not far enough ahead
    LOW_CONFIDENCE = "low_confidence"  # the best is not likely enough
    DISAGREEMENT = "disagreement"  # too many pictures say something else than the answer


@dataclass(frozen=True, slots=True)
class PartOf:
    """That one candidate is a part of another.

    Attributes:
        whole: the other's name.
        share: of the pictures of the whole, how many show this part and little else, in (0, 1).
    """

    whole: str
    share: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """One possible answer.

    Attributes:
        name: as people read it.
        labels: the model's labels that mean it.
        aliases: other words for it in titles.
        prior: how likely it is before anything is seen, in (0, 1].
        part_of: what it is a part of; may be empty.
    """

    name: str
    labels: tuple[str, ...]
    aliases: tuple[str, ...]
    prior: float
    part_of: tuple[PartOf, ...]

    @property
    def phrases(self) -> tuple[Words, ...]:
        """What titles may call it, as words, each once: its name, labels and aliases."""
        phrases = (to_words(text) for text in (self.name, *self.labels, *self.aliases))
        return tuple(dict.fromkeys(words for words in phrases if words))


@dataclass(frozen=True, slots=True)
class AnswerThresholds:
    """When there is an answer; a value on a threshold is on the answer's side.

    Attributes:
        min_confidence: how likely the answer must be.
        min_margin: how far ahead of everything else.
        min_good_pictures: how many different good pictures must vote, at least 1.
        max_disagreement: which share of the votes may say something else.
        max_stranger_share: which share of the different good pictures may be strangers.
    """

    min_confidence: float
    min_margin: float
    min_good_pictures: int
    max_disagreement: float
    max_stranger_share: float


@dataclass(frozen=True, slots=True)
class Pooling:
    """How far each witness is trusted.

    Attributes:
        stray_share: of good pictures, how many show something else than the object, in (0, 1): no
            single picture can rule an answer out more firmly than this.
        independence: from 0 (any number of pictures weighs like one) to 1 (each weighs in full:
            none of the model's slips on one picture recurs on another of the same object).
        copy_below: two pictures are copies if no cell of their signatures differs by this much
            (levels of 255).
        full_sharpness: from this sharpness on (see Quality) a picture has its full weight.
        least_weight: of a picture that the gate just lets through, in (0, 1].
        text_strength: how often a title that names a candidate is right, in [0, 1).
    """

    stray_share: float
    independence: float
    copy_below: int
    full_sharpness: float
    least_weight: float
    text_strength: float


@dataclass(frozen=True, slots=True)
class Candidates:
    """What a submission may show, and when the machine may say so.

    Attributes:
        candidates_id: the name of the file's author for it.
        version: counts up with each change.
        sha256: of the file's bytes.
        model: id of the model that the labels belong to.
        temperature: that calibrates the model: above 1 it is less sure than it says.
        candidates: K of them, in the order of the file, at least one.
        answer: when there is an answer.
        pooling: how far each witness is trusted.
        max_pictures: of one submission; one with more is not judged.
        max_gap_ms: how far apart two sampled frames of a video may lie.
        gate: where the gate draws its lines.
        limits: what one picture or video may ask of the machine.
    """

    candidates_id: str
    version: int
    sha256: str
    model: str
    temperature: float
    candidates: tuple[Candidate, ...]
    answer: AnswerThresholds
    pooling: Pooling
    max_pictures: int
    max_gap_ms: int
    gate: GateThresholds
    limits: Limits

    def __post_init__(self) -> None:
        names = self.names
        if not names or len(set(names)) < len(names):
            raise ValueError(f"candidates need at least one, with distinct names, got {names}")
        if self.other_prior < -ROUNDING:
            raise ValueError(f"priors must sum to at most 1, got {1 - self.other_prior}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the K candidates, in order."""
        return tuple(candidate.name for candidate in self.candidates)

    @property
    def other_prior(self) -> float:
        """How likely none of the candidates is, before anything is seen."""
        return 1 - sum(candidate.prior for candidate in self.candidates)


@dataclass(frozen=True, slots=True, eq=False)
class Ballots:
    """The N pictures of one submission, as the vote sees them; row i of each array is picture i.

    Attributes:
        confidences: shape (N, K), float32 in [0, 1], calibrated, a row's sum at most 1; a row is
            NaN where the picture was not scored.
        gates: shape (N,), uint8, values of Gate.
        weights: shape (N,), float32 in [0, 1], higher = a better picture.
        is_stranger: shape (N,), bool: whether it is unlike what the model knows.
        signatures: shape (N, H, W, 3), uint8, as in Quality.
    """

    confidences: NDArray[np.float32]
    gates: NDArray[np.uint8]
    weights: NDArray[np.float32]
    is_stranger: NDArray[np.bool_]
    signatures: NDArray[np.uint8]

    def __post_init__(self) -> None:
        n = len(self.gates)
        require_array("confidences", self.confidences, np.float32, (n, None))
        require_array("gates", self.gates, np.uint8, (n,))
        require_array("weights", self.weights, np.float32, (n,))
        require_array("is_stranger", self.is_stranger, np.bool_, (n,))
        require_array("signatures", self.signatures, np.uint8, (n, None, None, 3))
        require_shares("confidences", self.confidences[self.is_scored])
        if np.any(self.gates >= len(Gate)):
            raise ValueError("gates must be values of Gate")
        if not np.all((self.weights >= 0) & (self.weights <= 1)):
            raise ValueError("weights must lie in [0, 1]")
        seal(self)

    @property
    def is_scored(self) -> NDArray[np.bool_]:
        """Shape (N,): whether the model said anything of the picture."""
        return np.asarray(~np.isnan(self.confidences).any(axis=1))


def require_shares(name: str, rows: NDArray[np.float32]) -> None:
    """Raise ValueError unless each row of shape (N, K) is in [0, 1] and sums to at most 1."""
    if not np.all((rows >= 0) & (rows <= 1)) or np.any(rows.sum(axis=1) > 1 + ROUNDING):
        raise ValueError(f"{name} must lie in [0, 1], a row's sum at most 1")


@dataclass(frozen=True, slots=True)
class Standing:
    """A candidate and how likely it is, 0 to 1."""

    name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a vote is left to a person: what was found, and the threshold that it is beyond.

    Both are None where there is no number to it.
    """

    kind: DoubtKind
    found: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class PictureVote:
    """What one picture said, and what it counted.

    Attributes:
        best: the likeliest candidate by this picture alone; None where it was not scored.
        weight: its share of all votes, 0 to 1; 0 where it has none.
        sharers: how many pictures share its one vote, itself included: more than 1 where there are
            copies; 0 where it has none.
    """

    best: Standing | None
    weight: float
    sharers: int


@dataclass(frozen=True, slots=True)
class Vote:
    """What the pictures of one object came to.

    Attributes:
        rule: how they were counted.
        answer: a candidate's name; None where it is left to a person.
        best: the two likeliest candidates, the likeliest first; none where nobody voted, one where
            there is only one candidate.
        other: how likely it is none of the candidates; NaN where nobody voted.
        margin: how far the best is ahead of all else, `other` included; NaN where nobody voted.
        disagreement: which share of the votes says something else than the best, 0 to 1; NaN where
            nobody voted.
        doubts: why it is left to a person; empty with an answer.
        pictures: one entry a picture, in order.
    """

    rule: VoteRule
    answer: str | None
    best: tuple[Standing, ...]
    other: float
    margin: float
    disagreement: float
    doubts: tuple[Doubt, ...]
    pictures: tuple[PictureVote, ...]

    def __post_init__(self) -> None:
        if (self.answer is None) is not bool(self.doubts):
            raise ValueError(f"a vote has an answer or doubts, got {self.answer}, {self.doubts}")
