"""What a recipient chooses on their own page: topics, channels in order, language, quiet hours; and how it stands now.

A topic is a category. That one is not wanted is kept twice, as the contact's preference and as an opt-out of the address that the
page was opened from: the first holds for the contact on every channel, the second for the address whoever has it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, text

from nightmail.audit import write_entry
from nightmail.consent import own_choice_queries as queries
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
from nightmail.organisation.teams import team_ids_upwards
from nightmail.privacy import AddressHash

SOURCE = "preference_page"
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
    key = {"team": subscription.team_id, "contact": subscription.contact_id}
    row = connection.execute(text(queries.CHOSEN), key).first()
    chosen: dict[str, Any] = {} if row is None else dict(row._mapping)
    teams = team_ids_upwards(connection, subscription.path)
    out, into = set(chosen.get("categories_out") or ()), chosen.get("categories_in")
    named = [subscription.category, *(into or ())]
    values = {"team": subscription.path, "teams": teams, "named": named, "limit": MOST_TOPICS}
    rows = connection.execute(text(queries.TOPICS), values).all()
    in_force = suppressions_of(connection, subscription.address_hash, team=subscription.path)
    opted_out = {each.category for each in in_force if each.reason in ASKED_FOR}
    of_contact = {"teams": teams, "contact": subscription.contact_id}
    # Consent that is needed has to be there; a list of what is wanted counts for such topics alone.
    consented = set(connection.scalars(text(queries.CONSENTED), of_contact))
    wanted = consented if into is None else consented & set(into)
    topics = tuple(
        Topic(
            row.name,
            row.needs_consent,
            row.name not in out and row.name not in opted_out and (not row.needs_consent or row.name in wanted),
        )
        for row in rows
    )
    return Standing(
        topics,
        tuple(dict.fromkeys(each.channel for each in accounts_of_team(connection, subscription.path))),
        tuple(connection.scalars(text(queries.LANGUAGES), {"teams": teams})),
        Choices(
            frozenset(topic.name for topic in topics if topic.wanted),
            tuple(chosen.get("channels") or ()),
            chosen.get("language"),
            chosen.get("quiet_from"),
            chosen.get("quiet_until"),
            chosen.get("time_zone"),
        ),
        stopped=None in opted_out,
        held_elsewhere=any(not _is_own(each, subscription) for each in in_force),
    )


def choose(connection: Connection, subscription: Subscription, choices: Choices, *, seen: str) -> bool:
    """Keep what a recipient chose, in the caller's transaction; ``False`` where it stands otherwise than they had seen it.

    ``seen`` is the mark of what the form was filled in from (:attr:`Standing.seen`). Of ``choices`` each value is one that
    :func:`standing` offered; the caller has looked. What is chosen already is kept, however old the form is.
    """
    lock_choices(connection, subscription)
    before = standing(connection, subscription)
    if choices == before.chosen:
        return True
    if seen != before.seen:
        return False
    offered = {topic.name for topic in before.topics}
    consents = {topic.name for topic in before.topics if topic.needs_consent}
    unwanted = sorted(offered - choices.topics)
    connection.execute(
        text(queries.CHOOSE),
        {
            "team": subscription.team_id,
            "contact": subscription.contact_id,
            "channels": list(choices.channels) or None,
            "topics_in": sorted(choices.topics & consents) or None,
            "topics_out": unwanted or None,
            "quiet_from": choices.quiet_from,
            "quiet_until": choices.quiet_until,
            "time_zone": choices.time_zone,
            "language": choices.language,
        },
    )
    _settle_consents(connection, subscription, choices.topics & consents, consents - choices.topics)
    _opt_out(connection, subscription, [name for name in unwanted if name in before.chosen.topics])
    _lift(connection, subscription, choices.topics - before.chosen.topics)
    _audit(connection, subscription, "recipient.chose", before.chosen, choices)
    return True


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


def _settle_consents(
    connection: Connection, subscription: Subscription, given: Collection[str], withdrawn: Collection[str]
) -> None:
    """Record consents that are new, and end those that were taken back."""
    teams = team_ids_upwards(connection, subscription.path)
    of_contact = {"teams": teams, "contact": subscription.contact_id}
    known = set(connection.scalars(text(queries.CONSENTED), of_contact))
    new = sorted(set(given) - known)
    if new:
        values = {"team": subscription.team_id, "contact": subscription.contact_id, "how": SOURCE, "categories": new}
        connection.execute(text(queries.CONSENT), values)
    if known & set(withdrawn):
        connection.execute(text(queries.WITHDRAW), {**of_contact, "categories": sorted(withdrawn)})


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
    return {**asdict(choices), "topics": sorted(choices.topics), "channels": list(choices.channels)}


def companies(connection: Connection, subscription: Subscription) -> list[CarrierAccountRow]:
    """The accounts that a team's messages go over: whoever is behind them sees the recipient's data."""
    return accounts_of_team(connection, subscription.path)
