"""Contracts of several small tables checked at once: what Great Expectations costs, it costs for each table, not for each row.

Tables whose contracts are alike are joined, with a column that says which table a row is of. Where the joined rows keep the
contract, each table does; where they do not, each table is judged by itself, so that the verdict is on one alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake import TableFile
from nightmail.preparation.expectations import Expectation, ExpectationResult, Validation
from nightmail.preparation.table_validation import broken, named_columns, validate

JOINED_ROWS = 50_000
"""Tables with more rows than this between them are judged in several joins."""
OF = "nightmail_table_of_row"
"""The column that says which table a row is of."""
_COUNTED = "ExpectTableRowCountToBeBetween"
_UNIQUE = "ExpectColumnValuesToBeUnique"


@dataclass(frozen=True)
class Judged:
    """A table with the contract that it is to keep."""

    file: TableFile
    contract: Sequence[Expectation]


def validate_together(table: str, judged: Sequence[Judged]) -> list[Validation]:
    """Check each table of one kind by its contract, as :func:`validate` does; the outcomes are in the same order."""
    found: dict[int, Validation] = {}
    for numbers in _alike(judged):
        group = [judged[number] for number in numbers]
        if len(group) > 1 and _all_keep(table, group):
            for number, each in zip(numbers, group, strict=True):
                results = tuple(ExpectationResult(e.says, e.kind, True, 0) for e in each.contract)
                found[number] = Validation(table, each.file.num_rows(), results)
        else:
            found |= {number: validate(table, judged[number].file, judged[number].contract) for number in numbers}
    return [found[number] for number in range(len(judged))]


def _alike(judged: Sequence[Judged]) -> list[list[int]]:
    """Which tables can be joined: those with the same columns, whose contracts ask for the same."""
    groups: dict[Any, list[list[int]]] = {}
    rows: dict[int, int] = {}
    for number, each in enumerate(judged):
        rows[number] = each.file.num_rows()
        schema = each.file.schema()
        columns = tuple((name, str(schema.field(name).type)) for name in named_columns(each.contract, schema.names))
        asked = tuple((e.kind, _arguments(e), tuple(e.where.items())) for e in each.contract)
        parts = groups.setdefault((columns, asked, len({e.apart for e in each.contract if e.apart}) > 1), [[]])
        if parts[-1] and sum(rows[other] for other in parts[-1]) + rows[number] > JOINED_ROWS:
            parts.append([])
        parts[-1].append(number)
    # One contract with several sets of rows apart is not joined with others.
    return [
        part
        for (_, _, several), parts in groups.items()
        for whole in parts
        for part in ([[number] for number in whole] if several else [whole])
    ]


def _arguments(expectation: Expectation) -> str:
    return "" if expectation.kind == _COUNTED else repr(sorted(expectation.arguments.items()))


def _all_keep(table: str, group: Sequence[Judged]) -> bool:
    """Whether all tables keep their contracts, by the rows of all."""
    if not all(_number_of_rows_fits(each) for each in group):
        return False
    contract = group[0].contract
    apart = {place for each in group for place, e in enumerate(each.contract) if e.apart}
    for places, without in ((set(range(len(contract))) - apart, False), (apart, True)):
        asked = [_joined(contract[place]) for place in sorted(places) if contract[place].kind != _COUNTED]
        if asked and broken(table, _rows(group, without), asked):
            return False
    return True


def _number_of_rows_fits(judged: Judged) -> bool:
    rows = judged.file.num_rows()
    bounds = [(e.arguments["min_value"], e.arguments["max_value"]) for e in judged.contract if e.kind == _COUNTED]
    return all((least is None or rows >= least) and (most is None or rows <= most) for least, most in bounds)


def _joined(expectation: Expectation) -> Expectation:
    """The expectation of the joined rows: what is unique in a table is unique together with the table."""
    if expectation.kind == _UNIQUE:
        columns = {"column_list": [OF, expectation.arguments["column"]], "ignore_row_if": "any_value_is_missing"}
        return replace(expectation, kind="ExpectCompoundColumnsToBeUnique", arguments=columns, apart=frozenset())
    return replace(expectation, apart=frozenset())


def _rows(group: Sequence[Judged], without_apart: bool) -> pa.Table:
    """The rows of all tables, each with its table's number; ``without_apart`` those that a contract sets apart."""
    parts = []
    for number, each in enumerate(group):
        rows = each.file.read(named_columns(each.contract, each.file.schema().names))
        apart = next((e.apart for e in each.contract if e.apart), None) if without_apart else None
        if apart:
            rows = rows.filter(pc.invert(pc.is_in(rows["line"], pa.array(apart, pa.int64()))))
        parts.append(rows.append_column(OF, pa.array([number] * rows.num_rows, pa.int32())))
    return pa.concat_tables(parts)
