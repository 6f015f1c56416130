"""Arrow columns of any type as exact text: each type is read, or named as one that has no text.

Numbers keep their digits, dates and moments are ISO 8601, a UUID is written as such, lists and structures become JSON.
Bytes are text where they are UTF-8 without control characters, else hexadecimal digits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.contact_files.cell_text import cell_text, float_text
from nightmail.contact_files.failures import file_error
from nightmail.errors import ContactFileError

_EXTENSIONS_READ = frozenset(("arrow.uuid", "arrow.json", "arrow.bool8"))
_EXTENSION_NAME = b"ARROW:extension:name"
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""The first day of the year 1 and the last of 9999, in days since 1970: no calendar that people use goes beyond."""
_DAY_S = 86_400
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def without_text(field: pa.Field) -> str | None:
    """Why a column has no text: its type, with a reason; None when it has one."""
    name = (field.metadata or {}).get(_EXTENSION_NAME, b"").decode("utf-8", "replace")
    if name and name not in _EXTENSIONS_READ:
        return f"the extension type {name}, which has no text of its own"
    kind = field.type
    if isinstance(kind, pa.BaseExtensionType):
        known = kind.extension_name in _EXTENSIONS_READ
        return None if known else f"the extension type {kind.extension_name}, which has no text of its own"
    if pa.types.is_interval(kind) or pa.types.is_union(kind):
        return f"the type {kind}, which has no text of its own"
    if pa.types.is_timestamp(kind) and kind.tz is not None and not _knows_zone(kind):
        return f"the type {kind}, whose time zone is not known"
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return without_text(pa.field("", kind.value_type))
    return next(filter(None, (without_text(kind.field(place)) for place in range(kind.num_fields))), None)


def holds_bytes(kind: pa.DataType) -> bool:
    """Whether a type is of bytes that may be text or not."""
    if pa.types.is_dictionary(kind):
        return holds_bytes(kind.value_type)
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def text_column(column: pa.Array, name: str) -> pa.Array:
    """A column as exact text; empty text is null.

    Raises ContactFileError (``file_column_unreadable``) for a date beyond the years 1 to 9999; ``name`` is named in it. The
    type must be one that has a text (:func:`without_text`).
    """
    column = _decoded(column)
    kind = column.type
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.string())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        text = column.cast(pa.string())
        text.validate(full=True)
    elif pa.types.is_integer(kind):
        text = column.cast(pa.string())
    elif pa.types.is_boolean(kind):
        text = pc.if_else(column, "true", "false")
    else:
        values = [value if type(value) is str else cell_text(value) for value in _values(column, name)]
        text = pa.array(values, pa.string())
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _decoded(column: pa.Array) -> pa.Array:
    """The values themselves, where they are kept as places in a dictionary, as runs, or under an extension's name."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _decoded(column.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return _decoded(pc.run_end_decode(column))
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name != "arrow.uuid":
        storage = column.storage
        return storage.cast(pa.bool_()) if kind.extension_name == "arrow.bool8" else _decoded(storage)
    return column


def _values(column: pa.Array, name: str) -> list[Any]:
    """The values as Python has them; text where Python has none that is exact."""
    column = _decoded(column)
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return [None if value is None else str(value) for value in column.to_pylist()]
    if pa.types.is_floating(kind) and not pa.types.is_float64(kind):
        return _short_floats(column)
    if pa.types.is_date(kind):
        return _dates(column, name)
    if pa.types.is_timestamp(kind):
        return _moments(column, name)
    if pa.types.is_duration(kind):
        return [_duration(value, kind.unit) for value in column.cast(pa.int64()).to_pylist()]
    if pa.types.is_time64(kind) and kind.unit == "ns":
        return _times(column)
    if holds_bytes(kind):
        return [None if value is None else _bytes_text(value) for value in column.to_pylist()]
    if pa.types.is_struct(kind):
        return _structures(column, name)
    if pa.types.is_map(kind):
        return _maps(column, name)
    if pa.types.is_nested(kind):
        return _lists(column, name)
    return cast(list[Any], column.to_pylist())


def _knows_zone(kind: pa.DataType) -> bool:
    try:
        pa.array([0], kind).to_pylist()
    except (LookupError, ValueError, pa.ArrowException):
        return False
    return True


def _beyond(name: str) -> ContactFileError:
    return file_error("file_column_unreadable", column=name, detail="it holds a date beyond the years 1 to 9999")


def _dates(column: pa.Array, name: str) -> list[Any]:
    bounds = pc.min_max(column.cast(pa.date32()).cast(pa.int32())).as_py()
    if bounds["min"] is not None and (bounds["min"] < _FIRST_DAY or bounds["max"] > _LAST_DAY):
        raise _beyond(name)
    return cast(list[Any], column.cast(pa.date32()).cast(pa.string()).to_pylist())


def _moments(column: pa.Array, name: str) -> list[Any]:
    per_second = _UNITS[column.type.unit]
    bounds = pc.min_max(column.cast(pa.int64())).as_py()
    # A day less at either end: a time zone may move a moment by half a day.
    first, last = ((_FIRST_DAY + 1) * _DAY_S * per_second, _LAST_DAY * _DAY_S * per_second)
    if bounds["min"] is not None and (bounds["min"] < first or bounds["max"] >= last):
        raise _beyond(name)
    if column.type.unit != "ns":
        return cast(list[Any], column.to_pylist())
    whole = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    values = whole.to_pylist()
    rest = [None if count is None else count % 1000 for count in column.cast(pa.int64()).to_pylist()]
    return [_with_nanoseconds(value, below) if below else value for value, below in zip(values, rest, strict=True)]


def _with_nanoseconds(moment: Any, below: int) -> str:
    """A moment whose last three digits Python cannot keep."""
    text = moment.isoformat(timespec="microseconds")
    return f"{text[:26]}{below:03d}{text[26:]}"


def _times(column: pa.Array) -> list[Any]:
    texts = column.cast(pa.string()).to_pylist()
    counts = column.cast(pa.int64()).to_pylist()
    return [
        text if count is None or count % 1000 else text.partition(".")[0] + _fraction(count // 1000 % 1_000_000, 6)
        for text, count in zip(texts, counts, strict=True)
    ]


def _fraction(count: int, digits: int) -> str:
    return f".{count:0{digits}d}" if count else ""


def _duration(count: int | None, unit: str) -> str | None:
    """A span of time as hours, minutes, seconds and what is below a second: ``25:01:01.5``."""
    if count is None:
        return None
    seconds, below = divmod(abs(count), _UNITS[unit])
    fraction = _fraction(below, len(str(_UNITS[unit])) - 1).rstrip("0")
    sign = "-" if count < 0 else ""
    return f"{sign}{seconds // 3600:02d}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}{fraction}"


def _bytes_text(value: bytes) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return value.hex()
    return value.hex() if _CONTROLS.search(text) else text


def _short_floats(column: pa.Array) -> list[Any]:
    """Floats of fewer than 64 bits, with the digits that they were made from and no more."""
    values = column.to_numpy(zero_copy_only=False)
    empty = column.is_null().to_numpy(zero_copy_only=False)
    return [None if nothing else float_text(float(str(value))) for value, nothing in zip(values, empty, strict=True)]


def _lists(column: pa.Array, name: str) -> list[Any]:
    lengths = pc.list_value_length(column).to_pylist()
    flat = _json_values(pc.list_flatten(column), name)
    found: list[Any] = []
    place = 0
    for length in lengths:
        if length is None:
            found.append(None)
            continue
        found.append(flat[place : place + length])
        place += length
    return found


def _structures(column: pa.Array, name: str) -> list[Any]:
    names = [column.type.field(place).name for place in range(column.type.num_fields)]
    parts = [_json_values(pc.struct_field(column, [place]), name) for place in range(len(names))]
    rows = [dict(zip(names, values, strict=True)) for values in zip(*parts, strict=True)] or [{}] * len(column)
    return [row if there else None for row, there in zip(rows, column.is_valid().to_pylist(), strict=True)]


def _maps(column: pa.Array, name: str) -> list[Any]:
    pairs = _lists(column.cast(pa.list_(pa.struct([("k", column.type.key_type), ("v", column.type.item_type)]))), name)
    return [None if row is None else {_key(pair["k"]): pair["v"] for pair in row} for row in pairs]


def _key(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _json_values(column: pa.Array, name: str) -> list[Any]:
    """Values inside a list or structure, as JSON can have them."""
    return [
        value if isinstance(value, str | int | float | bool | list | Mapping | None) else cell_text(value)
        for value in _values(column, name)
    ]
