"""The messages that somebody is shown before they send: the longest, the one with the most segments, and one of each language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake import TableFile

MOST = 12
_LOOKED_AT = ("line", "channel", "language", "segments", "body", "state")
_SHOWN = ("line", "channel", "language", "address", "subject", "body", "html", "segments", "state")
LONGEST, MOST_SEGMENTS, LANGUAGE = "longest", "segments", "language"


@dataclass(frozen=True, slots=True)
class _Place:
    """A message of the table by its place, and how large it is."""

    row: int
    size: int


def chosen_messages(messages: TableFile) -> list[dict[str, Any]]:
    """Messages of the table with ``why`` each was chosen (``longest``, ``segments``, ``language``), at most :data:`MOST`.

    Of each channel the longest and the one with the most segments, then the first of each channel in each language. They hold
    personal data.
    """
    if not messages.exists():
        return []
    longest: dict[str, _Place] = {}
    dearest: dict[str, _Place] = {}
    first: dict[tuple[str, str], int] = {}
    begin = 0
    for block in messages.blocks(_LOOKED_AT):
        for key, rows in _by_channel_and_language(block).items():
            channel = key[0]
            first.setdefault(key, begin + rows[0].as_py())
            part = block.take(rows)
            _keep_largest(longest, channel, pc.utf8_length(part["body"]), rows, begin)
            _keep_largest(dearest, channel, part["segments"], rows, begin)
        begin += block.num_rows
    why: dict[int, list[str]] = {}
    for channel, place in longest.items():
        why.setdefault(place.row, []).append(LONGEST)
        if channel in dearest and dearest[channel].size > 1:
            why.setdefault(dearest[channel].row, []).append(MOST_SEGMENTS)
    for row in first.values():
        why.setdefault(row, []).append(LANGUAGE)
    wanted = dict(list(why.items())[:MOST])
    rows_found = _rows(messages, sorted(wanted))
    return [{**rows_found[row], "why": reasons} for row, reasons in wanted.items() if row in rows_found]


def _by_channel_and_language(block: pa.Table) -> dict[tuple[str, str], pa.Array]:
    """The rows of a block that go out first, not standing by, by channel and language."""
    there = block.append_column("row", pa.array(range(block.num_rows), pa.int64()))
    groups = there.group_by(["channel", "language"]).aggregate([("row", "list")])
    return {
        (channel, language): pa.array(rows, pa.int64())
        for channel, language, rows in zip(
            groups["channel"].to_pylist(), groups["language"].to_pylist(), groups["row_list"].to_pylist(), strict=True
        )
    }


def _keep_largest(found: dict[str, _Place], channel: str, sizes: pa.ChunkedArray, rows: pa.Array, begin: int) -> None:
    most = pc.max(sizes).as_py()
    if most is None or (channel in found and found[channel].size >= most):
        return
    place = pc.index(sizes, most).as_py()
    found[channel] = _Place(begin + rows[place].as_py(), int(most))


def _rows(messages: TableFile, wanted: list[int]) -> dict[int, dict[str, Any]]:
    """Some rows of the table by their places."""
    found: dict[int, dict[str, Any]] = {}
    begin = 0
    for block in messages.blocks(_SHOWN):
        here = [row for row in wanted if begin <= row < begin + block.num_rows]
        if here:
            taken = block.take([row - begin for row in here]).to_pylist()
            found.update(zip(here, taken, strict=True))
        begin += block.num_rows
        if len(found) == len(wanted):
            break
    return found
