"""Columns of text as one column of JSON objects, as a column of type ``jsonb`` takes them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake.masks import truth

_CONTROL = r"[\x00-\x1f]"


def json_objects(columns: Mapping[str, pa.Array], bare: Collection[str] = ()) -> pa.Array:
    """One JSON object per row: a member for each column whose value is not null. There is at least one column.

    Values are text, and become JSON strings; those of the columns ``bare`` are JSON already, such as numbers.
    """
    members = []
    for name, values in columns.items():
        value = values if name in bare else _strings(values)
        key = pa.scalar(f",{json.dumps(name, ensure_ascii=False)}:")
        members.append(pc.fill_null(pc.binary_join_element_wise(key, value, ""), ""))
    # Each member brings the comma before it: the first one goes.
    joined = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*members, ""), 1)
    return pc.binary_join_element_wise("{", joined, "}", "")


def _strings(values: pa.Array) -> pa.Array:
    escaped = pc.replace_substring(pc.replace_substring(values, "\\", "\\\\"), '"', '\\"')
    control = truth(pc.match_substring_regex(escaped, _CONTROL))
    if control.any():
        odd = pa.array([json.dumps(value)[1:-1] for value in values.filter(pa.array(control)).to_pylist()], pa.string())
        escaped = pc.replace_with_mask(escaped, pa.array(control), odd)
    return pc.binary_join_element_wise('"', escaped, '"', "")
