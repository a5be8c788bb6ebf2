"""API keys: shown once, kept as hashes, each of one tenant and one role."""

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from workers.errors import NotFoundError
from workers.store.audit import append_audit
from workers.store.ids import new_id
from workers.store.records import Act, Role, Row
from workers.store.tables import api_keys

PREFIX = "hrk_"
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class ApiKey(Row):
    """A key without its secret."""

    id: str
    tenant: str
    name: str
    role: Role
    created_ms: int
    revoked_ms: int | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", Role(self.role))


def create_key(connection: Connection, act: Act, *, name: str, role: Role) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret, which nobody can ever be shown again."""
    secret = f"{PREFIX}{secrets.token_urlsafe(SECRET_BYTES)}"
    row = connection.execute(
        insert(api_keys)
        .values(
            id=new_id(act.at_ms),
            tenant=act.tenant,
            name=name,
            role=role.value,
            digest=digest_of(secret),
            created_ms=act.at_ms,
        )
        .returning(api_keys)
    ).mappings()
    key = ApiKey.of(row.one())
    append_audit(connection, act, "key.created", subject=key.id, name=name, role=role.value)
    return key, secret


def find_key(connection: Connection, secret: str) -> ApiKey | None:
    """Return the key of a secret, None if there is none or it was revoked."""
    row = (
        connection.execute(
            select(api_keys).where(
                api_keys.c.digest == digest_of(secret), api_keys.c.revoked_ms.is_(None)
            )
        )
        .mappings()
        .first()
    )
    return ApiKey.of(row) if row else None


def has_keys(connection: Connection) -> bool:
    """Whether any tenant has a key that lets somebody in."""
    query = select(api_keys.c.id).where(api_keys.c.revoked_ms.is_(None))
    return connection.execute(query.limit(1)).first() is not None


def list_keys(connection: Connection, *, tenant: str) -> list[ApiKey]:
    """Return a tenant's keys, revoked ones too, the oldest first."""
    rows = connection.execute(
        select(api_keys).where(api_keys.c.tenant == tenant).order_by(api_keys.c.id)
    ).mappings()
    return [ApiKey.of(row) for row in rows]


def revoke_key(connection: Connection, act: Act, key_id: str) -> None:
    """Revoke a key; nobody gets in with it any more.

    Raises:
        NotFoundError: if the tenant has no such key, or it was revoked already.
    """
    revoked = connection.execute(
        update(api_keys)
        .where(
            api_keys.c.id == key_id,
            api_keys.c.tenant == act.tenant,
            api_keys.c.revoked_ms.is_(None),
        )
        .values(revoked_ms=act.at_ms)
    )
    if revoked.rowcount == 0:
        raise NotFoundError(f"no key {key_id}")
    append_audit(connection, act, "key.revoked", subject=key_id)


def digest_of(secret: str) -> str:
    """Return what is kept of a secret. It has 256 bits of chance: no salt, no slow hash needed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
