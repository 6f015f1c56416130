"""Who a rule or a list holds now, as pages show it: the sentence, the count, and the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from nightmail.access.decisions import sees_personal
from nightmail.audit import record_look
from nightmail.contacts.list_membership import Membership, count_members, sample_members
from nightmail.contacts.segment_rules import Rule
from nightmail.contacts.segment_sentences import rule_sentence
from nightmail.privacy.masking import shown_address, shown_identifier
from portal.web.signed_in import SignedIn
from portal.web.translating import gettext

SAMPLE = 10


@dataclass(frozen=True)
class Fitting:
    """Who is in it now."""

    sentence: str
    count: int
    sample: Sequence[tuple[int, str, str]]
    """Number, what it is called, and an address."""


def sentence_of_rule(rule: Rule) -> str:
    """The rule in the reader's language, as a sentence."""
    said = rule_sentence(rule, gettext)
    return f"{said[:1].upper()}{said[1:]}."


def fitting_of(
    connection: Connection, me: SignedIn, membership: Membership, subject: str, sentence: str = ""
) -> Fitting:
    """Who is meant now; that some of them were shown is recorded."""
    count = count_members(connection, membership)
    rows = sample_members(connection, membership, SAMPLE) if count else []
    personal = sees_personal(me.principal, membership.team.path)
    if rows and personal:
        record_look(
            connection,
            actor=me.principal.actor,
            subject=subject,
            team_id=membership.team.id,
            shown=("address", "name"),
            count=len(rows),
        )
    return Fitting(sentence, count, [_shown(row, personal=personal) for row in rows])


def _shown(row: Row[Any], *, personal: bool) -> tuple[int, str, str]:
    address = row.phone or row.email or row.landline
    return row.id, shown_identifier(row.external_id, personal=personal), shown_address(address, personal=personal)
