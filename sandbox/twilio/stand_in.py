"""The requests of Twilio's REST API: which account, which list, and the faults that are committed on the way."""

from __future__ import annotations

import base64
import hmac
import re
import time

from sandbox.behaviour import Behaviour
from sandbox.fault_answers import answer_after, answer_without_taking
from sandbox.faults import TAKES, FaultRule, Faults
from sandbox.http_server import Request, Response, json_response
from sandbox.twilio.account import Account
from sandbox.twilio.calls import Calls
from sandbox.twilio.errors import error_response
from sandbox.twilio.messages import Messages
from sandbox.webhook_delivery import WebhookDelivery
from sandbox.witness import Witness

_PATH = re.compile(
    r"/2010-04-01/Accounts/(AC[0-9a-f]{32})(?:/(Messages|Calls)(?:/([A-Z]{2}[0-9a-f]{32})(/Media)?)?)?\.json"
)


class TwilioStandIn:
    """One account with its messages, calls and callbacks."""

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        behaviour: Behaviour,
        faults: Faults,
        witness: Witness,
        delivery: WebhookDelivery,
    ) -> None:
        self._account = account_sid
        self._authorization = "Basic " + base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._behaviour = behaviour
        self._faults = faults
        account = Account(account_sid, auth_token, behaviour, witness, delivery)
        self.messages = Messages(account)
        self.calls = Calls(account)
        self._window = (0, 0)

    def handle(self, request: Request) -> Response:
        """Answer one request of the REST API."""
        match = _PATH.fullmatch(request.path)
        if match is None:
            return error_response(20404, request.path)
        if not hmac.compare_digest(request.headers.get("authorization", ""), self._authorization):
            return error_response(20003)
        account, kind, sid, media = match.groups()
        if account != self._account:
            return error_response(20404, request.path)
        if kind is None:
            return json_response(200, {"sid": account, "friendly_name": "Sandbox", "status": "active", "type": "Full"})
        if request.method == "GET" and media:
            return self.messages.media_of(str(sid))
        if request.method == "GET":
            return self._read(kind, sid, request)
        if request.method != "POST" or sid is not None:
            return error_response(20004)
        if self._over_rate():
            return error_response(20429, headers={"Retry-After": "1"})
        raw = request.form()
        form = {name: values[-1] for name, values in raw.items()}
        fault = self._faults.draw(kind.lower(), form.get("To", ""))
        if fault is not None and fault.kind not in TAKES:
            return _refuse(fault)
        if kind == "Messages":
            response = self.messages.create(form)
        else:
            response = self.calls.create(form, tuple(raw.get("StatusCallbackEvent", ())))
        if fault is None or response.status >= 400:
            return response
        return error_response(20500) if fault.kind == "500_after" else answer_after(fault, response)

    def _over_rate(self) -> bool:
        limit = self._behaviour.requests_per_second
        if not limit:
            return False
        second = int(time.monotonic())
        count = self._window[1] + 1 if self._window[0] == second else 1
        self._window = (second, count)
        return count > limit

    def _read(self, kind: str, sid: str | None, request: Request) -> Response:
        records = self.messages.records if kind == "Messages" else self.calls.records
        fault = self._faults.draw("lists")
        if fault is not None:
            return _refuse(fault) if fault.kind not in TAKES else error_response(20500)
        if sid is not None:
            return records.one(sid) or error_response(20404, request.path)
        return records.listed(request)


def _refuse(fault: FaultRule) -> Response:
    """A fault as Twilio would word it."""
    retry_after = {"Retry-After": f"{fault.retry_after:g}"}
    if fault.kind == "429":
        return error_response(20429, headers=retry_after)
    if fault.kind == "503":
        return error_response(20503, headers=retry_after)
    if fault.kind == "500_before":
        return error_response(20500)
    if fault.kind == "400":
        return error_response(20001)
    if fault.kind == "422":
        return error_response(29999)
    return answer_without_taking(fault)
