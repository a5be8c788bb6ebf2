"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAMESAKES = ("submission_id", "policy_id", "policy_version", "model_id", "model_version")


def upgrade() -> None:
    """Make the tables, those first that others refer to."""
    _make_policies()
    _make_submissions()
    _make_runs()
    _make_chunks()
    _make_steps()
    _make_reports()
    _make_verdicts()
    _make_outbox()
    _make_endpoints()
    _make_deliveries()
    _make_api_keys()
    _make_audit()


def downgrade() -> None:
    """Remove them again, in the opposite order; their indexes go with them."""
    op.drop_table("audit")
    op.drop_table("api_keys")
    op.drop_table("deliveries")
    op.drop_table("endpoints")
    op.drop_table("outbox")
    op.drop_table("verdicts")
    op.drop_table("reports")
    op.drop_table("steps")
    op.drop_table("chunks")
    op.drop_table("runs")
    op.drop_table("submissions")
    op.drop_table("policies")


def _make_policies() -> None:
    op.create_table(
        "policies",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("policy_id", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_policies"),
    )


def _make_submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("idempotency_key", sa.String(200), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64)),
        sa.Column("size_bytes", sa.BigInteger()),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("deleted_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_submissions"),
        sa.UniqueConstraint(
            "tenant", "idempotency_key", name="uq_submissions_tenant_idempotency_key"
        ),
    )
    _index_where("deleted_ms IS NULL", "ix_submissions_created_ms", "submissions", ["created_ms"])
    _index_where("deleted_ms IS NULL", "ix_submissions_tenant_id", "submissions", ["tenant", "id"])
    _index_where(
        "deleted_ms IS NULL", "ix_submissions_tenant_tag", "submissions", ["tenant", "tag", "id"]
    )


def _make_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("submission_id", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("policy_sha256", sa.String(64), nullable=False),
        sa.Column("policy_id", sa.String(200), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.String(200), nullable=False),
        sa.Column("model_version", sa.String(200), nullable=False),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("scored_by", sa.String(32)),
        sa.Column("plan", sa.Text()),
        sa.Column("fault", sa.Text()),
        sa.Column("flagged_ms", sa.BigInteger()),
        sa.Column("outcome", sa.String(16)),
        sa.Column("severity", sa.Integer()),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("finished_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.ForeignKeyConstraint(
            ["policy_sha256"], ["policies.sha256"], name="fk_runs_policy_sha256"
        ),
        _owner("runs", "submission_id", "submissions.id"),
        sa.UniqueConstraint(
            "submission_id", "policy_sha256", "model_sha256", name="uq_runs_hashes"
        ),
        sa.UniqueConstraint(*NAMESAKES, name="uq_runs_namesakes"),
    )
    op.create_index("ix_runs_tenant_outcome", "runs", ["tenant", "outcome", "submission_id"])
    op.create_index("ix_runs_tenant_state", "runs", ["tenant", "state", "submission_id"])


def _make_chunks() -> None:
    op.create_table(
        "chunks",
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("artifact", sa.Text()),
        sa.Column("frames", sa.Integer()),
        sa.Column("providers", sa.Text()),
        sa.Column("timings", sa.Text()),
        sa.PrimaryKeyConstraint("run_id", "number", name="pk_chunks"),
        _owner("chunks", "run_id", "runs.id"),
    )


def _make_steps() -> None:
    op.create_table(
        "steps",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("rung_ms", sa.BigInteger()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(200)),
        sa.Column("claimed_ms", sa.BigInteger()),
        sa.Column("lease_ms", sa.BigInteger()),
        sa.Column("cap_ms", sa.BigInteger()),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_steps"),
        _owner("steps", "run_id", "runs.id"),
        sa.UniqueConstraint("run_id", "kind", "chunk", name="uq_steps_run_id_kind_chunk"),
    )
    op.create_index("ix_steps_state_attempts", "steps", ["state", "attempts"])
    op.create_index(
        "ix_steps_state_kind", "steps", ["state", "kind", "priority", "run_id", "due_ms"]
    )


def _make_reports() -> None:
    op.create_table(
        "reports",
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("folder", sa.Text()),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_reports"),
        _owner("reports", "run_id", "runs.id"),
    )


def _make_verdicts() -> None:
    op.create_table(
        "verdicts",
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("submission_id", sa.String(32), nullable=False),
        sa.Column("policy_id", sa.String(200), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.String(200), nullable=False),
        sa.Column("model_version", sa.String(200), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_verdicts"),
        _owner("verdicts", "run_id", "runs.id"),
        _owner("verdicts", "submission_id", "submissions.id"),
        sa.UniqueConstraint(*NAMESAKES, name="uq_verdicts_namesakes"),
    )


def _make_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", COUNTER, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("submission_id", sa.String(32)),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("settled_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_submission_id", "outbox", ["submission_id"])
    _index_where("settled_ms IS NULL", "ix_outbox_unsettled", "outbox", ["id"])


def _make_endpoints() -> None:
    op.create_table(
        "endpoints",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("rests_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_endpoints"),
    )


def _make_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("endpoint_id", sa.String(32), nullable=False),
        sa.Column("event_id", sa.String(40), nullable=False),
        sa.Column("submission_id", sa.String(32)),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("taken_ms", sa.BigInteger()),
        sa.Column("status", sa.Integer()),
        sa.Column("error", sa.Text()),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("delivered_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["endpoints.id"], name="fk_deliveries_endpoint_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("endpoint_id", "event_id", name="uq_deliveries_endpoint_id_event_id"),
    )
    op.create_index("ix_deliveries_state_due_ms", "deliveries", ["state", "due_ms"])
    op.create_index("ix_deliveries_submission_id", "deliveries", ["submission_id"])


def _make_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )


def _make_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", COUNTER, autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )


def _owner(table: str, column: str, owner: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}"
    return sa.ForeignKeyConstraint([column], [owner], name=name, ondelete="CASCADE")


def _index_where(condition: str, name: str, table: str, columns: list[str]) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
