"""What Twilio's messages and calls share: the account, its ids, its signed webhooks, and when things happen."""

from __future__ import annotations

import base64
import hmac
import os
import re
from dataclasses import dataclass, field
from hashlib import sha1
from urllib.parse import urlencode, urlsplit

from sandbox.behaviour import Behaviour
from sandbox.twilio.records import Record
from sandbox.webhook_delivery import WebhookDelivery
from sandbox.witness import Witness

E164 = re.compile(r"\+[1-9][0-9]{6,14}")


@dataclass
class Account:
    """One account. ``auth_token`` signs its webhooks."""

    sid: str
    auth_token: str
    behaviour: Behaviour
    witness: Witness
    delivery: WebhookDelivery
    _unique: str = field(default_factory=lambda: os.urandom(10).hex())
    _counter: int = 0

    def __post_init__(self) -> None:
        self._key = self.auth_token.encode()

    def new_sid(self, prefix: str) -> str:
        """An id that was not given before."""
        self._counter += 1
        return f"{prefix}{self._unique}{self._counter:012x}"

    def delays(self, record: Record) -> tuple[float, float]:
        """The seconds until the first and the last callback of a record."""
        behaviour = self.behaviour
        first = behaviour.delay_s * (0.5 + behaviour.draw("delay", record.sid))
        last = first + behaviour.spread_s * behaviour.draw("spread", record.sid)
        if behaviour.late_share and behaviour.draw("late", record.sid) < behaviour.late_share:
            last += behaviour.late_s
        return first, last

    def call_back(self, record: Record, form: dict[str, str], status: str) -> None:
        """Post a record's status to its callback address: lost or twice, as the behaviour has it."""
        behaviour = self.behaviour
        assert record.callback is not None
        if behaviour.lost_share and behaviour.draw("lost", record.sid) < behaviour.lost_share:
            return
        self.post(record.callback, form)
        if behaviour.twice_share and behaviour.draw(f"twice-{status}", record.sid) < behaviour.twice_share:
            callback = record.callback
            self.delivery.later(behaviour.delay_s, lambda: self.post(callback, form))

    def post(self, url: str, form: dict[str, str]) -> None:
        """Post a webhook with Twilio's signature, and do not wait for it."""
        self.delivery.post(url, *self._signed(url, form))

    async def ask(self, url: str, form: dict[str, str]) -> bytes | None:
        """Post a webhook with Twilio's signature and return its answer; ``None`` when there was none."""
        return await self.delivery.ask(url, *self._signed(url, form))

    def _signed(self, url: str, form: dict[str, str]) -> tuple[bytes, dict[str, str]]:
        text = url + "".join(name + form[name] for name in sorted(form))
        signature = base64.b64encode(hmac.new(self._key, text.encode(), sha1).digest()).decode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "X-Twilio-Signature": signature,
            "I-Twilio-Idempotency-Token": os.urandom(16).hex(),
            "User-Agent": "TwilioProxy/1.1",
        }
        return urlencode(form).encode(), headers


def is_url(text: str) -> bool:
    """Whether a text is an http address."""
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)
