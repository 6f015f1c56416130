"""Wrong attempts slow down what comes after them: by account and by address, in the database, over all replicas.

An attempt is counted before it is judged, so that a thousand at the same moment are no way around the limit; one that
succeeds is forgotten. The first few cost nothing, each further one doubles the wait, up to :data:`LONGEST`. What is known of
an account does not show: an account that does not exist is slowed down alike.

Somebody else's wrong attempts do not lock a person out: from an address at which the person has logged in of late, the
account is counted apart from the rest of the world.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from sqlalchemy import Connection, Engine, text

from nightmail.access.login_queries import (
    BE_THERE,
    COUNT_ATTEMPT,
    DELETE_OLD_THROTTLES,
    FORGET_ATTEMPT,
    LOGGED_IN_FROM,
    THROTTLED_UNTIL,
)
from nightmail.store.clock import database_time

LONGEST = dt.timedelta(minutes=15)
FORGOTTEN_AFTER = dt.timedelta(hours=24)
"""An account without a wrong attempt for so long starts anew."""
WINDOW = dt.timedelta(hours=1)
"""An address starts anew so long after its first wrong attempt: many people may be behind it."""
KNOWN_FOR_DAYS = 30


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is slowed down. ``free`` attempts cost nothing; a ``shared`` one is not wiped by somebody's success."""

    name: str
    free: int
    shared: bool = False


def account_subject(account_hash: str) -> Subject:
    """An account, by the keyed hash of what was typed."""
    return Subject(f"account:{account_hash}", free=5)


def known_place_subject(account_hash: str, address: str) -> Subject:
    """An account from an address at which its person has logged in."""
    return Subject(f"account:{account_hash}@{network_of(address)}", free=5)


def address_subject(address: str) -> Subject:
    """Where attempts come from: an IPv4 address, or the /64 of an IPv6 address. Many people may be behind one."""
    return Subject(f"address:{network_of(address)}", free=30, shared=True)


def factor_subject(person_id: int) -> Subject:
    """The second factor of a person whose first was right."""
    return Subject(f"factor:{person_id}", free=5)


def reset_subject(account_hash: str) -> Subject:
    """Links that are sent to an address: nobody's mailbox is filled by a stranger."""
    return Subject(f"reset:{account_hash}", free=3)


def network_of(address: str) -> str:
    """What stands for an address: itself, or the /64 of IPv6, which is one household's or one host's."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)


def is_known_place(connection: Connection, person_id: int | None, address: str) -> bool:
    """Whether a person has logged in from an address of late; asked for nobody too, so that the work is the same."""
    values = {"person": person_id, "address": address, "days": KNOWN_FOR_DAYS}
    return bool(connection.scalar(text(LOGGED_IN_FROM), values))


def take_attempt(connection: Connection, subjects: Sequence[Subject], *, now: dt.datetime | None = None) -> int:
    """Count an attempt for each subject: 0 when it may be judged, else the seconds to wait, and nothing is counted.

    The caller commits before it judges. Rows are locked in the order of their names, so that two attempts do not wait for
    each other.
    """
    now = now or database_time(connection)
    ordered = sorted(subjects, key=lambda subject: subject.name)
    names = [subject.name for subject in ordered]
    connection.execute(text(BE_THERE), {"subjects": names, "now": now})
    blocked = connection.scalar(text(THROTTLED_UNTIL), {"subjects": names})
    # What lies further ahead than any wait was written by a clock that was wrong.
    if blocked is not None and now < blocked <= now + LONGEST:
        return _seconds(blocked - now)
    for subject in ordered:
        connection.execute(
            text(COUNT_ATTEMPT),
            {
                "subject": subject.name,
                "now": now,
                "forgotten": now - (WINDOW if subject.shared else FORGOTTEN_AFTER),
                "shared": subject.shared,
                "free": subject.free,
                "longest": LONGEST,
            },
        )
    return 0


def attempt_succeeded(connection: Connection, subjects: Sequence[Subject]) -> None:
    """Forget the attempts of an account, and for what is shared this one alone."""
    for subject in sorted(subjects, key=lambda subject: subject.name):
        connection.execute(text(FORGET_ATTEMPT), {"subject": subject.name, "shared": subject.shared})


def delete_old_throttles(engine: Engine) -> None:
    """Delete what is forgotten."""
    with engine.begin() as connection:
        connection.execute(text(DELETE_OLD_THROTTLES), {"age": FORGOTTEN_AFTER})


def _seconds(wait: dt.timedelta) -> int:
    return max(1, int(wait.total_seconds() + 0.999))
