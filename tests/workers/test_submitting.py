"""Handing in a URI: whatever is typed is data, or it is refused."""

from pathlib import Path

import pytest

from tests.workers.web.web_parts import open_parts
from workers.catalogue import Catalogue
from workers.errors import ForbiddenSourceError, NotFoundError
from workers.service import Service, clock_ms
from workers.store.records import Act
from workers.store.submissions import NewSubmission
from workers.submitting import (
    MAX_KEY_CHARS,
    MAX_TEXT_CHARS,
    UriRequest,
    default_key,
    describe_uri,
    require_key,
    require_text,
)

URI = "file:///clips/a.mp4"
ACT = Act("acme", "the tests", clock_ms())


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Service, Catalogue]:
    return open_parts(Path(tmp_path_factory.mktemp("parts")), clock_ms)  # type: ignore[arg-type]


def describe(parts: tuple[Service, Catalogue], uri: str = URI, **changes: str) -> NewSubmission:
    service, catalogue = parts
    asked: dict[str, str | None] = {"tag": "", "policy": None, "idempotency_key": None}
    return describe_uri(service.settings, catalogue, ACT, UriRequest(uri, **asked | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "'; DROP TABLE submissions; --",
        "<script>alert(1)</script>",
        "{{7*7}} ${x} %s %n",
        "../../etc/passwd",
        "\N{SNOWMAN} \N{PILE OF POO} \N{ARABIC LETTER BEH}",
        "x" * MAX_TEXT_CHARS,
    ],
    ids=ascii,
)
def test_a_text_is_kept_as_it_was_typed(parts: tuple[Service, Catalogue], text: str) -> None:
    assert require_text("tag", text) == text
    assert describe(parts, tag=text).tag == text


@pytest.mark.parametrize(
    "text",
    ["\x00", "a\nb", "a\tb", "\x1b[2J", "\x7f", "\x9b2J", "\ud800", "x" * (MAX_TEXT_CHARS + 1)],
    ids=ascii,
)
def test_what_no_text_holds_is_refused(parts: tuple[Service, Catalogue], text: str) -> None:
    with pytest.raises(ValueError, match=r"^tag: "):
        describe(parts, tag=text)


@pytest.mark.parametrize(
    "key",
    ["", " \n", "\x00", "é", "\ud800", "x" * (MAX_KEY_CHARS + 1), "deleted:" + "f" * 32],
    ids=ascii,
)
def test_a_key_that_is_none_is_refused(parts: tuple[Service, Catalogue], key: str) -> None:
    with pytest.raises(ValueError, match=r"^idempotency key: "):
        describe(parts, idempotency_key=key)


@pytest.mark.parametrize("key", [" ", "a", "sha256:x", "x" * MAX_KEY_CHARS])
def test_any_other_key_is_taken(key: str) -> None:
    assert require_key(key) == key


@pytest.mark.parametrize("name", ["%0A", "%00", "%1B", "%C2%9B", "a%0Db.mp4"])
def test_a_filename_holds_no_control_character(parts: tuple[Service, Catalogue], name: str) -> None:
    with pytest.raises((ForbiddenSourceError, ValueError)):
        describe(parts, f"file:///clips/{name}")


@pytest.mark.parametrize("uri", ["file:///clips/", "file:///clips", "", "a.mp4", "\x00", "\ud800"])
def test_what_names_no_file_that_is_allowed_is_refused(
    parts: tuple[Service, Catalogue], uri: str
) -> None:
    with pytest.raises(ForbiddenSourceError):
        describe(parts, uri)


def test_a_policy_that_is_not_offered_is_refused(parts: tuple[Service, Catalogue]) -> None:
    with pytest.raises(NotFoundError, match="cats, close"):
        describe(parts, policy="../../etc/passwd")


def test_who_names_no_key_gets_one_of_what_is_asked(parts: tuple[Service, Catalogue]) -> None:
    keys = [
        describe(parts).idempotency_key,
        describe(parts, tag="another").idempotency_key,
        describe(parts, "file:///clips/b.mp4").idempotency_key,
        describe(parts, policy="close").idempotency_key,
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert all(require_key(key) == key for key in keys)


def test_a_key_that_is_made_cannot_be_one_of_another_kind(
    parts: tuple[Service, Catalogue],
) -> None:
    basis = parts[1].find(None)
    assert default_key("uri", "x", basis) != default_key("sha256", "x", basis)
