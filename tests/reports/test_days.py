"""The days of the reports, from a real ledger."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pyarrow as pa

from nightmail.lake.schemas import DELIVERY_REPORT, RECEIPTS, REPLIES, USAGE_REPORT
from nightmail.message_ids import parse_message_id
from nightmail.reports.changed_days import changed_days, latest_change
from tests.support.pipeline_rig import PipelineRig, contact_rows

HASH_LENGTH = 32


def _send(rig: PipelineRig) -> str:
    """A campaign of six contacts: one held, three delivered, one undelivered, one refused; gives its key."""
    from nightmail.privacy import address_hash
    from nightmail.settings import settings

    rig.change(
        "insert into suppression (channel, address_hash, reason, source) values ('sms', :hash, 'opted_out', 'test')",
        hash=address_hash("+447400100005", settings().key()),
    )
    campaign = rig.prepared(contact_rows(6))
    rig.change("update message set state = 'handing_over', carrier_account_id = (select min(id) from carrier_account)")
    rig.change(
        "update message set state = case line when 6 then 'failed' else 'accepted' end,"
        " reason = case line when 6 then 'address_refused' end, carrier_message_id = 'SM' || line, attempts = 1,"
        " handed_off_at = case when line <> 6 then now() end, cost = 0.05, currency = 'EUR',"
        " delivery = case line when 6 then null when 5 then 'undelivered' else 'delivered' end,"
        " delivery_error = case line when 5 then '30005' end, delivery_at = case when line <> 6 then now() end"
    )
    rig.change(
        "insert into receipt (received_month, event_key, carrier, channel, carrier_message_id, ledger_month, message_key,"
        " campaign_id, status) select ledger_month, convert_to('k' || line, 'UTF8'), 'twilio', channel, carrier_message_id, ledger_month,"
        " message_key, campaign_id, delivery from message where delivery is not null"
    )
    rig.change(
        "insert into reply (event_key, team_id, channel, kind, address, address_hash, text, ledger_month, message_key,"
        " campaign_id) select 'r', (select team_id from campaign), channel, 'text', '+447400100001', address_hash,"
        " 'Thank you, \"Ann\"', ledger_month, message_key, campaign_id from message where line = 3"
    )
    return campaign.key


def _report(rig: PipelineRig, day: dt.date) -> dg.ExecuteInProcessResult:
    return rig.defs.resolve_job_def("report").execute_in_process(
        partition_key=day.isoformat(), instance=rig.instance, raise_on_error=True
    )


def _table(rig: PipelineRig, asset: str, day: dt.date) -> pa.Table:
    return rig.lake.table(asset, day.isoformat(), "day").read()


def test_a_day_of_reports(rig: PipelineRig) -> None:
    """Every message and every held contact is a row; receipts, replies and usage stand in tables of their own."""
    key = _send(rig)
    today = dt.datetime.now(dt.UTC).date()
    assert _report(rig, today).success
    report = _table(rig, "delivery_report", today)
    assert report.schema.equals(DELIVERY_REPORT)
    rows = {row["line"]: row for row in report.to_pylist()}
    assert len(rows) == report.num_rows == 6
    outcomes = {line: (row["state"], row["status"], row["reason"], row["error_code"]) for line, row in rows.items()}
    delivered = ("accepted", "delivered", None, None)
    assert {line: outcomes[line] for line in (2, 3, 4)} == dict.fromkeys((2, 3, 4), delivered)
    assert outcomes[5] == ("accepted", "undelivered", None, "30005")
    assert outcomes[6] == ("failed", None, "address_refused", None)
    assert outcomes[7][0] == "held" and outcomes[7][2] is not None
    assert {row["campaign"] for row in rows.values()} == {key}
    assert {row["team"] for row in rows.values()} == {"acme.billing"}
    message = rig.rows(
        "select m.message_key, c.token, m.campaign_id from message m join campaign c on true where line = 2"
    )
    identity = parse_message_id(rows[2]["message_id"])
    assert (identity.line, identity.channel, identity.token) == (2, "sms", message[0]["token"])
    assert identity.key(message[0]["campaign_id"]) == message[0]["message_key"]
    assert rows[2]["cost"] == Decimal("0.05") and rows[2]["handed_off_at"].tzinfo is not None
    assert rows[7]["message_id"] is None
    assert _table(rig, "receipts", today).schema.equals(RECEIPTS)
    assert sorted(_table(rig, "receipts", today)["status"].to_pylist()) == [*["delivered"] * 3, "undelivered"]
    (reply,) = _table(rig, "replies", today).to_pylist()
    assert _table(rig, "replies", today).schema.equals(REPLIES)
    assert reply["text"] == 'Thank you, "Ann"' and reply["message_id"] == rows[3]["message_id"]
    (usage,) = _table(rig, "usage_report", today).to_pylist()
    assert _table(rig, "usage_report", today).schema.equals(USAGE_REPORT)
    assert (usage["messages"], usage["delivered"], usage["undelivered"]) == (4, 3, 1)
    assert usage["cost"] == Decimal("0.20")


def test_an_opening_hides_neither_the_delivery_nor_its_time(rig: PipelineRig) -> None:
    """`status` is the last word; `delivered`, its time and the costs stand beside it, null where nobody knows."""
    _send(rig)
    noon = dt.datetime.now(dt.UTC).replace(microsecond=0)
    at = {f"m{number}": noon + dt.timedelta(minutes=number) for number in range(3)}
    rig.change("update receipt set occurred_at = :m0 where event_key = 'k2'", **at)
    rig.change(
        "insert into receipt (received_month, event_key, occurred_at, carrier, channel, ledger_month, message_key,"
        " campaign_id, status) select ledger_month, 'opened', :m1, 'twilio', channel, ledger_month, message_key,"
        " campaign_id, 'opened' from message where line = 2",
        **at,
    )
    rig.change(
        "update message set delivery = 'clicked', delivery_at = :m2, opened_at = :m1, clicked_at = :m2,"
        " cost_charged = 0.07, cost_charged_currency = 'USD' where line = 2",
        **at,
    )
    rig.change("update message set delivery = 'sent' where line = 4")
    today = dt.datetime.now(dt.UTC).date()
    _report(rig, today)
    rows = {row["line"]: row for row in _table(rig, "delivery_report", today).to_pylist()}
    assert {line: row["delivered"] for line, row in rows.items()} == {
        2: True, 3: True, 4: None, 5: False, 6: False, 7: False
    }  # fmt: skip
    times = ("status", "delivered_at", "opened_at", "clicked_at", "status_at")
    assert tuple(rows[2][name] for name in times) == ("clicked", at["m0"], at["m1"], at["m2"], at["m2"])
    assert rows[3]["delivered_at"] == rows[3]["status_at"] is not None
    assert all(rows[line]["delivered_at"] is None for line in (4, 5, 6, 7))
    costs = ("cost_estimated", "cost_estimated_currency", "cost_charged", "cost_charged_currency", "cost", "currency")
    five, seven = Decimal("0.05"), Decimal("0.07")
    assert tuple(rows[2][name] for name in costs) == (five, "EUR", seven, "USD", seven, "USD")
    assert tuple(rows[3][name] for name in costs) == (five, "EUR", None, None, five, "EUR")
    used = {row["currency"]: (row["messages"], row["cost"]) for row in _table(rig, "usage_report", today).to_pylist()}
    assert used == {"EUR": (3, Decimal("0.15")), "USD": (1, seven)}


def test_reports_name_nobody(rig: PipelineRig) -> None:
    """Contact ids and keyed hashes only."""
    _send(rig)
    today = dt.datetime.now(dt.UTC).date()
    _report(rig, today)
    for asset in ("delivery_report", "receipts", "usage_report"):
        text = str(_table(rig, asset, today).to_pylist())
        assert "+44" not in text
        assert "Ann" not in text
    hashes = {row["address_hash"] for row in _table(rig, "delivery_report", today).to_pylist()}
    assert all(len(value) == HASH_LENGTH for value in hashes)
    page = rig.lake.table("delivery_report", today.isoformat(), "day").url.replace(
        "delivery_report.parquet", "_report.html"
    )
    assert "+44" not in Path(page).read_text()


def test_a_day_without_anything_is_an_empty_table(rig: PipelineRig) -> None:
    """Analysts' queries find the columns."""
    day = dt.date(2026, 1, 5)
    _report(rig, day)
    assert _table(rig, "delivery_report", day).schema.equals(DELIVERY_REPORT)
    assert _table(rig, "delivery_report", day).num_rows == 0


def test_a_receipt_changes_the_day_of_its_message(rig: PipelineRig) -> None:
    """A message of days ago: the day of its hand-off and the day of the receipt's arrival both changed."""
    assert latest_change(rig.engine.connect()) is None
    _send(rig)
    rig.change("update message set handed_off_at = now() - interval '3 days' where line = 2")
    today = dt.datetime.now(dt.UTC).date()
    with rig.engine.connect() as connection:
        latest = latest_change(connection)
        assert latest is not None
        long_ago = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
        assert changed_days(connection, long_ago, latest) == [today - dt.timedelta(days=3), today]
        assert changed_days(connection, latest, latest + dt.timedelta(seconds=1)) == []
