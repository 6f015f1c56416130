"""Contacts and their audience, walked side by side a block at a time, and the audience written again where it changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake import TableFile, column_of
from nightmail.lake.masks import Mask
from nightmail.lake.schemas import AUDIENCE

Rows = npt.NDArray[np.int64]
"""Positions of rows within a block."""


@dataclass
class ChannelWaits:
    """When the channels of a block's rows may go, as the audience has planned them."""

    channels: npt.NDArray[np.int8]
    """As :attr:`Block.channels` were at the beginning."""
    times: pa.Array
    """A time for each of them, row by row; null: at once."""

    @classmethod
    def of(cls, audience: pa.Table, channels: Sequence[str]) -> ChannelWaits | None:
        """What an audience says; ``None`` where no row has a further channel, or none has a time to wait for."""
        name = "fallbacks_not_before"
        if name not in audience.column_names or audience[name].null_count == audience.num_rows:
            return None
        planned = _channels_of(audience, channels)
        rows, width = planned.shape
        flat = column_of(audience, name)
        lengths = pc.fill_null(pc.list_value_length(flat), 0).to_numpy(zero_copy_only=False)
        # The first channel's time, then the others'; positions into both, one after the other.
        both = pa.concat_arrays([column_of(audience, "not_before"), pc.list_flatten(flat)])
        places = np.full((rows, width), -1, dtype=np.int64)
        places[:, 0] = np.arange(rows)
        starts = rows + np.concatenate(([0], np.cumsum(lengths)[:-1]))
        for place in range(1, width):
            has = lengths >= place
            places[has, place] = starts[has] + place - 1
        flat_places = places.reshape(-1)
        return cls(planned, both.take(pa.array(flat_places, mask=flat_places < 0)))

    def on(self, rows: Rows, channel: int) -> pa.Array:
        """When rows may go on a channel, given as its index of the template's channels."""
        places = (self.channels[rows] == channel).argmax(axis=1)
        return self.times.take(pa.array(rows * self.channels.shape[1] + places))


@dataclass
class RenderedRows:
    """The rendered messages of some rows of a block, on one channel and in one language."""

    rows: Rows
    table: pa.Table


@dataclass
class Block:
    """One block of contacts with its audience, and what rendering made of it."""

    contacts: pa.Table
    audience: pa.Table
    channels: npt.NDArray[np.int8]
    """The channels of each row in order, as indices of the template's channels; -1 fills up."""
    first_reason: npt.NDArray[np.object_]
    """Why each row's first channel failed, if one did."""
    changed: Mask
    """The rows whose first channel gave way to another."""
    rendered: list[RenderedRows] = field(default_factory=list)
    addresses: dict[str, pa.Array] = field(default_factory=dict)
    waits: ChannelWaits | None = None
    """When each row's channels may go; ``None`` where the audience's ``not_before`` holds for all of them."""

    @classmethod
    def of(cls, contacts: pa.Table, audience: pa.Table, channels: Sequence[str]) -> Block:
        """A block in which nothing is rendered yet; ``channels`` are the template's."""
        rows = contacts.num_rows
        return cls(
            contacts=contacts,
            audience=audience,
            channels=_channels_of(audience, channels),
            first_reason=np.full(rows, None, dtype=object),
            changed=np.zeros(rows, dtype=bool),
            waits=ChannelWaits.of(audience, channels),
        )

    def fail(self, rows: Rows, reason: str) -> Rows:
        """Note why rows failed; their first reason stands. Gives the rows back."""
        for row in rows.tolist():
            if self.first_reason[row] is None:
                self.first_reason[row] = reason
        return rows

    def give_way(self, rows: Rows, place: int) -> Rows:
        """Move the channels after ``place`` up, for rows whose channel there failed; the rows that have another one."""
        self.channels[rows, place:-1] = self.channels[rows, place + 1 :]
        self.channels[rows, -1] = -1
        self.changed[rows] = True
        following: Rows = rows[self.channels[rows, place] >= 0]
        return following

    def messages(self) -> Iterator[pa.Table]:
        """The rendered messages by line and step."""
        if len(self.rendered) <= 1:
            yield from (entry.table for entry in self.rendered)
            return
        whole = pa.concat_tables([entry.table for entry in self.rendered]).combine_chunks()
        rows = np.concatenate([entry.rows for entry in self.rendered])
        order = np.lexsort((whole["step"].to_numpy(), rows))
        yield whole.take(pa.array(order))


def _channels_of(audience: pa.Table, channels: Sequence[str]) -> npt.NDArray[np.int8]:
    planned = pc.equal(column_of(audience, "state"), "planned")
    first = pc.if_else(planned, column_of(audience, "channel"), None)
    following = pc.binary_join(column_of(audience, "fallbacks"), " ")
    joined = pc.binary_join_element_wise(
        first, following, " ", null_handling="replace", null_replacement=""
    ).dictionary_encode()
    width = max(len(channels), 1)
    sequences = np.full((len(joined.dictionary), width), -1, dtype=np.int8)
    for position, text in enumerate(joined.dictionary.to_pylist()):
        if text.startswith(" "):
            continue  # held
        names = [name for name in text.split() if name in channels]
        sequences[position, : len(names)] = [channels.index(name) for name in names]
    found: npt.NDArray[np.int8] = sequences[joined.indices.to_numpy(zero_copy_only=False)]
    return found


def side_by_side(
    contacts: TableFile, audience: TableFile, columns: list[str], rows: int
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Blocks of contacts with the audience's rows of the same lines. Raises ``ValueError`` when the lines differ."""
    following = audience.blocks(rows=rows)
    waiting: pa.Table | None = None
    for block in contacts.blocks(columns, rows=rows):
        parts: list[pa.Table] = []
        missing = block.num_rows
        while missing:
            if waiting is None or not waiting.num_rows:
                waiting = next(following, None)
                if waiting is None:
                    raise ValueError("the audience has fewer rows than the contacts")
            part = waiting.slice(0, missing)
            waiting = waiting.slice(part.num_rows)
            parts.append(part)
            missing -= part.num_rows
        beside = pa.concat_tables(parts).combine_chunks() if parts else AUDIENCE.empty_table()
        block = block.combine_chunks()  # noqa: PLW2901
        if not beside["line"].equals(block["line"]):
            raise ValueError("the audience's lines are not those of the contacts")
        yield block, beside


def channels_in(audience: TableFile) -> set[str]:
    """The channels that the audience is planned on, fallbacks among them."""
    found: set[str] = set()
    for block in audience.blocks(["channel", "fallbacks"]):
        for column in (block["channel"], pc.list_flatten(block["fallbacks"])):
            found |= {name for name in pc.unique(column).to_pylist() if name is not None}
    return found


def rewrite(audience: TableFile, changes: pa.Table) -> None:
    """Write the audience again with some rows changed, aside and renamed."""
    lines = changes["line"].combine_chunks()
    with audience.writer(AUDIENCE) as writer:
        for block in audience.blocks():
            positions = pc.index_in(block["line"].combine_chunks(), value_set=lines)
            if positions.null_count == len(positions):
                writer.write(block)
                continue
            both = pa.concat_tables([block, changes]).combine_chunks()
            kept = pa.array(np.arange(block.num_rows))
            writer.write(both.take(pc.coalesce(pc.add(positions.cast(pa.int64()), block.num_rows), kept)))
