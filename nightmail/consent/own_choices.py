"""What a recipient chooses on their own page: topics, channels in order, language, quiet hours, a pause; and how it stands now.

A topic is a category. That one is not wanted is kept twice, as the contact's preference and as an opt-out of the address that the
page was opened from: the first holds for the contact on every channel, the second for the address whoever has it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from nightmail.audit import write_entry
from nightmail.consent import own_choice_queries as queries
from nightmail.consent.consents import (
    ConsentGiven,
    ConsentRow,
    ConsentState,
    ConsentWithdrawn,
    add_text,
    consent_state,
    consents_of,
    record_consents,
    withdraw_consents,
)
from nightmail.consent.preference_statements import Chosen
from nightmail.consent.preferences import preference_of, record_preferences
from nightmail.consent.suppressing import lift_suppressions
from nightmail.consent.suppressions import (
    ASKED_FOR,
    OPTED_OUT,
    PROBABLE_OPT_OUT,
    SuppressionRow,
    record_suppressions,
    suppressions_of,
)
from nightmail.consent.unsubscribing import Subscription
from nightmail.organisation.carrier_accounts import CarrierAccountRow
from nightmail.organisation.routes import accounts_of_team
from nightmail.organisation.teams import get_team, team_ids_upwards
from nightmail.privacy import AddressHash

SOURCE = "preference_page"
HOW = "preference page"
MOST_TOPICS = 60


@dataclass(frozen=True, slots=True)
class Topic:
    """A category as a recipient is offered it."""

    name: str
    needs_consent: bool
    wanted: bool


@dataclass(frozen=True, slots=True)
class Choices:
    """What a recipient chose; ``None`` and empty where they chose nothing."""

    topics: frozenset[str]
    """Those that are wanted."""
    channels: tuple[str, ...] = ()
    language: str | None = None
    quiet_from: str | None = None
    quiet_until: str | None = None
    time_zone: str | None = None
    paused_until: dt.date | None = None
    """The first day on which messages come again, in the recipient's zone."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the page of a recipient offers, and what is chosen of it."""

    topics: tuple[Topic, ...]
    channels: tuple[str, ...]
    """Those that the team has, in the order of their codes."""
    languages: tuple[str, ...]
    chosen: Choices
    stopped: bool
    """Whether the recipient has stopped everything from the team at this address."""
    held_elsewhere: bool
    """Whether something stands against the address that this page does not lift: of a team above, or no opt-out."""

    @property
    def seen(self) -> str:
        """A mark of what is shown: another one when anything of it has changed."""
        shown = {**asdict(self.chosen), "topics": sorted(self.chosen.topics), "stopped": self.stopped}
        return sha256(repr((sorted(shown.items()), [topic.name for topic in self.topics])).encode()).hexdigest()[:24]


def lock_choices(connection: Connection, subscription: Subscription) -> None:
    """Let no other change of this contact's choices go on until the transaction ends."""
    connection.execute(text(queries.LOCK), {"contact": f"{subscription.team_id}:{subscription.contact_id}"})


def standing(connection: Connection, subscription: Subscription) -> Standing:
    """What a recipient's page offers and what they chose."""
    teams = team_ids_upwards(connection, subscription.path)
    stated = _stated(connection, subscription)
    chosen = stated.chosen
    into = chosen.topics_in
    values = {
        "team": subscription.path,
        "teams": teams,
        "named": [subscription.category, *(into or ())],
        "limit": MOST_TOPICS,
    }
    rows = connection.execute(text(queries.TOPICS), values).all()
    in_force = suppressions_of(connection, subscription.address_hash, team=subscription.path)
    opted_out = {each.category for each in in_force if each.reason in ASKED_FOR}
    out = chosen.topics_out | opted_out
    channels = tuple(dict.fromkeys(each.channel for each in accounts_of_team(connection, subscription.path)))
    topics = tuple(
        Topic(row.name, row.needs_consent, row.name not in out and stated.lets(row.name, row.needs_consent, channels))
        for row in rows
    )
    return Standing(
        topics,
        channels,
        tuple(connection.scalars(text(queries.LANGUAGES), {"teams": teams})),
        Choices(
            frozenset(topic.name for topic in topics if topic.wanted),
            chosen.channels or (),
            chosen.language,
            chosen.quiet_from,
            chosen.quiet_until,
            chosen.time_zone,
            stated.paused_until,
        ),
        stopped=None in opted_out,
        held_elsewhere=any(not _is_own(each, subscription) for each in in_force),
    )


def choose(
    connection: Connection, subscription: Subscription, choices: Choices, *, seen: str, agreed: Mapping[str, str]
) -> bool:
    """Keep what a recipient chose, in the caller's transaction; ``False`` where it stands otherwise than they had seen it.

    ``seen`` is the mark of what the form was filled in from (:attr:`Standing.seen`), ``agreed`` the words beside the tick of each
    topic that needs consent. Of ``choices`` each value is one that :func:`standing` offered; the caller has looked. What is chosen
    already is kept, however old the form is.
    """
    lock_choices(connection, subscription)
    before = standing(connection, subscription)
    if choices == before.chosen:
        return True
    if seen != before.seen:
        return False
    stated = _stated(connection, subscription)
    at = stated.after_all
    changes = _changes(before.chosen, choices, stated.zone_of(choices.time_zone))
    if changes:
        record_preferences(
            connection,
            stated.owner_id,
            [(subscription.contact_id, at, changes)],
            source=SOURCE,
            actor="recipient",
        )
    new, gone = choices.topics - before.chosen.topics, before.chosen.topics - choices.topics
    by_name = {topic.name: topic for topic in before.topics}
    _agree(connection, subscription, [by_name[name] for name in sorted(new)], stated, at, agreed)
    withdrawn = [
        ConsentWithdrawn(subscription.contact_id, name, at, HOW, source=subscription.message_id)
        for name in sorted(gone)
        if by_name[name].needs_consent
    ]
    if withdrawn:
        withdraw_consents(connection, stated.owner_id, withdrawn, actor="recipient")
    _opt_out(connection, subscription, sorted(gone))
    _lift(connection, subscription, new)
    _audit(connection, subscription, "recipient.chose", before.chosen, choices)
    return True


@dataclass(frozen=True, slots=True)
class _Stated:
    """All that a contact stated: what their preferences come to, and their consents."""

    chosen: Chosen
    consents: Sequence[ConsentRow]
    now: dt.datetime
    team_zone: str
    owner_id: int
    """The team whose contact it is: what is chosen is recorded there."""

    def lets(self, topic: str, needs_consent: bool, channels: Sequence[str]) -> bool:
        """Whether preferences and consents let a topic through, on any channel."""
        into = self.chosen.topics_in
        states = {consent_state(self.consents, topic, channel, self.now) for channel in channels or ("",)}
        if needs_consent:
            return ConsentState.GIVEN in states and (into is None or topic in into)
        return states != {ConsentState.WITHDRAWN}

    def zone_of(self, chosen: str | None) -> ZoneInfo:
        """The recipient's zone, or else the team's."""
        return ZoneInfo(chosen or self.team_zone)

    @property
    def paused_until(self) -> dt.date | None:
        """The first day without pause, where there is one."""
        until = self.chosen.paused_until
        if until is None or until <= self.now:
            return None
        local = until.astimezone(self.zone_of(self.chosen.time_zone))
        return local.date() if local.time() == dt.time() else local.date() + dt.timedelta(days=1)

    @property
    def after_all(self) -> dt.datetime:
        """Now, and after everything that was stated before: a clock that is ahead does not undo what is chosen here."""
        known = [self.chosen.stated_at, *(each.withdrawn_at or each.captured_at for each in self.consents)]
        return max((self.now, *(each + dt.timedelta(microseconds=1) for each in known if each is not None)))


def _stated(connection: Connection, subscription: Subscription) -> _Stated:
    team, contact = subscription.path, subscription.contact_id
    return _Stated(
        preference_of(connection, team, contact),
        consents_of(connection, team, contact),
        dt.datetime.now(dt.UTC),
        get_team(connection, team).time_zone,
        connection.scalar(text(queries.OWNER), {"contact": contact, "teams": team_ids_upwards(connection, team)})
        or subscription.team_id,
    )


def _changes(before: Choices, after: Choices, zone: ZoneInfo) -> dict[str, object]:
    """The fields that a recipient changed, as a statement has them."""
    topics = dict.fromkeys(after.topics - before.topics, True) | dict.fromkeys(before.topics - after.topics, False)
    changes: dict[str, object] = {"topics": dict(sorted(topics.items()))} if topics else {}
    for name in ("channels", "language", "time_zone"):
        if getattr(after, name) != getattr(before, name):
            changes[name] = getattr(after, name) or None
    if (after.quiet_from, after.quiet_until) != (before.quiet_from, before.quiet_until):
        changes |= {"quiet_from": after.quiet_from, "quiet_until": after.quiet_until}
    if after.paused_until != before.paused_until:
        day = after.paused_until
        changes["paused_until"] = (
            None if day is None else dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC).isoformat()
        )
    if "channels" in changes and after.channels:
        changes["channels"] = list(after.channels)
    return changes


def _agree(
    connection: Connection,
    subscription: Subscription,
    topics: Sequence[Topic],
    stated: _Stated,
    at: dt.datetime,
    agreed: Mapping[str, str],
) -> None:
    """Record the consents that ticks give, each with the text that stood beside it. A topic that was withdrawn once needs it too."""
    given = []
    for topic in topics:
        withdrawn = any(row.category == topic.name and row.withdrawn_at is not None for row in stated.consents)
        if topic.needs_consent or withdrawn:
            shown = _kept_text(connection, subscription, topic.name, agreed.get(topic.name, topic.name))
            given.append(
                ConsentGiven(
                    subscription.contact_id,
                    topic.name,
                    at,
                    HOW,
                    source=subscription.message_id,
                    proof="a code to the address of the message",
                    text_id=shown,
                )
            )
    if given:
        record_consents(connection, stated.owner_id, given, actor="recipient")


def _kept_text(connection: Connection, subscription: Subscription, topic: str, shown: str) -> int:
    name = f"{SOURCE}/{topic}"
    values = {"team": subscription.team_id, "name": name, "text": shown}
    found = connection.scalar(text(queries.TEXT_AS_SHOWN), values)
    if found is not None:
        return int(found)
    language = subscription.language
    return add_text(connection, subscription.team_id, name, shown, language=language, actor="recipient")[0]


def stop_everything(
    connection: Connection, subscription: Subscription, also: Collection[tuple[str, AddressHash]] = ()
) -> bool:
    """Opt the recipient out of everything from the team, at the link's address and at ``also``; whether that was new."""
    lock_choices(connection, subscription)
    before = standing(connection, subscription)
    made = record_suppressions(
        connection,
        {(subscription.channel, subscription.address_hash), *also},
        team_id=subscription.team_id,
        reason=OPTED_OUT,
        source=SOURCE,
        message_id=subscription.message_id,
    )
    if made:
        _audit(connection, subscription, "recipient.stopped_everything", before.chosen, before.chosen)
    return bool(made)


def start_again(
    connection: Connection, subscription: Subscription, also: Collection[tuple[str, AddressHash]] = ()
) -> bool:
    """Take back that the recipient stopped everything from the team; whether they had. What they chose of topics stays.

    Of the addresses ``also`` what this page stopped is lifted, and nothing else: they were not proved.
    """
    lock_choices(connection, subscription)
    lifted = _lift(connection, subscription, {None})
    for channel, hashed in sorted(also):
        in_force = suppressions_of(connection, hashed, team=subscription.path, channel=channel)
        own = [row for row in in_force if row.category is None and row.source == SOURCE and _is_own(row, subscription)]
        if own:
            lift_suppressions(connection, own, actor="recipient", team=subscription.path, although_asked_for=True)
            lifted += len(own)
    return bool(lifted)


def _is_own(row: SuppressionRow, subscription: Subscription) -> bool:
    """Whether a suppression is the recipient's own choice, made for this team or one below it."""
    return (row.asked_for or row.reason == PROBABLE_OPT_OUT) and row.is_of(subscription.path)


def _opt_out(connection: Connection, subscription: Subscription, categories: Sequence[str]) -> None:
    for category in categories:
        record_suppressions(
            connection,
            [(subscription.channel, subscription.address_hash)],
            team_id=subscription.team_id,
            category=category,
            reason=OPTED_OUT,
            source=SOURCE,
            message_id=subscription.message_id,
        )


def _lift(connection: Connection, subscription: Subscription, categories: Collection[str | None]) -> int:
    """Lift the recipient's own opt-outs of some categories; ``None`` is the one of everything."""
    in_force = suppressions_of(connection, subscription.address_hash, team=subscription.path)
    own = [row for row in in_force if row.category in categories and _is_own(row, subscription)]
    if own:
        lift_suppressions(connection, own, actor="recipient", team=subscription.path, although_asked_for=True)
    return len(own)


def _audit(connection: Connection, subscription: Subscription, action: str, before: Choices, after: Choices) -> None:
    write_entry(
        connection,
        actor="recipient",
        action=action,
        subject=subscription.message_id,
        team_id=subscription.team_id,
        detail={"channel": subscription.channel, "source": SOURCE},
        before=_told(before),
        after=_told(after),
    )


def _told(choices: Choices) -> Mapping[str, object]:
    """Choices as the audit log keeps them: they name nobody."""
    day = choices.paused_until
    return {
        **asdict(choices),
        "topics": sorted(choices.topics),
        "channels": list(choices.channels),
        "paused_until": day.isoformat() if day else None,
    }


def companies(connection: Connection, subscription: Subscription) -> list[CarrierAccountRow]:
    """The accounts that a team's messages go over: whoever is behind them sees the recipient's data."""
    return accounts_of_team(connection, subscription.path)
