"""How alike two names are: the words in any order, umlauts in any spelling, by their letters and by their sound. Pure functions.

A given name in its other form (Mario and Maria, Paul and Paula) is another person's, however few letters differ.
"""

from __future__ import annotations

import re
from functools import lru_cache

from nightmail.contacts.search_hashes import folded

ALIKE = 75
"""How alike, of 100, each word is to one of the other name's, where something else speaks for one person too."""
VERY_ALIKE = 80
"""The same, where nothing but the name does."""
_UMLAUT = re.compile("[aou]e")
_SOUNDS = (
    *(
        ("sch", "s"),
        ("sh", "s"),
        ("ph", "f"),
        ("th", "t"),
        ("dt", "t"),
        ("ck", "k"),
        ("ch", "k"),
        ("qu", "kv"),
        ("tz", "s"),
    ),
    *(("ce", "se"), ("ci", "si"), ("cy", "sy")),
)
_LETTERS = str.maketrans("cqzwdbgjy", "kksvtpkii")
_ENDS = re.compile("[aeo]?$")


def name_words(name: str) -> tuple[str, ...]:
    """The words of a name, sorted: without capitals and accents, and ae, oe and ue as ä, ö and ü."""
    return tuple(sorted(_plain(word) for word in folded(name).replace("-", " ").replace(".", " ").split()))


def sounds_of(words: tuple[str, ...]) -> tuple[str, ...]:
    """The sounds of words, sorted."""
    return tuple(sorted(map(sound_of, words)))


@lru_cache(maxsize=200_000)
def sound_of(word: str) -> str:
    """What is heard of a word: its consonants, those that are confused as one, and whether it begins with a vowel."""
    heard = word
    for written, spoken in _SOUNDS:
        heard = heard.replace(written, spoken)
    heard = heard.translate(_LETTERS)
    first, rest = heard[:1], re.sub("[aeiouh]", "", heard[1:])
    kept = [first if first not in "aeiou" else "a"]
    for letter in rest:
        if letter != kept[-1]:
            kept.append(letter)
    return "".join(kept)


def are_alike(one: tuple[str, ...], other: tuple[str, ...], *, alone: bool) -> bool:
    """Whether two names may be one person's; ``alone``: nothing but the names speaks for it.

    Every word of the shorter name has its own in the other one. Alone, both have as many words, and all sound alike.
    """
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    if alone and (len(shorter) != len(longer) or sounds_of(one) != sounds_of(other)):
        return False
    return _paired(list(shorter), list(longer), VERY_ALIKE if alone else ALIKE, initials=not alone)


def _paired(words: list[str], others: list[str], least: int, *, initials: bool) -> bool:
    if not words:
        return True
    word = words[0]
    by_likeness = sorted(range(len(others)), key=lambda place: -_likeness(word, others[place], initials=initials))
    place = by_likeness[0]
    if _likeness(word, others[place], initials=initials) < least:
        return False
    return _paired(words[1:], others[:place] + others[place + 1 :], least, initials=initials)


@lru_cache(maxsize=200_000)
def _likeness(one: str, other: str, *, initials: bool) -> int:
    from rapidfuzz import fuzz

    if one == other:
        return 100
    if initials and 1 in (len(one), len(other)):
        return 100 if one[0] == other[0] else 0
    if len(one) > 2 and len(other) > 2 and _ENDS.sub("", one) == _ENDS.sub("", other) and "a" in (one[-1], other[-1]):
        return 0
    return int(max(fuzz.ratio(one, other), fuzz.ratio(_spelling(one), _spelling(other))))


def _spelling(word: str) -> str:
    """One spelling of what is written in several ways: Meyer and Maier, Smyth and Smith, Stephan and Stefan."""
    spelled = re.sub("[ae][iy]", "ei", word).replace("y", "i")
    for written, spoken in (("ph", "f"), ("th", "t"), ("dt", "t"), ("ck", "k")):
        spelled = spelled.replace(written, spoken)
    return re.sub(r"(.)\1", r"\1", spelled)


@lru_cache(maxsize=200_000)
def _plain(word: str) -> str:
    return _UMLAUT.sub(lambda found: found[0][0], word)
