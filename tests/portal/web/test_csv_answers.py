"""Lists as CSV: what a spreadsheet reads is what the page showed, and nothing in it runs."""

from __future__ import annotations

import csv
from io import StringIO

from portal.web.csv_answers import ROWS_PER_PIECE, _pieces


def test_a_list_longer_than_a_piece_is_whole_and_nothing_runs() -> None:
    rows = [[f"=cmd{number}", number, None, -1.5] for number in range(2 * ROWS_PER_PIECE + 1)]
    pieces = list(_pieces(["Name", "Number", "Nothing", "Amount"], iter(rows)))
    assert len(pieces) == 4
    read = list(csv.reader(StringIO(b"".join(pieces).decode("utf-8-sig"), newline="")))
    assert read[0] == ["Name", "Number", "Nothing", "Amount"]
    assert read[1:] == [[f"'=cmd{number}", str(number), "", "-1.5"] for number in range(len(rows))]
