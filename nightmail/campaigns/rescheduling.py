"""Another start for a campaign that is scheduled: earlier, or later.

What was approved was approved with its start: an approval does not hold for another one, and is asked for anew. Quiet hours,
consents and suppressions are looked at once more at the hand-off, whenever that is.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Engine, text

from nightmail.audit import write_entry
from nightmail.campaigns.approval_records import changed_since_approval
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.queries import BRING_FORWARD, LEDGER_OF_CAMPAIGN
from nightmail.campaigns.transitions import ask_again, locked_as_seen, wrong_state
from nightmail.campaigns.unsent_messages import LINES_AT_ONCE
from nightmail.errors import UsageError
from nightmail.message_ids import campaign_keys, line_keys
from nightmail.organisation.teams import get_team
from nightmail.stated_times import start_of
from nightmail.store.clock import database_time
from nightmail.store.states import CampaignState


def reschedule(
    engine: Engine,
    campaign: str | int,
    start: dt.datetime,
    *,
    actor: str,
    reason: str | None = None,
    seen: str | None = None,
) -> CampaignRow:
    """Give a scheduled campaign another start; returns it as it is then: scheduled, or waiting for approval again.

    A start without an offset is the team's time. When it ends then, :func:`nightmail.forecasts.recorded_forecasts.renew_forecast`
    says. Raises :class:`UsageError` (``campaign_state``, ``campaign_changed``, ``time_invalid``, ``start_by_each_clock``,
    ``start_after_cut_off``).
    """
    with engine.begin() as connection:
        found = locked_as_seen(connection, campaign, seen)
        moment = start_of(start, get_team(connection, found.team).time_zone, database_time(connection))
        _refuse(found, moment)
    # Before the start itself: after a crash in between, nothing goes earlier than it would have gone.
    _bring_forward(engine, found, moment)
    with engine.begin() as connection:
        locked_as_seen(connection, found.id, found.version)
        connection.execute(
            text("update campaign set scheduled_at = :moment, start_stated = true where id = :id"),
            {"id": found.id, "moment": moment},
        )
        write_entry(
            connection,
            actor=actor,
            action="campaign.changed",
            subject=found.key,
            team_id=found.team_id,
            before={"scheduled_at": found.scheduled_at and found.scheduled_at.isoformat()},
            after={"scheduled_at": moment.isoformat()},
            detail={"because": reason} if reason else {},
        )
        changed = changed_since_approval(connection, get_campaign(connection, found.id))
        if changed is not None:
            ask_again(connection, get_campaign(connection, found.id), changed, actor=actor)
        return get_campaign(connection, found.id)


def _refuse(campaign: CampaignRow, moment: dt.datetime) -> None:
    if campaign.state is not CampaignState.SCHEDULED:
        raise wrong_state(campaign.key, campaign.state, "only a scheduled campaign can be given another start")
    if campaign.local_start is not None:
        raise UsageError("start_by_each_clock", campaign=campaign.key)
    if campaign.cut_off_at is not None and moment >= campaign.cut_off_at:
        raise UsageError(
            "start_after_cut_off", campaign=campaign.key, cut_off=f"{campaign.cut_off_at:%Y-%m-%d %H:%M} UTC"
        )


def _bring_forward(engine: Engine, campaign: CampaignRow, moment: dt.datetime) -> None:
    """Have messages that wait for the campaign's start alone fall due with an earlier one, in chunks of lines.

    Those that fall due later, after quiet hours, keep their time.
    """
    if campaign.scheduled_at is None or moment >= campaign.scheduled_at or campaign.loaded_at is None:
        return
    first, last = campaign_keys(campaign.id)
    with engine.connect() as connection:
        ledger = connection.execute(text(LEDGER_OF_CAMPAIGN), {"id": campaign.id, "first": first, "last": last}).one()
    step = line_keys(campaign.id, LINES_AT_ONCE)[0] - first
    for begin in range(first, (ledger.last_key or 0) + 1, step):
        values = {"month": ledger.month, "first": begin, "last": begin + step - 1, "moment": moment}
        with engine.begin() as connection:
            connection.execute(text(BRING_FORWARD), values | {"before": campaign.scheduled_at})
