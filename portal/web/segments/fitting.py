"""Who a rule or a list holds now, as pages show it: the sentence, the count, and the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row

from nightmail.access.decisions import sees_personal
from nightmail.audit import record_look
from nightmail.contacts.list_membership import Membership
from nightmail.contacts.live_counts import estimated_members, members_within
from nightmail.contacts.segment_rules import Rule
from nightmail.contacts.segment_sentences import rule_sentence
from nightmail.errors import UsageError
from nightmail.privacy.masking import shown_address, shown_identifier
from portal.web.signed_in import SignedIn
from portal.web.translating import gettext

SAMPLE = 10
LOOK_S = 2.0
"""Seconds for which a page counts before it is shown; a rule may take the database minutes."""
COUNT_S = 50.0
"""Seconds for which it counts for who asks for the figure."""


@dataclass(frozen=True)
class Fitting:
    """Who is in it now; where that was not found in time, about how many."""

    sentence: str
    count: int
    sample: Sequence[tuple[int, str, str]]
    """Number, what it is called, and an address."""
    counted: bool = True
    """Whether ``count`` is no estimate."""
    seconds: float = LOOK_S
    """For how long was counted."""


def sentence_of_rule(rule: Rule) -> str:
    """The rule in the reader's language, as a sentence."""
    said = rule_sentence(rule, gettext)
    return f"{said[:1].upper()}{said[1:]}."


def fitting_of(
    engine: Engine, me: SignedIn, membership: Membership, subject: str, sentence: str = "", *, exactly: bool = False
) -> Fitting:
    """Who is meant now; that some of them were shown is recorded. ``exactly`` is for who waits for the figure longer."""
    seconds = COUNT_S if exactly else LOOK_S
    try:
        with engine.begin() as connection:
            found = members_within(connection, membership, SAMPLE, seconds=seconds)
    except UsageError:
        with engine.connect() as connection:
            about = estimated_members(connection, membership)
        return Fitting(sentence, about, (), counted=False, seconds=seconds)
    personal = sees_personal(me.principal, membership.team.path)
    if found.sample and personal:
        with engine.begin() as connection:
            record_look(
                connection,
                actor=me.principal.actor,
                subject=subject,
                team_id=membership.team.id,
                shown=("address", "name"),
                count=len(found.sample),
            )
    return Fitting(sentence, found.count, [_shown(row, personal=personal) for row in found.sample], seconds=seconds)


def _shown(row: Row[Any], *, personal: bool) -> tuple[int, str, str]:
    address = row.phone or row.email or row.landline
    return row.id, shown_identifier(row.external_id, personal=personal), shown_address(address, personal=personal)
