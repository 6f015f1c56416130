"""Judging rows on their own, a block at a time: every column to its normal form and type, every fault to a finding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import ADDRESS_FIELDS, CHANNELS, PHONE_FIELDS
from nightmail.contact_files.summary import FileDecision
from nightmail.lake import TableFile, column_of
from nightmail.lake.masks import present, truth
from nightmail.lake.schemas import CONTACTS, STANDARD_FIELDS, WARNINGS
from nightmail.organisation.feed_choices import Keep, ValueType
from nightmail.reasons import explain
from nightmail.row_checks.addresses import AddressJudge
from nightmail.row_checks.cleaning import trimmed
from nightmail.row_checks.dates import DateColumn, DateConvention, usual_order
from nightmail.row_checks.duplicates import has_fillers
from nightmail.row_checks.findings import Findings
from nightmail.row_checks.key_trust import KeyTrust
from nightmail.row_checks.language_matching import choose_language
from nightmail.row_checks.languages import language_tag
from nightmail.row_checks.money import NumberConvention, judge_numbers, usual_decimal_mark
from nightmail.row_checks.recurring import (
    RECURRING,
    coalesce,
    equal,
    map_distinct,
    nulls,
    of_distinct,
    or_else,
    plain,
    recurring,
    replaced,
)
from nightmail.row_checks.reject_files import original_headers
from nightmail.row_checks.rules import ContactRules, PlaceholderRule
from nightmail.row_checks.time_zones import country_time_zone, number_time_zones, time_zone_name

_MONEY_DECIMALS = 2
_DISTINCT_FIELDS = frozenset({"line", "external_id", *ADDRESS_FIELDS})
"""Fields of the file whose values are looked at one by one, even where they recur."""
_RECURRING_FIELDS = frozenset({"country", "language", "time_zone", *(f"{name}_type" for name in PHONE_FIELDS)})
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
    keys: KeyTrust
    addresses: AddressJudge
    placeholders: tuple[tuple[str, str], ...]
    """Columns of the file that are placeholders, each with the name of its column in ``contacts``."""
    contact_schema: pa.Schema
    recurring: tuple[str, ...]
    """The columns of the file that are to be read by their distinct values."""
    birth_dates: DateColumn
    dates: dict[str, DateColumn]
    """The placeholders that are dates."""
    numbers: dict[str, NumberConvention]
    """The placeholders that are numbers or money."""
    recency: DateColumn
    """Reads :attr:`~nightmail.row_checks.rules.ContactRules.keep_by`."""

    @classmethod
    def of(cls, contact_file: TableFile, rules: ContactRules, day: date) -> RowJudge:
        """The judge for ``contact_file``; reads the columns whose form shows only in the whole column."""
        names = [name for name in contact_file.schema().names if name != "line"]
        usual_date = usual_order(rules.default_country) if rules.default_country else None
        usual_mark = usual_decimal_mark(rules.default_country) if rules.default_country else None
        birth_dates = DateColumn(DateConvention(rules.date_order, usual_date), day, birth=True)
        recency = DateColumn(DateConvention(rules.date_order, usual_date), day)
        dates: dict[str, DateColumn] = {}
        numbers: dict[str, NumberConvention] = {}
        for rule in rules.placeholders:
            if rule.name not in names or rule.name in STANDARD_FIELDS:
                continue
            if rule.type == ValueType.DATE:
                dates[rule.name] = DateColumn(DateConvention(rule.date_order or rules.date_order, usual_date), day)
            elif rule.type in {ValueType.NUMBER, ValueType.MONEY}:
                least = _MONEY_DECIMALS if rule.type == ValueType.MONEY else 0
                numbers[rule.name] = NumberConvention(rule.decimal_mark, usual_mark, least)
        looking: list[tuple[str, DateConvention | NumberConvention]] = [
            *((name, column.convention) for name, column in dates.items()),
            *numbers.items(),
        ]
        if "birth_date" in names:
            looking.append(("birth_date", birth_dates.convention))
        if rules.keep == Keep.MOST_RECENT and rules.keep_by is not None and rules.keep_by in names:
            looking.append((rules.keep_by, recency.convention))
        by_distinct = set(contact_file.recurring_columns()) - _DISTINCT_FIELDS
        if looking:
            columns = list(dict.fromkeys(name for name, _ in looking))
            for block in contact_file.blocks(columns, recurring=tuple(by_distinct)):
                for name, convention in looking:
                    convention.look_at(trimmed(column_of(block, name)))
        placeholders = []
        fields = [pa.field(field.name, RECURRING) if field.name in _RECURRING_FIELDS else field for field in CONTACTS]
        taken = {field.name for field in fields}
        for name in names:
            if name in STANDARD_FIELDS:
                continue
            own = f"{name}_given" if name in taken else name
            placeholders.append((name, own))
            type_ = pa.string()
            if name in dates:
                type_ = pa.date32()
            elif name in numbers:
                type_ = numbers[name].type
            elif name in by_distinct:
                type_ = RECURRING
            fields.append(pa.field(own, type_))
        for rule in rules.placeholders:
            currency = f"{rule.name}_currency"
            stated = rule.name in numbers and numbers[rule.name].currency_seen
            if rule.type == ValueType.MONEY and stated and currency not in names:
                fields.append(pa.field(currency, pa.string()))
        return cls(
            rules,
            KeyTrust(original_headers(contact_file)),
            AddressJudge.of(contact_file, rules.default_country),
            tuple(placeholders),
            pa.schema(fields),
            tuple(by_distinct),
            birth_dates,
            dates,
            numbers,
            recency,
        )

    def decisions(self) -> tuple[FileDecision, ...]:
        """What was decided for whole columns, once all blocks are judged."""
        return (*self.keys.decisions(), *self.addresses.decisions())

    def column_warnings(self) -> pa.Table:
        """Lines of warnings about whole columns, which belong to no line of the file."""
        conventions: list[tuple[str, str, DateConvention | NumberConvention]] = [
            ("birth_date", "date_order_mixed", self.birth_dates.convention),
            *((name, "date_order_mixed", column.convention) for name, column in self.dates.items()),
            *((name, "decimal_mark_mixed", convention) for name, convention in self.numbers.items()),
        ]
        mixed = [(name, reason) for name, reason, convention in conventions if convention.mixed]
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
        given = {name: trimmed(column_of(block, name)) for name in block.column_names if name != "line"}
        columns: dict[str, pa.Array] = {"line": line}
        absent = pa.nulls(rows, pa.string())

        columns["external_id"] = self.keys.trusted_ids(given.get("external_id", absent), findings)
        if self.rules.require_external_id:
            missing = pc.is_null(columns["external_id"])
            findings.add(missing, "external_id", None, "external_id_missing", rejects_row=True)

        addresses = self.addresses.judge(given, findings)
        columns.update(addresses.columns)
        columns["language"] = self._judge(given, "language", language_tag, "language_unknown", findings)
        zone = self._judge(given, "time_zone", time_zone_name, "time_zone_unknown", findings)
        columns["time_zone"] = self._time_zones(zone, columns, addresses.number_country)
        columns["birth_date"] = self._judge_birth_dates(given.get("birth_date"), findings)
        self._judge_placeholders(given, columns, findings)
        for name in self.rules.unique_by:
            if name in given and name in columns and has_fillers(name, columns[name].type):
                self.keys.look_at(name, given[name], findings)

        usable = np.zeros(rows, dtype=bool)
        for name in self.rules.usable_fields:
            usable |= present(columns[name])
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

    def _judge_birth_dates(self, given: pa.Array | None, findings: Findings) -> pa.Array:
        """Birth dates, with what had to be assumed about them noted."""
        if given is None or given.null_count == len(given):
            return pa.nulls(findings.block_rows, pa.date32())
        judged = self.birth_dates.judge(given)
        findings.add(judged.invalid, "birth_date", given, "birth_date_invalid")
        findings.add(judged.ambiguous, "birth_date", given, "birth_date_order_assumed")
        findings.add(judged.century_assumed, "birth_date", given, "birth_date_century_assumed")
        return judged.dates

    def _judge_placeholders(self, given: dict[str, pa.Array], columns: dict[str, pa.Array], findings: Findings) -> None:
        """Bring the placeholders to their types, and note the rows that lack what a body needs that they could receive."""
        for source, name in self.placeholders:
            columns[name] = given[source]
        own = dict(self.placeholders)
        in_languages = any(rule.languages for rule in self.rules.placeholders) and self.rules.template_languages
        language = self._body_language(columns["language"]) if in_languages else None
        for rule in self.rules.placeholders:
            # What is asked of a standard field is that a verdict came of it; of another column, that it is filled.
            values = columns[rule.name] if rule.name in STANDARD_FIELDS else given.get(rule.name)
            concerned = self._receives(rule, columns, language)
            if values is None:
                if rule.required:
                    findings.add(concerned, rule.name, None, "placeholder_missing", rejects_row=True)
                continue
            if rule.required:
                missing = concerned & ~present(values)
                findings.add(missing, rule.name, None, "placeholder_missing", rejects_row=True)
            if rule.name in STANDARD_FIELDS:
                continue
            faults: list[tuple[np.ndarray, str, dict[str, str]]] = []
            if rule.name in self.dates:
                dates = self.dates[rule.name].judge(values)
                columns[own[rule.name]] = dates.dates
                faults.append((dates.invalid, "value_type", {"expected": "a date"}))
                faults.append((dates.ambiguous, "value_ambiguous", {"detail": "the day or the month may come first"}))
            elif rule.name in self.numbers:
                numbers = judge_numbers(values, self.numbers[rule.name])
                columns[own[rule.name]] = numbers.numbers
                if f"{rule.name}_currency" not in given:
                    columns[f"{rule.name}_currency"] = numbers.currency
                expected = "an amount of money" if rule.type == ValueType.MONEY else "a number"
                faults.append((numbers.invalid, "value_type", {"expected": expected}))
                detail = "its comma or point may stand before decimals or between thousands"
                faults.append((numbers.ambiguous, "value_ambiguous", {"detail": detail}))
            elif rule.max_length is not None:
                faults.append(
                    (_longer_than(values, rule.max_length), "value_too_long", {"limit": str(rule.max_length)})
                )
            if rule.allowed_values:
                faults.append(
                    (
                        _valid_but_not_in(values, rule.allowed_values),
                        "value_not_allowed",
                        {"allowed": ", ".join(rule.allowed_values)},
                    )
                )
            for mask, reason, fields in faults:
                findings.add(mask & concerned, rule.name, values, reason, rejects_row=True, fields=fields)
                findings.add(mask & ~concerned, rule.name, values, reason, fields=fields)

    def _receives(self, rule: PlaceholderRule, columns: dict[str, pa.Array], language: pa.Array | None) -> np.ndarray:
        """A mask of the rows that could receive a body that uses the placeholder."""
        channels = [name for name in self.rules.channels if not rule.channels or name in rule.channels]
        fields = {name for channel in channels for name in CHANNELS[channel].fields}
        reached = pa.repeat(False, len(columns["line"]))
        for name in fields:
            reached = pc.or_(reached, pc.is_valid(columns[name]))
        if rule.languages and language is not None and not rule.languages >= set(self.rules.template_languages):
            reached = pc.and_(reached, _is_in(language, sorted(rule.languages)))
        return truth(reached)

    def _body_language(self, language: pa.DictionaryArray) -> pa.DictionaryArray:
        """The template's language for each row, as the body will be chosen; the default where nothing fits."""
        offered, default = self.rules.template_languages, self.rules.default_language or ""
        return or_else(map_distinct(language, lambda tag: choose_language(tag, offered, default)), default or None)

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


def _is_in(column: pa.Array, values: Sequence[str]) -> pa.Array:
    known = pa.array(values, pa.string())
    return of_distinct(column, lambda text: pc.is_in(text, value_set=known))


def _valid_but_not_in(column: pa.Array, values: Sequence[str]) -> np.ndarray:
    return truth(pc.and_(pc.is_valid(column), pc.invert(_is_in(column, values))))


def _longer_than(column: pa.Array, characters: int) -> np.ndarray:
    return truth(of_distinct(column, lambda text: pc.greater(pc.utf8_length(text), characters)))


def _typed(column: pa.Array, type_: pa.DataType) -> pa.Array:
    """``column`` by its distinct values, or not, as ``type_`` has it."""
    if pa.types.is_dictionary(type_):
        return recurring(column)
    return plain(column)
