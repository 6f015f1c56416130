"""What two contacts stated, as one contact: pure rules. What restricts either holds, and nothing is allowed that either did not allow.

A consent speaks for the addresses of who gave it. Where the merged contact has an address of the other one too, who gave none, the
consent is not certain to be for that address: it ends, and somebody asks anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nightmail.consent.consents import ConsentRow, ConsentState, consent_state, weight
from nightmail.consent.preference_statements import Chosen
from nightmail.errors import UsageError

_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Stand:
    """How it stands with a consent; ``expires_at`` of one that is given."""

    state: ConsentState
    expires_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """Quiet hours in a zone; ``None``: the contact's own."""

    begin: str
    end: str
    time_zone: str | None


@dataclass(frozen=True, slots=True)
class Restrictions:
    """What preferences forbid."""

    out: frozenset[str] = frozenset()
    into: frozenset[str] | None = None
    """Of the topics that need consent these alone; ``None``: nothing was said of it."""
    paused_until: dt.datetime | None = None
    quiet: Quiet | None = None


def stand_of(rows: Sequence[ConsentRow], category: str, channel: str, now: dt.datetime) -> Stand:
    """How it stands by all that was stated."""
    state = consent_state(rows, category, channel, now)
    if state is not ConsentState.GIVEN:
        return Stand(state)
    last = max((row for row in rows if row.category == category and row.channel in (None, channel)), key=weight)
    return Stand(state, last.expires_at)


def joined_stand(one: Stand, other: Stand, of_one: Collection[str], of_other: Collection[str]) -> Stand:
    """How it stands with the contact that two become, whose addresses on the channel are these."""
    if ConsentState.WITHDRAWN in (one.state, other.state):
        return Stand(ConsentState.WITHDRAWN)
    sides = ((one, set(of_one)), (other, set(of_other)))
    given = [(stand, addresses) for stand, addresses in sides if stand.state is ConsentState.GIVEN]
    covered = set[str]().union(*(addresses for _, addresses in given))
    if given and covered >= {*of_one, *of_other}:
        return Stand(ConsentState.GIVEN, min((s.expires_at for s, _ in given if s.expires_at), default=None))
    return Stand(ConsentState.EXPIRED if given or ConsentState.EXPIRED in (one.state, other.state) else one.state)


def to_hold(found: Stand, wanted: Stand) -> Stand | None:
    """What is to be recorded so that ``found`` allows no more than ``wanted``: an end, an earlier end, or a withdrawal."""
    if wanted.state is ConsentState.WITHDRAWN:
        return None if found.state is ConsentState.WITHDRAWN else wanted
    if found.state is not ConsentState.GIVEN:
        return None
    if wanted.state is not ConsentState.GIVEN:
        return Stand(ConsentState.EXPIRED)
    sooner = wanted.expires_at is not None and (found.expires_at is None or wanted.expires_at < found.expires_at)
    return wanted if sooner else None


def restrictions_of(chosen: Chosen, zone: str | None = None) -> Restrictions:
    """What a choice forbids; ``zone`` is the contact's where it chose none."""
    quiet = None
    if chosen.quiet_from is not None and chosen.quiet_until is not None:
        quiet = Quiet(chosen.quiet_from, chosen.quiet_until, chosen.time_zone or zone)
    return Restrictions(chosen.topics_out, chosen.topics_in, chosen.paused_until, quiet)


def joined_restrictions(listed: Iterable[Restrictions], *, strict: bool = True) -> Restrictions:
    """What several forbid together.

    Raises :class:`UsageError` (``merge_choices_differ``) where quiet hours cannot be joined; without ``strict`` those of the last hold.
    """
    joined = Restrictions()
    for each in listed:
        into = joined.into if each.into is None else each.into if joined.into is None else joined.into & each.into
        pauses = [until for until in (joined.paused_until, each.paused_until) if until is not None]
        quiet = _joined_quiet(joined.quiet, each.quiet, strict=strict)
        joined = Restrictions(joined.out | each.out, into, max(pauses, default=None), quiet)
    return joined


def missing_changes(chosen: Chosen, wanted: Restrictions, zone: str | None = None) -> dict[str, Any]:
    """The changes by which a choice forbids all that is wanted; empty where it does so already. ``zone`` is the contact's."""
    changes: dict[str, Any] = {}
    if not wanted.out <= chosen.topics_out:
        changes["topics"] = dict.fromkeys(sorted(wanted.out - chosen.topics_out), False)
    if wanted.into is not None and (chosen.topics_in is None or not chosen.topics_in <= wanted.into):
        changes["topics_in"] = sorted(wanted.into if chosen.topics_in is None else wanted.into & chosen.topics_in)
    if wanted.paused_until is not None and (chosen.paused_until is None or chosen.paused_until < wanted.paused_until):
        changes["paused_until"] = wanted.paused_until.astimezone(dt.UTC).isoformat()
    quiet = wanted.quiet
    if quiet is not None and restrictions_of(chosen, zone).quiet != quiet:
        changes |= {"quiet_from": quiet.begin, "quiet_until": quiet.end}
        if quiet.time_zone is not None:
            changes["time_zone"] = quiet.time_zone
    return changes


def _joined_quiet(one: Quiet | None, other: Quiet | None, *, strict: bool) -> Quiet | None:
    if one is None or other is None or one == other:
        return other if one is None else one
    hull = _hull((_span(one), _span(other))) if one.time_zone == other.time_zone else None
    if hull is not None:
        return Quiet(_clock(hull[0]), _clock(hull[1]), one.time_zone)
    if strict:
        raise UsageError("merge_choices_differ")
    return other


def _hull(spans: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """The shortest span of the day that has all of some; ``None`` where no hour would be left."""
    found: list[tuple[int, int, int]] = []
    for begin, _ in spans:
        ends = [(end - begin) % _DAY for _, end in spans]
        begins = [(each - begin) % _DAY for each, _ in spans]
        if all(start < end for start, end in zip(begins, ends, strict=True)):
            found.append((max(ends), begin, (begin + max(ends)) % _DAY))
    return min(found)[1:] if found else None


def _span(quiet: Quiet) -> tuple[int, int]:
    return _minutes(quiet.begin), _minutes(quiet.end)


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def told(team: str, category: str, channel: str | None, held: Stand) -> Mapping[str, Any]:
    """What is held of a consent, as a merge keeps it for people to read."""
    until = held.expires_at.isoformat() if held.expires_at else None
    return {"what": f"consent_{held.state}", "team": team, "category": category, "channel": channel, "until": until}
