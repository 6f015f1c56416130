"""Uploading by the portal: taken once, bounded as the API is, checked without a trace, corrected by the reject file."""

from __future__ import annotations

import csv
import re
from io import StringIO
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from nightmail.access.permissions import Permission
from tests.portal.conftest import Organisation, PortalStarter, RunningPortal
from tests.portal.web import sample_files as files
from tests.portal.web.conftest import SignedInWindow, SignIn
from tests.portal.web.people import make_person, session_of

SEES = (Permission.FILE_UPLOAD, Permission.FILE_SEE)


def _form(client: httpx.Client, address: str) -> dict[str, str]:
    """The hidden fields of the form at an address."""
    page = client.get(address)
    assert page.status_code == 200, page.text
    form = page.text[page.text.index('id="upload"') :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


def _send(
    client: httpx.Client, fields: dict[str, str], content: str = files.ROWS, name: str = "visits.csv"
) -> httpx.Response:
    values = {"action": "upload", **fields}
    return client.post("/uploads/new", data=values, files={"file": (name, content.encode(), "text/csv")})


def test_a_form_sent_twice_is_taken_once_and_a_changed_one_again(organisation: Organisation, sign_in: SignIn) -> None:
    client = sign_in(*SEES, name="Ulla")
    fields = _form(client, files.upload_form_address(organisation.engine))
    first, second = _send(client, fields), _send(client, fields)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"] == second.headers["location"]
    assert [row["source"] for row in organisation.rows("select source from campaign")] == ["portal"]
    page = client.get(first.headers["location"]).text
    assert "Being checked" in page and "hx-get" in page and "Ulla" in page
    made = organisation.rows("select actor from audit where action = 'campaign.created'")
    person = organisation.rows("select id from person where name = 'Ulla'")[0]["id"]
    assert made == [{"actor": f"person:{person}"}]
    # The same form with another file is another upload; the same content by a new form is not.
    assert _send(client, fields, files.ROWS + "1009,+491701234599,,12:00\n").status_code == 303
    again = _send(client, _form(client, files.upload_form_address(organisation.engine)))
    assert again.status_code == 422 and "was taken before, as campaign" in again.text and 'name="again"' in again.text
    on_purpose = _send(client, _form(client, files.upload_form_address(organisation.engine)) | {"again": "yes"})
    assert on_purpose.status_code == 303
    assert len(organisation.rows("select from campaign")) == 3


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        ("", "", "Choose a file."),
        ("", "empty.csv", "The file is empty."),
        ("%PDF-1.7\n" + "x" * 100, "due.csv", "looks like a PDF document"),
        (files.ROWS + "x" * 3_000, "large.csv", "the limit is 2000"),
    ],
)
def test_what_cannot_be_taken_is_told_at_its_field_and_leaves_nothing(
    organisation: Organisation, start_portal: PortalStarter, tmp_path: Path, content: str, name: str, told: str
) -> None:
    portal = start_portal(maximum_file_bytes=2_000)
    with httpx.Client(base_url=portal.url, trust_env=False, headers={"Accept": "text/html"}) as client:
        person = make_person(organisation.engine, *SEES)
        client.cookies.set("nightmail_session", session_of(organisation.engine, person))
        fields = _form(client, files.upload_form_address(organisation.engine))
        answer = _send(client, fields | {"at": "2027-05-01T10:00"}, content, name)
    assert answer.status_code == 422 and told in answer.text
    assert '<a href="#field-file">' in answer.text and 'value="2027-05-01T10:00"' in answer.text
    assert organisation.rows("select from received_file") == []
    assert [path for path in portal.settings.incoming_dir.rglob("*") if path.is_file()] == []


def test_a_form_of_another_session_or_from_elsewhere_takes_nothing(
    organisation: Organisation, portal: RunningPortal, sign_in: SignIn
) -> None:
    client = sign_in(*SEES)
    fields = _form(client, files.upload_form_address(organisation.engine))
    assert _send(client, fields | {"csrf": "0" * 64}).status_code == 403
    elsewhere = client.post(
        "/uploads/new",
        data=fields,
        files={"file": ("a.csv", b"phone\n1\n")},
        headers={"Origin": "https://evil.example"},
    )
    assert elsewhere.status_code == 403
    for damaged in ("multipart/form-data; boundary=B", "multipart/form-data"):
        answer = client.post("/uploads/new", content=b"--B\r\nx", headers={"Content-Type": damaged})
        assert answer.status_code == 403
    assert client.post("/uploads/new", data=fields).status_code == 403
    assert organisation.rows("select from received_file") == []
    assert [path for path in portal.settings.incoming_dir.rglob("*") if path.is_file()] == []


def test_check_only_keeps_nothing_and_says_what_would_happen(
    organisation: Organisation, portal: RunningPortal, sign_in: SignIn
) -> None:
    client = sign_in(*SEES, Permission.PERSONAL_SEE)
    fields = _form(client, files.upload_form_address(organisation.engine))
    answer = _send(client, fields | {"action": "check"})
    assert answer.status_code == 200
    assert "Checked: nothing was sent" in answer.text and "ben@example" in answer.text
    assert "It would wait for somebody" in answer.text
    assert organisation.rows("select from received_file") == [] == organisation.rows("select from campaign")
    assert [path for path in portal.settings.incoming_dir.rglob("*") if path.is_file()] == []


def test_a_start_is_read_by_the_teams_clock_and_one_that_is_over_is_told(
    organisation: Organisation, sign_in: SignIn
) -> None:
    organisation.change("update team set time_zone = 'America/New_York'")
    client = sign_in(*SEES)
    fields = _form(client, files.upload_form_address(organisation.engine))
    over = _send(client, fields | {"at": "2020-01-01T10:00", "send_in": "team"})
    assert over.status_code == 422 and '<a href="#field-at">' in over.text and "it is over" in over.text
    assert _send(client, fields | {"at": "2030-01-01T10:00", "send_in": "team"}).status_code == 303
    (row,) = organisation.rows("select scheduled_at at time zone 'UTC' as at, start_stated from campaign")
    assert (f"{row['at']:%Y-%m-%dT%H:%M}", row["start_stated"]) == ("2030-01-01T15:00", True)


def test_the_reject_file_is_taken_corrected_and_given_back(organisation: Organisation, sign_in: SignIn) -> None:
    address = files.upload_address(organisation.engine)
    client = sign_in(*SEES, Permission.PERSONAL_SEE)
    page = client.get(address).text
    assert "12345" in page and f"{address}/rejects.csv" in page
    answer = client.get(f"{address}/rejects.csv")
    rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [(row["external_id"], row["nightmail_line"]) for row in rows] == [("1002", "3"), ("1004", "6")]
    looks = organisation.rows("select detail from audit where action = 'personal.seen' order by id")
    assert [look["detail"]["people"] for look in looks] == [3, 2]
    corrected = answer.content.decode("utf-8-sig").replace("12345", "+491701234511")
    number = address.rpartition("/")[2]
    given = _send(client, _form(client, f"/uploads/new?corrects={number}"), corrected, "corrected.csv")
    assert given.status_code == 303
    assert f'href="{given.headers["location"]}"' in client.get(address).text
    assert f'href="{address}"' in client.get(given.headers["location"]).text


def test_without_personal_data_a_page_has_lines_and_reasons_and_no_values(
    organisation: Organisation, sign_in: SignIn
) -> None:
    address = files.upload_address(organisation.engine)
    client = sign_in(*SEES, Permission.CAMPAIGN_SEE)
    page = client.get(address).text
    assert "is not a valid email address" in page and "hidden" in page
    assert "ben@example<" not in page and "12345" not in page and "rejects.csv" not in page
    assert client.get(f"{address}/rejects.csv").status_code == 404
    assert organisation.rows("select from audit where action = 'personal.seen'") == []


def test_other_teams_files_and_feeds_are_not_there(organisation: Organisation, sign_in: SignIn) -> None:
    address = files.upload_address(organisation.engine)
    stranger = sign_in(*SEES, Permission.FEED_SEE, Permission.PERSONAL_SEE, team="acme.care")
    feed = files.feed_of(organisation.engine).id
    number = address.rpartition("/")[2]
    for closed in (
        *(address, f"{address}/verdict", f"{address}/rejects.csv", f"/feeds/{feed}", f"/feeds/{feed}/sample.csv"),
        *(f"/uploads/new?feed={feed}", f"/uploads/new?corrects={number}", "/uploads/new?feed=999999", "/uploads/0x1"),
    ):
        assert stranger.get(closed).status_code in (404, 422), closed
    assert "visits.csv" not in stranger.get("/uploads").text + stranger.get("/uploads.csv").text
    own = _form(stranger, f"/uploads/new?feed={organisation.feeds['acme.care']}")
    assert _send(stranger, own | {"feed": str(feed)}).status_code == 404
    assert _send(stranger, own | {"corrects": number}).status_code == 404
    assert len(organisation.rows("select from received_file")) == 1


def test_the_list_has_filters_and_the_same_rows_as_csv(organisation: Organisation, sign_in: SignIn) -> None:
    files.uploads_address(organisation.engine)
    client = sign_in(*SEES)

    def names(query: str) -> list[str]:
        found = client.get(f"/uploads.csv?{query}")
        rows = list(csv.DictReader(StringIO(found.content.decode("utf-8-sig"), newline="")))
        page = client.get(f"/uploads?{query}").text
        assert all(f">{row['File']}<" in page for row in rows)
        assert page.count("/uploads/") >= len(rows)
        return [row["File"] for row in rows]

    assert names("") == ["huge.csv", "next-week.csv", "again.csv", "visits.csv"]
    assert names("source=sftp") == ["huge.csv"]
    assert names("state=repeated") == ["again.csv"]
    assert names("state=awaiting_approval") == ["visits.csv"]
    assert names("search=NEXT&source=api") == ["next-week.csv"]
    assert names("team=acme.care") == []
    assert names("until=2020-01-01") == []
    assert names("mine=yes") == []
    assert client.get("/uploads?since=yesterday").status_code == 422


@pytest.mark.needs_program("chromium")
def test_a_browser_drops_a_file_sees_the_progress_and_the_verdict(
    organisation: Organisation, signed_in_window: SignedInWindow
) -> None:
    opened = signed_in_window(role="dispatcher", team="acme.billing")
    page = opened.open(files.upload_form_address(organisation.engine))
    expect(page.get_by_text("Choose it, or drop it here.")).to_be_visible()
    page.get_by_label("File", exact=True).set_input_files({"name": "empty.csv", "mimeType": "text/csv", "buffer": b""})
    page.get_by_role("button", name="Upload and send").click()
    expect(page.get_by_role("alert").first).to_contain_text("The file is empty.")
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "visits.csv", "mimeType": "text/csv", "buffer": files.ROWS.encode()}
    )
    page.get_by_role("button", name="Upload and send").click()
    expect(page.get_by_role("heading", name="visits.csv")).to_be_visible()
    expect(page.get_by_text("The file is taken.")).to_be_visible()
    with organisation.engine.connect() as connection:
        from nightmail.campaigns.campaign_rows import list_campaigns

        (campaign,) = list_campaigns(connection)
    files.judge(organisation.engine, campaign)
    # The part is asked for again until there is a verdict.
    expect(page.get_by_role("heading", name="Rows that were not taken")).to_be_visible(timeout=20_000)
    assert page.locator("[hx-trigger]").count() == 0
    assert opened.said == []
