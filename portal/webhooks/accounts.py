"""Which secrets prove a carrier's webhooks: those of the active accounts, read again every few seconds."""

from __future__ import annotations

import datetime as dt
import logging
import time
from dataclasses import dataclass
from threading import Lock

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from nightmail.errors import ConfigurationError
from nightmail.settings import read_secret
from nightmail.store.tables import CarrierAccount
from portal.problems import database_unavailable

_log = logging.getLogger("nightmail.portal")

REFRESH_S = 10.0


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """What proves the webhooks of one carrier account; ``account`` is its id at the carrier, where it has one."""

    account_id: int
    account: str
    secret: str


class CarrierAccounts:
    """The webhook secrets of every active account, by carrier (``twilio``, ``sendgrid``)."""

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
            database_time = connection.scalars(select(func.now())).one()
            rows = connection.execute(
                select(
                    CarrierAccount.id,
                    CarrierAccount.carrier,
                    CarrierAccount.settings,
                    CarrierAccount.secret,
                    CarrierAccount.webhook_secret,
                ).where(CarrierAccount.active)
            ).all()
        found: dict[str, list[WebhookSecret]] = {}
        for row in rows:
            # Twilio signs with the account's own auth token; others have a key for webhooks alone.
            reference = row.webhook_secret or (row.secret if row.carrier.startswith("twilio") else None)
            if reference is None:
                continue
            try:
                secret = read_secret(reference)
            except ConfigurationError as error:
                _log.error("webhooks of carrier account %d cannot be verified: %s", row.id, error)
                continue
            family = row.carrier.partition("_")[0]
            found.setdefault(family, []).append(WebhookSecret(row.id, str(row.settings.get("account", "")), secret))
        self._secrets = found
        self._read_at, self._database_time = time.monotonic(), database_time

    def secrets(self, carrier: str, account: str = "") -> list[WebhookSecret]:
        """The secrets of a carrier's accounts, that of ``account`` first."""
        secrets = self._secrets.get(carrier, [])
        return (
            sorted(secrets, key=lambda secret: secret.account != account) if account and len(secrets) > 1 else secrets
        )
