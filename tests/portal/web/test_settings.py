"""Settings pages: what each shows of what is set up, to whom, and what can be done to webhooks there."""

from __future__ import annotations

import html
import re

import pytest

from nightmail.access.permissions import Permission
from tests.portal.conftest import Organisation, PortalStarter, RunningPortal
from tests.portal.test_webhook_calls import Listener, listener, proved
from tests.portal.web import sample_settings as setup
from tests.portal.web.conftest import SignIn
from tests.portal.web.people import make_person, session_of
from tests.support.portal_visitor import PortalVisitor
from tests.support.sandbox_process import eventually

__all__ = ["listener"]


def _text(page: str) -> str:
    """What a page's main part says, without its markup."""
    main = page.partition("<main")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


@pytest.fixture
def two_organisations(organisation: Organisation) -> Organisation:
    """A second organisation beside Acme, with a part of each kind of its own, and one account that belongs to nobody."""
    setup.filled("", organisation.engine)
    organisation.change(
        "insert into team (path, name, settings) values ('beta', 'Beta', '{\"when_suspended\": \"fall\"}')"
    )
    for statement in (
        "insert into carrier_account (name, carrier, channel, provisioned_by) values ('beta-shared', 'twilio', 'sms', 'beta')",
        "insert into sender (team_id, channel, name, address, carrier_account_id) select t.id, 'sms', 'x', '+4900beta', a.id "
        "from team t, carrier_account a where t.path = 'beta' and a.name = 'beta-shared'",
        "insert into sftp_server (name, host, username, host_key, provisioned_by) "
        "values ('beta-files', 'sftp.beta.example', 'x', 'ssh-ed25519 AAAA', 'beta')",
        "insert into price (carrier, channel, amount, currency, effective_from, provisioned_by) "
        "values ('betacom', 'sms', 1, 'EUR', '2026-01-01', 'beta')",
        "insert into category (team_id, name, kind) select id, 'beta_only', 'service' from team where path = 'beta'",
        "insert into webhook (team_id, url, events, secret) "
        "select id, 'https://hooks.beta.example', '{reply.received}', 'derived:2' from team where path = 'beta'",
    ):
        organisation.change(statement)
    return organisation


PARTS = {
    "/settings/carriers": ("acme-smtp", "beta-shared"),
    "/settings/senders": ("service@acme.example", "+4900beta"),
    "/settings/mailboxes": ("answers@acme.example", "beta-shared"),
    "/settings/sftp-servers": ("files", "beta-files"),
    "/settings/prices": ("twilio", "betacom"),
    "/settings/categories": ("flood_warning", "beta_only"),
    "/settings/teams": ("acme.billing", "beta"),
    "/settings/webhooks": ("hooks.acme.example", "hooks.beta.example"),
}


def test_parts_of_another_organisation_are_neither_shown_nor_counted(
    sign_in: SignIn, two_organisations: Organisation
) -> None:
    client = sign_in(role="organisation_administrator", team="acme")
    for address, (own, foreign) in PARTS.items():
        said = _text(client.get(address).text)
        assert own in said, address
        assert re.search(rf"(?<![\w.-]){re.escape(foreign)}", said) is None, address
    overview = _text(client.get("/settings").text)
    for counted in ("Senders 1 to look at", "SFTP servers 1 to look at"):
        assert counted in overview
    # The tests' own accounts belong to no team: with two organisations they are shown to who has the deployment as a whole.
    assert "addresses for the carrier · 1 entry" in overview
    assert client.get("/settings/health").status_code == 404
    numbers = two_organisations.rows("select id from carrier_account where name = 'beta-shared'")
    assert client.get(f"/settings/carriers/{numbers[0]['id']}").status_code == 404


def test_a_lower_team_sees_the_server_of_its_feed_and_not_what_fails_on_it_for_others(
    sign_in: SignIn, two_organisations: Organisation
) -> None:
    """It sees that the server is not reached; alerts about others' files, and the file's words of the organisation, it does not."""
    organisation = two_organisations
    organisation.change(
        "insert into alert (reason, subject, message) values ('sftp_look_failed', 'sftp:files:/care/secret.csv', 'Of care.')"
    )
    server = organisation.rows("select id from sftp_server where name = 'files'")[0]["id"]
    lower = sign_in(role="viewer", team="acme.billing").get(f"/settings/sftp-servers/{server}").text
    upper = sign_in(role="viewer", team="acme").get(f"/settings/sftp-servers/{server}").text
    assert "does not answer" in lower
    assert "Of care." not in lower
    assert "sftp_servers:" not in lower
    assert "Of care." in upper
    assert "sftp_servers:" in upper
    assert sign_in(role="viewer", team="acme.care").get(f"/settings/sftp-servers/{server}").status_code == 404


def test_an_account_says_how_it_is_and_never_a_secret(
    sign_in: SignIn, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_TWILIO_TOKEN", "the-very-secret")
    page = sign_in(role="organisation_administrator").get(setup.account(organisation.engine)).text
    said = _text(page)
    for expected in (
        "50% of its messages go over the next account",
        "The provider moves its servers.",
        "acme-smtp answered 599",
        "set from TEST_TWILIO_TOKEN",
        "missing from NOT_SET_HERE",
        "3 doubtful answers in 60 seconds",
        "acme service@acme.example default sendgrid",
        "Message number 17",
        "550 1",
    ):
        assert expected in said, expected
    assert "the-very-secret" not in page
    assert "secret: env:TEST_TWILIO_TOKEN" in page


def test_a_carrier_is_given_whole_addresses_where_the_portal_has_a_public_one(
    start_portal: PortalStarter, organisation: Organisation
) -> None:
    portal = start_portal(public_url="https://notify.acme.example")
    person = make_person(organisation.engine, role="organisation_administrator")
    account = organisation.rows("select id from carrier_account where name = 'twilio'")[0]["id"]
    visitor = PortalVisitor(portal)
    visitor.carry(session_of(organisation.engine, person))
    visitor.get(f"/settings/carriers/{account}")
    assert 'value="https://notify.acme.example/webhooks/twilio/' in visitor.page
    assert "no public address" not in visitor.page


def test_prices_say_which_countries_have_none(sign_in: SignIn, organisation: Organisation) -> None:
    client = sign_in(role="organisation_administrator")
    page = client.get(setup.prices(organisation.engine)).text
    said = _text(page)
    assert "twilio Text message All priced 1" in said
    assert re.search(r"twilio Call \d+ without 2", said)
    assert "sendgrid Email No price 0" in said
    assert re.search(r"DE US\$0\.0950? \S+ \S+ 2099 Coming", said)
    assert re.search(r"DE US\$0\.0915 \S+ \S+ 2026 Now", said)
    only = _text(client.get("/settings/prices?country=de&channel=sms").text)
    assert "all others" not in only
    organisation.change(
        "insert into price (carrier, channel, country, amount, currency, effective_from) "
        "select 'zcarrier', 'sms', chr(65 + n / 26) || chr(65 + n % 26), 1, 'USD', '2026-01-01' from generate_series(0, 119) n"
    )
    first = client.get("/settings/prices?carrier=zcarrier").text
    second = client.get(html.unescape(re.findall(r'href="([^"]+)" rel="next"', first)[0])).text
    rows = re.findall(r'<th scope="row">([A-Z]{2})</th>', first), re.findall(r'<th scope="row">([A-Z]{2})</th>', second)
    assert [len(each) for each in rows] == [50, 50]
    assert [*rows[0], *rows[1]] == sorted({*rows[0], *rows[1]})


def test_a_team_shows_what_holds_and_who_states_it(sign_in: SignIn, organisation: Organisation) -> None:
    address = setup.team(organisation.engine)
    upper = _text(sign_in(role="viewer", team="acme").get(address).text)
    assert "over_contacts: 10000" in upper
    assert "stated by acme" in upper
    assert "stated here" in upper
    lower = _text(sign_in(role="viewer", team="acme.billing").get(address).text)
    assert "When another person must approve stated by a team above" in lower
    assert "over_contacts" not in lower


@pytest.fixture
def open_portal(start_portal: PortalStarter) -> RunningPortal:
    """A portal that may call loopback."""
    return start_portal(webhook_private_addresses=True)


def test_a_webhook_is_registered_called_for_a_test_its_secret_replaced_and_ended(
    open_portal: RunningPortal, organisation: Organisation, listener: Listener
) -> None:
    """Each secret is shown once and proves the calls made under it; an ended address is called no more."""
    person = make_person(organisation.engine, role="team_administrator", team="acme.billing")
    visitor = PortalVisitor(open_portal)
    visitor.carry(session_of(organisation.engine, person))
    made = visitor.send(
        "/settings/webhooks/new",
        at="/settings/webhooks/new",
        url=listener.url,
        team="acme.billing",
        events=["campaign.finished"],
    )
    secret = _shown_secret(made.text)
    number = organisation.rows("select id from webhook")[0]["id"]
    page = f"/settings/webhooks/{number}"
    assert secret not in visitor.get(page).text
    visitor.follow(visitor.send(f"{page}/test"))
    headers, body = listener.wait(1)[0]
    assert proved(secret, headers, body)
    assert eventually(lambda: re.search(r"webhook.test Taken 204", _text(visitor.get(page).text)))

    other = _shown_secret(visitor.send(f"{page}/rotate", at=f"{page}/rotate").text)
    assert other != secret
    visitor.get(page)
    visitor.follow(visitor.send(f"{page}/test"))
    headers, body = listener.wait(2)[1]
    assert proved(other, headers, body)
    assert not proved(secret, headers, body)

    ended = visitor.follow(visitor.send(f"{page}/end", at=f"{page}/end"))
    assert "called no more" in ended.text
    again = visitor.post(f"{page}/test", csrf=visitor.csrf)
    assert (again.status_code, "is ended" in again.text) == (422, True)
    assert "Call it for a test" not in visitor.get(page).text


def _shown_secret(page: str) -> str:
    found = re.search(r'value="(whsec_[^"]+)"', page)
    assert found, _text(page)
    return html.unescape(found[1])


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("url", "http://hooks.acme.example", "begin with https://"),
        ("url", "https://10.0.0.1/x", "private network"),
        ("team", "acme.care", "not_permitted"),
        ("team", "nowhere", "not_permitted"),
        ("events", "campaign.imagined", "no event campaign.imagined"),
        ("events", "", "Tick what it shall be told of."),
    ],
)
def test_a_webhook_that_cannot_be_is_said_at_its_field_and_nothing_typed_is_lost(
    portal: RunningPortal, organisation: Organisation, field: str, value: str, sentence: str
) -> None:
    person = make_person(organisation.engine, role="team_administrator", team="acme.billing")
    visitor = PortalVisitor(portal)
    visitor.carry(session_of(organisation.engine, person))
    form = {"url": "https://hooks.acme.example/x", "team": "acme.billing", "events": "reply.received"} | {field: value}
    answer = visitor.send("/settings/webhooks/new", at="/settings/webhooks/new", **form)
    assert answer.status_code == 422
    assert f'href="#field-{field}"' in answer.text
    assert sentence == "not_permitted" or sentence in html.unescape(answer.text)
    assert form["url"] in answer.text
    assert not organisation.rows("select 1 from webhook")


def test_what_recipients_wrote_is_told_only_where_one_may_see_it(
    sign_in: SignIn, organisation: Organisation, portal: RunningPortal
) -> None:
    for permissions in ((Permission.WEBHOOK_EDIT,), (Permission.WEBHOOK_EDIT, Permission.PERSONAL_SEE)):
        visitor = PortalVisitor(portal)
        visitor.carry(session_of(organisation.engine, make_person(organisation.engine, *permissions)))
        visitor.send(
            "/settings/webhooks/new",
            at="/settings/webhooks/new",
            url="https://hooks.acme.example/x",
            team="acme",
            events=["reply.received"],
        )
    assert [row["personal"] for row in organisation.rows("select personal from webhook order by id")] == [False, True]


def test_the_overview_answers_whatever_kinds_one_may_see(sign_in: SignIn) -> None:
    for role, sees_carriers in {"viewer": False, "operator": False, "author": False, "auditor": True}.items():
        answer = sign_in(role=role).get("/settings")
        assert answer.status_code == 200, role
        assert "SFTP servers" in _text(answer.text)
        assert ("Carrier accounts" in _text(answer.text)) == sees_carriers
