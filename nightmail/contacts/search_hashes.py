"""What a contact can be found by, as keyed hashes of trigrams: any part of a name, an id or an address is found without a readable index.

A hash is of one team's: equal texts of two teams have other hashes. What an index finds is looked at again in the text itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

from nightmail.privacy.sealing import derived_key

_NUMBER = re.compile(r"[\d\s+()./-]*\d[\d\s+()./-]*")
_WORD = re.compile(r"\w+")
_WIDE = "\u2e80"
"""From here on are the scripts of which two signs are a name: Chinese, Japanese, Korean."""


def folded(text: str) -> str:
    """A text as it is compared: without capitals and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


@lru_cache(maxsize=256)
def team_key(key: bytes, team_id: int) -> bytes:
    """The key of a team's hashes."""
    return blake2b(f"team {team_id}".encode(), key=derived_key(key, "search of contacts"), digest_size=16).digest()


def stored_hashes(texts: Iterable[str | None], key: bytes) -> list[int]:
    """The hashes of all parts of some texts, under a :func:`team_key`; sorted."""
    found: set[int] = set()
    for text in texts:
        for word in _WORD.findall(folded(text or "")):
            padded = f"  {word}"
            found.update(hash_of_part(padded[at : at + 3], key) for at in range(len(padded) - 2))
            # Where a sign is a word or a syllable, one or two of them inside a name are looked for as well.
            found.update(hash_of_part(sign, key) for sign in word if sign >= _WIDE)
    return sorted(found)


def wanted_words(text: str) -> list[str]:
    """What is looked for, folded: the words of a text; of a number its digits, without the zeros before a national one."""
    if _NUMBER.fullmatch(text.strip()):
        digits = "".join(sign for sign in text if sign.isdigit()).lstrip("0")
        return [digits] if digits else []
    return _WORD.findall(folded(text))[:8]


def wanted_hashes(words: Iterable[str], key: bytes) -> list[int]:
    """The hashes that a contact has that has all the words; one of one or two letters is looked for where words begin."""
    found: set[int] = set()
    for word in words:
        parts = [word[at : at + 3] for at in range(len(word) - 2)]
        if not parts:
            parts = list(word) if _is_wide(word) else [f"  {word}"[-3:]]
        found.update(hash_of_part(part, key) for part in parts)
    return sorted(found)


def has_words(texts: Iterable[str | None], words: Iterable[str]) -> bool:
    """Whether every word is a part of one of the texts; a short one, where a word begins."""
    plain = [folded(text) for text in texts if text]
    begun = [word for text in plain for word in _WORD.findall(text)]
    return all(
        any(wanted in text for text in plain)
        if len(wanted) > 2 or _is_wide(wanted)
        else any(word.startswith(wanted) for word in begun)
        for wanted in words
    )


def _is_wide(word: str) -> bool:
    return all(sign >= _WIDE for sign in word)


@lru_cache(maxsize=200_000)
def hash_of_part(part: str, key: bytes) -> int:
    """The hash of one part of a word."""
    return int.from_bytes(blake2b(part.encode(), key=key, digest_size=4).digest(), "little", signed=True)
