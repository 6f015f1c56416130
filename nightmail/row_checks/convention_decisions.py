"""What a column's convention decided, in sentences for the result: what, how many values, and by what."""

from __future__ import annotations

from collections.abc import Iterator

from nightmail.contact_files.failures import file_decision
from nightmail.contact_files.summary import FileDecision
from nightmail.row_checks.date_orders import DAY_FIRST, MONTH_FIRST, YEAR_FIRST
from nightmail.row_checks.dates import DateColumn
from nightmail.row_checks.money import NumberConvention
from nightmail.row_checks.phone_convention import country_name

_ORDERS = {DAY_FIRST: "day", MONTH_FIRST: "month", YEAR_FIRST: "year"}
_MARKS = {".": "a decimal point", ",": "a decimal comma"}


def decided_about_dates(name: str, header: str, column: DateColumn, country: str | None) -> Iterator[FileDecision]:
    """What was decided about the dates of a column, if anything was; ``country`` is the default one."""
    convention = column.convention
    if column.decided and convention.order is not None:
        evidence = _evidence(convention.stated, convention.seen.get(convention.order, 0), country)
        yield file_decision(
            "decided_date_order",
            column=name,
            count=column.decided,
            header=header,
            rows=f"{column.decided:,}",
            order=_ORDERS[convention.order],
            evidence=evidence,
        )


def decided_about_numbers(
    name: str, header: str, convention: NumberConvention, country: str | None
) -> Iterator[FileDecision]:
    """What was decided about the numbers of a column, if anything was; ``country`` is the default one."""
    if convention.decided and convention.mark is not None:
        evidence = _evidence(convention.stated, convention.seen(convention.mark), country)
        yield file_decision(
            "decided_decimal_mark",
            column=name,
            count=convention.decided,
            header=header,
            rows=f"{convention.decided:,}",
            mark=_MARKS[convention.mark],
            evidence=evidence,
        )


def _evidence(stated: str | None, seen: int, country: str | None) -> str:
    if stated is not None:
        return "so the feed states it"
    if seen:
        return f"{seen:,} have no other reading, none contradicts"
    return f"so it is usual in {country_name(country)}" if country else "so it is usual"
