"""Why a contact was, or was not, written to on each channel: over HTTP, by the command's own function."""

from __future__ import annotations

import json

import pyarrow as pa

from nightmail.access.permissions import Permission
from nightmail.lake import Lake
from nightmail.lake.schemas import AUDIENCE_DECISIONS
from tests.portal.conftest import Organisation, RunningPortal

RULES = {
    "teams": [{"team": "acme", "version": "0a1b", "rules": {"countries": [{"deny": ["DE"], "channels": ["voice"]}]}}],
    "category": "billing",
    "looked_at": {"sms": ["row", "suppression", "consent"], "voice": ["row", "acme/countries/0", "suppression"]},
}
ROW = {
    "line": 7,
    "channels": ["sms", "voice", "email"],
    "verdicts": ["suppressed", "country_denied", None],
    "decided_by": ["suppression", "acme/countries/0", None],
    "records": [4711, None, None],
    "consents": [None, None, 815],
    "preferences": [23],
    "rules": "acme@0a1b",
}


def test_each_channel_has_its_answer(portal: RunningPortal, organisation: Organisation) -> None:
    key, blind = organisation.key(Permission.CAMPAIGN_SEE), organisation.key(Permission.MESSAGE_SEE)
    campaign = organisation.campaign()
    table = Lake(portal.settings.lake).table("audience_decisions", campaign.key)
    path = f"/v1/campaigns/{campaign.key}/contacts"
    nothing = portal.api("GET", f"{path}/7", key)
    assert (nothing.status_code, nothing.json()["reason"]) == (409, "not_ready_yet")
    with table.writer(AUDIENCE_DECISIONS) as log:
        log.set_metadata("rules", json.dumps(RULES))
        log.write(pa.Table.from_pylist([ROW], AUDIENCE_DECISIONS))
    told = portal.api("GET", f"{path}/7", key).json()
    sms, voice, email = told["channels"]
    assert (sms["reason"], sms["decided_by"], sms["record"]) == ("suppressed", "suppression", 4711)
    assert sms["looked_at"] == ["row", "suppression"], "what comes after the decider was not looked at"
    assert voice["rule"] == {"deny": ["DE"], "channels": ["voice"]} and voice["looked_at"] == [
        "row",
        "acme/countries/0",
    ]
    assert (email["reason"], email["decided_by"], email["consent"]) == (None, None, 815)
    assert (told["preferences"], told["rules"]["category"], told["budget"]) == ([23], "billing", None)
    unknown = portal.api("GET", f"{path}/8", key)
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "decisions_unknown")
    assert portal.api("GET", f"{path}/7", blind).status_code == 403
