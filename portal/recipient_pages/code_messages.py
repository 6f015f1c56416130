"""Messages of no campaign to a recipient's address, over the team's own account, at the carrier's pace: codes, and requests for
consents (:mod:`portal.recipient_pages.asking`).

Each is worth something now, and is handed off at once, in threads of its own. It is in no ledger, so a hand-off whose outcome is
not known is never repeated: somebody asks for another one. Opt-outs do not stop a code, since it is what they are changed with; an
address that does not work, or that somebody has blocked by hand, gets none.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection, Engine

from nightmail.campaigns.suspensions import list_suspensions
from nightmail.carriers.protocol import Outcome, OutgoingMessage
from nightmail.channels import CHANNELS, BodyKind
from nightmail.consent.address_codes import keep_outcome
from nightmail.consent.suppressions import ASKED_FOR, PROBABLE_OPT_OUT, suppressions_of
from nightmail.consent.unsubscribing import Subscription
from nightmail.errors import NightmailError
from nightmail.organisation.routes import Route, routes_of_team
from nightmail.organisation.teams import team_ids_upwards
from nightmail.sending.pace import take
from resources.carrier_settings import carrier_settings
from resources.carriers import CARRIERS

WAITING = 100
"""Codes that wait for their hand-off at the most; one more is refused."""
THREADS = 2
PACE_WAIT_S = 10.0
"""For how long a code waits for its turn at the carrier."""
_log = logging.getLogger("nightmail.portal")


class Sent(StrEnum):
    """What became of a message."""

    YES = "accepted"
    NO = "not_sent"
    """The carrier or the pace did not let it go, for certain."""
    NOBODY_KNOWS = "in_doubt"


KeepOutcome = Callable[[Connection, int, str], None]


@dataclass(frozen=True, slots=True)
class OwnMessage:
    """A message of no campaign: what it is of, over which route, and its words."""

    number: int
    """Of the code or the request that it is of, for which ``keep`` keeps the outcome."""
    route: Route
    address: str = field(repr=False)
    subject: str = field(repr=False)
    body: str = field(repr=False)
    language: str
    keep: KeepOutcome = keep_outcome
    name: str | None = None
    """By which carriers know it, where it is known by more than chance."""


class CodeMessages:
    """Hands such messages off."""

    def __init__(self, engine: Engine, public_url: str | None) -> None:
        self._engine = engine
        self._public_url = public_url
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="address-codes")
        self._places = threading.BoundedSemaphore(WAITING)

    def send(self, message: OwnMessage) -> Future[Sent] | None:
        """Hand a message off soon; ``None`` where too many wait."""
        if not self._places.acquire(blocking=False):
            _log.error("A message was not sent: too many wait")
            return None
        return self._threads.submit(self._send, message)

    def close(self) -> None:
        """Hand off what waits, and end."""
        self._threads.shutdown(wait=True)

    def _send(self, message: OwnMessage) -> Sent:
        sent = Sent.NOBODY_KNOWS
        try:
            sent = self._hand_off(message) if self._has_turn(message.route) else Sent.NO
            with self._engine.begin() as connection:
                message.keep(connection, message.number, sent)
        except NightmailError as error:
            _log.error("A message was not sent: %s", error)
            sent = Sent.NO
        except Exception:
            _log.exception("A message was not sent, or its outcome not kept")
        finally:
            self._places.release()
        return sent

    def _has_turn(self, route: Route) -> bool:
        """Wait for the route's pace, which all processes share."""
        until = time.monotonic() + PACE_WAIT_S
        while True:
            with self._engine.begin() as connection:
                grant = take(connection.connection.driver_connection, route, 1)  # type: ignore[arg-type]
            if grant.units:
                return True
            wait_s = max(grant.wait_s, 0.05)
            if time.monotonic() + wait_s > until:
                return False
            time.sleep(wait_s)

    def _hand_off(self, message: OwnMessage) -> Sent:
        route = message.route
        carrier = CARRIERS.build(carrier_settings(route.account, self._public_url))
        is_email = CHANNELS[route.account.channel].body is BodyKind.EMAIL
        outgoing = OutgoingMessage(
            message.name or f"code-{secrets.token_hex(12)}",
            message.address,
            message.body,
            subject=message.subject if is_email else None,
            sender=route.sender,
            sender_name=route.sender_name if is_email else None,
            reply_to=route.reply_to if is_email else None,
            language=message.language,
        )
        try:
            (made,) = carrier.hand_off([outgoing])
        finally:
            carrier.close()
        if made.outcome is Outcome.ACCEPTED:
            return Sent.YES
        meaning = made.error.meaning if made.error else made.outcome
        _log.error("A message was not taken by %s: %s", route.account.name, meaning)
        return Sent.NOBODY_KNOWS if made.outcome is Outcome.IN_DOUBT else Sent.NO


def code_route(connection: Connection, subscription: Subscription, address: str) -> Route | None:
    """The route that a code takes to the ``address`` of a message: that of the message's channel, else of one that is written
    and shares the address; ``None`` where the team has none that is not suspended."""
    of_address = CHANNELS.for_emails() if "@" in address else CHANNELS.for_numbers()
    channels = [name for name in of_address if CHANNELS[name].body is not BodyKind.SPEECH]
    ordered = sorted(channels, key=lambda name: name != subscription.channel)
    found = (open_route(connection, subscription.path, channel) for channel in ordered)
    return next(filter(None, found), None)


def open_route(connection: Connection, team: str, channel: str) -> Route | None:
    """The first route of a team's messages on a channel that no suspension stops."""
    teams = team_ids_upwards(connection, team)
    suspensions = list_suspensions(connection)
    routes = routes_of_team(connection, team, channel)
    return next((route for route in routes if not any(each.stops(route, teams) for each in suspensions)), None)


def may_be_written_to(connection: Connection, subscription: Subscription) -> bool:
    """Whether a code may go to the address: no bounce and nobody's hand stands against it. Opt-outs do not count."""
    in_force = suppressions_of(connection, subscription.address_hash, team=subscription.path)
    return all(each.reason in ASKED_FOR or each.reason == PROBABLE_OPT_OUT for each in in_force)
