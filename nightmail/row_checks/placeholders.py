"""Columns of placeholders, brought to their types, and the rows that lack what a body needs that they could receive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import CHANNELS
from nightmail.contact_files.summary import FileDecision
from nightmail.lake.masks import present, truth
from nightmail.lake.schemas import STANDARD_FIELDS
from nightmail.organisation.feed_choices import ValueType
from nightmail.row_checks.convention_decisions import decided_about_dates, decided_about_numbers
from nightmail.row_checks.currencies import judge_currencies
from nightmail.row_checks.date_orders import DateConvention, usual_order
from nightmail.row_checks.dates import DateColumn
from nightmail.row_checks.findings import Findings
from nightmail.row_checks.language_matching import choose_language
from nightmail.row_checks.money import NumberConvention, judge_numbers, usual_decimal_mark
from nightmail.row_checks.recurring import RECURRING, map_distinct, of_distinct, or_else, plain
from nightmail.row_checks.rules import ContactRules, PlaceholderRule

_MONEY_DECIMALS = 2
_Fault = tuple[npt.NDArray[np.bool_], str, dict[str, str]]


@dataclass(frozen=True)
class PlaceholderJudge:
    """Judges the placeholders of one contact file."""

    rules: ContactRules
    names: Mapping[str, str]
    """Columns of the file that are placeholders, each with the name of its column in ``contacts``."""
    headers: Mapping[str, str]
    """Columns of the file, each with its name there."""
    dates: Mapping[str, DateColumn]
    numbers: Mapping[str, NumberConvention]
    """The placeholders that are numbers or money."""

    @classmethod
    def of(cls, rules: ContactRules, headers: Mapping[str, str], taken: Iterable[str], day: date) -> PlaceholderJudge:
        """The judge for a file with columns ``headers``; ``taken`` are columns of ``contacts`` with a meaning of their own."""
        usual_date, usual_mark = usual_order(rules.default_country), None
        if rules.default_country is not None:
            usual_mark = usual_decimal_mark(rules.default_country)
        dates: dict[str, DateColumn] = {}
        numbers: dict[str, NumberConvention] = {}
        for rule in rules.placeholders:
            if rule.name not in headers or rule.name in STANDARD_FIELDS:
                continue
            if rule.type == ValueType.DATE:
                convention = DateConvention(rule.date_order or rules.date_order, usual_date)
                dates[rule.name] = DateColumn(convention, day, country=rules.default_country)
            elif rule.type in {ValueType.NUMBER, ValueType.MONEY}:
                least = _MONEY_DECIMALS if rule.type == ValueType.MONEY else 0
                numbers[rule.name] = NumberConvention(rule.decimal_mark, usual_mark, least)
        reserved = set(taken)
        names = {name: f"{name}_given" if name in reserved else name for name in headers if name not in STANDARD_FIELDS}
        return cls(rules, names, headers, dates, numbers)

    def texts(self) -> frozenset[str]:
        """The placeholders that are text."""
        return frozenset(name for name in self.names if name not in self.dates and name not in self.numbers)

    def conventions(self) -> Iterator[tuple[str, DateConvention | NumberConvention]]:
        """The columns whose form shows only in the whole column, each with what is to look at it."""
        for name, column in self.dates.items():
            yield name, column.convention
        yield from self.numbers.items()

    def fields(self, by_distinct: Iterable[str]) -> Iterator[pa.Field]:
        """The fields of ``contacts`` for the placeholders; ``by_distinct`` are columns that are read by their distinct values."""
        recurring = set(by_distinct)
        for name, own in self.names.items():
            type_ = pa.string()
            if name in self.dates:
                type_ = pa.date32()
            elif name in self.numbers:
                type_ = self.numbers[name].type
            elif name in recurring:
                type_ = RECURRING
            yield pa.field(own, type_)
        for rule in self.rules.placeholders:
            if rule.type != ValueType.MONEY or rule.name not in self.numbers or _currency_field(rule) in self.headers:
                continue
            if self.numbers[rule.name].currency_seen or self._currency_column(rule) is not None:
                yield pa.field(_currency_field(rule), pa.string())

    def mixed(self) -> Iterator[tuple[str, str]]:
        """The columns that show two conventions, each with the reason of the warning."""
        yield from ((name, "date_order_mixed") for name, column in self.dates.items() if column.convention.mixed)
        yield from ((name, "decimal_mark_mixed") for name, convention in self.numbers.items() if convention.mixed)

    def decisions(self) -> Iterator[FileDecision]:
        """What was decided for whole columns, once all blocks are judged."""
        country = self.rules.default_country
        for name, column in self.dates.items():
            yield from decided_about_dates(name, self.headers[name], column, country)
        for name, convention in self.numbers.items():
            yield from decided_about_numbers(name, self.headers[name], convention, country)

    def judge(self, given: Mapping[str, pa.Array], columns: dict[str, pa.Array], findings: Findings) -> None:
        """Add the placeholders' columns to ``columns``, which has the addresses and languages, and note what is wrong."""
        for source, name in self.names.items():
            columns[name] = given[source]
        in_languages = any(rule.languages for rule in self.rules.placeholders) and self.rules.template_languages
        language = self._body_language(columns["language"]) if in_languages else None
        for rule in self.rules.placeholders:
            # What is asked of a standard field is that a verdict came of it; of another column, that it is filled.
            values = columns[rule.name] if rule.name in STANDARD_FIELDS else given.get(rule.name)
            concerned = self._receives(rule, columns, language)
            if rule.required:
                missing = concerned if values is None else concerned & ~present(values)
                findings.add(missing, rule.name, None, "placeholder_missing", rejects_row=True)
            if values is None or rule.name in STANDARD_FIELDS:
                continue
            for mask, reason, fields in self._faults(rule, values, given, columns):
                findings.add(mask & concerned, rule.name, values, reason, rejects_row=True, fields=fields)
                findings.add(mask & ~concerned, rule.name, values, reason, fields=fields)

    def _faults(
        self, rule: PlaceholderRule, values: pa.Array, given: Mapping[str, pa.Array], columns: dict[str, pa.Array]
    ) -> Iterator[_Fault]:
        """Bring one column to its type, and give what is wrong with its values."""
        own = self.names[rule.name]
        if rule.name in self.dates:
            dates = self.dates[rule.name].judge(values)
            columns[own] = dates.dates
            yield dates.invalid, "value_type", {"expected": "a date"}
            yield dates.ambiguous, "value_ambiguous", {"detail": "the day, the month or the year may come first"}
        elif rule.name in self.numbers:
            numbers = judge_numbers(values, self.numbers[rule.name])
            columns[own] = numbers.numbers
            if rule.type == ValueType.MONEY:
                yield numbers.invalid, "value_type", {"expected": "an amount of money"}
                for mask, reason, fields in self._currency_faults(rule, numbers.stated, given, columns):
                    yield mask & present(values), reason, fields
            else:
                # An amount of money is no plain number: what it is an amount of would be lost.
                yield numbers.invalid | present(numbers.stated), "value_type", {"expected": "a number"}
            detail = "its comma or point may stand before decimals or between thousands"
            yield numbers.ambiguous, "value_ambiguous", {"detail": detail}
        elif rule.max_length is not None:
            yield _longer_than(values, rule.max_length), "value_too_long", {"limit": str(rule.max_length)}
        if rule.allowed_values:
            wrong = _valid_but_not_in(values, rule.allowed_values)
            yield wrong, "value_not_allowed", {"allowed": ", ".join(rule.allowed_values)}

    def _currency_faults(
        self,
        rule: PlaceholderRule,
        stated: pa.DictionaryArray,
        given: Mapping[str, pa.Array],
        columns: dict[str, pa.Array],
    ) -> Iterator[_Fault]:
        """Give each amount its currency, and say which are not in the template's."""
        column = self._currency_column(rule)
        verdicts = judge_currencies(stated, rule.currency, None if column is None else given[column])
        name = _currency_field(rule)
        codes = verdicts.codes
        columns[name] = pc.coalesce(codes, plain(columns[name])) if name in columns else codes
        yield verdicts.foreign, "value_currency", {"currency": rule.currency or ""}
        yield (
            verdicts.unclear,
            "value_ambiguous",
            {"detail": "its sign is that of several currencies, or not the row's"},
        )
        yield verdicts.unknown, "value_type", {"expected": f"an amount in a currency: {column} holds none"}

    def _currency_column(self, rule: PlaceholderRule) -> str | None:
        """The column with the currency of each row's amount, if the file has one."""
        name = rule.currency_column or _currency_field(rule)
        return name if name in self.headers else None

    def _receives(
        self, rule: PlaceholderRule, columns: Mapping[str, pa.Array], language: pa.Array | None
    ) -> npt.NDArray[np.bool_]:
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


def _currency_field(rule: PlaceholderRule) -> str:
    """The column of ``contacts`` with the currency of a placeholder's amounts."""
    return f"{rule.name}_currency"


def _is_in(column: pa.Array, values: Sequence[str]) -> pa.Array:
    known = pa.array(values, pa.string())
    return of_distinct(column, lambda text: pc.is_in(text, value_set=known))


def _valid_but_not_in(column: pa.Array, values: Sequence[str]) -> npt.NDArray[np.bool_]:
    return truth(pc.and_(pc.is_valid(column), pc.invert(_is_in(column, values))))


def _longer_than(column: pa.Array, characters: int) -> npt.NDArray[np.bool_]:
    return truth(of_distinct(column, lambda text: pc.greater(pc.utf8_length(text), characters)))
