"""Passwords of people: hashed with argon2id, a few at a time, and judged by what NIST SP 800-63B asks for.

A password has at least :data:`LEAST_CHARACTERS` and no rules of composition; common ones, and those made of the person's
own name, are refused. It is normalised (Unicode NFKC), so that the same keys give the same password on every keyboard.

>>> work = PasswordWork()
>>> work.verify(stored_hash, "correct horse battery staple").result().fits
True
"""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from nightmail.access.common_passwords import is_common, is_of_person
from nightmail.errors import NightmailError, UsageError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LEAST_CHARACTERS = 12
MOST_CHARACTERS = 500
"""A bound on work, far above what a person or a password manager writes."""
MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
"""The parameters of argon2id that OWASP's cheat sheet names first: 19 MiB, two passes, one lane; about 0.1 s."""
THREADS = 2
WAITING = 40
"""Hashes that wait for a thread at the most: who comes after them is told to come again."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a password fits; ``new_hash`` is to be stored where the old one was made with other parameters."""

    fits: bool
    new_hash: str | None = None


def normalised(password: str) -> str:
    """The password as it is hashed: Unicode NFKC, which NIST SP 800-63B names."""
    return unicodedata.normalize("NFKC", password)


def check_new_password(password: str, *, name: str, email: str) -> None:
    """Judge a password that a person chooses.

    Raises :class:`UsageError`: ``password_too_short``, ``password_too_long``, ``password_common`` or ``password_of_person``.
    """
    if len(password) > MOST_CHARACTERS or len(normalised(password)) > MOST_CHARACTERS:
        raise UsageError("password_too_long", most=MOST_CHARACTERS)
    written = normalised(password)
    if len(written) < LEAST_CHARACTERS:
        raise UsageError("password_too_short", least=LEAST_CHARACTERS)
    if is_common(written):
        raise UsageError("password_common")
    if is_of_person(written, name, email):
        raise UsageError("password_of_person")


class PasswordWork:
    """Hashes passwords in a few threads of its own, so that a flood of logins neither fills memory nor stops requests."""

    def __init__(self, threads: int = THREADS, waiting: int = WAITING) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._places = threading.BoundedSemaphore(threads + waiting)

    def hash(self, password: str) -> Future[str]:
        """The hash to store of a password that was judged. Raises :class:`NightmailError` (``logins_busy``)."""
        return self._submit(lambda: _hasher().hash(normalised(password)))

    def verify(self, stored: str | None, password: str) -> Future[Verdict]:
        """Whether ``password`` is the one of ``stored``; the same work is done where there is none (``None``).

        Raises :class:`NightmailError` (``logins_busy``) where too many wait.
        """
        return self._submit(lambda: _verified(stored, password))

    def close(self) -> None:
        """End the threads; what waits is given up."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _submit(self, action: Callable[[], _Result]) -> Future[_Result]:
        if not self._places.acquire(blocking=False):
            raise NightmailError("logins_busy")
        try:
            future = self._threads.submit(action)
        except BaseException:
            self._places.release()
            raise
        future.add_done_callback(lambda _: self._places.release())
        return future


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    """A hash of what nobody knows: what is verified where there is no password, at the same cost."""
    return _hasher().hash(secrets.token_urlsafe(32))


def _verified(stored: str | None, password: str) -> Verdict:
    from argon2.exceptions import InvalidHashError, VerificationError

    too_long = len(password) > MOST_CHARACTERS
    written = normalised(password[:MOST_CHARACTERS])
    usable = stored if stored is not None and not too_long else None
    try:
        _hasher().verify(usable or _nobodys_hash(), written)
    except (VerificationError, InvalidHashError):
        return Verdict(False)
    if usable is None:
        return Verdict(False)
    return Verdict(True, _hasher().hash(written) if _hasher().check_needs_rehash(usable) else None)
