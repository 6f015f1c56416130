"""When a send ends at the rates that its carriers allow, and whether that is after its cut-off.

Every answer takes the forecast from here: the ledger when it is loaded, ``nightmail check`` and ``send`` before anything
is sent, the API, an approval, a campaign that is resumed. What is known of the messages differs (the ledger, rendered
messages, the rows of a file); it comes as :class:`Work`.

The forecast knows what the team's first route of each channel allows, when messages fall due, and what other campaigns
have queued for the same rate (:mod:`nightmail.forecasts.shared_pace`). It does not know of campaigns that are still being
checked, of a carrier that slows down, or of quiet hours that begin while it sends.

>>> noon = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
>>> finish(Work((Load("sms", 600),)), {"sms": 1.0}, noon)
datetime.datetime(2026, 11, 23, 12, 10, tzinfo=datetime.timezone.utc)
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.suspensions import list_suspensions
from nightmail.channels import CHANNELS, Unit
from nightmail.forecasts.queries import WORK_OF_LEDGER
from nightmail.forecasts.shared_pace import OtherWork, end_beside, other_work
from nightmail.organisation.routes import Route, routes_of_team
from nightmail.organisation.teams import team_ids_upwards
from nightmail.reasons import remedy, sentence
from nightmail.store.states import MessageState

if TYPE_CHECKING:
    from nightmail.lake import TableFile

AT_RISK = "cut_off_at_risk"
"""The reason of a campaign that ends after its cut-off."""


@dataclass(frozen=True, slots=True)
class Load:
    """Messages of one channel that fall due together."""

    channel: str
    units: float
    """As the rates count them: SMS segments, calls, email recipients."""
    due_at: dt.datetime | None = None
    """``None``: with the start."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a campaign hands off."""

    loads: tuple[Load, ...]
    further_steps: int = 0
    """How many further channels stand by for a contact that is not reached."""

    def units_by_channel(self) -> dict[str, float]:
        """The units of each channel."""
        found: dict[str, float] = {}
        for load in self.loads:
            found[load.channel] = found.get(load.channel, 0.0) + load.units
        return found


@dataclass(frozen=True, slots=True)
class FinishForecast:
    """When a campaign ends, beside the cut-off that it has to make."""

    finishes_by: dt.datetime | None
    """``None``: not known, since nothing is counted yet, a channel has no carrier, or one is suspended."""
    cut_off_at: dt.datetime | None
    suspended: tuple[str, ...] = ()
    """Channels that it needs and that are suspended: it cannot end before that is."""

    @property
    def late(self) -> bool:
        """Whether it ends after its cut-off."""
        return bool(self.finishes_by and self.cut_off_at and self.finishes_by > self.cut_off_at)

    @property
    def warning(self) -> dict[str, str] | None:
        """Reason, message and remedy for the owner of a late campaign; ``None`` for one that is in time."""
        if not self.late:
            return None
        ends, cut_off = _written(self.finishes_by), _written(self.cut_off_at)
        if ends == cut_off:
            ends, cut_off = _written(self.finishes_by, "seconds"), _written(self.cut_off_at, "seconds")
        times = {"finishes_by": ends, "cut_off_at": cut_off}
        return {"reason": AT_RISK, "message": sentence(AT_RISK, **times), "remedy": remedy(AT_RISK)}

    def as_dict(self) -> dict[str, Any]:
        """``finishes_by``, ``cut_off_at``, ``late`` and ``late_warning``: under these names in every answer."""
        return {
            "finishes_by": self.finishes_by,
            "cut_off_at": self.cut_off_at,
            "late": self.late,
            "late_warning": self.warning,
        }

    def in_words(self) -> str:
        """One line for people; empty when there is nothing to say."""
        if (warning := self.warning) is not None:
            return f"{warning['message']} {warning['remedy']}"
        cut_off = f"its cut-off at {_written(self.cut_off_at)}" if self.cut_off_at is not None else ""
        if self.suspended:
            channels = " and ".join(self.suspended)
            unknown = (
                f"When it ends is not known while {channels} {'is' if len(self.suspended) == 1 else 'are'} suspended"
            )
            return f"{unknown}; {cut_off} holds." if cut_off else f"{unknown}."
        if self.finishes_by is None:
            return f"When it ends is not known; {cut_off} holds." if cut_off else ""
        return f"It ends about {_written(self.finishes_by)}{f', before {cut_off}' if cut_off else ''}."


def _written(moment: dt.datetime | None, to: str = "minutes") -> str:
    if moment is None:
        return ""
    return f"{moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat(' ', to)} UTC"


def finish(
    work: Work,
    rates: Mapping[str, float],
    start: dt.datetime,
    escalate_after: dt.timedelta = dt.timedelta(),
    others: Mapping[str, Iterable[OtherWork]] | None = None,
) -> dt.datetime | None:
    """When the last of the work goes, from ``start`` at so many units a second by channel, beside ``others``.

    ``None`` when there is no rate for a channel that is needed. Channels go side by side. What falls due later waits for
    its time, and then its turn. Each further channel of an escalation adds the time until it is looked at: how many
    messages it then takes over is not known beforehand, so that they take no time here.
    """
    begins: dict[str, dt.datetime] = {}
    ends: dict[str, dt.datetime] = {}
    for load in sorted(work.loads, key=lambda load: load.due_at or start):
        if load.channel not in rates:
            return None
        free_at = max(ends.get(load.channel, start), load.due_at or start)
        begins.setdefault(load.channel, free_at)
        ends[load.channel] = free_at + dt.timedelta(seconds=load.units / rates[load.channel])
    units = work.units_by_channel()
    for channel, beside in (others or {}).items():
        if channel in ends:
            ends[channel] = end_beside(beside, begins[channel], ends[channel], units[channel], rates[channel])
    return max(ends.values(), default=start) + work.further_steps * escalate_after


def forecast(
    connection: Connection,
    team: str,
    settings: Mapping[str, Any],
    work: Work,
    start: dt.datetime,
    cut_off_at: dt.datetime | None,
    *,
    priority: int,
    campaign_id: int | None = None,
) -> FinishForecast:
    """The forecast for a team's campaign with these settings (``campaign.settings``) that begins at ``start``.

    ``campaign_id`` is its own, where it has one already: it does not wait for itself.
    """
    routes, suspended = routes_by_channel(connection, team, settings, {load.channel for load in work.loads})
    if suspended:
        return FinishForecast(None, cut_off_at, suspended)
    rates = {channel: route.rate_per_s for channel, route in routes.items()}
    escalates = settings.get("delivery") == "escalation"
    wait = dt.timedelta(seconds=float(settings.get("escalate_after_s", 900))) if escalates else dt.timedelta()
    alone = finish(work, rates, start, wait)
    if alone is None:
        return FinishForecast(None, cut_off_at)
    until = max(alone, cut_off_at or alone)
    others = other_work(
        connection, routes, work.units_by_channel(), start, until=until, priority=priority, campaign_id=campaign_id
    )
    return FinishForecast(finish(work, rates, start, wait, others) if others else alone, cut_off_at)


def routes_by_channel(
    connection: Connection, team: str, settings: Mapping[str, Any], channels: Iterable[str]
) -> tuple[dict[str, Route], tuple[str, ...]]:
    """The route that a team's messages of each channel take now, and the channels of which every route is suspended.

    Channels without an account are in neither.
    """
    senders = settings.get("senders") or {}
    suspensions = list_suspensions(connection)
    teams = team_ids_upwards(connection, team) if suspensions else ()
    taken: dict[str, Route] = {}
    suspended = []
    for channel in sorted(channels):
        routes = routes_of_team(connection, team, channel, senders.get(channel))
        usable = [route for route in routes if not any(each.stops(route, teams) for each in suspensions)]
        if usable:
            taken[channel] = usable[0]
        elif routes:
            suspended.append(channel)
    return taken, tuple(suspended)


def forecast_of_ledger(connection: Connection, campaign: CampaignRow, now: dt.datetime) -> tuple[FinishForecast, Work]:
    """The forecast for what a loaded campaign has left, and what that is."""
    work = _work_of_ledger(connection, campaign)
    start = max(now, campaign.scheduled_at or now)
    return forecast_of_campaign(connection, campaign, work, start), work


def forecast_of_campaign(
    connection: Connection, campaign: CampaignRow, work: Work, start: dt.datetime
) -> FinishForecast:
    """The forecast for a campaign that exists, with the work that it will have."""
    return forecast(
        connection,
        campaign.team,
        campaign.settings,
        work,
        start,
        campaign.cut_off_at,
        priority=campaign.priority,
        campaign_id=campaign.id,
    )


def _work_of_ledger(connection: Connection, campaign: CampaignRow) -> Work:
    rows = connection.execute(
        text(WORK_OF_LEDGER),
        {"id": campaign.id, "month": campaign.ledger_month, "by_segments": CHANNELS.rated_by(Unit.SEGMENT)},
    ).all()
    return Work(
        tuple(Load(row.channel, float(row.units), row.due_at) for row in rows if row.state == MessageState.QUEUED),
        max((int(row.last_step) for row in rows if row.state == MessageState.STANDBY), default=0),
    )


def work_of_messages(messages: TableFile) -> Work:
    """The work of a campaign's rendered messages (a table of the schema ``MESSAGES``)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    units: Counter[tuple[str, dt.datetime | None]] = Counter()
    further_steps = 0
    by_segments = pa.array(CHANNELS.rated_by(Unit.SEGMENT), pa.string())
    for block in messages.blocks(["channel", "step", "state", "segments", "not_before"]):
        queued = pc.equal(block.column("state"), "queued")
        standby = block.column("step").filter(pc.invert(queued))
        further_steps = max(further_steps, pc.max(standby).as_py() or 0)
        # Not every email is one segment for its price; a rate counts recipients.
        counted = pc.if_else(pc.is_in(block.column("channel"), by_segments), block.column("segments"), 1)
        table = pa.table({name: block.column(name) for name in ("channel", "not_before")} | {"units": counted})
        found = table.filter(queued).group_by(["channel", "not_before"]).aggregate([("units", "sum")])
        for row in found.to_pylist():
            units[row["channel"], row["not_before"]] += row["units_sum"]
    return Work(tuple(Load(channel, total, due) for (channel, due), total in units.items()), further_steps)
