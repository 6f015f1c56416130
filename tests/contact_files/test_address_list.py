"""Lists of addresses are read whole, or not at all: who is lost from one would be written to."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightmail.contact_files import address_list
from nightmail.contact_files.address_list import read_address_list
from nightmail.errors import ContactFileError


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "list"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_lines_keep_their_numbers(tmp_path: Path) -> None:
    """Blank lines and white space do not count, whatever the line ends."""
    found = read_address_list(written(tmp_path, "a@example.com\r\n\r\n  b@example.com \nc@example.com"))
    assert found.lines == [(1, "a@example.com"), (3, "b@example.com"), (4, "c@example.com")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", list(",;\t|"))
def test_a_column_of_a_table(tmp_path: Path, delimiter: str, encoding: str) -> None:
    """Found by its name; quoted line ends and delimiters are no rows, and empty cells are counted."""
    rows = [["Name", "E-Mail"], [f'"Müller{delimiter}\nAnna"', "a@example.com"], ["Bo", ""], ["Cy", "c@example.com"]]
    content = "\n".join(delimiter.join(row) for row in rows).encode(encoding)
    found = read_address_list(written(tmp_path, content), "E-Mail")
    assert found.lines == [(2, "a@example.com"), (5, "c@example.com")]
    assert found.empty == 1


@pytest.mark.parametrize(
    ("content", "column", "reason"),
    [
        ("", None, "file_empty"),
        ("\n \n", None, "file_empty"),
        ("mail\n\n", "mail", "file_no_rows"),
        ("name,mail\nBo,b@example.com\n", "email", "address_column_unknown"),
        ('name,mail\n"Bo,b@example.com\nCy,c@example.com\n', "mail", "file_unreadable"),
        ('name,mail\n"Bo,b@example.com\n"Cy",c@example.com\n', "mail", "file_unreadable"),
        ("name,mail\nBo,junior,b@example.com\n", "mail", "file_unreadable"),
        (b"PK\x03\x04" + bytes(100), None, "file_unreadable"),
        (b"%PDF-1.7 \xff\xfe", None, "file_not_text"),
    ],
)
def test_what_would_lose_somebody_is_refused(
    tmp_path: Path, content: str | bytes, column: str | None, reason: str
) -> None:
    """An unclosed quote, a shifted row, a file that is no list."""
    with pytest.raises(ContactFileError) as caught:
        read_address_list(written(tmp_path, content), column)
    assert caught.value.reason == reason
    assert "b@example.com" not in str(caught.value)


def test_a_list_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_list, "MAXIMUM_ADDRESSES", 2)
    assert len(read_address_list(written(tmp_path, "a@b.co\nc@d.co\n")).lines) == 2
    with pytest.raises(ContactFileError, match="more than 2 rows"):
        read_address_list(written(tmp_path, "a@b.co\nc@d.co\ne@f.co\n"))
    monkeypatch.setattr(address_list, "MAXIMUM_BYTES", 10)
    with pytest.raises(ContactFileError, match="the limit is 10"):
        read_address_list(written(tmp_path, "a@b.co\nc@d.co\n"))
