"""Suppressions: addresses that must not be used. How rows are made, and how a person sees, adds and lifts them.

A suppression names its address by the keyed hash only. Each reason has a row of its own: a hard bounce that proves to be
false is lifted, and what the person asked for stays. Senders look at suppressions at each hand-off, so a change holds
from the next one on; what was held before stays held.

>>> with engine.begin() as connection:
...     address = read_address("0170 1234567", country="DE", hash_key=key)
...     lift_suppressions(connection, suppressions_of(connection, address.hash), actor="command line: anna")
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from nightmail.audit import Entry, write_entries
from nightmail.channels import CHANNELS
from nightmail.errors import ContactFileError, NightmailError, UsageError
from nightmail.organisation.categories import category_names
from nightmail.organisation.teams import team_country, team_paths
from nightmail.privacy import address_hash, mask

OPTED_OUT, COMPLAINT, HARD_BOUNCE, BY_HAND = "opted_out", "complaint", "hard_bounce", "by_hand"
ASKED_FOR = frozenset({OPTED_OUT, COMPLAINT})
"""Reasons that are the person's own wish. Nightmail's rule, for the sake of TCPA and GDPR: only their own word undoes them."""
IS_ASKED_FOR = "s.reason in ({})".format(", ".join(f"'{reason}'" for reason in sorted(ASKED_FOR)))
"""The same as a condition on a suppression ``s`` in SQL. Who said so about one channel is not written to on another."""

LISTED = 500
"""Suppressions of one address that are shown at the most."""
TOLD_LINES = 1_000
"""Lines of a list that an error names at the most."""
_BATCH = 10_000

_UNDER = "({lower} = {upper} or starts_with({lower}, {upper} || '.'))"
_SELECT = """
    select s.id, t.path as team, s.channel, s.category, s.reason, s.source, s.message_id, c.key as campaign,
        ct.path as campaign_team, s.created_at, s.address_hash
    from suppression s left join team t on t.id = s.team_id
        left join campaign c on c.token = split_part(s.message_id, '-', 1) left join team ct on ct.id = c.team_id
    where s.lifted_at is null
"""
_OF_THE_TEAM = (
    "(s.team_id is null"
    f" or {_UNDER.format(lower='cast(:team as text)', upper='t.path')}"
    f" or {_UNDER.format(lower='t.path', upper='cast(:team as text)')})"
)


@dataclass(frozen=True, slots=True)
class Address:
    """An address as suppressions know it."""

    masked: str
    channels: tuple[str, ...]
    """The channels that such an address is used on."""
    hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SuppressionRow:
    """One suppression in force."""

    id: int
    team: str | None
    """The path of the team that it holds for, with those below; ``None`` for all."""
    channel: str
    category: str | None
    """``None`` for all."""
    reason: str
    source: str
    """What made it: ``reply``, ``unsubscribe_link``, ``receipt:sendgrid``, ``carrier:21610``, or who did by hand."""
    message_id: str | None
    campaign: str | None
    campaign_team: str | None
    created_at: dt.datetime
    address_hash: str = field(repr=False)

    @property
    def asked_for(self) -> bool:
        """Whether it is the person's own wish."""
        return self.reason in ASKED_FOR

    def is_of(self, team: str) -> bool:
        """Whether it was made for ``team`` or one below it."""
        return self.team is not None and (self.team == team or self.team.startswith(f"{team}."))

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values, with nothing that tells the address."""
        return {
            "id": self.id,
            "team": self.team,
            "channel": self.channel,
            "category": self.category,
            "reason": self.reason,
            "asked_for": self.asked_for,
            "source": self.source,
            "campaign": self.campaign,
            "message_id": self.message_id,
            "since": self.created_at,
        }


@dataclass(frozen=True, slots=True)
class Added:
    """What suppressing by hand did, in rows: one for each address and channel."""

    added: int
    already: int
    """So many were there before."""


# --- Addresses --------------------------------------------------------------------------------------------------------


def country_for(connection: Connection, team: str | None, default: str | None) -> str | None:
    """The country of national phone numbers: the team's, else ``default``, which is the deployment's."""
    return (team_country(connection, team) if team else None) or default


def read_address(written: str, *, country: str | None, hash_key: bytes) -> Address:
    """A phone number or an email address in any form, brought into the form that contacts get.

    Raises :class:`UsageError` (``phone_invalid``, ``phone_country_needed``, ``phone_damaged``, ``email_invalid``).
    """
    from nightmail.row_checks.emails import judge_email
    from nightmail.row_checks.phones import judge_phone

    if "@" in written:
        address, reason, channels = judge_email(written), "email_invalid", CHANNELS.for_emails()
    else:
        verdict = judge_phone(written, country)
        address, reason, channels = verdict.number, verdict.reason or "phone_invalid", CHANNELS.for_numbers()
    if address is None:
        shown = mask(written.strip())
        raise UsageError(reason, value=shown)
    return Address(mask(address), channels, address_hash(address, hash_key))


def channels_of(address: Address, channel: str | None) -> tuple[str, ...]:
    """The channels to suppress an address on: ``channel``, or all that it is used on.

    Raises :class:`UsageError` (``address_not_of_channel``) where it cannot be used there anyway.
    """
    if channel is None:
        return address.channels
    if channel not in address.channels:
        known = ", ".join(address.channels)
        raise UsageError("address_not_of_channel", value=address.masked, channel=channel, known=known)
    return (channel,)


def read_addresses(
    lines: Iterable[tuple[int, str]], *, country: str | None, hash_key: bytes, channel: str | None = None
) -> list[Address]:
    """The addresses of a list, each once, from its numbered lines.

    Raises :class:`ContactFileError` (``addresses_unusable``) if a single one cannot be used; its detail ``lines`` names
    each, up to :data:`TOLD_LINES`.
    """
    found: dict[str, Address] = {}
    unusable = 0
    told: list[dict[str, Any]] = []
    for line, written in lines:
        try:
            address = read_address(written, country=country, hash_key=hash_key)
            channels_of(address, channel)
        except UsageError as error:
            unusable += 1
            if len(told) < TOLD_LINES:
                told.append({"line": line, "reason": error.reason, "message": error.message, "remedy": error.remedy})
        else:
            found[address.hash] = address
    if unusable:
        facts = {"unusable": unusable, "lines": told}
        raise ContactFileError("addresses_unusable", count=f"{unusable:,}", facts=facts)
    return list(found.values())


# --- Looking ----------------------------------------------------------------------------------------------------------


def suppressions_of(
    connection: Connection, hashed: str, *, team: str | None = None, channel: str | None = None
) -> list[SuppressionRow]:
    """The suppressions of an address that are in force, newest first.

    With ``team`` only those that concern it: its own, those of teams above and below, and those that hold for all.
    """
    return _rows(
        connection,
        f"and s.address_hash = :hash and (cast(:team as text) is null or {_OF_THE_TEAM}) "
        "and (cast(:channel as text) is null or s.channel = :channel)",
        {"hash": hashed, "team": team, "channel": channel},
    )


def find_suppression(connection: Connection, suppression_id: int, *, team: str) -> SuppressionRow:
    """A suppression that is in force and concerns ``team``. Raises :class:`UsageError` (``suppression_unknown``)."""
    found = _rows(connection, f"and s.id = :id and {_OF_THE_TEAM}", {"id": suppression_id, "team": team})
    if not found:
        raise not_in_force(suppression_id)
    return found[0]


def not_in_force(suppression_id: int) -> UsageError:
    """The error that a suppression is not there, not any more, or somebody else's."""
    return UsageError("suppression_unknown", value=suppression_id)


def _rows(connection: Connection, condition: str, values: dict[str, Any]) -> list[SuppressionRow]:
    query = f"{_SELECT} {condition} order by s.created_at desc, s.id desc limit {LISTED}"
    return [SuppressionRow(**row._mapping) for row in connection.execute(text(query), values)]


# --- Adding -----------------------------------------------------------------------------------------------------------


def record_suppressions(
    connection: Connection,
    addresses: Iterable[tuple[str, str]],
    *,
    team_id: int | None,
    reason: str,
    source: str,
    category: str | None = None,
    message_id: str | None = None,
) -> list[int]:
    """Write suppressions of ``(channel, address hash)``, and give the ids of those that were not there before."""
    made: list[int] = []
    # In one order, so that two that write the same addresses at once do not wait for each other.
    ordered = sorted(addresses)
    for start in range(0, len(ordered), _BATCH):
        batch = ordered[start : start + _BATCH]
        made += connection.scalars(
            text(
                "insert into suppression (team_id, channel, address_hash, category, reason, source, message_id) "
                "select :team, a.channel, a.hash, :category, :reason, :source, :message "
                "from unnest(cast(:channels as text[]), cast(:hashes as text[])) as a(channel, hash) "
                "on conflict do nothing returning id"
            ),
            {
                "team": team_id,
                "category": category,
                "reason": reason,
                "source": source,
                "message": message_id,
                "channels": [channel for channel, _ in batch],
                "hashes": [hashed for _, hashed in batch],
            },
        )
    return made


def suppress_by_hand(
    connection: Connection,
    addresses: Sequence[Address],
    *,
    actor: str,
    team_id: int | None = None,
    channel: str | None = None,
    category: str | None = None,
    asked_for: bool = False,
) -> Added:
    """Suppress addresses for a team and those below it, or (``None``) for all; to do it again changes nothing.

    On ``channel`` only, or on every one that such an address is used on; for one ``category``, or all. ``asked_for``: the
    person said so themselves, by telephone perhaps; it is kept as an opt-out, which holds back other channels too.

    Raises :class:`UsageError` (``category_unknown``, ``address_not_of_channel``).
    """
    if category is not None:
        _refuse_unknown_category(connection, team_id, category)
    wanted = {(name, address.hash) for address in addresses for name in channels_of(address, channel)}
    made = record_suppressions(
        connection,
        wanted,
        team_id=team_id,
        category=category,
        reason=OPTED_OUT if asked_for else BY_HAND,
        source=actor,
    )
    _audit(connection, made, actor=actor, action="suppression.added")
    return Added(len(made), len(wanted) - len(made))


def _refuse_unknown_category(connection: Connection, team_id: int | None, category: str) -> None:
    """A misspelt category would hold nobody back, and nobody would notice."""
    known = category_names(connection, None if team_id is None else team_paths(connection, [team_id])[team_id])
    if category not in known:
        listed = ", ".join(known) or "(none)"
        raise UsageError("category_unknown", category=category, by="the suppression", known=listed)


def _audit(connection: Connection, ids: Sequence[int], *, actor: str, action: str) -> None:
    rows = connection.execute(
        text("select id, address_hash, team_id, channel, category, reason from suppression where id = any(:ids)"),
        {"ids": list(ids)},
    )
    write_entries(
        connection,
        [
            Entry(
                actor=actor,
                action=action,
                subject=row.address_hash,
                team_id=row.team_id,
                detail={
                    "suppression": row.id,
                    "channel": row.channel,
                    "category": row.category,
                    "reason": row.reason,
                },
            )
            for row in rows
        ],
    )


# --- Lifting ----------------------------------------------------------------------------------------------------------


def refuse_lifting(
    rows: Sequence[SuppressionRow], *, team: str | None = None, although_asked_for: bool = False
) -> None:
    """Raise :class:`NightmailError` where a suppression among ``rows`` may not be lifted.

    ``suppression_above_team``: with ``team``, only its own and those of teams below may be. ``suppression_asked_for``:
    it is the person's own wish, unless ``although_asked_for`` says that they have agreed again.
    """
    above = [row for row in rows if team is not None and not row.is_of(team)]
    if above:
        owners = ", ".join(sorted({row.team or "all teams" for row in above}))
        facts = {"suppressions": [row.id for row in above]}
        raise NightmailError("suppression_above_team", owner=owners, facts=facts)
    wishes = [row for row in rows if row.asked_for]
    if wishes and not although_asked_for:
        what = "; ".join(
            f"{row.id}: {row.reason.replace('_', ' ')} by {row.source} on {row.created_at:%Y-%m-%d}" for row in wishes
        )
        facts = {"suppressions": [row.id for row in wishes]}
        raise NightmailError("suppression_asked_for", value=what, facts=facts)


def lift_suppressions(
    connection: Connection,
    rows: Sequence[SuppressionRow],
    *,
    actor: str,
    team: str | None = None,
    although_asked_for: bool = False,
) -> list[SuppressionRow]:
    """Lift suppressions, all or none; those that it lifted, which are fewer where somebody else just did.

    Raises what :func:`refuse_lifting` does.
    """
    refuse_lifting(rows, team=team, although_asked_for=although_asked_for)
    lifted = set(
        connection.scalars(
            text("update suppression set lifted_at = now() where id = any(:ids) and lifted_at is null returning id"),
            {"ids": [row.id for row in rows]},
        )
    )
    _audit(connection, sorted(lifted), actor=actor, action="suppression.lifted")
    return [row for row in rows if row.id in lifted]


def carriers_own_lists(channels: Iterable[str]) -> list[str]:
    """What a carrier goes on refusing on these channels after a suppression is lifted here, in sentences for people."""
    concerned = set(channels)
    return [each.removal_advice for each in CHANNELS.values() if each.name in concerned and each.removal_advice]
