"""What the preview of an import shows: counts, and the first rows of each kind with what changes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import ADDRESS_FIELDS
from nightmail.contacts.import_modes import Fate, ImportPlan
from nightmail.contacts.import_reading import ImportTables
from nightmail.lake.schemas import REJECTS
from nightmail.reasons import REASONS, Kind, explain
from nightmail.row_checks import ContactsSummary

SAMPLES = 10
"""Rows that are shown of a kind."""


def plan_counts(plan: ImportPlan, judged: ContactsSummary, refused: Counter[str]) -> dict[str, Any]:
    """The counts of a file and of what it would change: ``rows = refused + duplicates + new + changed + equal + ...``."""
    counts = plan.counts()
    by_reason = Counter(judged.by_reason) + refused
    return {
        "rows": judged.rows,
        "rejects": judged.rejects,
        "duplicates": judged.duplicates,
        **counts,
        "refused": counts["refused"] + judged.rejects,
        "rejects_by_reason": dict(sorted(by_reason.items())),
        "warnings_by_reason": dict(judged.warnings_by_reason),
        "decided": [decision.as_dict() for decision in judged.decisions],
        "fields": list(plan.fields),
    }


def refuse_rows(tables: ImportTables, plan: ImportPlan) -> Counter[str]:
    """Add the rows that a plan refuses to the rejects of its file, so that they can be corrected with the others; count them by reason.

    A row without an address whose address cannot be read says so.
    """
    if not plan.refusals:
        return Counter()
    rows = sorted(plan.refusals)
    refused = dict(zip(plan.incoming.column("line").take(pa.array(rows)).to_pylist(), rows, strict=True))
    noticed = tables.warnings.read()
    noticed = noticed.filter(
        pc.and_(
            pc.is_in(noticed.column("line"), value_set=pa.array(list(refused), pa.int64())),
            pc.is_in(noticed.column("column"), value_set=pa.array(ADDRESS_FIELDS)),
        )
    )
    added = [line for line in noticed.to_pylist() if REASONS[line["reason"]].kind is Kind.REJECT]
    explained = {line["line"] for line in added}
    for line, row in refused.items():
        reason = plan.refusals[row]
        if reason != "no_address" or line not in explained:
            added.append({"line": line, "column": None, "value": None, "reason": reason, "message": explain(reason)})
    rejects = pa.concat_tables([tables.rejects.read(), pa.Table.from_pylist(added, schema=REJECTS)])
    tables.rejects.write(rejects.sort_by("line"))
    return Counter(reason for _, reason in {(line["line"], line["reason"]) for line in added})


def samples_of(plan: ImportPlan) -> list[dict[str, Any]]:
    """The first new, changed and removed contacts: ``what``, ``external_id``, the ``line`` and ``changes`` as [field, before, after]."""
    return [*_of_rows(plan, Fate.NEW), *_of_rows(plan, Fate.CHANGED), *_of_removed(plan)]


def _of_rows(plan: ImportPlan, fate: Fate) -> list[dict[str, Any]]:
    rows = plan.rows(fate)[:SAMPLES]
    fields = list(plan.fields)
    given = plan.incoming.select(fields).take(pa.array(rows))
    before: list[dict[str, Any]] = [{}] * len(rows)
    external = given.column("external_id").to_pylist() if "external_id" in fields else [None] * len(rows)
    if fate is Fate.CHANGED:
        known = plan.book.take(pa.array(plan.places[rows]))
        external = known.column("external_id").to_pylist()
        known = known.select(fields)
        given = pa.table({name: plan.merged(name, rows, given[name], known[name]) for name in fields})
        before = known.to_pylist()
    return [
        {
            "what": fate.name.lower(),
            "external_id": name,
            "line": line,
            "changes": [[key, old.get(key), value] for key, value in after.items() if value != old.get(key)],
        }
        for name, line, after, old in zip(
            external,
            plan.incoming.column("line").take(pa.array(rows)).to_pylist(),
            given.to_pylist(),
            before,
            strict=True,
        )
    ]


def _of_removed(plan: ImportPlan) -> list[dict[str, Any]]:
    gone = plan.book.select(["external_id"]).take(pa.array(plan.removed[:SAMPLES]))
    names = gone.column("external_id").to_pylist()
    return [{"what": "removed", "external_id": name, "line": None, "changes": []} for name in names]
