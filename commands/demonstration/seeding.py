"""The two weeks before the demo, made up: campaigns in every state, what carriers and recipients said, what waits for a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from commands.demonstration.customers import Customers
from commands.demonstration.two_weeks import HEALTH, IBERIA, NORTH, OPERATIONS, PLAN, past_files

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from nightmail.campaigns.campaign_rows import CampaignRow
    from nightmail.demonstration.attention import PastAlert, PastSuspension
    from nightmail.demonstration.reservations import Reserved
    from nightmail.lake import Lake
    from nightmail.settings import Settings

MOST_REPLIES = 600
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@dataclass(frozen=True)
class Seeding:
    """Where and among whom: ``files`` keeps the files that teams sent, ``people`` are the numbers of who approved."""

    engine: Engine
    lake: Lake
    settings: Settings
    files: Path
    reserved: Reserved
    people: Mapping[str, int]

    def run(
        self, own: Collection[str], progress: Callable[[str, int, int], None] = lambda *_: None
    ) -> list[CampaignRow]:
        """Make the two weeks up; ``own`` are the keys of what the demo sent itself. Gives the campaigns.

        Raises :class:`nightmail.errors.UsageError`: ``demonstration_refused``, ``demonstration_not_empty``.
        """
        from nightmail.demonstration.attention import add_suspension
        from nightmail.demonstration.campaigns import Demonstration
        from nightmail.demonstration.daily_reports import write_day
        from nightmail.demonstration.refusals import refuse_where_real
        from nightmail.store.clock import database_time
        from resources.carriers import CARRIERS

        with self.engine.connect() as connection:
            refuse_where_real(connection, own)
            now = database_time(connection)
        first = self.reserved.replies
        made_up = Demonstration(
            self.engine,
            self.lake,
            self.settings,
            self.settings.data_dir.resolve() / "incoming",
            now,
            list(range(first, first + MOST_REPLIES)),
        )
        campaigns: list[CampaignRow] = []
        alerts = sorted(_alerts(), key=lambda each: each.ago, reverse=True)
        for file in past_files(Customers(self.files), now, self.reserved.campaigns, self.people):
            # In the order of time, as everything else: lists show the newest first.
            while alerts and now - alerts[0].ago < file.at:
                self._raise(alerts.pop(0), now)
            made = made_up.add(file)
            campaigns.append(made)
            if file.doubts:
                self._raise(_doubts_of(made, file.doubts, now), now)
            progress("campaigns made up", len(campaigns), len(PLAN))
        for alert in alerts:
            self._raise(alert, now)
        for suspension in _suspensions():
            add_suspension(self.engine, suspension, now)
        days = sorted({file.created_at.date() for file in campaigns} | {(now - DAY).date()})
        for day in days:
            if day < now.date():
                write_day(self.engine, self.lake, day, CARRIERS.meaning_of)
        return campaigns

    def _raise(self, alert: PastAlert, now: dt.datetime) -> None:
        from nightmail.demonstration.attention import add_alert

        with self.engine.begin() as connection:
            add_alert(connection, alert, now)


def _suspensions() -> tuple[PastSuspension, ...]:
    from nightmail.channels import EMAIL, SMS, VOICE
    from nightmail.demonstration.attention import PastSuspension

    return (
        PastSuspension(
            channel=SMS.name,
            team=NORTH,
            reason="The carrier announced maintenance of its German routes.",
            ago=6 * DAY,
            lasted=3 * HOUR,
        ),
        PastSuspension(channel=VOICE.name, team=HEALTH, reason="The recorded voice is being replaced.", ago=26 * HOUR),
        PastSuspension(
            channel=EMAIL.name,
            team=IBERIA,
            reason="Complaints after the last offer: look at the list first.",
            ago=4 * DAY,
            lasted=2 * DAY,
        ),
    )


def _doubts_of(campaign: CampaignRow, doubts: int, now: dt.datetime) -> PastAlert:
    from nightmail.demonstration.attention import PastAlert

    return PastAlert(
        reason="in_doubt",
        subject=f"campaign:{campaign.key}",
        message=f"{doubts} messages are in doubt: it is not known whether the carrier took them.",
        ago=now - campaign.created_at - dt.timedelta(minutes=12),
        times=2,
        team=campaign.team,
        campaign=campaign.id,
    )


def _alerts() -> tuple[PastAlert, ...]:
    from nightmail.demonstration.attention import PastAlert

    return (
        PastAlert(
            reason="feed_late",
            subject="feed:acme.operations/meter-readings:late",
            message="No file has come to the feed acme.operations/meter-readings since 05:00, and one was expected by 06:00.",
            ago=10 * DAY,
            open_for=2 * HOUR,
            times=3,
            team=OPERATIONS,
        ),
        PastAlert(
            reason="carrier_unavailable",
            subject="carrier:sandbox-email",
            message="The carrier account sandbox-email does not answer.",
            ago=5 * DAY,
            open_for=dt.timedelta(minutes=9),
            times=4,
        ),
        PastAlert(
            reason="carrier_error_unknown",
            subject="receipt:sandbox-sms:30999",
            message="sandbox-sms reports 30999 after the hand-off, which is not in the table of errors.",
            ago=19 * HOUR,
            times=2,
        ),
    )
