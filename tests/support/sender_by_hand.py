"""A sender whose every step a test takes by hand: it claims, and stores what the test says that the carrier answered."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from nightmail.campaigns.campaign_routes import routes_of
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.carriers.protocol import OutgoingMessage
from nightmail.organisation.routes import Route
from nightmail.organisation.sent_from import with_sent_from
from nightmail.organisation.teams import team_ids_upwards
from nightmail.sending.intents import CampaignInHand, Content, Intent, claim
from nightmail.sending.outcome_storage import StoredOutcome, store_outcomes
from nightmail.sending.sender_runs import SenderRun, begin_sender_run
from nightmail.store.engine import libpq_url
from tests.support.sending_rig import Organisation


class SenderByHand:
    """A sender's connection and what it has in hand; closing the connection kills it."""

    def __init__(self, organisation: Organisation) -> None:
        self.organisation = organisation
        self.connection = psycopg.connect(libpq_url(organisation.engine), autocommit=True)
        self._run = begin_sender_run(self.connection, None, "here", 1)
        self.run = self._run.id
        self.in_hand: list[Intent] = []

    def claim(
        self, campaign: CampaignRow, channel: str = "sms", limit: int = 10, *, has_standby: bool = False
    ) -> list[Intent]:
        """Intents of due messages, committed; they are in nobody's hand yet."""
        return claim_by_hand(
            self.organisation, self.connection, self._run, campaign, channel, limit, has_standby=has_standby
        )

    def store(self, *outcomes: StoredOutcome) -> None:
        """Write outcomes."""
        store_outcomes(self.connection, outcomes, time.monotonic())


def claim_by_hand(
    organisation: Organisation,
    connection: psycopg.Connection[Any],
    run: SenderRun,
    campaign: CampaignRow,
    channel: str = "sms",
    limit: int = 10,
    *,
    has_standby: bool = False,
    taken_at: float | None = None,
) -> list[Intent]:
    """Intents of due messages of a campaign, committed in a run's name."""
    with organisation.engine.begin() as own:
        row = organisation.read(campaign)
        route = with_sent_from(own, routes_of(own, row, channel))[0]
        in_hand = CampaignInHand(row, team_ids_upwards(own, row.team), has_standby, False)
    return claim(
        connection,
        in_hand,
        route,
        sender_run_id=run.id,
        epoch=run.epoch,
        timeline=run.timeline,
        limit=limit,
        taken_at=time.monotonic() if taken_at is None else taken_at,
        compose=_compose,
    ).intents


def _compose(_: CampaignInHand, __: Route, contents: list[Content]) -> list[OutgoingMessage]:
    return [OutgoingMessage(each.message_id, each.address, each.body) for each in contents]
