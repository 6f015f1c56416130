"""Everything that a recipient got or did not get, and why: one look, in order of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, text

from nightmail.access.decisions import allowed, sees_personal
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit import record_look
from nightmail.privacy.masking import shown_address
from nightmail.recipients.asked import Asked
from nightmail.recipients.campaign_holds import CampaignHolds, free_at, holds_of
from nightmail.recipients.digests import stored
from nightmail.recipients.events import Event, EventKind
from nightmail.recipients.file_rows import FileLook, look_through_files
from nightmail.recipients.lookup import Recipient, RecipientKind, seen_teams
from nightmail.recipients.message_stories import LedgerMessage, MeaningOf, facts_of, happenings_of, story_of
from nightmail.recipients.outcomes import CampaignOutcome, outcomes_of
from nightmail.recipients.queries import CONTACTS_OF_ADDRESS, MESSAGES_OF_RECIPIENT
from nightmail.recipients.said import Said, said_of

if TYPE_CHECKING:
    from nightmail.lake import Lake

MOST_CONTACTS = 20
"""Contacts that share an address and are shown with it."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a history needs of the deployment beside the database."""

    hash_key: bytes = field(repr=False)
    meaning_of: MeaningOf
    lake: Lake | None = None
    default_country: str | None = None


@dataclass(frozen=True, slots=True)
class KnownContact:
    """A contact of a team that the recipient is: a household shares an address."""

    contact_id: str = field(repr=False)
    team: str


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """An address that messages went to, as much of it as the reader may see."""

    digest: str = field(repr=False)
    shown: str
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a recipient."""

    recipient: Recipient
    outcomes: tuple[CampaignOutcome, ...]
    """In short: each campaign, the newest first."""
    events: tuple[Event, ...]
    """Everything, in order of time."""
    contacts: tuple[KnownContact, ...]
    addresses: tuple[KnownAddress, ...]
    suppressed: tuple[Event, ...]
    """What holds now."""
    files: FileLook | None
    """``None``: contact files were not looked through."""
    next: int | None
    """Where a further page goes on, of earlier messages."""

    @property
    def empty(self) -> bool:
        """Whether nothing at all is known."""
        return not self.events

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        files = self.files
        return {
            "recipient": {
                "kind": str(self.recipient.kind),
                "digest": self.recipient.digest,
                "team": self.recipient.team,
                "contacts": [{"contact_id": each.contact_id, "team": each.team} for each in self.contacts],
                "addresses": [
                    {"address": each.shown, "address_hash": each.digest, "channels": list(each.channels)}
                    for each in self.addresses
                ],
            },
            "campaigns": [each.as_dict() for each in self.outcomes],
            "events": [each.as_dict() for each in self.events],
            "contact_files": None
            if files is None
            else {"campaigns": files.campaigns, "left_out": list(files.left_out), "gone": list(files.gone)},
            "next": self.next,
        }


def history_of(
    connection: Connection, principal: Principal, recipient: Recipient, asked: Asked, around: Surroundings
) -> History:
    """Everything that a recipient got or did not get, as far as ``principal`` may see it, of the newest messages first.

    That personal data were shown is recorded in the connection's transaction. Contact files are looked through where days are
    asked for, at most :data:`~nightmail.recipients.file_rows.MOST_DAYS`.

    Raises :class:`~nightmail.errors.UsageError` (``team_unknown``).
    """
    teams = seen_teams(principal, asked.team)
    addresses, contacts = _keys(connection, recipient, teams)
    rows = _rows(connection, addresses, contacts, teams, asked)
    following = rows[asked.limit - 1]["message_key"] if len(rows) > asked.limit else None
    rows = rows[: asked.limit]
    messages = [facts_of(row) for row in rows]
    addresses = list(dict.fromkeys([*addresses, *(message.address_hash for message in messages)]))
    contacts = list(dict.fromkeys([*contacts, *(message.contact_id for message in messages)]))
    holds = holds_of(connection, messages, addresses)
    stories = _stories(connection, principal, messages, holds, around.meaning_of)
    # What somebody chose stands on the first page alone: it is of no message.
    said = (
        Said() if asked.before else said_of(connection, principal, (addresses, contacts), teams, asked, messages, holds)
    )
    chosen = said.events
    files = _files(connection, principal, (addresses, contacts), teams, asked, around)
    of_files = files.events if files is not None else ()
    told = [event for _, events in stories for event in events]
    events = _within(sorted([*told, *chosen, *of_files], key=lambda each: each.at), asked)
    _record(connection, principal, recipient, messages, rows, events, files, said)
    return History(
        recipient=replace(recipient, team=recipient.team or _team_of(recipient, messages)),
        outcomes=tuple(outcomes_of(stories, of_files)),
        events=tuple(events),
        contacts=_known_contacts(recipient, messages),
        addresses=_known_addresses(principal, rows),
        suppressed=tuple(_in_force(chosen)),
        files=files,
        next=following,
    )


def _keys(connection: Connection, recipient: Recipient, teams: Sequence[str]) -> tuple[list[str], list[str]]:
    """The hashes of addresses and contacts that are the recipient."""
    if recipient.kind is RecipientKind.CONTACT:
        return [], [recipient.digest]
    values = {"addresses": stored([recipient.digest]), "teams": list(teams), "limit": MOST_CONTACTS}
    return [recipient.digest], list(connection.scalars(text(CONTACTS_OF_ADDRESS), values))


def _rows(
    connection: Connection, addresses: Sequence[str], contacts: Sequence[str], teams: Sequence[str], asked: Asked
) -> list[RowMapping]:
    values = {
        "addresses": stored(addresses),
        "contacts": list(contacts),
        "teams": list(teams),
        "since": asked.since,
        "until": asked.until,
        "before": asked.before,
        "limit": asked.limit + 1,
    }
    return list(connection.execute(text(MESSAGES_OF_RECIPIENT), values).mappings().all())


def _stories(
    connection: Connection,
    principal: Principal,
    messages: Sequence[LedgerMessage],
    holds: CampaignHolds,
    meaning_of: MeaningOf,
) -> list[tuple[LedgerMessage, list[Event]]]:
    happenings = happenings_of(connection, messages)
    reads = {
        team: sees_personal(principal, team) and allowed(principal, Permission.REPLY_SEE, team).yes
        for team in {message.team for message in messages}
    }
    stories = []
    for message in messages:
        held = holds.of(message)
        events = story_of(
            message,
            happenings.get(message.message_key, ()),
            meaning_of=meaning_of,
            personal=reads[message.team],
            free_at=free_at(held),
        )
        own = [event for hold in held for event in hold.events]
        stories.append((message, sorted([*events, *own], key=lambda each: each.at)))
    return stories


def _in_force(chosen: Iterable[Event]) -> list[Event]:
    return [event for event in chosen if event.kind is EventKind.SUPPRESSED and event.facts["until"] is None]


def _files(
    connection: Connection,
    principal: Principal,
    keys: tuple[Sequence[str], Sequence[str]],
    teams: Sequence[str],
    asked: Asked,
    around: Surroundings,
) -> FileLook | None:
    if around.lake is None or asked.since is None or asked.until is None or not asked.looks_through_files:
        return None
    addresses, contacts = keys
    return look_through_files(
        connection,
        around.lake,
        addresses=addresses,
        contacts=contacts,
        teams=teams,
        since=asked.since,
        until=asked.until,
        hash_key=around.hash_key,
        default_country=around.default_country,
        sees_personal=lambda team: sees_personal(principal, team),
    )


def _within(events: Iterable[Event], asked: Asked) -> list[Event]:
    """The events, each once, without those that are of no message and came after the days."""
    found: dict[tuple[Any, ...], Event] = {}
    for event in events:
        if asked.until is not None and event.message_id is None and event.at >= asked.until:
            continue
        found.setdefault((event.at, event.kind, event.message_id, event.campaign, str(event.facts)), event)
    return list(found.values())


def _team_of(recipient: Recipient, messages: Sequence[LedgerMessage]) -> str | None:
    return messages[0].team if recipient.kind is RecipientKind.CONTACT and messages else None


def _known_contacts(recipient: Recipient, messages: Sequence[LedgerMessage]) -> tuple[KnownContact, ...]:
    found = {message.contact_id: message.team for message in messages}
    if recipient.kind is RecipientKind.CONTACT and recipient.team is not None:
        found.setdefault(recipient.digest, recipient.team)
    return tuple(KnownContact(contact, team) for contact, team in found.items())


def _known_addresses(principal: Principal, rows: Sequence[RowMapping]) -> tuple[KnownAddress, ...]:
    found: dict[str, KnownAddress] = {}
    for row in rows:
        shown = shown_address(row["address"], personal=sees_personal(principal, row["team"]))
        before = found.get(row["address_hash"])
        channels = tuple(dict.fromkeys([*(before.channels if before else ()), row["channel"]]))
        found[row["address_hash"]] = KnownAddress(
            row["address_hash"], (before.shown if before else "") or shown, channels
        )
    return tuple(found.values())


def _record(
    connection: Connection,
    principal: Principal,
    recipient: Recipient,
    messages: Sequence[LedgerMessage],
    rows: Sequence[RowMapping],
    events: Sequence[Event],
    files: FileLook | None,
    said: Said,
) -> None:
    """Keep, for each team, that somebody was shown personal data of this recipient."""
    shown: dict[tuple[int, str], set[str]] = {}
    for message, row in zip(messages, rows, strict=True):
        if row["address"] and sees_personal(principal, message.team):
            shown.setdefault((message.team_id, message.team), set()).add("address")
    teams = {message.team: message.team_id for message in messages}
    for event in events:
        if event.kind is EventKind.REPLY and event.facts.get("text") and event.team in teams:
            shown.setdefault((teams[event.team], event.team), set()).add("body")
    for team_id, team in said.read:
        shown.setdefault((team_id, team), set()).add("body")
    for team_id, team in files.quoted if files is not None else ():
        shown.setdefault((team_id, team), set()).add("address")
    for (team_id, _), kinds in shown.items():
        record_look(
            connection,
            actor=principal.actor,
            subject=f"{recipient.kind}:{recipient.digest}",
            team_id=team_id,
            shown=kinds,
        )
