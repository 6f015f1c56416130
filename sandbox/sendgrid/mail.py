"""SendGrid's records of emails: kept by id and by the message id in their custom arguments."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sandbox.http_server import Request, Response, json_response
from sandbox.sendgrid.validation import errors

_QUERY = re.compile(
    r"(unique_args\['(?P<argument>[^']+)'\]|(?P<field>msg_id|to_email))\s*(?:=|IN)\s*\(?(?P<values>[^)]*)"
)
_QUOTED = re.compile(r'"([^"]*)"')
RECORDS_KEPT = 200_000
"""Emails in the records: older ones are forgotten, so that memory has a bound."""


@dataclass(slots=True)
class Mail:
    """One email in the activity records."""

    message_id: str
    to: str
    sender: str
    subject: str
    arguments: dict[str, str]
    categories: tuple[str, ...]
    created: float
    status: str = "processing"
    events: list[str] = field(default_factory=list)
    last_event: float = 0.0


class MailRecords:
    """The newest :data:`RECORDS_KEPT` emails of one account."""

    def __init__(self) -> None:
        self._mail: dict[str, Mail] = {}
        self._order: deque[Mail] = deque()
        self._by_argument: dict[str, list[Mail]] = {}

    def add(self, mail: Mail) -> None:
        """Keep an email in the records, and forget the oldest one beyond :data:`RECORDS_KEPT`."""
        self._mail[mail.message_id] = mail
        self._order.append(mail)
        message_id = mail.arguments.get("message_id")
        if message_id is not None:
            self._by_argument.setdefault(message_id, []).append(mail)
        if len(self._order) > RECORDS_KEPT:
            oldest = self._order.popleft()
            del self._mail[oldest.message_id]
            same = self._by_argument.pop(oldest.arguments.get("message_id", ""), [])
            if len(same) > 1:
                self._by_argument[oldest.arguments["message_id"]] = [each for each in same if each is not oldest]

    def search(self, request: Request) -> Response:
        """The answer to a search of the activity feed."""
        query = {name: values[-1] for name, values in request.query_values().items()}
        match = _QUERY.search(query.get("query", ""))
        if match is None:
            return errors(400, "invalid query", "query")
        values = _QUOTED.findall(match["values"])
        limit = min(int(query.get("limit", "10")), 1000)
        if match["argument"] == "message_id":
            found = [mail for value in values for mail in self._by_argument.get(value, [])]
        elif match["field"] == "msg_id":
            found = [self._mail[value] for value in values if value in self._mail]
        else:
            wanted = set(values)
            found = [mail for mail in self._mail.values() if mail.to in wanted]
        return json_response(
            200,
            {
                "messages": [
                    {
                        "from_email": mail.sender,
                        "msg_id": mail.message_id,
                        "subject": mail.subject,
                        "to_email": mail.to,
                        "status": mail.status,
                        "opens_count": mail.events.count("open"),
                        "clicks_count": mail.events.count("click"),
                        "last_event_time": datetime.fromtimestamp(int(mail.last_event or mail.created), UTC).strftime(
                            "%Y-%m-%dT%H:%M:%SZ"
                        ),
                        "unique_args": mail.arguments,
                    }
                    for mail in found[:limit]
                ]
            },
        )
