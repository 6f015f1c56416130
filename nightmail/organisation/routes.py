"""Routes: which carrier account and sender a team's messages go over, the team's own or those of teams above it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.organisation.carrier_accounts import CarrierAccountRow, carrier_accounts

PaceKey = tuple[int, str, str]
"""A carrier account, one of its senders (empty: all of the account) and the channel: what has a rate of its own."""


@dataclass(frozen=True, slots=True)
class Route:
    """One way for messages of a channel: the account, and the sender that they come from."""

    account: CarrierAccountRow
    sender: str | None
    sender_name: str | None
    reply_to: str | None
    rate_per_s: float
    """Of this sender, at most the account's."""

    @property
    def pace_keys(self) -> tuple[PaceKey, ...]:
        """What it is paced by: the account, whose rate all of its senders share, and the sender where it has one."""
        account, channel = self.account.id, self.account.channel
        if not self.sender:
            return ((account, "", channel),)
        return (account, "", channel), (account, self.sender, channel)


USABLE_ACCOUNTS = """
carrier_account a left join team o on o.id = a.team_id left join lateral (
    select n.address from sender n join team nt on nt.id = n.team_id
    where n.carrier_account_id = a.id and n.channel = a.channel
    and (t.path = nt.path or starts_with(t.path, nt.path || '.'))
    order by (n.name is not distinct from c.settings #>> array['senders', a.channel]) desc, length(nt.path) desc, n.id
    limit 1
) own on true
where a.active and (o.id is null or t.path = o.path or starts_with(t.path, o.path || '.'))
and (own.address is not null or coalesce(a.settings ->> 'sender', '') <> '' and not exists (
    select from sender n join team nt on nt.id = n.team_id
    where n.channel = a.channel and (t.path = nt.path or starts_with(t.path, nt.path || '.'))))
"""
"""The accounts ``a`` of a campaign ``c`` of a team ``t``, as :func:`routes_of_team` gives them, with ``own`` for the sender:
for statements over many campaigns."""


def team_ids_upwards(connection: Connection, team_path: str) -> list[int]:
    """The ids of a team and of every team above it, the team itself first."""
    parts = team_path.split(".")
    paths = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    rows = connection.execute(text("select path, id from team where path = any(:paths)"), {"paths": paths})
    by_path = {row.path: int(row.id) for row in rows}
    return [by_path[path] for path in paths if path in by_path]


def routes_of_team(connection: Connection, team: str, channel: str, wanted: str | None = None) -> list[Route]:
    """The routes that a team's messages of a channel may take, the preferred one first; empty when there is none.

    First the sender of the name ``wanted``, or else the nearest team's first one, on its own account; then its other
    senders and those of teams above, each on its account: they take over when one is suspended. An account on which the
    team has no sender would take a message under somebody else's name, or under none. Such accounts are routes only for
    a team without any sender, and only where the account states a ``sender`` itself; by their priority.
    """
    teams = team_ids_upwards(connection, team)
    accounts = [a for a in carrier_accounts(connection, channel) if a.team_id is None or a.team_id in teams]
    senders = connection.execute(
        text(
            "select name, address, display_name, reply_to, carrier_account_id, settings from sender "
            "where team_id = any(:teams) and channel = :channel "
            "order by (name is not distinct from :wanted) desc, array_position(cast(:teams as integer[]), team_id), id"
        ),
        {"teams": teams, "channel": channel, "wanted": wanted},
    ).all()
    by_account = {account.id: account for account in accounts}
    routes: list[Route] = []
    taken: set[int] = set()
    for sender in senders:
        account = by_account.get(sender.carrier_account_id)
        if account is None or account.id in taken:
            continue
        taken.add(account.id)
        rate = float((sender.settings or {}).get("rate_per_s") or account.rate_per_s)
        routes.append(
            Route(account, sender.address, sender.display_name, sender.reply_to, min(rate, account.rate_per_s))
        )
    if not senders:
        routes = [Route(a, None, None, None, a.rate_per_s) for a in accounts if a.settings.get("sender")]
    return routes
