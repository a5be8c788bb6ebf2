"""What stands around every answer, seen from the server: which message goes when."""

import asyncio
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from tests.workers.web.web_parts import Clock, open_parts
from workers.metrics import Meters
from workers.web.bounded import LINGER_BYTES
from workers.web.envelope import Envelope

ASKED: Scope = {
    "type": "http",
    "method": "POST",
    "path": "/v1/keys",
    "headers": [(b"transfer-encoding", b"chunked")],
}


class Conversation:
    """What was received and sent, in order, with an app that answers without reading."""

    def __init__(self, folder: Path, pieces: list[bytes]) -> None:
        service, _ = open_parts(folder, Clock())
        self.events: list[str] = []
        self.pieces = iter(pieces)
        self.envelope = Envelope(self.answer, service.settings, Meters(service))

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("no", 413)(scope, receive, send)

    async def receive(self) -> Message:
        piece = next(self.pieces, None)
        if piece is None:
            self.events.append("gone")
            return {"type": "http.disconnect"}
        self.events.append("received")
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(self, message: Message) -> None:
        kind = message["type"].rpartition(".")[2]
        self.events.append("more" if message.get("more_body") else kind)

    def run(self, scope: Scope = ASKED) -> list[str]:
        asyncio.run(self.envelope(dict(scope), self.receive, self.send))
        return self.events


def test_an_answer_is_out_before_the_rest_of_the_request_is_passed_over(tmp_path: Path) -> None:
    events = Conversation(tmp_path, [b"x"] * 3).run()

    assert events == ["start", "more", "received", "received", "received", "gone", "body"]


def test_only_so_much_is_passed_over(tmp_path: Path) -> None:
    piece = b"x" * (LINGER_BYTES // 4)
    events = Conversation(tmp_path, [piece] * 1000).run()

    assert events == ["start", "more", *["received"] * 4, "body"]


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"0")]], ids=["none", "empty"])
def test_where_there_is_no_body_nothing_is_waited_for(
    tmp_path: Path, headers: list[tuple[bytes, bytes]]
) -> None:
    assert Conversation(tmp_path, []).run({**ASKED, "headers": headers}) == ["start", "body"]
