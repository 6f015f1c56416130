"""What a sender's threads may hand off at a moment, as its main thread has read it from the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nightmail.organisation.routes import PaceKey, Route
from nightmail.sending.intents import Intent

STALE_S = 0.9
LEASE_S = 60.0
"""An intent that is older is not acted on: somebody may have settled it."""
CONSENT_LEASE_S = 5.0
"""The same where consents or preferences were asked: what changes in them since is seen by asking again."""

WATCH_QUERY = """
select extract(epoch from now())::float8,
    (select epoch from deployment),
    coalesce((select array_agg(id) from campaign where state = 'sending' and (cut_off_at is null or cut_off_at > now())),
             '{}'),
    coalesce((select json_agg(json_build_array(team_id, channel, carrier_account_id, sender)) from suspension
              where lifted_at is null), '[]'),
    coalesce((select json_agg(json_build_array(carrier_account_id, sender, channel,
                              extract(epoch from blocked_until - now()))) from pace where blocked_until > now()), '[]'),
    coalesce((select json_agg(json_build_array(channel, address_hash, team_id, category)) from (
              select channel, address_hash, team_id, category from suppression
              where created_at > now() - interval '30 s' and lifted_at is null
              order by created_at desc limit 50000) recent), '[]')
"""
"""The database's time and epoch, campaigns, suspensions, blocked paces and fresh suppressions."""

Suppressed = tuple[int | None, str | None, float]
"""The team and category that an address is suppressed for (``None``: all), and until when the watch remembers it."""


class Watch:
    """What may be sent now, as the threads see it between two hand-offs.

    Replaced as a whole by the main thread; a thread that meets a carrier's limit adds to ``blocked``.
    """

    __slots__ = ("blocked", "campaigns", "database_time", "read_at", "run_id", "stopped", "suppressed")

    def __init__(self) -> None:
        self.read_at = 0.0
        self.database_time = 0.0
        self.run_id = 0
        self.campaigns: frozenset[int] = frozenset()
        self.stopped: frozenset[tuple[int, int, str | None]] = frozenset()
        self.blocked: dict[PaceKey, float] = {}
        self.suppressed: Mapping[tuple[str, str], list[Suppressed]] = {}

    def allows(self, intent: Intent, now: float) -> bool:
        """Whether the message may be handed off at this moment."""
        route = intent.route
        campaign_id = intent.campaign.row.id
        return (
            campaign_id in self.campaigns
            and intent.sender_run_id == self.run_id
            and now - intent.taken_at < (CONSENT_LEASE_S if intent.campaign.asks_contact else LEASE_S)
            and not (self.stopped and (campaign_id, route.account.id, route.sender) in self.stopped)
            and not (self.blocked and self.block_of(route)[0] > now)
            and not (self.suppressed and self._is_suppressed(intent))
        )

    def _is_suppressed(self, intent: Intent) -> bool:
        """Whether it has become so lately; what was before its intent, the intent itself has seen."""
        campaign = intent.campaign
        return any(
            (team is None or team in campaign.teams) and (category is None or category == campaign.row.category)
            for team, category, _ in self.suppressed.get((intent.route.account.channel, intent.address_hash), ())
        )

    def block_of(self, route: Route) -> tuple[float, PaceKey]:
        """Until when nothing goes over the route, and what it is that is blocked; a time that is over when nothing is."""
        return max((self.blocked.get(key, 0.0), key) for key in route.pace_keys)


def remembered(
    before: Mapping[tuple[str, str], list[Suppressed]], recent: Iterable[Sequence[Any]], now: float
) -> dict[tuple[str, str], list[Suppressed]]:
    """The suppressions of the last while: for longer than any intent is acted on.

    Each look tells those of half a minute, as a transaction may become visible that long after its time.
    """
    found = {key: kept for key, entries in before.items() if (kept := [entry for entry in entries if entry[2] > now])}
    until = now + LEASE_S + STALE_S
    for channel, address_hash, team, category in recent:
        kept = [entry for entry in found.get((channel, address_hash), ()) if entry[:2] != (team, category)]
        found[channel, address_hash] = [*kept, (team, category, until)]
    return found
