"""Files, feeds and templates of the tests' organisation, in the states that pages show."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from sqlalchemy import Engine, text

from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.counts import record_counts
from nightmail.intake.arrivals import Arrival, register_file
from nightmail.intake.seen_files import refuse_file
from nightmail.lake import Lake
from nightmail.organisation.stored_feeds import FeedRow, feed_by_id
from nightmail.preparation.campaign_preparation import CampaignPreparation, load_preparation
from nightmail.preparation.campaign_stages import (
    make_campaign_audience,
    make_campaign_contacts,
    make_campaign_messages,
    read_campaign_file,
)
from nightmail.settings import Settings
from tests.support.running_portal import STARTED

ROWS = """external_id,phone,email,time
1001,+491701234567,anna@example.com,09:30
1002,12345,ben@example,10:00
1003,+491701234568,carla@example.com,10:30
1003,+491701234568,carla@example.com,10:30
1004,,,11:00
"""
"""Three that are taken, one whose addresses are wrong, one without any, one twice."""


def feed_of(engine: Engine, settings: dict[str, object] | None = None) -> FeedRow:
    """The feed of the team ``acme.billing``."""
    with engine.begin() as connection:
        number = connection.scalar(
            text("select f.id from feed f join team t on t.id = f.team_id where t.path = 'acme.billing'")
        )
        if settings is not None:
            connection.execute(
                text("update feed set settings = cast(:settings as jsonb) where id = :id"),
                {"id": number, "settings": json.dumps(settings)},
            )
        return feed_by_id(connection, int(number or 0))


def upload(
    engine: Engine, name: str = "visits.csv", rows: str = ROWS, *, source: str = "portal", actor: str = "tests"
) -> tuple[int, CampaignRow | None]:
    """A file that came to the feed, and its campaign."""
    feed = feed_of(engine)
    path = Path(tempfile.mkdtemp(prefix="nightmail-tests-")) / name
    path.write_text(rows, encoding="utf-8")
    with engine.begin() as connection:
        done = register_file(
            connection,
            feed,
            Arrival(
                source=source, path=name, name=name, size=len(rows), sha256=f"{hash(rows):064x}"[-64:], stored_path=path
            ),
            actor=actor,
        )
    return done.file_id, done.campaign


def judge(engine: Engine, campaign: CampaignRow, settings: Settings | None = None) -> CampaignRow:
    """Run the stages of a campaign, as a preparing run does, and leave it waiting for approval."""
    settings = settings or STARTED[-1]
    lake = Lake(settings.lake)

    def loaded() -> CampaignPreparation:
        with engine.connect() as connection:
            return load_preparation(connection, get_campaign(connection, campaign.id), lake, settings)

    read_campaign_file(engine, loaded(), settings.incoming_dir, run_id="tests")
    make_campaign_contacts(engine, loaded(), lake)
    make_campaign_audience(engine, loaded())
    make_campaign_messages(engine, loaded())
    with engine.begin() as connection:
        record_counts(
            connection,
            campaign.id,
            {"approval": {"reason": "first_file", "message": "It is the first file of the feed."}},
        )
        connection.execute(text("update campaign set state = 'awaiting_approval' where id = :id"), {"id": campaign.id})
        return get_campaign(connection, campaign.id)


def uploads_address(engine: Engine) -> str:
    """The list, with a file of each kind."""
    upload_address(engine)
    upload(engine, "again.csv")
    upload(engine, "next-week.csv", ROWS.replace("1001", "2001"), source="api", actor="key:1")
    problem = {
        "reason": "file_too_large",
        "message": "The file has 9 bytes; the limit is 8.",
        "remedy": "Split the file.",
    }
    with engine.begin() as connection:
        huge = Arrival(
            source="sftp", path="/in/huge.csv", name="huge.csv", size=9, sha256="", stored_path=Path("/nowhere")
        )
        refuse_file(connection, feed_of(engine), huge, problem)
    return "/uploads"


def upload_address(engine: Engine) -> str:
    """A file whose rows are judged, some of them rejected."""
    number, campaign = upload(engine)
    assert campaign is not None
    judge(engine, campaign)
    return f"/uploads/{number}"


def upload_under_way_address(engine: Engine) -> str:
    """A file that is being judged."""
    return f"/uploads/{upload(engine)[0]}"


def repeated_upload_address(engine: Engine) -> str:
    """A file whose content came before."""
    upload(engine)
    return f"/uploads/{upload(engine, 'again.csv')[0]}"


def upload_form_address(engine: Engine) -> str:
    """The form of a feed."""
    return f"/uploads/new?feed={feed_of(engine).id}"


def correction_address(engine: Engine) -> str:
    """The form in which a corrected reject file is given back."""
    return upload_address(engine).replace("/uploads/", "/uploads/new?corrects=")


FEED_SETTINGS: dict[str, object] = {
    "channels": ["sms", "voice"],
    "delivery": "escalation",
    "quiet_hours": "21:00-08:00",
    "send_at": "09:00",
    "cut_off": "18:00",
    "expected_by": "07:30",
    "placeholders": {"time": {"allowed_values": ["09:30", "10:00", "10:30", "11:00"]}},
    "mapping": {"Uhrzeit": "time"},
}


def feeds_address(engine: Engine) -> str:
    """The list of feeds, one of which got a file."""
    upload(engine)
    return "/feeds"


def preferences_feed_address(engine: Engine) -> str:
    """A feed whose files say what contacts chose."""
    return f"/feeds/{feed_of(engine, {'kind': 'preferences'}).id}"


def preferences_upload_address(engine: Engine) -> str:
    """The form for a file that says what contacts chose."""
    return f"/uploads/new?feed={feed_of(engine, {'kind': 'preferences'}).id}"


def feed_address(engine: Engine) -> str:
    """A feed with settings of its own, and files."""
    upload_address(engine)
    return f"/feeds/{feed_of(engine, FEED_SETTINGS).id}"
