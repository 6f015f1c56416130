"""The API's description: what FastAPI derives from the code, with errors as what they are."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from portal.problems import CONTENT_TYPE

TAGS = [
    {"name": "contact files", "description": "Upload files of any size; each becomes a campaign of its feed."},
    {"name": "single messages", "description": "Send to one or a few recipients at once."},
    {"name": "feeds", "description": "What there is to upload to and to send by."},
    {"name": "campaigns", "description": "Follow what became of each row and message; pause, resume, cancel."},
    {"name": "doubts", "description": "Messages of which it is not known whether the carrier took them."},
    {"name": "suspensions", "description": "Stop using a channel for a while."},
    {"name": "contacts", "description": "The address book: contacts, groups of them, and duplicates that are merged."},
    {"name": "segments", "description": "Contacts by a rule: keep one, try one, see how many meet it."},
    {"name": "lists", "description": "Distribution lists: whom a campaign may go to."},
    {"name": "consents", "description": "What contacts agreed to and took back."},
    {"name": "preferences", "description": "What contacts chose: topics, channels, quiet hours, a pause."},
    {"name": "suppressions", "description": "See why an address is not used; suppress one, or use it again."},
    {
        "name": "contact imports",
        "description": "Bring a file into the address book, see what it changes, take it back.",
    },
    {"name": "recipients", "description": "What somebody got or did not get, and why."},
    {"name": "replies", "description": "What recipients answered; decide about replies that probably ask for an end."},
    {"name": "alerts", "description": "What people must look at."},
    {"name": "reports", "description": "The figures of any range of days, and the same as files."},
    {"name": "audit", "description": "Who did what, when, from where."},
    {"name": "webhooks", "description": "Have your own address called at events."},
    {"name": "keys", "description": "Make, rotate and revoke API keys, up to what your own holds."},
    {"name": "problems", "description": "What the reasons of problems mean."},
    {"name": "health", "description": "Whether the portal is well."},
]


def describe(application: FastAPI) -> None:
    """Have ``application`` describe its errors as ``application/problem+json`` and nothing else."""
    derive = application.openapi

    def openapi() -> dict[str, Any]:
        if application.openapi_schema is None:
            description = derive()
            for path in description["paths"].values():
                for operation in path.values():
                    _mend(operation["responses"])
            schemas = description.get("components", {}).get("schemas", {})
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            application.openapi_schema = description
        return application.openapi_schema

    application.openapi = openapi  # type: ignore[method-assign]


def _mend(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        if not status.startswith(("4", "5")):
            continue
        content = response.setdefault("content", {})
        derived = content.pop("application/json", {})
        content.setdefault(CONTENT_TYPE, {})["schema"] = derived.get("schema", {"$ref": "#/components/schemas/Problem"})
        if status in ("401", "429", "503"):
            name = "WWW-Authenticate" if status == "401" else "Retry-After"
            meaning = "How to authenticate" if status == "401" else "Seconds to wait"
            response.setdefault("headers", {})[name] = {"description": meaning, "schema": {"type": "string"}}
