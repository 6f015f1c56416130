"""What is expected of a table, and how it came out: counts, never values, which are personal data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nightmail.reasons.problems import stated_problem


@dataclass(frozen=True)
class Expectation:
    """One expectation by its Great Expectations class name, with its arguments.

    ``where`` limits it to the rows whose column has the value, such as ``{"state": "held"}``; ``apart`` are lines of the
    file to which it does not apply. ``says`` is the sentence for people when it does not hold.
    """

    kind: str
    arguments: Mapping[str, Any]
    says: str
    where: Mapping[str, str] = field(default_factory=dict)
    apart: frozenset[int] = frozenset()


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
    stated_problem: Mapping[str, str] | None = None
    """What is wrong in the words of the feed's contract (``reason, message, remedy``), where it says more than the results."""

    @property
    def passed(self) -> bool:
        """Whether every expectation held."""
        return all(result.passed for result in self.results)

    @property
    def problem(self) -> dict[str, str] | None:
        """What the campaign is stopped for (``reason, message, remedy``); ``None`` when all held."""
        if self.passed:
            return None
        if self.stated_problem is not None:
            return dict(self.stated_problem)
        return stated_problem("table_contract_broken", table=self.table, detail="; ".join(self.broken))

    @property
    def broken(self) -> list[str]:
        """What did not hold, in words."""
        return [result.says for result in self.results if not result.passed]

    def metadata(self) -> dict[str, Any]:
        """Return counts for the check's page: ``rows, expectations, failed, unexpected``."""
        return {
            "rows": self.rows,
            "expectations": len(self.results),
            "failed": self.broken,
            "unexpected": {result.says: result.unexpected for result in self.results if result.unexpected},
        }
