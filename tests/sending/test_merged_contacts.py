"""Messages that were planned before two contacts were merged: what the merged contact asks for holds for them at hand-off."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import text

from nightmail.access.principals import system_principal
from nightmail.consent.consents import ConsentWithdrawn, withdraw_consents
from nightmail.consent.merges import merge, undo_merge
from nightmail.consent.preferences import record_preferences
from nightmail.contacts.contact_listing import find_contact
from nightmail.contacts.merges import find_merge
from tests.support.sending_rig import Organisation

BY = system_principal("test")
KEY = b"k" * 32
KEPT, OTHER = "+447700900001", "+447700900002"


@pytest.mark.parametrize("says", [KEPT, OTHER])
@pytest.mark.parametrize("parted", [False, True])
def test_a_campaign_in_flight_asks_for_both_ids(organisation: Organisation, says: str, *, parted: bool) -> None:
    """Under either id of the two, whichever the withdrawal came in under; also after the merge was taken back."""
    campaign = organisation.campaign([KEPT, OTHER, "+447700900003"])
    organisation.execute(
        "insert into contact (team_id, contact_id, external_id) select :t, 'contact-' || n, n from unnest(cast(:numbers as text[])) as n",
        t=organisation.team_id,
        numbers=[KEPT, OTHER],
    )
    with organisation.engine.begin() as connection:
        pair = [
            find_contact(connection, BY, number)
            for number in connection.scalars(text("select id from contact order by external_id"))
        ]
        _, number = merge(connection, pair[0], pair[1], by=BY, key=KEY)
        gone = ConsentWithdrawn(f"contact-{says}", "billing", dt.datetime.now(dt.UTC), "call")
        withdraw_consents(connection, organisation.team_id, [gone], actor="test")
        if parted:
            undo_merge(connection, find_merge(connection, BY, number), by=BY, key=KEY)
    organisation.drain()
    assert [(row["state"], row["reason"]) for row in organisation.messages(campaign)] == [
        ("held", "consent_withdrawn"),
        ("held", "consent_withdrawn"),
        ("accepted", None),
    ]


def test_a_pause_of_one_holds_the_message_to_the_other(organisation: Organisation) -> None:
    """It was stated before the merge."""
    campaign = organisation.campaign([KEPT, OTHER])
    organisation.execute(
        "insert into contact (team_id, contact_id, external_id) select :t, 'contact-' || n, n from unnest(cast(:numbers as text[])) as n",
        t=organisation.team_id,
        numbers=[KEPT, OTHER],
    )
    until = (dt.datetime.now(dt.UTC) + dt.timedelta(days=7)).isoformat()
    with organisation.engine.begin() as connection:
        stated = [(f"contact-{OTHER}", dt.datetime.now(dt.UTC), {"paused_until": until})]
        record_preferences(connection, organisation.team_id, stated, source="test", actor="test")
        numbers = list(connection.scalars(text("select id from contact order by external_id")))
        merge(connection, *(find_contact(connection, BY, number) for number in numbers), by=BY, key=KEY)
    organisation.drain()
    assert [(row["state"], row["reason"]) for row in organisation.messages(campaign)] == [
        ("held", "paused_by_contact")
    ] * 2
