"""Room for others: nobody holds all places, however much he asks for or slowly sends."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import Message

from tests.workers.web.test_uploads import FILE, PATH, uploading
from tests.workers.web.web_parts import OUR, RIVAL, VIDEO, Portal, running, wait_until
from workers.store.keys import find_key
from workers.store.records import Role
from workers.web.bounded import BodyLimit, BoundedBody
from workers.web.desk import UPLOADS_OF_ONE, Desk
from workers.web.places import Places


def desk_of(portal: Portal) -> Desk:
    desk: Desk = portal.server.config.app.state.desk  # type: ignore[union-attr]
    return desk


def id_of(portal: Portal, role: Role) -> str:
    with portal.service.database.read() as connection:
        key = find_key(connection, portal.secrets[OUR, role])
    assert key
    return key.id


def test_a_holder_has_a_share_and_no_more() -> None:
    places = Places(3, 2)
    with places.take("a"), places.take("a"):
        with pytest.raises(HTTPException, match="429") as refused, places.take("a"):
            pass
        assert refused.value.headers == {"Retry-After": "5"}
        with places.take("b"), pytest.raises(HTTPException, match="503"), places.take("c"):
            pass
        with places.take("c"):
            pass
    with places.take("a"):
        pass


def test_a_place_is_free_again_whatever_happened() -> None:
    places = Places(1, 1)
    for _ in range(3):
        with pytest.raises(ValueError, match="x"), places.take("a"):
            raise ValueError("x")


def test_who_sends_too_many_files_at_once_waits_and_others_do_not(tmp_path: Path) -> None:
    with running(tmp_path) as portal, ExitStack() as held:
        ours = id_of(portal, Role.UPLOADER)
        for _ in range(UPLOADS_OF_ONE - 1):
            held.enter_context(desk_of(portal).uploads.take(ours))
        with (
            uploading(portal, "Content-Length: 500000") as connection,
            portal.client(Role.UPLOADER) as one,
            portal.client(Role.UPLOADER, RIVAL) as another,
        ):
            connection.sendall(FILE[:-2])
            wait_until(lambda: len(portal.quarantine) == 1)
            refused = one.post(PATH, files={"file": VIDEO})
            taken = another.post(PATH, files={"file": VIDEO})

        assert refused.status_code == 429
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert int(refused.headers["Retry-After"]) > 0
        assert taken.status_code == 201
        wait_until(lambda: portal.quarantine == [])


def test_who_asks_for_too_much_at_once_waits_and_others_do_not(portal: Portal) -> None:
    ours = id_of(portal, Role.LEAD)
    with portal.client(Role.LEAD) as one, portal.client(Role.LEAD, RIVAL) as another:
        desk = desk_of(portal)
        with ExitStack() as held:
            while not held_all(desk, ours, held):
                pass
            for path in ("/v1/policies", "/v1/audit", "/v1/submissions"):
                assert one.get(path).status_code == 429
                assert another.get(path).status_code == 200
        for _ in range(300):  # each place was given back
            assert one.get("/v1/policies").status_code == 200


def held_all(desk: Desk, holder: str, held: ExitStack) -> bool:
    try:
        held.enter_context(desk.requests.take(holder))
    except HTTPException:
        return True
    return False


class TestSlowBodies:
    """A body has to come at some speed, on the whole."""

    LIMIT = BodyLimit(size_bytes=10_000, seconds=60, slowest_bytes_s=1000, grace_s=0.2)

    def read(self, piece: bytes, pause_s: float, pieces: int) -> int:
        """Return how many bytes were read of a body that comes in pieces, with rests."""

        async def receive() -> Message:
            nonlocal pieces
            await asyncio.sleep(pause_s)
            pieces -= 1
            return {"type": "http.request", "body": piece, "more_body": pieces > 0}

        async def read_all() -> int:
            headers = Headers({"Transfer-Encoding": "chunked"})
            body, got_bytes = BoundedBody(receive, self.LIMIT, headers), 0
            while not body.is_whole:
                got_bytes += len((await body())["body"])
            return got_bytes

        return asyncio.run(read_all())

    def test_a_byte_now_and_then_is_too_slow(self) -> None:
        with pytest.raises(HTTPException, match=r"408.* took more than 0\.2"):
            self.read(b"x", 0.03, 1000)

    def test_one_that_comes_fast_enough_has_its_time(self) -> None:
        assert self.read(b"x" * 200, 0.03, 20) == 4000

    def test_silence_after_a_good_beginning_has_an_end_too(self) -> None:
        with pytest.raises(HTTPException, match="408"):
            self.read(b"x" * 100, 0.4, 3)
