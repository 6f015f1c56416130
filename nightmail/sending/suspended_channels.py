"""Suspended channels: what becomes of due messages that no suspension lets go, as their team set it.

A team's setting ``when_suspended`` says ``wait`` (the default) or ``fall``, for all channels or by channel. Falling ends the
message (held, ``fell_to_next_channel``) and has the contact's next channel looked at, which takes over as after any other
message that was not sent. A message waits where there is no next channel that may be used, where it is being handed over, and
where any hand-off of it was ever in doubt: nobody is written to on two channels for one doubt.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from nightmail.audit import write_entry
from nightmail.campaigns.counts import mark_ledgers_changed
from nightmail.sending.queries import CAMPAIGNS_TO_FALL, FALL_TO_NEXT_CHANNEL, SUSPENDED_CHANNELS

CHUNK = 5_000
"""Messages that fall in one transaction, during which no suspension can be lifted."""


@dataclass(frozen=True, slots=True)
class SuspendedChannel:
    """A channel of a campaign with accounts that it might use, every one of which is suspended for it."""

    channel: str
    suspensions: tuple[int, ...]
    """The ids of those that stop it."""
    falls: bool
    """Whether its team lets messages fall to the next channel."""


def suspended_channels(connection: Connection, campaign_id: int) -> list[SuspendedChannel]:
    """The channels that a campaign may not use now because of suspensions, by name."""
    rows = connection.execute(text(SUSPENDED_CHANNELS), {"campaign": campaign_id})
    return [
        SuspendedChannel(row.channel, tuple(sorted({each for ids in row.stopped_by for each in ids})), row.falls)
        for row in rows
        if row.has_account and not row.usable
    ]


def fall_from_suspended(engine: Engine) -> int:
    """End due messages of suspended channels whose teams let them fall to the next one; returns how many.

    Killed at any point it leaves each message either waiting or ended with its next channel woken.
    """
    with engine.connect() as connection:
        campaigns = list(connection.scalars(text(CAMPAIGNS_TO_FALL)))
    fallen = 0
    for campaign_id in campaigns:
        of_campaign = 0
        while (now := _fall(engine, campaign_id)) > 0:
            of_campaign += now
        if of_campaign:
            mark_ledgers_changed(engine, [campaign_id])
        fallen += of_campaign
    return fallen


def _fall(engine: Engine, campaign_id: int) -> int:
    with engine.begin() as connection:
        # What is lifted meanwhile waits for this transaction: nothing falls after it.
        connection.execute(text("select id from suspension where lifted_at is null order by id for share"))
        channels = connection.execute(text(SUSPENDED_CHANNELS), {"campaign": campaign_id}).all()
        falling = [row.channel for row in channels if row.has_account and not row.usable and row.falls]
        if not falling:
            return 0
        unusable = [row.channel for row in channels if not row.usable and row.channel not in falling]
        fallen = connection.execute(
            text(FALL_TO_NEXT_CHANNEL),
            {"campaign": campaign_id, "falling": falling, "unusable": unusable, "chunk": CHUNK},
        ).scalar_one()
        if fallen:
            write_entry(
                connection,
                actor="senders",
                action="campaign.fell_to_next_channel",
                subject=channels[0].key,
                team_id=channels[0].team_id,
                detail={"messages": fallen, "channels": falling},
            )
        return int(fallen)
