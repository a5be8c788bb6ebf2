"""The audit log: who did what, when, on what; each row sealed by a hash over the one before."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection, insert, select, text

from workers.store.records import Act, Row
from workers.store.tables import audit

GENESIS = "0" * 64
LOCK = 0x68656174  # PostgreSQL's advisory lock for the end of the chain
PAGE_ROWS = 1000
SEAL = re.compile("[0-9a-f]{64}")
NUMBER = re.compile("[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class AuditRow(Row):
    """One row of the log; `hash` is over all the others of its fields."""

    number: int
    at_ms: int
    tenant: str
    actor: str
    action: str
    subject: str
    body: str
    previous: str
    hash: str


def append_audit(
    connection: Connection, act: Act, action: str, *, subject: str, **body: Any
) -> None:
    """Append a row; it exists when the transaction is committed, and in the order of commits.

    Args:
        connection: of a writing transaction.
        act: who did it, for whom, and when.
        action: what was done, as `submission.created`.
        subject: id of what it was done to.
        body: more about it; nothing secret.
    """
    if connection.dialect.name == "postgresql":  # SQLite's writers are one after the other
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    last = connection.execute(
        select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
    ).first()
    row = {
        "number": last.number + 1 if last else 1,
        "at_ms": act.at_ms,
        "tenant": act.tenant,
        "actor": act.actor,
        "action": action,
        "subject": subject,
        "body": json.dumps(body, sort_keys=True),
        "previous": last.hash if last else GENESIS,
    }
    connection.execute(insert(audit).values(**row, hash=seal_of(row)))


def seal_of(row: Mapping[str, Any]) -> str:
    """Return the hash of a row's fields, that of the row before it included."""
    names = ("number", "at_ms", "tenant", "actor", "action", "subject", "body", "previous")
    sealed = json.dumps([row[name] for name in names], ensure_ascii=False)
    return hashlib.sha256(sealed.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The end of the log at some time: the last row's number and hash, 0 and GENESIS without one.

    >>> AuditHead.read("3:" + "f" * 64).number
    3
    """

    number: int
    hash: str

    def __post_init__(self) -> None:
        if self.number < 0 or not SEAL.fullmatch(self.hash):
            raise ValueError("a head of the audit log is NUMBER:HASH, the hash 64 digits of hex")

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"

    @classmethod
    def read(cls, said: str) -> Self:
        """Return a head as its text says it.

        Raises:
            ValueError: if it says none.
        """
        number, _, seal = said.strip().partition(":")
        return cls(int(number) if NUMBER.fullmatch(number) else -1, seal)


def find_head(connection: Connection) -> AuditHead:
    """Return the end of the log as it is."""
    last = connection.execute(
        select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
    ).first()
    return AuditHead(last.number, last.hash) if last else AuditHead(0, GENESIS)


def verify_audit(connection: Connection, noted: AuditHead | None = None) -> tuple[str, ...]:
    """Return what is wrong with the log, a line each: edited, missing or reordered rows.

    Rows that were cut off at the very end leave no trace in the log itself, nor does a log that
    was written anew from some row on, every seal in it: they show against a head that was noted
    elsewhere, where whoever can write to this database cannot.

    Args:
        connection: to the database.
        noted: the log's head at some time before; None = none was noted.
    """
    faults: list[str] = []
    number, previous = 0, GENESIS
    sought = noted or AuditHead(0, GENESIS)
    is_there = sought == AuditHead(0, GENESIS)
    for row in read_audit(connection):
        values = {field: getattr(row, field) for field in AuditRow.__slots__}
        if row.number != number + 1:
            faults.append(f"row {row.number}: {row.number - number - 1} rows before it are missing")
        elif row.previous != previous:
            faults.append(f"row {row.number}: does not follow on the row before it")
        if row.hash != seal_of(values):
            faults.append(f"row {row.number}: was edited")
        number, previous = row.number, row.hash
        is_there = is_there or (row.number, row.hash) == (sought.number, sought.hash)
    if not is_there:
        faults.append(f"row {sought.number}: is not there, or not the one that was noted")
    return tuple(faults)


def read_audit(connection: Connection, *, after: int = 0) -> Iterator[AuditRow]:
    """Yield the rows whose number is greater than *after*, in order."""
    while True:
        page = connection.execute(
            select(audit).where(audit.c.number > after).order_by(audit.c.number).limit(PAGE_ROWS)
        ).mappings()
        rows = [AuditRow.of(row) for row in page]
        if not rows:
            return
        yield from rows
        after = rows[-1].number


def list_audit(connection: Connection, *, tenant: str, after: int, limit: int) -> list[AuditRow]:
    """Return a page of the rows of one tenant, the oldest first, from *after* on."""
    page = connection.execute(
        select(audit)
        .where(audit.c.number > after, audit.c.tenant == tenant)
        .order_by(audit.c.number)
        .limit(limit)
    ).mappings()
    return [AuditRow.of(row) for row in page]
