"""Opt-outs of addresses when two contacts are merged: who asked for an end at one address, and is one with another, asked for it there too.

Each is a suppression of its own with the merge as its source, so that the way back lifts it and nothing else; what the person asks for
themselves meanwhile takes its place (:data:`nightmail.consent.queries.ADD`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.principals import Principal
from nightmail.channels import CHANNELS
from nightmail.consent import merge_queries as queries
from nightmail.consent.suppressions import OPTED_OUT, record_suppressions, suppressions_of
from nightmail.contacts.contact_fields import KINDS
from nightmail.contacts.contact_listing import ContactRow, addresses_of, further_of
from nightmail.contacts.merges import MergeRow
from nightmail.organisation.teams import is_at_or_below, team_id_of
from nightmail.privacy import AddressHash, address_hash

Pairs = frozenset[tuple[str, AddressHash]]
"""Each address on each channel that uses it."""


def carry_opt_outs(
    connection: Connection, pair: Sequence[ContactRow], number: int, *, by: Principal, key: bytes
) -> list[dict[str, Any]]:
    """Opt each of two contacts that are merged out of what the other asked to end; what this is for, whether or not it was new."""
    mine, theirs = (_pairs(connection, each, key) for each in pair)
    team = pair[0].team
    wanted: dict[tuple[str, str | None], set[tuple[str, AddressHash]]] = {}
    for own, others in ((mine, theirs), (theirs, mine)):
        for hashed in {hashed for _, hashed in own}:
            for row in suppressions_of(connection, hashed, team=team):
                if row.asked_for and others - own:
                    below = row.team is not None and is_at_or_below(row.team, team)
                    scope = row.team if below and row.team else team
                    wanted.setdefault((scope, row.category), set()).update(others - own)
    carried: list[dict[str, Any]] = []
    for (scope, category), addresses in sorted(wanted.items(), key=lambda each: (each[0][0], each[0][1] or "")):
        team_id = team_id_of(connection, scope)
        record_suppressions(
            connection,
            addresses,
            team_id=team_id,
            category=category,
            reason=OPTED_OUT,
            source=f"merge:{number}",
            why=f"{by.actor} merged two contacts",
        )
        carried += [
            {"team": team_id, "channel": channel, "category": category, "hash": hashed.hex()}
            for channel, hashed in sorted(addresses)
        ]
    return carried


def lift_opt_outs(connection: Connection, found: MergeRow, *, by: Principal) -> None:
    """Lift what a merge that is taken back has opted out, unless another merge needs it."""
    values = {"source": f"merge:{found.id}", "merge": found.id, "team": found.team_id}
    connection.execute(text(queries.HAND_ON_OPT_OUTS), values)
    connection.execute(
        text(queries.LIFT_OPT_OUTS), {"source": values["source"], "by": by.actor, "why": "the merge was taken back"}
    )


def _pairs(connection: Connection, contact: ContactRow, key: bytes) -> Pairs:
    addresses = addresses_of(contact, further_of(connection, [contact.id]).get(contact.id, {}))
    return frozenset(
        (channel.name, address_hash(address, key))
        for kind, fields in KINDS.items()
        for address in addresses[kind]
        for channel in CHANNELS.values()
        if set(fields) & set(channel.fields)
    )
