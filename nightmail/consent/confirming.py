"""Confirming a consent that was asked for, by the link in its message or by a word in answer to it."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from sqlalchemy import Connection, text

from nightmail.audit import write_entry
from nightmail.consent import consent_request_queries as queries
from nightmail.consent.consent_queries import LOCK_TEAM
from nightmail.consent.consent_requests import RequestRow, find_request, is_taken_back
from nightmail.consent.consents import ConsentGiven, consents_of, record_consents


class Confirmed(StrEnum):
    """What came of a confirmation."""

    NOW = "now"
    BEFORE = "before"
    """It was confirmed already: to do it again changes nothing."""
    OVER = "over"
    """It came too late."""
    WITHDRAWN = "withdrawn"
    """The contact has withdrawn since they were asked."""
    GONE = "gone"


def standing_of(connection: Connection, request: RequestRow | None) -> Confirmed | None:
    """What keeps a request from being confirmed; ``None`` where nothing does."""
    if request is None:
        return Confirmed.GONE
    stated = consents_of(connection, request.team, request.contact_id)
    if is_taken_back(stated, request.category, request.channel, request.asked_at):
        return Confirmed.WITHDRAWN
    if request.confirmed_at is not None:
        return Confirmed.BEFORE
    return Confirmed.OVER if request.over else None


def confirm(
    connection: Connection, request_id: int, *, by: str, came_from: str | None = None, reply_id: int | None = None
) -> Confirmed:
    """Record the consent that a request asked for, in the caller's transaction.

    ``by`` says how it was confirmed: ``link`` or ``word``. ``came_from`` is a keyed hash of the network address that did, and
    ``reply_id`` the reply.
    """
    before = find_request(connection, request_id)
    if before is None:
        return Confirmed.GONE
    connection.execute(text(LOCK_TEAM), {"team": before.team_id})
    connection.execute(text(queries.LOCK_REQUEST), {"id": request_id})
    request = find_request(connection, request_id)
    verdict = standing_of(connection, request)
    if verdict is not None or request is None:
        return verdict or Confirmed.GONE
    now = dt.datetime.now(dt.UTC)
    connection.execute(
        text(queries.CONFIRM),
        {"id": request_id, "at": now, "how": by, "came_from": came_from, "reply": reply_id},
    )
    told = f"request {request.id} to {request.masked}, confirmed by {by} {now:%Y-%m-%d %H:%M:%S} UTC"
    given = ConsentGiven(
        request.contact_id,
        request.category,
        request.asked_at,
        f"{request.asked_how}, confirmed by {by}",
        channel=request.channel,
        source=request.source,
        proof="; ".join(filter(None, (request.proof, told, f"reply {reply_id}" if reply_id else None))),
        text_id=request.text_id,
        expires_at=request.consent_expires_at,
        confirmed_at=now,
    )
    record_consents(connection, request.team_id, [given], actor="recipient")
    write_entry(
        connection,
        actor="recipient",
        action="consent.confirmed",
        subject=request.contact_id,
        team_id=request.team_id,
        detail={"request": request.id, "category": request.category, "by": by, "text": request.text_id},
    )
    return Confirmed.NOW
