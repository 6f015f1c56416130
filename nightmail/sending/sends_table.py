"""A campaign's ledger written out as the table ``sends`` of the lake, by COPY in blocks, so that memory stays flat."""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING

from psycopg import sql
from sqlalchemy import Engine, text

from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.lake import TableFile
from nightmail.message_ids import campaign_keys
from nightmail.sending.ledger_blocks import count_states
from nightmail.sending.queries import COPY_SENDS
from nightmail.store.clock import database_time

if TYPE_CHECKING:
    import pyarrow as pa


def write_sends(engine: Engine, campaign: str | int, sends: TableFile) -> dict[str, int]:
    """Write the campaign's ledger to ``sends`` in blocks; returns the number of messages by state.

    A campaign without a ledger gets an empty table.
    """
    from nightmail.lake.schemas import SENDS
    from nightmail.store.copying import whole_rows

    counts: Counter[str] = Counter()
    with engine.begin() as connection, sends.writer(SENDS) as writer:
        found = get_campaign(connection, campaign)
        as_of = database_time(connection)
        if found.ledger_month is None:
            return counts
        driver = connection.connection.driver_connection
        assert driver is not None
        first, last = campaign_keys(found.id)
        query = sql.SQL(COPY_SENDS).format(
            token=sql.Literal(found.token),
            month=sql.Literal(found.ledger_month),
            first=sql.Literal(first),
            last=sql.Literal(last),
        )
        with driver.cursor() as cursor, cursor.copy(query) as copy:
            for block in whole_rows(copy):
                table = _sends_table(block)
                writer.write(table)
                count_states(counts, table)
        connection.execute(
            text("update campaign set sends_written_at = :as_of where id = :id"), {"as_of": as_of, "id": found.id}
        )
    return counts


def _sends_table(block: bytes) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv as pacsv

    from nightmail.lake.schemas import SENDS, UTC_TIME

    types = {field.name: field.type for field in SENDS}
    types["handed_off_at"] = pa.int64()
    table = pacsv.read_csv(
        io.BytesIO(block),
        read_options=pacsv.ReadOptions(column_names=SENDS.names),
        convert_options=pacsv.ConvertOptions(
            column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]
        ),
    )
    place = SENDS.get_field_index("handed_off_at")
    return table.set_column(place, SENDS.field(place), table.column(place).cast(pa.timestamp("us")).cast(UTC_TIME))
