"""A message that is held at hand-off decides its fallback at once: who declined is left alone, others are reached."""

from __future__ import annotations

import pytest

from nightmail.privacy import address_hash
from tests.support.sending_rig import KEY, Organisation


@pytest.mark.parametrize(
    ("reason", "fallback", "told"),
    [("opted_out", "held", "opted_out"), ("complaint", "held", "opted_out"), ("hard_bounce", "accepted", None)],
)
def test_a_hold_at_hand_off_settles_the_fallback(
    organisation: Organisation, reason: str, fallback: str, told: str | None
) -> None:
    """STOP to a text message is not answered by a call; a dead number is. Either way the campaign finishes."""
    place = ["opted_out", "complaint", "hard_bounce"].index(reason)
    numbers = [f"+44770090{8100 + place}", f"+44770090{8200 + place}"]
    campaign = organisation.campaign(numbers, ("sms", "voice"))
    organisation.execute(
        "insert into suppression (team_id, channel, address_hash, reason, source) values (:t, 'sms', :h, :r, 'x')",
        t=organisation.team_id,
        h=address_hash(numbers[0], KEY),
        r=reason,
    )
    organisation.drain()
    first = [row for row in organisation.messages(campaign) if row["address_hash"] == address_hash(numbers[0], KEY)]
    by_channel = {row["channel"]: row for row in first}
    assert by_channel["sms"]["state"] == "held"
    organisation.drain()
    by_channel = {
        row["channel"]: row
        for row in organisation.messages(campaign)
        if row["address_hash"] == address_hash(numbers[0], KEY)
    }
    assert (by_channel["voice"]["state"], by_channel["voice"]["reason"]) == (fallback, told)
