"""CSV files as programs of many kinds write them: read as they were meant, or rejected with the reason; never shifted in silence.

Each case names where its kind was reported. RFC 4180 is https://www.rfc-editor.org/rfc/rfc4180.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.contact_files.conftest import Reader

FIVE = "external_id,phone,address,amount,name"
FULL = "1,+447723456789,Road 4,12.00,Ann"
SHIFTED = "2,+447723456790,Road 5, Leeds,99.00,"
TV = 'TV 24"'


@dataclass
class Case:
    """What a file is read as."""

    source: str
    content: str | bytes
    rows: list[list[str | None]] = field(default_factory=list)
    """Values of the columns in order, for the rows that are read."""
    rejected: dict[int, str] = field(default_factory=dict)
    """Reason by line."""
    said: set[str] = field(default_factory=set)
    """Warnings and decisions that must be there."""


def lines(*texts: str, end: str = "\n") -> str:
    return "".join(text + end for text in texts)


ENDS = {
    "an unquoted comma, the last value empty": Case(
        "https://github.com/digitalmethodsinitiative/dmi-tcat/issues/80",
        lines(FIVE, FULL, SHIFTED),
        [["1", "+447723456789", "Road 4", "12.00", "Ann"]],
        {3: "row_ragged"},
    ),
    "an unquoted comma after many rows": Case(
        "https://github.com/digitalmethodsinitiative/dmi-tcat/issues/80",
        lines(
            FIVE, FULL, *[f"{number},+4477234567{number},Road {number},1.00,Bo" for number in range(10, 80)], SHIFTED
        ),
        [],
        {73: "row_ragged"},
    ),
    "a delimiter at the end of one row": Case(
        "https://github.com/jmoenig/Snap/issues/2434",
        lines("phone,name", "+447723456789,Ann", "+447723456790,Bo,", "+447723456791,Cy"),
        [["+447723456789", "Ann"], ["+447723456791", "Cy"]],
        {3: "row_ragged"},
    ),
    "a delimiter at the end of every row": Case(
        "https://github.com/jmoenig/Snap/issues/2434",
        lines("phone,name", "+447723456789,Ann,", "+447723456790,,", "+447723456791,Cy,"),
        [["+447723456789", "Ann"], ["+447723456790", None], ["+447723456791", "Cy"]],
        said={"decided_line_ends"},
    ),
    "a field is missing where every row ends in a delimiter": Case(
        "https://github.com/jmoenig/Snap/issues/2434",
        lines("phone,due,name", *["+447723456789,2026-12-01,Ann,"] * 9, "+447723456790,Bo,"),
        [["+447723456789", "2026-12-01", "Ann"]] * 9,
        {11: "row_ragged"},
        said={"decided_line_ends"},
    ),
    "a delimiter at the end of the header and of every row": Case(
        "https://github.com/elastic/kibana/issues/8074",
        lines("phone,name,", "+447723456789,Ann,", "+447723456790,Bo,"),
        [["+447723456789", "Ann"], ["+447723456790", "Bo"]],
    ),
    "a delimiter at the end of the header and of some rows": Case(
        "https://github.com/exceljs/exceljs/issues/454",
        lines("phone,name,", "+447723456789,Ann,", "+447723456790,Bo", "+447723456791,Cy"),
        [["+447723456789", "Ann"], ["+447723456790", "Bo"], ["+447723456791", "Cy"]],
    ),
    "a shifted value that lands under no name": Case(
        "https://github.com/opengovsg/isomer/pull/2805",
        lines(FIVE + ",", FULL + ",", SHIFTED + "Bo", FULL + ","),
        [["1", "+447723456789", "Road 4", "12.00", "Ann"]] * 2,
        {3: "row_ragged"},
    ),
    "a shifted value under a header that alone ends in a delimiter": Case(
        "https://github.com/elastic/kibana/issues/8074",
        lines(FIVE + ",", *[FULL] * 40, SHIFTED),
        [["1", "+447723456789", "Road 4", "12.00", "Ann"]] * 40,
        {42: "row_ragged"},
    ),
    "an unquoted comma in every row, the last value empty": Case(
        "https://github.com/digitalmethodsinitiative/dmi-tcat/issues/80",
        lines(FIVE, *[SHIFTED] * 12),
        [],
        dict.fromkeys(range(2, 14), "row_ragged"),
    ),
    "thousands of empty columns": Case(
        "https://github.com/OpenDataRepository/data-publisher/issues/84",
        lines(*(row + "," * 16_379 for row in (FIVE, FULL, "2,+447723456790,Road 5,,Bo"))),
        [["1", "+447723456789", "Road 4", "12.00", "Ann"], ["2", "+447723456790", "Road 5", None, "Bo"]],
    ),
    "thousands of empty columns and a shifted value": Case(
        "https://github.com/OpenDataRepository/data-publisher/issues/84",
        lines(*(row + "," * 16_379 for row in (FIVE, *[FULL] * 12, SHIFTED))),
        [["1", "+447723456789", "Road 4", "12.00", "Ann"]] * 12,
        {14: "row_ragged"},
    ),
    "thousands of empty columns in the rows alone": Case(
        "https://github.com/OpenDataRepository/data-publisher/issues/84",
        lines("phone,name", *["+447723456789,Ann" + "," * 3000] * 4),
        [["+447723456789", "Ann"]] * 4,
        said={"decided_line_ends"},
    ),
}
QUOTES = {
    "spaces before quotes": Case(
        "https://github.com/knadh/listmonk/issues/1070",
        lines('"external_id", "email", "name"', '"1", "anna@example.com", "Anna"', '"2", "bo@example.com", "Ray, Bo"'),
        [["1", "anna@example.com", "Anna"], ["2", "bo@example.com", "Ray, Bo"]],
        said={"row_quote_repaired"},
    ),
    "spaces before quotes, doubled quotes and line ends inside": Case(
        "https://github.com/JoshClose/CsvHelper/issues/204",
        lines(
            "email, name", '"a@example.com", "Ann ""Nan"" Lee"', 'b@example.com, "Ray\nBo, jr"', 'c@example.com,\t"C" '
        ),
        [["a@example.com", 'Ann "Nan" Lee'], ["b@example.com", "Ray\nBo, jr"], ["c@example.com", "C"]],
        said={"row_quote_repaired"},
    ),
    "a quote after a space that is never closed": Case(
        "https://github.com/JoshClose/CsvHelper/issues/204",
        lines("email,first,last", 'a@example.com, "Ray, Bo', "b@example.com,Cy,Lee"),
        [["b@example.com", "Cy", "Lee"]],
        {2: "row_unterminated_quote"},
    ),
    "text after a closing quote": Case(
        "https://github.com/adaltas/node-csv/issues/183",
        lines("email,name", 'a@example.com,"Big" Bob', 'b@example.com, "Big" Bob', "c@example.com,Cy"),
        [["c@example.com", "Cy"]],
        {2: "row_text_after_quote", 3: "row_text_after_quote"},
    ),
    "a backslash before the last quote": Case(
        "https://github.com/mholt/PapaParse/issues/299",
        lines(
            "external_id,item,phone", '"1","TV 24\\"","+447723456789"', '2,"TV 24\\"",+447723456790', '"3","a","+44"'
        ),
        [["1", TV, "+447723456789"], ["2", TV, "+447723456790"], ["3", "a", "+44"]],
        said={"row_quote_repaired"},
    ),
    "a backslash before the last quote of the line": Case(
        "https://github.com/mholt/PapaParse/issues/299",
        lines("phone,item", '+447723456789,"TV 24\\""', '+447723456790,"\\"a\\", \\"b\\""', "+447723456791,c"),
        [["+447723456789", TV], ["+447723456790", '"a", "b"'], ["+447723456791", "c"]],
        said={"row_quote_repaired"},
    ),
    "a backslash before the last quote, and a quote on the next line": Case(
        "https://github.com/mholt/PapaParse/issues/299",
        lines("external_id,item", '1,"TV 24\\""', '2,5"', "3,c"),
        [["1", TV], ["2", '5"'], ["3", "c"]],
        said={"row_quote_repaired"},
    ),
    "a backslash at the end of a quoted value": Case(
        "https://github.com/stevehansen/csv/issues/35",
        lines("phone,path,name", '+447723456789,"C:\\dir\\",Ann', '+447723456790,"B \\""",Bo'),
        [["+447723456789", "C:\\dir\\", "Ann"], ["+447723456790", 'B \\"', "Bo"]],
    ),
    "apostrophes around every field": Case(
        "https://github.com/OpenRefine/OpenRefine/issues/4899",
        lines("'phone', 'name', 'city'", "'+447723456789', 'Lee, Ann', 'Hull'", "'+447723456790', 'O''Neil', ''"),
        [["+447723456789", "Lee, Ann", "Hull"], ["+447723456790", "O'Neil", None]],
        said={"decided_quote"},
    ),
    "apostrophes around the values of one column": Case(
        "https://github.com/OpenRefine/OpenRefine/issues/1086",
        lines("phone;name", "+447723456789;'Lee; Ann'", "+447723456790;'Bo'"),
        [["+447723456789", "Lee; Ann"], ["+447723456790", "Bo"]],
        said={"decided_quote"},
    ),
    "apostrophes around one value of many": Case(
        "https://github.com/duckdb/duckdb/issues/16215",
        lines("phone,name", '+447723456789,"Lee, Ann"', "+447723456790,'Bo'", "+447723456791,Cy"),
        [["+447723456789", "Lee, Ann"], ["+447723456790", "'Bo'"], ["+447723456791", "Cy"]],
        said={"value_in_apostrophes"},
    ),
    "values that begin with an apostrophe": Case(
        "https://github.com/ExcelDataReader/ExcelDataReader/issues/333",
        lines("phone|address", "+447723456789|'s Gravendijkwal 100", "+447723456790|'135 Moo 5", "+447723456791|'"),
        [["+447723456789", "'s Gravendijkwal 100"], ["+447723456790", "'135 Moo 5"], ["+447723456791", "'"]],
    ),
    "quotation marks around values in apostrophes": Case(
        "https://github.com/pimcore/pimcore/issues/1644",
        lines('"phone";"text"', '"+447723456789";"\'a\' is not b"', '"+447723456790";"\'c\'"'),
        [["+447723456789", "'a' is not b"], ["+447723456790", "'c'"]],
        said={"value_in_apostrophes"},
    ),
}
PROGRAMS = {
    "a tab before a header of one column": Case(
        "https://github.com/OpenRefine/OpenRefine/issues/4899",
        lines("\tphone", "+447723456789", "+447723456790"),
        [["+447723456789"], ["+447723456790"]],
    ),
    "a tab before every line": Case(
        "https://github.com/OpenRefine/OpenRefine/issues/4899",
        lines("\tphone", "\t+447723456789", "\t+447723456790"),
        [["+447723456789"], ["+447723456790"]],
    ),
    "saved again by a program that takes semicolons": Case(
        "https://github.com/studoverse/campus-qr/pull/72",
        lines("external_id,phone,name;;;", "1,+447723456789,Ann;;;", '"2,+447723456790,""Lee, Bo""";;;'),
        [["1", "+447723456789", "Ann"], ["2", "+447723456790", "Lee, Bo"]],
        said={"decided_line_tails", "row_quoted_whole"},
    ),
    "saved again by a program that takes commas": Case(
        "https://github.com/studoverse/campus-qr/pull/72",
        lines("phone;amount;name,", "+447723456789;12,50;Ann", "+447723456790;13;Bo,", "+447723456791;14;,"),
        [["+447723456789", "12,50", "Ann"], ["+447723456790", "13", "Bo"], ["+447723456791", "14", None]],
        said={"decided_line_tails"},
    ),
    "every line in quotes": Case(
        "https://github.com/studoverse/campus-qr/pull/72",
        lines('"phone,name"', '"+447723456789,Ann"', '"+447723456790,""Lee, Bo"""'),
        [["+447723456789", "Ann"], ["+447723456790", "Lee, Bo"]],
        said={"row_quoted_whole"},
    ),
    "a line in quotes that has not the header's fields": Case(
        "https://github.com/studoverse/campus-qr/pull/72",
        lines('"phone,name"', '"+447723456789,Ann"', '"+447723456790,Lee, Bo"'),
        [["+447723456789", "Ann"]],
        {3: "row_ragged"},
    ),
    "a line sep= with delimiters after it": Case(
        "https://github.com/studoverse/campus-qr/pull/72",
        lines("sep=;;;", "phone;name", "+447723456789;Ann"),
        [["+447723456789", "Ann"]],
    ),
}
BOM = "\ufeff"
MARKS = {
    "read as Windows-1252": "ï»¿",
    "read as Windows-1252 twice": "ï»¿".encode().decode("cp1252"),
    "read as DOS text": "∩╗┐",
    "read as Cyrillic": "п»ї",
    "twice": BOM * 2,
    "before another one": BOM + "ï»¿",
    "as R names the column": "ï..",
    "written out": "<U+FEFF>",
    "a zero-width space": "\u200b",
}


def of_marks() -> dict[str, Case]:
    source = "https://github.com/dbeaver/dbeaver/issues/10994"
    cases: dict[str, Case] = {}
    for name, mark in MARKS.items():
        for quoted in (f"{mark}phone,name", f'{mark}"phone","name"', f'"{mark}phone","name"'):
            cases[f"{name}: {quoted[-20:]}"] = Case(
                source, lines(quoted, "+447723456789,Zoë"), [["+447723456789", "Zoë"]]
            )
    cases["of UTF-16 before a text in one byte a letter"] = Case(
        source, b"\xff\xfephone,name\n+447723456789,Ann\n", [["+447723456789", "Ann"]]
    )
    return cases


CASES = {**ENDS, **QUOTES, **PROGRAMS, **of_marks()}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_file_is_read_as_it_was_meant(read: Reader, case: Case) -> None:
    result = read(case.content)
    names = list(result.summary.columns)
    if case.rows:
        assert [[row[name] for name in names] for row in result.rows] == case.rows
    assert result.reasons == case.rejected
    said = {warning.reason for warning in result.summary.warnings}
    assert case.said <= said | {decision.reason for decision in result.summary.decisions}


def test_what_the_first_rows_show_is_no_rule_for_a_file_that_goes_on_otherwise(read: Reader) -> None:
    """The first rows end in a delimiter more, the rest do not: then an empty field more may be a shifted value."""
    body = "+447723456789,Ann,\n" * 90 + "+447723456789,Ann\n" * 60_000 + "+447723456789,Lee, Bo\n"
    result = read("phone,name\n" + body)
    assert result.summary.by_reason == {"row_ragged": 91}
    assert "decided_line_ends" not in {decision.reason for decision in result.summary.decisions}


def test_a_file_that_is_written_so_throughout_is_read_throughout(read: Reader) -> None:
    body = "+447723456789,Ann,\n" * 60_000 + "+447723456789,Ann\n"
    result = read("phone,name\n" + body)
    assert (result.summary.rows_read, result.summary.rows_rejected) == (60_001, 0)


VALUE = st.text("aé 'x5,;\t\\", max_size=8).filter(lambda text: text.strip(" \t'") == text and text not in ("NULL",))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(VALUE, VALUE), min_size=2, max_size=8),
    quote=st.sampled_from("\"'"),
    space=st.sampled_from(["", " ", "  "]),
    tail=st.sampled_from(["", ";", ";;;"]),
)
@example([("a\\", "b"), ("c", "")], '"', " ", ";;;")
def test_rows_in_a_rarer_dialect_come_back(
    read: Reader, rows: list[tuple[str, str]], quote: str, space: str, tail: str
) -> None:
    """Every field in quotes, spaces between the fields, a second program's delimiters at the end of the lines."""
    table = [("phone", "name", "note"), *((f"+44772345678{place}", *row) for place, row in enumerate(rows))]
    text = "".join(
        f",{space}".join(f"{quote}{value.replace(quote, quote * 2)}{quote}" for value in row) + tail + "\n"
        for row in table
    )
    result = read(text)
    assert result.reasons == {}
    assert [(row["phone"], row["name"], row["note"]) for row in result.rows] == [
        (phone, first or None, second or None) for phone, first, second in table[1:]
    ]


PIECE = st.sampled_from(["a", "5", '"', '"', "'", "\\", ",", ",", " ", "\t", ";", '""', '\\"', "+447723456789"])


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(PIECE, max_size=14).map("".join), min_size=1, max_size=6))
@example([SHIFTED.partition(",")[2]])
@example(['1,"TV 24\\""', '2,5"'])
@example(['+44772345,"Big" Bob,x', '+44772345, "Lee, Ann",x'])
def test_a_row_is_read_as_every_reader_has_it_or_it_is_said(read: Reader, rows: list[str]) -> None:
    """What Python's csv module reads otherwise is rejected, or named among the rows that were repaired.

    The module reads what RFC 4180 allows as everybody does, and takes a quote inside an unquoted field for text.
    """
    text = lines("phone,name,note", *(f"+44772345{place:04d},a,b" for place in range(30)), *rows)
    result = read(text)
    repaired = {line for warning in result.summary.warnings if warning.reason in REPAIRS for line in warning.lines}
    if "row_unterminated_quote" in result.reasons.values() or repaired:
        return  # where the quotes are broken, the module takes lines together as it likes
    reader = csv.reader(io.StringIO(text, newline=""))
    others: dict[int, list[str]] = {}
    begins = 1
    for fields in reader:
        others[begins] = fields
        begins = reader.line_num + 1
    for row in result.rows:
        assert [row["phone"], row["name"], row["note"]] == [value or None for value in others[row["line"]]]


REPAIRS = ("row_quote_repaired", "row_quoted_whole")


CELL = st.sampled_from(["", "Ann", "Road 5, Leeds", "9.50", ",", "a,b,c", "x "])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=8),
    header_ends=st.integers(0, 3),
    rows_end=st.integers(0, 3),
)
@example([("Road 5, Leeds", "99.00", "")], 0, 0)
@example([("Ann", "9.50", "x ")] * 9 + [("Road 5, Leeds", "99.00", "")], 0, 0)
@example([("Ann", "", "x ")] * 19 + [("Road 5, Leeds", "", "")], 1, 1)
def test_a_program_that_never_quotes_shifts_nobodys_values(
    read: Reader, rows: list[tuple[str, str, str]], header_ends: int, rows_end: int
) -> None:
    """Values are joined by commas as they are: a row is read as it was written, or rejected.

    Where the header alone ends in commas, a row that has its number of fields is taken for whole.
    """
    header_ends = min(header_ends, rows_end)
    rows = [("Road 4", "12.00", "Ann")] * 80 + rows
    text = "phone,address,amount,name" + "," * header_ends + "\n"
    for place, row in enumerate(rows):
        text += ",".join((f"+44772345{place:04d}", *row)) + "," * rows_end + "\n"
    result = read(text)
    for row in result.rows:
        intended = rows[row["line"] - 2]
        assert [row["address"], row["amount"], row["name"]] == [value or None for value in intended]
