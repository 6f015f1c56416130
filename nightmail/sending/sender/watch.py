"""What a sender's threads may hand off at a moment, as its main thread has read it from the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from psycopg.rows import dict_row

from nightmail.organisation.routes import PaceKey, Route
from nightmail.sending.boot_clock import boot_time
from nightmail.sending.intents import CampaignInHand, Intent
from nightmail.sending.sender.session import SenderSession
from nightmail.sending.sender_queries import MOST_STATED, WATCH

STALE_S = 0.9
"""A watch that is older says nothing: a pause must take effect within a second."""
LEASE_S = 60.0
"""An intent that is older is not acted on: another process may have settled it."""
CONSENT_LEASE_S = 5.0
"""The same where consents or preferences were asked, as a consent may end meanwhile; and for all, where more was stated at once
than a look brings."""


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


class FreshStatement(NamedTuple):
    """What a contact withdrew or chose in the last while."""

    team_id: int
    category: str | None
    """Of the consent that was withdrawn; ``None`` for a choice, which may be about anything."""
    at: float
    seen: float
    """By the boot clock, when a look brought it first: an intent of later has asked for it."""
    until: float


class FailoverSeen(NamedTuple):
    """An account that gives messages to the next one, or had doubtful answers lately."""

    moved_percent: int
    probes_failed: int
    stepped_at: float
    """When it took its last step or was probed, by the boot clock."""


Suppressions = Mapping[tuple[str, str], list[FreshSuppression]]
"""By channel and the text of the address hash."""
Statements = Mapping[str, list[FreshStatement]]
"""By contact."""


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
    stated: Statements = field(default_factory=dict)
    newly: frozenset[tuple[int, str | None]] = frozenset()
    """Teams and categories of what was stated."""
    many_until: float = 0.0
    """Until when there may be more that was stated than is known here, by the boot clock."""
    failovers: Mapping[int, FailoverSeen] = field(default_factory=dict)
    """By account."""

    def allows(self, intent: Intent, now: float) -> bool:
        """Whether the message may be handed off at the moment ``now`` of the boot clock."""
        route = intent.route
        campaign_id = intent.campaign.row.id
        short = intent.campaign.asks_contact or self.many_stated
        return (
            campaign_id in self.campaigns
            and intent.sender_run_id == self.run_id
            and now - intent.taken_at < (CONSENT_LEASE_S if short else LEASE_S)
            and not (self.stopped and (campaign_id, route.account.id, route.sender) in self.stopped)
            and not (self.blocked and self.block_of(route)[0] > now)
            and not (self.suppressed and self._is_suppressed(intent))
            and not (self.stated and self._is_to_be_asked_again(intent))
        )

    @property
    def many_stated(self) -> bool:
        """Whether more was stated of late than a look brings."""
        return self.many_until > self.read_at

    def _is_suppressed(self, intent: Intent) -> bool:
        """Whether it has been suppressed lately; what was suppressed before its intent, the intent itself has seen."""
        campaign = intent.campaign
        return any(
            (entry.team_id is None or entry.team_id in campaign.teams)
            and (entry.category is None or entry.category == campaign.row.category)
            for entry in self.suppressed.get((intent.route.account.channel, intent.address_hash.hex()), ())
        )

    def _is_to_be_asked_again(self, intent: Intent) -> bool:
        """Whether its contact has stated something of which the intent knew nothing."""
        campaign = intent.campaign
        return any(
            entry.team_id in campaign.teams
            and entry.category in (None, campaign.row.category)
            and not (
                intent.taken_at > entry.seen
                and (campaign.has_preferences if entry.category is None else campaign.asks_consent)
            )
            for entry in self.stated.get(intent.contact_id, ())
        )

    def as_of_now(self, campaign: CampaignInHand) -> CampaignInHand:
        """A campaign, with what was stated since it was read: the first withdrawal of a category, the first choice of a team."""
        if (not self.newly and not self.many_stated) or (campaign.has_withdrawals and campaign.has_preferences):
            return campaign
        withdrawn = any((team, campaign.row.category) in self.newly for team in campaign.teams)
        chosen = any((team, None) in self.newly for team in campaign.teams)
        if not (withdrawn or chosen or self.many_stated):
            return campaign
        return replace(
            campaign,
            has_withdrawals=campaign.has_withdrawals or withdrawn or self.many_stated,
            has_preferences=campaign.has_preferences or chosen or self.many_stated,
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
            found = cursor.execute(WATCH, {"timeline": self._session.run.timeline}, prepare=True).fetchone()
        assert found is not None
        ended = boot_time()
        lifted = self._take_suspensions(found["suspensions"])
        stated = statements_remembered(self.watch.stated, found["stated"], ended)
        many = len(found["stated"]) >= MOST_STATED
        run = self._session.run
        watch = Watch(
            read_at=began,
            database_time=found["database_time"],
            run_id=run.id,
            # A database that was restored meanwhile has another epoch: nothing that was taken before it may go. Nor where it
            # is not known yet what the server that took over lacks.
            campaigns=frozenset(found["campaigns"])
            if found["epoch"] == run.epoch and found["may_hand_off"]
            else frozenset(),
            blocked={
                (row["carrier_account_id"], row["sender"], row["channel"]): began + row["left_s"]
                for row in found["blocked"]
            },
            suppressed=remembered(self.watch.suppressed, found["suppressed"], began),
            stated=stated,
            newly=frozenset(entry[:2] for entries in stated.values() for entry in entries),
            many_until=ended + LEASE_S + STALE_S if many else self.watch.many_until,
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


def statements_remembered(before: Statements, recent: Iterable[Mapping[str, Any]], now: float) -> Statements:
    """What contacts stated in the last while: remembered for longer than any intent is acted on that knew nothing of it.

    ``now`` is after the look: an intent of later has certainly asked for what the look has seen.
    """
    found = {
        key: kept for key, entries in before.items() if (kept := [entry for entry in entries if entry.until > now])
    }
    until = now + LEASE_S + STALE_S
    for row in recent:
        of_contact = found.setdefault(row["contact_id"], [])
        stated = row["team_id"], row["category"], row["at"]
        if not any(entry[:3] == stated for entry in of_contact):
            of_contact.append(FreshStatement(*stated, now, until))
    return found
