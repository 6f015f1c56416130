"""A recipient with messages of every kind in the tests' organisation, for the pages that tell of one."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.creation import create_campaign
from nightmail.campaigns.suspensions import suspend_channel
from nightmail.consent.suppressions import record_suppressions
from nightmail.message_ids import MessageId
from nightmail.privacy import address_hash, address_hash_of, contact_ids
from nightmail.store.partitions import ensure_partitions, month_of
from tests.support.running_portal import SECRET_KEY

NUMBER, EMAIL = "+491701234567", "anna.musterfrau@kunde.example"
EXTERNAL_ID = "K-10023"
HTML = "<!doctype html><p style='color:#333'>Dear Anna, your visit is at <b>9</b>.</p>"


def contact_id(team: str = "acme.billing") -> str:
    """The contact's id."""
    return contact_ids(team, [EXTERNAL_ID], SECRET_KEY.encode())[0]


def hash_of(address: str = NUMBER) -> str:
    """The keyed hash of an address."""
    return address_hash(address, SECRET_KEY.encode()).hex()


class Ledger:
    """Writes messages of the recipient, each in a campaign of its own."""

    def __init__(self, connection: Connection, team: str = "acme.billing") -> None:
        self._connection = connection
        self._team = team
        self.now = dt.datetime.now(dt.UTC).replace(microsecond=0)

    def message(
        self, days_ago: int, *, channel: str = "sms", step: int = 0, state: str = "accepted", **values: Any
    ) -> str:
        """A message that was planned some days ago; its id."""
        campaign = self._campaign()
        message_id = MessageId(campaign.token, 118, channel, step)
        planned = self.now - dt.timedelta(days=days_ago)
        month = month_of(planned)
        ensure_partitions(self._connection, month)
        address = EMAIL if channel == "email" else NUMBER
        row = {
            "ledger_month": month,
            "message_key": message_id.key(campaign.id),
            "campaign_id": campaign.id,
            "line": 118,
            "channel": channel,
            "step": step,
            "state": state,
            "due_at": planned,
            "planned_at": planned,
            "changed_at": planned + dt.timedelta(minutes=2),
            "contact_id": contact_id(self._team),
            "address_hash": address_hash_of(hash_of(address)),
            "country": "DE",
            "language": "en",
            "time_zone": "Europe/Berlin",
            "segments": 1,
            "cost": 0.075,
            "currency": "EUR",
            "attempts": 1 if state == "accepted" else 0,
            "carrier_account_id": self._account(channel),
            "handed_off_at": planned + dt.timedelta(minutes=2) if state == "accepted" else None,
            **values,
        }
        content = {
            "ledger_month": month,
            "message_key": row["message_key"],
            "address": address,
            "subject": "Your visit" if channel == "email" else None,
            "body": "Dear Anna, your visit is at 9.",
            "html": HTML if channel == "email" else None,
        }
        self._insert("message", row)
        self._insert("message_content", content)
        self._connection.execute(
            text(
                "update campaign set ledger_month = :month, loaded_at = :at, loaded_messages = 1, created_at = :at where id = :id"
            ),
            {"month": month, "at": planned, "id": campaign.id},
        )
        return str(message_id)

    def receipt(self, message_id: str, status: str, code: str | None = None) -> None:
        """What the carrier said of a message."""
        self._connection.execute(
            text(
                "insert into receipt (received_month, event_key, received_at, carrier, channel, ledger_month, message_key,"
                " campaign_id, status, error_code) select m.ledger_month, :key, m.handed_off_at + interval '5 seconds',"
                " 'twilio', m.channel, m.ledger_month, m.message_key, m.campaign_id, :status, :code from message m"
                " join campaign c on c.id = m.campaign_id where c.token = :token"
            ),
            {"key": f"{message_id}-{status}", "status": status, "code": code, "token": message_id.split("-")[0]},
        )

    def _campaign(self) -> Any:
        feed = self._connection.execute(
            text(
                "select f.id, t.id as team_id, p.category_id, v.id as version from team t"
                " left join feed f on f.team_id = t.id cross join template p"
                " join template_version v on v.template_id = p.id where t.path = :team limit 1"
            ),
            {"team": self._team},
        ).one()
        return create_campaign(
            self._connection,
            team_id=feed.team_id,
            feed_id=feed.id,
            template_version_id=feed.version,
            category_id=feed.category_id,
            actor="tests",
            source="api",
        )

    def _account(self, channel: str) -> int | None:
        statement = text("select min(id) from carrier_account where channel = :channel")
        found: int | None = self._connection.scalar(statement, {"channel": channel})
        return found

    def _insert(self, table: str, row: dict[str, Any]) -> None:
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        self._connection.execute(text(f"insert into {table} ({names}) values ({values})"), row)


def filled(engine: Engine) -> dict[str, str]:
    """A recipient to whom everything happened; ids of some of the messages by what became of them."""
    with engine.begin() as connection:
        ledger = Ledger(connection)
        bounced = ledger.message(
            6, delivery="undelivered", delivery_error="30005", delivery_at=ledger.now - dt.timedelta(days=6)
        )
        ledger.receipt(bounced, "sent")
        ledger.receipt(bounced, "undelivered", "30005")
        email = ledger.message(5, channel="email", delivery="opened", opened_at=ledger.now - dt.timedelta(days=4))
        ledger.receipt(email, "delivered")
        morning = (
            (ledger.now - dt.timedelta(days=3))
            .astimezone(ZoneInfo("Europe/Berlin"))
            .replace(hour=8, minute=0, second=0)
        )
        quiet = ledger.message(4, due_at=morning, handed_off_at=morning + dt.timedelta(seconds=20))
        connection.execute(
            text('update campaign set settings = settings || \'{"quiet_hours": "21:00-08:00"}\' where token = :token'),
            {"token": quiet.split("-")[0]},
        )
        held = ledger.message(2, state="held", reason="opted_out")
        failed = ledger.message(1, state="failed", reason="address_refused", error_code="21211", attempts=1)
        queued = ledger.message(0, state="queued", due_at=ledger.now + dt.timedelta(hours=9))
        record_suppressions(
            connection, [("sms", address_hash_of(hash_of()))], team_id=None, reason="opted_out", source="reply"
        )
    suspend_channel(engine, "sms", reason="The carrier is down.", by="user:ada")
    return {"bounced": bounced, "email": email, "quiet": quiet, "held": held, "failed": failed, "queued": queued}


def recipient_address(engine: Engine) -> str:
    """The page of a recipient to whom everything happened."""
    filled(engine)
    return f"/recipients/address/{hash_of()}"


def message_address(engine: Engine) -> str:
    """The page of an email."""
    return f"/messages/{filled(engine)['email']}"


def messages_address(engine: Engine) -> str:
    """The list of the last seven days."""
    filled(engine)
    return "/messages"
