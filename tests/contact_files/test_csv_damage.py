"""Damage in CSV files is told apart, named, and costs the damaged row only."""

from __future__ import annotations

import pytest

from tests.contact_files.conftest import Reader

HEAD = "external_id,phone,name\n"


@pytest.mark.parametrize(
    ("body", "lines", "rejected"),
    [
        pytest.param("1,+4479,a\n2,+4479\n3,+4479,c\n", [2, 4], {3: "row_ragged"}, id="a field is missing"),
        pytest.param("1,+4479,a\n2,+4479,b,x\n3,+4479,c\n", [2, 4], {3: "row_ragged"}, id="a field too many"),
        pytest.param(
            '1,"+4479,a\n2,+447900000002,b\n3,+447900000003,c\n',
            [3, 4],
            {2: "row_unterminated_quote"},
            id="a quote never closed",
        ),
        pytest.param(
            '1,+447900000001,"a\n2,+447900000002,"b"\n3,+447900000003,c\n',
            [3, 4],
            {2: "row_unterminated_quote"},
            id="a quote closed by the next row's",
        ),
        pytest.param(
            '1,+447900000001,"a\n2,+447900000002,b"\n3,+447900000003,c\n',
            [3, 4],
            {2: "row_unterminated_quote"},
            id="a quote that would swallow a whole row",
        ),
        pytest.param('1,+4479,"a\n', [], {2: "row_unterminated_quote"}, id="a quote open at the end of the file"),
        pytest.param('1,+4479,"a\nb"\n2,+4479,c\n', [2, 4], {}, id="a quoted line end"),
        pytest.param('1,+4479,"a\r\nb"\r\n2,+4479,c\r\n', [2, 4], {}, id="a quoted CRLF"),
        pytest.param('1,+4479,"a\n\n\nb"\n\n2,+4479,c\n', [2, 7], {}, id="blank lines, also inside quotes"),
        pytest.param("1,+4479,a\x00\n2,+4479,b\n", [3], {2: "row_nul_bytes"}, id="a NUL"),
        pytest.param("1,+4479,a\n,,\n2,+4479,b\n", [2, 4], {3: "row_empty"}, id="only delimiters, in the middle"),
        pytest.param("1,+4479,a\n , ,\t\n2,+4479,b\n", [2, 4], {3: "row_empty"}, id="only spaces, in the middle"),
        pytest.param("1,+4479,a\n,,\n,,\n", [2], {}, id="only delimiters, at the end"),
        pytest.param(
            "1,+4479,a\nexternal_id,phone,name\n2,+4479,b\n", [2, 4], {3: "row_header_again"}, id="a second header"
        ),
        pytest.param(
            "1,+4479,a\nEXTERNAL_ID,PHONE,NAME\n2,+4479,b\n", [2, 4], {3: "row_header_again"}, id="its capitals differ"
        ),
        pytest.param("1,+447900001,a\nTotal,,1\n", [2], {3: "row_total"}, id="a total at the end"),
        pytest.param("1,+447900001,a\nTotal: 1\n", [2], {3: "row_total"}, id="a total that does not fit the header"),
        pytest.param("1,+447900001,a\n(1 row)\n", [2], {3: "row_total"}, id="psql's row count"),
        pytest.param("1,+447900001,a\n\nSumme,,1\n\n", [2], {4: "row_total"}, id="a total after a blank line"),
        pytest.param("1,+447900001,a\n2,+447900002,Total\n", [2, 3], {}, id="a person called Total"),
        pytest.param('1,+4479,5" pipe\n2,+4479,b\n', [2, 3], {}, id="a quote inside a value"),
        pytest.param('1,+4479,"say "hi" now"\n2,+4479,b\n', [2, 3], {}, id="quotes not doubled"),
        pytest.param('1, "+4479", "a, b"\n2,+4479,b\n', [2, 3], {}, id="spaces before quotes"),
        pytest.param('1,+4479,"a \\"b\\", c"\n2,+4479,b\n', [2, 3], {}, id="backslashes before quotes"),
        pytest.param("1,+4479,a,\n2,+4479,b,\n", [2, 3], {}, id="a delimiter at the end of each row"),
        pytest.param("1,+4479,a,\n2,+4479,b,\n3,+4479,c,x\n", [2, 3], {4: "row_ragged"}, id="and a value behind one"),
        pytest.param("1,+4479,a\r2,+4479,b\r", [2, 3], {}, id="CR after a header with LF"),
        pytest.param("1,+4479,a\n2,+4479,b\x1a", [2, 3], {}, id="a DOS end of file"),
    ],
)
def test_each_damage_costs_its_row_and_no_other(
    read: Reader, body: str, lines: list[int], rejected: dict[int, str]
) -> None:
    if not lines and rejected:
        body += "9,+447900000009,z\n"
        lines = [2 + body.count("\n") - 1]
    result = read(HEAD + body)
    assert result.column("line") == lines
    assert result.reasons == rejected


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"say ""hi"" now"', 'say "hi" now'),
        ('"say "hi" now"', 'say "hi" now'),
        ('5" pipe', '5" pipe'),
        (' "a, b"', "a, b"),
        ('"a \\"b\\", c"', 'a "b", c'),
        ('"a\nb"', "a\nb"),
        ('"a\r\nb"', "a\r\nb"),
        ('""', None),
        ('"a,b"', "a,b"),
        ("  a  ", "  a  "),
        ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
        ('="0123"', "0123"),
        ('"=""0123"""', "0123"),
        ("\\N", None),
        ("NULL", None),
        ("#N/A", None),
        ("#WERT!", None),
        ("#VALEUR!", None),
        ("#¡VALOR!", None),
        ("#¿NOMBRE?", None),
        ("Null", "Null"),
        ("NA", "NA"),
    ],
)
def test_a_value_is_read_as_it_was_meant(read: Reader, written: str, meant: str | None) -> None:
    for others in ("", '9,+4479,"plain"\n', '9,+4479,6" wide\n'):
        result = read(f"{HEAD}1,+4479,{written}\n{others}2,+4479,last\n")
        assert result.column("name")[0] == meant
        assert result.rejects == []


def test_words_for_nothing_are_empty_in_standard_fields_and_said(read: Reader) -> None:
    result = read("external_id,phone,country\nNULL,+4479,NA\nnull,nan,None\n")
    assert result.column("external_id") == [None, None]
    assert result.column("country") == ["NA", None]
    assert result.warnings["value_null_word"] == 4


def test_what_is_left_of_a_ragged_row_stands_in_the_reject(read: Reader) -> None:
    (reject,) = read(HEAD + '1,"+44,79"\n2,+4479,b\n').rejects
    assert reject["value"] == '1,"+44,79"'
    assert reject["message"].startswith("The row has 2 fields where the header has 3.")


def test_a_field_over_the_limit_is_rejected_and_the_next_row_read(read: Reader) -> None:
    for opening, closing in (("", ""), ('"', '"'), ('"', "")):
        body = f"1,+4479,{opening}{'x' * 9000}{closing}\n2,+4479,b\n"
        result = read(HEAD + body, field_limit=1000)
        assert result.column("line") == [3]
        assert result.reasons[2] in ("row_field_too_large", "row_unterminated_quote")


@pytest.mark.parametrize("lines", [2_000, 20_000])
def test_a_quoted_field_over_the_limit_is_rejected_however_many_lines_it_has(read: Reader, lines: int) -> None:
    """Also where the record is longer than any that is read one by one."""
    result = read(HEAD + '1,+4479,"' + "x\n" * lines + '"\n2,+4479,b\n', field_limit=1000)
    assert result.column("external_id") == ["2"]
    assert result.reasons == {2: "row_field_too_large"}


@pytest.mark.parametrize("spelling", ["External ID,Phone,Name", "EXTERNAL-ID,PHONE,NAME", "externalId,phone,name"])
def test_a_header_in_the_middle_is_known_in_another_spelling(read: Reader, spelling: str) -> None:
    result = read(HEAD + f"1,+4479,a\n{spelling}\n2,+4479,b\n")
    assert result.column("line") == [2, 4]
    assert result.reasons == {3: "row_header_again"}


def test_a_line_of_spaces_is_a_blank_line(read: Reader) -> None:
    result = read(HEAD + "1,+4479,a\n   \n2,+4479,b\n \n")
    assert result.column("line") == [2, 4]
    assert not result.reasons


def test_a_line_that_never_ends_does_not_fill_the_memory(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightmail.contact_files.csv_reading.BLOCK_BYTES", 100_000)
    body = "1,+4479,a\n2,+4479," + "x" * 3_000_000 + "\n3,+4479,c\n"
    result = read(HEAD + body, field_limit=10_000)
    assert result.column("line") == [2, 4]
    assert result.reasons == {3: "row_field_too_large"}
    assert len(result.rejects[0]["value"]) <= 65_536


@pytest.mark.parametrize("damage", ['"a', 'a"b"c', '"a\nb"', "x,y,z,w", "a\x00"])
def test_lines_stay_exact_over_blocks(read: Reader, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    """Damage at many places of a file that is read in many small blocks: each good row keeps its own line."""
    monkeypatch.setattr("nightmail.contact_files.csv_reading.BLOCK_BYTES", 4096)
    text = HEAD
    expected = {}
    for number in range(3000):
        if number % 97 == 5:
            text += f"d{number},+4479,{damage}\n"
        expected[f"{number}"] = text.count("\n") + 1
        text += f"{number},+447900000000,n{number}\n"
    result = read(text)
    found = {row["external_id"]: row["line"] for row in result.rows if not row["external_id"].startswith("d")}
    assert found == expected
