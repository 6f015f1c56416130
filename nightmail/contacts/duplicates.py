"""Contacts of a team that are probably one person: proposed for somebody to look at, never merged by themselves.

Contacts are compared only with those that have something in common with them: an address, the end of a number, the name of a mailbox, a
day of birth, the sounds of a name, or a word and the initial of another. Of many with the same, each is compared with the next ones in the
order of names. So the work grows with the number of contacts, and not with its square.
"""

from __future__ import annotations

import datetime as dt
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from nightmail.contacts import merge_queries as queries
from nightmail.contacts.name_likeness import are_alike, name_words, sound_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MOST_PROPOSED = 200
KNOWN = 1_000
"""Pairs with the same address that are looked at beyond those that are wanted: of some, somebody has said that they are two people."""
NEWEST = 50_000
"""Contacts with a name that are compared where somebody waits for the answer: the newest."""
NEIGHBOURS = 8
"""How many of those after it, in the order of names, a contact is compared with for each thing that they have in common."""
MOST_COMPARED = 4_000_000
FEWEST_DIGITS = 7
SHORTEST_MAILBOX = 5
MOST_SHARING = 12
"""What more contacts share than this says nothing of any two: the number of a switchboard, the mailbox of an office."""
EVERYBODYS = frozenset(
    {
        "admin",
        "billing",
        "contact",
        "hello",
        "kontakt",
        "noreply",
        "office",
        "sales",
        "service",
        "support",
        "verwaltung",
    }
)
ALSO = ("number_end", "mailbox", "birth_date")
"""What may speak for one person beside the name."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Two contacts that are probably one person: ``why`` is ``same_address`` or ``near_name``, ``likeness`` of 100."""

    first_id: int
    second_id: int
    why: str
    likeness: int
    also: tuple[str, ...] = ()
    """What they have in common beside nearly the same name: of :data:`ALSO`."""


def proposals(
    connection: Connection, team_id: int, *, limit: int = MOST_PROPOSED, newest: int | None = NEWEST
) -> list[Proposal]:
    """The pairs of a team's contacts that are probably one person, and of which nobody said anything yet; the likeliest first.

    Names are compared of the ``newest`` contacts, or of all.
    """
    rows = connection.execute(text(queries.DECIDED_AND_SHARED), {"team": team_id, "limit": limit + KNOWN}).all()
    decided = {(min(row.contacts), max(row.contacts)) for row in rows if row.decided}
    found: dict[tuple[int, int], Proposal] = {}
    for row in rows:
        for pair in combinations(sorted(row.contacts)[:10], 2) if not row.decided else ():
            found[pair] = Proposal(*pair, "same_address", 100)
    if len(found) < limit + len(decided):
        for proposal in near_names(_named(connection, team_id, newest), most=limit + len(decided)):
            found.setdefault((proposal.first_id, proposal.second_id), proposal)
    left = [proposal for pair, proposal in found.items() if pair not in decided]
    return sorted(left, key=lambda each: (-each.likeness, each.first_id, each.second_id))[:limit]


@dataclass(slots=True)
class Named:
    """What contacts are compared by, each at one place of every list, in the order of names."""

    ids: list[int]
    words: list[tuple[str, ...]]
    born: list[dt.date | None]
    ends: list[tuple[str, ...]]
    """The ends of numbers."""
    mailboxes: list[tuple[str, ...]]


def named(rows: Sequence[Any]) -> Named:
    """What rows of ``id``, ``name``, ``birth_date`` and ``addresses`` are compared by."""
    words = [name_words(row.name) for row in rows]
    order = sorted((place for place in range(len(rows)) if words[place]), key=words.__getitem__)
    return Named(
        [rows[place].id for place in order],
        [words[place] for place in order],
        [rows[place].birth_date for place in order],
        [number_ends(rows[place].addresses) for place in order],
        [mailboxes(rows[place].addresses) for place in order],
    )


def near_names(contacts: Named, *, most: int = MOST_PROPOSED) -> list[Proposal]:
    """Pairs with nearly the same name, the likeliest first."""
    import numpy as np

    pairs: list[npt.NDArray[np.int64]] = []
    evidence: list[npt.NDArray[np.int64]] = []
    left = MOST_COMPARED
    for bit, (keys, places) in enumerate(_blocks(contacts)):
        found = _neighbours(keys, places, most_sharing=MOST_SHARING if bit < 2 else None)[:left]
        left -= len(found)
        pairs.append(found)
        evidence.append(np.full(len(found), 1 << bit if bit < len(ALSO) else 0, dtype=np.int64))
    joined, inverse = np.unique(np.concatenate(pairs), return_inverse=True)
    shared = np.zeros(len(joined), dtype=np.int64)
    np.bitwise_or.at(shared, inverse, np.concatenate(evidence))
    return _judged(contacts, joined, shared, most)


def number_ends(addresses: Sequence[str]) -> tuple[str, ...]:
    """The last digits of the numbers among addresses."""
    return tuple({each[-FEWEST_DIGITS:] for each in addresses if "@" not in each and len(each) > FEWEST_DIGITS})


def mailboxes(addresses: Sequence[str]) -> tuple[str, ...]:
    """The names of the mailboxes among addresses, without dots and what stands after a plus; not those of whole offices."""
    names = {re.sub(r"[._-]", "", each.split("@")[0].split("+")[0].casefold()) for each in addresses if "@" in each}
    return tuple(name for name in names if len(name) >= SHORTEST_MAILBOX and name not in EVERYBODYS)


def _named(connection: Connection, team_id: int, newest: int | None) -> Named:
    rows = connection.execute(text(queries.NAMES), {"team": team_id, "limit": newest}).all()
    return named(rows)


def _blocks(contacts: Named) -> list[tuple[array[int], array[int]]]:
    """What contacts may have in common: for each of :data:`ALSO`, then by name alone, hashes of it and the places that have it."""
    blocks = [(array("q"), array("q")) for _ in range(len(ALSO) + 2)]

    def add(block: int, place: int, key: object) -> None:
        blocks[block][0].append(hash(key))
        blocks[block][1].append(place)

    for place, words in enumerate(contacts.words):
        for end in contacts.ends[place]:
            add(0, place, end)
        for mailbox in contacts.mailboxes[place]:
            add(1, place, mailbox)
        if contacts.born[place] is not None:
            add(2, place, contacts.born[place])
        if len(words) > 1:
            add(3, place, (*sorted((sound_of(words[0]), sound_of(words[-1]))), len(words)))
            for word, other in ((words[0], words[-1]), (words[-1], words[0])):
                add(4, place, (word, other[0], len(words)))
    return blocks


def _neighbours(keys: array[int], places: array[int], *, most_sharing: int | None) -> npt.NDArray[np.int64]:
    """Pairs of places with the same key, near one another; each pair as one number."""
    import numpy as np

    keyed, placed = np.array(keys, dtype=np.int64), np.array(places, dtype=np.int64)
    order = np.lexsort((placed, keyed))
    keyed, placed = keyed[order], placed[order]
    if most_sharing is not None and len(keyed):
        _, inverse, counts = np.unique(keyed, return_inverse=True, return_counts=True)
        few = counts[inverse] <= most_sharing
        keyed, placed = keyed[few], placed[few]
    found = [
        (np.minimum(placed[:-step], placed[step:]) << 32 | np.maximum(placed[:-step], placed[step:]))[same]
        for step in range(1, NEIGHBOURS + 1)
        if len(keyed) > step and (same := (keyed[:-step] == keyed[step:]) & (placed[:-step] != placed[step:])).any()
    ]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def _judged(contacts: Named, pairs: npt.NDArray[np.int64], shared: npt.NDArray[np.int64], most: int) -> list[Proposal]:
    """Those of some pairs whose names are alike enough, and nothing speaks against one person."""
    import numpy as np
    from rapidfuzz import fuzz
    from rapidfuzz.process import cpdist

    names = [" ".join(words) for words in contacts.words]
    firsts, seconds = pairs >> 32, pairs & 0xFFFFFFFF
    likeness = cpdist([names[i] for i in firsts], [names[i] for i in seconds], scorer=fuzz.ratio, dtype=np.float32)
    points = np.where(shared > 0, 90 + np.maximum(likeness - 60, 0) * 9 / 40, likeness * 0.89)
    found: list[Proposal] = []
    for place in np.argsort(-points, kind="stable"):
        if len(found) >= most:
            break
        first, second = int(firsts[place]), int(seconds[place])
        bits = int(shared[place])
        if likeness[place] < (60 if bits else 88) or _born_apart(contacts.born[first], contacts.born[second]):
            continue
        if are_alike(contacts.words[first], contacts.words[second], alone=not bits):
            ids = sorted((contacts.ids[first], contacts.ids[second]))
            also = tuple(name for bit, name in enumerate(ALSO) if bits >> bit & 1)
            found.append(Proposal(ids[0], ids[1], "near_name", min(int(points[place]), 99), also))
    return found


def _born_apart(one: dt.date | None, other: dt.date | None) -> bool:
    """Whether two days of birth are of two people: not the same, nor day and month exchanged, nor one digit mistyped."""
    if one is None or other is None or one == other:
        return False
    if one.year == other.year and (one.month, one.day) == (other.day, other.month):
        return False
    return sum(a != b for a, b in zip(one.isoformat(), other.isoformat(), strict=True)) > 1
