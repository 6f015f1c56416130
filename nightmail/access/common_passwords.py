"""Passwords that everybody tries first, by a rule instead of a long list.

A password is common when nothing is left of it but common words, digits and signs, one short piece repeated, or a run along
the alphabet or the keyboard: ``Password2026!!``, ``abcabcabcabc``, ``qwertzuiop12``.
"""

from __future__ import annotations

import re

_LOOK_ALIKES = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})
_WORDS = (
    *("password", "passwort", "passwd", "passphrase", "motdepasse", "contrasena", "contraseña", "kennwort", "secret"),
    *("welcome", "willkommen", "bienvenue", "bienvenido", "letmein", "login", "admin", "administrator", "root", "user"),
    *("qwerty", "qwertz", "azerty", "iloveyou", "hello", "hallo", "bonjour", "hola", "master", "monkey", "dragon"),
    *("sunshine", "princess", "football", "baseball", "superman", "batman", "shadow", "trustno", "access", "default"),
    *("changeme", "test", "testing", "temp", "guest", "nightmail", "notification", "company", "default", "abc", "asdf"),
    *(
        "spring",
        "summer",
        "autumn",
        "winter",
        "frühling",
        "sommer",
        "herbst",
        "primavera",
        "verano",
        "invierno",
        "hiver",
    ),
    *(
        "january",
        "february",
        "march",
        "april",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ),
    *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "montag", "freitag", "correct"),
    *(
        "horse",
        "battery",
        "staple",
        "love",
        "god",
        "my",
        "the",
        "is",
        "new",
        "old",
        "let",
        "me",
        "in",
        "your",
        "you",
        "i",
    ),
)
_LENGTHS = sorted({len(word) for word in _WORDS})
_KNOWN = frozenset(_WORDS)
_RUNS = (
    *("abcdefghijklmnopqrstuvwxyz", "01234567890123456789"),
    *("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn"),
)
_LONGEST_PIECE = 5
_LEAST_OF_PERSON = 4
_LEAST_LEFT = 8


def is_common(password: str) -> bool:
    """Whether a password (normalised) is among what is tried first."""
    low = password.casefold()
    return _repeats(low) or _runs(low) or _words(low)


def is_of_person(password: str, name: str, email: str) -> bool:
    """Whether little is left of a password without the parts of the person's name and email address."""
    left = password.casefold()
    found = False
    parts = {part for text in (name, email) for part in re.split(r"[\W_]+", text.casefold())}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _LEAST_OF_PERSON and part in left:
            left = left.replace(part, "")
            found = True
    return found and len(re.sub(r"[\W\d_]+", "", left)) < _LEAST_LEFT


def _repeats(low: str) -> bool:
    """One piece of at most five signs, over and over."""
    return any((low[:size] * (len(low) // size + 1))[: len(low)] == low for size in range(1, _LONGEST_PIECE + 1))


def _runs(low: str) -> bool:
    """Nothing but pieces of four or more that run along the alphabet, the digits or a row of keys, up or down."""
    at = 0
    runs = [*_RUNS, *(run[::-1] for run in _RUNS)]
    while at < len(low):
        size = 4
        if not any(low[at : at + size] in run for run in runs) or len(low) - at < size:
            # What hangs over at the end, such as the "12" of "qwertzuiop12", makes it no better.
            return at > 0 and len(low) - at <= 3
        while at + size < len(low) and any(low[at : at + size + 1] in run for run in runs):
            size += 1
        at += size
    return True


def _words(low: str) -> bool:
    """Common words and nothing beside them but digits and signs, written plainly or with look-alikes."""
    for text in (low, low.translate(_LOOK_ALIKES)):
        letters = re.sub(r"[\W\d_]+", "", text)
        if _only_words(letters):
            return True
    # Digits at the end are digits, those within stand for letters: "p4ssw0rd2026".
    core = re.sub(r"[\W\d_]+$", "", low)
    return _only_words(re.sub(r"[\W\d_]+", "", core.translate(_LOOK_ALIKES)))


def _only_words(letters: str) -> bool:
    """Whether letters are common words one after another; by the places that words can end at, so in linear time."""
    ends = {0}
    for at in range(len(letters)):
        if at in ends:
            ends |= {at + size for size in _LENGTHS if letters[at : at + size] in _KNOWN}
    return len(letters) in ends
