"""Email by SendGrid, through the real ``sendgrid`` SDK: up to 1,000 recipients a request.

**One request for many texts.** Every recipient's text differs, but a request has one. What all texts of a request have
in common at their start and end is sent once; the differing middle travels as a *substitution* of each recipient
(under SendGrid's 10,000 bytes). So does the token of each message's signed reply address: a request has one ``reply_to``, no
personalization has its own, and a header ``Reply-To`` is refused ("Mail Send", errors), but substitutions apply "to the text
and html content of the body of your email, in addition to the subject and reply-to parameters". Messages of different senders, categories or reply addresses, second messages to one
address, and texts that are too large each get a request of their own.

**A refused request** (400) took nobody. Where the answer names the recipient at fault, it is taken out; else the request
is halved until the fault is alone. All others are handed off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from python_http_client.exceptions import HTTPError

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
    MayGo,
    Outcome,
    OutgoingMessage,
    Pending,
    Receipt,
    Reply,
    Verdict,
    all_may_go,
)
from nightmail.channels import EMAIL
from resources.carriers.answers import scrubbed
from resources.carriers.keep_alive import AnswerLostError, NotWrittenError, UnwritableError
from resources.carriers.sendgrid.activity import ActivityFeed
from resources.carriers.sendgrid.connection import SendGridConnection
from resources.carriers.sendgrid.errors import ERRORS
from resources.carriers.sendgrid.groups import Group, grouped, with_probes_first
from resources.carriers.sendgrid.limits import MAXIMUM_RECIPIENTS, REQUEST_LIMIT
from resources.carriers.sendgrid.refusals import (
    index_at_fault,
    names_the_address,
    problems_of,
    refusal,
    seconds_to_wait,
)
from resources.carriers.sendgrid.request_body import request_body, sender_of

_TOO_LARGE = error_entry("too_large", ErrorClass.PERMANENT_MESSAGE, "the message is over the carrier's 30 MB")
_LATER_OR_DOUBT = (ErrorClass.RETRY_LATER, ErrorClass.IN_DOUBT)
_ALIKE_REFUSED = 10


class SendGridEmail:
    """One SendGrid account's email."""

    channel = EMAIL.name
    maximum_batch = MAXIMUM_RECIPIENTS

    def __init__(self, settings: CarrierSettings) -> None:
        self.name = settings.name or settings.adapter
        self._settings = settings
        self._connection = SendGridConnection(settings)
        self._activity = ActivityFeed(self._connection) if settings.options.get("activity") == "on" else None

    def hand_off(self, batch: Sequence[OutgoingMessage], may_go: MayGo = all_may_go) -> list[HandOff]:
        """As few requests as the messages allow; none after one that ends the batch."""
        outcomes: dict[str, HandOff] = {}
        fitting: list[OutgoingMessage] = []
        for message in batch:
            if sender_of(message, self._settings):
                fitting.append(message)
            else:
                no_sender = replace(ERRORS.entry("from"), meaning="a message without a sender")
                outcomes[message.message_id] = HandOff.failed(message.message_id, no_sender)
        for group in grouped(fitting, lambda message: sender_of(message, self._settings)):
            hand_offs = self._hand_off_group(group, may_go)
            outcomes.update((hand_off.message_id, hand_off) for hand_off in hand_offs)
            if _ends_the_batch(hand_offs):
                break
        return [outcomes.get(message.message_id) or HandOff(message.message_id, Outcome.NOT_TRIED) for message in batch]

    def _hand_off_group(self, group: Group, may_go: MayGo) -> list[HandOff]:
        """Hand a group over, split as often as the carrier refuses it as a whole; without those that were not tried."""
        waiting = [group]
        outcomes: list[HandOff] = []
        probes: int | None = None
        while waiting:
            present = waiting.pop().kept_by(may_go)
            if not present.messages:
                continue
            body = request_body(present, self._settings)
            if len(body) > REQUEST_LIMIT:
                if len(present.messages) > 1:
                    waiting.extend(reversed(present.halves()))
                else:
                    outcomes.append(HandOff.failed(present.messages[0].message_id, _TOO_LARGE))
                continue
            hand_offs, split = self._send(present, body)
            outcomes.extend(hand_offs)
            waiting.extend(reversed(split))
            if _ends_the_batch(hand_offs):
                break
            if not _all_alike_refused(outcomes):
                continue
            if probes is None:
                # Ten bad rows in a row, or every row? Some rows from all over the rest show which.
                waiting, probes = with_probes_first(waiting)
            elif hand_offs:
                probes -= 1
            if probes <= 0:
                # No row is to blame: nothing was handed off, and nothing will be until a person has looked.
                return [replace(entry, error=REFUSED_ALIKE) for entry in outcomes]
        return outcomes

    def _send(self, group: Group, body: bytes) -> tuple[list[HandOff], tuple[Group, ...]]:
        """One request: the outcomes, or the smaller groups to try instead."""
        try:
            response = self._connection.client.mail.send.post(request_body=body)
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

    @staticmethod
    def _refused(group: Group, error: HTTPError) -> tuple[list[HandOff], tuple[Group, ...]]:
        problems = problems_of(error.body)
        entry = refusal(int(error.status_code), problems, len(group.messages))
        if entry.error_class is ErrorClass.PERMANENT_MESSAGE and len(group.messages) > 1:
            index = index_at_fault(problems, len(group.messages))
            return [], group.halves() if index is None else group.without(index)
        if entry.error_class is ErrorClass.PERMANENT_MESSAGE and names_the_address(problems):
            entry = error_entry(entry.code, ErrorClass.PERMANENT_ADDRESS, entry.meaning)
        text = "; ".join(str(problem.get("message") or "") for problem in problems) or entry.meaning
        wait = seconds_to_wait(error.headers or {}) if entry.error_class in _LATER_OR_DOUBT else None
        return [
            HandOff.failed(message.message_id, replace(entry, meaning=scrubbed(text, message.address)), wait)
            for message in group.messages
        ], ()

    def find(self, doubtful: Sequence[InDoubt], claimed: Callable[[Iterable[str]], set[str]]) -> list[Finding]:  # noqa: ARG002
        """By the custom argument, in the Email Activity feed where the account has it; events settle the rest."""
        if self._activity is None:
            return [Finding(doubt.message.message_id, Verdict.UNKNOWN, detail="no activity feed") for doubt in doubtful]
        return self._activity.find(doubtful)

    def poll(self, pending: Sequence[Pending]) -> list[Receipt]:
        """The activity feed's present status, where the account has the feed."""
        return [] if self._activity is None else self._activity.receipts(pending, self.name, self.channel)

    def poll_replies(self, since: datetime) -> list[Reply]:  # noqa: ARG002
        """None: answers to emails go to the reply address, which is a mailbox of the team's."""
        return []

    def check(self) -> Check:
        """Ask what the key may do."""
        return self._connection.check()

    def close(self) -> None:
        """Close the connection."""
        self._connection.keep_alive.close()


def _for_all(group: Group, error: ErrorEntry) -> list[HandOff]:
    return [HandOff.failed(message.message_id, error) for message in group.messages]


def _all_alike_refused(outcomes: Sequence[HandOff]) -> bool:
    """Whether so many messages were refused one by one, and none was taken, that no row can be to blame."""
    return len(outcomes) >= _ALIKE_REFUSED and all(
        entry.error_class is ErrorClass.PERMANENT_MESSAGE and entry.error_code == "http 400" for entry in outcomes
    )


def _ends_the_batch(hand_offs: Sequence[HandOff]) -> bool:
    """Whether what holds for this request holds for the next: the rest is not written."""
    return any(
        entry.error_class is ErrorClass.STOP_AND_ALERT or entry.outcome in (Outcome.RETRY_LATER, Outcome.IN_DOUBT)
        for entry in hand_offs
    )
