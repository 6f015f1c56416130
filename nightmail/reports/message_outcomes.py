"""The messages of one campaign behind a number of its flow (:mod:`nightmail.reports.campaign_flow`), page by page."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.carriers.protocol import NOT_REACHED, REACHED
from nightmail.message_ids import campaign_keys, from_key, line_keys
from nightmail.reports import outcome_queries as queries
from nightmail.reports.campaign_flow import OUTCOMES, RECEIPTS
from nightmail.reports.campaign_messages import MessageRow

SEARCHED_AT_ONCE = 50_000
"""Messages that a page is searched for among: no page takes longer because a campaign is larger."""
FEW = 20_000
"""As many messages of a state as are sorted for a page, rather than searched for among all."""
_INDEXED = frozenset(("queued", "standby", "in_doubt", "failed", "held", "expired", "cancelled", "not_needed"))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeFilter:
    """Which messages are meant: on a channel, with one of ``OUTCOMES`` or ``RECEIPTS``, for a reason, of a line of the file.

    ``expected`` is how many there are, where that is known: few are found by an index.
    """

    channel: str | None = None
    outcome: str | None = None
    reason: str | None = None
    line: int | None = None
    expected: int | None = None

    @property
    def states(self) -> list[str] | None:
        """The states of the ledger that are meant; ``None``: all."""
        if self.outcome in RECEIPTS:
            return ["accepted"]
        found = OUTCOMES.get(self.outcome or "")
        return None if found is None else list(found)


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Messages that fit, and where to go on: ``None`` at the end of the campaign."""

    rows: list[MessageRow]
    next: int | None


def messages_of_outcome(
    connection: Connection, campaign: CampaignRow, wanted: OutcomeFilter, *, after: int | None = None, limit: int = 100
) -> MessagePage:
    """A page of the messages that are meant, in the order of the file's rows; ``after`` is a position.

    A page may have fewer rows than ``limit``, or none, and still say where to go on: no more than ``SEARCHED_AT_ONCE``
    messages are looked at for it.
    """
    if campaign.ledger_month is None:
        return MessagePage([], None)
    first, last = campaign_keys(campaign.id) if wanted.line is None else line_keys(campaign.id, wanted.line)
    states = wanted.states
    by_index = states is not None and _INDEXED.issuperset(states) and wanted.expected is not None
    by_index = by_index and (wanted.expected or 0) <= FEW
    values = {
        "id": campaign.id,
        "month": campaign.ledger_month,
        "first": first,
        "last": last,
        "after": -1 if after is None else after,
        "channel": wanted.channel,
        "states": states,
        "reason": wanted.reason,
        "delivery": wanted.outcome if wanted.outcome in RECEIPTS else None,
        "reached": sorted(REACHED),
        "not_reached": sorted(NOT_REACHED),
        "limit": limit + 1,
        "most": SEARCHED_AT_ONCE,
    }
    statement = queries.MESSAGES_OF_STATE if by_index else queries.MESSAGES_OF_OUTCOME
    rows = [
        MessageRow(id=str(from_key(row.position, campaign.token)), **row._mapping)
        for row in connection.execute(text(statement), values)
    ]
    if len(rows) > limit:
        return MessagePage(rows[:limit], rows[limit - 1].position)
    reached = None if by_index else connection.scalar(text(queries.END_OF_SEARCH), values)
    return MessagePage(rows, None if reached is None else int(reached))


def pace_now(connection: Connection, campaign_ids: list[int], seconds: int = 10) -> dict[int, float]:
    """Messages a second that campaigns handed off in the last ``seconds``; one that handed off none is left out.

    At most 100,000 messages are counted: a faster pace than that is shown as that.
    """
    rows = connection.execute(text(queries.PACE_NOW), {"ids": campaign_ids, "seconds": seconds, "most": 100_000})
    return {row.campaign_id: row.messages / seconds for row in rows}
