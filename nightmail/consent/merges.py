"""Two contacts merged by hand, with what they chose and consented to; and the way back.

From the merge on, both ids stand for one contact: what either stated is copied to the other, each copy with the id that it is of, and
where the two conflict, what restricts is recorded for both. What is stated later under one id holds for both
(:mod:`nightmail.consent.linked_contacts`), so that senders find it under whichever id a message was planned.

The way back takes the copies away. What was stated in between under the id of the contact that went is its own. What was stated for the
one that stayed may have been either's: what restricts holds for both then, and what allows for neither.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.principals import Principal
from nightmail.audit import write_entry
from nightmail.channels import CHANNELS
from nightmail.consent import merge_queries as queries
from nightmail.consent.consents import ConsentRow, ConsentState, consents_of
from nightmail.consent.linked_contacts import change_links, linked_contacts
from nightmail.consent.merged_choices import (
    Stand,
    joined_restrictions,
    joined_stand,
    missing_changes,
    restrictions_of,
    stand_of,
    to_hold,
    told,
)
from nightmail.consent.merged_opt_outs import carry_opt_outs, lift_opt_outs
from nightmail.consent.preference_statements import PreferenceStatement, taken_together
from nightmail.consent.preferences import add_held, statements_of, store_preferences
from nightmail.contacts.contact_fields import KINDS
from nightmail.contacts.contact_listing import ContactRow, addresses_of, further_of
from nightmail.contacts.merges import MergeRow, join_contacts, part_contacts, refuse_pair
from nightmail.organisation.teams import team_paths

HOW = "merge"
TAKEN_BACK = "merge taken back"
MOST_STATED = 5_000
_A_MOMENT = dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class _Sides:
    """The ids that stand for each of the two."""

    kept: list[str]
    other: list[str]

    @property
    def all(self) -> list[str]:
        return [*self.kept, *self.other]


def merge(
    connection: Connection, kept: ContactRow, other: ContactRow, *, by: Principal, key: bytes
) -> tuple[ContactRow, int]:
    """Make one contact of two, both as they were read: ``other`` goes. The one that stays, and the number of the merge.

    Raises what :func:`join_contacts` does, and :class:`UsageError` (``merge_choices_differ``) where their quiet hours cannot be joined.
    """
    refuse_pair(by, kept, other)
    change_links(connection)
    sides = _sides(connection, kept, other)
    connection.execute(text(queries.ADOPT), {"contacts": sides.all})
    teams = team_paths(connection, list(connection.scalars(text(queries.TEAMS), {"contacts": sides.all})))
    views = {team: _views(connection, team, path, (kept, other)) for team, path in teams.items()}
    addresses = [_on_channels(connection, each) for each in (kept, other)]
    after, number = join_contacts(connection, kept, other, by=by, key=key)
    for of, to in ((sides.kept, sides.other), (sides.other, sides.kept)):
        connection.execute(text(queries.COPY_CONSENTS), {"of": of, "to": to})
        connection.execute(text(queries.COPY_STATEMENTS), {"of": of, "to": to})
    holder = _Holder(connection, number, by.actor, teams)
    held: list[Mapping[str, Any]] = []
    for team in teams:
        held += holder.hold_consents(
            team,
            sides.all,
            _joined(views[team].consents, addresses, holder.now),
        )
        zones = (kept.time_zone, other.time_zone)
        wanted = joined_restrictions(
            restrictions_of(taken_together(stated), zone)
            for stated, zone in zip(views[team].preferences, zones, strict=True)
        )
        held += holder.hold_preferences(team, dict.fromkeys(sides.all, wanted), zone=after.time_zone)
    opted_out = carry_opt_outs(connection, (kept, other), number, by=by, key=key)
    newest = connection.execute(text(queries.NEWEST)).one()
    choices = {"consents": newest.consents, "statements": newest.statements, "held": held, "opted_out": opted_out}
    connection.execute(text(queries.KEEP_CHOICES), {"id": number, "choices": json.dumps(choices)})
    _audit(connection, by, kept.team_id, number, "contact.choices_merged", len(held) + len(opted_out))
    return after, number


def undo_merge(connection: Connection, found: MergeRow, *, by: Principal, key: bytes) -> ContactRow:
    """Take a merge back: both have what they had. What was stated since and restricts holds for both.

    Raises :class:`UsageError` (``merge_not_undone``) once one of them was changed.
    """
    change_links(connection)
    after, back = part_contacts(connection, found, by=by, key=key)
    choices = found.before.get("choices")
    if choices is None:
        return after
    sides = _sides(connection, after, back)
    teams = team_paths(connection, list(connection.scalars(text(queries.TEAMS), {"contacts": sides.all})))
    since = {
        team: [
            one
            for one in statements_of(connection, [team], sides.all)
            if one.id > choices["statements"] and one.of_contact is None
        ]
        for team in teams
    }
    for ids, of in ((sides.kept, sides.other), (sides.other, sides.kept)):
        values = {"contacts": ids, "of": of, "merge": f"merge:{found.id}"}
        connection.execute(text(queries.DROP_CONSENTS), values)
        connection.execute(text(queries.DROP_STATEMENTS), values)
    connection.execute(text(queries.DROP_PREFERENCES), {"contacts": sides.all})
    holder = _Holder(connection, found.id, by.actor, teams, taken_back=True)
    held = 0
    for team in teams:
        store_preferences(connection, team, sides.all)
        held += len(
            holder.hold_consents(
                team,
                sides.kept,
                lambda rows, category, channel: stand_of(
                    [row for row in rows if row.id <= choices["consents"] or row.withdrawn_at is not None],
                    category,
                    channel,
                    holder.now,
                ),
            )
        )
        wanted = {}
        for contact in sides.all:
            uncertain = choices["statements"] if contact in sides.kept else None
            own = statements_of(connection, [team], [contact])
            base = taken_together(one for one in own if uncertain is None or one.id <= uncertain)
            listed = [restrictions_of(taken_together([one])) for one in since[team]]
            wanted[contact] = joined_restrictions([restrictions_of(base), *listed], strict=False)
        held += len(holder.hold_preferences(team, wanted))
    lift_opt_outs(connection, found, by=by)
    _audit(connection, by, found.team_id, found.id, "contact.choices_parted", held)
    return after


@dataclass
class _Views:
    """What each of the two stated to a team and to those above it; and to the team alone."""

    consents: list[list[ConsentRow]]
    preferences: list[list[PreferenceStatement]]


class _Holder:
    """Records what is held because of a merge, or because it was taken back: later than all that was stated."""

    def __init__(
        self, connection: Connection, number: int, actor: str, teams: Mapping[int, str], *, taken_back: bool = False
    ) -> None:
        self.now = dt.datetime.now(dt.UTC)
        self._connection, self._actor, self._teams = connection, actor, teams
        self._source = f"merge:{number}"
        self._how = TAKEN_BACK if taken_back else HOW
        # What is held after a merge was taken back is the contact's own from then on.
        self._of_contact = None if taken_back else self._source

    def hold_consents(
        self, team: int, contacts: Iterable[str], wanted: Callable[[list[ConsentRow], str, str], Stand]
    ) -> list[Mapping[str, Any]]:
        """Record for each contact what makes its consents allow no more than is wanted by category and channel."""
        found: dict[tuple[str, str | None], Mapping[str, Any]] = {}
        for contact in contacts:
            rows = consents_of(self._connection, self._teams[team], contact, MOST_STATED)
            at = max([self.now, *((row.withdrawn_at or row.captured_at) + _A_MOMENT for row in rows)])
            for category in sorted({row.category for row in rows}):
                holds = {
                    channel: to_hold(stand_of(rows, category, channel, self.now), wanted(rows, category, channel))
                    for channel in CHANNELS
                }
                for channel, hold in _by_channel(holds):
                    self._hold(team, contact, category, channel, at, hold)
                    found[category, channel] = told(self._teams[team], category, channel, hold)
        return list(found.values())

    def hold_preferences(
        self, team: int, wanted: Mapping[str, Any], *, zone: str | None = None
    ) -> list[Mapping[str, Any]]:
        """Record for each contact what makes its preferences forbid all that is wanted."""
        found: dict[str, Mapping[str, Any]] = {}
        for contact, restrictions in wanted.items():
            stated = statements_of(self._connection, [team], [contact])
            changes = missing_changes(taken_together(stated), restrictions, zone)
            if changes:
                at = max([self.now, *(one.stated_at + _A_MOMENT for one in stated)])
                add_held(
                    self._connection,
                    team,
                    contact,
                    at,
                    changes,
                    source=self._source,
                    of_contact=self._of_contact,
                    actor=self._actor,
                )
                for name, value in changes.items():
                    found[name] = {"what": name, "team": self._teams[team], "value": value}
            elif stated:
                store_preferences(self._connection, team, [contact])
        return list(found.values())

    def _hold(self, team: int, contact: str, category: str, channel: str | None, at: dt.datetime, hold: Stand) -> None:
        withdrawn = hold.state is ConsentState.WITHDRAWN
        ends = hold.expires_at if hold.state is ConsentState.GIVEN else self.now
        values = {
            "team": team,
            "contact": contact,
            "category": category,
            "channel": channel,
            "at": at,
            "how": self._how,
            "source": self._source,
            "by": self._actor,
            "expires_at": None if withdrawn else ends,
            "withdrawn_at": at if withdrawn else None,
            "of_contact": self._of_contact,
        }
        self._connection.execute(text(queries.HOLD_CONSENT), values)


def _joined(
    stated: Sequence[list[ConsentRow]], addresses: Sequence[Mapping[str, Collection[str]]], now: dt.datetime
) -> Callable[[list[ConsentRow], str, str], Stand]:
    """How it stands with each category and channel by what two contacts stated, with their addresses by channel."""

    def wanted(_: list[ConsentRow], category: str, channel: str) -> Stand:
        one, other = (stand_of(rows, category, channel, now) for rows in stated)
        return joined_stand(one, other, *(each[channel] for each in addresses))

    return wanted


def _by_channel(holds: Mapping[str, Stand | None]) -> list[tuple[str | None, Stand]]:
    """What is to be held on each channel, or once on all where it is the same."""
    different = set(holds.values())
    if len(different) == 1:
        (only,) = different
        return [] if only is None else [(None, only)]
    return [(channel, hold) for channel, hold in holds.items() if hold is not None]


def _sides(connection: Connection, kept: ContactRow, other: ContactRow) -> _Sides:
    linked = linked_contacts(connection, [kept.contact_id, other.contact_id])
    return _Sides(*([each.contact_id, *linked.get(each.contact_id, ())] for each in (kept, other)))


def _views(connection: Connection, team: int, path: str, pair: Sequence[ContactRow]) -> _Views:
    return _Views(
        [consents_of(connection, path, each.contact_id, MOST_STATED) for each in pair],
        [statements_of(connection, [team], [each.contact_id]) for each in pair],
    )


def _on_channels(connection: Connection, contact: ContactRow) -> dict[str, Collection[str]]:
    """A contact's addresses by the channels that use them."""
    addresses = addresses_of(contact, further_of(connection, [contact.id]).get(contact.id, {}))
    return {
        channel.name: {
            address.casefold()
            for kind, fields in KINDS.items()
            if set(fields) & set(channel.fields)
            for address in addresses[kind]
        }
        for channel in CHANNELS.values()
    }


def _audit(connection: Connection, by: Principal, team_id: int, number: int, action: str, held: int) -> None:
    write_entry(
        connection,
        actor=by.actor,
        action=action,
        subject=f"contact_merge:{number}",
        team_id=team_id,
        detail={"held": held},
    )
