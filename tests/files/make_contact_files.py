"""Makes the files in ``contact_files/`` with the programs that people make them with. Run once; the files are committed.

::

    apt-get install libreoffice-calc zip zstd gawk
    python tests/files/make_contact_files.py

The same six contacts each time (:data:`PEOPLE`): accents and other scripts, a comma, quotes and a line end inside
values, a number with leading zeros, an empty value. Reading them is tested in ``tests/contact_files/test_real_files.py``.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import openpyxl
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from nightmail.store.local_server import LocalServer

FOLDER = Path(__file__).parent / "contact_files"
COLUMNS = ["customer_no", "phone", "e_mail", "name", "note", "amount", "due_date"]
PEOPLE = [
    ("00017", "+447400123456", "ann@example.com", "Ann O'Neill", "plain", Decimal("12.50"), dt.date(2026, 12, 1)),
    ("00018", "+4915112345678", "jurgen@example.com", "Jürgen Groß", "a, b; c", Decimal("1000.00"), dt.date(2026, 12, 2)),
    ("00019", "+33612345678", "zoe@example.com", "Zoë Lefèvre", 'say "hi"', Decimal("0.05"), dt.date(2026, 12, 3)),
    ("00020", "+34612345678", "jose@example.com", "José Muñoz", "two\nlines", Decimal("7.00"), dt.date(2026, 12, 4)),
    ("00021", "+48601234567", "lukasz@example.com", "Lukasz", None, None, None),
    ("00022", "+351912345678", "joao@example.com", "João", "=1+1", Decimal("3.10"), dt.date(2026, 2, 28)),
]  # fmt: skip


def by_libreoffice(work: Path) -> None:
    """A workbook with what people do to workbooks, converted by LibreOffice to each of its formats."""
    workbook = openpyxl.Workbook()
    notes = workbook.worksheets[0]
    notes.title, notes.sheet_state = "Notes", "hidden"
    notes.append(["nothing here"])
    sheet = workbook.create_sheet("Contacts")
    workbook.active = sheet
    sheet.append(["Customer No", "Phone", "E-Mail", "Name", "Note", "Amount", "Due date", "Short no", "Twice"])
    for row, person in enumerate(PEOPLE, 2):
        values = list(person)
        values[1] = int(str(person[1])[1:])
        values[4] = "text" if person[4] == "=1+1" else person[4]
        sheet.append([*values, 4200 + row, f"=F{row}*2"])
        sheet.cell(row, 2).number_format = '"+"0'
        sheet.cell(row, 7).number_format = "dd/mm/yyyy"
        sheet.cell(row, 8).number_format = "000000"
    sheet.row_dimensions[4].hidden = True
    sheet.append(["Total", None, None, None, None, "=SUM(F2:F7)"])
    sheet.merge_cells("A8:C8")
    source = work / "made.xlsx"
    workbook.save(source)
    for target, options in (
        ("libreoffice.xlsx", "xlsx:Calc MS Excel 2007 XML"),
        ("libreoffice.ods", "ods"),
        ("libreoffice.xls", "xls:MS Excel 97"),
        ("libreoffice-utf8.csv", "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,2"),
        (
            "libreoffice-semicolon-cp1252.csv",
            "csv:Text - txt - csv (StarCalc):59,34,1,1,,0,false,true,false,false,false,2",
        ),
        ("libreoffice-tab-utf16.csv", "csv:Text - txt - csv (StarCalc):9,34,65535,1,,0,false,true,false,false,false,2"),
    ):
        out = work / target
        out.mkdir()
        command = ["soffice", "--headless", f"-env:UserInstallation=file://{work}/profile", "--convert-to", options]
        subprocess.run([*command, "--outdir", str(out), str(source)], check=True, stdout=subprocess.DEVNULL)
        (made,) = out.iterdir()
        shutil.copy(made, FOLDER / target)


def by_postgresql(work: Path) -> None:
    """COPY in its three formats of text, and psql's own output."""
    work.chmod(0o755)
    server = LocalServer(work / "pg")
    server.start()
    try:
        values = ", ".join(
            "(" + ", ".join("null" if value is None else "E'" + str(value).replace("'", "''").replace("\n", "\\n") + "'" for value in person) + ")"
            for person in PEOPLE
        )  # fmt: skip
        table = f"create temp table people ({', '.join(f'{name} text' for name in COLUMNS)}); insert into people values {values};"
        psql = [shutil.which("psql") or "psql", "-q", server.superuser_url().replace("+psycopg", "")]
        for target, query in (
            ("postgresql-copy.csv", "copy people to stdout with (format csv, header)"),
            (
                "postgresql-copy-quoted.csv",
                "copy people to stdout with (format csv, header, force_quote *, delimiter ';')",
            ),
            ("postgresql-copy.txt", "copy people to stdout with (format text, header)"),
        ):
            done = subprocess.run([*psql, "-c", table, "-c", query], check=True, capture_output=True)
            (FOLDER / target).write_bytes(done.stdout)
        done = subprocess.run(
            [
                *psql,
                "--no-align",
                "--pset=footer=on",
                "-c",
                table,
                "-c",
                "select customer_no, phone, e_mail from people",
            ],
            check=True,
            capture_output=True,
        )
        (FOLDER / "psql-unaligned.txt").write_bytes(done.stdout)
    finally:
        server.stop()


def by_pandas() -> None:
    """What a notebook leaves: CSV with and without the index, Excel, Parquet, JSON Lines; phones as floats."""
    frame = pd.DataFrame(PEOPLE, columns=COLUMNS)
    frame.to_csv(FOLDER / "pandas-index.csv")
    frame.to_csv(FOLDER / "pandas-utf16.tsv", index=False, sep="\t", encoding="utf-16")
    frame.to_excel(FOLDER / "pandas.xlsx", index=False)
    frame.to_parquet(FOLDER / "pandas.parquet")
    frame.astype({"amount": str, "due_date": str}).to_json(
        FOLDER / "pandas.jsonl.gz", orient="records", lines=True, force_ascii=False
    )
    floats = pd.DataFrame({"phone": [447400123456, None, 33612345678], "name": ["Ann", "Bo", "Zoë"]})
    floats.to_csv(FOLDER / "pandas-float-phones.csv", index=False)


def by_shell() -> None:
    """What shell scripts leave: joined files, awk, iconv, gzip, zip, zstd, split lines."""
    script = r"""
    set -e
    printf 'customer_no,phone,name\r\n00017,+447400123456,Ann\r\n' > windows.part
    printf 'customer_no,phone,name\n00018,+4915112345678,J\303\274rgen\n' > unix.part
    cat windows.part unix.part > shell-joined.csv
    rm windows.part unix.part
    awk -F, 'BEGIN {OFS = "|"; print "customer_no", "phone", "name"} NR > 1 {$1 = $1; print} END {print "TRAILER", NR}' \
        shell-joined.csv | tr -d '\r' | grep -v '^customer_no|phone|name$' \
        | sed '1i customer_no|phone|name' > shell-awk-trailer.txt
    iconv -f utf-8 -t latin1 postgresql-copy.csv > shell-iconv-latin1.csv
    iconv -f utf-8 -t utf-16 postgresql-copy.csv | gzip -9n > shell-utf16.csv.gz
    zip -q -X -j shell.zip postgresql-copy.csv
    zstd -q -f postgresql-copy.csv -o shell.csv.zst
    head -c 400 postgresql-copy.csv > shell-cut-short.csv
    """
    subprocess.run(["bash", "-c", script], check=True, cwd=FOLDER, env={**os.environ, "LC_ALL": "C.UTF-8"})


def main() -> None:
    """Make all files."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        by_libreoffice(work)
        by_postgresql(work)
    by_pandas()
    by_shell()


if __name__ == "__main__":
    main()
