"""Emails to and from one team that sends by SMTP and reads its answers over IMAP: for tests of mailboxes."""

from __future__ import annotations

import datetime as dt
import json
from email.message import EmailMessage
from typing import Any

from sqlalchemy import Engine, text

from nightmail.campaigns.creation import create_campaign
from nightmail.message_ids import MessageId
from nightmail.privacy import address_hash
from nightmail.privacy.reply_addresses import reply_tokens
from nightmail.receipts.mailboxes import MailboxesRead, read_mailboxes
from nightmail.store.clock import database_time
from nightmail.store.partitions import ensure_partitions, month_of
from resources.carrier_accounts import mailbox_of
from tests.support.dovecot import USER

KEY = b"the key of mailboxes in tests"
SECRET = "NIGHTMAIL_TEST_MAILBOX"
MAILBOX = "care@acme.example"
PERSON, OTHER = "ann@example.com", "bob@example.com"


class PostOffice:
    """A team ``acme.care``, its mailbox, and the messages that it sent."""

    def __init__(self, engine: Engine, url: str, **settings: Any) -> None:
        self.engine = engine
        with engine.begin() as connection:
            ensure_partitions(connection, month_of(dt.datetime.now(dt.UTC)))

            def insert(query: str, **values: Any) -> int:
                return int(connection.execute(text(f"{query} returning id"), values).scalar_one())

            parent = insert("insert into team (path, name) values ('acme', 'Acme')")
            self.team = insert("insert into team (path, name, parent_id) values ('acme.care', 'Care', :p)", p=parent)
            self.category = insert("insert into category (name, kind) values ('news', 'marketing')")
            template = insert(
                "insert into template (team_id, name, category_id) values (:t, 'hello', :c)", t=parent, c=self.category
            )
            self.version = insert(
                "insert into template_version (template_id, version, content) values (:t, 1, '{}')", t=template
            )
            mailbox = {"url": url, "user": USER, "secret": f"env:{SECRET}", "folder": "INBOX", **settings}
            self.account = insert(
                "insert into carrier_account (name, carrier, channel, settings) values ('post', 'smtp', 'email', "
                "cast(:s as jsonb))",
                s=json.dumps({"adapter": "smtp_email", "base_url": "smtp://127.0.0.1:1", "mailbox": mailbox}),
            )
            insert(
                "insert into sender (team_id, channel, name, address, reply_to, carrier_account_id) "
                "values (:t, 'email', 'care', :a, :a, :account)",
                t=self.team,
                a=MAILBOX,
                account=self.account,
            )

    def sent(self, to: str = PERSON, line: int = 2) -> str:
        """A message that went to somebody; its id."""
        with self.engine.begin() as connection:
            campaign = create_campaign(
                connection,
                team_id=self.team,
                template_version_id=self.version,
                category_id=self.category,
                source="api",
                actor="test",
            )
            month = month_of(database_time(connection))
            message_id = MessageId(campaign.token, line, "email", 0)
            connection.execute(
                text("update campaign set ledger_month = :m, loaded_at = now() where id = :id"),
                {"m": month, "id": campaign.id},
            )
            connection.execute(
                text(
                    "insert into message (ledger_month, message_key, campaign_id, line, channel, step, state, due_at, "
                    "contact_id, address_hash, country, language, segments, handed_off_at, carrier_account_id) values "
                    "(:m, :key, :campaign, :line, 'email', 0, 'accepted', now(), '0', :hash, 'GB', 'en', 1, now(), :account)"
                ),
                {
                    "m": month,
                    "key": message_id.key(campaign.id),
                    "campaign": campaign.id,
                    "line": line,
                    "hash": address_hash(to, KEY),
                    "account": self.account,
                },
            )
        return str(message_id)

    def read(self, **options: Any) -> MailboxesRead:
        """One look at the mailbox."""
        return read_mailboxes(self.engine, mailbox_of, hash_key=KEY, **options)

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Rows of a query."""
        with self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(text(query), values)]

    def execute(self, query: str, **values: Any) -> None:
        """Change something."""
        with self.engine.begin() as connection:
            connection.execute(text(query), values)

    def replies(self) -> list[dict[str, Any]]:
        """The replies, oldest first, each with the id of the message that it answers."""
        return self.rows(
            "select r.kind, r.text, r.sent_to, c.token || '-' || m.line || '-email-0' as message_id, t.path as team "
            "from reply r left join campaign c on c.id = r.campaign_id left join message m on m.ledger_month = r.ledger_month "
            "and m.message_key = r.message_key "
            "left join team t on t.id = r.team_id order by r.id"
        )

    def open_alerts(self) -> list[str]:
        """The reasons of open alerts."""
        return [row["reason"] for row in self.rows("select reason from alert where resolved_at is null order by id")]


def token(message_id: str, *, days: int = 30, key: bytes = KEY) -> str:
    """A message's token that holds for so many days."""
    return reply_tokens([message_id], key, dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days))[0]


def letter(
    said: str, *, sender: str = PERSON, to: str = MAILBOX, name: str = "<1@example.com>", **headers: str
) -> bytes:
    """An email that a person wrote."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = f"Somebody <{sender}>", to, "Re: your visit", name
    for header, value in headers.items():
        del mail[header.replace("_", "-")]
        mail[header.replace("_", "-")] = value
    mail.set_content(said)
    return mail.as_bytes()


def bounce(
    message_id: str,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    recipient: str = PERSON,
    signed: str | None = None,
    whole: bool = False,
) -> bytes:
    """A report of delivery as a mail server writes it."""
    mark = token(message_id) if signed is None else signed
    original = f"Message-ID: <{message_id}.{mark}@acme.example>\r\nTo: {recipient}\r\nSubject: Hello\r\n"
    returned = (
        f"Content-Type: message/rfc822\r\n\r\n{original}\r\nSTOP\r\n"
        if whole
        else f"Content-Type: text/rfc822-headers\r\n\r\n{original}"
    )
    return (
        "Return-Path: <>\r\nFrom: Mailer <mailer-daemon@mx.example>\r\nTo: care@acme.example\r\n"
        f"Subject: Undelivered\r\nAuto-Submitted: auto-replied\r\nMessage-ID: <b{hash((message_id, action, status))}@mx>\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="cut"\r\n\r\n'
        "--cut\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered. STOP\r\n\r\n"
        "--cut\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n"
        f"--cut\r\n{returned}\r\n--cut--\r\n"
    ).encode()
