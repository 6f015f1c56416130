"""A stand-in for Twilio's REST API 2010-04-01: messages, calls, their records, signed callbacks and replies.

It speaks the wire format only; nothing of Nightmail's own code is used, so that it is an independent witness.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import os
import re
import sys
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache, partial
from hashlib import sha1
from urllib.parse import urlencode, urlsplit
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from sandbox.behaviour import Behaviour
from sandbox.faults import TAKES, FaultRule, Faults
from sandbox.http_server import Request, Response, json_response
from sandbox.webhook_delivery import WebhookDelivery
from sandbox.witness import Witness, message_id_in

_PATH = re.compile(r"/2010-04-01/Accounts/(AC[0-9a-f]{32})(?:/(Messages|Calls)(?:/([A-Z]{2}[0-9a-f]{32}))?)?\.json")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
_SHORT_CODE = re.compile(r"[0-9]{3,6}")
_SERVICE = re.compile(r"MG[0-9a-f]{32}")
_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_DOUBLE = frozenset("\f^{}\\[~]|€")
_INVALID_FROM = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
_OPT_OUT_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
_OPT_IN_WORDS = frozenset({"START", "YES", "UNSTOP"})
_ERRORS = {
    20001: (400, "Bad request: {detail}"),
    20003: (401, "Authenticate"),
    20004: (405, "Method not allowed"),
    20404: (404, "The requested resource {detail} was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "Internal Server Error"),
    20503: (503, "Service Unavailable"),
    21201: (400, "No 'To' number is specified"),
    21205: (400, "Url is not a valid URL: {detail}"),
    21211: (400, "Invalid 'To' Phone Number: {detail}"),
    21212: (400, "Invalid 'From' Number: {detail}"),
    21213: (400, "'From' phone number is required"),
    21214: (400, "'To' phone number {detail} cannot be reached"),
    21215: (400, "Account not authorized to call {detail}"),
    21216: (400, "Account not allowed to call {detail}"),
    21217: (400, "Phone number {detail} does not appear to be valid"),
    21210: (400, "'From' phone number {detail} not verified"),
    21266: (400, "'To' and 'From' number cannot be the same: {detail}"),
    21408: (
        400,
        "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {detail}",
    ),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (400, "The 'From' phone number {detail} is not a valid, message-capable Twilio phone number"),
    21609: (400, "The 'StatusCallback' URL {detail} is not a valid URL"),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (429, "This 'From' number has exceeded the maximum number of queued messages"),
    21612: (400, "Message cannot be sent with the current combination of 'To' ({detail}) and 'From' parameters"),
    21614: (400, "'To' number is not a valid mobile number: {detail}"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    21659: (400, "'From' {detail} is not a Twilio phone number or Short Code country mismatch"),
    29999: (400, "A code that no dictionary has"),
}
_PRICE_PER_SEGMENT = 0.0079
_PRICE_PER_MINUTE = 0.0140
EMPTY_PAGE_SIZE = 50
RECORDS_KEPT = 200_000
"""Messages in the records: older ones are forgotten, so that memory has a bound. A real carrier's records have all."""


def segments_of(body: str) -> int:
    """How many segments a text takes: GSM-7 by 160/153, UCS-2 by 70/67."""
    if all(char in _GSM7 or char in _GSM7_DOUBLE for char in body):
        units = sum(2 if char in _GSM7_DOUBLE else 1 for char in body)
        return 1 if units <= 160 else -(-units // 153)
    units = len(body.encode("utf-16-be")) // 2
    return 1 if units <= 70 else -(-units // 67)


@dataclass(slots=True)
class Record:
    """One message or call in Twilio's records."""

    sid: str
    to: str
    sender: str
    service: str | None
    body: str
    callback: str | None
    created: float
    status: str
    direction: str = "outbound-api"
    error_code: int | None = None
    sent: float | None = None
    duration: int | None = None
    answered_by: str | None = None
    events: tuple[str, ...] = ()
    detect_machine: bool = False
    url: str | None = None
    ended: float | None = None


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
        inbound_url: str | None,
    ) -> None:
        self._account = account_sid
        self._token = auth_token.encode()
        self._authorization = "Basic " + base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._behaviour = behaviour
        self._faults = faults
        self._witness = witness
        self._delivery = delivery
        self.inbound_url = inbound_url
        self._messages: dict[str, Record] = {}
        self._order: deque[Record] = deque()
        self._calls: dict[str, Record] = {}
        self._messages_by_to: dict[str, Record | list[Record]] = {}
        self._calls_by_to: dict[str, Record | list[Record]] = {}
        self._opted_out: set[tuple[str, str]] = set()
        self._unique = os.urandom(10).hex()
        self._counter = 0
        self._window = (0, 0)

    # Requests
    def handle(self, request: Request) -> Response:
        """Answer one request of the REST API."""
        match = _PATH.fullmatch(request.path)
        if match is None:
            return self._error(20404, request.path)
        if not hmac.compare_digest(request.headers.get("authorization", ""), self._authorization):
            return self._error(20003)
        account, kind, sid = match.groups()
        if account != self._account:
            return self._error(20404, request.path)
        if kind is None:
            return json_response(200, {"sid": account, "friendly_name": "Sandbox", "status": "active", "type": "Full"})
        if request.method == "GET":
            return self._read(kind, sid, request)
        if request.method != "POST" or sid is not None:
            return self._error(20004)
        if self._over_rate():
            return self._error(20429, headers={"Retry-After": "1"})
        raw = request.form()
        form = {name: values[-1] for name, values in raw.items()}
        on = kind.lower()
        fault = self._faults.draw(on, form.get("To", ""))
        if fault is not None and fault.kind not in TAKES:
            return self._refuse_by_fault(fault)
        events = tuple(raw.get("StatusCallbackEvent", ()))
        response = self._create_message(form) if kind == "Messages" else self._create_call(form, events)
        return response if fault is None or response.status >= 400 else answer_after(fault, response)

    def _over_rate(self) -> bool:
        limit = self._behaviour.requests_per_second
        if not limit:
            return False
        second = int(time.monotonic())
        count = self._window[1] + 1 if self._window[0] == second else 1
        self._window = (second, count)
        return count > limit

    def _refuse_by_fault(self, fault: FaultRule) -> Response:
        retry_after = {"Retry-After": f"{fault.retry_after:g}"}
        if fault.kind == "429":
            return self._error(20429, headers=retry_after)
        if fault.kind == "503":
            return self._error(20503, headers=retry_after)
        if fault.kind == "500_before":
            return self._error(20500)
        if fault.kind == "400":
            return self._error(20001)
        if fault.kind == "422":
            return self._error(29999)
        return answer_without_taking(fault)

    def _error(self, code: int, detail: str = "", headers: dict[str, str] | None = None) -> Response:
        status, message = _ERRORS[code]
        content = {
            "code": code,
            "message": message.format(detail=detail),
            "more_info": f"https://www.twilio.com/docs/errors/{code}",
            "status": status,
        }
        return json_response(status, content, headers)

    def _new_sid(self, prefix: str) -> str:
        self._counter += 1
        return f"{prefix}{self._unique}{self._counter:012x}"

    def _sender_error(self, sender: str, to: str) -> tuple[int, str] | None:
        refused = _INVALID_FROM.get(sender)
        if refused is not None:
            return refused, sender
        if not (_E164.fullmatch(sender) or _ALPHANUMERIC.fullmatch(sender) or _SHORT_CODE.fullmatch(sender)):
            return 21212, sender
        if self._behaviour.owned_senders and sender not in self._behaviour.owned_senders:
            return 21659, sender
        return (21266, to) if sender == to else None

    def _create_message(self, form: dict[str, str]) -> Response:
        to, sender, body = form.get("To", ""), sys.intern(form.get("From", "")), form.get("Body", "")
        service, callback = form.get("MessagingServiceSid") or None, form.get("StatusCallback") or None
        if not to:
            return self._error(21604)
        if not body and "MediaUrl" not in form:
            return self._error(21602)
        if service is not None and not _SERVICE.fullmatch(service):
            return self._error(21212, service)
        if service is None and not sender:
            return self._error(21603)
        problem = self._sender_error(sender, to) if service is None else None
        if problem is not None:
            return self._error(*problem)
        if not _E164.fullmatch(to):
            return self._error(21211, to)
        if len(body) > 1600:
            return self._error(21617)
        if callback is not None and not _is_url(callback):
            return self._error(21609, callback)
        refused = self._behaviour.refused_sms(to)
        if refused is None and (to, sender or service or "") in self._opted_out:
            refused = 21610
        if refused is not None:
            return self._error(refused, to)
        record = Record(self._new_sid("SM"), to, sender, service, body, callback, self._behaviour.now(), "queued")
        self._remember(record)
        self._witness.accepted("twilio", "sms", [(message_id_in(callback), record.sid, to, body)])
        self._plan_message(record)
        return Response(201, self._message_json(record))

    def _remember(self, record: Record) -> None:
        """Keep a message in the records, and forget the oldest one beyond :data:`RECORDS_KEPT`."""
        self._messages[record.sid] = record
        _add(self._messages_by_to, record)
        self._order.append(record)
        if len(self._order) > RECORDS_KEPT:
            oldest = self._order.popleft()
            del self._messages[oldest.sid]
            _remove(self._messages_by_to, oldest)

    def _create_call(self, form: dict[str, str], events: tuple[str, ...]) -> Response:
        to, sender = form.get("To", ""), form.get("From", "")
        twiml, url, callback = form.get("Twiml"), form.get("Url"), form.get("StatusCallback") or None
        if not to:
            return self._error(21201)
        if not sender:
            return self._error(21213)
        if not _E164.fullmatch(to):
            return self._error(21211, to)
        if not _E164.fullmatch(sender) or sender == "+15005550001":
            return self._error(21212, sender)
        if self._behaviour.owned_senders and sender not in self._behaviour.owned_senders:
            return self._error(21210, sender)
        if not twiml and not _is_url(url or ""):
            return self._error(21205, url or "")
        if twiml and len(twiml) > 4000:
            return self._error(20001, "Twiml must be at most 4000 characters")
        if twiml:
            try:
                fromstring(twiml)
            except Exception:
                return self._error(20001, "Twiml is not well-formed XML")
        if callback is not None and not _is_url(callback):
            return self._error(21609, callback)
        refused = self._behaviour.refused_call(to)
        if refused is not None:
            return self._error(refused, to)
        record = Record(
            self._new_sid("CA"), to, sender, None, twiml or "", callback, self._behaviour.now(), "queued", url=url
        )
        record.events = events or ("completed",)
        record.detect_machine = bool(form.get("MachineDetection"))
        self._calls[record.sid] = record
        _add(self._calls_by_to, record)
        self._witness.accepted("twilio", "voice", [(message_id_in(callback), record.sid, to, twiml or url or "")])
        self._plan_call(record)
        return json_response(201, self._call_dict(record))

    # Records
    def _read(self, kind: str, sid: str | None, request: Request) -> Response:
        records = self._messages if kind == "Messages" else self._calls
        fault = self._faults.draw("lists")
        if fault is not None:
            return self._refuse_by_fault(fault) if fault.kind not in TAKES else self._error(20500)
        if sid is not None:
            record = records.get(sid)
            if record is None:
                return self._error(20404, request.path)
            return Response(
                200,
                self._message_json(record) if kind == "Messages" else json.dumps(self._call_dict(record)).encode(),
            )
        query = {name: values[-1] for name, values in request.query_values().items()}
        by_to = self._messages_by_to if kind == "Messages" else self._calls_by_to
        candidates = _of(by_to, query["To"]) if query.get("To") else list(records.values())
        when = "DateSent" if kind == "Messages" else "StartTime"
        chosen = [record for record in reversed(candidates) if _fits(record, query, when)]
        size = min(max(int(query.get("PageSize", EMPTY_PAGE_SIZE)), 1), 1000)
        page = int(query.get("Page", 0))
        rows = chosen[page * size : (page + 1) * size]
        content: dict[str, object] = {
            kind.lower(): [
                json.loads(self._message_json(record)) if kind == "Messages" else self._call_dict(record)
                for record in rows
            ],
            "page": page,
            "page_size": size,
            "start": page * size,
            "end": page * size + max(len(rows) - 1, 0),
            "uri": f"{request.path}?{request.query}",
            "first_page_uri": f"{request.path}?{urlencode({**query, 'Page': 0})}",
            "previous_page_uri": None,
            "next_page_uri": None,
        }
        if (page + 1) * size < len(chosen):
            following = {**query, "Page": page + 1, "PageToken": f"PA{rows[-1].sid}"}
            content["next_page_uri"] = f"{request.path}?{urlencode(following)}"
        return json_response(200, content)

    def _message_json(self, record: Record) -> bytes:
        path = f"/2010-04-01/Accounts/{self._account}/Messages/{record.sid}"
        count = segments_of(record.body)
        return json.dumps(
            {
                "account_sid": self._account,
                "api_version": "2010-04-01",
                "body": record.body,
                "date_created": _rfc2822(record.created),
                "date_sent": _rfc2822(record.sent) if record.sent else None,
                "date_updated": _rfc2822(record.sent or record.created),
                "direction": record.direction,
                "error_code": record.error_code,
                "error_message": None,
                "from": record.sender or None,
                "messaging_service_sid": record.service,
                "num_media": "0",
                "num_segments": str(count),
                "price": f"-{_PRICE_PER_SEGMENT * count:.5f}" if record.sent else None,
                "price_unit": "USD",
                "sid": record.sid,
                "status": record.status,
                "subresource_uris": {"media": f"{path}/Media.json"},
                "to": record.to,
                "uri": f"{path}.json",
            }
        ).encode()

    def _call_dict(self, record: Record) -> dict[str, object]:
        minutes = -(-record.duration // 60) if record.duration else 0
        return {
            "sid": record.sid,
            "account_sid": self._account,
            "annotation": None,
            "answered_by": record.answered_by,
            "api_version": "2010-04-01",
            "caller_name": None,
            "date_created": _rfc2822(record.created),
            "date_updated": _rfc2822(record.ended or record.created),
            "direction": record.direction,
            "duration": None if record.duration is None else str(record.duration),
            "end_time": _rfc2822(record.ended) if record.ended else None,
            "from": record.sender,
            "price": f"-{_PRICE_PER_MINUTE * minutes:.5f}" if minutes else None,
            "price_unit": "USD",
            "start_time": _rfc2822(record.created),
            "status": record.status,
            "to": record.to,
            "uri": f"/2010-04-01/Accounts/{self._account}/Calls/{record.sid}.json",
        }

    # What happens later
    def _delays(self, record: Record) -> tuple[float, float]:
        behaviour = self._behaviour
        first = behaviour.delay_s * (0.5 + behaviour.draw("delay", record.sid))
        last = first + behaviour.spread_s * behaviour.draw("spread", record.sid)
        if behaviour.late_share and behaviour.draw("late", record.sid) < behaviour.late_share:
            last += behaviour.late_s
        return first, last

    def _plan_message(self, record: Record) -> None:
        behaviour = self._behaviour
        fate, code = behaviour.sms_fate(record.to)
        first, last = self._delays(record)
        reorder = bool(behaviour.reorder_share) and behaviour.draw("reorder", record.sid) < behaviour.reorder_share

        def sent() -> None:
            record.sent = self._behaviour.now()
            if record.status == "queued":
                record.status = "sent"
            if behaviour.intermediate:
                self._tell_message(record, "sent", None)

        def ended() -> None:
            record.sent = record.sent or self._behaviour.now()
            record.status, record.error_code = fate, code
            self._tell_message(record, fate, code)
            if not reorder:
                record.callback = None
            reply = behaviour.sms_reply(record.to) if fate == "delivered" else None
            if reply is not None:
                self._delivery.later(
                    behaviour.delay_s, partial(self.receive, record.to, record.sender or record.service or "", reply)
                )

        if fate != "failed":
            self._delivery.later(last + behaviour.delay_s if reorder else first, sent)
        if fate != "silent":
            self._delivery.later(last, ended)

    def _tell_message(self, record: Record, status: str, code: int | None) -> None:
        if record.callback is None:
            return
        form = {
            "SmsSid": record.sid,
            "SmsStatus": status,
            "MessageStatus": status,
            "To": record.to,
            "MessageSid": record.sid,
            "AccountSid": self._account,
            "From": record.sender,
            "ApiVersion": "2010-04-01",
        }
        if record.service:
            form["MessagingServiceSid"] = record.service
        if code is not None:
            form["ErrorCode"] = str(code)
        self._tell(record, form, status)

    def _tell(self, record: Record, form: dict[str, str], status: str) -> None:
        behaviour = self._behaviour
        assert record.callback is not None
        if behaviour.lost_share and behaviour.draw("lost", record.sid) < behaviour.lost_share:
            return
        self.post_signed(record.callback, form)
        if behaviour.twice_share and behaviour.draw(f"twice-{status}", record.sid) < behaviour.twice_share:
            callback = record.callback
            self._delivery.later(behaviour.delay_s, lambda: self.post_signed(callback, form))

    def _signed(self, url: str, form: dict[str, str]) -> tuple[bytes, dict[str, str]]:
        text = url + "".join(name + form[name] for name in sorted(form))
        signature = base64.b64encode(hmac.new(self._token, text.encode(), sha1).digest()).decode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "X-Twilio-Signature": signature,
            "I-Twilio-Idempotency-Token": os.urandom(16).hex(),
            "User-Agent": "TwilioProxy/1.1",
        }
        return urlencode(form).encode(), headers

    def post_signed(self, url: str, form: dict[str, str]) -> None:
        """Post a webhook with Twilio's signature."""
        body, headers = self._signed(url, form)
        self._delivery.post(url, body, headers)

    def receive(self, sender: str, to: str, body: str) -> str:
        """A recipient writes to one of our numbers: kept in the records and posted to the inbound webhook."""
        record = Record(self._new_sid("SM"), to, sender, None, body, None, self._behaviour.now(), "received", "inbound")
        record.sent = record.created
        self._remember(record)
        word = body.strip().upper()
        if word in _OPT_OUT_WORDS:
            self._opted_out.add((sender, to))
        elif word in _OPT_IN_WORDS:
            self._opted_out.discard((sender, to))
        if self.inbound_url is not None:
            form = {
                "ToCountry": "",
                "SmsMessageSid": record.sid,
                "NumMedia": "0",
                "SmsSid": record.sid,
                "SmsStatus": "received",
                "Body": body,
                "To": to,
                "NumSegments": str(segments_of(body)),
                "MessageSid": record.sid,
                "AccountSid": self._account,
                "From": sender,
                "ApiVersion": "2010-04-01",
            }
            if _SERVICE.fullmatch(to):
                form["MessagingServiceSid"] = to
            self.post_signed(self.inbound_url, form)
        return record.sid

    # Calls
    def _plan_call(self, record: Record) -> None:
        first, last = self._delays(record)
        fate, keys = self._behaviour.call_fate(record.to)

        def ring() -> None:
            if record.status == "queued":
                record.status = "ringing"
            self._tell_call(record, "initiated", 0)
            self._tell_call(record, "ringing", 1)

        def take() -> None:
            if fate in ("busy", "no-answer", "failed"):
                record.status, record.duration, record.ended = fate, 0, self._behaviour.now()
                self._tell_call(record, fate, 2)
                return
            record.status = "in-progress"
            if record.detect_machine:
                record.answered_by = "machine_start" if fate == "machine" else "human"
            self._tell_call(record, "in-progress", 2)
            work = self._converse(record, keys)
            self._delivery.spawn(asyncio.get_running_loop().create_task(work))

        self._delivery.later(first, ring)
        self._delivery.later(max(last, first + 0.001), take)

    def _call_form(self, record: Record, status: str) -> dict[str, str]:
        form = {
            "CallSid": record.sid,
            "AccountSid": self._account,
            "From": record.sender,
            "To": record.to,
            "Called": record.to,
            "Caller": record.sender,
            "CallStatus": status,
            "ApiVersion": "2010-04-01",
            "Direction": record.direction,
        }
        if record.answered_by is not None:
            form["AnsweredBy"] = record.answered_by
        return form

    def _tell_call(self, record: Record, status: str, sequence: int) -> None:
        event = {"in-progress": "answered", "initiated": "initiated", "ringing": "ringing"}.get(status, "completed")
        if record.callback is None or event not in record.events:
            return
        form = self._call_form(record, status)
        form["Timestamp"] = _rfc2822(self._behaviour.now())
        form["CallbackSource"] = "call-progress-events"
        form["SequenceNumber"] = str(sequence)
        if event == "completed":
            form["CallDuration"] = str(record.duration or 0)
            form["Duration"] = str(-(-(record.duration or 0) // 60))
        self._tell(record, form, status)

    async def _converse(self, record: Record, keys: str) -> None:
        """Follow the call's instructions: speak, listen, press keys, fetch the next instructions."""
        seconds = 2.0
        machine = (record.answered_by or "").startswith("machine")
        twiml: bytes | None = record.body.encode()
        if not twiml and record.url is not None:
            twiml = await self._ask(record, record.url, {})
        for _ in range(12):
            if not twiml:
                break
            try:
                root = fromstring(twiml)
            except Exception:
                break
            spent, address, digits, keys = walk(root, keys, machine, self._behaviour.repeat_key)
            seconds += spent
            if address is None:
                break
            twiml = await self._ask(record, address, {"Digits": digits} if digits else {})
        record.status, record.duration, record.ended = "completed", max(round(seconds), 1), self._behaviour.now()
        self._tell_call(record, "completed", 3)

    async def _ask(self, record: Record, url: str, more: dict[str, str]) -> bytes | None:
        form = {**self._call_form(record, "in-progress"), **more}
        if more:
            form.update({"msg": "Gather End", "FinishedOnKey": ""})
        return await self._delivery.ask(url, *self._signed(url, form))


def walk(root: Element, keys: str, machine: bool, repeat_key: str = "*") -> tuple[float, str | None, str, str]:
    """Follow one document: seconds spent, the next address if any, the digits pressed, and the keys still to press.

    ``r`` among the keys stands for the key that repeats.
    """
    seconds = 0.0
    for verb in root:
        if verb.tag in ("Say", "Play", "Pause"):
            seconds += _seconds(verb)
        elif verb.tag == "Gather":
            seconds += sum(_seconds(child) for child in verb)
            if machine or not keys:
                seconds += float(verb.get("timeout", "5"))
                continue
            key, keys = keys[0], keys[1:]
            return seconds, verb.get("action"), repeat_key if key == "r" else key, keys
        elif verb.tag == "Redirect":
            return seconds, (verb.text or "").strip(), "", keys
        elif verb.tag in ("Hangup", "Reject"):
            break
    return seconds, None, "", keys


def _seconds(verb: Element) -> float:
    if verb.tag == "Say":
        return len("".join(verb.itertext()).split()) / 2.5 * int(verb.get("loop", "1") or 1)
    return float(verb.get("length", "1")) if verb.tag == "Pause" else 5.0


def answer_without_taking(fault: FaultRule) -> Response:
    """How a fault looks that leaves the message untaken."""
    if fault.kind == "reset_before":
        return Response(misbehave="reset")
    if fault.kind == "hang_before":
        return Response(misbehave="hang", seconds=fault.seconds)
    page = b"<html><head><title>Gateway</title></head><body><h1>Please sign in to the network</h1></body></html>"
    if fault.kind == "429":
        return Response(429, b"{}", headers={"Retry-After": f"{fault.retry_after:g}"})
    if fault.kind == "503":
        return Response(503, b"{}", headers={"Retry-After": f"{fault.retry_after:g}"})
    if fault.kind == "500_before":
        return Response(500, b"{}")
    if fault.kind == "400":
        return Response(400, b'{"errors": [{"message": "Bad Request", "field": null, "help": null}]}')
    if fault.kind == "422":
        return Response(422, b'{"errors": [{"message": "Unprocessable", "field": null, "help": null}]}')
    return Response(502 if fault.kind == "html_502" else 200, page, "text/html")


def answer_after(fault: FaultRule, response: Response) -> Response:
    """How a fault looks whose message was taken."""
    if fault.kind == "500_after":
        return Response(500, b'{"code": 20500, "message": "Internal Server Error", "status": 500}')
    if fault.kind == "reset_after":
        return Response(misbehave="reset")
    if fault.kind == "hang_after":
        return Response(misbehave="hang", seconds=fault.seconds)
    if fault.kind == "html_after":
        return Response(200, b"<html><body>OK</body></html>", "text/html")
    response.misbehave = fault.kind
    response.seconds = fault.seconds
    return response


def _add(by_to: dict[str, Record | list[Record]], record: Record) -> None:
    """Keep a record under its recipient; a list is made for the second one only, as most recipients have one."""
    present = by_to.get(record.to)
    if present is None:
        by_to[record.to] = record
    elif isinstance(present, list):
        present.append(record)
    else:
        by_to[record.to] = [present, record]


def _remove(by_to: dict[str, Record | list[Record]], record: Record) -> None:
    """Forget a record under its recipient."""
    present = by_to.get(record.to)
    if isinstance(present, list) and len(present) > 1:
        present.remove(record)
    else:
        by_to.pop(record.to, None)


def _of(by_to: dict[str, Record | list[Record]], to: str) -> list[Record]:
    present = by_to.get(to)
    if present is None:
        return []
    return present if isinstance(present, list) else [present]


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _rfc2822(when: float) -> str:
    return _rfc2822_second(int(when))


@lru_cache(maxsize=256)
def _rfc2822_second(when: int) -> str:
    return format_datetime(datetime.fromtimestamp(when, UTC))


def _fits(record: Record, query: dict[str, str], when: str) -> bool:
    if query.get("From") and record.sender != query["From"]:
        return False
    if query.get("Status") and record.status != query["Status"]:
        return False
    moment = record.sent if when == "DateSent" else record.created
    for name, compare in ((when, "="), (f"{when}<", "<"), (f"{when}>", ">")):
        text = query.get(name)
        if text is None:
            continue
        if moment is None:
            return False
        bound = datetime.fromisoformat(text.replace("Z", "+00:00"))
        if bound.tzinfo is None:
            bound = bound.replace(tzinfo=UTC)
        if len(text) == 10:
            day = datetime.fromtimestamp(moment, UTC).date()
            fits = {"=": day == bound.date(), "<": day <= bound.date(), ">": day >= bound.date()}[compare]
        else:
            at = bound.timestamp()
            fits = {"=": int(moment) == int(at), "<": moment <= at, ">": moment >= at}[compare]
        if not fits:
            return False
    return True
