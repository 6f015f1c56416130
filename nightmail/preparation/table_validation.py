"""A contract checked on every row of a table by Great Expectations, which takes seconds to import: it is imported at use.

Only counts come out: unexpected values are personal data.

>>> outcome = validate("audience", TableFile("audience.parquet"), audience_contract())
>>> outcome.passed, outcome.rows
(True, 998)
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake import TableFile
from nightmail.preparation.expectations import Expectation, ExpectationResult, Validation

_GATE = threading.Lock()
_OF_THE_WHOLE = ("ExpectColumnValuesToBeUnique", "ExpectTableRowCountToBeBetween", "ExpectColumnToExist")
"""Expectations that need all rows at once; the others are checked block by block, so that memory does not grow."""


def validate(table: str, file: TableFile, contract: Sequence[Expectation]) -> Validation:
    """Check a contract on every row of a table with Great Expectations.

    Only the columns that the contract names are read, as Arrow-backed pandas columns.
    """
    gx = _great_expectations()
    there = file.schema().names
    passed = [True] * len(contract)
    unexpected = [0] * len(contract)
    whole = [number for number, e in enumerate(contract) if e.kind in _OF_THE_WHOLE and not e.where]
    by_rows = [number for number in range(len(contract)) if number not in whole]
    with _GATE:
        batches = _batches(table)

        def check(numbers: Sequence[int], rows: pa.Table) -> None:
            for number, success, count in _outcomes(gx, batches, table, [(n, contract[n]) for n in numbers], rows):
                passed[number] = passed[number] and success
                unexpected[number] += count

        check(whole, file.read(named_columns([contract[n] for n in whole], there)))
        for block in file.blocks(named_columns([contract[n] for n in by_rows], there)):
            check(by_rows, block)
        _let_go()
    results = tuple(
        ExpectationResult(e.says, e.kind, passed[number], unexpected[number]) for number, e in enumerate(contract)
    )
    return Validation(table, file.num_rows(), results)


def broken(table: str, rows: pa.Table, contract: Sequence[Expectation]) -> bool:
    """Whether these rows, which are all that there are, break a contract."""
    gx = _great_expectations()
    with _GATE:
        outcomes = list(_outcomes(gx, _batches(f"joined {table}"), table, list(enumerate(contract)), rows))
        _let_go()
    return not all(success for _, success, _ in outcomes)


def named_columns(contract: Sequence[Expectation], there: Sequence[str]) -> list[str]:
    """The columns of a table that a contract names; at least one, so that rows are counted."""
    named = {str(e.arguments["column"]) for e in contract if "column" in e.arguments}
    named |= {name for e in contract for name in e.where}
    named |= {"line" for e in contract if e.apart}
    return [name for name in there if name in named] or list(there[:1])


def _outcomes(
    gx: Any, batches: Any, table: str, numbered: Sequence[tuple[int, Expectation]], rows: pa.Table
) -> Iterator[tuple[int, bool, int]]:
    """``(number, success, unexpected)`` of each expectation on these rows."""
    import pandas as pd

    groups: dict[tuple[tuple[tuple[str, str], ...], frozenset[int]], list[tuple[int, Expectation]]] = {}
    for number, expectation in numbered:
        group = tuple(expectation.where.items()), expectation.apart
        groups.setdefault(group, []).append((number, expectation))
    for (where, apart), expectations in groups.items():
        part = rows
        if apart:
            part = part.filter(pc.invert(pc.is_in(part["line"], pa.array(apart, pa.int64()))))
        for column, value in where:
            part = part.filter(pc.equal(part[column], value))
        batch = batches.get_batch({"dataframe": part.to_pandas(types_mapper=pd.ArrowDtype)})
        suite = gx.ExpectationSuite(
            name=f"{table}.{'.'.join(value for _, value in where) or 'all'}",
            expectations=[
                getattr(gx.expectations, e.kind)(**e.arguments, meta={"number": number}) for number, e in expectations
            ],
        )
        outcome = batch.validate(suite, result_format={"result_format": "BASIC", "partial_unexpected_count": 0})
        for each in outcome.results:
            count = 0 if each.success else int((each.result or {}).get("unexpected_count") or 0)
            yield int(each.expectation_config.meta["number"]), bool(each.success), count


@cache
def _batches(table: str) -> Any:
    """The batches of a table, for as long as the process lives: to make them costs more than to check a small table."""
    return _data_source().add_dataframe_asset(table).add_batch_definition_whole_dataframe("all")


@cache
def _data_source() -> Any:
    """A data source of a context in memory. The library's own default context leaves a folder behind each time."""
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    gx = _great_expectations()
    defaults = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    context = gx.get_context(mode="ephemeral", project_config=DataContextConfig(store_backend_defaults=defaults))
    context.variables.progress_bars = {"globally": False}
    return context.data_sources.add_pandas("lake")


def _let_go() -> None:
    """Drop the rows that were looked at last, which the kept data source would hold until the next look."""
    engine = _data_source().get_execution_engine()
    engine.batch_manager.reset_batch_cache()
    engine.batch_manager.batch_data_cache.clear()
    engine._metric_cache.clear()


def _great_expectations() -> Any:
    """Import Great Expectations without its telemetry and its log lines."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    import great_expectations

    return great_expectations
