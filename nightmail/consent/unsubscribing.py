"""Opting out by the link in a message, and taking it back: what the pages behind ``unsubscribe_url`` do.

The link proves which message it came in (:mod:`nightmail.privacy.signed_links`); the ledger says to which address that went.
Senders look at suppressions at each hand-off, so an opt-out holds from the next one on, even for messages that are
rendered and waiting.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow.compute as pc
from sqlalchemy import Connection, text

from nightmail.audit import write_entry
from nightmail.consent.queries import CAMPAIGN_OF_LINK, HAS_LINK_OPT_OUTS, LIFT_LINK_OPT_OUTS, MESSAGE_OF_LINK
from nightmail.consent.suppressions import OPTED_OUT, record_suppressions
from nightmail.lake import Lake
from nightmail.message_ids import MessageId
from nightmail.privacy import AddressHash, address_hash_of

SOURCE = "unsubscribe_link"
TAKEN_BACK_FOR = dt.timedelta(hours=1)
"""For how long a link takes back what a link did."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What the recipient of a message can opt out of: its category, or everything of the team, on its channel."""

    message_id: str
    campaign: str
    team_id: int
    path: str
    """The team's."""
    team: str
    """What it is called."""
    category: str
    channel: str
    language: str | None
    address_hash: AddressHash = field(repr=False)
    contact_id: str = field(repr=False)
    address: str | None = field(default=None, repr=False)
    """As long as the message's content is kept."""


def find_subscription(connection: Connection, message_id: MessageId, lake: Lake) -> Subscription | None:
    """What the message's recipient is subscribed to; ``None`` when the message is not known, or no longer.

    The ledger is asked first. Retention deletes it before the lake's ``sends``, which refer to addresses by hash too.
    """
    campaign = connection.execute(text(CAMPAIGN_OF_LINK), {"token": message_id.token}).first()
    if campaign is None:
        return None
    key = {"month": campaign.ledger_month, "key": message_id.key(campaign.id)}
    message = connection.execute(text(MESSAGE_OF_LINK), key).first()
    if message is not None:
        found = _Recipient(message.address_hash, message.contact_id, message.language, message.address)
    elif (kept := _in_lake(lake, campaign.key, str(message_id))) is not None:
        found = kept
    else:
        return None
    return Subscription(
        str(message_id),
        campaign.key,
        campaign.team_id,
        campaign.path,
        campaign.team,
        campaign.category,
        message_id.channel,
        found.language,
        found.address_hash,
        found.contact_id,
        found.address,
    )


def is_known_campaign(connection: Connection, message_id: MessageId) -> bool:
    """Whether the campaign that a message's id names is known: where its message is not, the recipient was forgotten."""
    return connection.execute(text(CAMPAIGN_OF_LINK), {"token": message_id.token}).first() is not None


class _Recipient(NamedTuple):
    address_hash: AddressHash
    contact_id: str
    language: str | None = None
    address: str | None = None


def _in_lake(lake: Lake, campaign: str, message_id: str) -> _Recipient | None:
    table = lake.table("sends", campaign)
    if not table.exists():
        return None
    for block in table.blocks(["message_id", "address_hash", "contact_id"]):
        found = block.filter(pc.equal(block["message_id"], message_id))
        if found.num_rows:
            return _Recipient(address_hash_of(found["address_hash"][0].as_py()), found["contact_id"][0].as_py())
    return None


def unsubscribe(connection: Connection, subscription: Subscription, *, everything: bool = False) -> bool:
    """Suppress the address for the message's category, or for everything of the team; whether that was new.

    A second click changes nothing.
    """
    category = None if everything else subscription.category
    done = record_suppressions(
        connection,
        [(subscription.channel, subscription.address_hash)],
        team_id=subscription.team_id,
        category=category,
        reason=OPTED_OUT,
        source=SOURCE,
        message_id=subscription.message_id,
    )
    if done:
        _audit(connection, "recipient.unsubscribed", subscription, category)
    return bool(done)


def subscribe_again(connection: Connection, subscription: Subscription) -> bool:
    """Take back opt-outs that a link made of late for this address and team; whether none that a link made stands now.

    To undo a slip the link is enough. Later, whoever holds a forwarded message could have messages sent again: that takes
    a code to the address (:mod:`nightmail.consent.own_choices`).
    What a complaint, a bounce or the word STOP suppressed stays: a link does not undo those.
    """
    values = {
        "team": subscription.team_id,
        "channel": subscription.channel,
        "hash": subscription.address_hash,
        "source": SOURCE,
        "within": TAKEN_BACK_FOR,
    }
    if connection.execute(text(LIFT_LINK_OPT_OUTS), values).rowcount:
        _audit(connection, "recipient.subscribed_again", subscription, None)
    return not connection.scalar(text(HAS_LINK_OPT_OUTS), values)


def _audit(connection: Connection, action: str, subscription: Subscription, category: str | None) -> None:
    write_entry(
        connection,
        actor="recipient",
        action=action,
        subject=subscription.message_id,
        team_id=subscription.team_id,
        detail={"channel": subscription.channel, "category": category},
    )
