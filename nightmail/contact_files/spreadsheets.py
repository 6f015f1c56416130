"""Workbooks (XLSX, ODS, and the older XLS and XLSB) as contact files: the first visible sheet that holds anything.

Values come from calamine. What it does not tell is read from the container's own XML: hidden rows and columns, merged
cells, formulas, error values, numbers with more digits than a float keeps, and number formats that show leading zeros
or a plus (the phone number 0612345678, stored as 612345678, is read as people see it).
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from xml.parsers import expat

import python_calamine
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from nightmail.contact_files.cell_text import cell_text
from nightmail.contact_files.failures import file_error, file_warning, readable_size
from nightmail.contact_files.reading_process import ReadingOrder
from nightmail.contact_files.summary import FileWarning

_BATCH = 20_000
_BATCH_CHARACTERS = 64 * 1024 * 1024
_LONGEST_NAME = 10_000
"""Characters of a cell that are looked at when a header is looked for."""
_CELL_LIMIT = 64_000_000
"""Cells of a sheet, empty ones between the first and the last included: calamine keeps them all in memory."""
_SPACE_LIMIT = 64_000_000
"""Spaces of an ODS that stand as ``<text:s text:c="12"/>``, from which calamine makes them one by one."""
_SMALL_XML = 32 * 1024 * 1024
_RATIO_FLOOR = 64 * 1024 * 1024
_LINES_NAMED = 10
_COLUMN = re.compile(rb"""\br=["']([A-Z]{1,3})[0-9]""")
_ROW = re.compile(rb"""<(?:\w+:)?row\b[^>]*?\br=["']([0-9]+)""")
_FAR_ROW = re.compile(rb"""\br=["'][A-Z]{1,3}([0-9]{6,})""")
_NEAR_ROWS = 99_999
_WORTH_A_LOOK = (
    b'hidden="1"',
    b'hidden="true"',
    b"hidden='1'",
    b"<f>",
    b"<f ",
    b"<f/",
    b":f>",
    b":f ",
    b't="e"',
    b"t='e'",
)
_LONG_NUMBER = re.compile(rb"v>-?[0-9]{16}")
_CHUNK = 4 * 1024 * 1024


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


class Workbook:
    """A workbook that was uploaded. Raises ContactFileError when it cannot be read or holds nothing."""

    def __init__(self, order: ReadingOrder) -> None:
        self._path = Path(order.path)
        self._kind = order.kind
        self._order = order
        if order.kind != "xls":
            _check_expansion(self._path, order)
        # Before calamine opens an ODS, for then it fills the memory with all of its sheets.
        ods = self._ods_facts() if order.kind == "ods" else {}
        with _reading_by_calamine():
            self._book = python_calamine.CalamineWorkbook.from_path(order.path)
            described = self._book.sheets_metadata
        self.warnings: list[FileWarning] = []
        visible = [
            sheet.name
            for sheet in described
            if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
            and (sheet.visible == python_calamine.SheetVisibleEnum.Visible or sheet.name == order.sheet)
        ]
        if order.sheet is not None:
            known = ", ".join(sheet.name for sheet in described)
            if order.sheet not in visible:
                raise file_error("file_no_sheet", sheet=f"sheet {order.sheet}", known=known)
            visible = [order.sheet]
        if not visible:
            raise file_error("file_no_sheet", sheet="visible sheet", known=", ".join(sheet.name for sheet in described))
        self.facts = SheetFacts()
        for name in visible:
            self.sheet = name
            self.facts = ods.get(name, SheetFacts())
            self._check_cells()
            self._sheet = self._open(name)
            if self._sheet.start is not None:
                break
        else:
            raise file_error("file_empty")
        others = [sheet.name for sheet in described if sheet.name != self.sheet]
        if others and order.sheet is None:
            shown = ", ".join(others[:5]) + (", ..." if len(others) > 5 else "")
            self.warnings.append(file_warning("file_other_sheets", names=shown))
        self._look_into_xml()
        self.facts.merged = self.facts.merged or len(self._sheet.merged_cell_ranges or [])
        self.warnings += self.facts.warnings()

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row that holds anything, with its number; cells as exact text, from the sheet's first used column on."""
        texts = self.facts.texts
        first = self._sheet.start[1]
        odd_rows = {row for row, _ in texts}
        for number, values in enumerate(self._values()):
            row = [value if type(value) is str else cell_text(value) or "" for value in values]
            if number in odd_rows:
                for place in range(len(row)):
                    row[place] = texts.get((number, place + first), row[place])
            if any(row):
                yield number + 1, row

    def head(self) -> dict[str, Any]:
        """The sheet, what was noticed in it, how many rows it has, and the first rows: the header is among them."""
        rows = islice(self.rows(), self._order.first_rows)
        return {
            "sheet": self.sheet,
            "warnings": [asdict(warning) for warning in self.warnings],
            "total": self._sheet.total_height,
            "first": [(line, [cell[:_LONGEST_NAME] for cell in row]) for line, row in rows],
        }

    def blocks(self, header_line: int, width: int) -> Iterator[dict[str, Any]]:
        """The rows after the header, with their first ``width`` cells."""
        lines: list[int] = []
        batch: list[list[str]] = []
        too_large: list[int] = []
        characters = 0
        limit = self._order.field_limit
        for line, row in self.rows():
            if line <= header_line:
                continue
            if any(len(value) * 4 > limit and len(value.encode()) > limit for value in row):
                too_large.append(line)
            else:
                lines.append(line)
                batch.append(row[:width])
                characters += sum(map(len, row))
            if len(lines) + len(too_large) >= _BATCH or characters >= _BATCH_CHARACTERS:
                yield {"lines": lines, "columns": list(zip(*batch, strict=True)), "too_large": too_large}
                lines, batch, too_large, characters = [], [], [], 0
        yield {"lines": lines, "columns": list(zip(*batch, strict=True)), "too_large": too_large}

    def _open(self, name: str) -> Any:
        with _reading_by_calamine():
            return self._book.get_sheet_by_name(name)

    def _values(self) -> Iterator[list[Any]]:
        with _reading_by_calamine():
            rows = iter(self._sheet.iter_rows())
        while True:
            with _reading_by_calamine():
                values = next(rows, None)
            if values is None:
                return
            yield values

    def _check_cells(self) -> None:
        """Refuse a sheet whose cells lie so far apart that reading it would fill the memory."""
        if self._kind != "xlsx":
            return
        try:
            rows, columns = 0, 0
            for chunk in _xml_chunks(self._path, self._part()):
                columns = max(columns, *map(_column_number, set(_COLUMN.findall(chunk))), 1)
                rows = max(rows, *map(int, _ROW.findall(chunk)), *map(int, set(_FAR_ROW.findall(chunk))), 1)
            if columns * _NEAR_ROWS > _CELL_LIMIT:
                rows = max(rows, _NEAR_ROWS)
            if rows * max(columns, 1) > _CELL_LIMIT:
                raise file_error("file_expands_too_far", limit=f"{_CELL_LIMIT} cells")
        except _XML_ERRORS as error:
            raise file_error("file_unreadable", detail="the workbook is damaged") from error

    def _ods_facts(self) -> dict[str, SheetFacts]:
        handler = _OdsSheets()
        try:
            _walk(self._path, "content.xml", handler)
        except _XML_ERRORS as error:
            raise file_error("file_unreadable", detail="the workbook is damaged") from error
        return handler.sheets

    def _look_into_xml(self) -> None:
        if self._kind != "xlsx":
            return
        try:
            part = self._part()
            padded = _padded_styles(self._path)
            worth = bool(padded)
            for chunk in _xml_chunks(self._path, part) if not worth else ():
                if any(mark in chunk for mark in _WORTH_A_LOOK) or _LONG_NUMBER.search(chunk):
                    worth = True
                    break
            if worth:
                self.facts = _xlsx_facts(self._path, part, padded)
        except _XML_ERRORS as error:
            raise file_error("file_unreadable", detail="the workbook is damaged") from error

    def _part(self) -> str:
        """The name of the sheet's XML inside the container."""
        with zipfile.ZipFile(self._path) as archive:
            names = set(archive.namelist())
            book = ElementTree.fromstring(_small(archive, "xl/workbook.xml"))
            relations = ElementTree.fromstring(_small(archive, "xl/_rels/workbook.xml.rels"))
        targets = {relation.get("Id"): relation.get("Target") or "" for relation in relations}
        for element in book.iter():
            if _local(element.tag) == "sheet" and element.get("name") == self.sheet:
                key = next((value for name, value in element.attrib.items() if _local(name) == "id"), None)
                target = targets.get(key, "")
                part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
                part = re.sub(r"[^/]+/\.\./", "", part)
                if part in names:
                    return part
        raise KeyError(self.sheet)


_XML_ERRORS = (
    ParseError,
    expat.ExpatError,
    DefusedXmlException,
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    OSError,
    ValueError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)


@contextmanager
def _reading_by_calamine() -> Iterator[None]:
    """Turns whatever calamine raises for a damaged workbook into our error.

    It is written in Rust, and a defect of its own in a damaged file (XLS above all) is a panic: a BaseException whose
    class has no public name.
    """
    try:
        yield
    except python_calamine.PasswordError as error:
        raise file_error("file_protected") from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise file_error("file_unreadable", detail="the workbook is damaged") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise file_error("file_unreadable", detail="the workbook is damaged") from None


def _check_expansion(path: Path, order: ReadingOrder) -> None:
    limit = min(order.expanded_limit, max(path.stat().st_size * order.expansion_limit, _RATIO_FLOOR))
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            protected = any(entry.flag_bits & 1 for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise file_error("file_unreadable", detail="the workbook is damaged") from error
    if protected:
        raise file_error("file_protected")
    if size > limit:
        raise file_error("file_expands_too_far", limit=readable_size(limit))


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > _SMALL_XML:
        raise file_error("file_expands_too_far", limit=readable_size(_SMALL_XML))
    return archive.read(name)


def _xml_chunks(path: Path, part: str) -> Iterator[bytes]:
    """The bytes of one part, in pieces that end after a ``>``."""
    with zipfile.ZipFile(path) as archive, archive.open(part) as handle:
        waiting = b""
        while chunk := handle.read(_CHUNK):
            waiting += chunk
            end = waiting.rfind(b">") + 1
            if end:
                yield waiting[:end]
                waiting = waiting[end:]
            elif len(waiting) > _SMALL_XML:
                raise ValueError("a tag or a text without an end")
        if waiting:
            yield waiting


def _local(name: str) -> str:
    return name.rsplit("}", 1)[-1]


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


@dataclass(frozen=True)
class PaddedFormat:
    """A number format that shows a whole number with leading zeros or a plus."""

    digits: int
    plus: bool

    def text(self, number: str) -> str:
        """The number as the format shows its digits."""
        return ("+" if self.plus else "") + number.zfill(self.digits)


_FORMAT_TOKEN = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|\[[^\]]*\]|(.)', re.DOTALL)


def padded_format(code: str) -> PaddedFormat | None:
    """What a number format's code does to a whole number; None when it shows nothing but its digits, or a fraction.

    >>> padded_format("00000"), padded_format('0#" "##" "##" "##" "##').digits, padded_format("#,##0.00")
    (PaddedFormat(digits=5, plus=False), 10, None)
    """
    section = code.split(";", 1)[0]
    places = 0
    forced = 0
    plus = False
    for literal, escaped, plain in _FORMAT_TOKEN.findall(section):
        text = literal or escaped
        if text:
            plus = plus or (places == 0 and text.strip().startswith("+"))
            if any(letter.isalnum() for letter in text):
                return None
        elif plain in ("0", "#", "?"):
            places += 1
            if plain == "0" and not forced:
                forced = places
        elif plain == "+":
            plus = plus or places == 0
        elif plain and plain not in " -()/":
            return None
    digits = places - forced + 1 if forced else 0
    return PaddedFormat(digits, plus) if digits > 1 or plus else None


def _padded_styles(path: Path) -> dict[str, PaddedFormat]:
    """The cell styles of a workbook, by number, that pad whole numbers."""
    with zipfile.ZipFile(path) as archive:
        if "xl/styles.xml" not in archive.namelist():
            return {}
        styles = ElementTree.fromstring(_small(archive, "xl/styles.xml"))
    formats: dict[str, PaddedFormat] = {}
    padded: dict[str, PaddedFormat] = {}
    for element in styles.iter():
        if _local(element.tag) == "numFmt":
            found = padded_format(element.get("formatCode") or "")
            if found is not None:
                formats[element.get("numFmtId") or ""] = found
    for element in styles.iter():
        if _local(element.tag) == "cellXfs":
            for number, style in enumerate(element):
                found = formats.get(style.get("numFmtId") or "")
                if found is not None:
                    padded[str(number)] = found
    return padded


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
                _column_number(letters.encode()) if letters.isalpha() and letters.isupper() else self._column + 1
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

    def start(self, name: str, attributes: dict[str, str]) -> None:
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
            if self._filled and (self._row - 1) * self._width > _CELL_LIMIT:
                raise file_error("file_expands_too_far", limit=f"{_CELL_LIMIT} cells")
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


def _walk(path: Path, part: str, handler: _Handler) -> None:
    """Give the elements of one part to ``handler``.

    A sheet has millions of elements, so expat is used as it is, with what defusedxml forbids forbidden here as well: a
    document type, and with it every entity.
    """
    parser = expat.ParserCreate(namespace_separator="}")
    names: dict[str, str] = {}

    def local(name: str) -> str:
        found = names.get(name)
        if found is None:
            found = names[name] = _local(name)
        return found

    def start(name: str, attributes: dict[str, str]) -> None:
        if (element := local(name)) in _WANTED:
            handler.start(element, {local(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        if (element := local(name)) in _WANTED:
            handler.end(element)

    def refuse(*_: object) -> None:
        raise DefusedXmlException("a document type is not part of a workbook")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = handler.text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    with zipfile.ZipFile(path) as archive, archive.open(part) as handle:
        while chunk := handle.read(_CHUNK):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)


def _xlsx_facts(path: Path, part: str, padded: dict[str, PaddedFormat]) -> SheetFacts:
    facts = SheetFacts()
    _walk(path, part, _XlsxSheet(facts, padded))
    return facts
