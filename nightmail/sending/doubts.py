"""Messages in doubt: accepted where a receipt proves them, alerted where nothing settles them.

A message is in doubt when its sender died between intent and outcome, or when the carrier's answer was lost or said
nothing. It is settled by receipts (here and in :mod:`nightmail.receipts`), by the carrier's records
(:mod:`nightmail.sending.doubt_lookup`) or by a person (:mod:`nightmail.sending.doubt_decisions`), who finds it by
:mod:`nightmail.sending.doubt_lists`; never by sending it again blindly.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.alerts import raise_alert
from nightmail.campaigns.campaign_rows import find_campaign, get_campaign
from nightmail.campaigns.transitions import move_campaign
from nightmail.sending.queries import (
    ACCEPT_PROVEN,
    FAIL_DOUBTS_OF_SANDBOX,
    OLD_DOUBTS,
    QUEUE_DOUBT_AGAIN,
    SETTLE_ATTEMPT,
    WAKE_STANDBY,
)
from nightmail.store.states import CampaignState

SETTLE_AFTER_S = 600
"""After so long without proof a message stays in doubt until a person decides, and its campaign may finish."""


def accept_proven(connection: Connection, *, sender_run_id: int | None = None) -> Sequence[int]:
    """Accept messages in doubt of which a receipt has come: the carrier has them.

    Of one sender run, or (``None``) of all. Returns the campaign of each.
    """
    return connection.scalars(text(ACCEPT_PROVEN), {"run": sender_run_id}).all()


def fail_doubts_of_sandbox(connection: Connection) -> list[int]:
    """Settle what is in doubt at an account of the sandbox that is off: it reached nobody, and is not sent again.

    Returns the campaign of each.
    """
    rows = connection.execute(text(FAIL_DOUBTS_OF_SANDBOX)).all()
    for row in rows:
        settle_attempt(connection, row.month, row.key, row.attempts, "rejected")
    return [row.campaign_id for row in rows]


def alert_old_doubts(engine: Engine) -> int:
    """Raise an alert for each campaign with messages in doubt that nothing settled; returns the number of messages."""
    with engine.begin() as connection:
        rows = connection.execute(text(OLD_DOUBTS), {"settle": SETTLE_AFTER_S}).all()
        for row in rows:
            campaign = find_campaign(connection, int(row.campaign_id))
            raise_alert(
                connection,
                reason="in_doubt",
                subject=f"campaign:{campaign.key if campaign else row.campaign_id}",
                message=f"{f'{row.messages} messages are' if row.messages > 1 else '1 message is'} in doubt: "
                "it is not known whether the carrier took them.",
                team_id=campaign.team_id if campaign else None,
                campaign_id=campaign.id if campaign else None,
                again=False,
            )
    return sum(int(row.messages) for row in rows)


# --- Steps of settling a doubt, for the carrier's records and for people's decisions alike ----------------------------


def settle_attempt(
    connection: Connection, month: dt.date, key: int, number: int, outcome: str, carrier_id: str | None = None
) -> None:
    """Give the attempt ``number`` of a message its outcome, and the carrier's id where it is known."""
    connection.execute(
        text(SETTLE_ATTEMPT),
        {"outcome": outcome, "carrier_id": carrier_id, "month": month, "key": key, "number": number},
    )


def wake_standby(connection: Connection, month: dt.date, key: int) -> None:
    """Have the contact's next channels looked at now, since something became of this one."""
    connection.execute(text(WAKE_STANDBY), {"month": month, "key": key})


def queue_again(connection: Connection, month: dt.date, key: int, campaign_id: int, *, actor: str) -> bool:
    """Queue a message in doubt for another hand-off; whether it was in doubt still. A finished campaign sends again."""
    row = connection.execute(text(QUEUE_DOUBT_AGAIN), {"month": month, "key": key}).first()
    if row is None:
        return False
    settle_attempt(connection, month, key, row.attempts, "retry_later")
    if get_campaign(connection, campaign_id).state == CampaignState.FINISHED:
        move_campaign(
            connection, campaign_id, CampaignState.SENDING, actor=actor, detail={"because": "a message is sent again"}
        )
    return True
