"""Email by any SMTP server (RFC 5321, RFC 6409). Without encryption only to this machine.

SMTP keeps no records: a message whose answer was lost stays in doubt until a person decides. It has no receipts
either: what the server took counts as handed off, and bounces go to the sender's mailbox.
"""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy
from email.utils import format_datetime
from urllib.parse import urlsplit

from nightmail.carriers.error_tables import ANSWER_LOST, NOT_CONNECTED, ErrorClass, error_entry
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
    one_request_each,
)
from nightmail.channels import EMAIL
from nightmail.errors import ConfigurationError
from resources.carriers.smtp.errors import ERRORS

MESSAGES_PER_CONNECTION = 100
"""Servers end a connection after so many messages, some without a word."""
QUESTION_AFTER_S = 2.0
"""A connection idle for longer is asked whether it lives before it is used."""
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_ABOUT_THE_ADDRESS = (ErrorClass.PERMANENT_ADDRESS, ErrorClass.SUPPRESS)
_NOT_THE_ADDRESS = ("5.5.", "5.6.", "5.7.")
_UNBROKEN = ("message-id", "list-unsubscribe")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class _Policy(EmailPolicy):
    """Leave an id or a link on the line of its name: readers exist that take a line break there for an empty field."""

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower() in _UNBROKEN:
            return f"{name}: {value}\r\n".encode()
        return super().fold_binary(name, value)


_ASCII = _Policy() + SMTP
_UTF8 = _Policy() + SMTPUTF8


class _RefusedError(Exception):
    """The server answered no before it had the text."""

    def __init__(self, code: int, text: bytes, step: str) -> None:
        super().__init__(step)
        self.code, self.text, self.step = code, text, step


class SmtpEmail:
    """One login at one SMTP server."""

    channel = EMAIL.name
    maximum_batch = 1

    def __init__(self, settings: CarrierSettings) -> None:
        parts = urlsplit(settings.base_url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ConfigurationError(
                "carrier_address",
                value=settings.base_url or "''",
                problem="it is not the address of an SMTP server",
                form="smtp://mail.example.com:587 or smtps://mail.example.com:465",
            )
        self.name = settings.name or settings.adapter
        self._settings = settings
        self._host = parts.hostname
        self._secure = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._secure else 587)
        self._smtp: smtplib.SMTP | None = None
        self._sent = 0
        self._used = 0.0

    def hand_off(self, batch: Sequence[OutgoingMessage], may_go: MayGo = all_may_go) -> list[HandOff]:
        """One message after the other over one connection."""
        return one_request_each(batch, may_go, self._hand_off_one)

    def _hand_off_one(self, message: OutgoingMessage) -> HandOff:
        sender = message.sender or self._settings.sender
        if not sender:
            return HandOff.failed(
                message.message_id, replace(ERRORS.entry("5.1.7"), meaning="a message without a sender")
            )
        try:
            text = self._text(message, sender)
        except (ValueError, UnicodeError) as error:
            unwritable = error_entry("unwritable", ErrorClass.PERMANENT_MESSAGE, type(error).__name__)
            return HandOff.failed(message.message_id, unwritable)
        try:
            smtp = self._connected()
            self._envelope(smtp, sender, message.address)
        except _RefusedError as error:
            return self._refused(message, error)
        except (OSError, smtplib.SMTPException) as error:
            # The text was not written yet: the server has nothing.
            self.close()
            return HandOff.failed(message.message_id, replace(NOT_CONNECTED, meaning=type(error).__name__))
        try:
            smtp.send(text)
            code, answer = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            return HandOff.failed(message.message_id, replace(ANSWER_LOST, meaning=type(error).__name__))
        self._sent += 1
        self._used = time.monotonic()
        if code == 250:
            # The server's own name for it, where it says one, is its last word by custom only.
            words = answer.decode("ascii", "replace").split()
            return HandOff(message.message_id, Outcome.ACCEPTED, words[-1][:200] if words else None)
        return self._refused(message, _RefusedError(code, answer, "text"))

    def _envelope(self, smtp: smtplib.SMTP, sender: str, recipient: str) -> None:
        """MAIL, RCPT and DATA, up to the point where the text is asked for."""
        options = ["SMTPUTF8", "BODY=8BITMIME"] if not (sender + recipient).isascii() else []
        self._expect("sender", smtp.mail(sender, options))
        try:
            self._expect("recipient", smtp.rcpt(recipient))
            self._expect("data", smtp.docmd("data"))
        except _RefusedError:
            smtp.rset()
            raise

    @staticmethod
    def _expect(step: str, answer: tuple[int, bytes]) -> None:
        code, text = answer
        if code not in (250, 251, 354):
            raise _RefusedError(code, text, step)

    def _refused(self, message: OutgoingMessage, error: _RefusedError) -> HandOff:
        if error.code in (-1, 421):
            self.close()
        text = error.text.decode("utf-8", "replace")
        enhanced = _ENHANCED.search(text)
        entry = ERRORS.entry(str(error.code))
        if enhanced is not None:
            known = ERRORS.entry(enhanced[1])
            if known.error_class is not ErrorClass.UNKNOWN or (
                entry.error_class in _ABOUT_THE_ADDRESS and enhanced[1].startswith(_NOT_THE_ADDRESS)
            ):
                # A plain 550 blames the mailbox. What is said of protocol, content or policy, known or not, does not.
                entry = known
        if error.step == "sender" and entry.error_class in _ABOUT_THE_ADDRESS:
            # What is wrong with the sender's address is no fault of the recipient's.
            entry = error_entry(entry.code, ErrorClass.STOP_AND_ALERT, entry.meaning)
        if error.code == -1:
            entry = error_entry(entry.code, ErrorClass.RETRY_LATER, entry.meaning)
        if not entry.meaning:
            entry = replace(entry, meaning=f"refused at {error.step}")
        return HandOff.failed(message.message_id, entry)

    def _connected(self) -> smtplib.SMTP:  # noqa: C901, PLR0912 - each refusal of a server has its own outcome
        """A connection that is logged in and answers."""
        smtp = self._smtp
        if smtp is not None:
            if self._sent < MESSAGES_PER_CONNECTION:
                if time.monotonic() - self._used < QUESTION_AFTER_S:
                    return smtp
                try:
                    if smtp.noop()[0] == 250:
                        return smtp
                except (OSError, smtplib.SMTPException):
                    pass
            self.close()
        settings = self._settings
        context = ssl.create_default_context()
        if self._secure:
            fresh: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=settings.connect_timeout_s, context=context
            )
        else:
            fresh = smtplib.SMTP(self._host, self._port, timeout=settings.connect_timeout_s)
        try:
            fresh.ehlo_or_helo_if_needed()
            if not self._secure and fresh.has_extn("starttls"):
                fresh.starttls(context=context)
                fresh.ehlo()
            elif not self._secure and self._host not in _LOOPBACK:
                raise _RefusedError(538, b"5.7.11 the server offers no encryption", "login")
            if settings.account:
                try:
                    fresh.login(settings.account, settings.secret)
                except smtplib.SMTPAuthenticationError as error:
                    raise _RefusedError(error.smtp_code, _bytes(error.smtp_error), "login") from error
                except smtplib.SMTPNotSupportedError as error:
                    raise _RefusedError(504, b"5.5.4 the server knows no way to log in", "login") from error
            if fresh.sock is not None:
                fresh.sock.settimeout(settings.timeout_s)
        except BaseException:
            fresh.close()
            raise
        self._smtp, self._sent, self._used = fresh, 0, time.monotonic()
        return fresh

    def _text(self, message: OutgoingMessage, sender: str) -> bytes:
        """The message as it goes over the wire, dots doubled and ended."""
        mail = EmailMessage(policy=_ASCII if (sender + message.address).isascii() else _UTF8)
        name = message.sender_name or (self._settings.sender_name if message.sender is None else None)
        mail["From"] = Address(name or "", addr_spec=sender)
        mail["To"] = Address(addr_spec=message.address)
        mail["Subject"] = message.subject or ""
        mail["Date"] = format_datetime(datetime.now(UTC))
        # Signed, so that what answers it, or returns it, proves which message it was.
        signed = f".{message.reply_token}" if message.reply_token else ""
        mail["Message-ID"] = f"<{message.message_id}{signed}@{sender.rpartition('@')[2]}>"
        reply_to = message.reply_to or self._settings.reply_to
        if reply_to:
            mail["Reply-To"] = Address(addr_spec=reply_to)
        if message.unsubscribe_url:
            mail["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.body)
        if message.html:
            mail.add_alternative(message.html, subtype="html")
        text = mail.as_bytes()
        if not text.endswith(b"\r\n"):
            text += b"\r\n"
        stuffed = text.replace(b"\r\n.", b"\r\n..")
        return (b"." + stuffed if stuffed.startswith(b".") else stuffed) + b".\r\n"

    def find(self, doubtful: Sequence[InDoubt], claimed: Callable[[Iterable[str]], set[str]]) -> list[Finding]:  # noqa: ARG002
        """Unknown: SMTP keeps no records that can be asked."""
        detail = "SMTP keeps no records"
        return [Finding(doubt.message.message_id, Verdict.UNKNOWN, detail=detail) for doubt in doubtful]

    def poll(self, pending: Sequence[Pending]) -> list[Receipt]:  # noqa: ARG002
        """None: SMTP has no receipts."""
        return []

    def poll_replies(self, since: datetime) -> list[Reply]:  # noqa: ARG002
        """None: answers go to the reply address, which is a mailbox of the team's."""
        return []

    def check(self) -> Check:
        """Connect and log in."""
        try:
            self._connected()
        except _RefusedError as error:
            code = _ENHANCED.search(error.text.decode("utf-8", "replace"))
            said = ERRORS.meaning(code[1] if code else str(error.code)) or f"code {error.code}"
            return Check(False, f"The SMTP server refuses: {said}.", "Check user name, password and encryption.")
        except (OSError, smtplib.SMTPException) as error:
            return Check(
                False,
                f"The SMTP server at {self._host}:{self._port} cannot be used: {type(error).__name__}.",
                "Check host, port and network.",
            )
        return Check(True, "The SMTP server answers and takes the credentials.")

    def close(self) -> None:
        """Close the connection."""
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
