"""What becomes of emails, posted as signed batches of events."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.behaviour import Behaviour
from sandbox.sendgrid.mail import Mail
from sandbox.webhook_delivery import WebhookDelivery

_BATCH = 1000
_STATUS = {"processed": "processing", "delivered": "delivered", "open": "delivered", "click": "delivered"}
_REASONS = {
    "bounce": ("550 5.1.1 The email account that you tried to reach does not exist.", "5.1.1"),
    "blocked": ("550 5.7.1 Service refused: the sender's address is on a list.", "5.7.1"),
    "deferred": ("451 4.7.1 Please try again later.", "4.7.1"),
}


class Events:
    """The events of one account. ``url`` is where batches are posted; ``None`` posts none."""

    def __init__(self, behaviour: Behaviour, delivery: WebhookDelivery, key: ec.EllipticCurvePrivateKey) -> None:
        self._behaviour, self._delivery, self._key = behaviour, delivery, key
        self._batch: list[dict[str, Any]] = []
        self._flush_planned = False
        self.url: str | None = None

    def plan(self, mail: Mail) -> None:
        """Have an email's events happen, each in its time."""
        behaviour = self._behaviour
        fate = behaviour.email_fate(mail.to)
        events = ["processed", *fate] if fate and fate != ["dropped"] else fate
        at = behaviour.delay_s * (0.5 + behaviour.draw("delay", mail.message_id))
        late = bool(behaviour.late_share) and behaviour.draw("late", mail.message_id) < behaviour.late_share
        reorder = bool(behaviour.reorder_share) and behaviour.draw("reorder", mail.message_id) < behaviour.reorder_share
        times = []
        for position in range(len(events)):
            times.append(at)
            at += 0.01 + behaviour.spread_s * behaviour.draw(f"spread{position}", mail.message_id)
        if late and times:
            times[-1] += behaviour.late_s
        if reorder:
            times.reverse()
        for event, delay in zip(events, times, strict=True):
            self._delivery.later(delay, partial(self._happen, mail, event))

    def _happen(self, mail: Mail, event: str) -> None:
        behaviour = self._behaviour
        now = self._behaviour.now()
        mail.events.append(event)
        mail.last_event = now
        if not (event == "processed" and mail.status != "processing"):
            mail.status = _STATUS.get(
                event, "not_delivered" if event in ("bounce", "blocked", "dropped") else mail.status
            )
        if self.url is None or (event == "processed" and not behaviour.intermediate):
            return
        if behaviour.lost_share and behaviour.draw("lost", mail.message_id) < behaviour.lost_share:
            return
        content = self._event(mail, event, now)
        self._batch.append(content)
        if behaviour.twice_share and behaviour.draw(f"twice-{event}", mail.message_id) < behaviour.twice_share:
            self._delivery.later(0.5, lambda: self._again(content))
        self._plan_flush()

    def _again(self, event: dict[str, Any]) -> None:
        self._batch.append(event)
        self._plan_flush()

    def _plan_flush(self) -> None:
        if len(self._batch) >= _BATCH:
            self.flush()
        elif not self._flush_planned:
            self._flush_planned = True
            self._delivery.later(0.1, self.flush)

    def _event(self, mail: Mail, event: str, now: float) -> dict[str, Any]:
        content: dict[str, Any] = {
            "email": mail.to,
            "timestamp": int(now),
            "smtp-id": f"<{mail.message_id}@sandbox.invalid>",
            "event": "bounce" if event == "blocked" else event,
            "category": list(mail.categories),
            "sg_event_id": base64.urlsafe_b64encode(f"{event}-{mail.message_id}".encode()).decode().rstrip("="),
            "sg_message_id": mail.message_id,
            **mail.arguments,
        }
        if event in _REASONS:
            reason, status = _REASONS[event]
            content.update({"reason": reason, "status": status, "ip": "127.0.0.1", "tls": 1})
            if event == "deferred":
                content.update({"response": reason, "attempt": "1"})
            else:
                content["type"] = event
                content["bounce_classification"] = "Invalid Address" if event == "bounce" else "Reputation"
        elif event == "delivered":
            content.update({"response": "250 OK", "ip": "127.0.0.1", "tls": 1})
        elif event == "dropped":
            content.update({"reason": "Bounced Address", "status": "5.0.0"})
        elif event in ("open", "click"):
            content.update({"useragent": "Sandbox/1.0", "ip": "127.0.0.1"})
            if event == "open":
                content["sg_machine_open"] = False
            else:
                content["url"] = "https://example.com/"
        return content

    def flush(self) -> None:
        """Post the events that wait, signed as one batch."""
        self._flush_planned = False
        while self._batch and self.url is not None:
            events, self._batch = self._batch[:_BATCH], self._batch[_BATCH:]
            body = (json.dumps(events, separators=(",", ":")) + "\r\n").encode()
            timestamp = str(int(self._behaviour.now()))
            signature = self._key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
            headers = {
                "Content-Type": "application/json;charset=utf-8",
                "User-Agent": "SendGrid Event API",
                "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
                "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
            }
            self._delivery.post(self.url, body, headers)
