"""API keys: shown once, kept as hashes, and of no use once they are revoked."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from tests.workers.store.store_parts import NOW_MS, UPLOADER
from workers.errors import NotFoundError
from workers.store.audit import read_audit
from workers.store.database import Database
from workers.store.keys import ApiKey, create_key, find_key, list_keys, revoke_key
from workers.store.records import Act, Role
from workers.store.tables import metadata

OTHER = Act("other", "somebody", NOW_MS)


def create(
    database: Database, act: Act = UPLOADER, role: Role = Role.UPLOADER
) -> tuple[ApiKey, str]:
    with database.write() as connection:
        return create_key(connection, act, name="ingest", role=role)


def find(database: Database, secret: str) -> ApiKey | None:
    with database.read() as connection:
        return find_key(connection, secret)


@pytest.mark.parametrize("role", list(Role))
def test_a_secret_finds_its_key(database: Database, role: Role) -> None:
    key, secret = create(database, role=role)

    assert secret.startswith("hrk_")
    assert len(secret) > 40
    assert find(database, secret) == key
    assert (key.tenant, key.name, key.role, key.revoked_ms) == ("acme", "ingest", role, None)


def test_no_two_are_the_same(database: Database) -> None:
    secrets = {create(database)[1] for _ in range(20)}
    assert len(secrets) == 20


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _: "", id="nothing"),
        pytest.param(lambda secret: secret[:-1], id="too short"),
        pytest.param(lambda secret: secret + "x", id="too long"),
        pytest.param(str.lower, id="lower case"),
        pytest.param(lambda secret: secret + "\x00", id="NUL"),
        pytest.param(lambda _: "\ud800", id="half a character"),
        pytest.param(lambda _: "' OR 1=1 --", id="SQL"),
        pytest.param(lambda secret: secret.removeprefix("hrk_"), id="without its prefix"),
    ],
)
def test_no_other_secret_does(database: Database, change: Callable[[str], str]) -> None:
    _, secret = create(database)

    assert find(database, change(secret)) is None


def test_its_hash_does_not_find_it(database: Database) -> None:
    create(database)
    with database.read() as connection:
        digest = connection.execute(select(metadata.tables["api_keys"].c.digest)).scalar_one()

    assert find(database, digest) is None


def test_the_secret_is_kept_nowhere(database: Database) -> None:
    _, secret = create(database)
    with database.read() as connection:
        for table in metadata.sorted_tables:
            assert secret not in repr(connection.execute(select(table)).all()), table.name


def test_a_revoked_key_lets_nobody_in(database: Database) -> None:
    (key, secret), (other, other_secret) = create(database), create(database)
    with database.write() as connection:
        revoke_key(connection, UPLOADER, key.id)

    assert find(database, secret) is None
    assert find(database, other_secret) == other
    with database.read() as connection:
        listed = {one.id: one.revoked_ms for one in list_keys(connection, tenant="acme")}
    assert listed == {key.id: NOW_MS, other.id: None}


def test_a_key_is_revoked_once_and_by_its_tenant(database: Database) -> None:
    key, secret = create(database)
    with pytest.raises(NotFoundError), database.write() as connection:
        revoke_key(connection, OTHER, key.id)
    assert find(database, secret) == key

    with database.write() as connection:
        revoke_key(connection, UPLOADER, key.id)
    with pytest.raises(NotFoundError), database.write() as connection:
        revoke_key(connection, UPLOADER, key.id)


def test_a_tenant_sees_its_own(database: Database) -> None:
    mine, _ = create(database)
    theirs, _ = create(database, OTHER)
    with database.read() as connection:
        assert list_keys(connection, tenant="acme") == [mine]
        assert list_keys(connection, tenant="other") == [theirs]
        assert list_keys(connection, tenant="third") == []


def test_what_is_done_with_keys_is_in_the_log(database: Database) -> None:
    key, _ = create(database, role=Role.LEAD)
    with database.write() as connection:
        revoke_key(connection, UPLOADER, key.id)
        rows = list(read_audit(connection))

    assert [(row.action, row.subject) for row in rows] == [
        ("key.created", key.id), ("key.revoked", key.id),
    ]  # fmt: skip
    assert '"role": "lead"' in rows[0].body
