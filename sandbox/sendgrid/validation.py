"""What SendGrid refuses in a request to send mail."""

from __future__ import annotations

import re
from typing import Any

from sandbox.behaviour import Behaviour
from sandbox.http_server import Response, json_response

MAXIMUM_PAYLOAD = 30 * 1024 * 1024
MAXIMUM_PEOPLE = 1000
_RESERVED = frozenset(
    {
        *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"),
        *("to", "from", "subject", "reply-to", "cc", "bcc"),
    }
)
"""Headers that no request may set ("Mail Send", errors)."""
_ADDRESS = re.compile(r"[^@\s<>,;\"]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")


def problem_of(content: Any, behaviour: Behaviour) -> Response | None:
    """The answer that refuses a request; ``None`` for one that is taken."""
    if not isinstance(content, dict):
        return errors(400, "Bad Request")
    sender = content.get("from")
    if not isinstance(sender, dict) or not is_address(sender.get("email")):
        return errors(400, "The from object must be provided for every email send.", "from.email")
    owned = behaviour.owned_senders
    if owned and sender["email"] not in owned:
        text = "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved."
        return errors(403, text, "from")
    people = content.get("personalizations")
    if not isinstance(people, list) or not people:
        return errors(400, "You must have at least one personalization.", "personalizations")
    if len(people) > MAXIMUM_PEOPLE:
        text = f"The personalization block is limited to {MAXIMUM_PEOPLE} personalizations per API request."
        return errors(400, f"{text} You have provided {len(people)} personalizations.", "personalizations")
    bodies = content.get("content")
    if not content.get("template_id"):
        if not isinstance(bodies, list) or not bodies:
            return errors(400, "Unless a valid template_id is provided, the content parameter is required.", "content")
        types = [part.get("type") for part in bodies if isinstance(part, dict)]
        if "text/plain" in types and types[0] != "text/plain":
            return errors(400, "If present, text/plain must be first, followed by text/html.", "content")
        for index, part in enumerate(bodies):
            if not isinstance(part.get("value"), str) or not part["value"]:
                text = "The content value must be a string at least one character in length."
                return errors(400, text, f"content.{index}.value")
    return _problem_of_shared(content) or _problem_of_people(people, str(content.get("subject") or ""), behaviour)


def _problem_of_shared(content: dict[str, Any]) -> Response | None:
    """What is wrong with what all emails of a request share, beside its text."""
    reply_to = content.get("reply_to")
    if reply_to is not None and not (isinstance(reply_to, dict) and is_address(reply_to.get("email"))):
        return errors(400, "The reply_to email does not contain a valid address.", "reply_to.email")
    categories = content.get("categories") or []
    if len(categories) > 10 or any(len(category) > 255 for category in categories):
        return errors(400, "categories: at most 10 of at most 255 characters.", "categories")
    return None


def _problem_of_people(people: list[Any], subject: str, behaviour: Behaviour) -> Response | None:
    seen: set[str] = set()
    for index, person in enumerate(people):
        where = f"personalizations.{index}"
        recipients = person.get("to")
        if not isinstance(recipients, list) or not recipients:
            return errors(400, "The to array is required for all personalization objects.", f"{where}.to")
        for position, recipient in enumerate(recipients):
            address = recipient.get("email")
            if not is_address(address) or behaviour.refuses_email(str(address)):
                return errors(
                    400,
                    "Does not contain a valid address.",
                    f"{where}.to.{position}.email",
                )
            if address.casefold() in seen:
                text = "Each unique email address in the personalizations array should only be included once."
                return errors(400, f"{text} You have included [{address}] more than once.", "personalizations")
            seen.add(address.casefold())
        if not (person.get("subject") or subject):
            return errors(400, "The subject is required.", "subject")
        for name, limit in (("substitutions", 10_000), ("custom_args", 10_000)):
            values = person.get(name) or {}
            if sum(len(str(part).encode()) for pair in values.items() for part in pair) >= limit:
                return errors(400, f"The {name} are limited to {limit} bytes.", f"{where}.{name}")
        reserved = next((name for name in person.get("headers") or {} if name.lower() in _RESERVED), None)
        if reserved is not None:
            return errors(400, "Header can not be one of the reserved keys.", f"{where}.headers.{reserved}")
        if any(not isinstance(value, str) for value in (person.get("substitutions") or {}).values()):
            return errors(400, "The substitutions must be strings.", f"{where}.substitutions")
    return None


def is_address(value: object) -> bool:
    """Whether a value has the form of an email address."""
    return isinstance(value, str) and _ADDRESS.fullmatch(value) is not None


def errors(status: int, message: str, where: str | None = None, headers: dict[str, str] | None = None) -> Response:
    """An answer with one error, as SendGrid writes it."""
    return json_response(status, {"errors": [{"message": message, "field": where, "help": None}]}, headers)
