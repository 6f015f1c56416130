"""What a sheet's own XML says beyond the values: hidden rows and columns, merged cells, formulas, errors, exact digits."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from nightmail.contact_files.failures import file_error, file_warning
from nightmail.contact_files.number_formats import PaddedFormat
from nightmail.contact_files.summary import FileWarning
from nightmail.contact_files.workbook_xml import walk

CELL_LIMIT = 64_000_000
"""Cells of a sheet, empty ones between the first and the last included: calamine keeps them all in memory."""
_SPACE_LIMIT = 64_000_000
"""Spaces of an ODS that stand as ``<text:s text:c="12"/>``, from which calamine makes them one by one."""
_LINES_NAMED = 10


@dataclass
class SheetFacts:
    """What a sheet's own XML says beyond the values."""

    hidden_rows: list[int] = field(default_factory=list)
    hidden_row_count: int = 0
    hidden_columns: int = 0
    merged: int = 0
    formulas: int = 0
    formula_lines: list[int] = field(default_factory=list)
    empty_formulas: int = 0
    empty_formula_lines: list[int] = field(default_factory=list)
    errors: int = 0
    error_lines: list[int] = field(default_factory=list)
    texts: dict[tuple[int, int], str] = field(default_factory=dict)
    """Exact text of single cells, by row and column from 0, where it is not what the value gives."""

    def warnings(self) -> list[FileWarning]:
        """The facts as warnings."""
        found: tuple[tuple[str, int, list[int]], ...] = (
            ("file_hidden_rows", self.hidden_row_count, self.hidden_rows),
            ("file_hidden_columns", self.hidden_columns, []),
            ("file_merged_cells", self.merged, []),
            ("file_formula_cells", self.formulas - self.empty_formulas, self.formula_lines),
            ("file_formula_without_value", self.empty_formulas, self.empty_formula_lines),
            ("value_cell_error", self.errors, self.error_lines),
        )
        return [
            file_warning(reason, count=count, lines=tuple(lines[:_LINES_NAMED]))
            for reason, count, lines in found
            if count
        ]


def column_number(letters: bytes) -> int:
    """The number of a column, from 1 on, by its letters: ``AB`` is 28."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


class _Handler:
    """Takes the elements of a sheet's XML, by their local names."""

    def __init__(self, facts: SheetFacts) -> None:
        self.facts = facts

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def text(self, content: str) -> None:
        """Text between elements."""

    def end(self, name: str) -> None:
        """An element ends."""


class _XlsxSheet(_Handler):
    def __init__(self, facts: SheetFacts, padded: dict[str, PaddedFormat]) -> None:
        super().__init__(facts)
        self._padded = padded
        self._row = 0
        self._column = 0
        self._kind = ""
        self._style: PaddedFormat | None = None
        self._formula = False
        self._value: list[str] | None = None
        self._text = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        facts = self.facts
        if name == "c":
            reference = attributes.get("r", "")
            letters = reference.rstrip("0123456789")
            self._column = (
                column_number(letters.encode()) if letters.isalpha() and letters.isupper() else self._column + 1
            )
            self._kind = attributes.get("t", "n")
            self._style = self._padded.get(attributes.get("s", ""))
            self._formula = False
            self._text = ""
            if self._kind == "e":
                facts.errors += 1
                facts.error_lines += [self._row] * (len(facts.error_lines) < _LINES_NAMED)
        elif name == "v":
            self._value = []
        elif name == "f":
            self._formula = True
        elif name == "row":
            self._row = int(attributes.get("r", self._row + 1))
            self._column = 0
            if attributes.get("hidden") in ("1", "true"):
                facts.hidden_row_count += 1
                facts.hidden_rows += [self._row] * (len(facts.hidden_rows) < _LINES_NAMED)
        elif name == "col" and attributes.get("hidden") in ("1", "true"):
            first, last = int(attributes.get("min", 1)), int(attributes.get("max", 1))
            facts.hidden_columns += last - first + 1 if last < 16384 else 1
        elif name == "mergeCell":
            facts.merged += 1

    def text(self, content: str) -> None:
        if self._value is not None:
            self._value.append(content)

    def end(self, name: str) -> None:
        if name == "v" and self._value is not None:
            self._text, self._value = "".join(self._value).strip(), None
        elif name == "c":
            facts = self.facts
            if self._formula:
                facts.formulas += 1
                facts.formula_lines += [self._row] * (len(facts.formula_lines) < _LINES_NAMED)
                if not self._text and self._kind != "str":
                    facts.empty_formulas += 1
                    facts.empty_formula_lines += [self._row] * (len(facts.empty_formula_lines) < _LINES_NAMED)
            whole = self._text.removesuffix(".0")
            if self._kind == "n" and whole.isascii() and whole.isdigit():
                if self._style is not None:
                    facts.texts[self._row - 1, self._column - 1] = self._style.text(whole)
                elif len(whole) > 15:
                    facts.texts[self._row - 1, self._column - 1] = whole


class _FilledCells(_Handler):
    """How far out cells lie that hold anything."""

    def __init__(self) -> None:
        super().__init__(SheetFacts())
        self.rows = 0
        self.columns = 0
        self._row = 0
        self._column = 0
        self._inside = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "row":
            self._row, self._column = int(attributes.get("r", self._row + 1)), 0
        elif name == "c":
            letters, digits = _reference(attributes.get("r", ""))
            self._column = column_number(letters) if letters else self._column + 1
            self._row = digits or self._row
        self._inside = name in ("v", "is") or (self._inside and name == "t")

    def text(self, content: str) -> None:
        if self._inside and content:
            self.rows, self.columns = max(self.rows, self._row), max(self.columns, self._column)

    def end(self, name: str) -> None:
        if name in ("v", "is"):
            self._inside = False


def filled_extent(path: Path, part: str) -> tuple[int, int]:
    """The rows and columns of an XLSX's sheet up to the last cell that holds anything, at least 1."""
    handler = _FilledCells()
    walk(path, part, handler, frozenset(("row", "c", "v", "is", "t")))
    return max(handler.rows, 1), max(handler.columns, 1)


def _reference(text: str) -> tuple[bytes, int]:
    """The letters and the number of a cell's name, such as ``AB12``."""
    letters = text.rstrip("0123456789")
    digits = text[len(letters) :]
    return letters.encode() if letters.isalpha() and letters.isupper() else b"", int(digits or 0)


class _OdsSheets(_Handler):
    """Walks through an OpenDocument's content and keeps the facts of each sheet."""

    def __init__(self) -> None:
        super().__init__(SheetFacts())
        self.sheets: dict[str, SheetFacts] = {}
        self._inside = False
        self._row = 0
        self._repeated = 1
        self._column = 0
        """Columns of the row so far."""
        self._filled = 0
        """Columns of the row up to the last one that holds anything."""
        self._width = 0
        """Columns of the sheet up to the last one that holds anything."""
        self._spaces = 0
        self._number: str | None = None
        self._shown: list[str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:  # noqa: C901, PLR0912 - one case an element
        facts = self.facts
        if name == "table":
            self._inside = True
            self._row = 1
            self._width = 0
            facts = self.facts = self.sheets[attributes.get("name", "")] = SheetFacts()
        if not self._inside:
            return
        hidden = attributes.get("visibility") in ("collapse", "filter")
        if name == "table-column" and hidden:
            repeated = int(attributes.get("number-columns-repeated", 1))
            facts.hidden_columns += repeated if repeated < 1000 else 1
        elif name == "table-row":
            self._repeated = int(attributes.get("number-rows-repeated", 1))
            self._column = self._filled = 0
            if hidden and self._repeated < 100_000:
                facts.hidden_row_count += self._repeated
                facts.hidden_rows += [self._row] * (len(facts.hidden_rows) < _LINES_NAMED)
        elif name in ("table-cell", "covered-table-cell"):
            self._column += int(attributes.get("number-columns-repeated", 1))
            kind = attributes.get("value-type")
            if kind:
                self._filled = self._column
            if kind == "float":
                whole = attributes.get("value", "").removesuffix(".0")
                self._number = whole if whole.isascii() and whole.isdigit() else None
            if "formula" in attributes:
                facts.formulas += 1
                facts.formula_lines += [self._row] * (len(facts.formula_lines) < _LINES_NAMED)
            if (
                int(attributes.get("number-columns-spanned", 1)) > 1
                or int(attributes.get("number-rows-spanned", 1)) > 1
            ):
                facts.merged += 1
        elif name == "s":
            self._spaces += int(attributes.get("c", 1))
            if self._spaces > _SPACE_LIMIT:
                raise file_error("file_expands_too_far", limit=f"{_SPACE_LIMIT} spaces written as their number")
        elif name == "p" and self._number is not None:
            self._shown = []

    def text(self, content: str) -> None:
        if self._shown is not None:
            self._shown.append(content)

    def end(self, name: str) -> None:
        if not self._inside:
            return
        if name == "p" and self._shown is not None and self._number is not None:
            shown = _SPACING.sub("", "".join(self._shown))
            # What is shown is the number itself, but for zeros or a plus that its format puts before it.
            if shown != self._number and shown.removeprefix("+").lstrip("0") == self._number.lstrip("0"):
                self.facts.texts[self._row - 1, self._column - 1] = shown
            self._shown = None
        elif name == "table-cell":
            self._number = None
        elif name == "table-row":
            self._row += self._repeated
            self._width = max(self._width, self._filled)
            # Rows that hold nothing count as well once one follows that holds something.
            if self._filled and (self._row - 1) * self._width > CELL_LIMIT:
                raise file_error("file_expands_too_far", limit=f"{CELL_LIMIT} cells")
        elif name == "table":
            self._inside = False


_SPACING = re.compile(r"[\s()./\u00a0\u202f-]")
_WANTED = frozenset(
    (
        "c",
        "v",
        "f",
        "row",
        "col",
        "mergeCell",
        "table",
        "table-column",
        "table-row",
        "table-cell",
        "covered-table-cell",
        "p",
        "s",
    )
)


def xlsx_facts(path: Path, part: str, padded: dict[str, PaddedFormat]) -> SheetFacts:
    """The facts of one sheet of an XLSX; ``padded`` are its styles that pad numbers, by number."""
    facts = SheetFacts()
    walk(path, part, _XlsxSheet(facts, padded), _WANTED)
    return facts


def ods_facts(path: Path) -> dict[str, SheetFacts]:
    """The facts of every sheet of an OpenDocument, by name. Raises ContactFileError where it would fill the memory."""
    handler = _OdsSheets()
    walk(path, "content.xml", handler, _WANTED)
    return handler.sheets
