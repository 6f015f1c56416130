"""One-time codes of an authenticator app (TOTP, RFC 6238): six digits, new every thirty seconds.

A code is taken once, and one step before and after the present one, for clocks that differ a little. The secret is sealed:
the database alone cannot make codes.
"""

from __future__ import annotations

import datetime as dt
import hmac
from dataclasses import dataclass

from sqlalchemy import Connection, select, text

from nightmail.access.login_queries import SET_TOTP, USE_TOTP_STEP
from nightmail.errors import UsageError
from nightmail.privacy.sealing import seal, unseal
from nightmail.store.clock import database_time
from nightmail.store.tables import Person

STEP_S = 30
STEPS_AROUND = 1
_PURPOSE = "one-time codes"


@dataclass(frozen=True, slots=True)
class NewSecret:
    """What an app needs: the key to type, and the address that the QR code holds."""

    key: str
    address: str


def new_secret(email: str, issuer: str = "Nightmail") -> NewSecret:
    """A secret of 160 random bits, as RFC 4226 recommends, in base32."""
    import pyotp

    key = pyotp.random_base32()
    return NewSecret(key, secret_address(key, email, issuer))


def secret_address(key: str, email: str, issuer: str = "Nightmail") -> str:
    """The ``otpauth://`` address of a secret."""
    import pyotp

    return pyotp.TOTP(key).provisioning_uri(name=email, issuer_name=issuer)


def sealed_secret(key_text: str, person_id: int, key: bytes) -> bytes:
    """The secret as it is kept, of one person and no other."""
    return seal(key_text.encode(), key, _PURPOSE, f"person:{person_id}")


def opened_secret(sealed: bytes, person_id: int, key: bytes) -> str | None:
    """The secret that was sealed; ``None`` where it cannot be opened: the deployment's key has changed."""
    opened = unseal(sealed, key, _PURPOSE, f"person:{person_id}")
    return None if opened is None else opened.decode()


def set_secret(
    connection: Connection, person_id: int, secret: str, code: str, *, key: bytes, now: dt.datetime | None = None
) -> None:
    """Give a person this secret, once ``code`` shows that their app has it. Raises :class:`UsageError` (``code_wrong``)."""
    now = now or database_time(connection)
    step = _step_of(secret, code, now)
    if step is None:
        raise UsageError("code_wrong")
    values = {"person": person_id, "secret": sealed_secret(secret, person_id, key), "now": now, "step": step}
    connection.execute(text(SET_TOTP), values)


def remove_secret(connection: Connection, person_id: int) -> None:
    """Take a person's app away."""
    connection.execute(text(SET_TOTP), {"person": person_id, "secret": None, "now": None, "step": None})


def use_code(connection: Connection, person_id: int, code: str, *, key: bytes, now: dt.datetime | None = None) -> bool:
    """Whether ``code`` is a person's code now; it is used up with this. Time is the database's.

    Raises :class:`UsageError` (``factor_unreadable``) where the secret cannot be opened.
    """
    now = now or database_time(connection)
    row = connection.execute(
        select(Person.totp_secret).where(Person.id == person_id, Person.totp_confirmed_at.is_not(None))
    ).one_or_none()
    if row is None or row.totp_secret is None:
        return False
    secret = opened_secret(bytes(row.totp_secret), person_id, key)
    if secret is None:
        raise UsageError("factor_unreadable")
    step = _step_of(secret, code, now)
    if step is None:
        return False
    return connection.scalar(text(USE_TOTP_STEP), {"person": person_id, "step": step}) is not None


def _step_of(secret: str, code: str, now: dt.datetime) -> int | None:
    """The step that a code is of, looked for among all that are taken, so that the time taken tells nothing."""
    import pyotp

    typed = "".join(code.split())
    if not typed.isascii() or len(typed) != 6:
        return None
    present = int(now.timestamp()) // STEP_S
    found = None
    for step in range(present - STEPS_AROUND, present + STEPS_AROUND + 1):
        if hmac.compare_digest(pyotp.TOTP(secret).at(step * STEP_S), typed):
            found = step
    return found
