"""Judging rows on their own, a block at a time: every column to its normal form and type, every fault to a finding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.contacts.countries import country_code
from nightmail.contacts.emails import judge_emails
from nightmail.contacts.findings import Findings
from nightmail.contacts.languages import language_tag
from nightmail.contacts.phones import judge_phones
from nightmail.contacts.rules import CHANNEL_FIELDS, PHONE_FIELDS, ContactRules, Keep, PlaceholderRule
from nightmail.contacts.time_zones import country_time_zone, number_time_zones, time_zone_name
from nightmail.lake import TableFile
from nightmail.lake_schemas import CONTACTS, STANDARD_FIELDS


@dataclass(frozen=True)
class JudgedBlock:
    """What became of one block of rows."""

    contacts: pa.Table
    """The rows that can be used; duplicates are still among them."""
    rejects: pa.Table
    warnings: pa.Table
    preference: np.ndarray | None
    """For each row of ``contacts`` how much it is preferred among duplicates, where the feed's rule needs it."""


def map_distinct(column: pa.Array, verdict: Callable[[str], str | None]) -> pa.Array:
    """``verdict`` of each value, asked once for each distinct one; null stays null."""
    encoded = column.dictionary_encode()
    answers = pa.array([verdict(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return answers.take(encoded.indices)


def trimmed(column: pa.Array) -> pa.Array:
    """``column`` without white space around its values; null where nothing is left."""
    text = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(pc.binary_length(text), 0), pa.scalar(None, text.type), text)


@dataclass(frozen=True)
class RowJudge:
    """Judges the blocks of one contact file by its rules."""

    rules: ContactRules
    placeholders: tuple[tuple[str, str], ...]
    """Columns of the file that are placeholders, each with the name of its column in ``contacts``."""
    contact_schema: pa.Schema
    day: date

    @classmethod
    def of(cls, contact_file: TableFile, rules: ContactRules, day: date) -> RowJudge:
        """The judge for ``contact_file``; reads the columns whose form shows only in the whole column."""
        taken = set(CONTACTS.names)
        placeholders = []
        for name in contact_file.schema().names:
            if name == "line" or name in STANDARD_FIELDS:
                continue
            placeholders.append((name, f"{name}_given" if name in taken else name))
        fields = [pa.field(name, pa.string()) for _, name in placeholders]
        return cls(rules, tuple(placeholders), pa.schema([*CONTACTS, *fields]), day)

    def block(self, block: pa.Table) -> JudgedBlock:
        """Judge one block."""
        rows = block.num_rows
        findings = Findings(rows)
        line = _column(block, "line")
        given = {name: trimmed(_column(block, name)) for name in block.column_names if name != "line"}
        columns: dict[str, pa.Array] = {"line": line}
        absent = pa.nulls(rows, pa.string())

        columns["external_id"] = given.get("external_id", absent)
        if self.rules.require_external_id:
            missing = pc.is_null(columns["external_id"])
            findings.add(missing, "external_id", None, "external_id_missing", rejects_row=True)

        country = self._judge(given, "country", country_code, "country_unknown", findings)
        row_country = pc.fill_null(country, self.rules.default_country) if self.rules.default_country else country
        number_country = absent
        for name in PHONE_FIELDS:
            values = given.get(name, absent)
            if values.null_count == rows:
                columns[name] = columns[f"{name}_type"] = absent
                continue
            verdicts = judge_phones(values, row_country)
            columns[name], columns[f"{name}_type"] = verdicts.number, verdicts.type
            number_country = pc.coalesce(number_country, verdicts.country)
            for reasons in (verdicts.reason, verdicts.warning):
                for reason in pc.unique(reasons.drop_null()).to_pylist():
                    findings.add(pc.equal(reasons, reason), name, values, reason)
        emails = given.get("email", absent)
        if emails.null_count == rows:
            columns["email"] = absent
        else:
            judged = judge_emails(emails)
            columns["email"] = judged.address
            findings.add(pc.is_valid(judged.reason), "email", emails, "email_invalid")
            findings.add(pc.is_valid(judged.typo), "email", emails, "email_domain_typo", meant=judged.typo)

        columns["country"] = pc.coalesce(country, number_country, row_country)
        columns["language"] = self._judge(given, "language", language_tag, "language_unknown", findings)
        zone = self._judge(given, "time_zone", time_zone_name, "time_zone_unknown", findings)
        columns["time_zone"] = self._time_zones(zone, columns, number_country)
        columns["birth_date"] = pa.nulls(rows, pa.date32())
        for source, name in self.placeholders:
            columns[name] = given[source]
        self._judge_placeholders(columns, findings)

        usable = np.zeros(rows, dtype=bool)
        for name in self.rules.usable_fields:
            usable |= pc.is_valid(columns[name]).to_numpy(zero_copy_only=False)
        explained = findings.rows_with(frozenset(self.rules.usable_fields))
        findings.add(~usable & ~explained, None, None, "no_address", rejects_row=True)
        rejected = ~usable | findings.rejected()
        rejects, warnings = findings.lines(line, rejected)
        contacts = pa.table([columns[field.name] for field in self.contact_schema], schema=self.contact_schema)
        if rejected.any():
            contacts = contacts.filter(pa.array(~rejected))
        return JudgedBlock(contacts, rejects, warnings, self._preference(contacts))

    @staticmethod
    def _judge(
        given: dict[str, pa.Array],
        name: str,
        verdict: Callable[[str], str | None],
        reason: str,
        findings: Findings,
    ) -> pa.Array:
        """One column by distinct values, with ``reason`` noted where there is a value but no verdict."""
        values = given.get(name)
        if values is None or values.null_count == len(values):
            return pa.nulls(findings.block_rows, pa.string())
        judged = map_distinct(values, verdict)
        if judged.null_count != values.null_count:
            findings.add(pc.and_(pc.is_valid(values), pc.is_null(judged)), name, values, reason)
        return judged

    @staticmethod
    def _time_zones(given: pa.Array, columns: dict[str, pa.Array], number_country: pa.Array) -> pa.Array:
        """The row's own time zone, else the country's if it is single, else that of the place that a number belongs to."""
        zone = pc.coalesce(given, map_distinct(columns["country"], country_time_zone))
        at_home = pc.fill_null(pc.equal(number_country, columns["country"]), False)
        open_ = pc.and_(pc.is_null(zone), at_home)
        if not pc.any(open_).as_py():
            return zone
        nothing = pa.scalar(None, pa.string())
        for name in PHONE_FIELDS:
            number = pc.if_else(open_, columns[name], nothing)
            if number.null_count < len(number):
                zone = pc.coalesce(zone, number_time_zones(number, columns[f"{name}_type"]))
        return zone

    def _judge_placeholders(self, columns: dict[str, pa.Array], findings: Findings) -> None:
        """Note the rows that lack a placeholder of a body that they could receive."""
        for rule in self.rules.placeholders:
            if rule.required:
                missing = (
                    pc.is_null(columns[rule.name]) if rule.name in columns else pa.repeat(True, findings.block_rows)
                )
                concerned = self._receives(rule, columns)
                findings.add(pc.and_(missing, concerned), rule.name, None, "placeholder_missing", rejects_row=True)

    def _receives(self, rule: PlaceholderRule, columns: dict[str, pa.Array]) -> pa.Array:
        """A mask of the rows that could receive a body that uses the placeholder."""
        channels = [name for name in self.rules.channels if not rule.channels or name in rule.channels]
        fields = {name for channel in channels for name in CHANNEL_FIELDS[channel]}
        reached = pa.repeat(False, len(columns["line"]))
        for name in fields:
            reached = pc.or_(reached, pc.is_valid(columns[name]))
        if rule.languages and self.rules.template_languages:
            reached = pc.and_(
                reached, pc.is_in(self._body_language(columns["language"]), value_set=pa.array(sorted(rule.languages)))
            )
        return reached

    def _body_language(self, language: pa.Array) -> pa.Array:
        """The template's language for each row: the tag itself or, as RFC 4647 looks up, the longest part of it; else the default."""
        known = {tag.lower(): tag for tag in self.rules.template_languages}

        def lookup(tag: str) -> str | None:
            parts = tag.lower().split("-")
            for length in range(len(parts), 0, -1):
                found = known.get("-".join(parts[:length]))
                if found is not None:
                    return found
            return None

        found = map_distinct(language, lookup)
        return pc.fill_null(found, self.rules.default_language) if self.rules.default_language else found

    def _preference(self, contacts: pa.Table) -> np.ndarray | None:
        """How much each row is preferred among its duplicates."""
        if self.rules.keep is Keep.MOST_COMPLETE:
            filled = np.zeros(contacts.num_rows, dtype=np.int64)
            for column in contacts.columns:
                filled += pc.is_valid(column).to_numpy()
            return filled
        return None


def _column(block: pa.Table, name: str) -> pa.Array:
    column = block.column(name).combine_chunks()
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
