"""The campaigns that a sender hands off for, and the routes that their messages take now; read again every few seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy import Engine, text

from nightmail.campaigns.campaign_routes import routes_of
from nightmail.campaigns.campaign_rows import find_campaign
from nightmail.organisation.audience_rules import rules_above
from nightmail.organisation.carrier_accounts import CarrierAccountRow, carrier_accounts
from nightmail.organisation.failover_settings import failover_settings
from nightmail.organisation.routes import Route
from nightmail.organisation.sent_from import SentFrom, with_sent_from
from nightmail.organisation.teams import team_ids_upwards
from nightmail.sending.boot_clock import boot_time
from nightmail.sending.failovers import ALL, probe_wait_s
from nightmail.sending.intents import CampaignInHand, Portion
from nightmail.sending.sender.watch import Watcher
from nightmail.sending.sender_queries import CHOICES_OF_CAMPAIGN

CONTEXT_S = 5.0
"""How long campaigns, routes and accounts are used before they are read again."""


class Way(NamedTuple):
    """A route and which messages take it now: all, a portion, or one that probes an account that has given all away."""

    route: Route
    portion: Portion | None = None
    probes: bool = False


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(slots=True)
class _Remembered(Generic[_Key, _Value]):
    """Values that are read again when they are older than :data:`CONTEXT_S`."""

    entries: dict[_Key, tuple[float, _Value]] = field(default_factory=dict)

    def get(self, key: _Key, read: Callable[[], _Value]) -> _Value:
        now = boot_time()
        known = self.entries.get(key)
        if known is None or now - known[0] >= CONTEXT_S:
            known = self.entries[key] = (now, read())
        return known[1]


class Routing:
    """Finds the route that a campaign's messages of a channel take now."""

    def __init__(self, engine: Engine, watcher: Watcher) -> None:
        self._engine = engine
        self._watcher = watcher
        self._campaigns: _Remembered[int, CampaignInHand | None] = _Remembered()
        self._routes: _Remembered[tuple[int, str], list[Route]] = _Remembered()
        self._sent_from: dict[SentFrom, int] = {}
        """Ids that the database has, as long as it is the same one."""
        self._accounts_read_at = float("-inf")

    def campaign(self, campaign_id: int) -> CampaignInHand | None:
        """The campaign of an id, or ``None``."""
        found = self._campaigns.get(campaign_id, lambda: self._read_campaign(campaign_id))
        return None if found is None else self._watcher.watch.as_of_now(found)

    def _read_campaign(self, campaign_id: int) -> CampaignInHand | None:
        with self._engine.connect() as connection:
            row = find_campaign(connection, campaign_id)
            if row is None:
                return None
            teams = team_ids_upwards(connection, row.team)
            facts = connection.execute(text(CHOICES_OF_CAMPAIGN), {"teams": teams, "category": row.category_id}).one()
            rules = rules_above(connection, row.team)
        return CampaignInHand(
            row,
            teams,
            bool(row.counts.get("standby", True)),
            facts.has_preferences,
            urgent=facts.urgent,
            has_withdrawals=facts.has_withdrawals,
            rules=rules,
        )

    def ways(self, campaign: CampaignInHand, channel: str) -> list[Way]:
        """The ways of a campaign's messages: the preferred route that no suspension stops, and those it gives messages to."""
        routes = self._routes.get((campaign.row.id, channel), lambda: self._read_routes(campaign, channel))
        open_routes = [route for route in routes if not self._watcher.is_suspended(campaign, route)]
        failovers = self._watcher.watch.failovers
        if not failovers or not open_routes[1:] or open_routes[0].account.id not in failovers:
            return [Way(route) for route in open_routes[:1]]
        return self._divided(open_routes)

    def _divided(self, routes: Sequence[Route]) -> list[Way]:
        """Routes that each give a share of their messages to the next one; the last keeps what it has."""
        ways: list[Way] = []
        end = ALL
        for route in routes:
            seen = self._watcher.watch.failovers.get(route.account.id)
            begin = end * seen.moved_percent // ALL if seen is not None and route is not routes[-1] else 0
            if begin < end:
                ways.append(Way(route, Portion(begin, end) if end - begin < ALL else None))
            elif seen is not None:
                wait_s = probe_wait_s(failover_settings(route.account.settings), seen.probes_failed)
                if boot_time() - seen.stepped_at >= wait_s:
                    ways.append(Way(route, probes=True))
            end = begin
            if end <= 0:
                break
        return ways

    def _read_routes(self, campaign: CampaignInHand, channel: str) -> list[Route]:
        with self._engine.begin() as connection:
            return with_sent_from(connection, routes_of(connection, campaign.row, channel), self._sent_from)

    def forget_routes(self) -> None:
        """Read routes again: accounts or suspensions have changed."""
        self._routes.entries.clear()
        self._sent_from.clear()

    def read_accounts(self) -> list[CarrierAccountRow] | None:
        """Read the active carrier accounts; ``None`` where they were read lately."""
        now = boot_time()
        if now - self._accounts_read_at < CONTEXT_S:
            return None
        with self._engine.connect() as connection:
            accounts = carrier_accounts(connection)
        self._accounts_read_at = now
        return accounts
