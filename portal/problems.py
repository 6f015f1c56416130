"""Every error as a problem document (RFC 9457): one form, one place.

``reason`` is a code of :mod:`nightmail.reasons`, stable for programs; ``detail`` is the sentence and ``remedy`` what to
do next, for people. ``type`` is an address on this portal that explains the reason.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.types import Send

from nightmail.errors import ConfigurationError, NightmailError, UnavailableError
from nightmail.reasons import REASONS, Surface

_log = logging.getLogger("nightmail.portal")

CONTENT_TYPE = "application/problem+json"
PROBLEM_PATH = "/problems/"

STATUS_OF_REASON: Mapping[str, int] = {
    "key_missing": 401,
    "contact_unknown": 404,
    "contact_exists": 409,
    "contact_changed_since": 409,
    "contact_removed": 409,
    "contact_attribute_in_use": 409,
    "contact_attribute_unknown": 404,
    "group_unknown": 404,
    "group_name_taken": 409,
    "group_changed_since": 409,
    "merge_unknown": 404,
    "merge_not_undone": 409,
    "merge_choices_differ": 409,
    "key_wrong": 401,
    "key_expired": 401,
    "permission_missing": 403,
    "not_permitted": 403,
    "key_network": 403,
    "grant_exceeds_yours": 403,
    "person_unknown": 404,
    "role_unknown": 404,
    "grant_unknown": 404,
    "key_unknown": 404,
    "pipeline_host": 421,
    "pipeline_by_post": 405,
    "pipeline_not_understood": 400,
    "pipeline_away": 503,
    "approval_by_another": 403,
    "approval_outdated": 409,
    "approval_void": 409,
    "person_exists": 409,
    "person_state": 409,
    "person_disabled": 409,
    "person_is_you": 409,
    "role_exists": 409,
    "key_exists": 409,
    "key_state": 409,
    "template_changed": 409,
    "template_version_current": 409,
    "template_version_unknown": 404,
    "role_ready_made": 409,
    "role_in_use": 409,
    "last_administrator": 409,
    "administrator_exists": 410,
    "suppression_above_team": 403,
    "form_from_elsewhere": 403,
    "form_outdated": 403,
    "webhook_forged": 403,
    "webhook_outdated": 403,
    "not_found": 404,
    "alert_unknown": 404,
    "campaign_unknown": 404,
    "decisions_unknown": 404,
    "feed_unknown": 404,
    "message_unknown": 404,
    "file_unknown": 404,
    "webhook_unknown": 404,
    "suspension_unknown": 404,
    "suppression_unknown": 404,
    "reply_unknown": 404,
    "recipient_unknown": 404,
    "reply_not_undecided": 409,
    "team_unknown": 404,
    "list_unknown": 404,
    "import_unknown": 404,
    "import_not_in_state": 409,
    "import_removes_many": 409,
    "import_changes_many": 409,
    "import_rows_unclear": 409,
    "import_book_changed": 409,
    "import_file_gone": 409,
    "segment_unknown": 404,
    "list_name_taken": 409,
    "list_in_use": 409,
    "list_changed_since": 409,
    "list_audience_changed": 409,
    "report_of_nothing": 404,
    "link_invalid": 404,
    "link_of_preview": 404,
    "method_not_allowed": 405,
    "request_too_slow": 408,
    "file_already_taken": 409,
    "webhook_ended": 409,
    "webhook_secret_elsewhere": 409,
    "campaign_state": 409,
    "campaign_changed": 409,
    "start_by_each_clock": 409,
    "message_not_in_doubt": 409,
    "suppression_asked_for": 409,
    **dict.fromkeys(("consent_ask_no_address", "consent_ask_suppressed", "consent_ask_withdrawn"), 409),
    **dict.fromkeys(("consent_ask_not_now", "consent_ask_no_link"), 409),
    "consent_ask_too_often": 429,
    "idempotency_in_progress": 409,
    "not_ready_yet": 409,
    "link_expired": 410,
    "access_link_wrong": 410,
    "access_link_used": 410,
    "access_link_expired": 410,
    "demonstration_refused": 410,
    "login_step_over": 410,
    "request_too_large": 413,
    "file_too_large": 413,
    "media_type": 415,
    "idempotency_key_reused": 422,
    "request_invalid": 422,
    "upload_truncated": 400,
    "too_many_requests": 429,
    "login_wait": 429,
    "database_unavailable": 503,
    "busy": 503,
    "logins_busy": 503,
    "storage_full": 507,
}
"""The HTTP status of a reason; any other reason of a user's mistake is 422."""

RETRY_AFTER: Mapping[str, Mapping[str, str]] = {"idempotency_in_progress": {"Retry-After": "2"}}
"""The header of reasons that pass by themselves within seconds."""

_REASON_OF_STATUS: Mapping[int, tuple[str, Mapping[str, Any]]] = {
    401: ("key_missing", {}),
    404: ("not_found", {"what": "resource"}),
    405: ("method_not_allowed", {}),
    408: ("request_too_slow", {}),
    415: ("media_type", {}),
    422: ("request_invalid", {}),
    503: ("busy", {}),
}
"""The reason and its fields for what the framework itself refuses; any other status is a malformed request."""


class FieldProblem(BaseModel):
    """One part of the request that is wrong."""

    where: str = Field(description="Where it is: `body.recipients.0.phone`, `query.limit`, `header.idempotency-key`")
    message: str = Field(description="What is wrong with it")


class Problem(BaseModel):
    """An error, as RFC 9457 says."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/campaign_unknown",
                    "title": "There is no such campaign.",
                    "status": 404,
                    "detail": "There is no campaign 2026-11-23.acme.billing.7f3a9c here.",
                    "reason": "campaign_unknown",
                    "remedy": "List your campaigns with GET /v1/campaigns.",
                    "errors": [],
                }
            ]
        }
    )

    type: str = Field(description="An address that explains the reason")
    title: str = Field(description="The reason in a few words, always the same for one reason")
    status: int = Field(description="The HTTP status")
    detail: str = Field(description="What happened this time")
    reason: str = Field(description="The reason's code, for programs")
    remedy: str = Field(description="What to do next")
    errors: list[FieldProblem] = Field(default=[], description="The parts of the request that are wrong")


class RequestError(NightmailError):
    """A request that cannot be answered as asked: raised by its reason and the fields of its sentence.

    ``headers`` go with the answer, ``errors`` name the parts of the request that are wrong, ``facts`` become further members
    of the problem document.
    """

    def __init__(
        self,
        reason: str,
        /,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldProblem] = (),
        facts: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(reason, facts=facts, **fields)
        self.status = status or STATUS_OF_REASON.get(reason, 422)
        self.headers = dict(headers or {})
        self.errors = list(errors)


def title_of(reason: str) -> str:
    """The reason's sentence without the fields of a single occurrence; empty where there is none."""
    entry = REASONS.get(reason)
    if entry is None:
        return ""
    return entry.title or ("" if entry.fields else entry.sentence)


def problem_document(
    status: int, reason: str, detail: str, remedy: str, errors: Sequence[FieldProblem] = (), **more: Any
) -> dict[str, Any]:
    """The problem as JSON-ready values."""
    return {
        "type": f"{PROBLEM_PATH}{reason}",
        "title": title_of(reason) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "reason": reason,
        "remedy": remedy,
        "errors": [error.model_dump() for error in errors],
        **more,
    }


def problem_of(error: NightmailError) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body for an error of the domain."""
    if isinstance(error, RequestError):
        status, headers, errors = error.status, error.headers, error.errors
    else:
        headers, errors = {}, []
        if isinstance(error, UnavailableError):
            status, headers = 503, {"Retry-After": "5"}
        elif isinstance(error, ConfigurationError):
            status = 503
        else:
            status = STATUS_OF_REASON.get(error.reason, 422)
            headers = dict(RETRY_AFTER.get(error.reason, {}))
    content = problem_document(
        status, error.reason, error.message, error.remedy_for(Surface.API), errors, **_safe(error.detail)
    )
    return status, headers, json.dumps(content, ensure_ascii=False, default=str).encode()


def _safe(detail: Mapping[str, Any]) -> dict[str, Any]:
    taken = set(Problem.model_fields)
    return {name: value for name, value in detail.items() if name not in taken and value is not None}


def database_unavailable() -> RequestError:
    """The error of a request that needs the database while it does not answer."""
    return RequestError("database_unavailable", problem="no connection in time", headers={"Retry-After": "5"})


def problem_response(error: NightmailError) -> Response:
    """The answer for an error of the domain."""
    status, headers, body = problem_of(error)
    return Response(body, status, headers, CONTENT_TYPE)


async def send_problem(send: Send, error: NightmailError, *, close: bool = False) -> None:
    """Answer from below the framework; ``close`` ends the connection, as the rest of a body was not read."""
    status, headers, body = problem_of(error)
    raw = [(b"content-type", CONTENT_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    raw += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    if close:
        raw.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


class Explanation(BaseModel):
    """What a reason means."""

    reason: str
    kind: str
    sentence: str = Field(description="What happened; names in braces are filled in where it happens")
    remedy: str = Field(description="What to do next")


def install(application: FastAPI) -> None:
    """Make every error of ``application`` a problem document, and have each reason explained."""

    @application.get(
        f"{PROBLEM_PATH}{{reason}}",
        tags=["problems"],
        summary="What a reason means",
        responses={404: {"model": Problem}},
    )
    async def explain(
        reason: Annotated[str, Path(max_length=100, description="The reason's code", examples=["campaign_unknown"])],
    ) -> Explanation:
        """The reasons of problems, rejects, holds and failures alike. Needs no key."""
        entry = REASONS.get(reason)
        if entry is None:
            raise RequestError("not_found", what=f"reason {reason}")
        return Explanation(
            reason=reason,
            kind=entry.kind.value,
            sentence=entry.sentence,
            remedy=entry.remedy_on(Surface.API),
        )

    @application.exception_handler(NightmailError)
    async def of_the_domain(_request: Request, error: NightmailError) -> Response:
        return problem_response(error)

    @application.exception_handler(HTTPException)
    async def of_the_framework(_request: Request, error: HTTPException) -> Response:
        reason, fields = _REASON_OF_STATUS.get(error.status_code, ("request_malformed", {"problem": str(error.detail)}))
        headers = dict(error.headers or {})
        return problem_response(RequestError(reason, status=error.status_code, headers=headers, **fields))

    @application.exception_handler(RequestValidationError)
    async def of_validation(_request: Request, error: RequestValidationError) -> Response:
        errors = [
            FieldProblem(where=".".join(str(part) for part in entry["loc"]), message=str(entry["msg"]))
            for entry in error.errors()[:50]
        ]
        return problem_response(RequestError("request_invalid", errors=errors))

    @application.exception_handler(OperationalError)
    @application.exception_handler(PoolTimeoutError)
    async def of_the_database(_request: Request, error: Exception) -> Response:
        _log.error("the database does not answer: %s", type(error).__name__)
        return problem_response(database_unavailable())

    @application.exception_handler(Exception)
    async def of_a_defect(_request: Request, error: Exception) -> Response:
        _log.error("a request failed", exc_info=error)
        return problem_response(RequestError("internal_error", status=500))
