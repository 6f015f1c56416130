"""The requests of SendGrid's v3 API: mail/send, the activity feed, and the faults that are committed on the way."""

from __future__ import annotations

import base64
import hmac
import json
import os
from collections import deque
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.behaviour import Behaviour
from sandbox.fault_answers import answer_after, answer_without_taking
from sandbox.faults import TAKES, Faults
from sandbox.http_server import Request, Response, json_response
from sandbox.sendgrid.events import Events
from sandbox.sendgrid.mail import Mail, MailRecords
from sandbox.sendgrid.validation import MAXIMUM_PAYLOAD, errors, is_address, problem_of
from sandbox.webhook_delivery import WebhookDelivery
from sandbox.witness import Witness


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
        key: ec.EllipticCurvePrivateKey,
    ) -> None:
        self._authorization = f"Bearer {api_key}"
        self._behaviour = behaviour
        self._faults = faults
        self._witness = witness
        self.events = Events(behaviour, delivery, key)
        self._records = MailRecords()
        self._counter = 0
        self.reply_addresses: deque[str] = deque(maxlen=10_000)
        """Of the newest emails, where answers to each go."""
        self._unique = base64.urlsafe_b64encode(os.urandom(9)).decode()

    def handle(self, request: Request) -> Response:
        """Answer one request of the API."""
        if not hmac.compare_digest(request.headers.get("authorization", ""), self._authorization):
            return errors(401, "The provided authorization grant is invalid, expired, or revoked")
        if request.path == "/v3/mail/send":
            return self._send(request) if request.method == "POST" else errors(405, "method not allowed")
        if request.path == "/v3/messages" and request.method == "GET":
            fault = self._faults.draw("lists")
            return self._records.search(request) if fault is None else answer_without_taking(fault)
        if request.path == "/v3/scopes" and request.method == "GET":
            return json_response(200, {"scopes": ["mail.send", "messages.read"]})
        return errors(404, "not found")

    def _send(self, request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return errors(415, "Content-Type should be application/json.")
        if len(request.body) > MAXIMUM_PAYLOAD:
            return errors(413, "The JSON payload you have included in your request is too large.")
        try:
            content = json.loads(request.body)
        except ValueError:
            return errors(400, "Bad Request")
        fault = self._faults.draw("mail", *_recipients(content))
        if fault is not None and fault.kind not in TAKES:
            if fault.kind == "429":
                headers = {
                    "Retry-After": f"{fault.retry_after:g}",
                    "X-RateLimit-Reset": str(int(self._behaviour.now()) + 1),
                }
                return errors(429, "too many requests", headers=headers)
            return answer_without_taking(fault)
        problem = problem_of(content, self._behaviour)
        if problem is not None:
            return problem
        if (content.get("mail_settings") or {}).get("sandbox_mode", {}).get("enable"):
            return Response(200, b"")
        response = self._take(content)
        return response if fault is None else answer_after(fault, response)

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
            answers_to = (content.get("reply_to") or {}).get("email", "")
            body = f"{subject}\n{text}"
            for tag, value in (person.get("substitutions") or {}).items():
                body = body.replace(tag, value)
                # Substitutions apply to the text, the subject and the reply address ("Mail Send", personalizations).
                answers_to = answers_to.replace(tag, value)
            if answers_to and not is_address(answers_to):
                return errors(400, "The reply_to email does not contain a valid address.", "reply_to.email")
            self.reply_addresses.append(answers_to)
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
                self._records.add(mail)
                rows.append((message_id, mail.message_id, mail.to, body))
                fresh.append(mail)
        self._witness.accepted("sendgrid", "email", rows)
        for mail in fresh:
            self.events.plan(mail)
        return Response(202, b"", headers={"X-Message-Id": request_id})


def _recipients(content: Any) -> list[str]:
    """Every recipient's address of a request, if it has the form of one."""
    try:
        return [str(recipient["email"]) for person in content["personalizations"] for recipient in person["to"]]
    except (KeyError, TypeError):
        return []
