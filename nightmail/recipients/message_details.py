"""One message with everything that is known of it: what was sent, what happened, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, RowMapping, text

from nightmail.access.decisions import allowed, sees_personal
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit import record_look
from nightmail.channels import CHANNELS
from nightmail.channels.model import BodyKind
from nightmail.errors import NightmailError, UsageError
from nightmail.message_ids import parse_message_id
from nightmail.privacy.masking import shown_address, shown_body
from nightmail.recipients.campaign_holds import free_at, holds_of
from nightmail.recipients.events import Event
from nightmail.recipients.lookup import seen_teams
from nightmail.recipients.message_stories import (
    Happening,
    LedgerMessage,
    MeaningOf,
    facts_of,
    happenings_of,
    story_of,
)
from nightmail.recipients.queries import MESSAGE


@dataclass(frozen=True, slots=True)
class MessageDetails:
    """A message, as much of it as the reader may see."""

    message: LedgerMessage
    address: str
    """Masked without ``personal.see``; empty where retention deleted it."""
    subject: str | None = field(repr=False)
    body: str | None = field(repr=False)
    """What was sent as text, or spoken. ``None`` without ``personal.see``, and where retention deleted it."""
    has_html: bool
    personal: bool
    """Whether the reader may see personal data of the team."""
    kept: bool
    """Whether what was sent is kept still."""
    events: tuple[Event, ...]
    attempts: tuple[Happening, ...]
    receipts: tuple[Happening, ...]


def message_details(
    connection: Connection, principal: Principal, message_id: str, *, meaning_of: MeaningOf
) -> MessageDetails:
    """The message of an id. That its address and text were shown is recorded in the connection's transaction.

    Raises :class:`UsageError` (``message_unknown``) for one that ``principal`` may not see, too.
    """
    row = _row(connection, principal, message_id)
    message = facts_of(row)
    personal = sees_personal(principal, message.team)
    replies = personal and allowed(principal, Permission.REPLY_SEE, message.team).yes
    happenings = happenings_of(connection, [message]).get(message.message_key, [])
    holds = holds_of(connection, [message], ()).of(message)
    events = story_of(message, happenings, meaning_of=meaning_of, personal=replies, free_at=free_at(holds))
    events += [event for hold in holds for event in hold.events]
    _record(connection, principal, message, row, personal=personal)
    return MessageDetails(
        message=message,
        address=shown_address(row["address"], personal=personal),
        subject=shown_body(row["subject"], personal=personal),
        body=shown_body(_readable(message.channel, row["body"]), personal=personal),
        has_html=personal and bool(row["html"]),
        personal=personal,
        kept=row["body"] is not None,
        events=tuple(sorted(events, key=lambda each: each.at)),
        attempts=_of_kind(happenings, "attempt"),
        receipts=_of_kind(happenings, "receipt"),
    )


def message_known(connection: Connection, principal: Principal, message_id: str) -> bool:
    """Whether there is a message of this id that ``principal`` may see. Nothing of it is shown, and nothing recorded."""
    try:
        _row(connection, principal, message_id)
    except NightmailError:
        return False
    return True


def message_html(connection: Connection, principal: Principal, message_id: str) -> str:
    """The HTML of an email as it was sent; the look at it is recorded.

    Raises :class:`UsageError` (``message_unknown``) where there is none, or none that ``principal`` may see.
    """
    row = _row(connection, principal, message_id)
    message = facts_of(row)
    if not row["html"] or not sees_personal(principal, message.team):
        raise UsageError("message_unknown", value=message_id)
    _record(connection, principal, message, row, personal=True)
    return str(row["html"])


def _row(connection: Connection, principal: Principal, message_id: str) -> RowMapping:
    unknown = UsageError("message_unknown", value=message_id)
    try:
        wanted = parse_message_id(message_id)
    except ValueError:
        raise unknown from None
    teams = list(seen_teams(principal))
    found = connection.execute(text("select id from campaign where token = :token"), {"token": wanted.token}).first()
    if found is None:
        raise unknown
    values = {"token": wanted.token, "key": wanted.key(found.id), "teams": teams}
    row = connection.execute(text(MESSAGE), values).mappings().first()
    if row is None:
        raise unknown
    return row


def _readable(channel: str, body: str | None) -> str | None:
    """The text of a body; of a call what is spoken, without the marks of its document."""
    if body is None or CHANNELS[channel].body is not BodyKind.SPEECH:
        return body
    from nightmail.templates.speech import spoken_text

    return spoken_text(body)


def _of_kind(happenings: Sequence[Happening], kind: str) -> tuple[Happening, ...]:
    return tuple(each for each in happenings if each.kind == kind)


def _record(
    connection: Connection, principal: Principal, message: LedgerMessage, row: RowMapping, *, personal: bool
) -> None:
    if personal:
        shown = [kind for kind, name in (("address", "address"), ("body", "body")) if row[name]]
        record_look(
            connection, actor=principal.actor, subject=f"message:{message.id}", team_id=message.team_id, shown=shown
        )
