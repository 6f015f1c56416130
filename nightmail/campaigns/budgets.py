"""Budgets by estimated cost: a campaign over one waits for a person's decision before its first message is sent.

Whoever looks at a team's month locks it until the decision is committed, and keeps with the campaign that it counts from then
on. So of campaigns that are prepared together each sees those that were let go before it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.counts import record_counts
from nightmail.campaigns.queries import LOCK_BUDGETS, SPENT_IN_MONTH
from nightmail.organisation.audience_rules import StatedRules
from nightmail.reasons.problems import stated_problem
from nightmail.store.clock import database_time

COUNTS_FOR_BUDGET = "counts_for_budget"
"""The mark in the counts of a campaign that was let go: its month has been charged with it."""
OVER_BUDGET = ("budget_campaign", "budget_month", "budget_unpriced")


def estimated_costs(counts: Mapping[str, Any]) -> dict[str, Decimal]:
    """The most that a campaign is estimated to cost, by currency: its messages and those that stand by for them."""
    found: dict[str, Decimal] = {}
    messages = counts.get("stages", {}).get("messages", {})
    for part in ("costs", "standby_costs"):
        for currency, amount in messages.get(part, {}).items():
            found[currency] = found.get(currency, Decimal(0)) + Decimal(amount)
    return found


def over_budget(
    connection: Connection, campaign: CampaignRow, rules: Sequence[StatedRules], counts: Mapping[str, Any]
) -> dict[str, str] | None:
    """Why a campaign must wait for a decision about money: ``reason``, ``message``, ``remedy``; ``None`` when it may go.

    Of a team and those above it each budget is asked. A currency that a budget does not state cannot be compared, and so is over it.
    What may go is charged to the month from then on.
    """
    stated = [team for team in rules if team.rules.budget is not None]
    if not stated:
        return None
    connection.execute(text(LOCK_BUDGETS), {"teams": [team.team_id for team in stated]})
    costs = estimated_costs(counts)
    start = campaign.scheduled_at or database_time(connection)
    found = _found(
        connection, campaign, stated, costs, start, int(counts.get("stages", {}).get("messages", {}).get("unpriced", 0))
    )
    record_counts(connection, campaign.id, {COUNTS_FOR_BUDGET: found is None})
    return found


def _found(
    connection: Connection,
    campaign: CampaignRow,
    stated: Sequence[StatedRules],
    costs: Mapping[str, Decimal],
    start: dt.datetime,
    unpriced: int,
) -> dict[str, str] | None:
    for team in stated:
        budget = team.rules.budget
        assert budget is not None
        if unpriced:
            return stated_problem("budget_unpriced", campaign=campaign.key, messages=unpriced, team=team.team)
        if budget.campaign is not None and (over := _over(budget.campaign, costs)):
            return stated_problem("budget_campaign", campaign=campaign.key, team=team.team, cost=over[0], limit=over[1])
        if budget.month is None:
            continue
        spent = spent_in_month(connection, team.team, start, without=campaign.id)
        together = {currency: spent.get(currency, Decimal(0)) + amount for currency, amount in costs.items()}
        if over := _over(budget.month, together):
            return stated_problem(
                "budget_month",
                campaign=campaign.key,
                team=team.team,
                month=f"{start.astimezone(dt.UTC):%Y-%m}",
                cost=over[0],
                limit=over[1],
            )
    return None


def _over(limits: Mapping[str, Decimal], costs: Mapping[str, Decimal]) -> tuple[str, str] | None:
    """The first cost that is over its limit, and the limit."""
    for currency, amount in sorted(costs.items()):
        limit = limits.get(currency)
        if amount and (limit is None or amount > limit):
            return f"{amount:f} {currency}", f"{0 if limit is None else limit:f} {currency}"
    return None


def spent_in_month(
    connection: Connection, team: str, month: dt.datetime, *, without: int | None = None
) -> dict[str, Decimal]:
    """What campaigns of a team and those below it that start in a month are estimated to cost, by currency.

    Counted are those that were let go. One that waits for a decision about money is not, until a person lets it go.
    """
    rows = connection.execute(
        text(SPENT_IN_MONTH), {"team": team, "month": month, "campaign": without, "over": list(OVER_BUDGET)}
    )
    return {row.currency: row.amount for row in rows}
