"""Suppressions that a person adds or lifts, by command or by API; each is written to the audit log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.audit import Entry, write_entries
from nightmail.channels import CHANNELS
from nightmail.consent.addresses import Address, channels_of
from nightmail.consent.queries import FACTS, LIFT
from nightmail.consent.suppressions import BY_HAND, OPTED_OUT, SuppressionRow, record_suppressions
from nightmail.errors import NightmailError, UsageError
from nightmail.organisation.categories import category_names
from nightmail.organisation.teams import team_paths


@dataclass(frozen=True, slots=True)
class Added:
    """How many suppressions were added, and how many were there before: one for each address and channel."""

    added: int
    already: int


def suppress_by_hand(
    connection: Connection,
    addresses: Sequence[Address],
    *,
    actor: str,
    team_id: int | None = None,
    channel: str | None = None,
    category: str | None = None,
    asked_for: bool = False,
    why: str | None = None,
) -> Added:
    """Suppress addresses for a team and those below it, or (``None``) for all; to do it again changes nothing.

    On ``channel`` only, or on every one that such an address is used on; for one ``category``, or all. ``asked_for``: the
    person said so themselves, by telephone perhaps; it is kept as an opt-out, which holds back other channels too. ``why`` is
    kept with it and in the audit log, and names no recipient.

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
        why=why,
    )
    _audit(connection, made, actor=actor, action="suppression.added", why=why)
    return Added(len(made), len(wanted) - len(made))


def _refuse_unknown_category(connection: Connection, team_id: int | None, category: str) -> None:
    """Raise :class:`UsageError` for a category that does not exist: a misspelt one would hold no message back, unnoticed."""
    known = category_names(connection, None if team_id is None else team_paths(connection, [team_id])[team_id])
    if category not in known:
        listed = ", ".join(known) or "(none)"
        raise UsageError("category_unknown", category=category, by="the suppression", known=listed)


def refuse_lifting(
    rows: Sequence[SuppressionRow], *, team: str | None = None, although_asked_for: bool = False
) -> None:
    """Raise :class:`NightmailError` where a suppression among ``rows`` may not be lifted.

    ``suppression_above_team``: with ``team``, only its own and those of teams below may be. ``suppression_asked_for``:
    it is the person's own choice, unless ``although_asked_for`` says that they have agreed again.
    """
    above = [row for row in rows if team is not None and not row.is_of(team)]
    if above:
        owners = ", ".join(sorted({row.team or "all teams" for row in above}))
        raise NightmailError("suppression_above_team", owner=owners, facts={"suppressions": [row.id for row in above]})
    chosen = [row for row in rows if row.asked_for]
    if chosen and not although_asked_for:
        listed = "; ".join(
            f"{row.id}: {row.reason.replace('_', ' ')} by {row.source} on {row.created_at:%Y-%m-%d}" for row in chosen
        )
        raise NightmailError("suppression_asked_for", value=listed, facts={"suppressions": [row.id for row in chosen]})


def lift_suppressions(
    connection: Connection,
    rows: Sequence[SuppressionRow],
    *,
    actor: str,
    team: str | None = None,
    although_asked_for: bool = False,
    why: str | None = None,
) -> list[SuppressionRow]:
    """Lift suppressions, all or none; gives those that it lifted, which are fewer where another just lifted some.

    ``why`` is kept with them and in the audit log.

    Raises what :func:`refuse_lifting` does.
    """
    refuse_lifting(rows, team=team, although_asked_for=although_asked_for)
    lifted = set(connection.scalars(text(LIFT), {"ids": [row.id for row in rows], "by": actor, "why": why}))
    _audit(connection, sorted(lifted), actor=actor, action="suppression.lifted", why=why)
    return [row for row in rows if row.id in lifted]


def carriers_own_lists(channels: Iterable[str]) -> list[str]:
    """What a carrier goes on refusing on these channels after a suppression is lifted here, in sentences for people."""
    concerned = set(channels)
    return [each.removal_advice for each in CHANNELS.values() if each.name in concerned and each.removal_advice]


def _audit(connection: Connection, ids: Sequence[int], *, actor: str, action: str, why: str | None) -> None:
    stated = {"why": why} if why else {}
    entries = [
        Entry(
            actor=actor,
            action=action,
            subject=row.address_hash.hex(),
            team_id=row.team_id,
            detail={"suppression": row.id, "channel": row.channel, "category": row.category, "reason": row.reason}
            | stated,
        )
        for row in connection.execute(text(FACTS), {"ids": list(ids)})
    ]
    write_entries(connection, entries)
