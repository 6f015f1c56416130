"""The contract of each table, stated as Great Expectations and checked on the whole table.

What belongs here: what must hold of a table before anything downstream may be sent. What does not: the verdict on a
single row, which is the domain's own (:mod:`nightmail.row_checks`, :mod:`nightmail.audience`).

Only counts come out: unexpected values are personal data. Great Expectations takes seconds to import, so it is imported
inside :func:`validate`.

>>> outcome = validate("audience", TableFile("audience.parquet"), audience_contract())
>>> outcome.passed, outcome.rows
(True, 998)
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake import TableFile
from nightmail.message_ids import CHANNELS
from nightmail.preparation.stages import Preparation, needed_columns, reject_problems
from nightmail.reasons import remedy, sentence
from nightmail.templates.summary import CHAT_CHARACTERS, SMS_CHARACTERS

E164 = r"^\+[1-9][0-9]{5,14}$"
ADDRESS = r"^(?:\+[1-9][0-9]{5,14}|[^@\s]+@[^@\s]+)$"
EMAIL = r"^[^@\s]+@[^@\s]+$"
_GATE = threading.Lock()


@dataclass(frozen=True)
class Expectation:
    """One expectation by its Great Expectations class name, with its arguments.

    ``where`` limits it to the rows whose column has the value, such as ``{"state": "held"}``. ``says`` is the sentence
    for people when it does not hold.
    """

    kind: str
    arguments: Mapping[str, Any]
    says: str
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ExpectationResult:
    """How one expectation came out: counts, never values."""

    says: str
    kind: str
    passed: bool
    unexpected: int


@dataclass(frozen=True)
class Validation:
    """How a table's contract came out."""

    table: str
    rows: int
    results: tuple[ExpectationResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every expectation held."""
        return all(result.passed for result in self.results)

    @property
    def problem(self) -> dict[str, Any] | None:
        """What the campaign is stopped for (``reason, message, remedy``); ``None`` when all held."""
        broken = [result.says for result in self.results if not result.passed]
        if not broken:
            return None
        detail = "; ".join(broken)
        return {
            "reason": "table_contract_broken",
            "message": sentence("table_contract_broken", table=self.table, detail=detail),
            "remedy": remedy("table_contract_broken", table=self.table, detail=detail),
        }

    def metadata(self) -> dict[str, Any]:
        """Counts for the check's page."""
        return {
            "rows": self.rows,
            "expectations": len(self.results),
            "failed": [result.says for result in self.results if not result.passed],
            "unexpected": {result.says: result.unexpected for result in self.results if result.unexpected},
        }


def contact_file_contract(preparation: Preparation, corrections: bool = False) -> list[Expectation]:
    """The columns that the template and the feed need are there, and the volume is what the feed allows."""
    volume = preparation.feed.volume
    contract = [
        Expectation("ExpectColumnToExist", {"column": name}, f"the column {name} is missing")
        for name in ("line", *needed_columns(preparation))
    ]
    contract.append(
        Expectation(
            "ExpectTableRowCountToBeBetween",
            {"min_value": 0 if corrections else volume.at_least, "max_value": volume.at_most},
            "the number of rows is outside the feed's volume",
        )
    )
    contract.append(
        Expectation("ExpectColumnValuesToBeUnique", {"column": "line"}, "two rows claim the same line of the file")
    )
    return contract


def contacts_contract(preparation: Preparation, columns: Iterable[str]) -> list[Expectation]:
    """Keys are unique, addresses normalised, and every contact can be reached on a channel of the template."""
    names = set(columns)
    contract = [
        Expectation("ExpectColumnValuesToBeUnique", {"column": "line"}, "two contacts claim the same line"),
        Expectation("ExpectColumnValuesToNotBeNull", {"column": "line"}, "a contact has no line"),
    ]
    contract += [
        Expectation(
            "ExpectColumnValuesToMatchRegex",
            {"column": name, "regex": E164},
            f"{name} holds numbers that are not E.164",
        )
        for name in ("phone", "phone_2", "landline")
        if name in names
    ]
    contract.append(
        Expectation(
            "ExpectColumnValuesToMatchRegex", {"column": "email", "regex": EMAIL}, "email holds what is not an address"
        )
    )
    if preparation.feed.unique_by == ("external_id",) and "external_id" in names:
        contract.append(
            Expectation(
                "ExpectColumnValuesToBeUnique", {"column": "external_id"}, "two contacts have the same external_id"
            )
        )
    contract.append(
        Expectation(
            "ExpectColumnValuesToMatchRegex", {"column": "country", "regex": "^[A-Z]{2}$"}, "country holds no ISO code"
        )
    )
    return contract


def audience_contract() -> list[Expectation]:
    """Every contact is planned on a channel or held with a reason."""
    return [
        Expectation("ExpectColumnValuesToBeUnique", {"column": "line"}, "a contact stands twice in the audience"),
        Expectation(
            "ExpectColumnValuesToBeInSet",
            {"column": "state", "value_set": ["planned", "held"]},
            "a contact is neither planned nor held",
        ),
        Expectation(
            "ExpectColumnValuesToNotBeNull", {"column": "reason"}, "a held contact has no reason", {"state": "held"}
        ),
        Expectation(
            "ExpectColumnValuesToBeInSet",
            {"column": "channel", "value_set": list(CHANNELS)},
            "a planned contact has a channel that does not exist",
            {"state": "planned"},
        ),
        Expectation(
            "ExpectColumnValuesToNotBeNull",
            {"column": "channel"},
            "a planned contact has no channel",
            {"state": "planned"},
        ),
        Expectation("ExpectColumnValuesToNotBeNull", {"column": "contact_id"}, "a contact has no contact_id"),
    ]


def messages_contract() -> list[Expectation]:
    """No unfilled placeholder, nothing empty, nothing over a channel's limit, every id once."""
    contract = [
        Expectation("ExpectColumnValuesToBeUnique", {"column": "message_id"}, "a message id stands twice"),
        Expectation(
            "ExpectColumnValuesToMatchRegex", {"column": "address", "regex": ADDRESS}, "an address is not normalised"
        ),
        Expectation(
            "ExpectColumnValuesToBeInSet",
            {"column": "channel", "value_set": list(CHANNELS)},
            "a channel does not exist",
        ),
        Expectation(
            "ExpectColumnValuesToBeInSet",
            {"column": "state", "value_set": ["queued", "standby"]},
            "a message is neither queued nor on standby",
        ),
        Expectation(
            "ExpectColumnValuesToBeBetween", {"column": "segments", "min_value": 1}, "a message has no segments"
        ),
    ]
    for channel, limit in (("sms", SMS_CHARACTERS), ("chat", CHAT_CHARACTERS)):
        contract.append(
            Expectation(
                "ExpectColumnValueLengthsToBeBetween",
                {"column": "body", "min_value": 1, "max_value": limit},
                f"a text is empty or over the limit of {channel}",
                {"channel": channel},
            )
        )
    contract += [
        Expectation(
            "ExpectColumnValuesToNotMatchRegex",
            {"column": column, "regex": r"\{\{|\{%"},
            f"a {column} holds a placeholder that was not filled in",
        )
        for column in ("body", "subject")
    ]
    return contract


def reject_share_result(
    preparation: Preparation, rows: int, rejects: int, corrections: bool
) -> tuple[ExpectationResult, dict[str, str] | None]:
    """Whether the share of rejected rows is under the feed's limit, and the problem if not."""
    problems = reject_problems(preparation, rows, rejects, corrections)
    result = ExpectationResult(
        "the share of rejected rows is over the feed's limit", "reject_share", not problems, rejects if problems else 0
    )
    return result, problems[0].as_dict() if problems else None


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
        asset = _ephemeral_context(gx).data_sources.add_pandas("lake").add_dataframe_asset(table)
        batches = asset.add_batch_definition_whole_dataframe("all")

        def check(numbers: Sequence[int], rows: pa.Table) -> None:
            for number, success, count in _outcomes(gx, batches, table, [(n, contract[n]) for n in numbers], rows):
                passed[number] = passed[number] and success
                unexpected[number] += count

        check(whole, file.read(_columns([contract[n] for n in whole], there)))
        for block in file.blocks(_columns([contract[n] for n in by_rows], there)):
            check(by_rows, block)
    results = tuple(
        ExpectationResult(e.says, e.kind, passed[number], unexpected[number]) for number, e in enumerate(contract)
    )
    return Validation(table, file.num_rows(), results)


def _columns(contract: Sequence[Expectation], there: Sequence[str]) -> list[str]:
    named = {str(e.arguments["column"]) for e in contract if "column" in e.arguments}
    named |= {name for e in contract for name in e.where}
    return [name for name in there if name in named] or list(there[:1])


def _outcomes(
    gx: Any, batches: Any, table: str, numbered: Sequence[tuple[int, Expectation]], rows: pa.Table
) -> Iterator[tuple[int, bool, int]]:
    """``(number, success, unexpected)`` of each expectation on these rows."""
    import pandas as pd

    groups: dict[tuple[tuple[str, str], ...], list[tuple[int, Expectation]]] = {}
    for number, expectation in numbered:
        groups.setdefault(tuple(expectation.where.items()), []).append((number, expectation))
    for where, expectations in groups.items():
        part = rows
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


def _ephemeral_context(gx: Any) -> Any:
    """A context in memory. The one that the library makes by itself leaves a folder behind each time."""
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    defaults = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    context = gx.get_context(mode="ephemeral", project_config=DataContextConfig(store_backend_defaults=defaults))
    context.variables.progress_bars = {"globally": False}
    return context


def _great_expectations() -> Any:
    """Great Expectations, imported without calling home and without its log lines."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    import great_expectations

    return great_expectations
