"""What a refused request says: which recipient is at fault, what it means for the others, how long to wait."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nightmail.carriers.error_tables import ErrorClass, ErrorEntry, error_entry
from resources.carriers.keep_alive import answered_at, retry_after_s, wait_s
from resources.carriers.sendgrid.errors import ERRORS

Problem = Mapping[str, Any]
"""One entry of an answer's ``errors``: ``message`` and ``field``."""


def refusal(status: int, problems: Sequence[Problem], count: int) -> ErrorEntry:
    """What an answer of this HTTP status means for a request of ``count`` messages."""
    entry = ERRORS.entry(f"http {status}")
    fields = [str(problem.get("field") or "") for problem in problems]
    if entry.error_class is ErrorClass.UNKNOWN and count > 1:
        # A status without a line is not blamed on a thousand messages: a person has to look first.
        return error_entry(entry.code, ErrorClass.STOP_AND_ALERT)
    if status == 403 and any(field.startswith("from") for field in fields):
        return ERRORS.entry("from")
    if status == 400 and any(field.startswith(("from", "reply_to")) for field in fields):
        return error_entry(entry.code, ErrorClass.STOP_AND_ALERT, entry.meaning)
    return entry


def problems_of(body: object) -> list[dict[str, Any]]:
    """The errors that an answer lists; empty when it is no JSON of SendGrid's."""
    try:
        listed = json.loads(body if isinstance(body, (str, bytes)) else b"")["errors"]
        return [problem for problem in listed if isinstance(problem, dict)]
    except (ValueError, KeyError, TypeError):
        return []


def index_at_fault(problems: Sequence[Mapping[str, Any]], count: int) -> int | None:
    """Which recipient an answer blames, from a field such as ``personalizations.3.to.0.email``."""
    for problem in problems:
        parts = str(problem.get("field") or "").split(".")
        if len(parts) > 2 and parts[0] == "personalizations" and parts[1].isdigit() and int(parts[1]) < count:
            return int(parts[1])
    return None


def names_the_address(problems: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an answer blames a recipient's address, rather than the text."""
    return any(".to." in f"{problem.get('field') or ''}." for problem in problems)


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: ``Retry-After``, or until ``X-RateLimit-Reset``, a Unix time, which SendGrid gives in its place.

    SendGrid states a reset while something is left of the rate, too: there is then nothing to wait for.
    """
    now = answered_at(headers)
    reset = headers.get("x-ratelimit-reset") if headers.get("x-ratelimit-remaining") in (None, "0") else None
    try:
        until_reset = wait_s(float(reset or "") - now.timestamp())
    except ValueError:
        until_reset = None
    return retry_after_s(headers.get("retry-after"), now) or until_reset
