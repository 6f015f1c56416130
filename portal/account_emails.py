"""Emails to the people of the portal: links and notices, over an email account of the organisation's own.

They are handed off in a thread of their own, after the request was answered: how long that takes tells nobody whether there was
anything to send. They are no campaign's, so they are in no ledger: a link that does not arrive is asked for again.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine

from nightmail.carriers.protocol import Outcome, OutgoingMessage
from nightmail.channels import EMAIL
from nightmail.errors import ConfigurationError, NightmailError
from nightmail.organisation.carrier_accounts import CarrierAccountRow, carrier_accounts
from resources.carrier_settings import carrier_settings
from resources.carriers import CARRIERS

WAITING = 500
"""Emails that wait at the most; one more is refused and logged."""
_log = logging.getLogger("nightmail.portal")


@dataclass(frozen=True, slots=True)
class PersonEmail:
    """One email to a person, as plain text."""

    address: str = field(repr=False)
    subject: str
    body: str = field(repr=False)
    language: str = "en"


class AccountEmails:
    """Hands emails to people off, one after the other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="account-emails")
        self._places = threading.BoundedSemaphore(WAITING)

    def work(self, connection: Connection) -> bool:
        """Whether emails reach people: an account is active, not the sandbox's, has its secret and says what it sends from."""
        account = _account(connection)
        if account is None:
            return False
        try:
            carrier_settings(account)
        except ConfigurationError:
            return False
        return True

    def send_now(self, email: PersonEmail) -> bool:
        """Hand an email off while its sender waits; whether the carrier took it for certain."""
        try:
            return self._hand_off(email)
        except NightmailError as error:
            _log.error("An email to a person was not sent: %s", error)
            return False

    def send(self, email: PersonEmail) -> None:
        """Hand an email off soon."""
        self.do(lambda: email)

    def do(self, write: Callable[[], PersonEmail | None]) -> None:
        """Have an email written and handed off soon: what it takes to write it is no part of the request either."""
        if not self._places.acquire(blocking=False):
            _log.error("An email to a person was not sent: too many wait")
            return
        self._thread.submit(self._do, write)

    def close(self) -> None:
        """Hand off what waits, and end."""
        self._thread.shutdown(wait=True)

    def _do(self, write: Callable[[], PersonEmail | None]) -> None:
        try:
            email = write()
            if email is not None:
                self._hand_off(email)
        except NightmailError as error:
            _log.error("An email to a person was not sent: %s", error)
        except Exception:
            _log.exception("An email to a person was not sent")
        finally:
            self._places.release()

    def _hand_off(self, email: PersonEmail) -> bool:
        with self._engine.connect() as connection:
            account = _account(connection)
        if account is None:
            _log.warning("An email to a person was not sent: no email account works")
            return False
        carrier = CARRIERS.build(carrier_settings(account))
        message = OutgoingMessage(
            f"account-{secrets.token_hex(12)}", email.address, email.body, email.subject, language=email.language
        )
        try:
            (made,) = carrier.hand_off([message])
        finally:
            carrier.close()
        if made.outcome is not Outcome.ACCEPTED:
            said = made.error.meaning if made.error else made.outcome
            _log.error("An email to a person was not taken by %s: %s", account.name, said)
        return made.outcome is Outcome.ACCEPTED


def _account(connection: Connection) -> CarrierAccountRow | None:
    """The account to send by: the organisation's own, by priority, never the sandbox's."""
    for account in carrier_accounts(connection, EMAIL.name):
        if account.settings.get("sandbox") is not True and account.settings.get("sender"):
            return account
    return None
