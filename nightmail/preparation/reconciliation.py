"""Rows reconcile: every row of the file ends in exactly one place. Counted from the tables, not from what stages said."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.preparation.stage_tables import StageTables
from nightmail.reasons.problems import stated_problem


@dataclass(frozen=True)
class Reconciled:
    """The counts of distinct file rows, and every equation that does not hold."""

    counts: dict[str, int]
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every row is accounted for."""
        return not self.differences

    def problem(self) -> dict[str, str]:
        """Return what the campaign is stopped for: ``reason, message, remedy``."""
        return stated_problem("rows_do_not_reconcile", detail="; ".join(self.differences))


def _lines(table: pa.Table) -> pa.ChunkedArray:
    return table["line"]


def reconcile_preparation(tables: StageTables, rows: int) -> Reconciled:
    """Reconcile what a preparation wrote with the ``rows`` of its file.

    A row with a reject line that is not ``duplicate_*`` is a reject; any other row in ``rejects`` is a duplicate.
    """
    rejects = tables.rejects.read(["line", "reason"])
    is_duplicate = pc.starts_with(rejects["reason"], "duplicate_")
    rejected = pc.unique(_lines(rejects.filter(pc.invert(is_duplicate))))
    duplicates = pc.unique(_lines(rejects.filter(is_duplicate)))
    only_duplicates = pc.sum(pc.invert(pc.is_in(duplicates, value_set=rejected))).as_py() or 0
    contacts = _lines(tables.contacts.read(["line"]))
    contact_lines = pc.unique(contacts)
    in_both = pc.sum(pc.is_in(contact_lines, value_set=pc.unique(_lines(rejects)))).as_py() or 0
    audience = tables.audience.read(["line", "state"])
    held = pc.unique(_lines(audience.filter(pc.equal(audience["state"], "held"))))
    planned = pc.unique(_lines(audience.filter(pc.equal(audience["state"], "planned"))))
    strangers = pc.sum(pc.invert(pc.is_in(_lines(audience), value_set=contact_lines))).as_py() or 0
    messages = tables.messages.read(["line", "step", "state"])
    first = pc.unique(_lines(messages.filter(pc.equal(messages["state"], "queued"))))
    without = pc.sum(pc.invert(pc.is_in(planned, value_set=first))).as_py() or 0
    unplanned = pc.sum(pc.invert(pc.is_in(pc.unique(_lines(messages)), value_set=planned))).as_py() or 0
    counts = {
        "rows": rows,
        "rejects": len(rejected),
        "duplicates": int(only_duplicates),
        "contacts": len(contacts),
        "planned": len(planned),
        "held": len(held),
        "messages": messages.num_rows,
        "queued": messages.num_rows - _count(messages, "standby"),
        "standby": _count(messages, "standby"),
    }
    equations = (
        (
            counts["rejects"] + counts["duplicates"] + counts["contacts"],
            rows,
            "rejects + duplicates + contacts",
            "rows",
        ),
        (counts["planned"] + counts["held"], counts["contacts"], "planned + held", "contacts"),
        (audience.num_rows, counts["contacts"], "rows of audience", "contacts"),
        (len(contact_lines), counts["contacts"], "distinct lines of contacts", "contacts"),
        (int(in_both), 0, "lines that are both contact and reject", "none"),
        (int(strangers), 0, "lines of audience that are no contact", "none"),
        (int(without), 0, "planned contacts without a message", "none"),
        (int(unplanned), 0, "lines with a message that are not planned", "none"),
    )
    differences = tuple(
        f"{name} = {left}, {other} = {right}" for left, right, name, other in equations if left != right
    )
    return Reconciled(counts, differences)


def _count(messages: pa.Table, state: str) -> int:
    return int(pc.sum(pc.equal(messages["state"], state)).as_py() or 0)
