"""Problems are RFC 9457's, every answer carries its headers, and nothing of the inside gets out."""

import logging

import httpx
import pytest

from pipeline.errors import PolicyError
from tests.workers.web.web_parts import OUR, Portal, Worker, client_of, wait_until
from workers.errors import BrokerUnavailableError, NotFoundError
from workers.store.records import Role
from workers.web.ids import require_id
from workers.web.statuses import STATUSES, error_of, status_of

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
ID = "f" * 32


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


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/openapi.json", "/v1/policies", "/x"])
def test_every_answer_carries_the_headers(portal: Portal, path: str) -> None:
    response = portal.admin.get(path)

    assert {name: response.headers[name] for name in HEADERS} == HEADERS
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
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
