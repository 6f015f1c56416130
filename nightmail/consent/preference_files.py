"""A file of preferences read and judged: by the reader of contact files, with the same tables and the same words for what is wrong.

A row is of the contact of the team's address book with its ``external_id``; without one, of the only contact that has its address.
Somebody who was removed is known too: what they stated holds when they come back.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, text

from nightmail.channels import ADDRESS_FIELDS, EMAIL_FIELD
from nightmail.consent import preference_queries as queries
from nightmail.consent.preference_rows import COLUMNS, Problem, RowRules, read_row
from nightmail.contact_files import ReadOptions, read_contact_file
from nightmail.contacts.import_reading import ImportTables
from nightmail.errors import ContactFileError
from nightmail.lake import column_of
from nightmail.lake.schemas import REJECTS
from nightmail.privacy.hashes import address_hash, contact_ids
from nightmail.progress import Progress
from nightmail.reasons import explain
from nightmail.row_checks.emails import judge_email

STATEMENTS = pa.schema(
    [
        pa.field("line", pa.int64(), nullable=False),
        pa.field("contact_id", pa.string(), nullable=False),
        pa.field("identity", pa.string()),
        pa.field("at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("changes", pa.string(), nullable=False),
    ]
)
"""What the rows that are taken state; ``identity`` is how the file calls the contact."""
BLOCK = 50_000
_WHO = ("external_id", *ADDRESS_FIELDS)


@dataclass(frozen=True, kw_only=True)
class PreferenceRules:
    """How the file is read: ``rows`` by row, the others as a whole."""

    team_id: int
    team: str
    hash_key: bytes = field(repr=False)
    rows: RowRules
    default_country: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    file_name: str | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class JudgedPreferences:
    """What became of the rows: ``rows = rejects + stated``."""

    rows: int = 0
    rejects: int = 0
    stated: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    ignored: tuple[str, ...] = ()


def judge_preferences(
    connection: Connection, source: Path, tables: ImportTables, rules: PreferenceRules, progress: Progress | None = None
) -> JudgedPreferences:
    """Read ``source``; its statements are in ``tables.contacts`` then, and its rejected rows in ``tables.rejects``.

    Raises :class:`ContactFileError` when the file cannot be used at all (``file_no_known_column``, ``preference_columns_missing``).
    """
    options = ReadOptions(
        rejects=tables.file_rejects,
        mapping=dict(rules.mapping),
        known_placeholders=COLUMNS,
        file_name=rules.file_name or source.name,
        **rules.limits,
    )
    summary = read_contact_file(source, tables.contact_file, options, progress)
    columns = tables.contact_file.schema().names
    if not any(name in columns for name in _WHO):
        raise ContactFileError("file_no_known_column", columns=", ".join(columns[1:11]))
    if not any(name in columns for name in COLUMNS if name != "stated_at"):
        raise ContactFileError(
            "preference_columns_missing", columns=", ".join(columns[1:11]), known=", ".join(COLUMNS[:-1])
        )
    meant = {target: header for header, target in summary.mapping.items()}
    found = JudgedPreferences(
        rows=summary.rows,
        decisions=[each.as_dict() for each in summary.decisions],
        ignored=tuple(meant.get(name, name) for name in columns if name not in ("line", *_WHO, *COLUMNS)),
    )
    rejects = [tables.file_rejects.read()]
    found.by_reason.update(rejects[0].column("reason").to_pylist())
    statements = []
    wanted = [name for name in ("line", *_WHO, *COLUMNS) if name in columns]
    done = 0
    for block in tables.contact_file.blocks(wanted, BLOCK):
        taken, refused = _Block(connection, rules, found.by_reason).judge(block)
        statements.append(pa.Table.from_pylist(taken, schema=STATEMENTS))
        rejects.append(pa.Table.from_pylist(refused, schema=REJECTS))
        done += block.num_rows
        if progress is not None:
            progress("rows", done, summary.rows)
    tables.contacts.write(pa.concat_tables(statements))
    whole = pa.concat_tables(rejects).sort_by("line")
    tables.rejects.write(whole)
    found.rejects = len(pc.unique(whole.column("line")))
    found.stated = found.rows - found.rejects
    return found


@dataclass
class _Block:
    """Some rows of the file."""

    connection: Connection
    rules: PreferenceRules
    by_reason: Counter[str]

    def judge(self, block: pa.Table) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The statements of the rows that are taken, and the lines of those that are not."""
        names = block.column_names
        rows = [
            {name: value.strip() if isinstance(value, str) else value for name, value in zip(names, row, strict=True)}
            for row in zip(*(column_of(block, name).to_pylist() for name in names), strict=True)
        ]
        owners = self._owners(rows)
        taken, refused = [], []
        for row, owner in zip(rows, owners, strict=True):
            read = read_row(row, self.rules.rows)
            problems = [*([owner] if isinstance(owner, Problem) else []), *read.problems]
            for each in problems:
                shown = {"value": each.value, **each.fields}
                message = explain(each.reason, **shown)
                refused.append(
                    {
                        "line": row["line"],
                        "column": each.column or None,
                        "value": each.value or None,
                        "reason": each.reason,
                        "message": message,
                        "duplicate_of": None,
                    }
                )
            self.by_reason.update({each.reason for each in problems})
            if isinstance(owner, str) and not problems:
                identity = next((row[name] for name in _WHO if row.get(name)), None)
                taken += [
                    {
                        "line": row["line"],
                        "contact_id": owner,
                        "identity": identity,
                        "at": at,
                        "changes": json.dumps(changes, sort_keys=True),
                    }
                    for at, changes in read.statements
                ]
        return taken, refused

    def _owners(self, rows: list[dict[str, Any]]) -> list[str | Problem]:
        """For each row the id of its contact, or why nobody can say whose it is."""
        numbered = [row.get("external_id") or None for row in rows]
        ids = contact_ids(self.rules.team, [each or "" for each in numbered], self.rules.hash_key)
        known = self._known([id_ for id_, number in zip(ids, numbered, strict=True) if number])
        addresses = [self._address(row) if number is None else None for row, number in zip(rows, numbered, strict=True)]
        by_address = self._by_address([each[2] for each in addresses if isinstance(each, tuple)])
        owners: list[str | Problem] = []
        for id_, number, address in zip(ids, numbered, addresses, strict=True):
            if number is not None:
                owners.append(id_ if id_ in known else Problem("external_id", number, "preference_contact_unknown", {}))
            elif isinstance(address, tuple):
                column, written, hashed = address
                found = by_address.get(hashed, set())
                if len(found) == 1:
                    owners.append(next(iter(found)))
                else:
                    reason = "preference_address_shared" if found else "preference_contact_unknown"
                    owners.append(Problem(column, written, reason, {}))
            else:
                owners.append(address or Problem("", "", "no_address", {}))
        return owners

    def _address(self, row: Mapping[str, Any]) -> tuple[str, str, bytes] | Problem | None:
        """The first address of a row: its column, as it was written, and its keyed hash."""
        # Numbering plans are large: they are read when the first number is.
        from nightmail.row_checks.phones import judge_phone

        for column in ADDRESS_FIELDS:
            written = row.get(column)
            if not written:
                continue
            if column == EMAIL_FIELD:
                address, reason = judge_email(written), "email_invalid"
            else:
                verdict = judge_phone(written, self.rules.default_country)
                address, reason = verdict.number, verdict.reason or "phone_invalid"
            if address is None:
                return Problem(column, written, reason, {"readings": "two numbers"})
            return column, written, bytes(address_hash(address, self.rules.hash_key))
        return None

    def _known(self, ids: list[str]) -> set[str]:
        values = {"team": self.rules.team_id, "ids": ids}
        return set(self.connection.scalars(text(queries.CONTACTS_THERE), values)) if ids else set()

    def _by_address(self, hashes: list[bytes]) -> dict[bytes, set[str]]:
        found: dict[bytes, set[str]] = {}
        if hashes:
            values = {"team": self.rules.team_id, "hashes": hashes}
            for row in self.connection.execute(text(queries.CONTACTS_OF_ADDRESSES), values):
                found.setdefault(bytes(row.hash), set()).add(row.contact_id)
        return found


def statement_blocks(tables: ImportTables) -> Iterator[list[dict[str, Any]]]:
    """The statements of a judged file, in blocks; ``changes`` as they are kept."""
    for block in tables.contacts.blocks(rows=BLOCK):
        rows = block.to_pylist()
        for row in rows:
            row["changes"] = json.loads(row["changes"])
        yield rows
