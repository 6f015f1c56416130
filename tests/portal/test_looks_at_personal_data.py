"""Whoever is shown what recipients wrote or are called is in the audit log, and nobody else is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pytest

from nightmail.access.permissions import Permission
from nightmail.access.principals import system_principal
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.contacts.contact_changes import add_note, make_contact
from nightmail.contacts.groups import add_members, make_group
from nightmail.contacts.import_reading import ImportTables
from nightmail.lake import Lake
from nightmail.lake.schemas import REJECTS
from nightmail.preparation.stage_tables import StageTables
from nightmail.privacy import address_hash, contact_ids
from portal.api.rights import SHOWS_PERSONAL_DATA
from tests.portal.conftest import SECRET_KEY, Organisation, RunningPortal

Route = tuple[str, str]
NUMBER, SAID, OWN_ID = "+4915112345678", "my ward is 7", "EXT-OF-ANN-1"


@pytest.fixture
def campaign(organisation: Organisation, portal: RunningPortal) -> CampaignRow:
    """A campaign with two replies, of one of which nothing is kept, and two rejects of one row."""
    made = organisation.campaign()
    organisation.message(made, address=NUMBER)
    for key, said in (("e1", SAID), ("e2", None)):
        organisation.change(
            "insert into reply (event_key, team_id, campaign_id, channel, kind, address, address_hash, sent_to, text, "
            "received_at) values (:key, :team, :campaign, 'sms', 'text', :number, 'h', '+15005550006', :said, now())",
            key=key,
            team=organisation.teams["acme.billing"],
            campaign=made.id,
            number=NUMBER,
            said=said,
        )
    organisation.change(
        "insert into contact (id, team_id, contact_id, external_id) overriding system value values (7, :team, 'c7', :id)",
        team=organisation.teams["acme.billing"],
        id=OWN_ID,
    )
    organisation.change(
        "insert into distribution_list (id, team_id, name, changed_by) overriding system value values (5, :team, 'x', 'x')",
        team=organisation.teams["acme.billing"],
    )
    organisation.change("insert into list_entry (list_id, kind, target_id) values (5, 'contact', 7)")
    organisation.change(
        "insert into contact_import (id, team_id, source, mode, name, size, sha256, state, created_by) "
        "overriding system value values (9, :team, 'api', 'add', 'visits.csv', 1, '', 'checked', 'x')",
        team=organisation.teams["acme.billing"],
    )
    with organisation.engine.begin() as connection:
        by = system_principal("test")
        stated = {"external_id": "C-1", "phone": NUMBER}
        contact = make_contact(connection, by=by, team="acme.billing", stated=stated, key=SECRET_KEY.encode())
        add_note(connection, contact, f"Rings from {NUMBER}", by=by)
        group = make_group(connection, by=by, team="acme.billing", name="Board")
        add_members(connection, group, [contact.id], by=by)
    tables = StageTables.of_campaign(Lake(portal.settings.lake), made.key)
    of_import = ImportTables.of_import(Lake(portal.settings.lake), 9)
    source = portal.settings.data_dir / "visits.csv"
    source.write_text(f"external_id,phone,time\n1,{NUMBER},9\n2,12,\n")
    from nightmail.contact_files import ReadOptions, read_contact_file
    from nightmail.lake import TableFile

    read_contact_file(source, tables.contact_file, ReadOptions(rejects=TableFile(f"{source}.rejects")))
    rejects = [
        {"line": 3, "column": column, "value": value, "reason": reason, "message": "It is not valid."}
        for column, value, reason in (("phone", "12", "phone_invalid"), ("time", "", "value_missing"))
    ]
    tables.rejects.write(pa.Table.from_pylist(rejects, REJECTS))
    of_import.rejects.write(pa.Table.from_pylist(rejects, REJECTS))
    read_contact_file(source, of_import.contact_file, ReadOptions(rejects=TableFile(f"{source}.rejects")))
    return made


LOOKS: Mapping[Route, Callable[[CampaignRow, int], tuple[str, dict[str, Any]]]] = {
    ("GET", "/v1/replies"): lambda _, reply: (f"reply:{reply}", {"shown": ["body"], "people": 1}),
    ("GET", "/v1/campaigns/{campaign}/replies"): lambda _, reply: (
        f"reply:{reply}",
        {"shown": ["body"], "people": 1},
    ),
    ("GET", "/v1/campaigns/{campaign}/rejects.csv"): lambda campaign, _: (
        f"campaign:{campaign.key}",
        {"shown": ["address", "name"], "people": 1},
    ),
    ("GET", "/v1/lists/{list_id}/entries"): lambda _campaign, _reply: (
        "list 5",
        {"shown": ["external_id"], "people": 1},
    ),
    ("GET", "/v1/contacts/imports/{number}/rejects.csv"): lambda _campaign, _reply: (
        "import:9",
        {"shown": ["address", "name"], "people": 1},
    ),
    **dict.fromkeys(
        (
            ("GET", "/v1/contacts/{contact}"),
            ("GET", "/v1/contacts/{contact}/changes"),
            ("GET", "/v1/contacts/{contact}/notes"),
            ("GET", "/v1/groups/{group}/members"),
        ),
        lambda _campaign, _reply: ("contact:1", {"shown": ["address", "name"], "people": 1}),
    ),
    **dict.fromkeys(
        (("GET", "/v1/contacts"), ("GET", "/v1/contacts/export")),
        lambda _campaign, _reply: ("contacts", {"shown": ["address", "name"], "people": 2}),
    ),
    ("GET", "/v1/consents/evidence"): lambda _campaign, _reply: (
        f"contact:{contact_ids('acme.billing', [OWN_ID], SECRET_KEY.encode())[0]}",
        {"shown": ["consents"], "people": 1},
    ),
    ("GET", "/v1/recipients"): lambda _campaign, _reply: (
        f"address:{address_hash(NUMBER, SECRET_KEY.encode()).hex()}",
        {"shown": ["address"], "people": 1},
    ),
}
"""What is recorded of each endpoint that shows personal data."""


def test_every_endpoint_that_shows_personal_data_is_asked_here() -> None:
    assert set(LOOKS) == SHOWS_PERSONAL_DATA


@pytest.mark.parametrize("route", sorted(LOOKS), ids=" ".join)
def test_a_look_is_recorded_for_who_sees_personal_data_alone(
    portal: RunningPortal, organisation: Organisation, campaign: CampaignRow, route: Route
) -> None:
    method, path = route
    address = path.format(campaign=campaign.key, list_id=5, number=9, contact=1, group=1)
    if path == "/v1/recipients":
        address += f"?who={NUMBER.replace('+', '%2B')}"
    elif path == "/v1/consents/evidence":
        address += f"?contact={OWN_ID}"
    looks = "select actor, object as subject, team_id, detail, origin from audit where action = 'personal.seen'"
    hidden = portal.api(method, address, organisation.key(*(set(Permission) - {Permission.PERSONAL_SEE})))
    assert not any(words in hidden.text for words in (SAID, NUMBER, OWN_ID))
    assert organisation.rows(looks) == []

    shown = portal.api(method, address, organisation.key())
    assert shown.status_code == 200 and any(words in shown.text for words in (SAID, "phone_invalid", NUMBER, OWN_ID))
    (told,) = organisation.rows("select id from reply where text is not null")
    (key,) = organisation.rows("select max(id) as id from api_key")
    subject, detail = LOOKS[route](campaign, told["id"])
    (look,) = organisation.rows(looks)
    assert (look["actor"], look["subject"], look["detail"]) == (f"key:{key['id']}", subject, detail)
    assert look["team_id"] == organisation.teams["acme.billing"] and look["origin"] == "127.0.0.1"


def test_what_shows_nothing_of_anybody_is_no_look(portal: RunningPortal, organisation: Organisation) -> None:
    campaign = organisation.campaign()
    for address in ("/v1/replies", f"/v1/campaigns/{campaign.key}/replies"):
        assert portal.api("GET", address, organisation.key()).status_code == 200
    assert organisation.rows("select * from audit where action = 'personal.seen'") == []
