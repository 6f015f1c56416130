"""Which secrets prove carriers' webhooks: those of the active accounts, read again every few seconds."""

from __future__ import annotations

import datetime as dt
import logging
import time
from threading import Lock

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from nightmail.carriers.webhooks import WebhookSecret
from nightmail.errors import ConfigurationError
from nightmail.organisation.carrier_accounts import reporting_accounts
from nightmail.settings import read_secret
from nightmail.store.clock import database_time
from portal.problems import database_unavailable
from resources.carriers import CARRIERS

_log = logging.getLogger("nightmail.portal")

REFRESH_S = 10.0


class WebhookSecrets:
    """The webhook secrets of every active account, by carrier."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._secrets: dict[str, list[WebhookSecret]] = {}
        self._read_at = float("-inf")
        self._database_time = dt.datetime.now(dt.UTC)
        self._lock = Lock()

    def now(self) -> dt.datetime:
        """The database's time, as read a few seconds ago: this machine's own clock may be wrong."""
        return self._database_time + dt.timedelta(seconds=time.monotonic() - self._read_at)

    @property
    def stale(self) -> bool:
        """Whether it is time to read them again."""
        return time.monotonic() - self._read_at > REFRESH_S

    def refresh_when_stale(self) -> None:
        """Read them again when it is time; what is known stays while the database is away.

        Raises :class:`RequestError` (``database_unavailable``) when nothing is known yet.
        """
        with self._lock:
            if not self.stale:  # another request has just read them
                return
            try:
                self._refresh()
            except (OperationalError, PoolTimeoutError) as error:
                _log.error("carriers' accounts cannot be read: %s", type(error).__name__)
                if self._read_at == float("-inf"):
                    raise database_unavailable() from error
                put_off = time.monotonic() - REFRESH_S + 1.0
                self._database_time += dt.timedelta(seconds=put_off - self._read_at)
                self._read_at = put_off

    def refresh_after_failure(self) -> bool:
        """Read them again as a signature fits none, at most once a second; whether they were read."""
        with self._lock:
            if time.monotonic() - self._read_at < 1.0:
                return False
            self._refresh()
            return True

    def _refresh(self) -> None:
        with self._engine.connect() as connection:
            now = database_time(connection)
            accounts = reporting_accounts(connection)
        found: dict[str, list[WebhookSecret]] = {}
        for account in accounts:
            carrier = CARRIERS.of_account(account.carrier)
            if carrier is None or not carrier.webhooks:
                continue
            reference = account.webhook_secret or (account.secret if carrier.signs_with_secret else None)
            if reference is None:
                continue
            try:
                secret = read_secret(reference)
            except ConfigurationError as error:
                _log.error("webhooks of carrier account %d cannot be verified: %s", account.id, error)
                continue
            known = WebhookSecret(account.id, str(account.settings.get("account", "")), secret)
            found.setdefault(carrier.name, []).append(known)
        self._secrets = found
        self._read_at, self._database_time = time.monotonic(), now

    def of(self, carrier: str) -> list[WebhookSecret]:
        """The secrets of a carrier's accounts."""
        return self._secrets.get(carrier, [])
