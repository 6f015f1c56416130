"""Double opt-in: consents that contacts are asked for, and what came of it.

A request is no consent: nothing that audience or senders read knows of it. Once the contact has confirmed, the consent is recorded
as of the time at which it was asked for, so that whatever they withdrew since then wins, in whatever order the two are recorded.

A request is written down before its message is handed off (by whoever calls :func:`ask_for_consent`, after the commit), and has
one message at the most: one whose outcome is not known is not repeated, somebody asks again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from nightmail.audit import write_entry
from nightmail.channels import CHANNELS, BodyKind
from nightmail.consent import consent_request_queries as queries
from nightmail.consent.confirm_words import confirms
from nightmail.consent.consents import (
    LISTED,
    ConsentRow,
    ConsentState,
    add_text,
    check_stated,
    consent_state,
    consents_of,
)
from nightmail.consent.decent_hours import not_before
from nightmail.consent.own_choice_queries import TEXT_AS_SHOWN
from nightmail.consent.preferences import preference_of
from nightmail.consent.suppressions import suppressions_of
from nightmail.errors import UsageError
from nightmail.organisation.double_opt_in import double_opt_in
from nightmail.organisation.routes import Route
from nightmail.organisation.sent_from import sent_from
from nightmail.organisation.teams import get_team, team_paths
from nightmail.privacy import AddressHash, address_hash, mask

SHORTLY = dt.timedelta(hours=1)
"""Who asks again within so long gets the request that there is."""
MOST_A_DAY = 3
"""Requests to one address for one team."""
MOST_A_DAY_OF_ALL = 6
"""Requests to one address for all teams together."""
MOST_AN_HOUR_OF_TEAM = 1_000
KEPT_UNCONFIRMED = dt.timedelta(days=30)
"""For how long a request is kept that was not confirmed in time: it is about somebody who has not agreed."""


@dataclass(frozen=True, slots=True)
class ConsentAsked:
    """A consent that a contact of a team's book is to be asked for; ``at`` is when they, or somebody for them, said so."""

    contact_id: str
    category: str
    at: dt.datetime
    how: str
    channel: str | None = None
    source: str | None = None
    proof: str | None = None
    text_id: int | None = None
    """The text that they are shown; of ``None`` the one that stands in ``shown`` of :func:`ask_for_consent`."""
    expires_at: dt.datetime | None = None
    """When the consent ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """A request, as it stands."""

    id: int
    team: str
    team_name: str
    team_id: int
    contact_id: str
    category: str
    channel: str | None
    text_id: int
    asked_at: dt.datetime
    asked_how: str
    asked_by: str
    source: str | None
    proof: str | None
    consent_expires_at: dt.datetime | None
    sent_on: str
    address_hash: AddressHash = field(repr=False)
    masked: str
    language: str
    requested_at: dt.datetime
    expires_at: dt.datetime
    outcome: str | None
    confirmed_at: dt.datetime | None
    confirmed_how: str | None
    over: bool
    text_name: str
    text_version: int
    text_language: str | None
    text: str = field(repr=False)

    @property
    def waits(self) -> bool:
        """Whether it can still be confirmed."""
        return self.confirmed_at is None and not self.over

    @property
    def message_name(self) -> str:
        """By which the carrier knows its one message."""
        return f"consent-{self.id}-{int(self.requested_at.timestamp())}"

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values; of the address its mask alone."""
        names = (
            *("id", "team", "category", "channel", "asked_at", "asked_how", "asked_by", "source", "proof", "text_name"),
            *("text_version", "text_language", "text", "sent_on", "masked", "outcome", "expires_at"),
            *("confirmed_at", "confirmed_how"),
        )
        return {**{name: getattr(self, name) for name in names}, "waits": self.waits, "message": self.message_name}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and the way of its message where one is to be handed off now: an old request has had its own."""

    request: RequestRow | None
    """``None`` where the consent is in force, so that nothing is asked."""
    route: Route | None = None
    address: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Way:
    """Where a request can go: a channel that is written, its route, and the contact's address on it."""

    channel: str
    route: Route
    address: str = field(repr=False)
    hash: AddressHash = field(repr=False)


def ask_for_consent(
    connection: Connection,
    team_id: int,
    asked: ConsentAsked,
    *,
    find_route: Callable[[str], Route | None],
    shown: Mapping[str, str],
    key: bytes,
    actor: str,
) -> Asked:
    """Write down that a contact is asked for a consent. The caller commits, and then hands the message off, where there is one.

    ``find_route`` gives the route of a channel for this team, or nothing. ``shown`` has the text that the contact agrees to where
    no kept one is named, by language; English at the least.

    Raises :class:`UsageError` (what :func:`record_consents` does, ``consent_ask_no_address``, ``consent_ask_suppressed``,
    ``consent_ask_withdrawn``, ``consent_ask_not_now``, ``consent_ask_too_often``).
    """
    check_stated(connection, team_id, [asked])
    now = dt.datetime.now(dt.UTC)
    at = min(asked.at, now)
    team = team_paths(connection, [team_id])[team_id]
    connection.execute(text(queries.LOCK_CONTACT), {"contact": asked.contact_id})
    stated = consents_of(connection, team, asked.contact_id)
    if all(consent_state(stated, asked.category, name, now) is ConsentState.GIVEN for name in _channels(asked.channel)):
        return Asked(None)
    open_one = connection.execute(
        text(queries.OPEN_OF_LATE),
        {
            "contact": asked.contact_id,
            "team": team_id,
            "category": asked.category,
            "channel": asked.channel,
            "within": SHORTLY,
        },
    ).first()
    if open_one is not None and not is_taken_back(stated, asked.category, asked.channel, open_one.asked_at):
        return Asked(_row(open_one))
    if is_taken_back(stated, asked.category, asked.channel, at):
        raise UsageError("consent_ask_withdrawn", category=asked.category)
    contact = connection.execute(text(queries.ASKED_CONTACT), {"contact": asked.contact_id, "team": team_id}).first()
    if contact is None:
        raise UsageError("consent_ask_no_address", why="the contact is not in the team's address book")
    chosen = preference_of(connection, team, asked.contact_id)
    until = not_before(chosen, chosen.time_zone or contact.time_zone or get_team(connection, team).time_zone, now)
    if until is not None:
        raise UsageError("consent_ask_not_now", until=f"{until:%Y-%m-%d %H:%M}")
    way = _way(connection, team, contact, asked, chosen.channels or (), find_route, key)
    _refuse_many(connection, team_id, way.hash)
    language = _language(chosen.language or contact.language, shown)
    request_id = _add(connection, team, team_id, asked, at, way, language, shown, actor)
    write_entry(
        connection,
        actor=actor,
        action="consent.asked",
        subject=asked.contact_id,
        team_id=team_id,
        detail={"category": asked.category, "channel": asked.channel, "request": request_id, "sent_on": way.channel},
    )
    return Asked(find_request(connection, request_id), way.route, way.address)


def keep_outcome(connection: Connection, request_id: int, outcome: str) -> None:
    """Keep what the carrier said of a request's message."""
    connection.execute(text(queries.KEEP_OUTCOME), {"id": request_id, "outcome": outcome})


def find_request(connection: Connection, request_id: int) -> RequestRow | None:
    """The request of an id; ``None`` where there is none any more."""
    row = connection.execute(text(queries.BY_ID), {"id": request_id}).first()
    return None if row is None else _row(row)


def requests_of(connection: Connection, team: str, contact_id: str, limit: int = LISTED) -> list[RequestRow]:
    """What a contact was asked for by a team and by those above it, the latest first."""
    values = {"contact": contact_id, "team": team, "limit": limit}
    return [_row(row) for row in connection.execute(text(queries.OF_CONTACT), values)]


def request_answered(
    connection: Connection,
    written: str,
    *,
    address: tuple[str, AddressHash],
    senders: list[str],
    accounts: frozenset[int] | None,
) -> RequestRow | None:
    """The request that a reply from an address (channel and hash) confirms; ``None`` where that is not certain.

    Where two requests wait at the address it is not: of two people of a household, or about two things.
    """
    channel, hashed = address
    values = {
        "hash": hashed,
        "channel": channel,
        "senders": [each.lower() for each in senders],
        "accounts": None if accounts is None else sorted(accounts),
    }
    rows = connection.execute(text(queries.WAITING_AT_ADDRESS), values).all()
    if len(rows) != 1:
        return None
    request = _row(rows[0])
    own = double_opt_in(connection, request.team).words.get(request.language)
    return request if confirms(written, request.language, own) else None


def is_taken_back(stated: list[ConsentRow], category: str, channel: str | None, since: dt.datetime) -> bool:
    """Whether all that a request of ``since`` is about was withdrawn then or later."""
    return all(
        any(
            row.category == category
            and row.channel in (None, name)
            and row.withdrawn_at is not None
            and row.withdrawn_at >= since
            for row in stated
        )
        for name in _channels(channel)
    )


def delete_requests_over(engine: Engine) -> None:
    """Delete requests that were not confirmed, a while after their time."""
    with engine.begin() as connection:
        connection.execute(text(queries.DELETE_OVER), {"after": KEPT_UNCONFIRMED})


def _channels(channel: str | None) -> list[str]:
    return list(CHANNELS) if channel is None else [channel]


def _row(row: Row[Any]) -> RequestRow:
    return RequestRow(**row._mapping)


def _way(
    connection: Connection,
    team: str,
    contact: Row[Any],
    asked: ConsentAsked,
    chosen: tuple[str, ...],
    find_route: Callable[[str], Route | None],
    key: bytes,
) -> Way:
    """The first way that is open: the channel that is asked about where it is written, else the contact's channels in order."""
    wanted = CHANNELS[asked.channel].fields if asked.channel is not None else None
    order = [name for name in (*chosen, *CHANNELS) if CHANNELS[name].body is not BodyKind.SPEECH]
    if asked.channel in order:
        order = [asked.channel]
    suppressed = False
    for channel in dict.fromkeys(order):
        fields = [name for name in CHANNELS[channel].fields if wanted is None or name in wanted]
        addresses = [getattr(contact, name) for name in fields if getattr(contact, name)]
        route = find_route(channel) if addresses else None
        for address in addresses if route is not None else ():
            hashed = address_hash(address, key)
            # Of any channel: who has said no to calls at a number is not sent a text there for this.
            in_force = suppressions_of(connection, hashed, team=team)
            if route is not None and not any(each.category in (None, asked.category) for each in in_force):
                return Way(channel, route, address, hashed)
            suppressed = True
    if suppressed:
        raise UsageError("consent_ask_suppressed", category=asked.category)
    raise UsageError("consent_ask_no_address", why="no channel that is written has an address and a carrier account")


def _refuse_many(connection: Connection, team_id: int, hashed: AddressHash) -> None:
    connection.execute(text(queries.LOCK_ADDRESS), {"hash": hashed.hex()})
    values = {"team": team_id, "hash": hashed, "most_of_team": MOST_AN_HOUR_OF_TEAM}
    sent = connection.execute(text(queries.SENT_OF_LATE), values).one()
    if sent.day >= MOST_A_DAY or sent.day_of_all >= MOST_A_DAY_OF_ALL or sent.hour_of_team >= MOST_AN_HOUR_OF_TEAM:
        raise UsageError("consent_ask_too_often")


def _language(stated: str | None, shown: Mapping[str, str]) -> str:
    base = (stated or "en").partition("-")[0].lower()
    return base if base in shown else "en"


def _add(
    connection: Connection,
    team: str,
    team_id: int,
    asked: ConsentAsked,
    at: dt.datetime,
    way: Way,
    language: str,
    shown: Mapping[str, str],
    actor: str,
) -> int:
    text_id = asked.text_id
    if text_id is None:
        name = f"double_opt_in/{asked.category}"
        values = {"team": team_id, "name": name, "text": shown[language]}
        text_id = connection.scalar(text(TEXT_AS_SHOWN), values)
        if text_id is None:
            text_id = add_text(connection, team_id, name, shown[language], language=language, actor=actor)[0]
    account = way.route.account
    return int(
        connection.scalars(
            text(queries.ADD_REQUEST),
            {
                "team": team_id,
                "contact": asked.contact_id,
                "category": asked.category,
                "channel": asked.channel,
                "text_id": text_id,
                "at": at,
                "how": asked.how,
                "by": actor,
                "source": asked.source,
                "proof": asked.proof,
                "consent_expires_at": asked.expires_at,
                "sent_on": way.channel,
                "sent_from": sent_from(way.route).address or None,
                "account": account.id,
                "hash": way.hash,
                "masked": mask(way.address),
                "language": language,
                "days": double_opt_in(connection, team).expires_days,
            },
        ).one()
    )
