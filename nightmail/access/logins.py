"""Logging in, step by step, whatever door the person comes through: what is asked for, what follows from it, what is kept of it.

A password is judged in three parts, so that no connection is held while it is hashed:

>>> attempt = begin_password(connection, email, address, key=key)
>>> verdict = work.verify(attempt.stored_hash, password).result()
>>> finish_password(connection, attempt, verdict)

An address that nobody has and a password that is wrong are told apart by nothing: not by the answer, not by the statements
and the hashing that it takes, not by how later attempts are slowed down.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.access.authentication_policy import RECOVERY_CODE, TOTP, login_rules
from nightmail.access.login_queries import FACTORS_OF_PERSON, PERSON_TO_LOG_IN
from nightmail.access.one_time_codes import use_code
from nightmail.access.passwords import Verdict
from nightmail.access.recovery_codes import use_recovery_code
from nightmail.access.sessions import end_sessions, start_session
from nightmail.access.throttling import (
    Subject,
    account_subject,
    address_subject,
    attempt_succeeded,
    factor_subject,
    is_known_place,
    known_place_subject,
    take_attempt,
)
from nightmail.audit import write_entry
from nightmail.errors import NightmailError, UsageError
from nightmail.privacy import address_hash
from nightmail.settings import Settings
from nightmail.store.clock import database_time

MOST_EMAIL_CHARACTERS = 320
VISITOR = "visitor"
"""How the audit log names who has not yet proved who they are."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login by password that is to be judged. ``stored_hash`` is ``None`` where there is none that would let anybody in."""

    person_id: int | None
    stored_hash: str | None
    account: str
    """The keyed hash of what was typed."""
    address: str
    subjects: tuple[Subject, ...]


@dataclass(frozen=True, slots=True)
class Factors:
    """What a person has to prove who they are with."""

    person_id: int
    email: str
    name: str
    language: str
    time_zone: str
    state: str
    has_password: bool
    password_changed_at: dt.datetime | None
    totp_since: dt.datetime | None
    passkeys: int
    recovery_codes: int

    @property
    def has_second(self) -> bool:
        """Whether a login by password is asked for a code as well."""
        return self.totp_since is not None


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that has just begun; ``token`` goes into the browser's cookie and nowhere else."""

    id: int
    token: str


def typed_email(email: str) -> str:
    """An email address as people are found by it: without spaces around it, composed, in lower case."""
    return unicodedata.normalize("NFC", email.strip()).lower()[:MOST_EMAIL_CHARACTERS]


def begin_password(
    connection: Connection, email: str, address: str, *, key: bytes, now: dt.datetime | None = None
) -> Attempt:
    """Take an attempt, which is counted before it is judged. The caller commits.

    Raises :class:`NightmailError` (``login_wait``) where there were too many.
    """
    now = now or database_time(connection)
    written = typed_email(email)
    account = address_hash(written, key).hex()
    row = connection.execute(text(PERSON_TO_LOG_IN), {"email": written}).one_or_none()
    person_id = None if row is None else int(row.id)
    known = is_known_place(connection, person_id, address)
    own = known_place_subject(account, address) if known else account_subject(account)
    subjects = (own, address_subject(address))
    wait = take_attempt(connection, subjects, now=now)
    if wait:
        raise NightmailError("login_wait", seconds=wait, facts={"seconds": wait})
    usable = row is not None and row.state == "active"
    return Attempt(person_id, row.password_hash if row is not None and usable else None, account, address, subjects)


def finish_password(
    connection: Connection, attempt: Attempt, verdict: Verdict, *, now: dt.datetime | None = None
) -> Factors | None:
    """Keep what became of an attempt: the person's factors where the password fits, else ``None``. The caller commits."""
    now = now or database_time(connection)
    if not verdict.fits or attempt.person_id is None:
        who = f"person:{attempt.person_id}" if attempt.person_id is not None else f"account:{attempt.account}"
        login_failed(connection, who, way="password")
        return None
    attempt_succeeded(connection, attempt.subjects)
    if verdict.new_hash is not None:
        connection.execute(
            text("update person set password_hash = :hash where id = :id and password_hash = :before"),
            {"hash": verdict.new_hash, "id": attempt.person_id, "before": attempt.stored_hash},
        )
    factors = factors_of(connection, attempt.person_id)
    return factors if factors.state == "active" else None


def check_second_factor(
    connection: Connection,
    person_id: int,
    code: str,
    way: str,
    address: str,
    *,
    key: bytes,
    now: dt.datetime | None = None,
) -> bool:
    """Whether ``code`` is the person's second factor, by ``way`` (``totp`` or ``recovery_code``). The caller commits.

    Raises :class:`NightmailError` (``login_wait``), and what :func:`use_code` does.
    """
    now = now or database_time(connection)
    subjects = (factor_subject(person_id), address_subject(address))
    wait = take_attempt(connection, subjects, now=now)
    if wait:
        raise NightmailError("login_wait", seconds=wait, facts={"seconds": wait})
    if way == RECOVERY_CODE:
        fits = use_recovery_code(connection, person_id, code, key=key, now=now)
    else:
        fits = way == TOTP and use_code(connection, person_id, code, key=key, now=now)
    if fits:
        attempt_succeeded(connection, subjects)
    else:
        login_failed(connection, f"person:{person_id}", way=way)
    return fits


def complete_login(
    connection: Connection,
    person_id: int,
    factors: Sequence[str],
    settings: Settings,
    *,
    address: str,
    user_agent: str | None,
    now: dt.datetime | None = None,
) -> NewSession:
    """Begin the session of a person who has proved who they are, by all that their organisation demands.

    Raises :class:`UsageError`: ``single_sign_on_demanded``, ``second_factor_demanded``, or ``login_wrong`` for who is not active.
    """
    now = now or database_time(connection)
    if factors_of(connection, person_id).state != "active":
        raise UsageError("login_wrong")
    rules = login_rules(connection, person_id, settings)
    if not rules.satisfied_by(factors):
        raise UsageError("single_sign_on_demanded" if rules.single_sign_on_only else "second_factor_demanded")
    session_id, token = start_session(
        connection, person_id, factors=factors, rules=rules, address=address, user_agent=user_agent, now=now
    )
    connection.execute(text("update person set last_login_at = :now where id = :id"), {"now": now, "id": person_id})
    write_entry(
        connection,
        actor=f"person:{person_id}",
        action="person.logged_in",
        subject=f"person:{person_id}",
        detail={"factors": sorted(set(factors)), "session": session_id},
    )
    return NewSession(session_id, token)


def login_failed(connection: Connection, who: str, *, way: str, reason: str | None = None) -> None:
    """Keep that somebody did not prove to be ``who``."""
    detail = {"way": way, **({"reason": reason} if reason else {})}
    write_entry(connection, actor=VISITOR, action="person.login_failed", subject=who, detail=detail)


def factors_of(connection: Connection, person_id: int) -> Factors:
    """What a person can log in with. Raises :class:`UsageError` (``person_unknown``)."""
    row = connection.execute(text(FACTORS_OF_PERSON), {"person": person_id}).one_or_none()
    if row is None:
        raise UsageError("person_unknown", value=person_id)
    return Factors(
        person_id=row.id,
        email=row.email,
        name=row.name,
        language=row.language,
        time_zone=row.time_zone,
        state=row.state,
        has_password=row.has_password,
        password_changed_at=row.password_changed_at,
        totp_since=row.totp_confirmed_at,
        passkeys=row.passkeys,
        recovery_codes=row.recovery_codes,
    )


def person_to_log_in(connection: Connection, email: str) -> int | None:
    """The active person of an address as it was typed; ``None`` where there is none."""
    row = connection.execute(text(PERSON_TO_LOG_IN), {"email": typed_email(email)}).one_or_none()
    return None if row is None or row.state != "active" else int(row.id)


def set_password(
    connection: Connection,
    person_id: int,
    new_hash: str,
    *,
    actor: str,
    keep_session: int | None = None,
    now: dt.datetime | None = None,
) -> None:
    """Give a person a password that was judged and hashed; their sessions end, but the one that it is done in."""
    now = now or database_time(connection)
    connection.execute(
        text("update person set password_hash = :hash, password_changed_at = :now where id = :id"),
        {"hash": new_hash, "now": now, "id": person_id},
    )
    write_entry(connection, actor=actor, action="password.changed", subject=f"person:{person_id}")
    end_sessions(connection, person_id, ended_by=actor, but=keep_session, now=now)


def email_hash(email: str, key: bytes) -> str:
    """The keyed hash of an address as it was typed."""
    return address_hash(typed_email(email), key).hex()
