"""What is told in the bodies of answers: what the server sends, its client reads."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipeline.records import Outcome
from workers.store.records import DeliveryState, Role, RunState


class ArtifactKind(StrEnum):
    """What is drawn or kept of a run, beside its report."""

    HEATMAP = "heatmap"
    HEATMAP_DATA = "heatmap_data"
    STRIP = "strip"
    FRAMES = "frames"


class _Told(BaseModel):
    """The body of an answer: a newer server may tell more."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Ms = Annotated[int, Field(description="Milliseconds since the epoch, UTC.")]


class Problem(BaseModel):
    """What is wrong, as RFC 9457 has it."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str = "about:blank"
    title: str = ""
    status: int
    detail: str = ""


class PolicyRef(_Told):
    """A policy: its id, version, and hash."""

    id: str
    version: int
    sha256: str


class ModelRef(_Told):
    """A model: its id, version, and hash."""

    id: str
    version: str
    sha256: str


class Receipt(_Told):
    """What came of handing something in: the same again, whenever the same is handed in."""

    submission_id: str
    run_id: str
    filename: str
    tag: str
    sha256: Annotated[str | None, Field(description="Of what was uploaded; null for a URI.")]
    policy: PolicyRef
    model: ModelRef
    created_ms: Ms


class RunBody(_Told):
    """A submission under one policy and one model."""

    id: str
    policy: PolicyRef
    model: ModelRef
    state: RunState
    verdict: Annotated[Outcome | None, Field(description="Null until there is one.")]
    severity: Annotated[int | None, Field(description="0 to 4, 4 the gravest; null likewise.")]
    flagged_ms: Annotated[
        int | None, Field(description="When a part of it first called for a block; null = none.")
    ]
    created_ms: Ms
    finished_ms: Annotated[int | None, Field(description="Null until it is over.")]


class RunProgress(_Told):
    """How far a run is."""

    run_id: str
    policy_id: str
    state: RunState
    progress: Annotated[float, Field(ge=0, le=1)]
    frames_done: int
    frames_planned: Annotated[
        int | None, Field(description="Reckoned from what is done; null until that is possible.")
    ]
    verdict: Outcome | None
    severity: int | None


class ProgressBody(_Told):
    """How far the runs of a submission are, the newest first."""

    submission_id: str
    runs: tuple[RunProgress, ...]

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be done."""
        return all(run.state.is_over for run in self.runs)


class SubmissionBody(_Told):
    """A submission with its runs, the newest first."""

    id: str
    filename: str
    tag: str
    uri: Annotated[str | None, Field(description="Where it lies; null for what was uploaded.")]
    sha256: Annotated[str | None, Field(description="Of its bytes; null until they were read.")]
    size_bytes: int | None
    created_ms: Ms
    runs: tuple[RunBody, ...]


class SubmissionDetail(SubmissionBody):
    """A submission with its runs, and how far each of them is."""

    progress: tuple[RunProgress, ...]


class SubmissionPage(_Told):
    """A page of submissions, the newest first."""

    items: tuple[SubmissionBody, ...]
    next: Annotated[str | None, Field(description="`before` of the next page; null = the last.")]


class PolicyBody(_Told):
    """A policy that may be asked for."""

    policy: PolicyRef
    model: ModelRef
    categories: tuple[str, ...]
    is_default: bool


class PolicyList(_Told):
    """The policies that may be asked for."""

    items: tuple[PolicyBody, ...]


class KeyBody(_Told):
    """A key, without its secret."""

    id: str
    name: str
    role: Role
    created_ms: Ms
    revoked_ms: int | None


class NewKeyBody(KeyBody):
    """A key that was just made, with its secret, which is never shown again."""

    secret: str


class KeyList(_Told):
    """The keys of a tenant, the oldest first."""

    items: tuple[KeyBody, ...]


class WebhookBody(_Told):
    """Somebody who is told of the tenant's events."""

    id: str
    url: str
    created_ms: Ms


class NewWebhookBody(WebhookBody):
    """A webhook that was just added, with the secret that signs; it is never shown again."""

    secret: str


class WebhookList(_Told):
    """The webhooks of a tenant, the oldest first."""

    items: tuple[WebhookBody, ...]


class DeliveryBody(_Told):
    """One event on its way to one webhook."""

    id: str
    webhook_id: str
    event_id: str
    kind: str
    state: DeliveryState
    attempts: int
    due_ms: Ms
    status: Annotated[int | None, Field(description="Of the last try; null = no answer.")]
    error: str | None
    created_ms: Ms
    delivered_ms: int | None


class DeliveryPage(_Told):
    """A page of deliveries, the newest first."""

    items: tuple[DeliveryBody, ...]
    next: str | None


class AuditBody(_Told):
    """One row of the audit log."""

    number: int
    at_ms: Ms
    actor: str
    action: str
    subject: str
    body: Annotated[str, Field(description="More about it, in JSON.")]
    hash: Annotated[str, Field(description="Over the row and the hash of the one before it.")]


class AuditPage(_Told):
    """A page of the audit log of a tenant, the oldest first."""

    items: tuple[AuditBody, ...]
    next: Annotated[int | None, Field(description="`after` of the next page; null = the last.")]


class HealthBody(_Told):
    """That all is well."""

    status: str
