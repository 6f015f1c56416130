"""The toy's hand-off, records and receipts, over our own connection."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from nightmail.carriers.error_tables import ANSWER_LOST, ANSWER_MALFORMED, NOT_CONNECTED, UNWRITABLE
from nightmail.carriers.protocol import (
    CarrierSettings,
    Check,
    Finding,
    HandOff,
    InDoubt,
    MayGo,
    Outcome,
    OutgoingMessage,
    Pending,
    Receipt,
    Reply,
    Verdict,
    all_may_go,
    one_request_each,
)
from nightmail.carriers.webhooks import webhook_address
from nightmail.channels import Channel
from nightmail.errors import ConfigurationError
from resources.carriers.keep_alive import Answer, AnswerLostError, KeepAlive, NotWrittenError, UnwritableError
from tests.support.toy_carrier.errors import ERRORS
from tests.support.toy_carrier.webhooks import STATUS, STATUS_PATH


class ToyAdapter:
    """One account at the toy, for one channel."""

    maximum_batch = 1

    def __init__(self, settings: CarrierSettings, channel: Channel) -> None:
        if not settings.secret:
            raise ConfigurationError("carrier_credentials", problem="the account has no key")
        self.channel = channel.name
        self.name = settings.name or settings.adapter
        self._settings = settings
        self._connection = KeepAlive(settings.base_url, settings.connect_timeout_s, settings.timeout_s)

    def hand_off(self, batch: Sequence[OutgoingMessage], may_go: MayGo = all_may_go) -> list[HandOff]:
        """One request for each message."""
        return one_request_each(batch, may_go, self._hand_off_one)

    def _hand_off_one(self, message: OutgoingMessage) -> HandOff:
        content = {
            "id": message.message_id,
            "to": message.address,
            "from": message.sender or self._settings.sender,
            "text": message.body,
        }
        if self._settings.webhook_base_url:
            content["callback"] = webhook_address(self._settings.webhook_base_url, STATUS_PATH)
        try:
            answer = self._ask("POST", "/messages", content)
        except UnwritableError:
            return HandOff.failed(message.message_id, UNWRITABLE)
        except NotWrittenError as error:
            return HandOff.failed(message.message_id, replace(NOT_CONNECTED, meaning=str(error)))
        except AnswerLostError as error:
            return HandOff.failed(message.message_id, replace(ANSWER_LOST, meaning=str(error)))
        said = _content(answer)
        if answer.status == 201 and said.get("message"):
            return HandOff(message.message_id, Outcome.ACCEPTED, str(said["message"]))
        if answer.status < 400:
            return HandOff.failed(message.message_id, ANSWER_MALFORMED)
        # Whatever code a failing server names, it may have taken the message first.
        code = str((said.get("code") if answer.status < 500 else None) or f"http {answer.status}")
        return HandOff.failed(message.message_id, ERRORS.entry(code), answer.retry_after_s)

    def _ask(self, method: str, target: str, content: object = None) -> Answer:
        headers = {"Authorization": f"Bearer {self._settings.secret}", "Content-Type": "application/json"}
        return self._connection.request(
            method, target, headers, None if content is None else json.dumps(content).encode()
        )

    def _record(self, message_id: str) -> dict[str, Any] | None:
        """The toy's record of a message. Raises the connection's errors, and ``ValueError`` for what is no answer."""
        answer = self._ask("GET", f"/messages?{urlencode({'id': message_id})}")
        if answer.status != 200:
            raise ValueError(f"status {answer.status}")
        records: list[dict[str, Any]] = _content(answer)["messages"]
        return records[0] if records else None

    def find(self, doubtful: Sequence[InDoubt], claimed: Callable[[Iterable[str]], set[str]]) -> list[Finding]:
        """By our own message id, which the toy keeps."""
        return [self._find_one(doubt.message.message_id) for doubt in doubtful]

    def _find_one(self, message_id: str) -> Finding:
        try:
            record = self._record(message_id)
        except (NotWrittenError, AnswerLostError, ValueError, KeyError) as error:
            return Finding(message_id, Verdict.UNKNOWN, detail=type(error).__name__)
        if record is None:
            return Finding(message_id, Verdict.ABSENT)
        return Finding(message_id, Verdict.TAKEN, str(record["message"]), STATUS[record["status"]])

    def poll(self, pending: Sequence[Pending]) -> list[Receipt]:
        """The records' present status."""
        receipts = []
        for entry in pending:
            try:
                record = self._record(entry.message_id)
            except (NotWrittenError, AnswerLostError, ValueError, KeyError):
                break
            if record is not None:
                receipts.append(
                    Receipt(
                        carrier=self.name,
                        channel=self.channel,
                        event_key=f"{record['message']}:{record['status']}",
                        status=STATUS[record["status"]],
                        carrier_message_id=str(record["message"]),
                        message_id=entry.message_id,
                    )
                )
        return receipts

    def poll_replies(self, since: datetime) -> list[Reply]:
        """None: replies come by webhook only."""
        return []

    def check(self) -> Check:
        """Ask for the account."""
        try:
            answer = self._ask("GET", "/account")
        except (NotWrittenError, AnswerLostError) as error:
            return Check(False, f"The toy cannot be reached: {error}.", "Check the address and the network.")
        if answer.status == 200:
            return Check(True, "The toy answers and takes the key.")
        return Check(False, f"The toy refuses: {ERRORS.meaning(f'http {answer.status}')}.", "Check the key.")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _content(answer: Answer) -> dict[str, Any]:
    """An answer's JSON; empty for anything else."""
    try:
        content = json.loads(answer.body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
