"""A mailbox over IMAP (RFC 3501): answers to emails that went out by SMTP, and what mail servers report of them.

The folder is opened for reading only: nothing is marked, moved or deleted, so that people may read it as well. Without
encryption only on this machine.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import imaplib
import re
import ssl
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

from nightmail.carriers.error_tables import ErrorClass, ErrorEntry
from nightmail.carriers.mailboxes import (
    Mail,
    MailboxError,
    MailboxSettings,
    OpenedFolder,
    ReturnedMail,
    UnreadableMailError,
)
from nightmail.carriers.protocol import Check, ReceiptStatus
from resources.carriers.delivery_notices import DeliveryNotice, is_notice, notices_of
from resources.carriers.received_emails import is_automatic, parsed, received_email, reply_of
from resources.carriers.smtp.errors import ERRORS

CARRIER = "smtp"
MOST_BYTES = 1024**2
"""Of one message: what is beyond is attachments as a rule, and is not read."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TROUBLE = (imaplib.IMAP4.error, OSError, EOFError)
_STATUS_OF_ACTION = {
    "failed": ReceiptStatus.BOUNCED,
    "delayed": ReceiptStatus.DEFERRED,
    "delivered": ReceiptStatus.DELIVERED,
}
"""What actions of RFC 3464 (2.3.3) say of the message; ``relayed`` and ``expanded`` say nothing of the recipient."""


class ImapMailbox:
    """One folder of one login; see :class:`nightmail.carriers.mailboxes.Mailbox`."""

    def __init__(self, settings: MailboxSettings, carrier: str = CARRIER) -> None:
        parts = urlsplit(settings.url)
        if parts.scheme not in ("imap", "imaps") or not parts.hostname:
            raise MailboxError("mailbox_unusable", problem="its address is not imaps://host or imap://host")
        self._settings = settings
        self._carrier = carrier
        self._host = parts.hostname
        self._secure = parts.scheme == "imaps"
        self._port = parts.port or (993 if self._secure else 143)
        self._imap: imaplib.IMAP4 | None = None

    def open(self) -> OpenedFolder:
        """Connect, log in and open the folder for reading."""
        try:
            return self._opened()
        except _TROUBLE as error:
            self.close()
            raise _unusable(error) from error

    def _opened(self) -> OpenedFolder:
        imap = self._imap = self._connected()
        self._log_in(imap)
        said, _ = imap.select(_quoted(self._settings.folder), readonly=True)
        if said != "OK":
            raise MailboxError("mailbox_unusable", problem="the folder cannot be opened")
        validity, following = _number_in(imap, "UIDVALIDITY"), _number_in(imap, "UIDNEXT")
        if validity is None or following is None:
            raise MailboxError("mailbox_unusable", problem="the server does not number its messages")
        return OpenedFolder(validity, following)

    def _connected(self) -> imaplib.IMAP4:
        context, timeout = ssl.create_default_context(), self._settings.timeout_s
        if self._secure:
            return imaplib.IMAP4_SSL(self._host, self._port, ssl_context=context, timeout=timeout)
        imap = imaplib.IMAP4(self._host, self._port, timeout=timeout)
        if "STARTTLS" in imap.capabilities:
            imap.starttls(context)
        elif self._host not in _LOOPBACK:
            imap.shutdown()
            raise MailboxError("mailbox_unusable", problem="the server offers no encryption")
        return imap

    def _log_in(self, imap: imaplib.IMAP4) -> None:
        user, secret = self._settings.user, self._settings.secret
        try:
            if "AUTH=PLAIN" in imap.capabilities:
                # LOGIN knows ASCII only.
                imap.authenticate("PLAIN", lambda _: f"\0{user}\0{secret}".encode())
            else:
                imap.login(user, secret)
        except imaplib.IMAP4.abort:
            raise
        except (imaplib.IMAP4.error, UnicodeEncodeError) as error:
            raise MailboxError("mailbox_unusable", problem="the server refuses user or password") from error

    def numbers(self, first: int, last: int, since: dt.date | None) -> list[int]:
        """The numbers of messages between two, both counted in, that arrived on a day or later; ascending."""
        asked = ["UID", f"{first}:{last}"]
        if since is not None:
            asked += ["SINCE", f"{since.day:02d}-{_MONTHS[since.month - 1]}-{since.year:04d}"]
        answer = self._ask("SEARCH", *asked)
        found = {int(word) for line in answer if isinstance(line, bytes) for word in line.split() if word.isdigit()}
        # A range whose end is not there is taken by servers as ending with the last message.
        return sorted(number for number in found if first <= number <= last)

    def fetch(self, number: int) -> Mail | None:
        """One message; ``None`` when it is gone."""
        raw = next(
            (
                part[1]
                for part in self._ask("FETCH", str(number), f"(UID BODY.PEEK[]<0.{MOST_BYTES}>)")
                if isinstance(part, tuple)
            ),
            None,
        )
        if raw is None:
            return None
        try:
            return read_mail(raw, self._carrier)
        except ValueError as error:
            raise UnreadableMailError(str(error)) from error

    def _ask(self, command: str, *arguments: str) -> list[Any]:
        assert self._imap is not None
        try:
            said, answer = self._imap.uid(command, *arguments)
        except _TROUBLE as error:
            self.close()
            raise _unusable(error) from error
        if said != "OK":
            raise MailboxError("mailbox_unusable", problem="the server refuses to show its messages")
        return list(answer)

    def check(self) -> Check:
        """Whether it can be opened."""
        try:
            self.open()
        except MailboxError as error:
            return Check(False, error.message, error.remedy)
        finally:
            self.close()
        return Check(True, "The mailbox can be read.")

    def close(self) -> None:
        """Close the connection."""
        if self._imap is not None:
            with contextlib.suppress(*_TROUBLE):
                self._imap.shutdown()
            self._imap = None


def read_mail(raw: bytes, carrier: str = CARRIER) -> Mail:
    """What a message is. Raises ``ValueError`` when it cannot be read, or names no sender or recipient."""
    message = parsed(raw)
    if is_notice(message):
        notices, tokens = notices_of(message)
        returned = [_returned(notice, tokens) for notice in notices if notice.action in _STATUS_OF_ACTION]
        return Mail(returned=tuple(returned), is_report=True)
    if is_automatic(message):
        return Mail()
    return Mail(reply=reply_of(received_email(message), carrier))


def _returned(notice: DeliveryNotice, tokens: tuple[str, ...]) -> ReturnedMail:
    status = _STATUS_OF_ACTION[notice.action]
    about = "\x1f".join((notice.action, *notice.codes, *tokens, *notice.recipients))
    return ReturnedMail(
        status=status,
        event_key="dsn:" + blake2b(about.encode(), digest_size=16).hexdigest(),
        tokens=tokens,
        recipients=notice.recipients,
        error=_error(notice) if status is not ReceiptStatus.DELIVERED else None,
    )


def _error(notice: DeliveryNotice) -> ErrorEntry | None:
    """The first code with a line of its own: many servers give the status 5.0.0, and say more beside it."""
    entries = [ERRORS.entry(code) for code in notice.codes]
    known = (entry for entry in entries if entry.error_class is not ErrorClass.UNKNOWN)
    return next(known, None) or next(iter(entries), None)


def _number_in(imap: imaplib.IMAP4, name: str) -> int | None:
    _, values = imap.response(name)
    value = values[0] if values else None
    return int(value) if isinstance(value, bytes) and value.isdigit() else None


def _quoted(folder: str) -> str:
    """A folder's name as IMAP writes it: quoted, and in modified UTF-7 (RFC 3501 §5.1.3)."""

    def encoded(match: re.Match[str]) -> str:
        from base64 import b64encode

        written = b64encode(match[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
        return f"&{written}-"

    name = re.sub(r"[^\x20-\x7e]+", encoded, folder.replace("&", "&-"))
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _unusable(error: BaseException) -> MailboxError:
    return MailboxError("mailbox_unusable", problem=f"the server cannot be used ({type(error).__name__})")
