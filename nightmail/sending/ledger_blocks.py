"""Blocks of rendered messages as rows of the ledger: made by Arrow, loaded by COPY."""

from __future__ import annotations

import datetime as dt
import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.channels import CHANNELS
from nightmail.errors import NightmailError
from nightmail.lake import TableFile
from nightmail.message_ids import message_keys, parse_message_id
from nightmail.store.partitions import partition_name
from nightmail.store.states import MessageState

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

NOT_YET = dt.datetime(2999, 1, 1, tzinfo=dt.UTC)
"""``due_at`` of a standby message for which nothing has happened yet."""
SENT_AT_ONCE = 1_000
"""Rows on their way to the database: emails of some kilobytes each fit into memory that is used again."""


class LedgerError(NightmailError):
    """The messages cannot become this campaign's ledger."""


class AudienceTimeZones:
    """Time zones of the audience by line: two flat arrays, for messages in any order."""

    def __init__(self, audience: TableFile) -> None:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        table = audience.read(["line", "time_zone"])
        zones = table.column("time_zone").combine_chunks().dictionary_encode()
        if isinstance(zones, pa.ChunkedArray):
            zones = zones.combine_chunks()
        lines = table.column("line").to_numpy()
        order = np.argsort(lines, kind="stable")
        self._lines = lines[order]
        self._zones = zones.dictionary
        self._codes = pc.fill_null(zones.indices, len(zones.dictionary)).to_numpy(zero_copy_only=False)[order]

    def of(self, lines: npt.NDArray[Any]) -> pa.Array:
        """The time zone of each line, null where it is not known."""
        import numpy as np
        import pyarrow as pa

        if not len(self._lines):
            return pa.nulls(len(lines), pa.string())
        places = np.minimum(np.searchsorted(self._lines, lines), len(self._lines) - 1)
        codes = np.where(self._lines[places] == lines, self._codes[places], len(self._zones))
        return self._zones.cast(pa.string()).take(pa.array(codes, mask=codes >= len(self._zones)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerBlocks:
    """Loads blocks of one campaign's messages into the partitions of ``month``."""

    campaign: CampaignRow
    zones: AudienceTimeZones
    month: dt.date
    now: dt.datetime
    """When messages without a later time are due."""
    epoch: int

    def copy_in(self, connection: Connection, block: pa.Table) -> None:
        """Load one block (a table of the schema ``MESSAGES``). Raises :class:`LedgerError` for another campaign's."""
        if not block.num_rows:
            return
        for place in (0, block.num_rows - 1):
            if parse_message_id(block.column("message_id")[place].as_py()).token != self.campaign.token:
                raise LedgerError("messages_of_another_campaign", campaign=self.campaign.key)
        keys = self._keys(block)
        # By the table's name and not the month's: the triggers that count messages are the table's.
        _copy_table(connection, "message", self._messages(block, keys))
        _copy_table(connection, partition_name("message_content", self.month), self._contents(block, keys))

    def _keys(self, block: pa.Table) -> pa.Array:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        lines = block.column("line").to_numpy().astype(np.int64)
        places = pc.index_in(block.column("channel"), pa.array(list(CHANNELS))).to_numpy()
        channels = np.array([channel.code for channel in CHANNELS.values()], dtype=np.int64)[places]
        steps = block.column("step").to_numpy().astype(np.int64)
        return pa.array(message_keys(self.campaign.id, lines, channels, steps))

    def _messages(self, block: pa.Table, keys: pa.Array) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = block.num_rows
        standby = pc.equal(block.column("state"), MessageState.STANDBY.value)
        time = pa.timestamp("us", tz="UTC")
        begin = pa.scalar(self.now, time)
        not_before = block.column("not_before")
        later = pc.fill_null(pc.greater(not_before, begin), False)
        due = pc.if_else(standby, pa.scalar(NOT_YET, time), pc.if_else(later, not_before, begin))
        return pa.table(
            {
                "ledger_month": pa.repeat(pa.scalar(self.month, pa.date32()), rows),
                "message_key": keys,
                "campaign_id": pa.repeat(self.campaign.id, rows),
                "line": block.column("line"),
                "channel": block.column("channel"),
                "step": block.column("step"),
                "state": block.column("state"),
                "due_at": due,
                "contact_id": block.column("contact_id"),
                # As COPY reads bytea: a backslash, an x and the digits.
                "address_hash": pc.binary_join_element_wise("\\x", block.column("address_hash"), ""),
                "country": block.column("country"),
                "language": block.column("language"),
                "time_zone": self.zones.of(block.column("line").to_numpy()),
                "segments": block.column("segments"),
                "cost": block.column("cost"),
                "currency": block.column("currency"),
                "epoch": pa.repeat(self.epoch, rows),
            }
        )

    def _contents(self, block: pa.Table, keys: pa.Array) -> pa.Table:
        import pyarrow as pa

        return pa.table(
            {
                "ledger_month": pa.repeat(pa.scalar(self.month, pa.date32()), block.num_rows),
                "message_key": keys,
                "address": block.column("address"),
                "subject": _without_nul(block.column("subject")),
                "body": _without_nul(block.column("body")),
                "html": _without_nul(block.column("html")),
            }
        )


def count_states(counts: Counter[str], messages: pa.Table) -> None:
    """Add the messages of a table to ``counts``, by state."""
    counts.update({each["values"]: each["counts"] for each in messages["state"].value_counts().to_pylist()})


def _without_nul(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """PostgreSQL's text cannot hold U+0000, and one such character must not stop a campaign."""
    import numpy as np
    import pyarrow.compute as pc

    # The least of all bytes is found many times faster than a text in each row.
    letters = [chunk.buffers()[-1] for chunk in column.chunks]
    if any(each is not None and each.size and np.frombuffer(each, np.uint8).min() == 0 for each in letters):
        return pc.replace_substring(column, "\x00", "")
    return column


def _copy_table(connection: Connection, table: str, rows: pa.Table) -> None:
    import pyarrow.csv as pacsv

    driver = connection.connection.driver_connection
    assert driver is not None
    options = pacsv.WriteOptions(include_header=False)
    with (
        driver.cursor() as cursor,
        cursor.copy(f"copy {table} ({', '.join(rows.column_names)}) from stdin (format csv)") as copy,
    ):
        # Text is always quoted and null never: by this COPY knows the empty text from null.
        for batch in rows.to_batches(max_chunksize=SENT_AT_ONCE):
            buffer = io.BytesIO()
            pacsv.write_csv(batch, buffer, options)
            copy.write(buffer.getbuffer())
