"""A sender whose every step a test takes by hand: it claims, and stores what the test says that the carrier answered."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from nightmail.campaigns.campaign_routes import routes_of
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.carriers.protocol import OutgoingMessage
from nightmail.organisation.routes import Route, team_ids_upwards
from nightmail.sending.intents import CampaignInHand, Intent, claim
from nightmail.sending.outcome_storage import StoredOutcome, store_outcomes
from nightmail.sending.sender_runs import begin_sender_run
from nightmail.store.engine import libpq_url
from tests.support.sending_rig import Organisation


class SenderByHand:
    """A sender's connection and what it has in hand; closing the connection kills it."""

    def __init__(self, organisation: Organisation) -> None:
        self.organisation = organisation
        self.connection = psycopg.connect(libpq_url(organisation.engine), autocommit=True)
        self.run, self.epoch = begin_sender_run(self.connection, None, "here", 1)
        self.in_hand: list[Intent] = []

    def claim(
        self, campaign: CampaignRow, channel: str = "sms", limit: int = 10, *, has_standby: bool = False
    ) -> list[Intent]:
        """Intents of due messages, committed; they are in nobody's hand yet."""
        with self.organisation.engine.connect() as reading:
            row = self.organisation.read(campaign)
            route = routes_of(reading, row, channel)[0]
            in_hand = CampaignInHand(row, team_ids_upwards(reading, row.team), has_standby, False)
        intents, _ = claim(
            self.connection, in_hand, route, sender_run_id=self.run, epoch=self.epoch, limit=limit,
            taken_at=time.monotonic(), compose=_compose,
        )  # fmt: skip
        return intents

    def store(self, *outcomes: StoredOutcome) -> None:
        """Write outcomes."""
        store_outcomes(self.connection, outcomes, time.monotonic())


def _compose(_: CampaignInHand, __: Route, rows: list[Any]) -> list[OutgoingMessage]:
    return [OutgoingMessage(row[0], row[2], row[4]) for row in rows]
