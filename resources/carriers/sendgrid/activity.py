"""SendGrid's own records: the Email Activity feed, where the account has it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from python_http_client.exceptions import HTTPError

from nightmail.carriers.protocol import Finding, InDoubt, Pending, Receipt, ReceiptStatus, Verdict
from resources.carriers.keep_alive import AnswerLostError, NotWrittenError
from resources.carriers.sendgrid.connection import SendGridConnection
from resources.carriers.sendgrid.request_body import MESSAGE_ID_ARGUMENT

_STATUS = {
    "processed": ReceiptStatus.SENT,
    "processing": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "not_delivered": ReceiptStatus.BOUNCED,
}
_MESSAGES_PER_QUESTION = 20
_POLLED_AT_ONCE = 1000
_UNREADABLE = (NotWrittenError, AnswerLostError, HTTPError, ValueError, KeyError, TypeError)


@dataclass(frozen=True, slots=True)
class _Activity:
    """The feed's row of one message."""

    message_id: str
    carrier_id: str
    status: ReceiptStatus | None
    changed_at: datetime | None


class ActivityFeed:
    """The feed of one account, searched by the custom argument that holds our message ids."""

    def __init__(self, connection: SendGridConnection) -> None:
        self._client = connection.client

    def find(self, doubtful: Sequence[InDoubt]) -> list[Finding]:
        """One finding for each message, in order."""
        found: dict[str, Finding] = {}
        wanted = [doubt.message.message_id for doubt in doubtful]
        for start in range(0, len(wanted), _MESSAGES_PER_QUESTION):
            part = wanted[start : start + _MESSAGES_PER_QUESTION]
            try:
                rows = self._search(part)
            except _UNREADABLE as error:
                detail = f"the records cannot be read: {type(error).__name__}"
                found.update({name: Finding(name, Verdict.UNKNOWN, detail=detail) for name in part})
                continue
            for row in rows:
                found[row.message_id] = Finding(row.message_id, Verdict.TAKEN, row.carrier_id, row.status)
        return [found.get(name) or Finding(name, Verdict.ABSENT) for name in wanted]

    def receipts(self, pending: Sequence[Pending], carrier: str, channel: str) -> list[Receipt]:
        """The messages' present status. What cannot be read now is left for the next time."""
        receipts: list[Receipt] = []
        for start in range(0, min(len(pending), _POLLED_AT_ONCE), _MESSAGES_PER_QUESTION):
            part = [entry.message_id for entry in pending[start : start + _MESSAGES_PER_QUESTION]]
            try:
                rows = self._search(part)
            except _UNREADABLE:
                break
            receipts.extend(
                Receipt(
                    carrier=carrier,
                    channel=channel,
                    event_key=f"{row.message_id}:{row.status}",
                    status=row.status,
                    carrier_message_id=row.carrier_id,
                    message_id=row.message_id,
                    occurred_at=row.changed_at,
                )
                for row in rows
                if row.status is not None
            )
        return receipts

    def _search(self, message_ids: Sequence[str]) -> list[_Activity]:
        listed = ",".join(f'"{name}"' for name in message_ids)
        response = self._client.messages.get(
            query_params={"query": f"unique_args['{MESSAGE_ID_ARGUMENT}'] IN ({listed})", "limit": 1000}
        )
        rows = []
        for row in json.loads(response.body)["messages"]:
            message_id = (row.get("unique_args") or {}).get(MESSAGE_ID_ARGUMENT)
            if message_id is None and len(message_ids) == 1:
                message_id = message_ids[0]
            if message_id in message_ids:
                when = row.get("last_event_time")
                rows.append(
                    _Activity(
                        str(message_id),
                        str(row["msg_id"]).partition(".")[0],
                        _STATUS.get(str(row.get("status"))),
                        datetime.fromisoformat(when.replace("Z", "+00:00")).astimezone(UTC) if when else None,
                    )
                )
        return rows
