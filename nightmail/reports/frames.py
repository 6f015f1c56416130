"""Typed pandas frames of reports, of any range of days: for notebooks, with the figures that the portal shows.

>>> from nightmail.reports import frames
>>> november = frames.days("2026-11-01", "2026-11-30", team="acme.billing")
>>> frames.week_over_week("2026-11-01", "2026-11-30")
>>> frames.pivot(november, rows="day", columns="feed", values="delivered")

They are read from the delivery reports in the lake, which name nobody, with the rights of who runs the notebook: whoever can read
the lake's folder can read every team's reports in it. :func:`seen_by` narrows a source to what one person may take out, and is
what a service that makes frames for people uses.

Days are UTC days, both ends included; a range of one day has the same day twice. Every frame has the same columns and types for
every range, an empty one too: :data:`COLUMNS` names them. Codes and names are categoricals, whole numbers ``Int64``, truth
``boolean``, times ``datetime64[us, UTC]``, days ``datetime64[us]`` at midnight, amounts exact decimals (``decimal128`` of Arrow), ids strings of Arrow.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.access.decisions import teams_with
from nightmail.access.people import find_person
from nightmail.access.permissions import Permission
from nightmail.access.principals import EVERYWHERE, person_principal
from nightmail.errors import UsageError
from nightmail.lake import Lake
from nightmail.lake.schemas import DELIVERY_REPORT, conformed
from nightmail.reports.outcomes import FINAL, OUTCOMES, TAKEN, counted_rows, outcomes_of
from nightmail.reports.report_sums import NUMBERS, judged, summed
from nightmail.settings import settings

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine

Day = str | dt.date
_IDS = ("message_id", "contact_id", "address_hash", "carrier_message_id", "sent_from")
_COUNTED = ("rows", *OUTCOMES, "sent", *(name for name in NUMBERS if name != "rows"))
COLUMNS = {
    "messages": ("day", *DELIVERY_REPORT.names, "outcome"),
    "days": ("day", "team", "feed", *_COUNTED, "delivered_share"),
    "campaigns": ("campaign", "team", "feed", "first_day", "last_day", *_COUNTED, "delivered_share"),
    "costs": ("day", "team", "feed", "channel", "country", "currency", "messages", "cost"),
    "week_over_week": (
        "week", *(f"{name}{ending}" for name in (*_COUNTED, "delivered_share") for ending in ("", "_before", "_change")),
    ),
    "funnel": ("stage", "number", "of_first", "of_previous"),
}  # fmt: skip
"""The columns of each frame by its function's name. ``outcome`` and the columns that are named after outcomes are those of
:data:`nightmail.reports.outcomes.OUTCOMES`; further numbers are those of :data:`nightmail.reports.report_sums.NUMBERS`."""
STAGES = ("messages", "sent", "delivered", "opened", "clicked", "answered")
"""The stages of a funnel in their order: messages; those that a carrier took; that arrived, were opened, clicked and answered."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where frames are read from: a lake, and the topmost teams whose reports may be read (``""``: all)."""

    lake: Lake
    teams: tuple[str, ...] = (EVERYWHERE,)


def whole_lake(url: str | None = None) -> Source:
    """The lake at ``url``, or the one that the settings name, with the rights of who can read its folder."""
    return Source(Lake(url or settings().lake))


def seen_by(engine: Engine, email: str, url: str | None = None) -> Source:
    """The same, of the teams for which a person of the portal holds ``report.export``, as the database has it now."""
    with engine.connect() as connection:
        principal = person_principal(connection, find_person(connection, email).id)
    return Source(whole_lake(url).lake, teams_with(principal, Permission.REPORT_EXPORT))


def messages(
    since: Day,
    until: Day,
    *,
    team: str | None = None,
    feed: str | None = None,
    campaign: str | None = None,
    source: Source | None = None,
) -> pd.DataFrame:
    """One row a message, and one a contact that was held before there was one, with the columns of the delivery report.

    Fallbacks that were not needed are left out, as they count nowhere. ``team`` means those below it too; ``feed`` reads
    ``team/feed``.
    """
    rows = counted_rows(_rows(since, until, team, feed, campaign, source))
    return _frame(rows.append_column("outcome", outcomes_of(rows)), "messages")


def days(
    since: Day,
    until: Day,
    *,
    team: str | None = None,
    feed: str | None = None,
    campaign: str | None = None,
    source: Source | None = None,
) -> pd.DataFrame:
    """One row a day and feed: rows by outcome, what a carrier took (``sent``), segments, openings, answers, times."""
    sums = _by_outcome(_rows(since, until, team, feed, campaign, source), ("day", "team", "feed"))
    return _frame(sums, "days", ["day", "team", "feed"])


def campaigns(
    since: Day, until: Day, *, team: str | None = None, feed: str | None = None, source: Source | None = None
) -> pd.DataFrame:
    """One row a campaign, with the first and the last day on which something of it went out or was decided."""
    rows = _rows(since, until, team, feed, None, source)
    by = ("campaign", "team", "feed")
    sums = _by_outcome(rows, by)
    spans = counted_rows(rows).group_by(["campaign"]).aggregate([("day", "min"), ("day", "max")])
    spans = spans.rename_columns(["campaign", "first_day", "last_day"])
    return _frame(sums.join(spans, "campaign", join_type="left outer"), "campaigns", ["first_day", "campaign"])


def costs(
    since: Day,
    until: Day,
    *,
    team: str | None = None,
    feed: str | None = None,
    campaign: str | None = None,
    source: Source | None = None,
) -> pd.DataFrame:
    """What was charged or estimated: one row a day, feed, channel, country and currency. Never add over currencies."""
    rows = judged(_rows(since, until, team, feed, campaign, source))
    by = ("day", "team", "feed", "channel", "country", "currency")
    sums = summed(rows.filter(pc.is_valid(rows["cost"])), by)
    return _frame(sums, "costs", list(by))


def week_over_week(
    since: Day,
    until: Day,
    *,
    team: str | None = None,
    feed: str | None = None,
    campaign: str | None = None,
    source: Source | None = None,
) -> pd.DataFrame:
    """One row a week, from Monday to Sunday: each figure, that of the week before, and the change as a share of it.

    The first and the last day are moved to the ends of their weeks. The change of ``delivered_share`` is a difference.
    """
    first, last = _range(since, until)
    monday = first - dt.timedelta(days=first.weekday())
    sunday = last + dt.timedelta(days=6 - last.weekday())
    rows = _rows(monday - dt.timedelta(days=7), sunday, team, feed, campaign, source)
    days_since = pc.cast(pc.days_between(pa.scalar(dt.date(1970, 1, 5), pa.date32()), rows["day"]), pa.int64())
    weeks = pc.add(pc.multiply(pc.divide(days_since, 7), 7), 4).cast(pa.int32()).cast(pa.date32())
    sums = _by_outcome(rows.set_column(rows.column_names.index("day"), "day", weeks), ("day",))
    found = {row["day"]: row for row in sums.to_pylist()}
    lines = []
    for number in range((sunday - monday).days // 7 + 1):
        week = monday + dt.timedelta(days=7 * number)
        lines.append(_compared(week, found.get(week, {}), found.get(week - dt.timedelta(days=7), {})))
    return _frame(pa.Table.from_pylist(lines, schema=_week_schema()), "week_over_week")


def funnel(
    since: Day,
    until: Day,
    *,
    team: str | None = None,
    feed: str | None = None,
    campaign: str | None = None,
    source: Source | None = None,
) -> pd.DataFrame:
    """How many came how far: one row for each of :data:`STAGES`, with its share of the first stage and of the one before.

    A share is missing where nothing came as far as the stage that it is a share of.
    """
    sums = _by_outcome(_rows(since, until, team, feed, campaign, source), ())
    (counted,) = sums.to_pylist() or [dict.fromkeys(STAGES, 0)]
    numbers = [counted[name] or 0 for name in STAGES]
    lines = [
        {
            "stage": name,
            "number": number,
            "of_first": number / numbers[0] if numbers[0] else None,
            "of_previous": number / before if before else None,
        }
        for name, number, before in zip(STAGES, numbers, [numbers[0], *numbers], strict=False)
    ]
    kinds = [("stage", pa.string()), ("number", pa.int64()), ("of_first", pa.float64()), ("of_previous", pa.float64())]
    frame = _frame(pa.Table.from_pylist(lines, schema=pa.schema(kinds)), "funnel")
    frame["stage"] = frame["stage"].cat.set_categories(list(STAGES), ordered=True)
    return frame


def pivot(
    frame: pd.DataFrame, *, rows: str | Sequence[str], columns: str | Sequence[str], values: str = "rows"
) -> pd.DataFrame:
    """Sums of one column of a frame by others: ``rows`` down, ``columns`` across, with what is not there as 0.

    Shares cannot be added: pivot their parts and divide. Raises :class:`UsageError` (``frame_without_column``).
    """
    for name in (
        *([rows] if isinstance(rows, str) else rows),
        *([columns] if isinstance(columns, str) else columns),
        values,
    ):
        if name not in frame.columns:
            raise UsageError("frame_without_column", value=name, known=", ".join(map(str, frame.columns)))
    return frame.pivot_table(
        index=rows, columns=columns, values=values, aggfunc="sum", observed=True, dropna=False, fill_value=0
    )


def _range(since: Day, until: Day) -> tuple[dt.date, dt.date]:
    try:
        first, last = (day if isinstance(day, dt.date) else dt.date.fromisoformat(day) for day in (since, until))
    except ValueError as error:
        raise UsageError("day_invalid", value=f"{since} – {until}") from error
    if last < first:
        raise UsageError("days_reversed", since=first.isoformat(), until=last.isoformat())
    return first, last


def _rows(
    since: Day, until: Day, team: str | None, feed: str | None, campaign: str | None, source: Source | None
) -> pa.Table:
    """The delivery report's rows of a range, with the day as the first column."""
    first, last = _range(since, until)
    source = source or whole_lake()
    tables = []
    for name in source.lake.partitions("delivery_report", "day"):
        if not first.isoformat() <= name <= last.isoformat():
            continue
        for block in source.lake.table("delivery_report", name, "day").blocks():
            rows = _wanted(conformed(block, DELIVERY_REPORT), source.teams, team, feed, campaign)
            if rows.num_rows:
                day = pa.repeat(pa.scalar(dt.date.fromisoformat(name), pa.date32()), rows.num_rows)
                tables.append(rows.add_column(0, "day", day))
    empty = DELIVERY_REPORT.empty_table().add_column(0, "day", pa.array([], pa.date32()))
    return pa.concat_tables([empty, *tables], promote_options="permissive")


def _wanted(rows: pa.Table, teams: Sequence[str], team: str | None, feed: str | None, campaign: str | None) -> pa.Table:
    if EVERYWHERE not in teams:
        rows = rows.filter(_at_or_below(rows["team"], teams))
    if team is not None:
        rows = rows.filter(_at_or_below(rows["team"], [team]))
    if feed is not None:
        of_team, _, name = feed.partition("/")
        rows = rows.filter(pc.and_(pc.equal(rows["team"], of_team), pc.equal(rows["feed"], name)))
    return rows if campaign is None else rows.filter(pc.equal(rows["campaign"], campaign))


def _at_or_below(column: pa.ChunkedArray, teams: Sequence[str]) -> Any:
    found: Any = pc.is_in(column, value_set=pa.array(teams, pa.string()))
    for team in teams:
        found = pc.or_(found, pc.starts_with(column, f"{team}."))
    return found


def _by_outcome(rows: pa.Table, by: Sequence[str]) -> pa.Table:
    """Rows counted by ``by``: a column for each outcome, those of ``NUMBERS``, ``sent`` and ``delivered_share``."""
    counted = judged(rows)
    columns = {name: pc.equal(counted["outcome"], name).cast(pa.int64()) for name in OUTCOMES} | {
        name: counted[name] for name in NUMBERS
    }
    table = pa.table({**{name: counted[name] for name in by}, **columns})
    sums = table.group_by(list(by)).aggregate([(name, "sum") for name in columns])
    sums = sums.rename_columns([name.removesuffix("_sum") for name in sums.column_names])
    sent = _added(sums, TAKEN)
    final = _added(sums, FINAL).cast(pa.float64())
    share = pc.divide(
        sums["delivered"].cast(pa.float64()), pc.if_else(pc.equal(final, 0.0), pa.scalar(None, pa.float64()), final)
    )
    return sums.append_column("sent", sent).append_column("delivered_share", share)


def _added(sums: pa.Table, names: Sequence[str]) -> Any:
    added: Any = sums[names[0]]
    for name in names[1:]:
        added = pc.add(added, sums[name])
    return added


def _compared(week: dt.date, now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    line: dict[str, Any] = {"week": week}
    for name in _COUNTED:
        number, earlier = now.get(name) or 0, before.get(name) or 0
        line |= {name: number, f"{name}_before": earlier, f"{name}_change": number / earlier - 1 if earlier else None}
    share, earlier_share = now.get("delivered_share"), before.get("delivered_share")
    change = share - earlier_share if share is not None and earlier_share is not None else None
    return line | {"delivered_share": share, "delivered_share_before": earlier_share, "delivered_share_change": change}


def _week_schema() -> pa.Schema:
    whole = {name for each in _COUNTED for name in (each, f"{each}_before")}
    kinds = {"week": pa.date32()}
    return pa.schema(
        [(name, kinds.get(name, pa.int64() if name in whole else pa.float64())) for name in COLUMNS["week_over_week"]]
    )


def _frame(table: pa.Table, name: str, order: Sequence[str] = ()) -> pd.DataFrame:
    """A table as the frame of a name: its columns in their order, of the types that the module states."""
    import pandas as pd

    table = table.select(COLUMNS[name])
    if order:
        table = table.sort_by([(column, "ascending") for column in order])
    for place, column in enumerate(table.schema):
        if pa.types.is_date(column.type):
            table = table.set_column(place, column.name, table[column.name].cast(pa.timestamp("us")))

    def kind(of: pa.DataType) -> Any:
        if pa.types.is_integer(of):
            return pd.Int64Dtype()
        if pa.types.is_boolean(of):
            return pd.BooleanDtype()
        return pd.ArrowDtype(of) if pa.types.is_decimal(of) or pa.types.is_string(of) else None

    frame = table.to_pandas(types_mapper=kind)
    words = [each.name for each in table.schema if pa.types.is_string(each.type) and each.name not in _IDS]
    typed: pd.DataFrame = frame.astype(dict.fromkeys(words, "category"))
    return typed
