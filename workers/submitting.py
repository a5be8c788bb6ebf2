"""Handing in a video that lies somewhere: the same for the API, a message, and the command line."""

import hashlib
import unicodedata
from dataclasses import dataclass

from workers.catalogue import Catalogue
from workers.errors import ForbiddenSourceError
from workers.service import Service
from workers.settings import Settings
from workers.sources import filename_of, require_allowed
from workers.store.ids import new_id
from workers.store.records import Act, Source
from workers.store.run_rows import Basis
from workers.store.submissions import NewSubmission, Submitted, submit

MAX_TEXT_CHARS = 500
MAX_KEY_CHARS = 200
CONTROL = ("Cc", "Cs")  # categories of Unicode: control characters, halves of characters
DELETED_KEY = "deleted:"  # what the store calls those that are gone


@dataclass(frozen=True, slots=True)
class UriRequest:
    """What somebody asks for who hands in a URI.

    Attributes:
        uri: where the video lies, under a prefix that the operator allows.
        tag: what they call it; may be empty.
        policy: id of a policy; None = the default one.
        idempotency_key: theirs; None = made of the URI, the policy and the model.
    """

    uri: str
    tag: str
    policy: str | None
    idempotency_key: str | None


def submit_uri(service: Service, catalogue: Catalogue, act: Act, asked: UriRequest) -> Submitted:
    """Take in a video by its URI; nothing of it is read yet.

    Raises:
        ForbiddenSourceError: if the URI is not allowed.
        NotFoundError: if there is no such policy.
        ConflictError: if the idempotency key was used for something else.
        ValueError: if a text is too long, or holds what no text holds.
    """
    new = describe_uri(service.settings, catalogue, act, asked)
    with service.database.write() as connection:
        return submit(connection, act, new)


def describe_uri(
    settings: Settings, catalogue: Catalogue, act: Act, asked: UriRequest
) -> NewSubmission:
    """Return what `submit_uri` takes in; raises the same, but for the conflict."""
    basis = catalogue.find(asked.policy)
    plain = require_allowed(asked.uri, settings.uris)
    filename = require_text("filename", filename_of(plain))
    if not filename:
        raise ForbiddenSourceError("the URI names no file")
    key = require_key(asked.idempotency_key)
    return NewSubmission(
        id=new_id(act.at_ms),
        source=Source(plain, filename, sha256=None, size_bytes=None),
        tag=require_text("tag", asked.tag),
        idempotency_key=key or default_key("uri", plain, basis),
        basis=basis,
    )


def default_key(kind: str, what: str, basis: Basis) -> str:
    """Return the idempotency key of those who name none: what it is, and what it is judged by."""
    policy, model = basis.hashes
    digest = hashlib.sha256(f"{what}\n{policy}\n{model}".encode("utf-8", "surrogatepass"))
    return f"{kind}:{digest.hexdigest()}"


def require_text(name: str, text: str) -> str:
    """Return a text that people have typed; it may hold any character but control characters.

    Raises:
        ValueError: if it is too long, or holds others.
    """
    if len(text) > MAX_TEXT_CHARS:
        raise ValueError(f"{name}: has {len(text)} characters, more than {MAX_TEXT_CHARS}")
    if any(unicodedata.category(sign) in CONTROL for sign in text):
        raise ValueError(f"{name}: holds control characters")
    return text


def require_key(key: str | None) -> str | None:
    """Return an idempotency key: printable ASCII, and not too long.

    Raises:
        ValueError: if it is something else.
    """
    if key is None:
        return None
    if not 0 < len(key) <= MAX_KEY_CHARS or not key.isascii() or not key.isprintable():
        raise ValueError(f"idempotency key: is 1 to {MAX_KEY_CHARS} printable ASCII characters")
    if key.startswith(DELETED_KEY):
        raise ValueError(f"idempotency key: begins with {DELETED_KEY}, as those that are gone do")
    return key
