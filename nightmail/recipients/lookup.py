"""Who is meant: an address in any accepted spelling or an external id becomes one recipient, or the few that it can mean.

>>> with engine.connect() as connection:
...     readings = readings_of(connection, principal, "0170 1234567", hash_key=key, default_country="DE")
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sqlalchemy import Connection, text

from nightmail.access.decisions import covers, sees_personal, teams_with
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.errors import NightmailError, UsageError
from nightmail.privacy import address_hash, contact_ids
from nightmail.privacy.masking import shown_identifier
from nightmail.recipients.digests import stored
from nightmail.recipients.queries import COUNTRIES, KNOWN, TEAMS_THAT_SEND

LONGEST = 320
MOST_TEAMS = 500
"""Teams in which an external id is looked for at once."""
MOST_COUNTRIES = 8
"""Countries by which a national number is read."""
_NUMBER = re.compile(r"[+0-9()\[\]/.\-\s\u00a0\u2010-\u2015eE,]{5,60}")


class RecipientKind(StrEnum):
    """By what a recipient is known."""

    ADDRESS = "address"
    """The keyed hash of an address: one recipient over all teams."""
    CONTACT = "contact"
    """A contact of one team, by its external id or else its address."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is looked for."""

    kind: RecipientKind
    digest: str = field(repr=False)
    """The keyed hash, 32 hex digits."""
    shown: str = ""
    """What it was read as: a number or an email address, or the external id; as much of it as the reader may see."""
    team: str | None = None
    """The team of a contact."""
    countries: tuple[str, ...] = ()
    """The countries by whose rules a national number reads like this; empty where the number says it itself."""
    known: bool = False
    """Whether the ledger has a message."""


def seen_teams(principal: Principal, team: str | None = None) -> tuple[str, ...]:
    """The topmost teams whose messages the reader sees; with ``team`` those at or below it.

    Raises :class:`NightmailError` (``not_permitted``) for who sees none at all, and :class:`UsageError` (``team_unknown``) for a
    team at and below which they see none.
    """
    teams = teams_with(principal, Permission.MESSAGE_SEE)
    if not teams:
        raise NightmailError("not_permitted", permission=Permission.MESSAGE_SEE, team="any team")
    if team is None:
        return teams
    if any(covers(upper, team) for upper in teams):
        return (team,)
    below = tuple(each for each in teams if covers(team, each))
    if not below:
        raise UsageError("team_unknown", team=team, known=", ".join(teams[:20]) or "(none)")
    return below


def readings_of(
    connection: Connection,
    principal: Principal,
    written: str,
    *,
    hash_key: bytes,
    default_country: str | None = None,
    team: str | None = None,
) -> list[Recipient]:
    """All that ``written`` can mean, those first of whom the ledger has messages.

    A number without its country's code is read by the rules of each country of the teams that the reader sees; an external id
    belongs to a team, so that the same one in two teams is two recipients. An external id counts where it is known.

    Raises :class:`UsageError` (``recipient_unknown``, ``team_unknown``) and :class:`NightmailError` (``recipient_team_needed``).
    """
    typed = written.strip()[:LONGEST].replace("\x00", "")
    teams = seen_teams(principal, team)
    addresses = _addresses(connection, typed, teams, default_country, hash_key)
    contacts = _contacts(connection, principal, typed, teams, hash_key, alone=not addresses)
    found = _with_known(connection, [*addresses, *contacts], teams)
    found = [each for each in found if each.known or each.kind is RecipientKind.ADDRESS]
    if not found:
        raise UsageError("recipient_unknown")
    return sorted(found, key=lambda each: not each.known)


def _addresses(
    connection: Connection, typed: str, teams: tuple[str, ...], default_country: str | None, key: bytes
) -> list[Recipient]:
    if "@" in typed:
        from nightmail.row_checks.emails import judge_email

        address = judge_email(typed)
        return [] if address is None else [Recipient(RecipientKind.ADDRESS, address_hash(address, key).hex(), address)]
    if not _NUMBER.fullmatch(typed) or sum(sign.isdigit() for sign in typed) < 5:
        return []
    of_teams = connection.scalars(text(COUNTRIES), {"teams": list(teams), "limit": MOST_COUNTRIES})
    countries = list(dict.fromkeys([*of_teams, *([default_country] if default_country else [])]))
    return [
        Recipient(RecipientKind.ADDRESS, address_hash(number, key).hex(), number, countries=where)
        for number, where in _numbers(typed, countries).items()
    ]


def _numbers(typed: str, countries: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Each number that ``typed`` can be, with the countries by whose rules; none where it says its country itself."""
    from nightmail.row_checks.phone_readings import read_phone

    abroad = _from_abroad(typed)
    if abroad is not None:
        number = read_phone(abroad, None).verdict.number
        return {} if number is None else {number: ()}
    found: dict[str, tuple[str, ...]] = {}
    for country in countries:
        reading = read_phone(typed, country)
        for verdict in (reading.verdict, reading.with_code):
            if verdict is not None and verdict.number is not None:
                found[verdict.number] = (*found.get(verdict.number, ()), country)
    if not countries and (number := read_phone(f"+{typed.lstrip('0')}", None).verdict.number):
        found[number] = ()
    return found


def _from_abroad(typed: str) -> str | None:
    """The number with a plus sign, where it was written for callers from abroad: with the sign, or with two zeros."""
    if typed.lstrip("([ ").startswith("+"):
        return typed
    bare = typed.lstrip("([ ")
    return f"+{bare[2:].lstrip(' )')}" if bare.startswith("00") and not bare.startswith("000") else None


def _contacts(
    connection: Connection, principal: Principal, typed: str, teams: tuple[str, ...], key: bytes, *, alone: bool
) -> list[Recipient]:
    values = {"teams": list(teams), "limit": MOST_TEAMS + 1}
    paths = list(connection.scalars(text(TEAMS_THAT_SEND), values)) if typed else []
    if len(paths) > MOST_TEAMS:
        if alone:
            raise NightmailError("recipient_team_needed", most=MOST_TEAMS)
        return []
    return [
        Recipient(
            RecipientKind.CONTACT,
            contact_ids(path, [typed], key)[0],
            shown_identifier(typed, personal=sees_personal(principal, path)),
            path,
        )
        for path in paths
    ]


def _with_known(connection: Connection, recipients: Iterable[Recipient], teams: tuple[str, ...]) -> list[Recipient]:
    listed = list(recipients)
    by_kind = {kind: [each.digest for each in listed if each.kind is kind] for kind in RecipientKind}
    values = {
        "addresses": stored(by_kind[RecipientKind.ADDRESS]),
        "contacts": by_kind[RecipientKind.CONTACT],
        "teams": list(teams),
    }
    known = {(row.kind, row.digest) for row in connection.execute(text(KNOWN), values)}
    return [replace(each, known=(each.kind, each.digest) in known) for each in listed]
