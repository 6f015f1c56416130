"""Routes: which carrier account and sender a team's messages go over, the team's own or those of teams above it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.channels import CHANNELS, BodyKind
from nightmail.organisation.carrier_accounts import CarrierAccountRow, carrier_accounts
from nightmail.organisation.queries import ACCOUNTS_WITH_SENDER, SENDERS_OF_TEAMS
from nightmail.organisation.team_settings import reply_addresses
from nightmail.organisation.teams import team_ids_upwards
from nightmail.privacy.reply_addresses import ReplyAddresses

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
    sent_from_id: int | None = None
    """What the ledger notes of messages that take it, where :mod:`nightmail.organisation.sent_from` gave it one."""
    reply_addresses: ReplyAddresses | None = None
    """How reply addresses are signed; ``None``: they are not."""

    @property
    def pace_keys(self) -> tuple[PaceKey, ...]:
        """What it is paced by: the account, whose rate all of its senders share, and the sender where it has one."""
        account, channel = self.account.id, self.account.channel
        if not self.sender:
            return ((account, "", channel),)
        return (account, "", channel), (account, self.sender, channel)


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
        text(SENDERS_OF_TEAMS),
        {"teams": teams, "channel": channel, "wanted": wanted},
    ).all()
    by_account = {account.id: account for account in accounts}
    signed = reply_addresses(connection, team) if CHANNELS[channel].body is BodyKind.EMAIL else None
    routes: list[Route] = []
    taken: set[int] = set()
    for sender in senders:
        account = by_account.get(sender.carrier_account_id)
        if account is None or account.id in taken:
            continue
        taken.add(account.id)
        rate = float((sender.settings or {}).get("rate_per_s") or account.rate_per_s)
        routes.append(
            Route(
                account,
                sender.address,
                sender.display_name,
                sender.reply_to,
                min(rate, account.rate_per_s),
                reply_addresses=signed,
            )
        )
    if not senders:
        routes = [
            Route(a, None, None, None, a.rate_per_s, reply_addresses=signed)
            for a in accounts
            if a.settings.get("sender")
        ]
    return routes


def accounts_of_team(connection: Connection, team: str) -> list[CarrierAccountRow]:
    """The accounts that a team's messages may be handed to, on any channel, in the order of the channels' codes.

    As :func:`routes_of_team` has it: those that the team has a sender on, and on a channel without any those that state one.
    """
    teams = team_ids_upwards(connection, team)
    senders = connection.execute(text(ACCOUNTS_WITH_SENDER), {"teams": teams}).all()
    with_sender, has_senders = {row.carrier_account_id for row in senders}, {row.channel for row in senders}
    found = [
        account
        for account in carrier_accounts(connection)
        if account.team_id is None or account.team_id in teams
        if account.id in with_sender or (account.channel not in has_senders and account.settings.get("sender"))
    ]
    return sorted(found, key=lambda account: (CHANNELS[account.channel].code, account.priority, account.id))
