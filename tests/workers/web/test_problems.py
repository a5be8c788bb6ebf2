"""Problems are RFC 9457's, every answer carries its headers, and nothing of the inside gets out."""

import contextlib
import logging
import socket

import httpx
import pytest

from pipeline.errors import PolicyError
from tests.workers.web.test_reports import judge
from tests.workers.web.web_parts import OUR, Portal, Worker, client_of, wait_until
from workers.errors import BrokerUnavailableError, NotFoundError
from workers.store.records import Role
from workers.web.ids import require_id
from workers.web.statuses import STATUSES, error_of, status_of

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
ID = "f" * 32
SMUGGLED = (
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/docs", 404),
        ("GET", "/redoc", 404),
        ("GET", "/v1/submissions/", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/submissions/" + "x" * 5000, 404),
        ("GET", f"/v1/submissions/{ID.upper()}", 404),
        ("GET", f"/v1/submissions/{ID}%00", 404),
        ("GET", f"/v1/submissions/{ID}%0a", 404),
        ("GET", "/v1/submissions/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/v1/submissions/'%20OR%201=1--", 404),
        ("GET", f"/v1/submissions/{ID}/report", 404),
        ("DELETE", f"/v1/keys/{ID}", 404),
        ("DELETE", "/v1/webhooks/x", 404),
        ("POST", "/v1/deliveries/%ff/replay", 404),
        ("PUT", "/v1/submissions", 405),
        ("TRACE", "/v1/keys", 405),
        ("BREW", "/v1/keys", 405),
        ("POST", "/healthz", 405),
        ("POST", "/v1/keys", 422),
        ("POST", "/v1/webhooks", 422),
        ("GET", "/v1/submissions?limit=x", 422),
    ],
)
def test_what_goes_wrong_is_a_problem(portal: Portal, method: str, path: str, status: int) -> None:
    response = portal.admin.request(method, path)
    problem = response.json()

    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == status
    assert all(problem[member] for member in ("type", "title", "detail"))
    assert {name: response.headers[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize("text", ["", "x", ID[1:], f"{ID}0", f"{ID}\n", f"{ID}\x00", ID.upper()])
def test_only_what_looks_like_an_id_gets_to_the_database(text: str) -> None:
    assert require_id(ID) == ID
    with pytest.raises(NotFoundError):
        require_id(text)


def test_what_is_streamed_and_what_has_no_body_carry_them_too(
    portal: Portal, worker: Worker
) -> None:
    submission_id = judge(portal, worker, "headers.mp4")
    answers = {
        path: portal.admin.get(f"/v1/submissions/{submission_id}{path}")
        for path in ("/progress", "/report", "/artifacts/heatmap", "/artifacts/frames")
    }
    answers["gone"] = portal.admin.delete(f"/v1/submissions/{submission_id}")
    assert [one.status_code for one in answers.values()] == [200, 200, 200, 200, 204]
    for response in answers.values():
        assert {name: response.headers[name] for name in HEADERS} == HEADERS
    assert answers["/progress"].headers["Content-Type"].startswith("text/event-stream")


@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host", "Forwarded", "X-Original-URL"])
def test_nobody_says_of_the_server_where_it_is(portal: Portal, name: str) -> None:
    """No answer is made of what a request says of its host: links are paths."""
    evil = "evil.example"
    body = {"uri": f"file:///clips/{name}.mp4"}
    headers = {name: f"host={evil}" if name == "Forwarded" else evil}
    for method, path in [
        ("POST", "/v1/submissions"),
        ("GET", "/v1/submissions?limit=1"),
        ("GET", "/v1/submissions/"),
        ("GET", "/openapi.json"),
        ("GET", "/"),
    ]:
        asked = body if method == "POST" else None
        response = portal.admin.request(method, path, json=asked, headers=headers)
        assert evil not in response.text
        assert evil not in str(response.headers)


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /<script> HTTP/9.9\r\nHost: x\r\n\r\n",
        b"<script>alert(1)</script>\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n<script>\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: <script>\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: <script>\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"<script>" * 20_000 + b"\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://evil.example/healthz<script> HTTP/1.1\r\nHost: x\r\n\r\n",
        SMUGGLED,
        b"\x16\x03\x01" + b"\x00" * 200,
        b"\x00" * 1000,
    ],
    ids=range(12),
)
def test_what_is_no_request_is_refused_and_not_repeated(portal: Portal, said: bytes) -> None:
    host, _, port = portal.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(said)
        answered = b""
        with contextlib.suppress(ConnectionResetError):  # it hung up on us
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                answered += piece
    for one in answered.split(b"HTTP/1.1 ")[1:]:
        assert one[:3] in (b"400", b"404", b"405", b"200")
        assert b"script" not in one
        assert b"evil" not in one
        assert b"text/html" not in one
    assert b"HTTP/1.1 200" not in answered or said is SMUGGLED
    assert portal.admin.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/openapi.json", "/v1/policies", "/x"])
def test_every_answer_carries_the_headers(portal: Portal, path: str) -> None:
    response = portal.admin.get(path)

    assert {name: response.headers[name] for name in HEADERS} == HEADERS
    assert "server" not in response.headers
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "", "role": "lead"}, 422),
        ({"name": "x" * 101, "role": "lead"}, 422),
        ({"name": "a\nb", "role": "lead"}, 422),
        ({"name": "x", "role": "root"}, 422),
        ({"name": "x", "role": "lead", "tenant": "rival"}, 422),
        ({"name": ["x"], "role": "lead"}, 422),
        ({"name": "x", "role": "lead", "\u202e": 1}, 422),
        ({"name": "x" * (65 << 10), "role": "lead"}, 413),
    ],
    ids=range(8),
)
def test_a_body_that_is_not_as_described_is_refused(
    portal: Portal, body: object, status: int
) -> None:
    response = portal.admin.post("/v1/keys", json=body)

    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.content.isascii()


def test_a_small_body_has_an_end_though_it_names_none(portal: Portal) -> None:
    def endless() -> object:
        while True:
            yield b"x" * 65536

    with portal.client() as client:
        try:
            response = client.post("/v1/keys", content=endless())  # type: ignore[arg-type]
        except httpx.TransportError:  # it hung up while we were still sending
            return
        assert response.status_code == 413


def faults_in(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [one for one in caplog.records if one.levelno == logging.ERROR]


class TestFaults:
    """What nobody has thought of is answered too, with nothing but where to look."""

    def test_a_fault_of_ours_says_where_it_is_in_the_log(
        self, portal: Portal, worker: Worker, caplog: pytest.LogCaptureFixture
    ) -> None:
        submission_id = portal.hand_in("fault.mp4")
        worker.do_all(portal.run_of(submission_id), report="no JSON, but inside")
        response = portal.admin.get(f"/v1/submissions/{submission_id}/report")

        assert response.status_code == 500
        assert response.headers["Content-Type"] == "application/problem+json"
        assert {name: response.headers[name] for name in HEADERS} == HEADERS
        wait_until(lambda: faults_in(caplog))
        (line,) = faults_in(caplog)
        assert vars(line)["incident"] in response.json()["detail"]
        assert line.exc_info
        assert "inside" not in response.text
        assert "JSON" not in response.text

    def test_errors_of_a_kind_have_the_status_of_their_nearest_kin(self) -> None:
        assert status_of(PolicyError("x"))[0] == 422
        assert status_of(BrokerUnavailableError("x"))[0] == 503
        assert status_of(NotFoundError("x"))[0] == 404

    @pytest.mark.parametrize("kind", STATUSES)
    def test_a_client_is_told_the_same_error(self, kind: type) -> None:
        status, problem_type = status_of(kind("why"))
        told = error_of(status, problem_type, "why")

        assert type(told) is kind
        assert str(told) == "why"


def test_the_log_has_a_line_a_request_and_no_secret(
    portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    secret = portal.secrets[OUR, Role.LEAD]
    with caplog.at_level(logging.DEBUG, "workers"), client_of(portal.url, secret) as client:
        client.get(f"/v1/submissions/{ID}?tag=private")
        client.get("/v1/%0a/private")
        client.get("/v1/audit", headers={"Authorization": "Bearer hrk_private"})

        def lines_of_requests() -> list[logging.LogRecord]:
            return [one for one in caplog.records if one.name == "workers.web.envelope"]

        wait_until(lambda: len(lines_of_requests()) == 3)  # they are written after the answers
    lines = lines_of_requests()
    assert [line.getMessage() for line in lines] == [
        "GET /v1/submissions/{submission_id} 404",
        "GET unmatched 404",
        "GET /v1/audit 401",
    ]
    assert [vars(line)["caller"] for line in lines] == [f"lead of {OUR}", "", ""]
    assert all(vars(line)["took_ms"] > 0 for line in lines)
    everything = repr([vars(record) for record in caplog.records])
    assert "private" not in everything
    assert secret not in everything
