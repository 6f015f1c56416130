"""Replies that probably ask for an end, settled: by a person who read them, or by the recipient's own STOP or START."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, text

from nightmail.consent.suppressions import PROBABLE_OPT_OUT
from nightmail.privacy import AddressHash
from nightmail.receipts.queries import CLOSE_REPLY_ALERTS, LIFT_HOLDS, SETTLE_UNDECIDED


class ReplyDecision(StrEnum):
    """What a reply that probably asks for an end was found to be."""

    OPT_OUT = "opt_out"
    NO_OPT_OUT = "no_opt_out"


@dataclass(frozen=True, slots=True)
class Settled:
    """What was settled: the replies, and the teams that send from the number they were sent to."""

    replies: tuple[int, ...]
    teams: tuple[int, ...]


def settle_undecided(
    connection: Connection,
    *,
    address_hash: AddressHash,
    channel: str,
    sent_to: str | None,
    decision: ReplyDecision,
    actor: str,
    also_teams: Iterable[int] = (),
) -> Settled:
    """Settle a person's undecided replies to one number, and end what held marketing back meanwhile, and the alerts."""
    values = {
        "hash": address_hash,
        "channel": channel,
        "sent_to": sent_to,
        "decision": str(decision),
        "actor": actor,
    }
    rows = connection.execute(text(SETTLE_UNDECIDED), values).all()
    teams = sorted({*also_teams, *(team for row in rows for team in row.using_teams or ())})
    connection.execute(
        text(LIFT_HOLDS), {"hash": address_hash, "channel": channel, "reason": PROBABLE_OPT_OUT, "teams": teams}
    )
    connection.execute(text(CLOSE_REPLY_ALERTS), {"subjects": [f"reply:{row.id}" for row in rows]})
    return Settled(tuple(row.id for row in rows), tuple(teams))
