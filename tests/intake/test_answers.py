"""What the answer to an upload says."""

from __future__ import annotations

import datetime as dt
import json

from nightmail.intake.answers import answer_of
from nightmail.intake.due_answers import files_to_answer
from tests.support.pipeline_rig import PipelineRig, contact_rows


def test_the_answer_lists_what_was_collapsed(rig: PipelineRig) -> None:
    """Each duplicate with the line it is the same as."""
    rig.prepared(contact_rows(3) + contact_rows(1, 1).splitlines()[1] + "\n")
    with rig.engine.connect() as connection:
        (file,) = files_to_answer(connection, "api")
        document = answer_of(connection, file, rig.lake).document
    assert document["duplicates"] == [{"line": 5, "same_as_line": 3, "reason": "duplicate_row"}]


def test_the_answer_says_that_the_cut_off_cannot_be_made(rig: PipelineRig) -> None:
    """The result file names both times, and what to do."""
    rig.change("update carrier_account set settings = settings || '{\"rate_per_s\": 0.1}' where channel = 'sms'")
    campaign = rig.prepared(contact_rows(30), cut_off_after_s=60)
    with rig.engine.connect() as connection:
        (file,) = files_to_answer(connection, "api")
        last = json.loads(answer_of(connection, file, rig.lake).result())
    assert last["late"] is True
    ends, cut_off = (dt.datetime.fromisoformat(last[name]) for name in ("finishes_by", "cut_off_at"))
    # Thirty text messages of one segment each, at one in ten seconds.
    assert dt.timedelta(seconds=299) < ends - campaign.created_at < dt.timedelta(seconds=360)
    assert cut_off == campaign.cut_off_at
    assert last["late_warning"]["reason"] == "cut_off_at_risk"
    assert (
        f"ends about {ends:%Y-%m-%d %H:%M} UTC, after its cut-off at {cut_off:%Y-%m-%d %H:%M}"
        in (last["late_warning"]["message"])
    )
    assert "raise the carrier's rate" in last["late_warning"]["remedy"]
