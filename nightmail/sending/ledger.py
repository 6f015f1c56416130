"""The ledger of a campaign: loaded from its messages, frozen by the first hand-off, written out as ``sends``.

Both ways go by COPY in blocks that Arrow makes or reads, so that a million messages cost seconds and memory stays flat.
"""

from __future__ import annotations

import datetime as dt
import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.counts import message_counts, record_counts
from nightmail.campaigns.transitions import move_campaign, state_after_loading
from nightmail.channels import CHANNELS
from nightmail.errors import NightmailError, UsageError
from nightmail.forecasts.recorded_forecasts import forecast_loaded
from nightmail.lake import TableFile
from nightmail.message_ids import campaign_keys, message_keys, parse_message_id
from nightmail.store.partitions import ensure_partitions, month_of, partition_name
from nightmail.store.states import CampaignState, MessageState

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

NOT_YET = dt.datetime(2999, 1, 1, tzinfo=dt.UTC)
"""``due_at`` of a standby message for which nothing has happened yet."""
LOADED_AT_ONCE, SENT_AT_ONCE = 10_000, 1_000
"""Rows in memory and on their way to the database: emails of some kilobytes each fit into memory that is used again."""

_MESSAGE_COLUMNS = (
    "ledger_month, message_key, campaign_id, line, channel, step, state, due_at, contact_id, address_hash, country, "
    "language, time_zone, segments, cost, currency, epoch"
)
_CONTENT_COLUMNS = "ledger_month, message_key, address, subject, body, html"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading a ledger did."""

    campaign: str
    state: CampaignState
    messages: int
    queued: int
    standby: int
    already_loaded: bool
    """The ledger was there (a rerun): nothing was changed."""
    finishes_by: dt.datetime | None
    """When the last queued message goes at the rates that the carriers allow; none when a channel has no carrier."""
    late: bool
    """Whether that is after the campaign's cut-off."""


class LedgerError(NightmailError):
    """The messages cannot become this campaign's ledger."""


def load_ledger(
    engine: Engine,
    campaign: str | int,
    messages: TableFile,
    audience: TableFile,
    *,
    actor: str,
    needs_approval: bool = False,
) -> Loaded:
    """Load ``messages`` into the ledger and move the campaign on from ``checking``, in one transaction.

    Loading again changes nothing once the campaign moved on; a campaign that was stopped before its first hand-off and
    prepared anew gets its ledger replaced. ``audience`` gives time zones, for quiet hours at hand-off.
    """
    with engine.begin() as connection:
        found = get_campaign(connection, campaign)
        now = connection.scalar(text("select now()"))
        assert now is not None
        month = month_of(now)
        ensure_partitions(connection, month)
    if found.state != CampaignState.CHECKING or found.frozen:
        return _already_loaded(engine, found)
    with engine.begin() as connection:
        # The campaign's row stays free while rows are copied, so that it can be cancelled at once.
        connection.execute(text("select pg_advisory_xact_lock(hashtext('nightmail.load'), :id)"), {"id": found.id})
        found = get_campaign(connection, found.id)
        if found.state == CampaignState.CHECKING and not found.frozen:
            if found.loaded_at is not None:
                _remove(connection, found)
            epoch = int(connection.scalar(text("select epoch from deployment")) or 1)
            zones = _TimeZones(audience)
            counts: Counter[str] = Counter()
            for block in messages.blocks(rows=LOADED_AT_ONCE):
                _copy_in(connection, found, block, zones, month=month, now=now, epoch=epoch)
                _count_states(counts, block)
            _refresh_statistics(connection, month, counts.total())
            connection.execute(
                text(
                    "update campaign set ledger_month = :month, loaded_at = now(), loaded_messages = :messages, "
                    "ledger_changed_at = now() where id = :id"
                ),
                {"month": month, "messages": counts.total(), "id": found.id},
            )
            record_counts(connection, found.id, {"messages": counts.total(), "standby": counts[MessageState.STANDBY]})
            forecast = forecast_loaded(connection, found.id, now)
            # A cancel that came meanwhile makes this move fail, which takes the rows back.
            moved = move_campaign(
                connection,
                found.id,
                state_after_loading(found, now, needs_approval=needs_approval),
                actor=actor,
                detail={"messages": counts.total()},
            )
            return Loaded(
                campaign=found.key,
                state=moved.state,
                messages=counts.total(),
                queued=counts[MessageState.QUEUED],
                standby=counts[MessageState.STANDBY],
                already_loaded=False,
                finishes_by=forecast.finishes_by,
                late=forecast.late,
            )
    return _already_loaded(engine, found)


def _already_loaded(engine: Engine, campaign: CampaignRow) -> Loaded:
    if campaign.loaded_at is None:
        raise UsageError(
            "campaign_state",
            f"The campaign {campaign.key} is {campaign.state.replace('_', ' ')}: its messages are not to be loaded.",
            "Only a campaign that is being checked is loaded.",
            state=str(campaign.state),
        )
    with engine.connect() as connection:
        counts = message_counts(connection, campaign.id)
    return Loaded(
        campaign=campaign.key,
        state=campaign.state,
        messages=sum(counts.values()),
        queued=counts.get(MessageState.QUEUED, 0),
        standby=counts.get(MessageState.STANDBY, 0),
        already_loaded=True,
        finishes_by=None,
        late=bool(campaign.counts.get("late")),
    )


def _count_states(counts: Counter[str], messages: pa.Table) -> None:
    counts.update({each["values"]: each["counts"] for each in messages["state"].value_counts().to_pylist()})


def _remove(connection: Connection, campaign: CampaignRow) -> None:
    first, last = campaign_keys(campaign.id)
    for table in ("message_content", "attempt", "message"):
        connection.execute(
            text(f"delete from {table} where ledger_month = :month and message_key between :first and :last"),  # noqa: S608
            {"month": campaign.ledger_month, "first": first, "last": last},
        )


class _TimeZones:
    """Time zones of the audience by line: two flat arrays, whatever order the messages come in."""

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


def _copy_in(
    connection: Connection,
    campaign: CampaignRow,
    block: pa.Table,
    zones: _TimeZones,
    *,
    month: dt.date,
    now: dt.datetime,
    epoch: int,
) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = block.num_rows
    if not rows:
        return
    for place in (0, rows - 1):
        if parse_message_id(block.column("message_id")[place].as_py()).token != campaign.token:
            raise LedgerError(
                "messages_of_another_campaign",
                f"The messages are not those of the campaign {campaign.key}.",
                "Render them again for this campaign.",
            )
    lines = block.column("line").to_numpy().astype(np.int64)
    places = pc.index_in(block.column("channel"), pa.array(list(CHANNELS))).to_numpy()
    channels = np.array([channel.code for channel in CHANNELS.values()], dtype=np.int64)[places]
    steps = block.column("step").to_numpy().astype(np.int64)
    keys = pa.array(message_keys(campaign.id, lines, channels, steps))
    months = pa.repeat(pa.scalar(month, pa.date32()), rows)
    standby = pc.equal(block.column("state"), MessageState.STANDBY.value)
    time = pa.timestamp("us", tz="UTC")
    begin = pa.scalar(now, time)
    not_before = block.column("not_before")
    later = pc.fill_null(pc.greater(not_before, begin), False)
    due = pc.if_else(standby, pa.scalar(NOT_YET, time), pc.if_else(later, not_before, begin))
    table = pa.table(
        {
            "ledger_month": months,
            "message_key": keys,
            "campaign_id": pa.repeat(campaign.id, rows),
            "line": block.column("line"),
            "channel": block.column("channel"),
            "step": block.column("step"),
            "state": block.column("state"),
            "due_at": due,
            "contact_id": block.column("contact_id"),
            "address_hash": block.column("address_hash"),
            "country": block.column("country"),
            "language": block.column("language"),
            "time_zone": zones.of(lines),
            "segments": block.column("segments"),
            "cost": block.column("cost"),
            "currency": block.column("currency"),
            "epoch": pa.repeat(epoch, rows),
        }
    )
    content = pa.table(
        {
            "ledger_month": months,
            "message_key": keys,
            "address": block.column("address"),
            "subject": _without_nul(block.column("subject")),
            "body": _without_nul(block.column("body")),
            "html": _without_nul(block.column("html")),
        }
    )
    _copy_table(connection, partition_name("message", month), _MESSAGE_COLUMNS, table)
    _copy_table(connection, partition_name("message_content", month), _CONTENT_COLUMNS, content)


def _refresh_statistics(connection: Connection, month: dt.date, loaded: int) -> None:
    """Let the planner know of what was loaded, where that is much of the month.

    Senders begin at once, and receipts come by the thousand a second, long before autovacuum would look: planned for the
    table of before, each batch would read the whole ledger.
    """
    for table in ("message", "message_content"):
        partition = partition_name(table, month)
        known = connection.scalar(text("select reltuples from pg_class where relname = :name"), {"name": partition})
        if loaded > 50 + 0.1 * max(0.0, known or 0.0):
            connection.execute(text(f"analyze (skip_locked) {partition}"))


def _without_nul(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """PostgreSQL's text cannot hold U+0000, and one such character must not stop a campaign."""
    import numpy as np
    import pyarrow.compute as pc

    # The least of all bytes is found many times faster than a text in each row.
    letters = [chunk.buffers()[-1] for chunk in column.chunks]
    if any(each is not None and each.size and np.frombuffer(each, np.uint8).min() == 0 for each in letters):
        return pc.replace_substring(column, "\x00", "")
    return column


def _copy_table(connection: Connection, table: str, columns: str, rows: pa.Table) -> None:
    import pyarrow.csv as pacsv

    driver = connection.connection.driver_connection
    assert driver is not None
    options = pacsv.WriteOptions(include_header=False)
    with driver.cursor() as cursor, cursor.copy(f"copy {table} ({columns}) from stdin (format csv)") as copy:
        # Text is always quoted and null never, which is how COPY tells the empty text from null.
        for batch in rows.to_batches(max_chunksize=SENT_AT_ONCE):
            buffer = io.BytesIO()
            pacsv.write_csv(batch, buffer, options)
            copy.write(buffer.getbuffer())


_SENDS_QUERY = """
    copy (
        select {token} || '-' || m.line || '-' || m.channel || '-' || m.step, m.line, m.contact_id, m.channel, m.step,
               m.address_hash, m.state, m.reason, a.carrier, m.carrier_message_id, m.attempts,
               (extract(epoch from m.handed_off_at) * 1000000)::bigint, m.segments, m.cost, m.currency
        from message m left join carrier_account a on a.id = m.carrier_account_id
        where m.ledger_month = {month} and m.message_key between {first} and {last}
        order by m.message_key
    ) to stdout (format csv)
"""


def write_sends(engine: Engine, campaign: str | int, sends: TableFile) -> dict[str, int]:
    """Write the campaign's ledger to ``sends`` in blocks; gives the messages by state.

    A campaign without a ledger gets an empty table.
    """
    from psycopg import sql

    from nightmail.lake.schemas import SENDS
    from nightmail.store.copying import whole_rows

    counts: Counter[str] = Counter()
    with engine.begin() as connection, sends.writer(SENDS) as writer:
        found = get_campaign(connection, campaign)
        as_of = connection.scalar(text("select now()"))
        if found.ledger_month is None:
            return counts
        driver = connection.connection.driver_connection
        assert driver is not None
        first, last = campaign_keys(found.id)
        query = sql.SQL(_SENDS_QUERY).format(
            token=sql.Literal(found.token),
            month=sql.Literal(found.ledger_month),
            first=sql.Literal(first),
            last=sql.Literal(last),
        )
        with driver.cursor() as cursor, cursor.copy(query) as copy:
            for block in whole_rows(copy):
                table = _sends_table(block)
                writer.write(table)
                _count_states(counts, table)
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
