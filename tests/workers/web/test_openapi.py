"""The description of the API: OpenAPI 3.1, with what goes wrong in it, and true."""

from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from tests.workers.web.test_every_route import OPEN, ROWS
from tests.workers.web.web_parts import Portal, Worker

Description = dict[str, Any]


@pytest.fixture(scope="module")
def description(portal: Portal) -> Description:
    described: Description = portal.admin.get("/openapi.json").json()
    return described


def operations(description: Description) -> list[tuple[str, str, Description]]:
    return [
        (method.upper(), path, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]


def test_it_is_openapi_3_1(description: Description) -> None:
    assert description["openapi"].startswith("3.1.")
    validate(description)


def test_every_operation_says_what_it_does_and_what_goes_wrong(description: Description) -> None:
    for method, path, operation in operations(description):
        assert operation["description"], (method, path)
        if (method, path) in {(row.method, row.path) for row in OPEN}:
            assert "security" not in operation
            continue
        assert operation["security"] == [{"ApiKey": []}]
        wrong = {status for status in operation["responses"] if status[0] in "45"}
        assert {"401", "403", "422", "429", "503"} <= wrong
        assert ("404" in wrong) or "{" not in path
        for status in wrong:
            (media_type,) = operation["responses"][status]["content"]
            assert media_type == "application/problem+json"
            example = operation["responses"][status]["content"][media_type]["example"]
            assert example["status"] == int(status)


def test_names_of_operations_are_unique(description: Description) -> None:
    names = [operation["operationId"] for _, _, operation in operations(description)]

    assert len(set(names)) == len(names) == len(ROWS) + len(OPEN) - 1  # its own description


def test_a_submission_is_a_form_or_json(description: Description) -> None:
    submit = description["paths"]["/v1/submissions"]["post"]

    assert set(submit["requestBody"]["content"]) == {"multipart/form-data", "application/json"}
    assert {"400", "408", "409", "413", "415"} <= set(submit["responses"])
    assert [one["name"] for one in submit["parameters"]] == ["Idempotency-Key"]


def test_answers_are_as_described(portal: Portal, worker: Worker, description: Description) -> None:
    submission_id = portal.hand_in("described.mp4")
    worker.do_all(portal.run_of(submission_id))
    portal.admin.post("/v1/webhooks", json={"url": "https://hooks.example.org/"})
    for path, template in (
        ("/v1/submissions", None),
        (f"/v1/submissions/{submission_id}", "/v1/submissions/{submission_id}"),
        ("/v1/policies", None),
        ("/v1/keys", None),
        ("/v1/webhooks", None),
        ("/v1/deliveries", None),
        ("/v1/audit", None),
        ("/readyz", None),
    ):
        responses = description["paths"][template or path]["get"]["responses"]
        schema = responses["200"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": description["components"]}
        OAS31Validator(whole).validate(portal.admin.get(path).json())


def test_no_page_loads_scripts_from_elsewhere(portal: Portal) -> None:
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):
        assert portal.admin.get(path).status_code == 404
