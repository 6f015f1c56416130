"""The sandbox's accounts end beside a real one, or when a person says so; what was made for it reaches nobody by itself."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.campaigns.creation import create_campaign
from nightmail.campaigns.transitions import move_campaign
from nightmail.errors import UsageError
from nightmail.message_ids import MessageId
from nightmail.organisation.carrier_accounts import carrier_accounts, reporting_accounts
from nightmail.organisation.routes import routes_of_team
from nightmail.organisation.sandbox_accounts import sandbox_accounts, sandbox_use
from nightmail.provisioning import Change, parse_organisation, plan, provision
from nightmail.provisioning.organisation import CarrierAccountPart, SftpServerPart
from nightmail.provisioning.sandbox import is_sandbox_wanted, provision_sandbox, switch_off, switch_on
from nightmail.sending.doubt_lookup import resolve_in_doubt
from nightmail.store.partitions import ensure_partitions, month_of
from nightmail.store.states import CampaignState
from resources.carriers import CARRIERS
from tests.provisioning.test_provisioning import TEMPLATE, organisation

SANDBOX_SMS, SANDBOX_VOICE, SANDBOX_EMAIL = "sandbox-sms", "sandbox-voice", "sandbox-email"


def bring_in(engine: Engine, folder: Path, port: int = 1) -> None:
    """What `up` does once the sandbox's processes say where they listen."""
    accounts = tuple(
        CarrierAccountPart(
            name=f"sandbox-{channel}",
            adapter=f"{carrier}_{channel}",
            carrier=carrier,
            channel=channel,
            account="AC" + "5a" * 16,
            base_url=f"http://127.0.0.1:{port}",
            sandbox=True,
            priority=9,
            secret="env:SANDBOX_SECRET",
            webhook_secret="env:SANDBOX_SECRET",
        )
        for carrier, channel in (("twilio", "sms"), ("twilio", "voice"), ("sendgrid", "email"))
    )
    server = SftpServerPart(
        name="sandbox", host="127.0.0.1", port=port, username="x", password_secret="env:X", host_key="ssh-ed25519 AAAA"
    )
    provision_sandbox(engine, server, accounts, folder, "up")


def in_the_sandbox() -> dict[str, Any]:
    """The organisation with its sender and its folder at the sandbox."""
    content = organisation()
    content["carrier_accounts"], content["sftp_servers"] = [], []
    content["senders"][0]["carrier_account"] = SANDBOX_SMS
    content["feeds"][0]["sftp_server"] = "sandbox"
    return content


def with_a_real_account(team: str | None = None) -> dict[str, Any]:
    content = in_the_sandbox()
    content["carrier_accounts"] = organisation()["carrier_accounts"]
    content["carrier_accounts"][0]["team"] = team
    content["senders"][0]["carrier_account"] = "twilio"
    return content


def parsed(content: dict[str, Any]) -> Any:
    return parse_organisation(content, "org", CARRIERS.adapters)


def on(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        assert {a.name for a in carrier_accounts(connection) if a.settings.get("sandbox")} == {
            account.name for account in sandbox_accounts(connection) if account.on
        }
        return {account.name for account in sandbox_accounts(connection) if account.on}


def rows(engine: Engine, query: str, **values: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(query), values).all())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "invoice_due.yaml").write_text(TEMPLATE)
    return tmp_path


@pytest.fixture
def deployment(database: Engine, folder: Path) -> Engine:
    """An organisation that was tried in the sandbox."""
    with database.begin() as connection:
        ensure_partitions(connection, month_of(dt.datetime.now(dt.UTC)))
    bring_in(database, folder)
    provision(database, parsed(in_the_sandbox()), folder, "tester")
    return database


def campaign(engine: Engine, state: str, message: str | None = None, account: str = SANDBOX_SMS) -> str:
    """A campaign of text messages in a state, with one message in a state; its key."""
    with engine.begin() as connection:
        team, feed, version, category = connection.execute(
            text(
                "select f.team_id, f.id, v.id, p.category_id from feed f join template p on p.id = f.template_id "
                "join template_version v on v.template_id = p.id"
            )
        ).one()
        made = create_campaign(
            connection,
            team_id=team,
            feed_id=feed,
            template_version_id=version,
            category_id=category,
            source="api",
            actor="t",
        )
        for step in {"received": (), "checking": ("checking",)}.get(state, ("checking", state)):
            move_campaign(connection, made.id, CampaignState(step), actor="t")
        if message is not None:
            month = month_of(dt.datetime.now(dt.UTC))
            connection.execute(
                text("update campaign set ledger_month = :month, loaded_at = now() where id = :id"),
                {"month": month, "id": made.id},
            )
            connection.execute(
                text(
                    "insert into message (ledger_month, message_key, campaign_id, line, channel, step, state, due_at, "
                    "contact_id, address_hash, country, language, segments, attempts, handed_off_at, carrier_account_id) "
                    "select :month, :key, :campaign, 2, 'sms', 0, :state, now(), repeat('0', 32), 'x', 'GB', 'en', 1, 1, "
                    "case when :state = 'accepted' then now() end, case when :state <> 'queued' then id end "
                    "from carrier_account where name = :account"
                ),
                {
                    "month": month,
                    "key": MessageId(made.token, 2, "sms", 0).key(made.id),
                    "campaign": made.id,
                    "state": message,
                    "account": account,
                },
            )
    return made.key


def state(engine: Engine, key: str) -> CampaignState:
    with engine.connect() as connection:
        return get_campaign(connection, key).state


def retired(changes: tuple[Change, ...]) -> dict[str, str]:
    return {change.name: "; ".join(change.details) for change in changes if change.action == "retire"}


def test_a_real_account_ends_the_sandbox_for_its_channel_alone(deployment: Engine, folder: Path) -> None:
    assert on(deployment) == {SANDBOX_SMS, SANDBOX_VOICE, SANDBOX_EMAIL}
    planned = plan(deployment, parsed(with_a_real_account()), folder)
    assert set(retired(planned)) == {SANDBOX_SMS}
    assert on(deployment) == {SANDBOX_SMS, SANDBOX_VOICE, SANDBOX_EMAIL}

    outcome = provision(deployment, parsed(with_a_real_account()), folder, "tester")

    assert outcome.changes == planned
    assert on(deployment) == {SANDBOX_VOICE, SANDBOX_EMAIL}
    with deployment.connect() as connection:
        assert SANDBOX_SMS not in {account.name for account in reporting_accounts(connection)}
        (route,) = routes_of_team(connection, "acme.billing", "sms")
        assert route.account.name == "twilio"
        use = sandbox_use(connection)
    assert (use.channels, use.labels) == (("email", "voice"), ("Email", "Call"))
    assert "Email, Call" in use.sentences[0]
    assert not provision(deployment, parsed(with_a_real_account()), folder, "tester").changed
    assert rows(deployment, "select action from audit where object = 'carrier account sandbox-sms' order by id")[
        -1
    ] == ("provision.retire",)


def test_another_teams_account_ends_it_too(deployment: Engine, folder: Path) -> None:
    """The secret proves nothing any more; a team without an account of its own waits instead of sending to nobody."""
    content = with_a_real_account("acme.berlin")
    content["senders"] = []
    provision(deployment, parsed(content), folder, "tester")
    assert SANDBOX_SMS not in on(deployment)
    with deployment.connect() as connection:
        assert routes_of_team(connection, "acme.billing", "sms") == []


def test_up_leaves_off_what_is_off(deployment: Engine, folder: Path) -> None:
    provision(deployment, parsed(with_a_real_account()), folder, "tester")
    bring_in(deployment, folder, port=2)
    assert on(deployment) == {SANDBOX_VOICE, SANDBOX_EMAIL}
    assert rows(
        deployment, "select distinct settings ->> 'base_url' from carrier_account where name like 'sandbox%'"
    ) == [("http://127.0.0.1:2",)]
    switch_off(deployment, actor="tester", feeds_may_stay=True)
    bring_in(deployment, folder, port=3)
    assert on(deployment) == set()
    with deployment.connect() as connection:
        assert not is_sandbox_wanted(connection)
        assert connection.scalar(text("select active from sftp_server where name = 'sandbox'")) is False


def test_up_brings_it_in_only_where_nothing_is_configured(database: Engine, folder: Path) -> None:
    with database.connect() as connection:
        assert is_sandbox_wanted(connection)
    provision(database, parsed(organisation()), folder, "tester")
    with database.connect() as connection:
        assert not is_sandbox_wanted(connection)


def test_even_a_row_that_is_active_proves_nothing_beside_a_real_one(deployment: Engine, folder: Path) -> None:
    """As after a restore of an old backup into a deployment with carriers."""
    provision(deployment, parsed(with_a_real_account()), folder, "tester")
    with deployment.begin() as connection:
        connection.exec_driver_sql("update carrier_account set active = true")
    assert on(deployment) == {SANDBOX_VOICE, SANDBOX_EMAIL}


@pytest.mark.parametrize("by", ["a real account", "a person", "a person for the channel"])
def test_what_was_made_for_the_sandbox_goes_to_nobody_by_itself(deployment: Engine, folder: Path, by: str) -> None:
    """Paused where it was going on, stopped where it was being prepared, and an alert names both."""
    keys = {
        "sending": campaign(deployment, "sending", "queued"),
        "scheduled": campaign(deployment, "scheduled", "queued"),
        "received": campaign(deployment, "received"),
        "checking": campaign(deployment, "checking"),
        "awaiting_approval": campaign(deployment, "awaiting_approval", "queued"),
        "handed over": campaign(deployment, "sending", "accepted"),
    }
    if by == "a real account":
        planned = plan(deployment, parsed(with_a_real_account()), folder)
        assert state(deployment, keys["sending"]) is CampaignState.SENDING
        changes = provision(deployment, parsed(with_a_real_account()), folder, "tester").changes
        assert changes == planned
    else:
        channel = "sms" if by == "a person for the channel" else None
        changes = switch_off(deployment, actor="tester", channel=channel, feeds_may_stay=True)
    assert {name: state(deployment, key) for name, key in keys.items()} == {
        "sending": CampaignState.PAUSED,
        "scheduled": CampaignState.PAUSED,
        "received": CampaignState.STOPPED,
        "checking": CampaignState.STOPPED,
        "awaiting_approval": CampaignState.AWAITING_APPROVAL,
        "handed over": CampaignState.SENDING,
    }
    details = retired(changes)[SANDBOX_SMS]
    assert keys["sending"] in details and keys["received"] in details and keys["handed over"] not in details
    assert "1 messages that it took" in details
    (alert,) = rows(deployment, "select reason, message from alert where resolved_at is null")
    assert alert.reason == "sandbox_ended" and keys["scheduled"] in alert.message
    (problem,) = rows(deployment, "select problem from campaign where key = :key", key=keys["received"])
    assert problem[0]["reason"] == "sandbox_ended"


def test_campaigns_of_other_channels_go_on(deployment: Engine) -> None:
    sending, received = campaign(deployment, "sending", "queued"), campaign(deployment, "received")
    switch_off(deployment, actor="tester", channel="email")
    assert (state(deployment, sending), state(deployment, received)) == (CampaignState.SENDING, CampaignState.RECEIVED)
    assert rows(deployment, "select 1 from alert") == []


def test_a_doubt_at_the_sandbox_is_settled_when_it_is_off(deployment: Engine) -> None:
    """It is certain that nobody got it: failed, and never sent again by itself."""
    campaign(deployment, "sending", "in_doubt")

    def never(account: Any) -> Any:
        raise AssertionError(account)

    switch_off(deployment, actor="tester", channel="sms")
    assert resolve_in_doubt(deployment, never).left == 0
    assert rows(deployment, "select state, reason from message") == [("failed", "sandbox_off")]


def test_feeds_on_its_server_are_named_before_it_goes(deployment: Engine, folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        switch_off(deployment, actor="tester")
    assert caught.value.reason == "sandbox_feeds"
    assert "acme.billing.arrears/invoices (/acme/invoices)" in caught.value.message
    assert on(deployment) == {SANDBOX_SMS, SANDBOX_VOICE, SANDBOX_EMAIL}

    moved = in_the_sandbox()
    moved["sftp_servers"] = organisation()["sftp_servers"]
    moved["feeds"][0]["sftp_server"] = "files"
    provision(deployment, parsed(moved), folder, "tester")
    assert set(retired(switch_off(deployment, actor="tester"))) == {
        SANDBOX_SMS,
        SANDBOX_VOICE,
        SANDBOX_EMAIL,
        "sandbox",
    }
    assert switch_off(deployment, actor="tester") == ()


def test_it_comes_on_again_but_never_beside_a_real_account(deployment: Engine, folder: Path) -> None:
    provision(deployment, parsed(with_a_real_account()), folder, "tester")
    with pytest.raises(UsageError) as caught:
        switch_on(deployment, actor="tester", channel="sms")
    assert caught.value.reason == "sandbox_beside_real" and "twilio" in caught.value.message
    switch_off(deployment, actor="tester", feeds_may_stay=True)
    switch_on(deployment, actor="tester", channel="email")
    assert on(deployment) == {SANDBOX_EMAIL}
    switch_on(deployment, actor="tester")
    assert on(deployment) == {SANDBOX_EMAIL, SANDBOX_VOICE}
    with deployment.connect() as connection:
        assert is_sandbox_wanted(connection)
        assert connection.scalar(text("select active from sftp_server where name = 'sandbox'")) is True


def test_without_a_sandbox_there_is_none_to_switch_on(database: Engine) -> None:
    with pytest.raises(UsageError) as caught:
        switch_on(database, actor="tester")
    assert caught.value.reason == "sandbox_missing"
    assert switch_off(database, actor="tester") == ()
