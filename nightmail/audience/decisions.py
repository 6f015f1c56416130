"""What was decided about each contact on each channel, and by which rules: the table ``audience_decisions``.

A contact's verdicts stand in the order of its channels. From them the audience follows (:func:`decide_again`), so that "why
not by SMS?" has an answer for who got an email, too. The rules as they were stand in the file's metadata, under
:data:`RULES`, with the version that each row names.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.audience.policy import AudiencePolicy
from nightmail.audience.verdicts import GOOD, NO_ADDRESS, REASONS, Positions, Verdicts
from nightmail.lake import TableFile
from nightmail.lake.schemas import AUDIENCE_DECISIONS
from nightmail.organisation.audience_rules import StatedRules

RULES = "rules"
FALLBACKS = "fallbacks"


def decision_rows(
    lines: pa.ChunkedArray, channels: Sequence[str], verdicts: Verdicts, whole: Verdicts, order: Positions, version: str
) -> pa.Table:
    """The rows of a block of contacts: the few combinations that there are, written out once each."""
    ordered = np.take_along_axis(verdicts, order, axis=1).astype(np.int64)
    # What forbids a contact altogether stands on the channels without an address, too.
    forbidden = whole != GOOD
    ordered[forbidden] = whole[forbidden, None]
    codes = np.zeros(len(ordered), dtype=np.int64)
    # Folded channel by channel, and made small again: many channels would not fit into one number.
    for place in range(order.shape[1]):
        codes = codes * (len(REASONS) * len(channels)) + ordered[:, place] * len(channels) + order[:, place]
        _, codes = np.unique(codes, return_inverse=True)
        codes = codes.reshape(-1)
    _, first = np.unique(codes, return_index=True)
    names = pa.array([[channels[at] for at in order[row]] for row in first], pa.list_(pa.string()))
    found = pa.array([[REASONS[code] or None for code in ordered[row]] for row in first], pa.list_(pa.string()))
    taken = pa.array(codes)
    return pa.table(
        {
            "line": lines,
            "channels": names.take(taken),
            "verdicts": found.take(taken),
            "rules": pa.repeat(version, len(codes)),
        },
        schema=AUDIENCE_DECISIONS,
    )


def rules_version(stated: Sequence[StatedRules]) -> str:
    """One short name for the rules of a team and of those above it: each team's path and the version of what it says."""
    return " ".join(f"{team.team}@{team.version}" for team in stated)


def rules_as_they_were(policy: AudiencePolicy) -> str:
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
            FALLBACKS: policy.has_fallbacks,
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


def decisions_at(decisions: TableFile, lines: Sequence[int]) -> dict[int, list[tuple[str, str | None]]]:
    """What was decided on each channel about the contacts of some lines, in the order of each; empty where the table is gone."""
    if not decisions.exists():
        return {}
    found: dict[int, list[tuple[str, str | None]]] = {}
    wanted = pa.array(lines, pa.int64())
    for block in decisions.blocks(["line", "channels", "verdicts"]):
        for row in block.filter(pc.is_in(block["line"], wanted)).to_pylist():
            found[row["line"]] = list(zip(row["channels"], row["verdicts"], strict=True))
    return found


def rules_of(decisions: TableFile) -> dict[str, Any]:
    """The rules that were followed, as they were: see :func:`rules_as_they_were`."""
    found: dict[str, Any] = json.loads((decisions.schema().metadata or {}).get(RULES.encode(), b"{}"))
    return found
