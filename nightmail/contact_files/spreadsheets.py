"""Workbooks (XLSX, ODS, and the older XLS and XLSB) as contact files: the first visible sheet that holds anything.

Values come from calamine. What it does not tell is read from the container's own XML (:mod:`nightmail.contact_files.sheet_facts`):
hidden rows and columns, merged cells, formulas, error values, numbers with more digits than a float keeps, and number
formats that show leading zeros or a plus (the phone number 0612345678, stored as 612345678, is read as people see it).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import python_calamine
from defusedxml import ElementTree

from nightmail.contact_files.cell_text import cell_text
from nightmail.contact_files.failures import file_error, file_warning, readable_size
from nightmail.contact_files.number_formats import padded_styles
from nightmail.contact_files.reading_order import ReadingOrder
from nightmail.contact_files.sheet_facts import (
    CELL_LIMIT,
    SheetFacts,
    column_number,
    filled_extent,
    ods_facts,
    xlsx_facts,
)
from nightmail.contact_files.summary import FileWarning
from nightmail.contact_files.workbook_xml import XML_ERRORS, local_name, small_part, xml_chunks

_BATCH = 20_000
_BATCH_CHARACTERS = 64 * 1024 * 1024
_LONGEST_NAME = 10_000
"""Characters of a cell that are looked at when a header is looked for."""
_RATIO_FLOOR = 64 * 1024 * 1024
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

    def blocks(self, header_line: int, width: int, more: bool) -> Iterator[dict[str, Any]]:
        """The rows after the header, with their first ``width`` cells and, with ``more``, the first filled one after those."""
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
                kept = row[:width]
                if more:
                    kept.append(next((cell for cell in row[width:] if cell.strip()), ""))
                batch.append(kept)
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
            for chunk in xml_chunks(self._path, self._part()):
                columns = max(columns, *map(column_number, set(_COLUMN.findall(chunk))), 1)
                rows = max(rows, *map(int, _ROW.findall(chunk)), *map(int, set(_FAR_ROW.findall(chunk))), 1)
            if columns * max(rows, _NEAR_ROWS) > CELL_LIMIT:
                # Cells that have a format and nothing in them lie as far out, and take no memory.
                rows, columns = filled_extent(self._path, self._part())
            if rows * columns > CELL_LIMIT:
                raise file_error("file_expands_too_far", limit=f"{CELL_LIMIT} cells")
        except XML_ERRORS as error:
            raise file_error("file_unreadable", detail="the workbook is damaged") from error

    def _ods_facts(self) -> dict[str, SheetFacts]:
        try:
            return ods_facts(self._path)
        except XML_ERRORS as error:
            raise file_error("file_unreadable", detail="the workbook is damaged") from error

    def _look_into_xml(self) -> None:
        if self._kind != "xlsx":
            return
        try:
            part = self._part()
            padded = padded_styles(self._path)
            worth = bool(padded)
            for chunk in xml_chunks(self._path, part) if not worth else ():
                if any(mark in chunk for mark in _WORTH_A_LOOK) or _LONG_NUMBER.search(chunk):
                    worth = True
                    break
            if worth:
                self.facts = xlsx_facts(self._path, part, padded)
        except XML_ERRORS as error:
            raise file_error("file_unreadable", detail="the workbook is damaged") from error

    def _part(self) -> str:
        """The name of the sheet's XML inside the container."""
        with zipfile.ZipFile(self._path) as archive:
            names = set(archive.namelist())
            book = ElementTree.fromstring(small_part(archive, "xl/workbook.xml"))
            relations = ElementTree.fromstring(small_part(archive, "xl/_rels/workbook.xml.rels"))
        targets = {relation.get("Id"): relation.get("Target") or "" for relation in relations}
        for element in book.iter():
            if local_name(element.tag) == "sheet" and element.get("name") == self.sheet:
                key = next((value for name, value in element.attrib.items() if local_name(name) == "id"), None)
                target = targets.get(key, "")
                part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
                part = re.sub(r"[^/]+/\.\./", "", part)
                if part in names:
                    return part
        raise KeyError(self.sheet)


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
