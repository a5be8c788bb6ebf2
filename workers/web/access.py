"""Who may do what: one table, and the way in which every route names its line of it."""

from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from workers.store.keys import ApiKey
from workers.store.records import Role
from workers.web.desk import AtDesk


class Action(StrEnum):
    """What one may be allowed to do, always with the data of one's own tenant."""

    SUBMIT = "submit"
    LOOK = "look"  # at submissions, reports, pictures, policies
    STEER = "steer"  # cancel a submission, judge it again
    DELETE = "delete"
    AUDIT = "audit"
    MANAGE_KEYS = "manage keys"
    MANAGE_WEBHOOKS = "manage webhooks"


ALLOWED: dict[Action, frozenset[Role]] = {
    Action.SUBMIT: frozenset({Role.UPLOADER, Role.ADMIN}),
    Action.LOOK: frozenset(Role),
    Action.STEER: frozenset({Role.UPLOADER, Role.ADMIN}),
    Action.DELETE: frozenset({Role.LEAD, Role.ADMIN}),
    Action.AUDIT: frozenset({Role.LEAD, Role.ADMIN}),
    Action.MANAGE_KEYS: frozenset({Role.ADMIN}),
    Action.MANAGE_WEBHOOKS: frozenset({Role.ADMIN}),
}

_bearer = HTTPBearer(
    auto_error=False, scheme_name="ApiKey", description="A key as `POST /v1/keys` shows it once."
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def may(action: Action) -> Any:
    """Return the dependency of a route that lets in only callers who may do *action*."""
    return Depends(_gate(action))


def _gate(action: Action) -> Callable[..., Any]:
    async def require(
        request: Request, desk: AtDesk, credentials: Credentials
    ) -> AsyncIterator[ApiKey]:
        """Give the key of the caller, who holds a place until the answer is out.

        Raises:
            HTTPException: 401 without a key, 403 if its role does not allow the action, 429 if
                the caller asks for too much at once.
        """
        secret = credentials.credentials if credentials else None
        address = request.client.host if request.client else ""
        caller = await desk.door.admit(secret, address)
        request.state.caller = caller.name
        if caller.role not in ALLOWED[action]:
            detail = f"the role {caller.role} may not {action}"
            raise HTTPException(HTTPStatus.FORBIDDEN, detail)
        with desk.requests.take(caller.id):
            yield caller

    return require


Submitter = Annotated[ApiKey, may(Action.SUBMIT)]
Looker = Annotated[ApiKey, may(Action.LOOK)]
Steerer = Annotated[ApiKey, may(Action.STEER)]
Deleter = Annotated[ApiKey, may(Action.DELETE)]
Auditor = Annotated[ApiKey, may(Action.AUDIT)]
KeyManager = Annotated[ApiKey, may(Action.MANAGE_KEYS)]
WebhookManager = Annotated[ApiKey, may(Action.MANAGE_WEBHOOKS)]
