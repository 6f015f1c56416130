"""Feeds of kind contacts: a file that is dropped goes into the address book and is answered beside; nothing is sent."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import text

from nightmail.intake.upload_listing import Standing, UploadFilter, list_uploads
from nightmail.privacy import contact_ids
from nightmail.settings import settings
from sensors.contact_imports import contact_imports
from tests.sensors.test_sftp_files import at_once, folder, tick
from tests.support.pipeline_rig import PipelineRig

__all__ = ["at_once", "folder"]
pytestmark = pytest.mark.usefixtures("at_once")


def _carry_out(rig: PipelineRig) -> Any:
    with dg.build_sensor_context(instance=rig.instance, resources=rig.resources) as context:
        return contact_imports(context)


def _answer(rig: PipelineRig, folder: Path, name: str, state: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        tick(rig)
        _carry_out(rig)
        found = folder / f"{name}.result.json"
        if found.exists() and (document := json.loads(found.read_text()))["state"] == state:
            return document  # type: ignore[no-any-return]
    raise AssertionError(f"{name} was not {state}: {rig.rows('select state, problem from contact_import')}")


def test_a_file_of_contacts_goes_into_the_book(rig: PipelineRig, folder: Path) -> None:
    """Taken, applied and answered with its refused rows; one that would empty the book waits and says so."""
    rig.feed(kind="contacts", import_mode="replace")
    rows = [f"C{n},+4917012345{n:02}" for n in range(30)]
    (folder / "people.csv").write_text("\n".join(["external_id,phone", *rows, "X,12"]) + "\n")
    answer = _answer(rig, folder, "people.csv", "applied")
    assert (answer["counts"]["new"], answer["counts"]["refused"], answer["campaign"]) == (30, 1, None)
    assert "phone_invalid" in (folder / "people.csv.rejects.csv").read_text(encoding="utf-8-sig")
    assert len(rig.rows("select * from contact")) == 30 and rig.rows("select * from campaign") == []

    (folder / "cut.csv").write_text(f"external_id,phone\n{rows[0]}\n")
    waits = _answer(rig, folder, "cut.csv", "checked")
    assert waits["waits_for_approval_because"]["reason"] == "import_removes_many"
    assert len(rig.rows("select * from contact where removed_at is null")) == 30
    with rig.engine.connect() as connection:
        standings = [upload.standing for upload in list_uploads(connection, ["acme"])]
        waiting = list_uploads(connection, ["acme"], UploadFilter(standing=Standing.AWAITING_APPROVAL))
    assert standings == [Standing.AWAITING_APPROVAL, Standing.FINISHED]
    assert [upload.name for upload in waiting] == ["cut.csv"]


def test_a_file_of_what_contacts_chose_is_recorded_and_answered(rig: PipelineRig, folder: Path) -> None:
    """By a feed that names no template: the rows that can be read are taken, the others come back."""
    rig.feed(kind="preferences")
    with rig.engine.begin() as connection:
        connection.execute(text("update feed set template_id = null"))
        number = connection.scalar(text("select team_id from feed"))
        values = {"team": number, "contact": contact_ids("acme.billing", ["C1"], settings().key())[0]}
        connection.execute(
            text("insert into contact (team_id, contact_id, external_id) values (:team, :contact, 'C1')"), values
        )
    (folder / "choices.csv").write_text('external_id,channels\nC1,"email, sms"\nC1,fax\n')
    answer = _answer(rig, folder, "choices.csv", "applied")
    assert (answer["kind"], answer["counts"]["recorded"], answer["counts"]["refused"]) == ("preferences", 1, 1)
    assert answer["rejects"][0]["reason"] == "preference_channel_unread"
    assert "fax" in (folder / "choices.csv.rejects.csv").read_text(encoding="utf-8-sig")
    assert rig.rows("select channels from preference") == [{"channels": ["email", "sms"]}]
