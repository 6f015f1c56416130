"""What each campaign's messages add up to, compared with the ledger itself, and made again from it.

The ledger's triggers keep the sums (:class:`nightmail.store.tables.CampaignTally`); pages, the API and progress bars read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from nightmail.audit import write_entry
from nightmail.campaigns.queries import (
    CAMPAIGNS_WITH_LEDGER,
    CLEAR_TALLY,
    COUNT_AGAIN,
    KEEP_OUT_CHANGES,
    TALLY_DIFFERENCES,
)

COMPARED_AT_ONCE = 50
"""Campaigns that one statement compares."""


@dataclass(frozen=True, slots=True)
class WrongTally:
    """A campaign whose sums are not those of its messages."""

    campaign_id: int
    campaign: str
    messages: int
    """The number of messages in the ledger."""
    counted: int
    """The number that the sums have; the two may agree, and their states not."""


def wrong_tallies(connection: Connection, campaigns: Sequence[int]) -> list[WrongTally]:
    """Those of some campaigns whose sums are not what their messages add up to; reads their part of the ledger."""
    rows = connection.execute(text(TALLY_DIFFERENCES), {"ids": list(campaigns)})
    return [WrongTally(**row._mapping) for row in rows]


def compare_tallies(engine: Engine) -> list[WrongTally]:
    """The same of all campaigns whose month the ledger still has, some at a time: it reads the whole ledger."""
    found: list[WrongTally] = []
    after = 0
    while True:
        with engine.connect() as connection:
            ids = connection.scalars(text(CAMPAIGNS_WITH_LEDGER), {"after": after, "limit": COMPARED_AT_ONCE}).all()
            if not ids:
                return found
            found += wrong_tallies(connection, ids)
        after = ids[-1]


def newest_wrong_tallies(connection: Connection, campaigns: int, messages: int) -> list[WrongTally]:
    """Those of the newest campaigns whose sums are wrong: at most ``campaigns``, with at most ``messages`` messages together."""
    ids = connection.scalars(
        text("select id from campaign where loaded_at is not null order by id desc limit :limit"), {"limit": campaigns}
    ).all()
    sizes = connection.execute(
        text(
            "select campaign_id, sum(messages)::bigint as messages from campaign_tally "
            "where campaign_id = any(:ids) group by campaign_id"
        ),
        {"ids": list(ids)},
    )
    known = {row.campaign_id: row.messages for row in sizes}
    chosen, left = [], messages
    for each in ids:
        left -= known.get(each, 0)
        if left >= 0:
            chosen.append(each)
    return wrong_tallies(connection, chosen)


def rebuild_tally(connection: Connection, campaign_id: int, *, actor: str) -> None:
    """Count a campaign's messages again. What would change them waits until the caller commits."""
    connection.execute(text(KEEP_OUT_CHANGES))
    connection.execute(text(CLEAR_TALLY), {"id": campaign_id})
    connection.execute(text(COUNT_AGAIN), {"id": campaign_id})
    write_entry(connection, actor=actor, action="campaign.counted_again", subject=f"campaign:{campaign_id}")
