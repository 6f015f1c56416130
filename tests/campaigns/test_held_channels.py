"""Which channels of a campaign suspensions hold: told in one statement, as the routes that senders take have it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Connection, event

from nightmail.campaigns.campaign_routes import routes_of
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.held_channels import held_channels
from nightmail.campaigns.suspensions import list_suspensions, suspend_channel
from nightmail.organisation.team_settings import falls_when_suspended
from nightmail.organisation.teams import team_ids_upwards
from tests.support.sending_rig import Organisation

BOTH = ("sms", "voice")
SUSPENSIONS: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "a channel": [{"channel": "sms"}],
    "every channel": [{"channel": "sms"}, {"channel": "voice"}, {"channel": "email"}],
    "another channel": [{"channel": "email"}],
    "the team's": [{"channel": "sms", "team": "own"}],
    "the team's above": [{"channel": "sms", "team": "parent"}],
    "another team's": [{"channel": "sms", "team": "other"}],
    "one account": [{"channel": "sms", "account": "sandbox-sms"}],
    "the other account": [{"channel": "sms", "account": "second-sms"}],
    "both accounts": [{"channel": "sms", "account": "sandbox-sms"}, {"channel": "sms", "account": "second-sms"}],
    "a sender": [{"channel": "sms", "sender": "+15005550007"}],
    "a sender of nobody": [{"channel": "sms", "sender": "+15005550009"}],
}


def by_routes(connection: Connection, campaign: CampaignRow, channels: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """The same answer from the routes of each channel, as senders ask for them."""
    suspensions, teams = list_suspensions(connection), team_ids_upwards(connection, campaign.team)
    found = []
    for channel in channels:
        routes = routes_of(connection, campaign, channel)
        stops = {each.id for route in routes for each in suspensions if each.stops(route, teams)}
        usable = any(not any(each.stops(route, teams) for each in suspensions) for route in routes)
        if stops:
            found.append((channel, stops, usable, falls_when_suspended(connection, campaign.team, channel)))
    return found


@pytest.mark.parametrize("senders", [False, True], ids=["accounts alone", "with senders"])
@pytest.mark.parametrize("named", SUSPENSIONS, ids=str)
def test_it_is_what_the_routes_of_the_channels_say(organisation: Organisation, named: str, senders: bool) -> None:
    organisation.execute(
        "insert into carrier_account (name, carrier, channel, settings, secret) select 'second-sms', carrier, channel, "
        "settings, secret from carrier_account where name = 'sandbox-sms'"
    )
    organisation.execute("insert into team (path, name) values ('other', 'Other')")
    organisation.execute(
        "update team set settings = jsonb_build_object('when_suspended', cast(:s as jsonb)) where path = 'acme'",
        s=json.dumps({"sms": "fall"}),
    )
    if senders:
        organisation.execute(
            "insert into sender (team_id, name, channel, address, carrier_account_id) "
            "select :t, a.name, 'sms', case a.name when 'second-sms' then '+15005550008' else '+15005550007' end, a.id "
            "from carrier_account a where a.channel = 'sms'",
            t=organisation.team_id,
        )
    waiting, loaded = organisation.received(settings={"channels": ["voice", "sms"]}), organisation.campaign(2, BOTH)
    over = organisation.campaign(1)
    organisation.execute("update campaign set state = 'cancelled' where id = :c", c=over.id)
    teams = {"own": organisation.team_id, "parent": organisation.parent_id}
    teams["other"] = organisation.query("select id from team where path = 'other'")[0].id
    accounts = {row.name: row.id for row in organisation.query("select id, name from carrier_account")}
    for each in SUSPENSIONS[named]:
        suspend_channel(
            organisation.engine,
            each["channel"],
            reason="x",
            by="test",
            team_id=teams.get(each.get("team")),
            carrier_account_id=accounts.get(each.get("account")),
            sender=each.get("sender"),
        )
    with organisation.engine.connect() as connection:
        sent: list[str] = []
        event.listen(connection, "before_cursor_execute", lambda *given: sent.append(given[2]))
        for campaign, channels in ((waiting, BOTH), (loaded, ("sms",))):
            sent.clear()
            held = held_channels(connection, campaign)
            assert len(sent) <= 2
            told = [(each.channel, {s.id for s in each.suspensions}, each.usable, each.falls) for each in held]
            assert told == by_routes(connection, campaign, channels)
        assert held_channels(connection, organisation.read(over)) == []
