"""Templates on the portal: versions compared, the way back, and previews that show nothing to who may not see it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from nightmail.access.permissions import Permission
from tests.portal.conftest import Organisation
from tests.portal.web import sample_files as files
from tests.portal.web import sample_templates as samples
from tests.portal.web.conftest import SignedInWindow, SignIn

SEES = Permission.TEMPLATE_SEE


def test_an_earlier_version_is_taken_again_once_and_a_stale_page_is_told(
    organisation: Organisation, sign_in: SignIn
) -> None:
    number = samples.template_of_versions(organisation.engine, restored=False)
    ann, ben = (sign_in(SEES, Permission.TEMPLATE_PUBLISH, name=name) for name in ("Ann", "Ben"))
    address = f"/templates/{number}/versions/1/restore"
    forms = [dict(re.findall(r'name="(csrf|seen)" value="([^"]*)"', each.get(address).text)) for each in (ann, ben)]
    done = ann.post(address, data=forms[0])
    assert (done.status_code, done.headers["location"]) == (303, f"/templates/{number}")
    page = ann.get(f"/templates/{number}").text
    assert "Version 1 is in force again, as version 3." in page and "version 1 again" in page and ">Ann<" in page
    stale = ben.post(address, data=forms[1])
    assert stale.status_code == 422 and "Another version of the template reminder came meanwhile" in stale.text
    again = ben.post(address, data=forms[1] | {"seen": "3"})
    assert again.status_code == 422 and "says the same" in again.text
    rows = organisation.rows("select actor, detail from audit where action = 'template.restored'")
    person = organisation.rows("select id from person where name = 'Ann'")[0]["id"]
    assert rows == [{"actor": f"person:{person}", "detail": {"restores": 1}}]


def test_who_may_not_publish_is_not_asked_and_other_teams_templates_are_not_there(
    organisation: Organisation, sign_in: SignIn
) -> None:
    number = samples.template_of_versions(organisation.engine)
    reader = sign_in(SEES)
    page = reader.get(f"/templates/{number}").text
    assert "/restore" not in page and "/compare" in page
    assert reader.get(f"/templates/{number}/versions/1/restore").status_code == 404
    # Who may publish elsewhere sees the template of the top team neither.
    below = sign_in(SEES, Permission.TEMPLATE_PUBLISH, team="acme.care")
    for path in (
        "",
        "/compare?earlier=1&later=2",
        "/versions/1",
        "/versions/1/restore",
        "/versions/1/email?language=en",
    ):
        assert below.get(f"/templates/{number}{path}").status_code == 404, path
    assert "reminder" not in below.get("/templates").text + below.get("/templates.csv").text
    form = {"csrf": re.findall(r'name="csrf" value="([^"]*)"', below.get("/templates").text)[0], "seen": "3"}
    assert below.post(f"/templates/{number}/versions/2/restore", data=form).status_code == 404


def test_words_that_changed_are_marked_for_everybody(organisation: Organisation, sign_in: SignIn) -> None:
    number = samples.template_of_versions(organisation.engine)
    client = sign_in(SEES)
    page = client.get(f"/templates/{number}/compare?earlier=1&later=2").text
    assert "Text message, en: text" in page
    assert re.search(r"<ins><span class=\"hidden-text\">added: </span>[^<]*soon", page)
    assert "They say the same" in client.get(f"/templates/{number}/compare?earlier=1&later=3").text
    assert client.get(f"/templates/{number}/compare?earlier=1&later=99").status_code == 404


def test_a_preview_takes_ones_own_values_and_shows_them_as_they_would_be_sent(
    organisation: Organisation, sign_in: SignIn
) -> None:
    number = samples.template_of_versions(organisation.engine)
    client = sign_in(SEES)
    address = f"/templates/{number}/versions/2"
    page = client.get(address, params={"value.first_name": "<b>Zo\u00eb</b>", "value.amount": "1250"})
    assert page.status_code == 200 and "frame-src 'self'" in page.headers["content-security-policy"]
    assert "&lt;b&gt;Zo\u00eb&lt;/b&gt;" in page.text and "<b>Zo" not in page.text
    assert "dearer alphabet" in page.text and "Spoken in" in page.text
    source = re.findall(r'<iframe[^>]* src="([^"]*)"', page.text)[0].replace("&amp;", "&")
    frame = client.get(source)
    assert frame.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert frame.headers["cache-control"] == "no-store" and frame.headers["x-frame-options"] == "SAMEORIGIN"
    assert "Dear &lt;b&gt;Zo\u00eb&lt;/b&gt;" in frame.text and "nightmail.invalid" in frame.text
    wrong = client.get(address, params={"value.day": "tomorrow"})
    assert wrong.status_code == 422 and "Give a date such as 2027-01-15." in wrong.text
    assert client.get(f"{address}/email?language=xx").status_code == 404


def test_rows_of_a_file_are_for_who_may_see_them_and_each_look_is_recorded(
    organisation: Organisation, sign_in: SignIn
) -> None:
    upload = files.upload_address(organisation.engine).rpartition("/")[2]
    address = f"/templates/{files.feed_of(organisation.engine).template_id}/versions/1"
    allowed = sign_in(SEES, Permission.FILE_SEE, Permission.PERSONAL_SEE)
    assert "visits.csv" in allowed.get(address).text
    page = allowed.get(f"{address}?upload={upload}&row=1").text
    assert "Your visit is at 10:30." in page and "line 4" in page
    looks = organisation.rows("select detail from audit where action = 'personal.seen'")
    assert looks == [{"detail": {"people": 1, "shown": ["body", "name"]}}]
    for closed in (sign_in(SEES, Permission.FILE_SEE), sign_in(SEES, Permission.PERSONAL_SEE)):
        assert "visits.csv" not in closed.get(address).text
        assert closed.get(f"{address}?upload={upload}&row=1").status_code == 404
    assert allowed.get(f"{address}?upload={upload}&row=99").status_code == 404
    assert allowed.get(f"{address}?upload=999999").status_code == 404


@pytest.mark.needs_program("chromium")
def test_an_email_is_shown_in_its_frame_and_can_do_nothing(
    organisation: Organisation, signed_in_window: SignedInWindow
) -> None:
    opened = signed_in_window(role="author", team="acme")
    page = opened.open(samples.preview_address(organisation.engine))
    body = page.frame_locator("iframe.email")
    expect(body.get_by_role("heading", name="Dear Anna")).to_be_visible()
    assert opened.said == []
