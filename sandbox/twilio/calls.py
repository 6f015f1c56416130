"""Twilio's calls: taken or refused, their callbacks, and what is said and pressed in them."""

from __future__ import annotations

import asyncio
from functools import partial
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from sandbox.http_server import Response
from sandbox.twilio.account import E164, Account, is_url
from sandbox.twilio.errors import error_response
from sandbox.twilio.records import Record, Records, call_json, rfc2822
from sandbox.witness import message_id_in


class Calls:
    """The account's calls."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.records = Records("calls", "StartTime", partial(call_json, account.sid))

    def create(self, form: dict[str, str], events: tuple[str, ...]) -> Response:
        """Take or refuse a call; ``events`` are those of which it is to be called back."""
        to, sender = form.get("To", ""), form.get("From", "")
        twiml, url, callback = form.get("Twiml"), form.get("Url"), form.get("StatusCallback") or None
        problem = self._problem(to, sender, twiml, url, callback)
        if problem is not None:
            return error_response(*problem)
        record = Record(
            self._account.new_sid("CA"),
            to,
            sender,
            None,
            twiml or "",
            callback,
            self._account.behaviour.now(),
            "queued",
            url=url,
        )
        record.events = events or ("completed",)
        record.detect_machine = bool(form.get("MachineDetection"))
        self.records.add(record)
        self._account.witness.accepted(
            "twilio", "voice", [(message_id_in(callback), record.sid, to, twiml or url or "")]
        )
        self._plan(record)
        return Response(201, call_json(self._account.sid, record))

    def _problem(
        self, to: str, sender: str, twiml: str | None, url: str | None, callback: str | None
    ) -> tuple[int, str] | None:
        if not to:
            return 21201, ""
        if not sender:
            return 21213, ""
        if not E164.fullmatch(to):
            return 21211, to
        if not E164.fullmatch(sender) or sender == "+15005550001":
            return 21212, sender
        if self._account.behaviour.owned_senders and sender not in self._account.behaviour.owned_senders:
            return 21210, sender
        if not twiml and not is_url(url or ""):
            return 21205, url or ""
        if twiml and len(twiml) > 4000:
            return 20001, "Twiml must be at most 4000 characters"
        if twiml:
            try:
                fromstring(twiml)
            except Exception:
                return 20001, "Twiml is not well-formed XML"
        if callback is not None and not is_url(callback):
            return 21609, callback
        refused = self._account.behaviour.refused_call(to)
        return None if refused is None else (refused, to)

    def _plan(self, record: Record) -> None:
        first, last = self._account.delays(record)
        fate, keys = self._account.behaviour.call_fate(record.to)

        def ring() -> None:
            if record.status == "queued":
                record.status = "ringing"
            self._call_back(record, "initiated", 0)
            self._call_back(record, "ringing", 1)

        def take() -> None:
            if fate in ("busy", "no-answer", "failed"):
                record.status, record.duration, record.ended = fate, 0, self._account.behaviour.now()
                self._call_back(record, fate, 2)
                return
            record.status = "in-progress"
            if record.detect_machine:
                record.answered_by = "machine_start" if fate == "machine" else "human"
            self._call_back(record, "in-progress", 2)
            work = self._converse(record, keys)
            self._account.delivery.spawn(asyncio.get_running_loop().create_task(work))

        self._account.delivery.later(first, ring)
        self._account.delivery.later(max(last, first + 0.001), take)

    def _call_form(self, record: Record, status: str) -> dict[str, str]:
        form = {
            "CallSid": record.sid,
            "AccountSid": self._account.sid,
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

    def _call_back(self, record: Record, status: str, sequence: int) -> None:
        event = {"in-progress": "answered", "initiated": "initiated", "ringing": "ringing"}.get(status, "completed")
        if record.callback is None or event not in record.events:
            return
        form = self._call_form(record, status)
        form["Timestamp"] = rfc2822(self._account.behaviour.now())
        form["CallbackSource"] = "call-progress-events"
        form["SequenceNumber"] = str(sequence)
        if event == "completed":
            form["CallDuration"] = str(record.duration or 0)
            form["Duration"] = str(-(-(record.duration or 0) // 60))
        self._account.call_back(record, form, status)

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
            spent, address, digits, keys = walk(root, keys, machine, self._account.behaviour.repeat_key)
            seconds += spent
            if address is None:
                break
            twiml = await self._ask(record, address, {"Digits": digits} if digits else {})
        record.status, record.duration, record.ended = (
            "completed",
            max(round(seconds), 1),
            self._account.behaviour.now(),
        )
        self._call_back(record, "completed", 3)

    async def _ask(self, record: Record, url: str, more: dict[str, str]) -> bytes | None:
        form = {**self._call_form(record, "in-progress"), **more}
        if more:
            form.update({"msg": "Gather End", "FinishedOnKey": ""})
        return await self._account.ask(url, form)


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
