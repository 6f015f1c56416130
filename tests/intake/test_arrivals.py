"""A file that came: its campaign, what is known already, parts, times, and what waits for a person."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest

from nightmail.campaigns.start_times import start_times
from nightmail.contact_files.kept_files import incoming_path
from nightmail.contact_files.part_names import PartName, part_name
from nightmail.errors import ConfigurationError
from nightmail.intake.answers import answer_of
from nightmail.intake.due_answers import files_to_answer
from nightmail.intake.feed_campaigns import create_feed_campaign
from nightmail.organisation.feeds import FeedSettings, feed_settings, next_time_of_day
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


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("due.1of3.csv", PartName("due.csv", 1, 3)),
        ("due_03OF12.csv.gz", PartName("due.csv.gz", 3, 12)),
        ("due-2of2", PartName("due", 2, 2)),
        ("due.csv", None),
        ("due.4of3.csv", None),
        ("due.0of3.csv", None),
        ("1of3.csv", None),
    ],
)
def test_names_of_parts(name: str, part: PartName | None) -> None:
    """Only a number within a total is a part."""
    assert part_name(name) == part


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


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "/abs/due.csv", "a\\b\\due.csv", "due\x00.csv", "x" * 400])
def test_a_name_cannot_lead_out_of_the_incoming_folder(tmp_path: Path, name: str) -> None:
    """Uploaders name files as they like; we store them where we like."""
    destination = incoming_path(tmp_path, name, "marker")
    assert destination.parent == tmp_path / "marker"
    assert destination.resolve().is_relative_to(tmp_path.resolve())
    destination.write_bytes(b"x")


def test_times_of_a_campaign() -> None:
    """A time of day in the team's zone, in each recipient's own, a cut-off after it, and the earlier of two cut-offs."""
    settings = FeedSettings(send_at="19:30", cut_off="21:00", cut_off_after_s=3600)
    starts, cut_off = start_times(settings, "Europe/Berlin", NOON)
    assert starts == dt.datetime(2026, 11, 23, 18, 30, tzinfo=dt.UTC)
    assert cut_off == dt.datetime(2026, 11, 23, 19, 30, tzinfo=dt.UTC)
    local = FeedSettings(send_at="19:30", send_in="recipient")
    assert start_times(local, "Europe/Berlin", NOON)[0] == NOON
    assert start_times(FeedSettings(), "UTC", NOON) == (None, None)


@pytest.mark.parametrize(
    ("source", "scheduled_at", "settings", "cut_off_at"),
    [
        # The feed's own start is at 19:30 UTC; the team's zone is London, in winter.
        ("api", "2026-11-23T13:00", {"cut_off_after_s": 7200}, "2026-11-23T15:00"),
        ("api", "2026-11-23T13:00", {"cut_off": "19:00", "send_at": "19:30"}, "2026-11-23T19:00"),
        ("api", "2026-11-23T20:00", {"cut_off": "19:00"}, "2026-11-24T19:00"),
        ("api", "2026-11-22T13:00", {"cut_off": "19:00"}, "2026-11-23T19:00"),
        ("contacts", "2026-11-23T02:00", {"cut_off": "06:00"}, "2026-11-23T06:00"),
        ("contacts", "2026-11-23T12:00", {"cut_off": "14:00"}, "2026-11-23T14:00"),
    ],
)
def test_a_cut_off_goes_by_the_start_that_is_wanted(
    rig: PipelineRig, source: str, scheduled_at: str, settings: dict[str, object], cut_off_at: str
) -> None:
    """By the time that an upload asks for, and by the night that a schedule meant, not by the next one."""
    feed = replace(rig.feed(**settings), schedule="0 2 * * *" if source == "contacts" else None)
    with rig.engine.begin() as connection:
        campaign = create_feed_campaign(
            connection,
            feed,
            source=source,
            actor="test",
            scheduled_at=dt.datetime.fromisoformat(f"{scheduled_at}+00:00"),
            now=NOON,
        )
    assert campaign.cut_off_at == dt.datetime.fromisoformat(f"{cut_off_at}+00:00")


@pytest.mark.parametrize(
    ("zone", "after", "expected"),
    [
        ("Europe/Berlin", "2026-03-29T00:00+00:00", "2026-03-29T01:30+00:00"),
        ("Europe/Berlin", "2026-10-25T00:40+00:00", "2026-10-26T01:30+00:00"),
        ("America/New_York", "2026-07-01T06:30+00:00", "2026-07-01T06:30+00:00"),
    ],
)
def test_a_time_of_day_comes_every_day_whatever_the_clocks_do(zone: str, after: str, expected: str) -> None:
    """02:30 on the nights when clocks change."""
    assert next_time_of_day("02:30", zone, dt.datetime.fromisoformat(after)) == dt.datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"chanels": ["sms"]}, "chanels"),
        ({"channels": ["fax"]}, "channels"),
        ({"keep": "most_recent"}, "keep_by"),
        ({"quiet_hours": "late"}, "quiet_hours"),
        ({"send_at": "25:00"}, "send_at"),
        ({"default_time_zone": "Mars/Olympus"}, "default_time_zone"),
        ({"approval": {"first": True}}, "approval.first"),
        ({"reject_limit": 2}, "reject_limit"),
    ],
)
def test_a_wrong_setting_is_named(values: dict[str, object], named: str) -> None:
    """Before it is stored."""
    with pytest.raises(ConfigurationError) as caught:
        feed_settings(values, "acme/x")
    assert caught.value.reason == "feed_settings_invalid"
    assert named in caught.value.message


def test_settings_come_back_as_they_were_stored() -> None:
    """Only what is not a default is stored."""
    settings = feed_settings({"channels": ["sms"], "keep": "last", "approval": {"always": True}})
    assert settings.stored() == {"channels": ["sms"], "keep": "last", "approval": {"always": True}}
    assert feed_settings(settings.stored()) == settings
    assert FeedSettings().stored() == {}


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
