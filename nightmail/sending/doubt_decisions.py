"""What a person decides about messages in doubt that neither receipts nor the carrier's records have settled."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from nightmail.audit import write_entry
from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.campaigns.transitions import wrong_state
from nightmail.errors import UsageError
from nightmail.message_ids import parse_message_id
from nightmail.sending.doubts import queue_again, settle_attempt, wake_standby
from nightmail.sending.queries import DOUBTS_OF_CAMPAIGN, SETTLE_DOUBT
from nightmail.store.states import CampaignState


class Decision(StrEnum):
    """What a person decides about a message in doubt."""

    ACCEPTED = "accepted"
    """The carrier has it."""
    FAILED = "failed"
    """It was not sent, and will not be."""
    RESEND = "resend"
    """The carrier certainly does not have it: hand it off again."""


def decide(engine: Engine, message_id: str, decision: Decision, *, actor: str, why: str | None = None) -> None:
    """Carry out a person's decision about one message in doubt, with an audit entry, which keeps ``why``.

    Raises :class:`nightmail.errors.UsageError` (``message_unknown``, ``message_not_in_doubt``, ``campaign_state``,
    ``text_deleted``).
    """
    try:
        parsed = parse_message_id(message_id)
    except ValueError:
        raise UsageError("message_unknown", value=message_id) from None
    with engine.begin() as connection:
        campaign = connection.execute(
            text("select id, key, team_id, ledger_month, state from campaign where token = :token"),
            {"token": parsed.token},
        ).first()
        if campaign is None or campaign.ledger_month is None:
            raise UsageError("message_unknown", value=message_id)
        key = parsed.key(campaign.id)
        message = connection.execute(
            text("select state, attempts from message where ledger_month = :month and message_key = :key for update"),
            {"month": campaign.ledger_month, "key": key},
        ).first()
        if message is None:
            raise UsageError("message_unknown", value=message_id)
        if message.state != "in_doubt":
            raise UsageError("message_not_in_doubt", value=message_id, state=message.state.replace("_", " "))
        if decision is Decision.RESEND:
            _resend(connection, campaign, key, actor)
        else:
            _settle(connection, campaign, key, message.attempts, decision)
        write_entry(
            connection,
            actor=actor,
            action=f"message.decided_{decision}",
            subject=message_id,
            team_id=campaign.team_id,
            detail={"campaign": campaign.key, **({"why": why} if why else {})},
        )


def _resend(connection: Connection, campaign: Row[Any], key: int, actor: str) -> None:
    if campaign.state in ("cancelled", "stopped"):
        raise wrong_state(campaign.key, CampaignState(campaign.state), "nothing of it is sent any more")
    if not connection.scalar(
        text("select exists (select from message_content where ledger_month = :month and message_key = :key)"),
        {"month": campaign.ledger_month, "key": key},
    ):
        raise UsageError("text_deleted")
    queue_again(connection, campaign.ledger_month, key, campaign.id, actor=actor)


def _settle(connection: Connection, campaign: Row[Any], key: int, attempts: int, decision: Decision) -> None:
    month = campaign.ledger_month
    connection.execute(text(SETTLE_DOUBT), {"state": str(decision), "month": month, "key": key})
    outcome = "accepted" if decision is Decision.ACCEPTED else "rejected"
    settle_attempt(connection, month, key, attempts, outcome)
    wake_standby(connection, month, key)
    connection.execute(text("update campaign set ledger_changed_at = now() where id = :id"), {"id": campaign.id})


def decide_campaign(
    engine: Engine,
    campaign: str | int,
    decision: Decision,
    *,
    actor: str,
    why: str | None = None,
    limit: int | None = None,
) -> int:
    """Carry out one decision about every message in doubt of a campaign, or ``limit`` of them, such as after a restore.

    Returns how many were decided. Raises what :func:`decide` does, but for messages that were settled meanwhile.
    """
    with engine.connect() as connection:
        found = get_campaign(connection, campaign)
        message_ids = connection.scalars(
            text(DOUBTS_OF_CAMPAIGN), {"token": found.token, "id": found.id, "limit": limit}
        ).all()
    done = 0
    for message_id in message_ids:
        try:
            decide(engine, message_id, decision, actor=actor, why=why)
        except UsageError as error:
            if error.reason != "message_not_in_doubt":
                raise
            continue
        done += 1
    return done
