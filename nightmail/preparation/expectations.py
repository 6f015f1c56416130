"""What is expected of a table, and how it came out: counts, never values, which are personal data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nightmail.reasons import remedy, sentence


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
