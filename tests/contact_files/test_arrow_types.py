"""Every type that Arrow has is read from Parquet as exact text, or refused by its name: never a traceback."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from nightmail.contact_files.arrow_texts import text_column, without_text
from nightmail.errors import ContactFileError
from tests.contact_files.conftest import Reader

SOME = uuid.UUID("7f3a9c00-1111-4222-8333-444455556666")
DAY = 86_400


def extension(kind: Any, storage: pa.Array) -> pa.Array:
    return pa.ExtensionArray.from_storage(kind, storage)


def spans(unit: str, count: int) -> pa.Array:
    return pa.array([count, -count, None], pa.duration(unit))


READ: list[tuple[pa.Array, list[str | None]]] = [
    (pa.nulls(1), [None]),
    (pa.array([True, False, None]), ["true", "false", None]),
    *((pa.array([7, None], kind), ["7", None]) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())),
    *((pa.array([7, None], kind), ["7", None]) for kind in (pa.uint8(), pa.uint16(), pa.uint32())),
    (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
    (pa.array([0.1, 2.0, None], pa.float16()), ["0.1", "2", None]),
    (pa.array([0.1, 1e10, None], pa.float32()), ["0.1", "10000000000", None]),
    (pa.array([0.1, 447400123456.0, float("nan")], pa.float64()), ["0.1", "447400123456", None]),
    (pa.array([Decimal("-0.05")], pa.decimal32(5, 2)), ["-0.05"]),
    (pa.array([Decimal("12.50")], pa.decimal64(10, 2)), ["12.50"]),
    (pa.array([Decimal("12.50"), None], pa.decimal128(30, 2)), ["12.50", None]),
    (pa.array([Decimal("9" * 50)], pa.decimal256(60, 0)), ["9" * 50]),
    (pa.array(["é", "", None]), ["é", None, None]),
    (pa.array(["é"], pa.large_string()), ["é"]),
    (pa.array(["é"], pa.string_view()), ["é"]),
    (pa.array([b"ab", b"\xff\x00", b"a\x00b", None]), ["ab", "ff00", "610062", None]),
    (pa.array([b"ab"], pa.large_binary()), ["ab"]),
    (pa.array([b"ab"], pa.binary_view()), ["ab"]),
    (pa.array([b"ab\xff\x01"], pa.binary(4)), ["6162ff01"]),
    (pa.array([dt.date(2026, 11, 23), None], pa.date32()), ["2026-11-23", None]),
    (pa.array([dt.date(2026, 11, 23)], pa.date64()), ["2026-11-23"]),
    (pa.array([3661], pa.time32("s")), ["01:01:01"]),
    (pa.array([3661500], pa.time32("ms")), ["01:01:01.500000"]),
    (pa.array([3661000001], pa.time64("us")), ["01:01:01.000001"]),
    (pa.array([3661000000001, 3661000001000, None], pa.time64("ns")), ["01:01:01.000000001", "01:01:01.000001", None]),
    *((pa.array([DAY * 10**power], pa.timestamp(unit)), ["1970-01-02"]) for power, unit in ((3, "ms"), (6, "us"))),
    (pa.array([1], pa.timestamp("s")), ["1970-01-01T00:00:01"]),
    (pa.array([1_000_000_001, DAY * 10**9], pa.timestamp("ns")), ["1970-01-01T00:00:01.000000001", "1970-01-02"]),
    (pa.array([0], pa.timestamp("us", "Europe/Berlin")), ["1970-01-01T01:00:00+01:00"]),
    (pa.array([1], pa.timestamp("ns", "+02:00")), ["1970-01-01T02:00:00.000000001+02:00"]),
    (spans("s", 90061), ["25:01:01", "-25:01:01", None]),
    (spans("ms", 90500), ["00:01:30.5", "-00:01:30.5", None]),
    (spans("us", 1), ["00:00:00.000001", "-00:00:00.000001", None]),
    (spans("ns", 1), ["00:00:00.000000001", "-00:00:00.000000001", None]),
    (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
    (pa.array([1], pa.timestamp("ns")).dictionary_encode(), ["1970-01-01T00:00:00.000000001"]),
    (pc.run_end_encode(pa.array(["a", "a", None])), ["a", "a", None]),
    (pa.array([[1, None], [], None]), ["[1, null]", "[]", None]),
    (pa.array([["a"]], pa.large_list(pa.string())), ['["a"]']),
    (pa.array([[1], None], pa.list_view(pa.int8())), ["[1]", None]),
    (pa.array([[1]], pa.large_list_view(pa.int8())), ["[1]"]),
    (pa.array([[1, 2], [3, 4]], pa.list_(pa.int8(), 2)), ["[1, 2]", "[3, 4]"]),
    (pa.array([[1]], pa.list_(pa.duration("ns"))), ['["00:00:00.000000001"]']),
    (pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int8())), ['{"a": 1}', None]),
    (
        pa.array([{"on": dt.date(2026, 1, 2), "of": Decimal("1.50")}, None]),
        ['{"on": "2026-01-02", "of": "1.50"}', None],
    ),
    (pa.array([SOME.bytes, None], pa.uuid()), [str(SOME), None]),
    (extension(pa.json_(), pa.array(['{"a": 1}'])), ['{"a": 1}']),
    (extension(pa.bool8(), pa.array([1, 0], pa.int8())), ["true", "false"]),
    (pa.StructArray.from_arrays([pa.array([SOME.bytes], pa.uuid())], ["id"]), [f'{{"id": "{SOME}"}}']),
]
REFUSED: list[pa.Array] = [
    pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
    pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])]),
    pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]),
    pa.array([0], pa.timestamp("us", "Mars/Olympus_Mons")),
    extension(pa.opaque(pa.binary(), "geometry", "Someone"), pa.array([b"a"])),
    extension(pa.fixed_shape_tensor(pa.int8(), [2]), pa.array([[1, 2]], pa.list_(pa.int8(), 2))),
    pa.StructArray.from_arrays([extension(pa.opaque(pa.binary(), "g", "S"), pa.array([b"a"]))], ["shape"]),
]
UNMADE = {"Type_INTERVAL_MONTHS", "Type_INTERVAL_DAY_TIME"}
"""Types that pyarrow can name and not make."""


def named(array: pa.Array) -> str:
    return str(array.type)[:60]


def column_file(tmp_path: Path, array: pa.Array) -> Path | None:
    """A Parquet file with a column of that type; None where Parquet has no such type."""
    rows = len(array)
    table = pa.table({"phone": pa.array([f"+44740012345{row}" for row in range(rows)]), "what": array})
    path = tmp_path / "typed.parquet"
    try:
        pq.write_table(table, path)
    except pa.ArrowNotImplementedError:
        return None
    return path


@pytest.mark.parametrize(("array", "texts"), READ, ids=[named(array) for array, _ in READ])
def test_a_column_of_each_type_is_read_exactly(array: pa.Array, texts: list[str | None]) -> None:
    assert without_text(pa.field("what", array.type)) is None
    assert text_column(array, "what").to_pylist() == texts
    assert text_column(array.slice(1), "what").to_pylist() == texts[1:]


def test_columns_of_all_types_are_read_from_one_file(read: Reader, tmp_path: Path) -> None:
    """Of those that Parquet can hold; every column is as long as the longest."""
    rows = max(len(texts) for _, texts in READ)
    columns, expected = {"phone": pa.array([f"+44740012345{row}" for row in range(rows)])}, {}
    for number, (array, texts) in enumerate(READ):
        if column_file(tmp_path, array) is not None:
            columns[f"c{number}"] = pa.concat_arrays([array, pa.nulls(rows - len(array), array.type)])
            expected[f"c{number}"] = [*texts, *[None] * (rows - len(texts))]
    pq.write_table(pa.table(columns), tmp_path / "all.parquet")
    result = read(tmp_path / "all.parquet")
    assert {name: result.column(name) for name in expected} == expected
    assert len(expected) > 40


@pytest.mark.parametrize("array", REFUSED, ids=named)
def test_a_type_without_a_text_is_refused_by_its_name(read: Reader, tmp_path: Path, array: pa.Array) -> None:
    assert without_text(pa.field("what", array.type)) is not None
    path = column_file(tmp_path, array)
    if path is None:
        return
    with pytest.raises(ContactFileError) as caught:
        read(path)
    assert caught.value.reason == "file_column_unreadable"
    assert caught.value.message.startswith("The column what cannot be read: it has the ")
    result = read(path, mapping={"what": ""})
    assert list(result.rows[0]) == ["line", "phone"]


def test_every_type_of_arrow_is_in_one_of_the_two_tables() -> None:
    """A type that a later release brings fails here until somebody decides what becomes of it."""
    met = {array.type.id for array in [*REFUSED, *(array for array, _ in READ)]}
    known = {name: getattr(pa.lib, name) for name in dir(pa.lib) if name.startswith("Type_")}
    assert {name for name, number in known.items() if number not in met} == UNMADE


def test_an_extension_type_that_is_not_known_here_is_refused_by_its_name(read: Reader, tmp_path: Path) -> None:
    field = pa.field("what", pa.int64(), metadata={"ARROW:extension:name": "pandas.period"})
    table = pa.table([["+447400123456"], [55]], schema=pa.schema([("phone", pa.string()), field]))
    pq.write_table(table, tmp_path / "typed.parquet")
    with pytest.raises(ContactFileError, match=r"the extension type pandas\.period"):
        read(tmp_path / "typed.parquet")


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us", "UTC")], ids=str)
def test_a_date_that_no_calendar_has_is_refused(read: Reader, tmp_path: Path, kind: pa.DataType) -> None:
    path = column_file(tmp_path, pa.array([2**30 if pa.types.is_date(kind) else 2**60], kind))
    assert path is not None
    with pytest.raises(ContactFileError) as caught:
        read(path)
    assert caught.value.reason == "file_column_unreadable"


def test_bytes_are_said(read: Reader, tmp_path: Path) -> None:
    path = column_file(tmp_path, pa.array([b"ab", b"\xff"]))
    assert path is not None
    assert [decision.column for decision in read(path).summary.decisions] == ["what"]
