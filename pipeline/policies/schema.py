"""The schema of a policy file: what each key must be, as pydantic checks it.

Every key is wanted, for nothing that decides a verdict has a default in code. Left out may only be
`block`, which means never, `max_unfamiliar_share` where "unfamiliar" is no doubt, and `evidence`,
the sha256 of what `heatreel tune` wrote beside the policy, of one that it did not write. The names
are those of the records, which say what they mean.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from pipeline.records import (
    MAX_SEVERITY,
    Examination,
    GateThresholds,
    Limits,
    Policy,
    ReasonKind,
    Rule,
)

Text = Annotated[str, Field(min_length=1, max_length=200)]
Share = Annotated[float, Field(ge=0, le=1)]
Threshold = Annotated[float, Field(gt=0, le=1)]
NotNegative = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Table(BaseModel):
    """A table of the file: unknown keys are refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class RuleTable(_Table):
    """`[rules.<category>]`."""

    labels: Annotated[list[Text], Field(min_length=1)]
    review: Threshold
    block: Threshold | None = None
    min_duration_ms: NotNegative
    strict: bool
    severity: Annotated[int, Field(ge=1, le=MAX_SEVERITY)]

    @field_validator("labels")
    @classmethod
    def _are_distinct(cls, labels: list[str]) -> list[str]:
        if len(set(labels)) < len(labels):
            raise ValueError("a label must stand there only once, else its score would count twice")
        return labels

    @field_validator("block")
    @classmethod
    def _is_no_lower_than_review(cls, block: float, known: ValidationInfo) -> float:
        review = known.data.get("review")
        if review is not None and block < review:
            raise ValueError(f"block must not be lower than review, which is {review}")
        return block

    def to_rule(self, category: str) -> Rule:
        """Return the rule of a category."""
        return Rule(
            category=category,
            labels=tuple(self.labels),
            review=self.review,
            block=self.block,
            min_duration_ms=self.min_duration_ms,
            is_strict=self.strict,
            severity=self.severity,
        )


class GateTable(_Table):
    """`[gate]`."""

    black_below: Annotated[float, Field(ge=0, le=255)]
    flat_below: Annotated[float, Field(ge=0, le=255)]
    blur_below: Annotated[float, Field(ge=0)]
    frozen_below: Annotated[int, Field(ge=0, le=255)]
    letterbox_below: Share
    small_below: Share
    overlay_above: Share
    close_above: Share


class LimitsTable(_Table):
    """`[limits]`."""

    max_pixels: Positive
    max_duration_ms: Positive
    max_frames: Positive
    max_cpu_s: Annotated[float, Field(gt=0)]


class PolicyFile(_Table):
    """A whole file."""

    id: Text
    version: Positive
    evidence: Sha256 | None = None
    model: Text
    max_gap_ms: Positive
    merge_gap_ms: NotNegative
    max_confirmations: NotNegative
    doubts: list[Literal["coverage", "decode", "few_good_frames", "unconfirmed", "unfamiliar"]]
    min_good_share: Share
    max_unfamiliar_share: Annotated[Share | None, Field(validate_default=True)] = None
    examination: Literal["pictures", "packets"]
    gate: GateTable
    limits: LimitsTable
    rules: Annotated[dict[Text, RuleTable], Field(min_length=1)]

    @field_validator("max_unfamiliar_share")
    @classmethod
    def _says_where_its_doubt_begins(
        cls, share: float | None, known: ValidationInfo
    ) -> float | None:
        if share is None and "unfamiliar" in known.data.get("doubts", ()):
            raise ValueError("must be given, since 'unfamiliar' is one of the doubts")
        return share

    def to_policy(self, sha256: str) -> Policy:
        """Return the policy, given the hash of the bytes it was read from."""
        return Policy(
            policy_id=self.id,
            version=self.version,
            sha256=sha256,
            model=self.model,
            rules=tuple(table.to_rule(category) for category, table in self.rules.items()),
            max_gap_ms=self.max_gap_ms,
            merge_gap_ms=self.merge_gap_ms,
            max_confirmations=self.max_confirmations,
            doubts=frozenset(ReasonKind(doubt) for doubt in self.doubts),
            min_good_share=self.min_good_share,
            examination=Examination(self.examination),
            gate=GateThresholds(**self.gate.model_dump()),
            limits=Limits(**self.limits.model_dump()),
            max_unfamiliar_share=self.max_unfamiliar_share,
        )
