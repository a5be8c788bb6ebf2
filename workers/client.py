"""A client of the API: what upload services and notebooks talk to Heatreel with.

::

    with HeatreelClient("http://localhost:8080", "hrk_...") as client:
        receipt = client.submit_file(Path("clip.mp4"), tag="upload-123")
        client.wait(receipt.submission_id, timeout_s=600).runs[0].verdict  # Outcome.PASS
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from pipeline.errors import HeatreelError, UnavailableError
from pipeline.outputs.names import escape_surrogates
from pipeline.records import Outcome
from workers.store.records import RunState
from workers.web.bodies import (
    ArtifactKind,
    PolicyBody,
    PolicyList,
    Problem,
    ProgressBody,
    Receipt,
    RunBody,
    SubmissionBody,
    SubmissionDetail,
    SubmissionPage,
)
from workers.web.statuses import error_of

PATH = "/v1/submissions"
TIMEOUT_S = 60.0  # without a sign of life from the server; it sends one every 15 s in a stream
MAX_REST_S = 30.0
PAGE = 100
PROGRESS = "progress"


class HeatreelClient:
    """A connection to one server, with one key; one thread at a time may use it.

    What the server cannot do at the moment is asked for again, with rests that double; submitting
    twice is submitting once, for the server knows the same by its idempotency key or its content.
    All that goes wrong is an error of Heatreel's own tree, as NotFoundError or UnavailableError.
    """

    def __init__(
        self, base_url: str, key: str, *, attempts: int = 5, first_rest_s: float = 0.5
    ) -> None:
        """Make a client; nothing is connected yet.

        Args:
            base_url: as "http://localhost:8080".
            key: "hrk_...".
            attempts: how often something is asked for, at least once.
            first_rest_s: before the second attempt, where the server names no time.
        """
        if attempts < 1:
            raise ValueError(f"attempts must be positive, got {attempts}")
        self._http = httpx.Client(
            base_url=base_url, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_S
        )
        self._attempts = attempts
        self._first_rest_s = first_rest_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def submit_file(
        self,
        path: Path,
        *,
        tag: str = "",
        policy: str | None = None,
        idempotency_key: str | None = None,
    ) -> Receipt:
        """Upload a video to be judged; it is streamed, however long it is.

        Raises:
            OSError: if the file cannot be read.
            ConflictError: if the idempotency key was used for something else.
        """
        name = escape_surrogates(path.name)
        fields = {"tag": tag, **({"policy": policy} if policy else {})}

        def send() -> httpx.Response:
            with path.open("rb") as file:
                form = {"file": (name, file, "application/octet-stream")}
                headers = _headers(idempotency_key)
                return self._http.post(PATH, data=fields, files=form, headers=headers)

        return Receipt.model_validate_json(self._ask(send).content)

    def submit_uri(
        self,
        uri: str,
        *,
        tag: str = "",
        policy: str | None = None,
        idempotency_key: str | None = None,
    ) -> Receipt:
        """Have a video judged that lies where the operator allows.

        Raises:
            ForbiddenSourceError: if it does not.
            ConflictError: if the idempotency key was used for something else.
        """
        body = {"uri": uri, "tag": tag, "policy": policy}
        headers = _headers(idempotency_key)
        response = self._send("POST", PATH, json=body, headers=headers)
        return Receipt.model_validate_json(response.content)

    def get(self, submission_id: str) -> SubmissionDetail:
        """Return a submission with its runs, the newest first."""
        response = self._send("GET", _path(submission_id))
        return SubmissionDetail.model_validate_json(response.content)

    def list(
        self,
        *,
        state: RunState | None = None,
        verdict: Outcome | None = None,
        tag: str | None = None,
    ) -> Iterator[SubmissionBody]:
        """Yield submissions, the newest first; each page is fetched when it is reached."""
        wanted = {"state": state, "verdict": verdict, "tag": tag, "limit": PAGE, "before": None}
        while True:
            query = {name: value for name, value in wanted.items() if value is not None}
            response = self._send("GET", PATH, params=query)
            page = SubmissionPage.model_validate_json(response.content)
            yield from page.items
            if page.next is None:
                return
            wanted["before"] = page.next

    def cancel(self, submission_id: str) -> SubmissionDetail:
        """End all runs of a submission that are not over."""
        response = self._send("POST", _path(submission_id, "cancel"))
        return SubmissionDetail.model_validate_json(response.content)

    def rerun(self, submission_id: str, policy: str) -> RunBody:
        """Judge a submission by another policy; nothing is scored again where that will do."""
        response = self._send("POST", _path(submission_id, "runs"), json={"policy": policy})
        return RunBody.model_validate_json(response.content)

    def delete(self, submission_id: str) -> None:
        """Delete a submission with all that was made of it."""
        self._send("DELETE", _path(submission_id))

    def report(self, submission_id: str, *, policy: str | None = None) -> dict[str, Any]:
        """Return report.json of the newest run that has one, of those under a policy."""
        query = {"policy": policy} if policy else {}
        report: dict[str, Any] = self._send(
            "GET", _path(submission_id, "report"), params=query
        ).json()
        return report

    def artifact(
        self, submission_id: str, kind: ArtifactKind, *, policy: str | None = None
    ) -> bytes:
        """Return one of the files that the report names."""
        query = {"policy": policy} if policy else {}
        return self._send("GET", _path(submission_id, "artifacts", kind), params=query).content

    def policies(self) -> tuple[PolicyBody, ...]:
        """Return the policies that may be asked for, the default one first."""
        return PolicyList.model_validate_json(self._send("GET", "/v1/policies").content).items

    def watch(self, submission_id: str) -> Iterator[ProgressBody]:
        """Yield how far a submission is, at once and whenever that changes, until it is over.

        A connection that breaks is made again.
        """
        seen: ProgressBody | None = None
        while seen is None or not seen.is_over:
            for progress in self._watch_once(submission_id):
                if progress != seen:
                    yield progress
                seen = progress

    def wait(self, submission_id: str, *, timeout_s: float) -> SubmissionDetail:
        """Return a submission when it is over.

        Raises:
            UnavailableError: if it is not by then.
        """
        end_s = time.monotonic() + timeout_s
        while True:
            submission = self.get(submission_id)
            if all(run.state.is_over for run in submission.runs):
                return submission
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise UnavailableError(f"{submission_id} is not over after {timeout_s:g} s")
            time.sleep(min(self._first_rest_s, left_s))

    def _watch_once(self, submission_id: str) -> Iterator[ProgressBody]:
        """Yield what one stream says, to its end or until it breaks."""
        request = self._http.build_request("GET", _path(submission_id, "progress"))
        response = self._ask(lambda: self._http.send(request, stream=True))
        try:
            yield from _events(response.iter_lines())
        except httpx.TransportError:
            time.sleep(self._first_rest_s)
        finally:
            response.close()

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._ask(lambda: self._http.request(method, path, **options))

    def _ask(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        """Return the answer, asking again while the server cannot give one."""
        for attempt in range(1, self._attempts):
            rest_s = min(self._first_rest_s * 2 ** (attempt - 1), MAX_REST_S)
            try:
                return _ask_once(send, rest_s)
            except _ComeAgainError as fault:
                time.sleep(fault.rest_s)
        return _ask_once(send, 0.0)


class _ComeAgainError(UnavailableError):
    """The server could not answer, and may be asked again after a rest."""

    def __init__(self, detail: str, rest_s: float) -> None:
        super().__init__(detail)
        self.rest_s = rest_s


def _ask_once(send: Callable[[], httpx.Response], rest_s: float) -> httpx.Response:
    """Return the answer; *rest_s* is how long to rest where the server names no time."""
    try:
        response = send()
        if response.is_success:
            return response
        response.read()
    except httpx.TransportError as error:
        raise _ComeAgainError(f"no answer: {error!r}", rest_s) from error
    fault = _fault_of(response)
    if not isinstance(fault, UnavailableError):
        raise fault
    named = response.headers.get("Retry-After", "")
    named_s = float(named) if named.isdecimal() else rest_s
    raise _ComeAgainError(str(fault), min(named_s, MAX_REST_S))


def _fault_of(response: httpx.Response) -> HeatreelError:
    try:
        said = Problem.model_validate_json(response.content)
    except ValidationError:  # something between us and the server has answered
        said = Problem(status=response.status_code)
    return error_of(response.status_code, said.type, said.detail)


def _events(lines: Iterator[str]) -> Iterator[ProgressBody]:
    """Yield the progress that server-sent events tell of."""
    kind = ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data" and kind == PROGRESS:
            yield ProgressBody.model_validate_json(value)


def _headers(idempotency_key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": idempotency_key} if idempotency_key else {}


def _path(submission_id: str, *steps: str) -> str:
    return "/".join([PATH, quote(submission_id, safe=""), *steps])
