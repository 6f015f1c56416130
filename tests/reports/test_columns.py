"""Every column of a report holds what its name says."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from nightmail.reports.delivery_report import write_delivery_report
from nightmail.reports.receipts_and_replies import write_receipts, write_replies
from nightmail.reports.usage_report import write_usage_report
from nightmail.store.partitions import ensure_partitions
from tests.support.pipeline_rig import PipelineRig, contact_rows

DAY = dt.date(2026, 11, 23)
NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


def _minutes(number: int) -> dt.datetime:
    return NOON + dt.timedelta(minutes=number)


def _told_apart(rig: PipelineRig) -> None:
    """Make the one message, its receipt and its reply hold another value in each column."""
    rig.change(
        "insert into sent_from (carrier_account_id, address) select min(id), 'a sender' from carrier_account",
    )
    rig.change(
        "update message set state = 'handing_over', carrier_account_id = (select min(id) from carrier_account),"
        " sent_from_id = (select id from sent_from where address = 'a sender')",
    )
    rig.change(
        "update message set state = 'accepted', reason = 'a reason', contact_id = 'a contact', address_hash = 'a hash',"
        " country = 'AA', language = 'bb', delivery = 'delivered', error_code = 'an error',"
        " carrier_message_id = 'a carrier message', attempts = 11, segments = 12, duration_s = 13, cost = 14.5,"
        " currency = 'CCC', cost_charged = 16.25, cost_charged_currency = 'DDD', planned_at = :m1, handed_off_at = :m2, delivery_at = :m3, opened_at = :m4,"
        " clicked_at = null, replied_at = :m5",
        **{f"m{number}": _minutes(number) for number in range(1, 6)},
    )
    rig.change(
        "insert into receipt (received_month, event_key, received_at, occurred_at, carrier, channel, carrier_message_id,"
        " ledger_month, message_key, campaign_id, status, error_code, duration_s) select '2026-11-01', 'r', :m1, :m2,"
        " 'a carrier', 'a channel', 'a carrier message', ledger_month, message_key, campaign_id, 'a status', 'an error',"
        " 15 from message",
        m1=_minutes(1),
        m2=_minutes(2),
    )
    rig.change(
        "insert into reply (event_key, received_at, team_id, channel, kind, address, address_hash, text, ledger_month,"
        " message_key, campaign_id) select 'r', :m1, (select team_id from campaign), 'a channel', 'a kind', 'an address',"
        " 'another hash', 'a text', ledger_month, message_key, campaign_id from message",
        m1=_minutes(1),
    )


def test_each_column_of_each_report_holds_its_own_value(rig: PipelineRig) -> None:
    """One message with another value in every column: two columns that are swapped in a query would show."""
    campaign = rig.prepared(contact_rows(1))
    with rig.engine.begin() as connection:
        ensure_partitions(connection, DAY)
    _told_apart(rig)
    known = rig.rows(
        "select c.token, a.carrier, a.name from campaign c, carrier_account a where a.id = (select min(id) from carrier_account)"
    )[0]
    message_id = f"{known['token']}-2-sms-0"
    lake = rig.lake
    with rig.engine.connect() as connection:
        tables = {
            name: lake.table(name, DAY.isoformat(), "day")
            for name in ("delivery_report", "usage_report", "receipts", "replies")
        }
        write_delivery_report(connection, lake, DAY, tables["delivery_report"])
        write_usage_report(connection, DAY, tables["usage_report"])
        write_receipts(connection, DAY, tables["receipts"])
        write_replies(connection, DAY, tables["replies"])
    assert tables["delivery_report"].read().to_pylist() == [
        {
            "team_date": DAY,
            "team": "acme.billing",
            "feed": "invoices",
            "campaign": campaign.key,
            "template": "due",
            "category": "billing",
            "message_id": message_id,
            "line": 2,
            "contact_id": "a contact",
            "address_hash": b"a hash".hex(),
            "channel": "sms",
            "step": 0,
            "country": "AA",
            "language": "bb",
            "state": "accepted",
            "reason": "a reason",
            "delivered": True,
            "status": "delivered",
            "error_code": "an error",
            "carrier": known["carrier"],
            "carrier_account": known["name"],
            "sent_from": "a sender",
            "carrier_message_id": "a carrier message",
            "attempts": 11,
            "planned_at": _minutes(1),
            "handed_off_at": _minutes(2),
            "delivered_at": _minutes(3),
            "opened_at": _minutes(4),
            "clicked_at": None,
            "status_at": _minutes(3),
            "opened": True,
            "clicked": False,
            "replied": True,
            "duration_s": 13,
            "segments": 12,
            "cost_estimated": Decimal("14.500000"),
            "cost_estimated_currency": "CCC",
            "cost_charged": Decimal("16.250000"),
            "cost_charged_currency": "DDD",
            "cost": Decimal("16.250000"),
            "currency": "DDD",
        }
    ]
    assert tables["usage_report"].read().to_pylist() == [
        {
            "team": "acme.billing",
            "feed": "invoices",
            "category": "billing",
            "channel": "sms",
            "country": "AA",
            "carrier": known["carrier"],
            "messages": 1,
            "segments": 12,
            "call_seconds": 13,
            "delivered": 1,
            "undelivered": 0,
            "cost": Decimal("16.250000"),
            "currency": "DDD",
        }
    ]
    assert tables["receipts"].read().to_pylist() == [
        {
            "received_at": _minutes(1),
            "occurred_at": _minutes(2),
            "message_id": message_id,
            "campaign": campaign.key,
            "team": "acme.billing",
            "channel": "a channel",
            "carrier": "a carrier",
            "carrier_message_id": "a carrier message",
            "status": "a status",
            "error_code": "an error",
            "duration_s": 15,
        }
    ]
    assert tables["replies"].read().to_pylist() == [
        {
            "received_at": _minutes(1),
            "message_id": message_id,
            "campaign": campaign.key,
            "team": "acme.billing",
            "contact_id": "a contact",
            "channel": "a channel",
            "address_hash": b"another hash".hex(),
            "kind": "a kind",
            "text": "a text",
        }
    ]
