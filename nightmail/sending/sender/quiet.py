"""Quiet hours at the moment of a hand-off."""

from __future__ import annotations

import datetime as dt

from nightmail.channels import CHANNELS
from nightmail.organisation.quiet_hours import QuietHours
from nightmail.sending.intents import CampaignInHand, Intent


def may_be_quiet(campaign: CampaignInHand) -> bool:
    """Whether any quiet hours may bind a campaign's messages: the feed's, or a contact's own."""
    return bool(campaign.row.settings.get("quiet_hours")) or campaign.has_preferences


def quiet_until(intent: Intent, moment: dt.datetime) -> dt.datetime | None:
    """When the quiet hours end that bind the message at ``moment``, the feed's and the contact's own; else ``None``.

    Hours that cover the whole day end a day later: a person may change them.
    """
    settings = intent.campaign.row.settings
    of_feed = settings.get("quiet_hours")
    if of_feed and intent.route.account.channel not in settings.get("quiet_channels", CHANNELS.bound_by_quiet_hours()):
        of_feed = None
    if not of_feed and not intent.quiet.begin:
        return None
    from nightmail.audience.quiet_hours import earliest_time, hours_that_bind, zone_for

    hours = hours_that_bind(QuietHours.parse(str(of_feed)) if of_feed else None, intent.quiet.begin, intent.quiet.end)
    zone = zone_for(intent.quiet.time_zone, intent.time_zone, settings.get("default_time_zone"))
    earliest = earliest_time(moment, zone, hours)
    if earliest is None:
        return moment + dt.timedelta(days=1)
    return earliest if earliest > moment else None
