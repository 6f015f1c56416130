"""Quiet hours at the moment of a hand-off."""

from __future__ import annotations

import datetime as dt

from nightmail.channels import CHANNELS
from nightmail.organisation.quiet_hours import QuietHours
from nightmail.sending.intents import CampaignInHand, Intent


def may_be_quiet(campaign: CampaignInHand) -> bool:
    """Whether anything may put a campaign's messages off: the feed's quiet hours, a contact's own, closed days of a team."""
    return bool(campaign.row.settings.get("quiet_hours")) or campaign.has_preferences or has_closed_days(campaign)


def has_closed_days(campaign: CampaignInHand) -> bool:
    """Whether a team states days on which nothing is sent."""
    return any(team.rules.holidays or team.rules.blackout_days for team in campaign.rules)


def quiet_until(intent: Intent, moment: dt.datetime) -> dt.datetime | None:
    """When the quiet hours and closed days end that bind the message at ``moment``; else ``None``.

    Hours that cover the whole day end a day later: a person may change them.
    """
    campaign, channel = intent.campaign, intent.route.account.channel
    of_feed = campaign.row.settings.get("quiet_hours")
    if of_feed and channel not in campaign.row.settings.get("quiet_channels", CHANNELS.bound_by_quiet_hours()):
        of_feed = None
    if not of_feed and not intent.quiet.begin and not has_closed_days(campaign):
        return None
    from nightmail.audience.closed_days import ClosedDays
    from nightmail.audience.quiet_hours import earliest_time, hours_that_bind, zone_for

    closed = ClosedDays.on(campaign.rules, campaign.row.category, channel)
    hours = hours_that_bind(QuietHours.parse(str(of_feed)) if of_feed else None, intent.quiet.begin, intent.quiet.end)
    zone = zone_for(intent.quiet.time_zone, intent.time_zone, campaign.row.settings.get("default_time_zone"))
    earliest = earliest_time(moment, zone, hours, lambda day: closed.why(day, intent.country) is not None)
    if earliest is None:
        return moment + dt.timedelta(days=1)
    return earliest if earliest > moment else None
