"""A campaign's preparing run: from the stored file to the ledger, and what stops it on the way."""

from __future__ import annotations

import datetime as dt
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dagster as dg
import pytest

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.forecasts.recorded_forecasts import recorded_forecast
from nightmail.lake import TableFile
from nightmail.stated_times import stated_start
from nightmail.store.states import CampaignState
from tests.support.pipeline_rig import PHONES, PipelineRig, contact_rows

TABLES = ("contact_file", "contacts", "rejects", "warnings", "audience", "messages")


def test_a_good_file_is_loaded_and_sent_from(rig: PipelineRig) -> None:
    """Every row becomes a queued message, and the campaign moves to sending."""
    campaign = rig.prepared(contact_rows(8) + "C9,not a number,Bob,1\n" + f"C0,{PHONES[0]},Ann0,1.50\n")
    assert campaign.state == CampaignState.SENDING
    counts = {name: campaign.counts[name] for name in ("rows", "rejects", "duplicates", "contacts", "planned", "held")}
    assert counts == {"rows": 10, "rejects": 1, "duplicates": 1, "contacts": 8, "planned": 8, "held": 0}
    assert rig.rows("select state, count(*) as n from message group by 1") == [{"state": "queued", "n": 8}]
    assert rig.table("messages", campaign)["body"].to_pylist()[0] == "Dear Ann0, €1.50 is due."
    assert set(rig.table("rejects", campaign)["reason"].to_pylist()) == {"phone_invalid", "duplicate_row"}


def test_metadata_counts_and_names_nobody(rig: PipelineRig) -> None:
    """Dagster's page tells what happened, without a number, an address or a name from the file."""
    campaign = rig.prepared(contact_rows(5) + "C9,07400 999,Wilhelmina,1\n")
    told = []
    for asset in (*TABLES, "ledger"):
        event = rig.instance.get_latest_materialization_event(dg.AssetKey(asset))
        assert event is not None and event.asset_materialization is not None
        assert event.asset_materialization.partition == campaign.key
        told.append(
            {name: getattr(value, "value", None) for name, value in event.asset_materialization.metadata.items()}
        )
    assert told[0]["rows"] == 6
    assert told[1]["contacts"] == 5
    assert told[2]["rejects"] == 1
    text = json.dumps(told, default=str)
    for personal in ("Ann", "Wilhelmina", "74001", "7400 1", "+44"):
        assert personal not in text


@pytest.mark.parametrize("asset", ["contact_file", "contacts", "audience", "messages", "ledger"])
def test_rerunning_an_asset_after_loading_changes_nothing(rig: PipelineRig, asset: str) -> None:
    """What was loaded is what will be sent: a rerun keeps the tables and the ledger, and says so."""
    campaign = rig.prepared(contact_rows(5))
    before = {name: Path(rig.lake.table(name, campaign.key).url).read_bytes() for name in TABLES}
    ledger = rig.rows("select message_key, state, changed_at from message order by 1")
    rig.change("update template_version set content = jsonb_set(content, '{languages,en,sms}', '\"Other words\"')")
    selected = ["contacts", "rejects", "warnings"] if asset == "contacts" else [asset]
    result = rig.prepare(campaign, *selected)
    assert result.success
    assert {name: Path(rig.lake.table(name, campaign.key).url).read_bytes() for name in TABLES} == before
    assert rig.rows("select message_key, state, changed_at from message order by 1") == ledger
    event = rig.instance.get_latest_materialization_event(dg.AssetKey(asset))
    assert event is not None and event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert ("loaded" in metadata and metadata["loaded"].value is False) or metadata["frozen"].value is True


def _stopped_for(rig: PipelineRig, campaign: CampaignRow, reason: str) -> None:
    assert campaign.state == CampaignState.STOPPED
    assert campaign.problem is not None and campaign.problem["reason"] == reason
    assert campaign.problem["message"] and campaign.problem["remedy"]
    assert rig.rows("select 1 from message") == []
    assert not rig.lake.table("sends", campaign.key).exists()


def test_a_missing_column_stops_the_campaign_at_the_file(rig: PipelineRig) -> None:
    """The template needs `amount`: nothing after the contact file is made."""
    campaign = rig.prepared("external_id,phone\nC1,07400100001\nC2,07400100002\n")
    _stopped_for(rig, campaign, "file_missing_column")
    assert "amount" in str(campaign.problem)
    assert not rig.lake.table("contacts", campaign.key).exists()


def test_no_column_with_an_address_stops_the_campaign(rig: PipelineRig) -> None:
    """A file that can reach nobody says so, instead of rejecting every row."""
    campaign = rig.prepared("external_id,first_name,amount\nC1,Ann,2\nC2,Bob,3\n")
    _stopped_for(rig, campaign, "file_missing_column")
    assert "phone" in str(campaign.problem)


def test_a_key_that_many_share_stops_the_campaign(rig: PipelineRig) -> None:
    """Rows with one id and different numbers were taken for one contact: nobody is planned before a person has looked."""
    rows = [line.split(",", maxsplit=1)[1] for line in contact_rows(6).splitlines()]
    campaign = rig.prepared("\n".join([f"external_id,{rows[0]}", *(f"SAME,{row}" for row in rows[1:])]) + "\n")
    _stopped_for(rig, campaign, "file_over_shared_key_limit")
    assert rig.table("warnings", campaign).column("reason").to_pylist() == ["key_shared"]


def test_too_many_rejects_stop_the_campaign_after_the_contacts(rig: PipelineRig) -> None:
    """The rejects are there for the uploader; nothing is planned."""
    bad = "".join(f"B{n},nonsense,Bob,1\n" for n in range(4))
    campaign = rig.prepared(contact_rows(4) + bad)
    _stopped_for(rig, campaign, "file_over_reject_limit")
    assert rig.table("rejects", campaign).num_rows == 4
    assert not rig.lake.table("audience", campaign.key).exists()


def test_a_corrected_reject_file_may_have_few_good_rows(rig: PipelineRig) -> None:
    """Two of eight rejects are mended: the reject limit is not for our own reject file."""
    header = "external_id,phone,first_name,amount,nightmail_line,nightmail_reason,nightmail_message\n"
    rows = [f"R{n},nonsense,Bob,1,{n},phone_invalid,x\n" for n in range(6)]
    mended = [f"G{n},{PHONES[n]},Ann,1,{n},phone_invalid,x\n" for n in range(2)]
    campaign = rig.prepared(header + "".join(rows + mended))
    assert campaign.state == CampaignState.SENDING
    assert campaign.counts["contacts"] == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "file_empty"),
        (b"external_id,phone,first_name,amount\n", "file_no_rows"),
        (bytes(range(256)) * 40, "file_not_text"),
    ],
)
def test_an_unusable_file_stops_the_campaign_with_its_reason(rig: PipelineRig, content: bytes, reason: str) -> None:
    """Bad files are answers, not crashes: no further attempt is made."""
    campaign = rig.prepared(content, "bad.csv")
    _stopped_for(rig, campaign, reason)
    assert campaign.prepare_attempts == 1


def test_volume_outside_the_contract_stops_the_campaign(rig: PipelineRig) -> None:
    """A truncated export is not sent."""
    campaign = rig.prepared(contact_rows(3), volume={"at_least": 5})
    _stopped_for(rig, campaign, "file_volume")


def test_a_crash_leaves_checking_and_the_next_run_finishes(rig: PipelineRig) -> None:
    """What is not the file's fault stops nothing: the same campaign is prepared by another run."""
    registered = rig.upload(contact_rows(3))
    assert registered.campaign is not None
    blocked = Path(rig.lake.url)
    blocked.write_text("a file where the lake's folder should be")
    assert not rig.prepare(registered.campaign).success
    assert rig.campaign(registered.campaign).state == CampaignState.CHECKING
    blocked.unlink()
    assert rig.prepare(registered.campaign).success
    assert rig.campaign(registered.campaign).state == CampaignState.SENDING


def test_a_cancelled_campaign_is_not_loaded(rig: PipelineRig) -> None:
    """A person cancels while the file is read: the run ends well and loads nothing."""
    registered = rig.upload(contact_rows(3))
    assert registered.campaign is not None
    rig.prepare(registered.campaign, "contact_file")
    rig.change("update campaign set state = 'cancelled'")
    rig.prepare(registered.campaign, "contacts", "rejects", "warnings", "audience", "messages", "ledger")
    assert rig.rows("select 1 from message") == []
    assert rig.campaign(registered.campaign).state == CampaignState.CANCELLED


def test_a_stopped_campaign_can_be_prepared_anew(rig: PipelineRig) -> None:
    """After a stop the contract may be changed and the campaign received again."""
    campaign = rig.prepared(contact_rows(3), volume={"at_least": 5})
    rig.change("update campaign set state = 'received', settings = settings - 'volume'")
    assert rig.prepare(rig.campaign(campaign)).success
    assert rig.campaign(campaign).state == CampaignState.SENDING


def test_suppressed_contacts_are_held_with_their_reason(rig: PipelineRig) -> None:
    """What is known in the database decides the audience."""
    from nightmail.privacy import address_hash
    from nightmail.settings import settings

    rig.change(
        "insert into suppression (channel, address_hash, reason, source) values ('sms', :hash, 'opted_out', 'test')",
        hash=address_hash("+447400100001", settings().key()),
    )
    campaign = rig.prepared(contact_rows(3))
    assert campaign.counts["held"] == 1
    held = [row for row in rig.table("audience", campaign).to_pylist() if row["state"] == "held"]
    assert [row["line"] for row in held] == [3]
    assert held[0]["reason"] in ("suppressed", "opted_out")


def test_contacts_of_an_earlier_campaign_are_duplicates_inside_the_window(rig: PipelineRig) -> None:
    """A feed with a window sends to a contact once in so many days."""
    rig.prepared(contact_rows(3), "monday.csv", window_days=7)
    second = rig.prepared(contact_rows(5), "tuesday.csv", window_days=7, reject_limit=1.0)
    assert second.counts["contacts"] == 2
    assert second.counts["duplicates"] == 3


def test_one_file_is_sent_at_each_recipients_own_time(rig: PipelineRig) -> None:
    """A start that was stated for one upload: by the row's zone, else by the team's; the forecast waits for the last."""
    rows = "external_id,phone,time_zone,amount\n"
    zones = ("Asia/Tokyo", "", "America/New_York")
    rows += "".join(f"{n},0740010000{n},{zone},{n}\n" for n, zone in enumerate(zones, start=1))
    day = dt.datetime.now(dt.UTC).date().replace(month=1, day=15)
    local = dt.datetime.combine(day.replace(year=day.year + 1), dt.time(8, 30))
    start = stated_start(local, "Europe/London", dt.datetime.now(dt.UTC), "recipient")
    registered = rig.upload(rows, start=start)
    assert registered.campaign is not None
    assert rig.prepare(registered.campaign).success
    campaign = rig.campaign(registered.campaign)
    assert (campaign.state, campaign.local_start) == ("scheduled", local)
    due = [row["due_at"] for row in rig.rows("select due_at from message order by line")]
    assert due == [
        dt.datetime.combine(local.date() - dt.timedelta(days=1), dt.time(23, 30), tzinfo=dt.UTC),
        local.replace(tzinfo=dt.UTC),
        dt.datetime.combine(local.date(), dt.time(13, 30), tzinfo=dt.UTC),
    ]
    ends = recorded_forecast(campaign).finishes_by
    assert ends is not None and dt.timedelta() <= ends - due[2] < dt.timedelta(minutes=1)


def test_single_messages_and_the_contact_book_go_the_same_way(rig: PipelineRig) -> None:
    """Campaigns without a file are written out as one."""
    from nightmail.intake.feed_campaigns import create_feed_campaign

    feed = rig.feed()
    with rig.engine.begin() as connection:
        single = create_feed_campaign(connection, feed, source="single", actor="test")
        book = create_feed_campaign(connection, feed, source="contacts", actor="test")
    row = json.dumps({"external_id": "S1", "phone": "+447400100001", "amount": "3.20"})
    rig.change('insert into single_message (campaign_id, line, "row") values (:id, 1, :row)', id=single.id, row=row)
    rig.change(
        "insert into contact (team_id, contact_id, external_id, phone, attributes) "
        "values (:team, 'x', 'B1', '+447400100002', '{\"amount\": \"4\"}')",
        team=feed.team_id,
    )
    for campaign in (single, book):
        assert rig.prepare(campaign).success
        assert rig.campaign(campaign).counts["planned"] == 1
    assert rig.table("messages", single)["body"].to_pylist() == ["Dear customer, €3.20 is due."]
    assert rig.table("messages", book)["address"].to_pylist() == ["+447400100002"]


def test_sends_is_the_ledger_written_out(rig: PipelineRig) -> None:
    """One row per message, whatever its state."""
    campaign = rig.prepared(contact_rows(4))
    rig.prepare(campaign, job="write_sends")
    sends = TableFile(rig.lake.table("sends", campaign.key).url).read()
    assert sends.num_rows == 4
    assert set(sends["state"].to_pylist()) == {"queued"}
    assert "+44" not in str(sends.to_pylist())


def test_an_audio_file_that_is_not_audio_stops_the_campaign(rig: PipelineRig) -> None:
    """A call whose file is a web page would say nothing to anybody: it is seen before a message is made."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "audio/mpeg" if self.path == "/right.mp3" else "text/html")
            self.end_headers()
            self.wfile.write(b"ID3\x04" if self.path == "/right.mp3" else b"<!doctype html>")

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"

        def voice(path: str) -> None:
            rig.change(
                "update template_version set content = jsonb_set(content, '{languages,en,voice}', cast(:v as jsonb))",
                v=json.dumps({"play": f"{url}/{path}"}),
            )

        voice("page.mp3")
        stopped = rig.prepared(contact_rows(3), channels=["voice"])
        voice("right.mp3")
        loaded = rig.prepared(contact_rows(4), "again.csv")
        server.shutdown()
    assert stopped.state == CampaignState.STOPPED
    assert stopped.problem is not None and stopped.problem["reason"] == "audio_unusable"
    assert f"{url}/page.mp3" in stopped.problem["message"]
    assert rig.rows("select channel, count(*) as n from message group by 1") == [{"channel": "voice", "n": 4}]
    assert loaded.state == CampaignState.SENDING
