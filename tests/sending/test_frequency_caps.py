"""Frequency caps at the moment of hand-off: over campaigns in flight together, windows, scopes and what is exempt."""

from __future__ import annotations

import json
from threading import Thread
from typing import Any

import pytest

from nightmail.organisation.audience_rules import AudienceRules, FrequencyCap, StatedCap
from nightmail.preparation.recent_sends import SendsInStore
from nightmail.privacy.keyed_hashes import address_digests
from nightmail.store.clock import database_time
from tests.support.sending_rig import KEY, Organisation

ONE, TWO = "+447700900001", "+447700900002"


def state(organisation: Organisation, rules: dict[str, Any], *, team: str = "acme") -> None:
    """Have a team state rules."""
    settings = {"audience": AudienceRules.model_validate(rules).model_dump(mode="json")}
    organisation.execute("update team set settings = cast(:s as jsonb) where path = :t", s=json.dumps(settings), t=team)


def ends(organisation: Organisation, campaign: Any) -> list[str]:
    """What became of a campaign's messages: the reason, else the state."""
    rows = organisation.query(
        "select coalesce(reason, state) as ended from message where campaign_id = :c order by message_key",
        c=campaign.id,
    )
    return [row.ended for row in rows]


def cap(**more: Any) -> dict[str, Any]:
    """A rule of one cap: one message in seven days."""
    return {"frequency_caps": [{"messages": 1, "days": 7, **more}]}


@pytest.mark.parametrize(
    ("rules", "team", "expected"),
    [
        ({}, "acme", ["accepted", "accepted"]),
        (cap(), "acme", ["frequency_cap", "accepted"]),
        (cap(), "acme.billing", ["frequency_cap", "accepted"]),
        (cap(messages=2), "acme", ["accepted", "accepted"]),
        (cap(channels=["email"]), "acme", ["accepted", "accepted"]),
        (cap(channels=["sms"]), "acme", ["frequency_cap", "accepted"]),
        (cap(categories=["marketing"]), "acme", ["accepted", "accepted"]),
        (cap(categories=["billing"]), "acme", ["frequency_cap", "accepted"]),
    ],
)
def test_the_next_campaign_is_held_to_the_cap(
    organisation: Organisation, rules: dict[str, Any], team: str, expected: list[str]
) -> None:
    state(organisation, rules, team=team)
    organisation.campaign([ONE])
    organisation.drain()
    second = organisation.campaign([ONE, TWO])
    organisation.drain()
    assert ends(organisation, second) == expected


def test_a_window_ends(organisation: Organisation) -> None:
    state(organisation, cap())
    first = organisation.campaign([ONE])
    organisation.drain()
    organisation.execute(
        "update message set handed_off_at = now() - interval '8 days' where campaign_id = :c", c=first.id
    )
    second = organisation.campaign([ONE])
    organisation.drain()
    assert ends(organisation, second) == ["accepted"]


def test_urgent_categories_are_exempt_and_do_not_count(organisation: Organisation) -> None:
    state(organisation, cap())
    organisation.execute("update category set urgent = true where id = :c", c=organisation.category_id)
    first, second = organisation.campaign([ONE]), organisation.campaign([ONE])
    organisation.drain()
    assert ends(organisation, first) == ends(organisation, second) == ["accepted"]
    organisation.execute("update category set urgent = false where id = :c", c=organisation.category_id)


def test_of_two_contacts_with_one_address_the_second_is_held(organisation: Organisation) -> None:
    state(organisation, cap())
    campaign = organisation.campaign([ONE, ONE, TWO])
    organisation.drain()
    assert ends(organisation, campaign) == ["accepted", "frequency_cap", "accepted"]


def test_campaigns_in_flight_together_keep_within_one_cap(organisation: Organisation) -> None:
    """Three senders at once, three campaigns to the same people: each of them gets exactly two messages."""
    state(organisation, cap(messages=2))
    addresses = [f"+4477009{number:05d}" for number in range(100, 140)]
    campaigns = [organisation.campaign(addresses) for _ in range(3)]
    senders = [Thread(target=organisation.drain) for _ in range(3)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    by_address = organisation.query(
        "select address_hash, count(*) filter (where state = 'accepted') as accepted, "
        "count(*) filter (where reason = 'frequency_cap') as held from message group by 1"
    )
    assert {(row.accepted, row.held) for row in by_address} == {(2, 1)}
    assert len(by_address) == len(addresses) and len(campaigns) == 3


def test_what_the_audience_counts(organisation: Organisation) -> None:
    """Accepted and queued messages of other campaigns, by address; nothing of the campaign itself."""
    first = organisation.campaign([ONE])
    organisation.drain()
    waiting = organisation.campaign([ONE, TWO])
    with organisation.engine.connect() as connection:
        now = database_time(connection)
    stated = StatedCap("acme", organisation.parent_id, FrequencyCap(messages=1, days=7))
    elsewhere = StatedCap("acme.other", 0, FrequencyCap(messages=1, days=7))
    hashes = address_digests([ONE, TWO, "+447700900009"], KEY)

    def counted(campaign_id: int | None, cap: StatedCap = stated) -> list[int]:
        return SendsInStore(organisation.engine, now, campaign_id).to_addresses(cap, hashes).tolist()

    assert counted(None) == [2, 1, 0]
    assert counted(waiting.id) == [1, 0, 0]
    assert counted(first.id) == [1, 1, 0]
    assert counted(None, elsewhere) == [0, 0, 0]
