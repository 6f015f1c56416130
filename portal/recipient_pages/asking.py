"""Asking a contact for a consent: the request is written down, then its one message is handed off.

The same for a command, the API and a page; what may be asked is decided by :mod:`nightmail.consent.consent_requests`.
"""

from __future__ import annotations

from concurrent.futures import TimeoutError as WaitOver
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from nightmail.channels import CHANNELS, BodyKind
from nightmail.consent.confirm_words import shown_word
from nightmail.consent.consent_requests import (
    Asked,
    ConsentAsked,
    RequestRow,
    ask_for_consent,
    keep_outcome,
)
from nightmail.errors import UsageError
from nightmail.organisation.double_opt_in import double_opt_in
from nightmail.organisation.sent_from import sent_from
from nightmail.organisation.teams import team_name, team_paths
from nightmail.privacy.signed_links import Purpose, link_address, request_token
from portal.recipient_pages.code_messages import CodeMessages, OwnMessage, Sent, open_route
from portal.recipient_pages.consent_words import CONFIRMING, confirming_words
from portal.recipient_pages.look import look_of
from portal.recipient_pages.topic_words import topic_label


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of asking."""

    request: RequestRow | None
    """``None`` where the consent is in force already."""
    sent: Sent | None = None
    """What became of the message that is handed off now; ``None`` where none is, or nothing is known yet."""
    is_new: bool = False


def ask(
    engine: Engine,
    messages: CodeMessages,
    team_id: int,
    asked: ConsentAsked,
    *,
    base_url: str | None,
    key: bytes,
    actor: str,
    wait_s: float = 0.0,
) -> Outcome:
    """Ask a contact of a team's book for a consent, and wait so long at the most for what becomes of the message.

    Raises what :func:`ask_for_consent` does, and :class:`UsageError` (``consent_ask_no_link``).
    """
    if not base_url:
        raise UsageError("consent_ask_no_link")
    with engine.begin() as connection:
        team = team_paths(connection, [team_id])[team_id]
        name = look_of(connection, team, team_name(connection, team_id)).name
        made = ask_for_consent(
            connection,
            team_id,
            asked,
            find_route=lambda channel: open_route(connection, team, channel),
            shown={language: _words(language, name, asked.category)["agreement"] for language in CONFIRMING},
            key=key,
            actor=actor,
        )
        message = _message(connection, made, name, base_url, key)
    if message is None:
        return Outcome(made.request)
    sending = messages.send(message)
    if sending is None:
        with engine.begin() as connection:
            keep_outcome(connection, message.number, Sent.NO)
        return Outcome(made.request, Sent.NO, is_new=True)
    try:
        return Outcome(made.request, sending.result(wait_s), is_new=True)
    except WaitOver:
        return Outcome(made.request, is_new=True)


def takes_word(channel: str, own: str) -> bool:
    """Whether an answer can confirm: to a number, which a text can be sent to, and whose carrier vouches for who wrote."""
    kind = CHANNELS[channel]
    return kind.takes_numbers and kind.body is BodyKind.TEXT and own.lstrip("+").isdigit()


def _message(connection: Connection, made: Asked, name: str, base_url: str, key: bytes) -> OwnMessage | None:
    request, route = made.request, made.route
    if request is None or route is None or made.address is None:
        return None
    words = _words(request.language, name, request.category)
    link = link_address(base_url, request_token(request.id, key), Purpose.CONFIRM)
    parts = [words["message"].replace("{link}", link)]
    if takes_word(request.sent_on, sent_from(route).address):
        own = double_opt_in(connection, request.team).words.get(request.language)
        parts.append(words["message_word"].replace("{word}", shown_word(request.language, own)))
    parts.append(words["message_end"])
    between = "\n\n" if CHANNELS[request.sent_on].body is BodyKind.EMAIL else " "
    return OwnMessage(
        request.id,
        route,
        made.address,
        words["message_subject"],
        between.join(parts),
        request.language,
        keep=keep_outcome,
        name=request.message_name,
    )


def _words(language: str, team: str, category: str) -> dict[str, str]:
    return confirming_words(language, team=team, topic=topic_label(language, category))
