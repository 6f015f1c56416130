"""What a sender's threads may hand off at a moment, as its main thread has read it from the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from psycopg.rows import dict_row

from nightmail.organisation.routes import PaceKey, Route
from nightmail.sending.boot_clock import boot_time
from nightmail.sending.intents import CampaignInHand, Intent
from nightmail.sending.sender.session import SenderSession
from nightmail.sending.sender_queries import WATCH

STALE_S = 0.9
"""A watch that is older says nothing: a pause must take effect within a second."""
LEASE_S = 60.0
"""An intent that is older is not acted on: another process may have settled it."""
CONSENT_LEASE_S = 5.0
"""The same where consents or preferences were asked: what changes in them since is seen by asking again."""


class Suspension(NamedTuple):
    """What is not used for now: ``None`` stands for all."""

    team_id: int | None
    channel: str
    carrier_account_id: int | None
    sender: str | None

    def stops(self, campaign: CampaignInHand, route: Route) -> bool:
        """Whether a campaign's messages may not take a route."""
        return (
            self.channel == route.account.channel
            and (self.team_id is None or self.team_id in campaign.teams)
            and (self.carrier_account_id is None or self.carrier_account_id == route.account.id)
            and (self.sender is None or self.sender == route.sender)
        )


class FreshSuppression(NamedTuple):
    """A suppression of the last while, of one address on one channel; ``None`` stands for all."""

    team_id: int | None
    category: str | None
    until: float
    """How long it is remembered, by the boot clock."""


class FailoverSeen(NamedTuple):
    """An account that gives messages to the next one, or had doubtful answers lately."""

    moved_percent: int
    probes_failed: int
    stepped_at: float
    """When it took its last step or was probed, by the boot clock."""


Suppressions = Mapping[tuple[str, str], list[FreshSuppression]]
"""By channel and the text of the address hash."""


@dataclass(slots=True)
class Watch:
    """What may be sent, as the threads see it between two hand-offs.

    Replaced as a whole by the main thread; a thread that meets a carrier's limit adds to ``blocked``.
    """

    read_at: float = 0.0
    """By the boot clock."""
    database_time: float = 0.0
    """Seconds since 1970, by the database's clock."""
    run_id: int = 0
    campaigns: frozenset[int] = frozenset()
    """Campaigns that send."""
    stopped: frozenset[tuple[int, int, str | None]] = frozenset()
    """Campaign, account and sender of intents in hand that a suspension stops."""
    blocked: dict[PaceKey, float] = field(default_factory=dict)
    """Until when a pace is left alone, by the boot clock."""
    suppressed: Suppressions = field(default_factory=dict)
    failovers: Mapping[int, FailoverSeen] = field(default_factory=dict)
    """By account."""

    def allows(self, intent: Intent, now: float) -> bool:
        """Whether the message may be handed off at the moment ``now`` of the boot clock."""
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
        """Whether it has been suppressed lately; what was suppressed before its intent, the intent itself has seen."""
        campaign = intent.campaign
        return any(
            (entry.team_id is None or entry.team_id in campaign.teams)
            and (entry.category is None or entry.category == campaign.row.category)
            for entry in self.suppressed.get((intent.route.account.channel, intent.address_hash.hex()), ())
        )

    def block_of(self, route: Route) -> tuple[float, PaceKey]:
        """Until when nothing goes over the route, and which pace is blocked; a time that is over when none is."""
        return max((self.blocked.get(key, 0.0), key) for key in route.pace_keys)


class Watcher:
    """Keeps the watch of one sender: reads it, and knows the suspensions in force."""

    def __init__(self, session: SenderSession) -> None:
        self._session = session
        self.watch = Watch()
        self.suspensions: frozenset[Suspension] = frozenset()

    def is_suspended(self, campaign: CampaignInHand, route: Route) -> bool:
        """Whether a suspension stops a campaign's messages on a route."""
        return any(suspension.stops(campaign, route) for suspension in self.suspensions)

    def look(self, in_hand: Iterable[Intent]) -> frozenset[Suspension]:
        """Read what may be sent now; returns the suspensions that were lifted since the last look."""
        began = boot_time()
        with self._session.database.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(WATCH, prepare=True).fetchone()
        assert found is not None
        lifted = self._take_suspensions(found["suspensions"])
        run = self._session.run
        watch = Watch(
            read_at=began,
            database_time=found["database_time"],
            run_id=run.id,
            # A database that was restored meanwhile has another epoch: nothing that was taken before it may go.
            campaigns=frozenset(found["campaigns"]) if found["epoch"] == run.epoch else frozenset(),
            blocked={
                (row["carrier_account_id"], row["sender"], row["channel"]): began + row["left_s"]
                for row in found["blocked"]
            },
            suppressed=remembered(self.watch.suppressed, found["suppressed"], began),
            failovers={
                row["carrier_account_id"]: FailoverSeen(
                    row["moved_percent"], row["probes_failed"], began - (row["rested_s"] or 0.0)
                )
                for row in found["failovers"]
            },
        )
        # A copy: the threads add to it meanwhile.
        for key, until in self.watch.blocked.copy().items():
            if until > watch.blocked.get(key, began):
                watch.blocked[key] = until
        if self.suspensions:
            watch.stopped = frozenset(
                (intent.campaign.row.id, intent.route.account.id, intent.route.sender)
                for intent in list(in_hand)
                if self.is_suspended(intent.campaign, intent.route)
            )
        self.watch = watch
        return lifted

    def _take_suspensions(self, rows: Iterable[Mapping[str, Any]]) -> frozenset[Suspension]:
        before = self.suspensions
        self.suspensions = frozenset(Suspension(**row) for row in rows)
        return before - self.suspensions


def remembered(before: Suppressions, recent: Iterable[Mapping[str, Any]], now: float) -> Suppressions:
    """The suppressions of the last while: remembered for longer than any intent is acted on.

    Each look brings those of half a minute, since a transaction may become visible that long after its time.
    """
    found = {
        key: kept for key, entries in before.items() if (kept := [entry for entry in entries if entry.until > now])
    }
    until = now + LEASE_S + STALE_S
    for row in recent:
        key = row["channel"], row["address_hash"]
        fresh = FreshSuppression(row["team_id"], row["category"], until)
        found[key] = [*(entry for entry in found.get(key, ()) if entry[:2] != fresh[:2]), fresh]
    return found
