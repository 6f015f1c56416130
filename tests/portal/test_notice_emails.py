"""Requests for approval and alerts reach those who may act, by emails that the carrier's stand-in takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from nightmail.access.permissions import Permission
from nightmail.audit import write_entry
from nightmail.campaigns.alerts import raise_alert
from nightmail.campaigns.approval_records import ask_for_approval
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.events.notices import ATTEMPTS, DueNotice, Told, claim_notices
from portal.account_emails import AccountEmails
from portal.web.notice_emails import notice_email, send_notices
from tests.portal.conftest import Organisation, PortalStarter
from tests.portal.web.people import make_person
from tests.support.sandbox_process import RunningCarriers, eventually

ORIGIN = "https://nightmail.acme.example"
REASON = {"reason": "approval_always", "message": "Its feed demands it."}


@pytest.fixture
def carriers(tmp_path: Path) -> Iterator[RunningCarriers]:
    running = RunningCarriers(tmp_path / "carriers")
    running.behave_well()
    yield running
    running.stop()


@pytest.fixture
def emails(
    organisation: Organisation, carriers: RunningCarriers, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AccountEmails]:
    """The organisation's own account, at the stand-in."""
    monkeypatch.setenv("TEST_SENDGRID_SECRET", carriers.told["sendgrid"]["api_key"])
    organisation.change(
        "update carrier_account set secret = 'env:TEST_SENDGRID_SECRET', settings = settings || cast(:more as jsonb) "
        "where name = 'sendgrid'",
        more=json.dumps({"base_url": carriers.base_url}),
    )
    account = AccountEmails(organisation.engine)
    yield account
    account.close()


def _ask(organisation: Organisation, maker: int, *, four_eyes: bool = True) -> CampaignRow:
    """A campaign that waits for approval, made by a person."""
    made = organisation.campaign()
    organisation.move(made, "checking", "awaiting_approval")
    if four_eyes:
        organisation.change("update team set settings = '{\"four_eyes\": {\"always\": true}}' where path = 'acme'")
    with organisation.engine.begin() as connection:
        write_entry(connection, actor=f"person:{maker}", action="campaign.created", subject=made.key)
        ask_for_approval(connection, get_campaign(connection, made.id), REASON, actor="test")
    return made


def _alert(organisation: Organisation, subject: str, team: str | None = "acme.billing") -> None:
    with organisation.engine.begin() as connection:
        raise_alert(
            connection,
            reason="in_doubt",
            subject=subject,
            message=f"Look at {subject}.",
            team_id=organisation.teams[team] if team else None,
        )


def _taken(carriers: RunningCarriers) -> list[tuple[str, str]]:
    """To whom emails went, each with the hash of its subject and text."""
    return sorted((row["to"], row["body_sha256"]) for row in carriers.accepted())


def _expected(organisation: Organisation, person: int, *told: Told) -> tuple[str, str]:
    """To whom an email should have gone that tells this, and its hash."""
    (row,) = organisation.rows("select name, language, email from person where id = :id", id=person)
    email = notice_email(DueNotice(person, row["name"], row["language"], (), told, row["email"]), ORIGIN)
    return email.address, sha256(f"{email.subject}\n{email.body}".encode()).hexdigest()


def _about(subject: str) -> Told:
    return Told("acme.billing", None, f"Look at {subject}.")


def test_a_request_reaches_who_may_approve_it_and_deputies_once(
    organisation: Organisation, carriers: RunningCarriers, emails: AccountEmails
) -> None:
    engine = organisation.engine
    maker = make_person(engine, Permission.CAMPAIGN_APPROVE, name="Ann")
    other = make_person(engine, Permission.CAMPAIGN_APPROVE, name="Ben", language="de")
    make_person(engine, Permission.CAMPAIGN_APPROVE, name="Cleo", team="acme.care")
    make_person(engine, Permission.ALERT_CLOSE, name="Dan")
    deputy, deputy_of_maker = make_person(engine, name="Eve"), make_person(engine, name="Finn")
    for person, instead in ((other, deputy), (maker, deputy_of_maker)):
        organisation.change(
            "update person set deputy_id = :deputy, deputy_until = now() + interval '1 day' where id = :id",
            deputy=instead,
            id=person,
        )
    campaign = _ask(organisation, maker)
    assert send_notices(engine, emails, ORIGIN) == 2
    told = Told("acme.billing", campaign.key, None)
    assert _taken(carriers) == sorted(_expected(organisation, person, told) for person in (other, deputy))
    assert send_notices(engine, emails, ORIGIN) == 0
    entries = organisation.rows("select object, detail from audit where action = 'person.told' order by object")
    assert [row["object"] for row in entries] == sorted(f"person:{person}" for person in (other, deputy))
    assert entries[0]["detail"] == {"approvals": 1, "alerts": 0}


def test_where_nobody_else_is_demanded_the_maker_is_told_too(
    organisation: Organisation, carriers: RunningCarriers, emails: AccountEmails
) -> None:
    maker = make_person(organisation.engine, Permission.CAMPAIGN_APPROVE)
    _ask(organisation, maker, four_eyes=False)
    assert send_notices(organisation.engine, emails, ORIGIN) == 1


def test_alerts_come_in_one_email_a_quarter_of_an_hour(
    organisation: Organisation, carriers: RunningCarriers, emails: AccountEmails
) -> None:
    engine = organisation.engine
    closer = make_person(engine, Permission.ALERT_CLOSE)
    make_person(engine, Permission.ALERT_SEE)
    for subject in ("one", "two"):
        _alert(organisation, subject)
    _alert(organisation, "of the whole", team=None)
    assert send_notices(engine, emails, ORIGIN) == 1
    first = _expected(organisation, closer, _about("one"), _about("two"))
    assert _taken(carriers) == [first]
    for subject in ("three", "over"):
        _alert(organisation, subject)
    assert send_notices(engine, emails, ORIGIN) == 0
    organisation.change("update alert set resolved_at = now() where subject = 'over'")
    organisation.change("update notice set claimed_at = claimed_at - interval '16 minutes'")
    assert send_notices(engine, emails, ORIGIN) == 1
    assert _taken(carriers) == sorted([first, _expected(organisation, closer, _about("three"))])


def test_one_that_fails_stops_no_other_and_is_tried_again_a_few_times(
    organisation: Organisation, carriers: RunningCarriers, emails: AccountEmails
) -> None:
    engine = organisation.engine
    people = [make_person(engine, Permission.ALERT_CLOSE, name=name) for name in ("Ann", "Ben")]
    organisation.change("update person set email = 'no address' where id = :id", id=people[0])
    _alert(organisation, "one")
    assert send_notices(engine, emails, ORIGIN) == 1
    assert [address for address, _ in _taken(carriers)] == [_expected(organisation, people[1])[0]]
    for _ in range(ATTEMPTS + 2):
        organisation.change("update notice set claimed_at = claimed_at - interval '16 minutes'")
        assert send_notices(engine, emails, ORIGIN) == 0
    assert organisation.rows("select attempts from notice where sent_at is null") == [{"attempts": ATTEMPTS}]


def test_nothing_is_claimed_without_an_account_or_beside_another_portal(
    organisation: Organisation, emails: AccountEmails, carriers: RunningCarriers
) -> None:
    engine = organisation.engine
    make_person(engine, Permission.ALERT_CLOSE)
    _alert(organisation, "one")
    organisation.change("update carrier_account set active = false where name = 'sendgrid'")
    assert send_notices(engine, emails, ORIGIN) == 0
    organisation.change("update carrier_account set active = true where name = 'sendgrid'")
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(hashtext('nightmail.notices'))"))
        assert claim_notices(engine) == []
    assert organisation.rows("select * from notice") == []
    assert send_notices(engine, emails, ORIGIN) == 1
    told: list[Any] = organisation.rows("select * from notice where sent_at is not null")
    assert len(told) == 1


def test_a_running_portal_tells_by_itself(
    organisation: Organisation, carriers: RunningCarriers, emails: AccountEmails, start_portal: PortalStarter
) -> None:
    closer = make_person(organisation.engine, Permission.ALERT_CLOSE)
    _alert(organisation, "one")
    start_portal()
    eventually(lambda: organisation.rows("select * from notice where sent_at is not null"), timeout_s=60)
    assert [row["to"] for row in carriers.accepted()] == [_expected(organisation, closer)[0]]


def test_an_email_says_what_waits_where_and_how_many_more() -> None:
    told = (*(Told("acme", f"campaign-{number}", None) for number in range(32)), Told("", None, "The disk is full."))
    email = notice_email(DueNotice(1, "Ada", "en", (), told, "ada@acme.example"), ORIGIN)
    assert email.subject == "Nightmail: approval needed" and email.address == "ada@acme.example"
    for said in ("Hello Ada,", "32 campaigns wait", "- campaign-0 (acme)", "- and 2 more", f"{ORIGIN}/approvals"):
        assert said in email.body
    assert "- The disk is full." in email.body and "campaign-31" not in email.body
