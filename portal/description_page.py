"""The API's description for people: one page made from the OpenAPI document, with nothing fetched from anywhere."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from nightmail.access.permissions import PERMISSION_MEANINGS
from nightmail.organisation.sandbox_accounts import sandbox_use
from nightmail.reasons import REASONS
from portal.pages import page
from portal.state import PortalState

router = APIRouter(include_in_schema=False)

_BASE = "https://nightmail.example"


@router.get("/docs")
@router.head("/docs")
def docs(request: Request, portal: PortalState) -> Response:
    """The page."""
    with portal.engine.connect() as connection:
        sandbox = sandbox_use(connection).labels
    description = request.app.openapi()
    groups = []
    for tag in description["tags"]:
        endpoints = [
            _endpoint(path, method, operation, description)
            for path, methods in description["paths"].items()
            for method, operation in methods.items()
            if tag["name"] in operation.get("tags", ())
        ]
        anchor = tag["name"].replace(" ", "-")
        groups.append(
            {"name": tag["name"], "anchor": anchor, "description": tag["description"], "endpoints": endpoints}
        )
    return page(
        "description",
        wide=True,
        sandbox=sandbox,
        info=description["info"],
        openapi=description["openapi"],
        introduction=[part for part in description["info"]["description"].strip().split("\n\n") if part],
        groups=groups,
        permissions=[(str(permission), meaning) for permission, meaning in PERMISSION_MEANINGS.items()],
        reasons=sorted(REASONS.values(), key=lambda reason: (reason.kind.value, reason.code)),
    )


def _endpoint(path: str, method: str, operation: dict[str, Any], description: dict[str, Any]) -> dict[str, Any]:
    parameters = [
        {
            "name": parameter["name"],
            "where": parameter["in"],
            "required": parameter.get("required", False),
            "description": parameter.get("description", ""),
            "example": _example_of(parameter),
        }
        for parameter in operation.get("parameters", ())
    ]
    return {
        "path": path,
        "method": method.upper(),
        "summary": operation["summary"],
        "description": operation.get("description", ""),
        "permissions": [name for need in operation.get("security", ()) for names in need.values() for name in names],
        "parameters": parameters,
        "example": _example(path, method, operation, parameters, description),
        "answers": [
            {"status": status, "description": answer.get("description", "")}
            for status, answer in sorted(operation["responses"].items())
        ],
    }


def _example_of(parameter: dict[str, Any]) -> Any:
    schema = parameter.get("schema", {})
    for source in (parameter, schema, *schema.get("anyOf", ())):
        if source.get("examples"):
            return source["examples"][0]
    return None


def _example(
    path: str, method: str, operation: dict[str, Any], parameters: list[dict[str, Any]], description: dict[str, Any]
) -> str:
    """The request as a command that can be copied."""
    query = {}
    for parameter in parameters:
        example = parameter["example"]
        if parameter["where"] == "path" and example is not None:
            path = path.replace(f"{{{parameter['name']}}}", str(example))
        elif parameter["where"] == "query" and example is not None and method == "post":
            query[parameter["name"]] = example
    lines = [f"curl -X {method.upper()} '{_BASE}{path}{'?' + urlencode(query) if query else ''}'"]
    if operation.get("security"):
        lines.append("-H 'Authorization: Bearer '\"$NIGHTMAIL_KEY\"")
    body = operation.get("requestBody", {}).get("content", {})
    if "text/csv" in body:
        lines += ["-H 'Content-Type: text/csv'", f"--data-binary @{query.get('name', 'contacts.csv')}"]
    elif "application/json" in body:
        name = body["application/json"]["schema"].get("$ref", "").rpartition("/")[2]
        examples = description["components"]["schemas"].get(name, {}).get("examples", [{}])
        lines += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(examples[0], ensure_ascii=False)}'"]
    return " \\\n  ".join(lines)
