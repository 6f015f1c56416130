"""Mailboxes read for replies and reports of delivery: each message is taken once, and one that cannot be read harms no other.

How far a mailbox was read stands in the database: the last number (UID) that was dealt with, and the validity of the server's
numbers. A message is stored first and counted as read then, and is known by its content: a crash in between, two processes at once
or a server that numbers anew take nothing twice.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from nightmail.campaigns.alerts import raise_alert, resolve_alerts
from nightmail.carriers.mailboxes import Mail, Mailbox, MailboxError, UnreadableMailError
from nightmail.errors import NightmailError
from nightmail.organisation.carrier_accounts import CarrierAccountRow, reporting_accounts
from nightmail.receipts.incoming_receipts import take_receipts
from nightmail.receipts.mailbox_queries import (
    BEGIN_ANEW,
    COUNT_FAILURE,
    LEASE_MAILBOX,
    NOTE_LOOK,
    PUT_ASIDE,
    REMEMBER_READ,
)
from nightmail.receipts.replies import take_replies
from nightmail.receipts.returned_mail import receipts_of_returned
from nightmail.store.clock import database_time

MailboxFactory = Callable[[CarrierAccountRow], Mailbox | None]
"""Connects nowhere yet; ``None`` for an account without a mailbox. Raises :class:`NightmailError` for unusable settings."""

_log = logging.getLogger("nightmail.receipts")

WINDOW = 5_000
"""Numbers asked about at once: a folder may hold millions of messages, and a server's answer is one line."""
MOST_MESSAGES = 200
"""Of one mailbox in one look; the next look goes on."""
FIRST_LOOK = dt.timedelta(days=3)
"""A mailbox that is read for the first time is read from so long ago."""
OVERLAP = dt.timedelta(days=2)
"""Where a server numbers anew, messages are asked for from so long before the last look; those taken before are known."""
LEASE_S = 120
"""One process at a time reads a mailbox; one that died is waited for so long."""
TRIES = 3
"""A message over which the connection broke so often is put aside."""


@dataclass(slots=True)
class MailboxesRead:
    """What one look at the mailboxes brought."""

    replies: int = 0
    bounces: int = 0
    """Reports that became receipts of messages."""
    automatic: int = 0
    """What machines wrote, and reports that prove no message of ours."""
    aside: int = 0
    unreachable: int = 0


@dataclass(slots=True)
class _Place:
    """How far a mailbox was read."""

    validity: int | None
    last: int
    looked_at: dt.datetime | None
    failing: int | None
    failures: int
    since: dt.date | None


def read_mailboxes(
    engine: Engine, mailboxes: MailboxFactory, *, hash_key: bytes, seconds: float = 30.0
) -> MailboxesRead:
    """Read what is new in the mailboxes of all accounts whose word counts, the one longest unread first, for so many seconds.

    A mailbox that cannot be read raises the alert ``mailbox_unusable`` until it can; the others are read all the same.
    """
    read = MailboxesRead()
    until = time.monotonic() + seconds
    with engine.connect() as connection:
        accounts = [each for each in reporting_accounts(connection) if each.settings.get("mailbox")]
    for account in accounts:
        if time.monotonic() > until:
            break
        try:
            _read_leased(engine, mailboxes, account, hash_key, until, read)
        except DBAPIError:
            raise
        except Exception as error:
            # Each mailbox stands alone: whatever is the matter with one, the next is read.
            read.unreachable += 1
            _tell_unusable(engine, account, error)
    return read


def _read_leased(
    engine: Engine,
    mailboxes: MailboxFactory,
    account: CarrierAccountRow,
    hash_key: bytes,
    until: float,
    read: MailboxesRead,
) -> None:
    with engine.begin() as connection:
        row = connection.execute(text(LEASE_MAILBOX), {"account": account.id, "seconds": LEASE_S}).first()
    if row is None:
        return
    place = _Place(row.uid_validity, row.last_uid, row.looked_at, row.failing_uid, row.failures, row.since)
    try:
        mailbox = mailboxes(account)
        if mailbox is None:
            return
        try:
            _read(engine, mailbox, account, place, hash_key, until, read)
        finally:
            mailbox.close()
        with engine.begin() as connection:
            connection.execute(text(NOTE_LOOK), {"account": account.id, "well": True})
            resolve_alerts(connection, subject=_subject(account), reason="mailbox_unusable")
    finally:
        with engine.begin() as connection:
            connection.execute(text(NOTE_LOOK), {"account": account.id, "well": False})


def _read(
    engine: Engine,
    mailbox: Mailbox,
    account: CarrierAccountRow,
    place: _Place,
    hash_key: bytes,
    until: float,
    read: MailboxesRead,
) -> None:
    folder = mailbox.open()
    if folder.validity != place.validity:
        with engine.begin() as connection:
            place.since = ((place.looked_at or database_time(connection) - FIRST_LOOK + OVERLAP) - OVERLAP).date()
            values = {"account": account.id, "validity": folder.validity, "since": place.since}
            connection.execute(text(BEGIN_ANEW), values)
        place.validity, place.last, place.failing, place.failures = folder.validity, 0, None, 0
    taken = 0
    while place.last + 1 < folder.next_number and taken < MOST_MESSAGES:
        end = min(place.last + WINDOW, folder.next_number - 1)
        for number in mailbox.numbers(place.last + 1, end, place.since):
            if taken >= MOST_MESSAGES or time.monotonic() > until:
                return
            _deal_with(engine, mailbox, account, place, number, hash_key, read)
            taken += 1
        _remember(engine, account, place, end)
        if time.monotonic() > until:
            return


def _deal_with(
    engine: Engine,
    mailbox: Mailbox,
    account: CarrierAccountRow,
    place: _Place,
    number: int,
    hash_key: bytes,
    read: MailboxesRead,
) -> None:
    if place.failing == number and place.failures >= TRIES:
        _put_aside(engine, account, place, number, "the connection breaks over it", read)
        return
    try:
        mail = mailbox.fetch(number)
        if mail is not None:
            _take(engine, account, mail, hash_key, read)
    except MailboxError:
        _count_failure(engine, account, number)
        raise
    except UnreadableMailError as error:
        _put_aside(engine, account, place, number, str(error), read)
    except DBAPIError as error:
        if error.connection_invalidated or getattr(error.orig, "sqlstate", None) is None:
            raise
        if str(error.orig.sqlstate)[:2] not in ("22", "23", "54"):  # type: ignore[union-attr]
            raise
        # What the database takes in no form (a data exception, PostgreSQL's documentation, appendix A).
        _put_aside(engine, account, place, number, f"it cannot be stored ({type(error.orig).__name__})", read)
    except Exception as error:
        # Whatever a stranger wrote that nobody foresaw: those behind it are read.
        _put_aside(engine, account, place, number, f"it cannot be taken ({type(error).__name__})", read)
    else:
        _remember(engine, account, place, number)


def _take(engine: Engine, account: CarrierAccountRow, mail: Mail, hash_key: bytes, read: MailboxesRead) -> None:
    its_own = frozenset({account.id})
    if mail.reply is not None:
        read.replies += take_replies(engine, [replace(mail.reply, accounts=its_own)], hash_key=hash_key).taken
        return
    with engine.connect() as connection:
        receipts = receipts_of_returned(connection, account, mail.returned, hash_key)
    if receipts:
        read.bounces += take_receipts(engine, receipts, hash_key=hash_key).taken
    else:
        read.automatic += 1


def _remember(engine: Engine, account: CarrierAccountRow, place: _Place, number: int) -> None:
    place.last = max(place.last, number)
    values = {"account": account.id, "validity": place.validity, "number": number, "seconds": LEASE_S}
    with engine.begin() as connection:
        connection.execute(text(REMEMBER_READ), values)


def _count_failure(engine: Engine, account: CarrierAccountRow, number: int) -> None:
    with engine.begin() as connection:
        connection.execute(text(COUNT_FAILURE), {"account": account.id, "number": number})


def _put_aside(
    engine: Engine, account: CarrierAccountRow, place: _Place, number: int, problem: str, read: MailboxesRead
) -> None:
    """Note a message that cannot be read, for a person, and go on behind it."""
    with engine.begin() as connection:
        values = {"account": account.id, "validity": place.validity, "number": number, "problem": problem[:200]}
        new = connection.execute(text(PUT_ASIDE), values).rowcount
        if new:
            raise_alert(
                connection,
                reason="mail_put_aside",
                subject=_subject(account),
                message=f"The message with the number {number} in the mailbox of {account.name} is put aside: {problem[:200]}.",
                team_id=account.team_id,
            )
    read.aside += 1
    _remember(engine, account, place, number)


def _tell_unusable(engine: Engine, account: CarrierAccountRow, error: Exception) -> None:
    problem = error.message if isinstance(error, NightmailError) else type(error).__name__
    _log.warning("the mailbox of %s cannot be read: %s", account.name, problem)
    with engine.begin() as connection:
        raise_alert(
            connection,
            reason="mailbox_unusable",
            subject=_subject(account),
            message=f"The mailbox of {account.name} cannot be read: {problem}",
            team_id=account.team_id,
            again=False,
        )


def _subject(account: CarrierAccountRow) -> str:
    return f"mailbox:{account.name}"
