"""A block's country, phone numbers and email addresses, brought to their normal forms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import EMAIL_FIELD, PHONE_FIELDS
from nightmail.contact_files.summary import FileDecision
from nightmail.lake import TableFile, column_of
from nightmail.lake.masks import present
from nightmail.row_checks.cleaning import cleaned
from nightmail.row_checks.countries import country_code
from nightmail.row_checks.emails import judge_emails, without_debris
from nightmail.row_checks.findings import Findings
from nightmail.row_checks.phone_convention import Counts, PhoneConvention, count_forms
from nightmail.row_checks.phones import judge_phones, number_forms
from nightmail.row_checks.recurring import coalesce, map_distinct, nulls, or_else, replaced
from nightmail.row_checks.reject_files import original_headers


@dataclass(frozen=True)
class JudgedAddresses:
    """The addresses of a block and the country of each row."""

    columns: Mapping[str, pa.Array]
    """The address fields of ``contacts``, each with its ``*_type``, and ``country``."""
    number_country: pa.DictionaryArray
    """The country of the first number; null where there is none, or it belongs to no country."""


@dataclass(frozen=True)
class AddressJudge:
    """Judges the addresses of one contact file."""

    default_country: str | None
    conventions: Mapping[str, PhoneConvention] = field(default_factory=dict)
    """How each column of phone numbers is written."""

    @classmethod
    def of(cls, contact_file: TableFile, default_country: str | None) -> AddressJudge:
        """The judge for ``contact_file``, whose columns are looked at only when a number with two readings is met."""
        headers = original_headers(contact_file)
        conventions: dict[str, PhoneConvention] = {}
        judge = cls(default_country, conventions)
        for name in PHONE_FIELDS:
            if name in headers:
                conventions[name] = PhoneConvention(name, headers[name], judge._counting(contact_file, name))
        return judge

    def _counting(self, contact_file: TableFile, name: str) -> Callable[[], Counts]:
        columns = [name for name in (name, "country") if name in contact_file.schema().names]

        def count() -> Counts:
            counts: Counts = {}
            for block in contact_file.blocks(columns, recurring=("country",)):
                given = {column: cleaned(column_of(block, column)).values for column in columns}
                countries = self._country_of_numbers(given, _understood(given, len(given[name])))
                count_forms(number_forms(given[name], countries), countries, counts)
            return counts

        return count

    def decisions(self) -> Iterable[FileDecision]:
        """What was decided for whole columns."""
        for convention in self.conventions.values():
            yield from convention.decisions()

    def judge(self, given: Mapping[str, pa.Array], findings: Findings) -> JudgedAddresses:
        """Judge the addresses of one block; ``given`` are its columns, cleaned."""
        rows = findings.block_rows
        country = _understood(given, rows)
        if "country" in given:
            findings.add(_not_understood(given, country), "country", given["country"], "country_unknown")
        countries = self._country_of_numbers(given, country)
        columns: dict[str, pa.Array] = {}
        number_country = nulls(rows)
        for name in PHONE_FIELDS:
            values = given.get(name)
            if values is None or values.null_count == rows:
                columns[name], columns[f"{name}_type"] = pa.nulls(rows, pa.string()), nulls(rows)
                continue
            verdicts = judge_phones(values, countries, self.conventions.get(name))
            columns[name], columns[f"{name}_type"] = verdicts.number, verdicts.type
            number_country = coalesce(number_country, verdicts.country)
            for reasons in (verdicts.reason, verdicts.warning):
                for place, reason in enumerate(reasons.dictionary.to_pylist()):
                    found = pc.equal(reasons.indices, place)
                    fields = {"number": verdicts.number, "readings": verdicts.readings}
                    findings.add(found, name, values, reason, fields=fields)
        columns[EMAIL_FIELD] = _judge_emails(given.get(EMAIL_FIELD), findings)
        columns["country"] = or_else(coalesce(country, number_country), self.default_country)
        return JudgedAddresses(columns, number_country)

    def _country_of_numbers(self, given: Mapping[str, pa.Array], country: pa.DictionaryArray) -> pa.DictionaryArray:
        """The country in which national numbers are read: the row's, else the default one.

        A country that is not understood is another than the default one as likely as not: no national number is read then.
        """
        default = or_else(country, self.default_country)
        if "country" not in given or self.default_country is None:
            return default
        other = _not_understood(given, country)
        return replaced(default, pa.array(other), nulls(int(other.sum()))) if other.any() else default


def _understood(given: Mapping[str, pa.Array], rows: int) -> pa.DictionaryArray:
    return map_distinct(given["country"], country_code) if "country" in given else nulls(rows)


def _not_understood(given: Mapping[str, pa.Array], country: pa.DictionaryArray) -> np.ndarray:
    values = given["country"]
    if values.null_count == country.null_count:
        return np.zeros(len(values), dtype=bool)
    return np.asarray(pc.and_(pc.is_valid(values), pc.is_null(country)).to_numpy(zero_copy_only=False))


def _judge_emails(emails: pa.Array | None, findings: Findings) -> pa.Array:
    if emails is None or emails.null_count == findings.block_rows:
        return pa.nulls(findings.block_rows, pa.string())
    addresses, had_debris = without_debris(emails)
    judged = judge_emails(addresses)
    findings.add(
        had_debris & present(judged.address),
        EMAIL_FIELD,
        emails,
        "email_debris_dropped",
        fields={"address": judged.address},
    )
    findings.add(pc.is_valid(judged.reason), EMAIL_FIELD, emails, "email_invalid")
    findings.add(pc.is_valid(judged.typo), EMAIL_FIELD, emails, "email_domain_typo", fields={"meant": judged.typo})
    return judged.address
