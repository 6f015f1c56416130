"""Email by SendGrid, through the real ``sendgrid`` SDK: up to 1,000 recipients a request.

Settings: ``secret`` is an API key with Mail Send (and Messages Read where ``activity`` is on); ``base_url`` chooses the
region: ``https://api.eu.sendgrid.com`` for the European Union. Options: ``activity`` (``on`` where the account has the
Email Activity feed, which lets doubts be settled and receipts be polled), ``sandbox_mode`` (``on``: SendGrid checks and
sends nothing).

**One request for many texts.** Every recipient's text differs, but a request has one. What all texts of a request have
in common at their start and end is sent once; the differing middle travels as a *substitution* of each recipient
(under SendGrid's 10,000 bytes). Messages of different senders, categories or reply addresses, second messages to one
address, and texts that are too large each get a request of their own.

**A refused request** (400) took nobody. Where the answer names the recipient at fault, it is taken out; else the request
is halved until the fault is alone. Everybody else is handed off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import SequenceMatcher
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

import python_http_client
from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient

from nightmail.carriers.error_tables import (
    ANSWER_LOST,
    ANSWER_MALFORMED,
    NOT_CONNECTED,
    REFUSED_ALIKE,
    UNWRITABLE,
    ErrorClass,
    ErrorEntry,
    error_entry,
)
from nightmail.carriers.protocol import (
    CarrierSettings,
    Check,
    Finding,
    HandOff,
    InDoubt,
    Outcome,
    OutgoingMessage,
    Pending,
    Receipt,
    ReceiptStatus,
    Reply,
    Still,
    Verdict,
    whatever_comes,
)
from nightmail.errors import ConfigurationError
from resources.carriers.keep_alive import (
    Answer,
    AnswerLostError,
    KeepAlive,
    NotWrittenError,
    UnwritableError,
    answered_at,
    retry_after_s,
    wait_s,
)
from resources.carriers.sendgrid.errors import ERRORS
from resources.carriers.twilio_connection import clock_check, scrubbed

SENDGRID_URL = "https://api.sendgrid.com"
MAXIMUM_RECIPIENTS = 1000
SUBSTITUTION_LIMIT = 9_500
"""Bytes of one recipient's substitutions, names included; SendGrid refuses 10,000."""
REQUEST_LIMIT = 28 * 1024 * 1024
"""Bytes of one request; SendGrid refuses 30 MB."""
_MESSAGE_ID_ARGUMENT = "message_id"
_ACTIVITY_STATUS = {
    "processed": ReceiptStatus.SENT,
    "processing": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "not_delivered": ReceiptStatus.BOUNCED,
}
_FINDS_PER_QUESTION = 20
_TOO_LARGE = error_entry("too_large", ErrorClass.PERMANENT_MESSAGE, "the message is over the carrier's 30 MB")
_LATER_OR_DOUBT = (ErrorClass.RETRY_LATER, ErrorClass.IN_DOUBT)
_ALIKE_REFUSED = 10
_PROBES = 16
_WORTH_COMPARING = 600
_SHORTEST_LITERAL = 200
_TAG_BYTES = 24
_quoted = json.encoder.encode_basestring_ascii
_WORDS = re.compile(r"\S+\s*|\s+")


class _Answered:
    """An answer as the SDK expects one of ``urllib``."""

    def __init__(self, answer: Answer) -> None:
        self.code = answer.status
        self.reason = ""
        self.hdrs = Message()
        for name, value in answer.headers.items():
            self.hdrs[name] = value
        self._body = answer.body

    def getcode(self) -> int:
        return self.code

    def info(self) -> Message:
        return self.hdrs

    def read(self) -> bytes:
        return self._body


class KeepAliveClient(python_http_client.Client):  # type: ignore[misc]
    """The SDK's HTTP client over our connection.

    The SDK builds an opener, hence a TLS context and a connection, for every request; here the request that it has
    prepared is written to the kept-open connection. It logs nothing: the SDK's log lines hold whole messages.
    """

    def __init__(self, keep_alive: KeepAlive, **settings: Any) -> None:
        super().__init__(**settings)
        self.keep_alive = keep_alive

    def _build_client(self, name: str | None = None) -> KeepAliveClient:
        return KeepAliveClient(
            self.keep_alive,
            host=self.host,
            request_headers=self.request_headers,
            version=self._version,
            url_path=[*self._url_path, name] if name else self._url_path,
            append_slash=self.append_slash,
            timeout=self.timeout,
        )

    def __getattr__(self, name: str) -> Any:
        if name not in self.methods:
            return super().__getattr__(name)

        def request(
            request_body: Any = None,
            query_params: Mapping[str, Any] | None = None,
            request_headers: Mapping[str, str] | None = None,
            **_: Any,
        ) -> Any:
            headers = {**self.request_headers, **(request_headers or {})}
            body = None
            if request_body is not None:
                headers.setdefault("Content-Type", "application/json")
                body = request_body if isinstance(request_body, bytes) else json.dumps(request_body).encode()
            parts = urlsplit(self._build_url(query_params))
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
            answered = _Answered(self.keep_alive.request(name.upper(), target, headers, body))
            if answered.code >= 400:
                raise python_http_client.exceptions.handle_error(answered)
            return python_http_client.client.Response(answered)

        return request


@dataclass(frozen=True)
class _Group:
    """Messages that can share a request."""

    messages: tuple[OutgoingMessage, ...]
    shared: tuple[_Shared, _Shared] | None = None
    """Their texts and pages taken apart, where that was done already."""

    def kept_by(self, still: Still) -> _Group:
        """Those of the group that may go yet."""
        kept = still(self.messages)
        return self if len(kept) == len(self.messages) else _Group(tuple(kept))

    def halves(self) -> tuple[_Group, _Group]:
        middle = len(self.messages) // 2
        return _Group(self.messages[:middle]), _Group(self.messages[middle:])

    def without(self, index: int) -> tuple[_Group, _Group]:
        """The group without one message, and that message."""
        return (
            _Group((*self.messages[:index], *self.messages[index + 1 :])),
            _Group((self.messages[index],)),
        )


class SendGridEmail:
    """One SendGrid account's email."""

    channel = "email"
    maximum_batch = MAXIMUM_RECIPIENTS

    def __init__(self, settings: CarrierSettings) -> None:
        if not settings.secret:
            raise ConfigurationError(
                "carrier_credentials",
                "The SendGrid account has no API key.",
                "Set the secret that the carrier account names.",
            )
        self.name = settings.name or settings.adapter
        self._settings = settings
        base_url = settings.base_url or SENDGRID_URL
        self._keep_alive = KeepAlive(
            base_url, settings.connect_timeout_s, settings.timeout_s, proxy=settings.options.get("proxy")
        )
        self._sdk = SendGridAPIClient(settings.secret, host=base_url)
        self._sdk.client = KeepAliveClient(
            self._keep_alive, host="", request_headers=self._sdk.client.request_headers, version=3
        )
        self._activity = settings.options.get("activity") == "on"

    # Handing off
    def hand_off(self, batch: Sequence[OutgoingMessage], still: Still = whatever_comes) -> list[HandOff]:
        """As few requests as the messages allow; none after one that ends the batch."""
        outcomes: dict[str, HandOff] = {}
        fitting: list[OutgoingMessage] = []
        for message in batch:
            if self._sender(message):
                fitting.append(message)
            else:
                no_sender = replace(ERRORS.entry("from"), meaning="a message without a sender")
                outcomes[message.message_id] = HandOff.failed(message.message_id, no_sender)
        for group in _groups(fitting, self._sender):
            told = self._hand_off_group(group, still)
            outcomes.update((hand_off.message_id, hand_off) for hand_off in told)
            if _ends_the_batch(told):
                break
        return [outcomes.get(message.message_id) or HandOff(message.message_id, Outcome.NOT_TRIED) for message in batch]

    def _sender(self, message: OutgoingMessage) -> str | None:
        return message.sender or self._settings.sender

    def _hand_off_group(self, group: _Group, still: Still) -> list[HandOff]:
        """Hand a group over, split as often as the carrier refuses it as a whole; without those that were not tried."""
        waiting = [group]
        outcomes: list[HandOff] = []
        probes: int | None = None
        while waiting:
            present = waiting.pop().kept_by(still)
            if not present.messages:
                continue
            body = self._body(present)
            if len(body) > REQUEST_LIMIT:
                if len(present.messages) > 1:
                    waiting.extend(reversed(present.halves()))
                else:
                    message = present.messages[0]
                    outcomes.append(HandOff.failed(message.message_id, _TOO_LARGE))
                continue
            told, split = self._send(present, body)
            outcomes.extend(told)
            waiting.extend(reversed(split))
            if _ends_the_batch(told):
                break
            if not _all_alike_refused(outcomes):
                continue
            if probes is None:
                # Ten bad rows in a row, or something else? Some from all over the rest will tell.
                waiting, probes = _with_probes_first(waiting)
            elif told:
                probes -= 1
            if probes <= 0:
                # Not a row's fault, then: nobody was handed off, and nobody will be until a person has looked.
                return [replace(entry, error=REFUSED_ALIKE) for entry in outcomes]
        return outcomes

    def _send(self, group: _Group, body: bytes) -> tuple[list[HandOff], tuple[_Group, ...]]:
        """One request: the outcomes, or the smaller groups to try instead."""
        try:
            response = self._sdk.client.mail.send.post(request_body=body)
        except UnwritableError:
            return _for_all(group, UNWRITABLE), ()
        except NotWrittenError as error:
            return _for_all(group, replace(NOT_CONNECTED, meaning=str(error))), ()
        except AnswerLostError as error:
            return _for_all(group, replace(ANSWER_LOST, meaning=str(error))), ()
        except HTTPError as error:
            return self._refused(group, error)
        if response.status_code == 202:
            carrier_id = response.headers.get("x-message-id")
            return [HandOff(message.message_id, Outcome.ACCEPTED, carrier_id) for message in group.messages], ()
        if response.status_code == 200 and self._settings.options.get("sandbox_mode") == "on":
            return [HandOff(message.message_id, Outcome.ACCEPTED, None) for message in group.messages], ()
        return _for_all(group, ANSWER_MALFORMED), ()

    def _refused(self, group: _Group, error: HTTPError) -> tuple[list[HandOff], tuple[_Group, ...]]:
        status = int(error.status_code)
        entry = ERRORS.entry(f"http {status}")
        problems = _problems(error.body)
        fields = [str(problem.get("field") or "") for problem in problems]
        if entry.error_class is ErrorClass.UNKNOWN and len(group.messages) > 1:
            # What nobody knows is not blamed on a thousand messages: a person has to look first.
            entry = error_entry(entry.code, ErrorClass.STOP_AND_ALERT)
        elif status == 403 and any(field.startswith("from") for field in fields):
            entry = ERRORS.entry("from")
        elif status == 400 and any(field.startswith(("from", "reply_to")) for field in fields):
            entry = error_entry(entry.code, ErrorClass.STOP_AND_ALERT, entry.meaning)
        if entry.error_class is ErrorClass.PERMANENT_MESSAGE and len(group.messages) > 1:
            index = _index_at_fault(problems, len(group.messages))
            return [], group.halves() if index is None else group.without(index)
        if entry.error_class is ErrorClass.PERMANENT_MESSAGE and _names_the_address(problems):
            entry = error_entry(entry.code, ErrorClass.PERMANENT_ADDRESS, entry.meaning)
        text = "; ".join(str(problem.get("message") or "") for problem in problems) or entry.meaning
        wait = _wait_s(error.headers or {}) if entry.error_class in _LATER_OR_DOUBT else None
        return [
            HandOff.failed(message.message_id, replace(entry, meaning=scrubbed(text, message.address)), wait)
            for message in group.messages
        ], ()

    def _body(self, group: _Group) -> bytes:
        """The request's JSON."""
        first = group.messages[0]
        sender: dict[str, str] = {"email": str(self._sender(first))}
        sender_name = first.sender_name or (self._settings.sender_name if first.sender is None else None)
        if sender_name:
            sender["name"] = sender_name
        text, page = group.shared or _take_apart(group.messages)
        prefix = _free_prefix(text, page)
        parts = [("text/plain", text)]
        if first.html is not None:
            parts.append(("text/html", page))
        gaps: list[tuple[str, tuple[str, ...]]] = []
        contents = []
        for number, (kind, shared) in enumerate(parts):
            value, tags = shared.tagged(f"{prefix}{number}-")
            contents.append({"type": kind, "value": value or " "})
            gaps.extend(zip(tags, shared.middles, strict=True))
        content: dict[str, Any] = {
            "from": sender,
            "content": contents,
        }
        reply_to = first.reply_to or self._settings.reply_to
        if reply_to:
            content["reply_to"] = {"email": reply_to}
        if first.categories:
            content["categories"] = [category[:255] for category in first.categories[:10]]
        if self._settings.options.get("sandbox_mode") == "on":
            content["mail_settings"] = {"sandbox_mode": {"enable": True}}
        people = ",".join(_people(group.messages, gaps))
        return f'{json.dumps(content)[:-1]}, "personalizations": [{people}]}}'.encode()

    # Records
    def find(self, doubtful: Sequence[InDoubt], claimed: Callable[[Iterable[str]], set[str]]) -> list[Finding]:  # noqa: ARG002
        """By the custom argument, in the Email Activity feed where the account has it; events settle the rest."""
        if not self._activity:
            return [Finding(doubt.message.message_id, Verdict.UNKNOWN, detail="no activity feed") for doubt in doubtful]
        found: dict[str, Finding] = {}
        wanted = [doubt.message.message_id for doubt in doubtful]
        for start in range(0, len(wanted), _FINDS_PER_QUESTION):
            part = wanted[start : start + _FINDS_PER_QUESTION]
            try:
                rows = self._ask_activity(part)
            except (NotWrittenError, AnswerLostError, HTTPError, ValueError, KeyError, TypeError) as error:
                detail = f"the records cannot be read: {type(error).__name__}"
                found.update({name: Finding(name, Verdict.UNKNOWN, detail=detail) for name in part})
                continue
            for message_id, carrier_id, status, _ in rows:
                found[message_id] = Finding(message_id, Verdict.TAKEN, carrier_id, status)
        return [found.get(name) or Finding(name, Verdict.ABSENT) for name in wanted]

    def _ask_activity(self, message_ids: Sequence[str]) -> list[tuple[str, str, ReceiptStatus | None, datetime | None]]:
        listed = ",".join(f'"{name}"' for name in message_ids)
        response = self._sdk.client.messages.get(
            query_params={"query": f"unique_args['{_MESSAGE_ID_ARGUMENT}'] IN ({listed})", "limit": 1000}
        )
        rows = []
        for row in json.loads(response.body)["messages"]:
            message_id = (row.get("unique_args") or {}).get(_MESSAGE_ID_ARGUMENT)
            if message_id is None and len(message_ids) == 1:
                message_id = message_ids[0]
            if message_id in message_ids:
                when = row.get("last_event_time")
                rows.append(
                    (
                        str(message_id),
                        str(row["msg_id"]).partition(".")[0],
                        _ACTIVITY_STATUS.get(str(row.get("status"))),
                        datetime.fromisoformat(when.replace("Z", "+00:00")).astimezone(UTC) if when else None,
                    )
                )
        return rows

    def poll(self, pending: Sequence[Pending]) -> list[Receipt]:
        """The activity feed's present status, where the account has the feed."""
        receipts: list[Receipt] = []
        if not self._activity:
            return receipts
        for start in range(0, min(len(pending), 1000), _FINDS_PER_QUESTION):
            part = [entry.message_id for entry in pending[start : start + _FINDS_PER_QUESTION]]
            try:
                rows = self._ask_activity(part)
            except (NotWrittenError, AnswerLostError, HTTPError, ValueError, KeyError, TypeError):
                break
            receipts.extend(
                Receipt(
                    carrier=self.name,
                    channel=self.channel,
                    event_key=f"{message_id}:{status}",
                    status=status,
                    carrier_message_id=carrier_id,
                    message_id=message_id,
                    occurred_at=when,
                )
                for message_id, carrier_id, status, when in rows
                if status is not None
            )
        return receipts

    def poll_replies(self, since: datetime) -> list[Reply]:  # noqa: ARG002
        """None: answers to emails go to the reply address, which is a mailbox of the team's."""
        return []

    def check(self) -> Check:
        """Ask what the key may do."""
        try:
            response = self._sdk.client.scopes.get()
            scopes = json.loads(response.body)["scopes"]
        except NotWrittenError as error:
            return Check(False, f"SendGrid cannot be reached: {error}.", "Check the address and the network.")
        except AnswerLostError as error:
            return Check(False, f"SendGrid does not answer: {error}.", "Check the network, and try again.")
        except HTTPError as error:
            said = ERRORS.meaning(f"http {error.status_code}") or f"status {error.status_code}"
            return Check(False, f"SendGrid refuses: {said}.", "Check the API key.")
        except (ValueError, KeyError, TypeError):
            return Check(False, "What answers is not SendGrid.", "Check the carrier account's base address.")
        if "mail.send" not in scopes:
            return Check(False, "The API key may not send mail.", "Give the key the scope Mail Send.")
        return clock_check(self._keep_alive) or Check(True, "SendGrid answers and takes the key.")

    def close(self) -> None:
        """Close the connection."""
        self._keep_alive.close()


@dataclass(frozen=True)
class _Shared:
    """Texts taken apart: ``text = literals[0] + middles[0] + literals[1] + ... + literals[-1]``, for each text.

    The literals are the same in all texts; ``middles`` has one tuple per gap, with one entry per text.
    """

    literals: tuple[str, ...]
    middles: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> _Shared:
        """Take texts apart. One gap suffices for short texts; long ones are compared word by word for what they share."""
        first = texts[0]
        start = _common_start(texts)
        if start == len(first) and all(len(text) == start for text in texts):
            return cls((first,), ())
        shortest = min(len(text) for text in texts)
        end = min(_common_end(texts), shortest - start)
        rests = [text[start : len(text) - end] for text in texts]
        inner, middles = _inner_literals(rests)
        return cls((first[:start], *inner, first[len(first) - end :]), middles)

    def sizes(self, count: int) -> list[int]:
        """The bytes of each text's substitutions, tags included."""
        sizes = [_TAG_BYTES * len(self.middles)] * count
        for gap in self.middles:
            for index, middle in enumerate(gap):
                sizes[index] += len(middle) if middle.isascii() else len(middle.encode())
        return sizes

    def holds(self, piece: str) -> bool:
        """Whether a short piece occurs in any of the texts; what they share is looked through once."""
        if any(piece in literal for literal in self.literals):
            return True
        reach = len(piece)
        return any(
            piece in f"{before[-reach:]}{middle}{after[:reach]}"
            for before, gap, after in zip(self.literals, self.middles, self.literals[1:], strict=False)
            for middle in gap
        )

    def tagged(self, prefix: str) -> tuple[str, list[str]]:
        """The text with a tag in every gap, and the tags."""
        tags = [f"{prefix}{number}-" for number in range(len(self.middles))]
        pieces = [self.literals[0]]
        for tag, literal in zip(tags, self.literals[1:], strict=True):
            pieces += (tag, literal)
        return "".join(pieces), tags


def _inner_literals(texts: Sequence[str]) -> tuple[list[str], tuple[tuple[str, ...], ...]]:
    """Further long pieces that all texts have in one order, and what is left between them."""
    inner: list[str] = []
    gaps: list[tuple[str, ...]] = []
    cursors = [0] * len(texts)
    if len(texts) > 1 and max(map(len, texts)) > _WORTH_COMPARING:
        for literal in _shared_pieces(texts):
            places = [text.find(literal, cursor) for text, cursor in zip(texts, cursors, strict=True)]
            if min(places) < 0:
                continue
            gaps.append(tuple(text[cursor:place] for text, cursor, place in zip(texts, cursors, places, strict=True)))
            inner.append(literal)
            cursors = [place + len(literal) for place in places]
    gaps.append(tuple(text[cursor:] for text, cursor in zip(texts, cursors, strict=True)))
    return inner, tuple(gaps)


def _shared_pieces(texts: Sequence[str]) -> list[str]:
    """Long pieces that a few of the texts, spread over all, have in one order; whether all have them is to be seen."""
    pieces = [_WORDS.findall(texts[0])]
    count = len(texts)
    for sample in dict.fromkeys((count - 1, count // 2, count // 4, 3 * count // 4, 1)):
        words = _WORDS.findall(texts[sample])
        pieces = [
            piece[block.a : block.a + block.size]
            for piece in pieces
            for block in SequenceMatcher(None, piece, words).get_matching_blocks()
            if sum(map(len, piece[block.a : block.a + block.size])) >= _SHORTEST_LITERAL
        ]
    return ["".join(piece) for piece in pieces]


def _common_start(texts: Sequence[str]) -> int:
    """How many characters all texts begin with alike."""
    length = _alike(texts[0], texts[-1])
    start = texts[0][:length]
    for text in texts:
        if not text.startswith(start):
            length = _alike(start, text)
            start = start[:length]
    return length


def _common_end(texts: Sequence[str]) -> int:
    """How many characters all texts end with alike."""
    end = _end_alike(texts[0], texts[-1])
    for text in texts:
        if not text.endswith(end):
            end = _end_alike(end, text)
    return len(end)


def _end_alike(one: str, other: str) -> str:
    length = _alike(one[::-1], other[::-1])
    return one[len(one) - length :]


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike, found by halving."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _groups(messages: Iterable[OutgoingMessage], sender: Callable[[OutgoingMessage], str | None]) -> Iterator[_Group]:
    """Messages sorted into requests; see the module."""
    alike: dict[tuple[object, ...], list[OutgoingMessage]] = {}
    seen: dict[str, int] = {}
    for message in messages:
        # A second message to one address in one request is refused by SendGrid: it goes into another.
        turn = seen[message.address.casefold()] = seen.get(message.address.casefold(), -1) + 1
        key = (
            sender(message),
            message.sender_name,
            message.reply_to,
            message.categories,
            message.html is not None,
            turn,
        )
        alike.setdefault(key, []).append(message)
    for group in alike.values():
        yield from _fitting(group)


def _fitting(group: list[OutgoingMessage], apart: bool = False) -> Iterator[_Group]:
    """One kind's messages in requests that keep to the limits.

    Texts too large for substitutions are compared again ``apart``: those of one campaign and language among themselves,
    which are alike as a rule. What is still too large goes alone.
    """
    if len(group) > MAXIMUM_RECIPIENTS:
        for start in range(0, len(group), MAXIMUM_RECIPIENTS):
            yield from _fitting(group[start : start + MAXIMUM_RECIPIENTS], apart)
        return
    if len(group) == 1:
        yield _Group(tuple(group))
        return
    shared = _take_apart(group)
    own = [text + page for text, page in zip(*(part.sizes(len(group)) for part in shared), strict=True)]
    small = [message for message, size in zip(group, own, strict=True) if size <= SUBSTITUTION_LIMIT]
    large = [message for message, size in zip(group, own, strict=True) if size > SUBSTITUTION_LIMIT]
    if small:
        yield _Group(tuple(small), None if large else shared)
    if apart:
        yield from (_Group((message,)) for message in large)
        return
    alike: dict[tuple[str, str | None], list[OutgoingMessage]] = {}
    for message in large:
        alike.setdefault((message.message_id.partition("-")[0], message.language), []).append(message)
    for part in alike.values():
        yield from _fitting(part, apart=True)


def _take_apart(messages: Sequence[OutgoingMessage]) -> tuple[_Shared, _Shared]:
    """The messages' texts, and their pages."""
    return (
        _Shared.of([message.body for message in messages]),
        _Shared.of([message.html or "" for message in messages]),
    )


def _free_prefix(*parts: _Shared) -> str:
    """The beginning of tags that occur in no text."""
    prefix = "-nightmail-"
    number = 0
    while any(part.holds(prefix) for part in parts):
        number += 1
        prefix = f"-nightmail{number}-"
    return prefix


def _people(messages: Sequence[OutgoingMessage], gaps: Sequence[tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    """Each recipient's part of a request, in JSON.

    Put together from quoted strings: a thousand dictionaries take the JSON encoder most of the time that an email costs.
    """
    substitutions: Iterable[str] = ("",) * len(messages)
    if gaps:
        tags = [f"{_quoted(tag)}:" for tag, _ in gaps]
        substitutions = (
            f',"substitutions":{{{",".join([f"{tag}{_quoted(own)}" for tag, own in zip(tags, middles, strict=True)])}}}'
            for middles in zip(*(column for _, column in gaps), strict=True)
        )
    for message, own in zip(messages, substitutions, strict=True):
        headers = ",".join([f"{_quoted(name)}:{_quoted(text)}" for name, text in unsubscribe_headers(message).items()])
        yield (
            f'{{"to":[{{"email":{_quoted(message.address)}}}],"subject":{_quoted(message.subject or " ")},'
            f'"custom_args":{{"{_MESSAGE_ID_ARGUMENT}":{_quoted(message.message_id)}}}{own}'
            + (f',"headers":{{{headers}}}}}' if headers else "}")
        )


def unsubscribe_headers(message: OutgoingMessage) -> dict[str, str]:
    """``List-Unsubscribe`` and ``List-Unsubscribe-Post`` (RFC 2369, RFC 8058); empty without an address for it."""
    if not message.unsubscribe_url:
        return {}
    return {
        "List-Unsubscribe": f"<{message.unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _problems(body: object) -> list[dict[str, Any]]:
    """The errors that an answer lists; empty when it is no JSON of SendGrid's."""
    try:
        listed = json.loads(body if isinstance(body, (str, bytes)) else b"")["errors"]
        return [problem for problem in listed if isinstance(problem, dict)]
    except (ValueError, KeyError, TypeError):
        return []


def _index_at_fault(problems: Sequence[Mapping[str, Any]], count: int) -> int | None:
    """Which recipient an answer blames, from a field such as ``personalizations.3.to.0.email``."""
    for problem in problems:
        parts = str(problem.get("field") or "").split(".")
        if len(parts) > 2 and parts[0] == "personalizations" and parts[1].isdigit() and int(parts[1]) < count:
            return int(parts[1])
    return None


def _names_the_address(problems: Sequence[Mapping[str, Any]]) -> bool:
    return any(".to." in f"{problem.get('field') or ''}." for problem in problems)


def _wait_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: ``Retry-After``, or until ``X-RateLimit-Reset``, a Unix time, which SendGrid gives in its place.

    A reset is told when something is left of the rate as well, and then asks for nothing.
    """
    now = answered_at(headers)
    reset = headers.get("x-ratelimit-reset") if headers.get("x-ratelimit-remaining") in (None, "0") else None
    try:
        until_reset = wait_s(float(reset or "") - now.timestamp())
    except ValueError:
        until_reset = None
    return retry_after_s(headers.get("retry-after"), now) or until_reset


def _for_all(group: _Group, error: ErrorEntry) -> list[HandOff]:
    return [HandOff.failed(message.message_id, error) for message in group.messages]


def _all_alike_refused(outcomes: Sequence[HandOff]) -> bool:
    """Whether so many messages were refused one by one, and none was taken, that no row can be to blame."""
    return len(outcomes) >= _ALIKE_REFUSED and all(
        entry.error_class is ErrorClass.PERMANENT_MESSAGE and entry.error_code == "http 400" for entry in outcomes
    )


def _ends_the_batch(told: Sequence[HandOff]) -> bool:
    """Whether what holds for this request holds for the next: the rest is not written."""
    return any(
        entry.error_class is ErrorClass.STOP_AND_ALERT or entry.outcome in (Outcome.RETRY_LATER, Outcome.IN_DOUBT)
        for entry in told
    )


def _with_probes_first(waiting: Sequence[_Group]) -> tuple[list[_Group], int]:
    """What waits, last to go first, with some messages from all over it to be tried by themselves; and how many."""
    rest = [message for group in reversed(waiting) for message in group.messages]
    step = max(len(rest) / _PROBES, 1.0)
    chosen = {int(place * step) for place in range(_PROBES) if int(place * step) < len(rest)}
    others = _Group(tuple(message for place, message in enumerate(rest) if place not in chosen))
    return [others, *(_Group((rest[place],)) for place in sorted(chosen, reverse=True))], len(chosen)


def build(settings: CarrierSettings) -> SendGridEmail:
    """The adapter for an account."""
    return SendGridEmail(settings)
