"""A stand-in for SendGrid's v3 API: mail/send, the activity records, and signed event webhooks.

It speaks the wire format only; nothing of Nightmail's own code is used, so that it is an independent witness.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import re
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.behaviour import Behaviour
from sandbox.faults import TAKES, Faults
from sandbox.http_server import Request, Response, json_response
from sandbox.twilio_stand_in import answer_after, answer_without_taking
from sandbox.webhook_delivery import WebhookDelivery
from sandbox.witness import Witness

_ADDRESS = re.compile(r"[^@\s<>,;\"]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")
_QUERY = re.compile(
    r"(unique_args\['(?P<argument>[^']+)'\]|(?P<field>msg_id|to_email))\s*(?:=|IN)\s*\(?(?P<values>[^)]*)"
)
_QUOTED = re.compile(r'"([^"]*)"')
_BATCH = 1000
_MAXIMUM_PAYLOAD = 30 * 1024 * 1024
_STATUS = {"processed": "processing", "delivered": "delivered", "open": "delivered", "click": "delivered"}
_REASONS = {
    "bounce": ("550 5.1.1 The email account that you tried to reach does not exist.", "5.1.1"),
    "blocked": ("550 5.7.1 Service refused: the sender's address is on a list.", "5.7.1"),
    "deferred": ("451 4.7.1 Please try again later.", "4.7.1"),
}
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


def signing_key(state_dir: Path) -> ec.EllipticCurvePrivateKey:
    """The key that signs events, made once per state folder."""
    path = state_dir / "sendgrid-webhook.pem"
    if path.exists():
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    return key


def public_key_text(key: ec.EllipticCurvePrivateKey) -> str:
    """The public half as SendGrid's settings page shows it: base64 of the DER form on one line."""
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


class SendGridStandIn:
    """One account with its mail and events."""

    def __init__(
        self,
        *,
        api_key: str,
        behaviour: Behaviour,
        faults: Faults,
        witness: Witness,
        delivery: WebhookDelivery,
        events_url: str | None,
        key: ec.EllipticCurvePrivateKey,
    ) -> None:
        self._authorization = f"Bearer {api_key}"
        self._behaviour = behaviour
        self._faults = faults
        self._witness = witness
        self._delivery = delivery
        self.events_url = events_url
        self._key = key
        self._mail: dict[str, Mail] = {}
        self._order: deque[Mail] = deque()
        self._by_argument: dict[str, list[Mail]] = {}
        self._batch: list[dict[str, Any]] = []
        self._flush_planned = False
        self._counter = 0
        self._unique = base64.urlsafe_b64encode(os.urandom(9)).decode()

    def handle(self, request: Request) -> Response:
        """Answer one request of the API."""
        if not hmac.compare_digest(request.headers.get("authorization", ""), self._authorization):
            return _errors(401, "The provided authorization grant is invalid, expired, or revoked")
        if request.path == "/v3/mail/send":
            return self._send(request) if request.method == "POST" else _errors(405, "method not allowed")
        if request.path == "/v3/messages" and request.method == "GET":
            return self._search(request)
        if request.path == "/v3/scopes" and request.method == "GET":
            return json_response(200, {"scopes": ["mail.send", "messages.read"]})
        return _errors(404, "not found")

    def _send(self, request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return _errors(415, "Content-Type should be application/json.")
        if len(request.body) > _MAXIMUM_PAYLOAD:
            return _errors(413, "The JSON payload you have included in your request is too large.")
        try:
            content = json.loads(request.body)
        except ValueError:
            return _errors(400, "Bad Request")
        fault = self._faults.draw("mail", *_recipients(content))
        if fault is not None and fault.kind not in TAKES:
            if fault.kind == "429":
                headers = {
                    "Retry-After": f"{fault.retry_after:g}",
                    "X-RateLimit-Reset": str(int(self._behaviour.now()) + 1),
                }
                return _errors(429, "too many requests", headers=headers)
            return answer_without_taking(fault)
        problem = self._problem(content)
        if problem is not None:
            return problem
        if (content.get("mail_settings") or {}).get("sandbox_mode", {}).get("enable"):
            return Response(200, b"")
        response = self._take(content)
        return response if fault is None else answer_after(fault, response)

    def _problem(self, content: Any) -> Response | None:
        if not isinstance(content, dict):
            return _errors(400, "Bad Request")
        sender = content.get("from")
        if not isinstance(sender, dict) or not _is_address(sender.get("email")):
            return _errors(400, "The from object must be provided for every email send.", "from.email")
        owned = self._behaviour.owned_senders
        if owned and sender["email"] not in owned:
            text = "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved."
            return _errors(403, text, "from")
        people = content.get("personalizations")
        if not isinstance(people, list) or not people:
            return _errors(400, "You must have at least one personalization.", "personalizations")
        if len(people) > _BATCH:
            text = f"The personalization block is limited to {_BATCH} personalizations per API request."
            return _errors(400, f"{text} You have provided {len(people)} personalizations.", "personalizations")
        bodies = content.get("content")
        if not content.get("template_id"):
            if not isinstance(bodies, list) or not bodies:
                return _errors(
                    400, "Unless a valid template_id is provided, the content parameter is required.", "content"
                )
            types = [part.get("type") for part in bodies if isinstance(part, dict)]
            if "text/plain" in types and types[0] != "text/plain":
                return _errors(400, "If present, text/plain must be first, followed by text/html.", "content")
            for index, part in enumerate(bodies):
                if not isinstance(part.get("value"), str) or not part["value"]:
                    text = "The content value must be a string at least one character in length."
                    return _errors(400, text, f"content.{index}.value")
        categories = content.get("categories") or []
        if len(categories) > 10 or any(len(category) > 255 for category in categories):
            return _errors(400, "categories: at most 10 of at most 255 characters.", "categories")
        return self._problem_of_people(people, str(content.get("subject") or ""))

    def _problem_of_people(self, people: list[Any], subject: str) -> Response | None:
        seen: set[str] = set()
        for index, person in enumerate(people):
            where = f"personalizations.{index}"
            recipients = person.get("to")
            if not isinstance(recipients, list) or not recipients:
                return _errors(400, "The to array is required for all personalization objects.", f"{where}.to")
            for position, recipient in enumerate(recipients):
                address = recipient.get("email")
                if not _is_address(address) or self._behaviour.refuses_email(str(address)):
                    return _errors(
                        400,
                        "Does not contain a valid address.",
                        f"{where}.to.{position}.email",
                    )
                if address.casefold() in seen:
                    text = "Each unique email address in the personalizations array should only be included once."
                    return _errors(400, f"{text} You have included [{address}] more than once.", "personalizations")
                seen.add(address.casefold())
            if not (person.get("subject") or subject):
                return _errors(400, "The subject is required.", "subject")
            for name, limit in (("substitutions", 10_000), ("custom_args", 10_000)):
                values = person.get(name) or {}
                if sum(len(str(part).encode()) for pair in values.items() for part in pair) >= limit:
                    return _errors(400, f"The {name} are limited to {limit} bytes.", f"{where}.{name}")
            if any(not isinstance(value, str) for value in (person.get("substitutions") or {}).values()):
                return _errors(400, "The substitutions must be strings.", f"{where}.substitutions")
        return None

    def _take(self, content: dict[str, Any]) -> Response:
        self._counter += 1
        request_id = f"{self._unique}{self._counter:06d}"
        text = "\n".join(part["value"] for part in content.get("content") or [])
        rows: list[tuple[str | None, str, str, str]] = []
        fresh: list[Mail] = []
        now = self._behaviour.now()
        for index, person in enumerate(content["personalizations"]):
            arguments = {**(content.get("custom_args") or {}), **(person.get("custom_args") or {})}
            subject = person.get("subject") or content.get("subject") or ""
            body = f"{subject}\n{text}"
            for tag, value in (person.get("substitutions") or {}).items():
                body = body.replace(tag, value)
            for recipient in person["to"]:
                mail = Mail(
                    f"{request_id}.recvd-sandbox-{index}",
                    recipient["email"],
                    content["from"]["email"],
                    subject,
                    arguments,
                    tuple(content.get("categories") or ()),
                    now,
                )
                message_id = arguments.get("message_id")
                self._remember(mail)
                rows.append((message_id, mail.message_id, mail.to, body))
                fresh.append(mail)
        self._witness.accepted("sendgrid", "email", rows)
        for mail in fresh:
            self._plan(mail)
        return Response(202, b"", headers={"X-Message-Id": request_id})

    def _remember(self, mail: Mail) -> None:
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

    # Events
    def _plan(self, mail: Mail) -> None:
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
        if self.events_url is None or (event == "processed" and not behaviour.intermediate):
            return
        if behaviour.lost_share and behaviour.draw("lost", mail.message_id) < behaviour.lost_share:
            return
        told = self._event(mail, event, now)
        self._batch.append(told)
        if behaviour.twice_share and behaviour.draw(f"twice-{event}", mail.message_id) < behaviour.twice_share:
            self._delivery.later(0.5, lambda: self._again(told))
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
        while self._batch and self.events_url is not None:
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
            self._delivery.post(self.events_url, body, headers)

    # Records
    def _search(self, request: Request) -> Response:
        fault = self._faults.draw("lists")
        if fault is not None:
            return answer_without_taking(fault)
        query = {name: values[-1] for name, values in request.query_values().items()}
        match = _QUERY.search(query.get("query", ""))
        if match is None:
            return _errors(400, "invalid query", "query")
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


def _recipients(content: Any) -> list[str]:
    """Every recipient's address of a request, if it has the form of one."""
    try:
        return [str(recipient["email"]) for person in content["personalizations"] for recipient in person["to"]]
    except (KeyError, TypeError):
        return []


def _is_address(value: object) -> bool:
    return isinstance(value, str) and _ADDRESS.fullmatch(value) is not None


def _errors(status: int, message: str, where: str | None = None, headers: dict[str, str] | None = None) -> Response:
    return json_response(status, {"errors": [{"message": message, "field": where, "help": None}]}, headers)
