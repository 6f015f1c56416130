"""A file that came: its campaign, what is known already, parts, and what waits for a person."""

from __future__ import annotations

import datetime as dt

from nightmail.intake.answers import answer_of
from nightmail.intake.due_answers import files_to_answer
from nightmail.store.states import CampaignState
from tests.support.pipeline_rig import PipelineRig, contact_rows

NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


def test_the_same_content_is_known_under_any_name(rig: PipelineRig) -> None:
    """By its hash, within the feed; and sent again when the feed says so."""
    first = rig.upload(contact_rows(3), "a.csv")
    second = rig.upload(contact_rows(3), "b.csv")
    assert (first.state, second.state) == ("taken", "repeated")
    assert first.campaign is not None and second.campaign is not None
    assert second.campaign.key == first.campaign.key
    assert rig.upload(contact_rows(4), "c.csv").state == "taken"
    assert rig.upload(contact_rows(3), "d.csv", same_content="send").state == "taken"


def test_content_of_a_stopped_campaign_may_come_again(rig: PipelineRig) -> None:
    """Nothing of it was sent: after the feed was corrected the same file is welcome."""
    rig.prepared(contact_rows(3), volume={"at_least": 5})
    assert rig.upload(contact_rows(3), "again.csv", volume={"at_least": 1}).state == "taken"


def test_parts_form_one_campaign_when_all_are_there(rig: PipelineRig) -> None:
    """In any order, and lines count on from part to part."""
    third = rig.upload(contact_rows(2, 4), "due.3of3.csv", parts=True)
    first = rig.upload(contact_rows(2) + "C77,nonsense,Bob,1\n", "due.1of3.csv")
    assert (third.state, first.state) == ("part", "part")
    assert rig.rows("select 1 from campaign") == []
    last = rig.upload("external_id,phone,amount,first_name,note\nC2,07400100002,9,Cy,x\n", "due.2of3.csv")
    assert last.state == "taken" and last.campaign is not None
    rig.prepare(last.campaign)
    campaign = rig.campaign(last.campaign)
    assert campaign.state == CampaignState.SENDING
    assert (campaign.counts["rows"], campaign.counts["contacts"], campaign.counts["rejects"]) == (6, 5, 1)
    table = rig.table("contact_file", campaign)
    assert table["line"].to_pylist() == [2, 3, 4, 6, 8, 9]
    assert table["note"].to_pylist() == [None, None, None, "x", None, None]
    assert rig.table("rejects", campaign)["line"].to_pylist() == [4]
    with rig.engine.connect() as connection:
        answers = [answer_of(connection, file, rig.lake) for file in files_to_answer(connection, "api")]
    assert len(answers) == 3
    assert [answer.has_rejects for answer in answers].count(True) == 1
    assert [part["lines_begin_after"] for part in answers[0].document["read_as"]["parts"]] == [0, 4, 6]


def test_the_same_parts_again_are_known(rig: PipelineRig) -> None:
    """All parts of an earlier campaign: nothing is sent again."""
    rig.upload(contact_rows(2), "due.1of2.csv", parts=True)
    first = rig.upload(contact_rows(2, 2), "due.2of2.csv")
    rig.upload(contact_rows(2), "again.1of2.csv")
    again = rig.upload(contact_rows(2, 2), "again.2of2.csv")
    assert again.state == "repeated"
    assert first.campaign is not None and again.campaign is not None
    assert again.campaign.key == first.campaign.key


def test_the_first_file_of_a_feed_waits_for_a_person(rig: PipelineRig) -> None:
    """And so does one over the size, and one of unusual volume; corrections do not."""
    rules = {"first_file": True, "unusual_volume": True, "over_contacts": 50}
    first = rig.prepared(contact_rows(4), "1.csv", approval=rules)
    assert first.state == CampaignState.AWAITING_APPROVAL
    assert first.counts["approval"] == "It is the feed's first file."
    rig.change("update campaign set first_hand_off_at = now()")
    for number in (2, 3, 4):
        assert rig.prepared(contact_rows(4, number), f"{number}.csv").state == CampaignState.SENDING
    unusual = rig.prepared(contact_rows(40), "5.csv")
    assert unusual.state == CampaignState.AWAITING_APPROVAL
    assert "40 rows" in unusual.counts["approval"]
    large = rig.prepared(contact_rows(51), "6.csv")
    assert "51 contacts" in large.counts["approval"]
    header = "external_id,phone,first_name,amount,nightmail_line,nightmail_reason,nightmail_message\n"
    corrected = rig.prepared(header + "C900,07400100900,Ann,1,2,phone_invalid,x\n", "7.csv")
    assert corrected.state == CampaignState.SENDING
