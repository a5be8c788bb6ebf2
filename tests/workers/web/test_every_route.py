"""Every route by every kind of caller: what each is answered, and that no route is forgotten."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi.routing import APIRoute
from httpx import Response
from starlette.routing import Route

from tests.workers.web.test_reports import judge
from tests.workers.web.web_parts import OUR, RIVAL, Portal, Worker, client_of, make_key
from workers.store.deliveries import address_event
from workers.store.keys import find_key, revoke_key
from workers.store.records import Act, Role
from workers.web.access import ALLOWED, Action
from workers.web.door import WINDOW_MS

NOBODYS = "f" * 32
EVERYONE = frozenset(Role)
HANDS_IN = frozenset({Role.UPLOADER, Role.ADMIN})
LEADS = frozenset({Role.LEAD, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})
EVENT = '{"id": "evt_1", "type": "x", "data": {"submission_id": "' + NOBODYS + '"}}'
JUDGED, FRESH, DELIVERY, KEY, WEBHOOK = "{judged}", "{fresh}", "{delivery}", "{key}", "{webhook}"


@dataclass(frozen=True, slots=True)
class Row:
    """A route, and what those are answered whom it lets in.

    Attributes:
        method: of HTTP.
        path: as the app has it.
        roles: who is let in, written down a second time.
        status: what they are answered.
        thing: of ours, whose id stands in the path.
        body: of the request.
    """

    method: str
    path: str
    roles: frozenset[Role] = EVERYONE
    status: int = 200
    thing: str = ""
    body: dict[str, str] | None = field(default=None)

    def at(self, an_id: str) -> str:
        """Return the path with an id in it."""
        start, brace, rest = self.path.partition("{")
        path = f"{start}{an_id}{rest.partition('}')[2]}" if brace else start
        return path.replace("{kind}", "heatmap")


ONE = "/v1/submissions/{submission_id}"
HOOK = {"url": "https://hooks.example.org/"}
ROWS = [
    Row("POST", "/v1/submissions", HANDS_IN, 201, body={"uri": "file:///clips/a.mp4"}),
    Row("GET", "/v1/submissions"),
    Row("GET", ONE, thing=JUDGED),
    Row("DELETE", ONE, LEADS, 204, FRESH),
    Row("POST", f"{ONE}/cancel", HANDS_IN, 200, FRESH),
    Row("POST", f"{ONE}/runs", HANDS_IN, 201, FRESH, {"policy": "close"}),
    Row("GET", f"{ONE}/progress", thing=JUDGED),
    Row("GET", f"{ONE}/report", thing=JUDGED),
    Row("GET", f"{ONE}/artifacts/{{kind}}", thing=JUDGED),
    Row("GET", "/v1/policies"),
    Row("GET", "/v1/keys", ADMINS),
    Row("POST", "/v1/keys", ADMINS, 201, body={"name": "new", "role": "uploader"}),
    Row("DELETE", "/v1/keys/{key_id}", ADMINS, 204, KEY),
    Row("GET", "/v1/webhooks", ADMINS),
    Row("POST", "/v1/webhooks", ADMINS, 201, body=HOOK),
    Row("DELETE", "/v1/webhooks/{webhook_id}", ADMINS, 204, WEBHOOK),
    Row("GET", "/v1/deliveries", ADMINS),
    Row("POST", "/v1/deliveries/{delivery_id}/replay", ADMINS, 204, DELIVERY),
    Row("GET", "/v1/audit", LEADS),
]
OPEN = [Row("GET", path) for path in ("/healthz", "/readyz", "/metrics", "/openapi.json")]
Ask = Callable[[str | None, Row, str], Response]
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.path}")
each_with_an_id = pytest.mark.parametrize(
    "row", [row for row in ROWS if row.thing], ids=lambda row: f"{row.method} {row.path}"
)


def walk(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Yield method and path of all that an app answers, described or not."""
    for route in routes:
        if isinstance(route, APIRoute | Route):
            yield from ((method, route.path) for method in route.methods or () if method != "HEAD")
        else:  # what was included; anything else has no such router, and fails
            yield from walk(route.original_router.routes)


def test_no_route_is_forgotten(portal: Portal) -> None:
    """Whoever adds a route adds its row: who may use it, and that nobody else may."""
    found = list(walk(portal.server.config.app.routes))  # type: ignore[union-attr]

    assert sorted(found) == sorted((row.method, row.path) for row in [*ROWS, *OPEN])


def test_every_action_has_its_line() -> None:
    assert set(ALLOWED) == set(Action)
    assert all(Role.ADMIN in roles for roles in ALLOWED.values())


@pytest.fixture(scope="module")
def judged(portal: Portal) -> str:
    return judge(portal, Worker(portal), "judged-for-all.mp4")


@pytest.fixture(scope="module")
def revoked(portal: Portal) -> str:
    """Return the secret of a key of an admin that was revoked."""
    secret = make_key(portal.service, OUR, Role.ADMIN)
    with portal.service.database.write() as connection:
        key = find_key(connection, secret)
        assert key
        revoke_key(connection, Act(OUR, "the tests", 1), key.id)
    return secret


@pytest.fixture
def thing(portal: Portal, judged: str) -> Callable[[str], str]:
    """Return a function that makes a thing of ours, for nothing but this test, and gives its id."""
    made = iter(range(1000))

    def make(kind: str) -> str:
        if kind == FRESH:
            return portal.hand_in(f"{portal.service.now_ms()}-{next(made)}.mp4")
        if kind == KEY:
            asked = {"name": "brief", "role": "uploader"}
            return str(portal.admin.post("/v1/keys", json=asked).json()["id"])
        if kind in (WEBHOOK, DELIVERY):
            webhook = str(portal.admin.post("/v1/webhooks", json=HOOK).json()["id"])
            if kind == WEBHOOK:
                return webhook
            with portal.service.database.write() as connection:
                address_event(connection, OUR, EVENT, now_ms=1)
            return str(portal.admin.get("/v1/deliveries").json()["items"][0]["id"])
        return judged if kind == JUDGED else ""

    return make


@pytest.fixture(scope="module")
def ask(portal: Portal) -> Iterator[Ask]:
    """Return a function that asks for a row, with a key's secret, by an id."""
    with client_of(portal.url, None) as client:

        def ask_it(secret: str | None, row: Row, an_id: str) -> Response:
            portal.clock.ahead_ms += WINDOW_MS  # nobody waits because of others who failed
            body = row.body
            if body and "uri" in body:  # something that nobody has handed in before
                body = {"uri": f"file:///clips/{portal.clock()}.mp4"}
            headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
            return client.request(row.method, row.at(an_id), json=body, headers=headers)

        yield ask_it


@each_row
def test_strangers_are_told_nothing(
    ask: Ask, row: Row, revoked: str, thing: Callable[[str], str]
) -> None:
    """Nobody, a guess, a key that was revoked: all the same, whether the thing is there or not."""
    ours = thing(row.thing)
    for secret in (None, "hrk_guess", "guess", revoked):
        answers = [ask(secret, row, an_id) for an_id in {ours, NOBODYS}]
        assert {one.status_code for one in answers} == {401}
        assert answers[0].content == answers[-1].content
        assert answers[0].headers["WWW-Authenticate"] == "Bearer"


@each_row
@pytest.mark.parametrize("role", Role)
def test_a_role_is_answered_as_the_table_says(
    portal: Portal, ask: Ask, row: Row, role: Role, thing: Callable[[str], str]
) -> None:
    response = ask(portal.secrets[OUR, role], row, thing(row.thing))

    assert response.status_code == (row.status if role in row.roles else 403)


@each_with_an_id
@pytest.mark.parametrize("role", Role)
def test_what_is_another_tenants_is_not_there(
    portal: Portal, ask: Ask, row: Row, role: Role, thing: Callable[[str], str]
) -> None:
    """It is answered as what nobody has, to the letter; and who may not ask at all is told that."""
    ours = thing(row.thing)
    theirs = ask(portal.secrets[RIVAL, role], row, ours)
    nobodys = ask(portal.secrets[RIVAL, role], row, NOBODYS)

    assert theirs.status_code == nobodys.status_code == (404 if role in row.roles else 403)
    assert theirs.text.replace(ours, NOBODYS) == nobodys.text
    assert theirs.headers.raw[1:] == nobodys.headers.raw[1:]  # all but the date
    mine = ask(portal.secrets[OUR, Role.ADMIN], row, ours)
    assert mine.status_code == row.status  # it was there all the time, and still is


@pytest.mark.parametrize("row", OPEN, ids=lambda row: row.path)
def test_how_the_service_is_anybody_may_know(
    portal: Portal, ask: Ask, row: Row, revoked: str
) -> None:
    for secret in (None, "hrk_guess", revoked, portal.secrets[OUR, Role.UPLOADER]):
        assert ask(secret, row, "").status_code == 200


@pytest.mark.parametrize("row", [*ROWS, *OPEN], ids=lambda row: f"{row.method} {row.path}")
def test_no_other_method_does_anything(portal: Portal, row: Row) -> None:
    known = {one.method for one in [*ROWS, *OPEN] if one.path == row.path}
    methods = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "BREW"}
    for method in methods - known:
        response = portal.admin.request(method, row.at(NOBODYS), headers={"X-Echo": "planted"})
        assert response.status_code == 405, method
        assert "planted" not in response.text
