"""What was decided about each contact on each channel, by what and by which record: the table ``audience_decisions``.

A contact's verdicts stand in the order of its channels, each with what decided (a rule of a team by its place, such as
``acme/countries/0``, or a word such as ``suppression``) and the id of the record. From them the audience follows
(:func:`decide_again`), so that "why not by SMS?" has an answer for who got an email, too. The rules as they were stand in the
file's metadata, under :data:`RULES`, with the version that each row names, and with what is looked at on each channel, in order:
what stands there before the decider was looked at, and had no objection.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.audience.policy import AudiencePolicy
from nightmail.audience.selection import in_order
from nightmail.audience.verdicts import (
    GOOD,
    NO_ADDRESS,
    REASONS,
    Deciders,
    Positions,
    Records,
    Verdicts,
    Whole,
    codes_of,
)
from nightmail.lake import TableFile
from nightmail.lake.schemas import AUDIENCE_DECISIONS
from nightmail.organisation.audience_rules import StatedRules

RULES = "rules"
FALLBACKS = "fallbacks"
LOOKED_AT = "looked_at"
_BY_CHANNEL = ("decided_by", "records", "consents")
"""Columns with an entry for each channel that tables of earlier versions lack."""


@dataclass(frozen=True)
class Decided:
    """What was decided about a block of contacts; all but ``order`` by row and channel."""

    lines: pa.ChunkedArray
    channels: Sequence[str]
    order: Positions
    verdicts: Verdicts
    deciders: Deciders
    records: Records
    consents: Records | None
    """The consents by which contacts were let through; ``None`` where none is needed."""
    whole: Whole
    statements: pa.Array
    """The ids of the statements that each contact's choices come to."""


def decision_rows(decided: Decided, names: Sequence[str], version: str) -> pa.Table:
    """The rows of a block of contacts: the few combinations that there are written out once each, and the ids of records."""
    order, channels = decided.order, decided.channels
    verdicts = in_order(decided.verdicts, order).astype(np.int64)
    deciders = in_order(decided.deciders, order).astype(np.int64)
    records = in_order(decided.records, order)
    # What forbids a contact altogether stands on the channels without an address, too.
    forbidden = np.flatnonzero(decided.whole.verdicts != GOOD)
    verdicts[forbidden] = decided.whole.verdicts[forbidden, None]
    deciders[forbidden] = decided.whole.deciders[forbidden, None]
    records[forbidden] = -1
    consents = np.full(order.shape, -1, dtype=np.int64)
    if decided.consents is not None:
        consents = in_order(decided.consents, order)
        consents[forbidden] = -1
    codes = np.zeros(len(order), dtype=np.int64)
    # Folded channel by channel, and made small again: many channels would not fit into one number.
    for place in range(order.shape[1]):
        here = (verdicts[:, place] * len(names) + deciders[:, place]) * len(channels) + order[:, place]
        encoded = pa.array(codes * (len(REASONS) * len(names) * len(channels)) + here).dictionary_encode()
        codes = codes_of(encoded).astype(np.int64)
    first = np.empty(int(codes.max(initial=-1)) + 1, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    taken = pa.array(codes)

    def written(texts: list[list[str | None]]) -> pa.Array:
        return pa.array(texts, pa.list_(pa.string())).take(taken)

    return pa.table(
        {
            "line": decided.lines,
            "channels": written([[channels[at] for at in order[row]] for row in first]),
            "verdicts": written([[REASONS[code] or None for code in verdicts[row]] for row in first]),
            "decided_by": written([[names[code] or None for code in deciders[row]] for row in first]),
            "records": _lists(records),
            "consents": _lists(consents),
            "preferences": decided.statements,
            "rules": pa.repeat(version, len(codes)),
        },
        schema=AUDIENCE_DECISIONS,
    )


def _lists(records: Records) -> pa.Array:
    """The ids of each row as a list; null where none of a row decided by a record."""
    known = records >= 0
    if not known.any():
        return pa.nulls(len(records), pa.list_(pa.int64()))
    offsets = np.arange(len(records) + 1, dtype=np.int32) * records.shape[1]
    values = pa.array(records.reshape(-1), mask=~known.reshape(-1))
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def rules_version(stated: Sequence[StatedRules]) -> str:
    """One short name for the rules of a team and of those above it: each team's path and the version of what it says."""
    return " ".join(f"{team.team}@{team.version}" for team in stated)


def rules_as_they_were(policy: AudiencePolicy, looked_at: dict[str, list[str]]) -> str:
    """The rules that were followed, for the file's metadata: settings alone, no personal data."""
    stated = [
        {"team": team.team, "version": team.version, "rules": team.rules.model_dump(mode="json", exclude_defaults=True)}
        for team in policy.rules
    ]
    return json.dumps(
        {
            "teams": stated,
            "category": policy.category,
            "urgent": policy.urgent,
            "needs_consent": policy.needs_consent,
            "moment": policy.moment.isoformat(),
            "cut_off": policy.cut_off and policy.cut_off.isoformat(),
            "quiet_hours": policy.quiet_hours and str(policy.quiet_hours),
            "quiet_channels": sorted(policy.quiet_channels),
            FALLBACKS: policy.has_fallbacks,
            LOOKED_AT: looked_at,
        }
    )


def decide_again(channels: Sequence[str], verdicts: Sequence[str | None], *, fallbacks: bool) -> dict[str, Any]:
    """What follows for a contact from its row: ``state``, ``channel``, ``fallbacks`` and ``reason``, as the audience has them."""
    usable = [channel for channel, verdict in zip(channels, verdicts, strict=True) if verdict is None]
    if usable:
        further = usable[1:] if fallbacks else []
        return {"state": "planned", "channel": usable[0], "fallbacks": further, "reason": None}
    nothing = REASONS[NO_ADDRESS]
    reason = next((verdict for verdict in verdicts if verdict != nothing), nothing)
    return {"state": "held", "channel": None, "fallbacks": [], "reason": reason}


@dataclass(frozen=True)
class Decision:
    """What was decided about a contact on one channel."""

    channel: str
    reason: str | None
    """Why it cannot be used; ``None``: it can."""
    by: str | None = None
    """What decided: the place of a team's rule, or a word such as ``suppression``; ``None`` for what nothing objected to."""
    record: int | None = None
    """The id of the suppression or the consent, or the line of the contact who has the address already."""
    consent: int | None = None
    """The id of the consent that let it through, whatever was decided after that."""
    preferences: tuple[int, ...] = ()
    """The statements that the contact's choices come to."""
    rules: str = ""
    """The teams whose rules were followed, with the version of each."""


def decisions_at(decisions: TableFile, lines: Sequence[int]) -> dict[int, list[Decision]]:
    """What was decided on each channel about the contacts of some lines, in the order of each; empty where the table is gone."""
    if not decisions.exists():
        return {}
    found: dict[int, list[Decision]] = {}
    wanted = pa.array(lines, pa.int64())
    there = decisions.schema().names
    # Tables of earlier versions do not say by what.
    for block in decisions.blocks([name for name in AUDIENCE_DECISIONS.names if name in there]):
        for row in block.filter(pc.is_in(block["line"], wanted)).to_pylist():
            nothing = [None] * len(row["channels"])
            columns = (row["channels"], row["verdicts"], *(row.get(name) or nothing for name in _BY_CHANNEL))
            statements = tuple(row.get("preferences") or ())
            found[row["line"]] = [
                Decision(channel, reason, by, record, consent, statements, row["rules"])
                for channel, reason, by, record, consent in zip(*columns, strict=True)
            ]
    return found


def rules_of(decisions: TableFile) -> dict[str, Any]:
    """The rules that were followed, as they were: see :func:`rules_as_they_were`."""
    found: dict[str, Any] = json.loads((decisions.schema().metadata or {}).get(RULES.encode(), b"{}"))
    return found
