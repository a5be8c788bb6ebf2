"""The tables: all that must survive the death of every process.

Times are integers of milliseconds since the epoch, UTC. Ids that Heatreel makes sort by the time
at which they were made, so a page of rows ends where its last id says.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID_CHARS = 32
SHA256_CHARS = 64
# No two runs of a submission have these in common; the convention's name would be too long.
NAMESAKES = ("submission_id", "policy_id", "policy_version", "model_id", "model_version")
# A row id that counts up: SQLite does so for its own kind of integer only.
COUNTER = BigInteger().with_variant(Integer, "sqlite")


def _index_where(condition: str, name: str, *columns: str) -> Index:
    """Return an index of those rows that fulfil a condition: it does not grow with the others."""
    return Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


def _id(*keys: ForeignKey, primary_key: bool = False, name: str = "id") -> Column[str]:
    return Column(name, String(ID_CHARS), *keys, primary_key=primary_key, nullable=False)


# What an upload service handed in, once an idempotency key.
submissions = Table(
    "submissions",
    metadata,
    _id(primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("idempotency_key", String(200), nullable=False),
    Column("uri", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("tag", Text, nullable=False),
    Column("sha256", String(SHA256_CHARS)),  # NULL until a URI's bytes have been read
    Column("size_bytes", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
    Column("deleted_ms", BigInteger),
    UniqueConstraint("tenant", "idempotency_key"),
    _index_where("deleted_ms IS NULL", "ix_submissions_tenant_id", "tenant", "id"),
    _index_where("deleted_ms IS NULL", "ix_submissions_tenant_tag", "tenant", "tag", "id"),
    _index_where("deleted_ms IS NULL", "ix_submissions_created_ms", "created_ms"),
)

# The files that runs were judged by, byte for byte.
policies = Table(
    "policies",
    metadata,
    Column("sha256", String(SHA256_CHARS), primary_key=True),
    Column("policy_id", String(200), nullable=False),
    Column("version", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

# One submission under one policy and one model.
runs = Table(
    "runs",
    metadata,
    _id(primary_key=True),
    _id(ForeignKey("submissions.id", ondelete="CASCADE"), name="submission_id"),
    Column("tenant", String(64), nullable=False),
    Column("policy_sha256", ForeignKey("policies.sha256"), nullable=False),
    Column("policy_id", String(200), nullable=False),
    Column("policy_version", Integer, nullable=False),
    Column("model_id", String(200), nullable=False),
    Column("model_version", String(200), nullable=False),
    Column("model_sha256", String(SHA256_CHARS), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("scored_by", String(ID_CHARS)),  # the run whose chunks are judged; NULL = its own
    Column("plan", Text),  # artifact: the probed video; NULL until planned
    Column("fault", Text),  # why there was nothing to score, as a reason in JSON
    Column("flagged_ms", BigInteger),  # when a chunk first stood at or above a block threshold
    Column("outcome", String(16)),  # of the verdict; NULL until there is one
    Column("severity", Integer),
    Column("created_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger),
    UniqueConstraint("submission_id", "policy_sha256", "model_sha256", name="uq_runs_hashes"),
    UniqueConstraint(*NAMESAKES, name="uq_runs_namesakes"),
    Index("ix_runs_tenant_state", "tenant", "state", "submission_id"),
    Index("ix_runs_tenant_outcome", "tenant", "outcome", "submission_id"),
)

# The time ranges of a video that are scored each as one unit of work.
chunks = Table(
    "chunks",
    metadata,
    _id(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, name="run_id"),
    Column("number", Integer, primary_key=True),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("artifact", Text),  # NULL until scored
    Column("frames", Integer),
    Column("providers", Text),  # that ran the model, in JSON
    Column("timings", Text),  # where the CPU seconds went, in JSON
)

# The work that is due, in progress or done; a step that nobody was told of yet has no rung_ms.
steps = Table(
    "steps",
    metadata,
    _id(primary_key=True),
    _id(ForeignKey("runs.id", ondelete="CASCADE"), name="run_id"),
    Column("kind", String(8), nullable=False),
    Column("chunk", Integer, nullable=False),  # 0 where it is not about one
    Column("state", String(16), nullable=False),
    Column("priority", Integer, nullable=False),  # 0 goes first
    Column("due_ms", BigInteger, nullable=False),
    Column("rung_ms", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("worker", String(200)),
    Column("claimed_ms", BigInteger),
    Column("lease_ms", BigInteger),  # until when it is held
    Column("cap_ms", BigInteger),  # beyond which no heartbeat holds it
    Column("progress", Float, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("error", Text),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("run_id", "kind", "chunk"),
    Index("ix_steps_state_kind", "state", "kind", "priority", "run_id", "due_ms"),
    Index("ix_steps_state_attempts", "state", "attempts"),
)

reports = Table(
    "reports",
    metadata,
    _id(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, name="run_id"),
    Column("folder", Text),  # of its artifacts; NULL where nothing was drawn
    Column("content", Text, nullable=False),  # report.json
    Column("created_ms", BigInteger, nullable=False),
)

verdicts = Table(
    "verdicts",
    metadata,
    _id(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, name="run_id"),
    _id(ForeignKey("submissions.id", ondelete="CASCADE"), name="submission_id"),
    Column("policy_id", String(200), nullable=False),
    Column("policy_version", Integer, nullable=False),
    Column("model_id", String(200), nullable=False),
    Column("model_version", String(200), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint(*NAMESAKES, name="uq_verdicts_namesakes"),
)

# What the world outside is still to be told, or to be rid of.
outbox = Table(
    "outbox",
    metadata,
    Column("id", COUNTER, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("submission_id", String(ID_CHARS), index=True),  # that it speaks of; NULL = of none
    Column("body", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("settled_ms", BigInteger),
    _index_where("settled_ms IS NULL", "ix_outbox_unsettled", "id"),
)

endpoints = Table(
    "endpoints",
    metadata,
    _id(primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("failures", Integer, nullable=False),  # tries in a row that nobody was there to answer
    Column("rests_until_ms", BigInteger, nullable=False),  # 0 = it does not rest
    Column("created_ms", BigInteger, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    _id(primary_key=True),
    _id(ForeignKey("endpoints.id", ondelete="CASCADE"), name="endpoint_id"),
    Column("event_id", String(40), nullable=False),
    Column("submission_id", String(ID_CHARS), index=True),  # that the event speaks of
    Column("kind", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("taken_ms", BigInteger),
    Column("status", Integer),
    Column("error", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("delivered_ms", BigInteger),
    UniqueConstraint("endpoint_id", "event_id"),
    Index("ix_deliveries_state_due_ms", "state", "due_ms"),
)

api_keys = Table(
    "api_keys",
    metadata,
    _id(primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("role", String(16), nullable=False),
    Column("digest", String(SHA256_CHARS), nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
)

# Append-only: each row's hash covers the row and the hash of the one before it.
audit = Table(
    "audit",
    metadata,
    Column("number", COUNTER, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("previous", String(SHA256_CHARS), nullable=False),
    Column("hash", String(SHA256_CHARS), nullable=False),
)
