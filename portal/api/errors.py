"""The errors of an endpoint, as its OpenAPI description lists them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from nightmail.reasons import REASONS, Surface
from portal.problems import CONTENT_TYPE, PROBLEM_PATH, STATUS_OF_REASON, Problem, title_of

Responses = dict[int | str, dict[str, Any]]

_ALWAYS = (
    "request_malformed",
    "key_missing",
    "key_wrong",
    "permission_missing",
    "request_invalid",
    "too_many_requests",
    "database_unavailable",
)
_STATUS = {**STATUS_OF_REASON, "request_malformed": 400, "file_empty": 422, "upload_truncated": 400}


def errors(*reasons: str) -> Responses:
    """The descriptions of the errors that an endpoint may answer: ``reasons``, and those that every endpoint may."""
    found: Responses = {}
    for code in (*_ALWAYS, *reasons):
        status = _STATUS.get(code, 422)
        entry = REASONS[code]
        example = {
            "type": f"{PROBLEM_PATH}{code}",
            "title": title_of(code) or HTTPStatus(status).phrase,
            "status": status,
            "detail": entry.sentence,
            "reason": code,
            "remedy": entry.remedy_on(Surface.API),
            "errors": [],
        }
        known = found.setdefault(
            status,
            {"model": Problem, "description": "", "content": {CONTENT_TYPE: {"examples": {}}}},
        )
        known["content"][CONTENT_TYPE]["examples"][code] = {"summary": entry.sentence, "value": example}
        known["description"] = ", ".join(f"`{name}`" for name in known["content"][CONTENT_TYPE]["examples"])
    return found
