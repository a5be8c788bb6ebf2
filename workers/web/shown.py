"""What the store hands out, as the API shows it."""

from collections.abc import Sequence

from pipeline.records import Outcome
from workers.sources import UPLOAD_SCHEME
from workers.store.audit import AuditRow
from workers.store.deliveries import Delivery, Endpoint
from workers.store.keys import ApiKey
from workers.store.records import Progress, Run, Submission
from workers.store.run_rows import Basis
from workers.store.submissions import Submitted
from workers.web.bodies import (
    AuditBody,
    DeliveryBody,
    KeyBody,
    ModelRef,
    PolicyBody,
    PolicyRef,
    Receipt,
    RunBody,
    RunProgress,
    SubmissionBody,
    WebhookBody,
)


def show_receipt(submitted: Submitted) -> Receipt:
    """Return what came of a submission, without anything that changes later."""
    submission, run = submitted.submission, submitted.run
    return Receipt(
        submission_id=submission.id,
        run_id=run.id,
        filename=submission.filename,
        tag=submission.tag,
        sha256=submission.sha256 if _was_uploaded(submission) else None,
        policy=_policy_of(run),
        model=_model_of(run),
        created_ms=run.created_ms,
    )


def show_submission(submission: Submission, runs: Sequence[Run]) -> SubmissionBody:
    """Return a submission with its runs."""
    return SubmissionBody(
        id=submission.id,
        filename=submission.filename,
        tag=submission.tag,
        uri=None if _was_uploaded(submission) else submission.uri,
        sha256=submission.sha256,
        size_bytes=submission.size_bytes,
        created_ms=submission.created_ms,
        runs=tuple(show_run(run) for run in runs),
    )


def show_run(run: Run) -> RunBody:
    """Return a run."""
    return RunBody(
        id=run.id,
        policy=_policy_of(run),
        model=_model_of(run),
        state=run.state,
        verdict=_verdict_of(run),
        severity=run.severity,
        flagged_ms=run.flagged_ms,
        created_ms=run.created_ms,
        finished_ms=run.finished_ms,
    )


def show_progress(run: Run, progress: Progress) -> RunProgress:
    """Return how far a run is."""
    return RunProgress(
        run_id=run.id,
        policy_id=run.policy_id,
        state=run.state,
        progress=round(progress.share, 4),
        frames_done=progress.frames_done,
        frames_planned=progress.frames_planned,
        verdict=_verdict_of(run),
        severity=run.severity,
    )


def show_policy(basis: Basis, *, is_default: bool) -> PolicyBody:
    """Return a policy that may be asked for."""
    policy, model = basis.policy.policy, basis.model
    return PolicyBody(
        policy=PolicyRef(id=policy.policy_id, version=policy.version, sha256=policy.sha256),
        model=ModelRef(id=model.model_id, version=model.version, sha256=model.sha256),
        categories=tuple(rule.category for rule in policy.rules),
        is_default=is_default,
    )


def show_key(key: ApiKey) -> KeyBody:
    """Return a key, without its secret."""
    return KeyBody(
        id=key.id,
        name=key.name,
        role=key.role,
        created_ms=key.created_ms,
        revoked_ms=key.revoked_ms,
    )


def show_webhook(endpoint: Endpoint) -> WebhookBody:
    """Return a webhook, without its secret."""
    return WebhookBody(id=endpoint.id, url=endpoint.url, created_ms=endpoint.created_ms)


def show_delivery(delivery: Delivery) -> DeliveryBody:
    """Return a delivery."""
    return DeliveryBody(
        id=delivery.id,
        webhook_id=delivery.endpoint_id,
        event_id=delivery.event_id,
        kind=delivery.kind,
        state=delivery.state,
        attempts=delivery.attempts,
        due_ms=delivery.due_ms,
        status=delivery.status,
        error=delivery.error,
        created_ms=delivery.created_ms,
        delivered_ms=delivery.delivered_ms,
    )


def show_audit(row: AuditRow) -> AuditBody:
    """Return a row of the audit log."""
    return AuditBody(
        number=row.number,
        at_ms=row.at_ms,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        body=row.body,
        hash=row.hash,
    )


def _policy_of(run: Run) -> PolicyRef:
    return PolicyRef(id=run.policy_id, version=run.policy_version, sha256=run.policy_sha256)


def _model_of(run: Run) -> ModelRef:
    return ModelRef(id=run.model_id, version=run.model_version, sha256=run.model_sha256)


def _verdict_of(run: Run) -> Outcome | None:
    return None if run.outcome is None else Outcome(run.outcome)


def _was_uploaded(submission: Submission) -> bool:
    return submission.uri.startswith(f"{UPLOAD_SCHEME}:")
