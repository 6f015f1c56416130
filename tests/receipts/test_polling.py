"""Receipts and replies asked for: everybody's turn comes, and nothing is missed while nobody asked."""

from __future__ import annotations

import datetime as dt
import json

from nightmail.carriers.protocol import Carrier, Reply
from nightmail.organisation.carrier_accounts import CarrierAccountRow
from nightmail.receipts.polling import REPLIES_BEFORE, poll_carriers
from tests.support.sandbox_process import RunningCarriers, eventually
from tests.support.sending_rig import KEY, Organisation


def test_messages_that_are_never_heard_of_hold_up_no_others(
    organisation: Organisation, sandbox: RunningCarriers
) -> None:
    """The first page is of numbers whose operators tell nothing; those behind them are asked about all the same."""
    silent = [f"+44770090{number}7015" for number in range(3)]
    campaign = organisation.campaign([*silent, "+447700912341", "+447700912342"])
    organisation.drain()
    # One moment for all, as of a batch: a page's end is told by more than its time.
    organisation.execute("update message set handed_off_at = date_trunc('second', handed_off_at)")
    cursor: str | None = None

    def delivered() -> bool:
        nonlocal cursor
        polled = poll_carriers(organisation.engine, organisation.carriers, hash_key=KEY, cursor=cursor, limit=2)
        cursor = polled.cursor
        found = [row["delivery"] for row in organisation.messages(campaign)]
        # All is told that will ever be told: a silent one's "sent" may be found a page later than the others' end.
        return found == ["sent", "sent", "sent", "delivered", "delivered"]

    eventually(delivered, 30)
    assert poll_carriers(organisation.engine, organisation.carriers, hash_key=KEY, cursor=cursor).receipts == 0


def test_a_stop_that_came_between_two_rounds_is_found(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """The last round was a day ago: replies are asked for from then on, not from half an hour ago."""
    number = "+447700912351"
    organisation.campaign([number])
    organisation.drain()
    asked_since: list[dt.datetime] = []

    def carriers(account: CarrierAccountRow) -> Carrier:
        carrier = organisation.carriers(account)
        ask = carrier.poll_replies

        def poll_replies(since: dt.datetime) -> list[Reply]:
            asked_since.append(since)
            return ask(since)

        carrier.poll_replies = poll_replies  # type: ignore[method-assign]
        return carrier

    first = poll_carriers(organisation.engine, carriers, hash_key=KEY).cursor
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    places = {
        name: place and {**place, "replies_asked_at": yesterday.isoformat()}
        for name, place in json.loads(first).items()
    }
    sandbox.ask("/inbound", {"from": number, "to": "+15005550006", "body": "STOP"})
    asked_since.clear()
    eventually(
        lambda: poll_carriers(organisation.engine, carriers, hash_key=KEY, cursor=json.dumps(places)).replies == 1, 30
    )
    assert asked_since
    assert all(abs(since - (yesterday - REPLIES_BEFORE)) < dt.timedelta(seconds=1) for since in asked_since)
    assert organisation.query("select reason from suppression")[0][0] == "opted_out"
    assert poll_carriers(organisation.engine, carriers, hash_key=KEY, cursor=json.dumps(places)).replies == 0
