"""Twilio's messages: taken or refused, their callbacks, and what recipients write back."""

from __future__ import annotations

import re
import sys
from functools import partial

from sandbox.http_server import Response, json_response
from sandbox.twilio.account import E164, Account, is_url
from sandbox.twilio.errors import error_response
from sandbox.twilio.records import Record, Records, media_json, media_sids, message_json
from sandbox.twilio.segments import segments_of
from sandbox.witness import message_id_in

_ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
_SHORT_CODE = re.compile(r"[0-9]{3,6}")
_SERVICE = re.compile(r"MG[0-9a-f]{32}")
_INVALID_FROM = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
_OPT_OUT_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
_OPT_IN_WORDS = frozenset({"START", "YES", "UNSTOP"})


class Messages:
    """The account's messages. ``inbound_url`` is where texts from recipients are posted; ``None`` posts none."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._opted_out: set[tuple[str, str]] = set()
        self.records = Records("messages", "DateSent", partial(message_json, account.sid))
        self.inbound_url: str | None = None

    def media_of(self, sid: str) -> Response:
        """The answer with what came with a text."""
        record = self.records.find(sid)
        return (
            error_response(20404, sid) if record is None else json_response(200, media_json(self._account.sid, record))
        )

    def create(self, form: dict[str, str]) -> Response:
        """Take or refuse a message."""
        to, sender, body = form.get("To", ""), sys.intern(form.get("From", "")), form.get("Body", "")
        service, callback = form.get("MessagingServiceSid") or None, form.get("StatusCallback") or None
        problem = self._problem(form, to, sender, body, service, callback)
        if problem is not None:
            return error_response(*problem)
        account = self._account
        record = Record(account.new_sid("SM"), to, sender, service, body, callback, account.behaviour.now(), "queued")
        self.records.add(record)
        account.witness.accepted("twilio", "sms", [(message_id_in(callback), record.sid, to, body)])
        self._plan(record)
        return Response(201, message_json(account.sid, record))

    def _problem(
        self, form: dict[str, str], to: str, sender: str, body: str, service: str | None, callback: str | None
    ) -> tuple[int, str] | None:
        if not to:
            return 21604, ""
        if not body and "MediaUrl" not in form:
            return 21602, ""
        if service is not None and not _SERVICE.fullmatch(service):
            return 21212, service
        if service is None and not sender:
            return 21603, ""
        problem = self._problem_of_sender(sender, to) if service is None else None
        if problem is not None:
            return problem
        if not E164.fullmatch(to):
            return 21211, to
        if len(body) > 1600:
            return 21617, ""
        if callback is not None and not is_url(callback):
            return 21609, callback
        refused = self._account.behaviour.refused_sms(to)
        if refused is None and (to, sender or service or "") in self._opted_out:
            refused = 21610
        return None if refused is None else (refused, to)

    def _problem_of_sender(self, sender: str, to: str) -> tuple[int, str] | None:
        refused = _INVALID_FROM.get(sender)
        if refused is not None:
            return refused, sender
        if not (E164.fullmatch(sender) or _ALPHANUMERIC.fullmatch(sender) or _SHORT_CODE.fullmatch(sender)):
            return 21212, sender
        owned = self._account.behaviour.owned_senders
        if owned and sender not in owned:
            return 21659, sender
        return (21266, to) if sender == to else None

    def _plan(self, record: Record) -> None:
        behaviour = self._account.behaviour
        fate, code = behaviour.sms_fate(record.to)
        first, last = self._account.delays(record)
        reorder = bool(behaviour.reorder_share) and behaviour.draw("reorder", record.sid) < behaviour.reorder_share

        def sent() -> None:
            record.sent = self._account.behaviour.now()
            if record.status == "queued":
                record.status = "sent"
            if behaviour.intermediate:
                self._call_back(record, "sent", None)

        def ended() -> None:
            record.sent = record.sent or self._account.behaviour.now()
            record.status, record.error_code = fate, code
            self._call_back(record, fate, code)
            if not reorder:
                record.callback = None
            reply = behaviour.sms_reply(record.to) if fate == "delivered" else None
            if reply is not None:
                self._account.delivery.later(
                    behaviour.delay_s, partial(self.receive, record.to, record.sender or record.service or "", reply)
                )

        if fate != "failed":
            self._account.delivery.later(last + behaviour.delay_s if reorder else first, sent)
        if fate != "silent":
            self._account.delivery.later(last, ended)

    def _call_back(self, record: Record, status: str, code: int | None) -> None:
        if record.callback is None:
            return
        form = {
            "SmsSid": record.sid,
            "SmsStatus": status,
            "MessageStatus": status,
            "To": record.to,
            "MessageSid": record.sid,
            "AccountSid": self._account.sid,
            "From": record.sender,
            "ApiVersion": "2010-04-01",
        }
        if record.service:
            form["MessagingServiceSid"] = record.service
        if code is not None:
            form["ErrorCode"] = str(code)
        self._account.call_back(record, form, status)

    def receive(self, sender: str, to: str, body: str, service: str | None = None, media: tuple[str, ...] = ()) -> str:
        """A recipient writes to one of our numbers: kept in the records and posted to the inbound webhook.

        ``service`` is the messaging service that the number belongs to, ``media`` the types of what comes with the text.
        """
        record = Record(
            self._account.new_sid("SM"),
            to,
            sender,
            service or (to if _SERVICE.fullmatch(to) else None),
            body,
            None,
            self._account.behaviour.now(),
            "received",
            "inbound",
            media=media,
        )
        record.sent = record.created
        self.records.add(record)
        word = body.strip().upper()
        if word in _OPT_OUT_WORDS:
            self._opted_out.add((sender, to))
        elif word in _OPT_IN_WORDS:
            self._opted_out.discard((sender, to))
        if self.inbound_url is not None:
            form = {
                "ToCountry": "",
                "SmsMessageSid": record.sid,
                "NumMedia": str(len(media)),
                "SmsSid": record.sid,
                "SmsStatus": "received",
                "Body": body,
                "To": to,
                "NumSegments": str(segments_of(body)),
                "MessageSid": record.sid,
                "AccountSid": self._account.sid,
                "From": sender,
                "ApiVersion": "2010-04-01",
            }
            if record.service:
                form["MessagingServiceSid"] = record.service
            base = f"https://api.twilio.com/2010-04-01/Accounts/{self._account.sid}/Messages/{record.sid}/Media"
            for number, sid in enumerate(media_sids(record)):
                form |= {f"MediaUrl{number}": f"{base}/{sid}", f"MediaContentType{number}": media[number]}
            self._account.post(self.inbound_url, form)
        return record.sid
