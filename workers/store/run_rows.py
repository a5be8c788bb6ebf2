"""A run of a submission, with what it judges by and its first step."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert

from pipeline.records import Policy
from workers.store.database import insert_new
from workers.store.ids import new_id
from workers.store.records import ModelId, Run, RunState, StepKind, Submission
from workers.store.step_rows import add_steps
from workers.store.tables import policies, runs


@dataclass(frozen=True, slots=True)
class PolicyCopy:
    """A policy with the bytes of its file, so that a run is judged by what was asked for."""

    policy: Policy
    content: bytes


@dataclass(frozen=True, slots=True)
class Basis:
    """What a run judges and scores by."""

    policy: PolicyCopy
    model: ModelId

    @property
    def hashes(self) -> tuple[str, str]:
        """What two runs of one submission must not have in common: of the policy, of the model."""
        return self.policy.policy.sha256, self.model.sha256


def add_run(  # noqa: PLR0913 - the whole of what a run is
    connection: Connection,
    submission: Submission,
    basis: Basis,
    priority: int,
    scored_by: str | None,
    *,
    now_ms: int,
) -> Run:
    """Make a run with its first step, which is due.

    Args:
        connection: of a writing transaction.
        submission: what is judged.
        basis: by what.
        priority: of its steps, 0 goes first.
        scored_by: id of the run whose chunks are judged; None = its own, which it has to score.
        now_ms: when.
    """
    policy, model = basis.policy.policy, basis.model
    _keep(connection, basis.policy)
    row = connection.execute(
        insert(runs)
        .values(
            id=new_id(now_ms),
            submission_id=submission.id,
            tenant=submission.tenant,
            policy_sha256=policy.sha256,
            policy_id=policy.policy_id,
            policy_version=policy.version,
            model_id=model.model_id,
            model_version=model.version,
            model_sha256=model.sha256,
            priority=priority,
            state=RunState.QUEUED.value,
            scored_by=scored_by,
            created_ms=now_ms,
        )
        .returning(runs)
    ).mappings()
    run = Run.of(row.one())
    kind = StepKind.PLAN if scored_by is None else StepKind.JUDGE
    add_steps(connection, run, kind, [0], now_ms=now_ms)
    return run


def _keep(connection: Connection, copy: PolicyCopy) -> None:
    """Keep a policy's file, unless it is kept already."""
    connection.execute(
        insert_new(connection, policies)
        .values(
            sha256=copy.policy.sha256,
            policy_id=copy.policy.policy_id,
            version=copy.policy.version,
            content=copy.content,
        )
        .on_conflict_do_nothing()
    )
