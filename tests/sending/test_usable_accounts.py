"""The accounts that statements over many campaigns go by are those that messages take, beside a sandbox that is on or off."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from nightmail.campaigns.suspensions import suspend_channel
from nightmail.organisation.queries import USABLE_ACCOUNTS
from nightmail.organisation.routes import routes_of_team
from nightmail.sending.suspended_channels import suspended_channels
from tests.support.sending_rig import Organisation

_USABLE = f"""
    select a.id from campaign c join team t on t.id = c.team_id
        cross join lateral (select a.id from {USABLE_ACCOUNTS} and a.channel = 'sms') a
    where c.id = :campaign order by a.id
"""


def second_account(organisation: Organisation, *, sandbox: bool, active: bool) -> int:
    """Another account for SMS that states a sender."""
    settings = {"adapter": "twilio_sms", "sender": "+15005550009"} | ({"sandbox": True} if sandbox else {})
    organisation.execute(
        "insert into carrier_account (name, carrier, channel, settings, active) "
        "values ('second', 'twilio', 'sms', cast(:s as jsonb), :on)",
        s=json.dumps(settings),
        on=active,
    )
    return int(organisation.query("select id from carrier_account where name = 'second'")[0].id)


@pytest.mark.parametrize("first_is_sandbox", [False, True])
@pytest.mark.parametrize(("second_is_sandbox", "second_is_active"), [(False, True), (True, True), (False, False)])
@pytest.mark.parametrize("with_senders", [False, True])
def test_they_are_the_routes(
    organisation: Organisation,
    first_is_sandbox: bool,
    second_is_sandbox: bool,
    second_is_active: bool,
    with_senders: bool,
) -> None:
    if first_is_sandbox:
        organisation.change_account("sms", sandbox=True)
    second = second_account(organisation, sandbox=second_is_sandbox, active=second_is_active)
    if with_senders:
        for account, address in ((organisation.account_ids["sms"], "+15005550006"), (second, "+15005550009")):
            organisation.execute(
                "insert into sender (team_id, channel, name, address, carrier_account_id) values (:t, 'sms', :a, :a, :c)",
                t=organisation.team_id,
                a=address,
                c=account,
            )
    campaign = organisation.campaign(1, ("sms",))
    with organisation.engine.connect() as connection:
        usable = list(connection.scalars(text(_USABLE), {"campaign": campaign.id}))
        routes = sorted(route.account.id for route in routes_of_team(connection, "acme.billing", "sms"))
    assert usable == routes
    only_second = first_is_sandbox and not second_is_sandbox and second_is_active
    assert (routes == [second]) == only_second


def test_a_sandbox_that_is_off_is_no_way_round_a_suspended_account(organisation: Organisation) -> None:
    organisation.change_account("sms", sandbox=True)
    real = second_account(organisation, sandbox=False, active=True)
    organisation.execute("update team set settings = '{\"when_suspended\": \"fall\"}' where path = 'acme.billing'")
    campaign = organisation.campaign(1, ("sms", "voice"), settings={"keep_fallbacks": True})
    suspension = suspend_channel(organisation.engine, "sms", reason="x", by="test", carrier_account_id=real).id
    with organisation.engine.connect() as connection:
        (told,) = suspended_channels(connection, campaign.id)
    assert (told.channel, told.falls) == ("sms", True)
    assert tuple(told.suspensions) == (suspension,)
