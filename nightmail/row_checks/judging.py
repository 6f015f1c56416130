"""Judging rows on their own, a block at a time: every column to its normal form and type, every fault to a finding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import ADDRESS_FIELDS, PHONE_FIELDS
from nightmail.contact_files.summary import FileDecision
from nightmail.lake import TableFile, column_of
from nightmail.lake.masks import present
from nightmail.lake.schemas import CONTACTS, WARNINGS
from nightmail.organisation.feed_choices import Keep
from nightmail.reasons import explain
from nightmail.row_checks.addresses import AddressJudge
from nightmail.row_checks.cleaning import Cleaning
from nightmail.row_checks.convention_decisions import decided_about_dates
from nightmail.row_checks.countries import subdivision_code
from nightmail.row_checks.date_orders import DateConvention, usual_order
from nightmail.row_checks.dates import DateColumn
from nightmail.row_checks.duplicates import has_fillers
from nightmail.row_checks.findings import Findings
from nightmail.row_checks.key_trust import KeyTrust
from nightmail.row_checks.languages import language_tag
from nightmail.row_checks.placeholders import PlaceholderJudge
from nightmail.row_checks.recurring import (
    RECURRING,
    coalesce,
    equal,
    map_distinct,
    nulls,
    plain,
    recurring,
    replaced,
)
from nightmail.row_checks.reject_files import original_headers
from nightmail.row_checks.rules import ContactRules
from nightmail.row_checks.time_zones import country_time_zone, number_time_zones, time_zone_name

_MONEY_DECIMALS = 2
_DISTINCT_FIELDS = frozenset({"line", "external_id", *ADDRESS_FIELDS})
"""Fields of the file whose values are looked at one by one, even where they recur."""
_RECURRING_FIELDS = frozenset(
    {"country", "country_subdivision", "language", "time_zone", *(f"{name}_type" for name in PHONE_FIELDS)}
)
"""Fields of a contact whose values are few."""


@dataclass(frozen=True)
class JudgedBlock:
    """What became of one block of rows."""

    contacts: pa.Table
    """All rows in the form of contacts; rejects and duplicates are still among them."""
    rejected: np.ndarray
    """A mask of the rows that cannot be used."""
    rejects: pa.Table
    warnings: pa.Table
    preference: np.ndarray | None
    """For each row of ``contacts`` how much it is preferred among duplicates, where the feed's rule needs it."""


@dataclass(frozen=True)
class RowJudge:
    """Judges the blocks of one contact file by its rules."""

    rules: ContactRules
    cleaning: Cleaning
    keys: KeyTrust
    addresses: AddressJudge
    placeholders: PlaceholderJudge
    contact_schema: pa.Schema
    recurring: tuple[str, ...]
    """The columns of the file that are to be read by their distinct values."""
    birth_dates: DateColumn
    recency: DateColumn
    """Reads :attr:`~nightmail.row_checks.rules.ContactRules.keep_by`."""

    @classmethod
    def of(cls, contact_file: TableFile, rules: ContactRules, day: date) -> RowJudge:
        """The judge for ``contact_file``; reads the columns whose form shows only in the whole column."""
        headers = original_headers(contact_file)
        usual = usual_order(rules.default_country)
        birth_dates = DateColumn(
            DateConvention(rules.date_order, usual), day, birth=True, country=rules.default_country
        )
        recency = DateColumn(DateConvention(rules.date_order, usual), day, country=rules.default_country)
        placeholders = PlaceholderJudge.of(rules, headers, CONTACTS.names, day)
        cleaning = Cleaning(headers, placeholders.texts() - set(rules.unique_by))
        looking = [*placeholders.conventions()]
        if "birth_date" in headers:
            looking.append(("birth_date", birth_dates.convention))
        if rules.keep == Keep.MOST_RECENT and rules.keep_by is not None and rules.keep_by in headers:
            looking.append((rules.keep_by, recency.convention))
        by_distinct = set(contact_file.recurring_columns()) - _DISTINCT_FIELDS
        if looking:
            columns = list(dict.fromkeys(name for name, _ in looking))
            for block in contact_file.blocks(columns, recurring=tuple(by_distinct)):
                for name, convention in looking:
                    convention.look_at(cleaning.look_at(name, column_of(block, name)))
        fields = [pa.field(field.name, RECURRING) if field.name in _RECURRING_FIELDS else field for field in CONTACTS]
        return cls(
            rules=rules,
            cleaning=cleaning,
            keys=KeyTrust(headers),
            addresses=AddressJudge.of(contact_file, rules.default_country),
            placeholders=placeholders,
            contact_schema=pa.schema([*fields, *placeholders.fields(by_distinct)]),
            recurring=tuple(by_distinct),
            birth_dates=birth_dates,
            recency=recency,
        )

    def decisions(self) -> tuple[FileDecision, ...]:
        """What was decided for whole columns, once all blocks are judged."""
        header = self.placeholders.headers.get("birth_date", "birth_date")
        return (
            *self.cleaning.decisions(),
            *self.keys.decisions(),
            *self.addresses.decisions(),
            *decided_about_dates("birth_date", header, self.birth_dates, self.rules.default_country),
            *self.placeholders.decisions(),
        )

    def column_warnings(self) -> pa.Table:
        """Lines of warnings about whole columns, which belong to no line of the file."""
        mixed = [*self.placeholders.mixed()]
        if self.birth_dates.convention.mixed:
            mixed.insert(0, ("birth_date", "date_order_mixed"))
        lines = [
            {"line": None, "column": name, "value": None, "reason": reason, "message": explain(reason, column=name)}
            for name, reason in mixed
        ]
        return pa.Table.from_pylist(lines, schema=WARNINGS)

    def block(self, block: pa.Table) -> JudgedBlock:
        """Judge one block."""
        rows = block.num_rows
        findings = Findings(rows)
        line = column_of(block, "line")
        given = {name: self.cleaning.clean(name, column_of(block, name)) for name in self.placeholders.headers}
        columns: dict[str, pa.Array] = {"line": line}
        absent = pa.nulls(rows, pa.string())

        columns["external_id"] = self.keys.trusted_ids(given.get("external_id", absent), findings)
        if self.rules.require_external_id:
            missing = pc.is_null(columns["external_id"])
            findings.add(missing, "external_id", None, "external_id_missing", rejects_row=True)

        addresses = self.addresses.judge(given, findings)
        columns.update(addresses.columns)
        columns["country_subdivision"] = nulls(rows)
        if "country" in given:
            columns["country_subdivision"] = map_distinct(given["country"], subdivision_code)
        columns["language"] = self._judge(given, "language", language_tag, "language_unknown", findings)
        zone = self._judge(given, "time_zone", time_zone_name, "time_zone_unknown", findings)
        columns["time_zone"] = self._time_zones(zone, columns, addresses.number_country)
        self._judge_birth_dates(given.get("birth_date"), columns, findings)
        self.placeholders.judge(given, columns, findings)
        for name in self.rules.unique_by:
            if name in given and name in columns and has_fillers(name, columns[name].type):
                self.keys.look_at(name, given[name], findings)

        usable = np.zeros(rows, dtype=bool)
        for name in self.rules.usable_fields:
            usable |= present(columns[name])
        if not self.rules.address_needed:
            usable |= present(columns["external_id"])
        explained = findings.rows_with(frozenset(self.rules.usable_fields))
        findings.add(~usable & ~explained, None, None, "no_address", rejects_row=True)
        rejected = ~usable | findings.rejected()
        rejects, warnings = findings.lines(line, rejected)
        contacts = pa.table(
            [_typed(columns[field.name], field.type) for field in self.contact_schema], schema=self.contact_schema
        )
        preference = self._preference(contacts, given.get(self.rules.keep_by or ""))
        return JudgedBlock(contacts, rejected, rejects, warnings, preference)

    @staticmethod
    def _judge(
        given: dict[str, pa.Array],
        name: str,
        verdict: Callable[[str], str | None],
        reason: str,
        findings: Findings,
    ) -> pa.DictionaryArray:
        """One column by distinct values, with ``reason`` noted where there is a value but no verdict."""
        values = given.get(name)
        if values is None or values.null_count == len(values):
            return nulls(findings.block_rows)
        judged = map_distinct(values, verdict)
        if judged.null_count != values.null_count:
            findings.add(pc.and_(pc.is_valid(values), pc.is_null(judged)), name, values, reason)
        return judged

    @staticmethod
    def _time_zones(
        given: pa.DictionaryArray, columns: dict[str, pa.Array], number_country: pa.DictionaryArray
    ) -> pa.DictionaryArray:
        """The row's own time zone, else the country's if it is single, else that of the place that a number belongs to."""
        zone = coalesce(given, map_distinct(columns["country"], country_time_zone))
        at_home = pc.fill_null(equal(number_country, columns["country"]), False)
        for name in PHONE_FIELDS:
            number = columns[name]
            open_ = pc.and_(pc.is_null(zone), at_home)
            if number.null_count < len(number) and pc.any(open_).as_py():
                found = number_time_zones(number.filter(open_), columns[f"{name}_type"].filter(open_))
                zone = replaced(zone, open_, found)
        return zone

    def _judge_birth_dates(self, given: pa.Array | None, columns: dict[str, pa.Array], findings: Findings) -> None:
        """Birth dates, with what had to be assumed about them noted. One that cannot be read holds its contact."""
        rows = findings.block_rows
        columns["birth_date"] = pa.nulls(rows, pa.date32())
        columns["birth_date_unread"] = pa.array(np.zeros(rows, dtype=bool))
        if given is None or given.null_count == rows:
            return
        judged = self.birth_dates.judge(given, columns["country"])
        columns["birth_date"], columns["birth_date_unread"] = judged.dates, pa.array(judged.invalid)
        findings.add(judged.invalid, "birth_date", given, "birth_date_invalid")
        findings.add(judged.ambiguous, "birth_date", given, "birth_date_order_assumed")
        findings.add(judged.century_assumed, "birth_date", given, "birth_date_century_assumed")
        findings.add(judged.incomplete, "birth_date", given, "birth_date_day_assumed")

    def _preference(self, contacts: pa.Table, kept_by: pa.Array | None) -> np.ndarray | None:
        """How much each row is preferred among its duplicates."""
        if self.rules.keep == Keep.MOST_COMPLETE:
            filled = np.zeros(contacts.num_rows, dtype=np.float64)
            for column in contacts.columns:
                filled += pc.is_valid(column).to_numpy()
            return filled
        if self.rules.keep == Keep.MOST_RECENT and kept_by is not None:
            encoded = kept_by.dictionary_encode()
            ranks = np.array([*(self._recency(text) for text in encoded.dictionary.to_pylist()), -np.inf])
            return np.asarray(ranks[pc.fill_null(encoded.indices, len(ranks) - 1).to_numpy(zero_copy_only=False)])
        return None

    def _recency(self, text: str) -> float:
        """A moment as seconds, or a number as it is; what is neither comes before everything."""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            found = self.recency.judge(pa.array([text])).dates[0].as_py()
            if found is None:
                try:
                    return float(text)
                except ValueError:
                    return -np.inf
            moment = datetime(found.year, found.month, found.day, tzinfo=UTC)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def _typed(column: pa.Array, type_: pa.DataType) -> pa.Array:
    """``column`` by its distinct values, or not, as ``type_`` has it."""
    if pa.types.is_dictionary(type_):
        return recurring(column)
    return plain(column)
