"""All that is set up, in one look: how many parts of each kind there are, and how many of them need a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, text

from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.inventory.overview_queries import COUNTS
from nightmail.inventory.sight import sights

COUNTED = 1_000
"""Parts of a kind that are counted at the most."""


class Kind(StrEnum):
    """The kinds of parts, in the order in which they are shown."""

    ACCOUNTS = "accounts"
    SENDERS = "senders"
    MAILBOXES = "mailboxes"
    SERVERS = "servers"
    PRICES = "prices"
    CATEGORIES = "categories"
    WEBHOOKS = "webhooks"
    TEAMS = "teams"


PERMISSION_OF: Mapping[Kind, Permission] = {
    Kind.ACCOUNTS: Permission.CARRIER_SEE,
    Kind.SENDERS: Permission.CARRIER_SEE,
    Kind.MAILBOXES: Permission.CARRIER_SEE,
    Kind.SERVERS: Permission.FEED_SEE,
    Kind.PRICES: Permission.PRICE_SEE,
    Kind.CATEGORIES: Permission.TEAM_SEE,
    Kind.WEBHOOKS: Permission.WEBHOOK_EDIT,
    Kind.TEAMS: Permission.TEAM_SEE,
}
"""What it takes to see each kind."""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many parts of a kind are seen, at the most :data:`COUNTED`, and how many of these need a look."""

    kind: Kind
    parts: int
    to_look_at: int


def overview(connection: Connection, principal: Principal) -> list[Counted]:
    """The kinds that ``principal`` may see anywhere, each counted over the teams that it sees."""
    seen = sights(connection, principal, set(PERMISSION_OF.values()))
    kinds = [kind for kind in Kind if seen[PERMISSION_OF[kind]]]
    if not kinds:
        return []
    statement = " union all ".join(COUNTS[kind].replace(":seen", f":seen_{PERMISSION_OF[kind].name}") for kind in kinds)
    # The names of a union's columns are those of its first part, whichever kind that is.
    statement = f"select kind, parts, to_look_at from ({statement}) as counted(kind, parts, to_look_at)"  # noqa: S608
    values = {f"seen_{permission.name}": teams for permission, teams in seen.items()}
    organisations = sorted({path.partition(".")[0] for path in seen[Permission.PRICE_SEE]})
    rows = connection.execute(text(statement), {**values, "organisations": organisations, "most": COUNTED})
    found = {row.kind: Counted(Kind(row.kind), row.parts, row.to_look_at) for row in rows}
    return [found[kind] for kind in kinds]
