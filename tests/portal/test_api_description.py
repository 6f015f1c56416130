"""The API does what its OpenAPI description says, whatever is sent to it."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from nightmail.access.permissions import Permission
from nightmail.reasons import REASONS
from portal.api.rights import api_routes
from tests.portal.conftest import Organisation, PortalStarter, RunningPortal

EXAMPLES = 15
WITH_RULES_OF_THE_DOMAIN = {
    "POST /v1/contact-files",
    "POST /v1/contacts/imports",
    "POST /v1/messages",
    "POST /v1/webhooks",
    "POST /v1/keys",
    "GET /v1/suppressions",
    "GET /v1/recipients",
    "POST /v1/suppressions",
    "POST /v1/campaigns",
    "GET /v1/segments",
    "GET /v1/consents",
    "POST /v1/consents",
    "POST /v1/consents/withdrawals",
    "GET /v1/consents/evidence",
    "GET /v1/consents/texts",
    "POST /v1/consents/texts",
    "GET /v1/preferences",
    "POST /v1/preferences",
    "POST /v1/segments",
    "POST /v1/segments/count",
    "PATCH /v1/segments/{segment_id}",
    "GET /v1/lists",
    "POST /v1/lists",
    "PATCH /v1/lists/{list_id}",
    "GET /v1/reports",
    "POST /v1/contacts",
    "POST /v1/contacts/attributes",
    "PATCH /v1/contacts/attributes/{attribute}",
    "PATCH /v1/contacts/{contact}",
    "POST /v1/contacts/{contact}/notes",
    "POST /v1/groups",
    "PATCH /v1/groups/{group}",
    "POST /v1/merges",
    "GET /v1/reports/export",
}
"""What a schema cannot say: a recipient has some address, a file has a name, an address is public, a number is in use, the days of a
report are at most a year's, a rule names what there is, an entry what the team sees."""


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_the_api_keeps_its_description(
    start_portal: PortalStarter, organisation: Organisation, mode: GenerationMode
) -> None:
    """No request, valid or not, leads to a server error, an undocumented status or body, or past the key."""
    portal = start_portal(api_requests_per_s=1e6, api_wrong_keys_per_minute=1e6)
    organisation.message(organisation.campaign())
    organisation.key()  # the first key, which requests revoke and rotate, is not the one they come with
    headers = {"Authorization": f"Bearer {organisation.key()}"}
    description = schemathesis.openapi.from_url(f"{portal.url}/openapi.json")
    tried = 0
    for found in description.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def hold(case: Any) -> None:
            excluded = [positive_data_acceptance] if case.operation.label in WITH_RULES_OF_THE_DOMAIN else []
            case.call_and_validate(headers=headers, timeout=30, excluded_checks=excluded)

        try:
            hold()
        except Unsatisfiable:
            continue  # an operation without parameters has no invalid request
        tried += 1
    assert tried >= 12


def test_the_description_is_complete(portal: RunningPortal) -> None:
    """Every endpoint of the API names its permissions, its errors as problem documents, and an example of what it takes."""
    description = portal.client.get("/openapi.json").json()
    assert description["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"
    assert "HTTPValidationError" not in description["components"]["schemas"]
    endpoints = 0
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            errors = {status for status in operation["responses"] if status[0] in "45"}
            for status in errors:
                assert set(operation["responses"][status]["content"]) == {"application/problem+json"}
            if not path.startswith("/v1/"):
                continue
            endpoints += 1
            assert operation["security"][0]["ApiKey"], f"{method} {path} names no permission"
            assert {"401", "403", "422", "429", "503"} <= errors
            assert operation["summary"]
            assert operation["description"]
    assert endpoints == len(list(api_routes()))


def test_the_description_for_people_is_one_page_that_fetches_nothing(portal: RunningPortal) -> None:
    """Every endpoint, every permission and every reason is on it, with a command to copy; its policy allows no script."""
    answer = portal.client.get("/docs")
    page = html.unescape(answer.text)
    for path in portal.client.get("/openapi.json").json()["paths"]:
        assert f"<code>{path}</code>" in page
    for name in (*Permission, *REASONS):
        assert f"<code>{name}</code>" in page
    assert "curl -X POST 'https://nightmail.example/v1/contact-files?feed=invoices&name=bills.csv'" in page
    assert not re.search(r"<script|<img|<link|url\(|src=", answer.text)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
