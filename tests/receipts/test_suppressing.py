"""Suppressions that a person adds or lifts, as the senders' own statements see them."""

from __future__ import annotations

from typing import Any

import pytest

from nightmail.carriers.error_tables import ErrorClass, error_entry
from nightmail.carriers.protocol import Receipt, ReceiptStatus, Reply, ReplyKind
from nightmail.consent.addresses import read_address
from nightmail.consent.suppressing import lift_suppressions, suppress_by_hand
from nightmail.consent.suppressions import SuppressionRow, record_suppressions, suppressions_of
from nightmail.errors import NightmailError
from nightmail.preparation.stored_inputs import known_preferences
from nightmail.receipts.incoming_receipts import take_receipts
from nightmail.receipts.replies import take_replies
from tests.support.sandbox_process import RunningCarriers
from tests.support.sending_rig import KEY, Organisation

PERSON = "user:anna"


def known(organisation: Organisation, address: str, **only: Any) -> list[SuppressionRow]:
    with organisation.engine.connect() as connection:
        return suppressions_of(connection, read_address(address, country=None, hash_key=KEY).hash, **only)


def lift(organisation: Organisation, rows: list[SuppressionRow], **options: Any) -> list[SuppressionRow]:
    with organisation.engine.begin() as connection:
        return lift_suppressions(connection, rows, actor=PERSON, **options)


def bounce(organisation: Organisation, message_id: str) -> None:
    receipt = Receipt(
        carrier="twilio",
        channel="sms",
        event_key=f"bounce of {message_id}",
        status=ReceiptStatus.UNDELIVERED,
        message_id=message_id,
        error=error_entry("30005", ErrorClass.SUPPRESS),
    )
    take_receipts(organisation.engine, [receipt], hash_key=KEY)


def stop(organisation: Organisation, message_id: str, address: str, word: str = "STOP") -> None:
    reply = Reply(
        carrier="twilio",
        channel="sms",
        event_key=f"{word} to {message_id}",
        kind=ReplyKind.TEXT,
        sender=address,
        recipient="+15005550006",
        text=word,
        message_id=message_id,
    )
    take_replies(organisation.engine, [reply], hash_key=KEY)


def test_a_false_hard_bounce_is_lifted_and_sent_to_again(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """Held while it is suppressed; taken by the sender's own query at the next hand-off after that; audited."""
    address = "+447799900001"
    first = organisation.campaign([address])
    organisation.drain()
    bounce(organisation, organisation.messages(first)[0]["message_id"])
    second = organisation.campaign([address])
    organisation.drain()
    assert [(row["state"], row["reason"]) for row in organisation.messages(second)] == [("held", "suppressed")]

    (row,) = known(organisation, address)
    assert (row.reason, row.source, row.team) == ("hard_bounce", "receipt:twilio", "acme.billing")
    assert (row.campaign, row.message_id) == (first.key, organisation.messages(first)[0]["message_id"])
    third = organisation.campaign([address])
    assert lift(organisation, [row]) == [row]
    organisation.drain()
    assert organisation.states(third) == {"accepted": 1}
    assert organisation.states(second) == {"held": 1}, "what was held stays held"
    (entry,) = organisation.query("select actor, object, detail from audit where action = 'suppression.lifted'")
    assert (entry.actor, entry.object, entry.detail["reason"]) == (PERSON, row.address_hash.hex(), "hard_bounce")
    assert lift(organisation, [row]) == [], "somebody else was first: no second audit row"
    assert len(organisation.query("select 1 from audit where action = 'suppression.lifted'")) == 1


def test_an_opt_out_outlives_the_bounce_before_it(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """STOP after a hard bounce is kept beside it: whoever lifts the bounce does not lift the wish. START does."""
    address = "+447799900002"
    first = organisation.campaign([address])
    organisation.drain()
    message_id = organisation.messages(first)[0]["message_id"]
    bounce(organisation, message_id)
    stop(organisation, message_id, address)
    rows = known(organisation, address)
    assert {row.reason for row in rows} == {"hard_bounce", "opted_out"}
    with pytest.raises(NightmailError) as refused:
        lift(organisation, rows)
    assert refused.value.reason == "suppression_asked_for"
    assert "opted out by reply" in refused.value.message
    assert len(known(organisation, address)) == 2, "all or none"

    lift(organisation, [row for row in rows if not row.asked_for])
    second = organisation.campaign([address])
    organisation.drain()
    assert [(row["state"], row["reason"]) for row in organisation.messages(second)] == [("held", "opted_out")]
    stop(organisation, message_id, address, word="START")
    assert known(organisation, address) == []


@pytest.mark.parametrize("reason", ["opted_out", "complaint"])
def test_an_opt_out_is_lifted_on_purpose_only(organisation: Organisation, reason: str) -> None:
    address = "+447799900003"
    hashed = read_address(address, country=None, hash_key=KEY).hash
    organisation.execute(
        "insert into suppression (channel, address_hash, reason, source) values ('sms', :h, :r, 'x')",
        h=hashed,
        r=reason,
    )
    rows = known(organisation, address)
    with pytest.raises(NightmailError, match="TCPA and GDPR"):
        lift(organisation, rows)
    assert lift(organisation, rows, although_asked_for=True) == rows


def test_what_is_suppressed_by_hand_holds_the_next_campaign(
    organisation: Organisation, sandbox: RunningCarriers
) -> None:
    """At the hand-off of what is rendered, and when the audience of the next is planned; on its own channel alone."""
    address, other = "+447799900004", "+447799900005"
    campaign = organisation.campaign([address, other])
    with organisation.engine.begin() as connection:
        found = [read_address(address, country=None, hash_key=KEY)]
        suppress = {"actor": PERSON, "team_id": organisation.parent_id}
        done = suppress_by_hand(connection, found, channel="sms", **suppress)
        again = suppress_by_hand(connection, found, channel="sms", **suppress)
    assert (done.added, done.already, again.added, again.already) == (1, 0, 0, 1)
    organisation.drain()
    assert [row["state"] for row in organisation.messages(campaign)] == ["held", "accepted"]
    with organisation.engine.connect() as connection:
        planned = known_preferences(connection, "acme.billing").suppressions.to_pylist()
    assert [(row["address_hash"], row["channel"], row["opted_out"]) for row in planned] == [
        (found[0].hash.hex(), "sms", False)
    ]
    (entry,) = organisation.query("select actor, detail from audit where action = 'suppression.added'")
    assert (entry.actor, entry.detail["reason"]) == (PERSON, "by_hand")


def test_a_category_holds_only_its_own(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """And one that is misspelt is refused, since it would hold nobody."""
    address = "+447799900006"
    organisation.execute("insert into category (name, kind) values ('news', 'marketing')")
    found = [read_address(address, country=None, hash_key=KEY)]
    with organisation.engine.begin() as connection:
        suppress_by_hand(connection, found, actor=PERSON, category="news")
        with pytest.raises(NightmailError, match="no category billling"):
            suppress_by_hand(connection, found, actor=PERSON, category="billling")
    campaign = organisation.campaign([address])
    organisation.drain()
    assert organisation.states(campaign) == {"accepted": 1}


def test_teams_see_upwards_and_lift_downwards(organisation: Organisation) -> None:
    """A team above holds for those below, which see it and may not lift it; a team beside sees nothing."""
    address = "+447799900007"
    organisation.execute(
        "insert into team (path, name, parent_id) values ('acme.care', 'Care', :p), ('acmebilling', 'Other', null)",
        p=organisation.parent_id,
    )
    found = [read_address(address, country=None, hash_key=KEY)]
    with organisation.engine.begin() as connection:
        for team_id in (None, organisation.parent_id, organisation.team_id):
            suppress_by_hand(connection, found, actor=PERSON, team_id=team_id, channel="sms")
    seen = {
        team: {row.team for row in known(organisation, address, team=team)}
        for team in ("acme", "acme.billing", "acme.care", "acmebilling")
    }
    assert seen == {
        "acme": {None, "acme", "acme.billing"},
        "acme.billing": {None, "acme", "acme.billing"},
        "acme.care": {None, "acme"},
        "acmebilling": {None},
    }
    rows = {row.team: row for row in known(organisation, address)}
    for team in (None, "acme"):
        with pytest.raises(NightmailError) as refused:
            lift(organisation, [rows[team]], team="acme.billing")
        assert refused.value.reason == "suppression_above_team"
    assert lift(organisation, [rows["acme"], rows["acme.billing"]], team="acme")
    assert known(organisation, address, channel="email") == []


@pytest.mark.parametrize(("reason", "wish"), [("opted_out", True), ("complaint", True), ("hard_bounce", False)])
def test_planning_knows_what_the_person_asked_for(organisation: Organisation, reason: str, wish: bool) -> None:
    """Who reports an email as spam is not sent a text message instead."""
    with organisation.engine.begin() as connection:
        record_suppressions(
            connection, [("email", "hash")], team_id=organisation.team_id, reason=reason, source="receipt:sendgrid"
        )
        (row,) = known_preferences(connection, "acme.billing").suppressions.to_pylist()
    assert row["opted_out"] is wish
