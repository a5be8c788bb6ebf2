"""What admins and leads settle: keys, webhooks and their deliveries, the audit log."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from workers.queue.letters import require_deliverable
from workers.store.audit import list_audit
from workers.store.deliveries import (
    create_endpoint,
    list_deliveries,
    list_endpoints,
    remove_endpoint,
    replay,
)
from workers.store.keys import create_key, list_keys, revoke_key
from workers.web.access import Auditor, KeyManager, Looker, WebhookManager
from workers.web.answers import answer, failures, next_link
from workers.web.asked import NewKey, NewWebhook
from workers.web.bodies import (
    AuditPage,
    DeliveryPage,
    KeyList,
    NewKeyBody,
    NewWebhookBody,
    PolicyList,
    WebhookList,
)
from workers.web.desk import AtDesk
from workers.web.ids import DEFAULT_PAGE, Before, Id, Limit
from workers.web.shown import show_audit, show_delivery, show_key, show_policy, show_webhook

MAX_NUMBER = 2**63 - 1  # of a row: what databases count to

router = APIRouter(prefix="/v1")
After = Annotated[
    int, Query(ge=0, le=MAX_NUMBER, description="The `next` of the page before; 0 for the first.")
]


@router.get(
    "/policies",
    tags=["policies"],
    response_model=PolicyList,
    responses=failures(),
)
async def list_policies(desk: AtDesk, _caller: Looker) -> Response:
    """List the policies that may be asked for, the default one first."""
    shown = [
        show_policy(basis, is_default=i == 0)
        for i, basis in enumerate(desk.catalogue.bases.values())
    ]
    return answer(PolicyList(items=tuple(shown)))


@router.get("/keys", tags=["keys"], response_model=KeyList, responses=failures())
def list_all_keys(desk: AtDesk, caller: KeyManager) -> Response:
    """List your tenant's keys, revoked ones too, the oldest first."""
    with desk.service.database.read() as connection:
        found = list_keys(connection, tenant=caller.tenant)
    return answer(KeyList(items=tuple(show_key(key) for key in found)))


@router.post(
    "/keys",
    tags=["keys"],
    status_code=HTTPStatus.CREATED,
    response_model=NewKeyBody,
    responses=failures(413),
)
def make_key(desk: AtDesk, caller: KeyManager, asked: NewKey) -> Response:
    """Make a key for your tenant; its secret is shown now and never again."""
    with desk.service.database.write() as connection:
        act = desk.act_of(caller)
        key, secret = create_key(connection, act, name=asked.name, role=asked.role)
    body = NewKeyBody(**show_key(key).model_dump(), secret=secret)
    return answer(body, status=HTTPStatus.CREATED)


@router.delete(
    "/keys/{key_id}",
    tags=["keys"],
    status_code=HTTPStatus.NO_CONTENT,
    responses=failures(404),
)
def delete_key(desk: AtDesk, caller: KeyManager, key_id: Id) -> Response:
    """Revoke a key: at once here, after two seconds at most at other servers.

    A stream of progress that it has opened lives on for five minutes at most.
    """
    with desk.service.database.write() as connection:
        revoke_key(connection, desk.act_of(caller), key_id)
    desk.door.forget()
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get(
    "/webhooks",
    tags=["webhooks"],
    response_model=WebhookList,
    responses=failures(),
)
def list_webhooks(desk: AtDesk, caller: WebhookManager) -> Response:
    """List those who are told of your tenant's events, the oldest first."""
    with desk.service.database.read() as connection:
        found = list_endpoints(connection, tenant=caller.tenant)
    return answer(WebhookList(items=tuple(show_webhook(endpoint) for endpoint in found)))


@router.post(
    "/webhooks",
    tags=["webhooks"],
    status_code=HTTPStatus.CREATED,
    response_model=NewWebhookBody,
    responses=failures(413),
)
def make_webhook(desk: AtDesk, caller: WebhookManager, asked: NewWebhook) -> Response:
    """Have your tenant's events sent to a URL, if the operator allows its host.

    The secret that signs them is shown now and never again.
    """
    require_deliverable(asked.url, desk.service.settings)
    with desk.service.database.write() as connection:
        endpoint, secret = create_endpoint(connection, desk.act_of(caller), asked.url)
    body = NewWebhookBody(**show_webhook(endpoint).model_dump(), secret=secret)
    return answer(body, status=HTTPStatus.CREATED)


@router.delete(
    "/webhooks/{webhook_id}",
    tags=["webhooks"],
    status_code=HTTPStatus.NO_CONTENT,
    responses=failures(404),
)
def delete_webhook(desk: AtDesk, caller: WebhookManager, webhook_id: Id) -> Response:
    """Send no more events to a URL."""
    with desk.service.database.write() as connection:
        remove_endpoint(connection, desk.act_of(caller), webhook_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get(
    "/deliveries",
    tags=["webhooks"],
    response_model=DeliveryPage,
    responses=failures(),
)
def list_all_deliveries(
    desk: AtDesk, caller: WebhookManager, before: Before = None, limit: Limit = DEFAULT_PAGE
) -> Response:
    """List what was, or is to be, delivered to your tenant's webhooks, the newest first."""
    with desk.service.database.read() as connection:
        found = list_deliveries(connection, tenant=caller.tenant, before=before, limit=limit + 1)
    last = found[limit - 1].id if len(found) > limit else None
    items = tuple(show_delivery(delivery) for delivery in found[:limit])
    headers = next_link("/v1/deliveries", {"before": last, "limit": limit}) if last else None
    return answer(DeliveryPage(items=items, next=last), headers=headers)


@router.post(
    "/deliveries/{delivery_id}/replay",
    tags=["webhooks"],
    status_code=HTTPStatus.NO_CONTENT,
    responses=failures(404),
)
def replay_delivery(desk: AtDesk, caller: WebhookManager, delivery_id: Id) -> Response:
    """Deliver an event again, whether it was taken or given up; it keeps its id."""
    now_ms = desk.service.now_ms()
    with desk.service.database.write() as connection:
        replay(connection, delivery_id, tenant=caller.tenant, now_ms=now_ms)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get(
    "/audit",
    tags=["audit"],
    response_model=AuditPage,
    responses=failures(),
)
def read_audit_log(
    desk: AtDesk, caller: Auditor, after: After = 0, limit: Limit = DEFAULT_PAGE
) -> Response:
    """Read what was done in your tenant, by whom and when, the oldest first."""
    with desk.service.database.read() as connection:
        found = list_audit(connection, tenant=caller.tenant, after=after, limit=limit + 1)
    last = found[limit - 1].number if len(found) > limit else None
    items = tuple(show_audit(row) for row in found[:limit])
    headers = next_link("/v1/audit", {"after": last, "limit": limit}) if last else None
    return answer(AuditPage(items=items, next=last), headers=headers)
