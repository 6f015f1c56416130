"""Addresses of settings pages in the tests' organisation: each makes what its page shows."""

from __future__ import annotations

import datetime as dt
import json
from functools import partial

from sqlalchemy import Engine, text

from nightmail.campaigns.alerts import raise_alert
from nightmail.campaigns.suspensions import suspend_channel
from nightmail.store.partitions import ensure_partitions, month_of

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq0pS1CkZp2v5D0Zq0v0n3m1k8oYvUuV0vJ8Gd0l2aQ"


def account(engine: Engine, ending: str = "") -> str:
    """An account of SMTP that is suspended and down, with a mailbox, two senders, a way around it and errors of its carrier."""
    settings = {
        "adapter": "smtp_email",
        "account": "nightmail",
        "base_url": "smtps://mail.acme.example",
        "rate_per_s": 20,
        "failover": {"after": 3},
        "mailbox": {"url": "imaps://mail.acme.example", "user": "answers@acme.example", "secret": "env:NOT_SET_HERE"},
    }
    with engine.begin() as connection:
        made = connection.execute(
            text(
                "insert into carrier_account (name, carrier, channel, team_id, priority, settings, secret, provisioned_by) "
                "select 'acme-smtp', 'smtp', 'email', id, 5, cast(:settings as jsonb), 'env:TEST_TWILIO_TOKEN', 'acme' "
                "from team where path = 'acme' returning id"
            ),
            {"settings": json.dumps(settings)},
        ).scalar_one()
        for statement in (
            "insert into sender (team_id, channel, name, address, display_name, reply_to, carrier_account_id, provisioned_by) "
            "select id, 'email', 'default', 'service@acme.example', 'Acme · アクメ', 'answers@acme.example', :account, 'acme' "
            "from team where path = 'acme'",
            "insert into sender (team_id, channel, name, address, carrier_account_id) "
            "select t.id, 'email', 'second', 'second@acme.example', a.id from team t, carrier_account a "
            "where t.path = 'acme' and a.name = 'sendgrid'",
            "insert into failover (carrier_account_id, moved_percent, since) values (:account, 50, now() - interval '9 minutes')",
            "insert into mailbox (carrier_account_id, looked_at) values (:account, now() - interval '2 minutes')",
            "insert into mail_aside (carrier_account_id, uid_validity, uid, problem) values (:account, 1, 17, 'it has no end')",
        ):
            connection.execute(text(statement), {"account": made})
        month = month_of(dt.datetime.now(dt.UTC))
        ensure_partitions(connection, month)
        for number, (code, error_class) in enumerate((("421", "retry_later"), ("550", "suppress"), ("599", "unknown"))):
            connection.execute(
                text(
                    "insert into attempt (ledger_month, message_key, number, sender_run_id, carrier_account_id, outcome, "
                    "error_code, error_class) values (:month, :key, 1, 1, :account, 'rejected', :code, :class)"
                ),
                {"month": month, "key": 900 + number, "account": made, "code": code, "class": error_class},
            )
        raise_alert(
            connection,
            reason="carrier_error_unknown",
            subject="carrier:acme-smtp:599",
            message="acme-smtp answered 599, which is in no table.",
        )
    suspend_channel(engine, "email", reason="The provider moves its servers.", by="tests", carrier_account_id=int(made))
    return f"/settings/carriers/{made}{ending}"


def filled(address: str, engine: Engine) -> str:
    """``address`` of a list, with something of each kind in it."""
    account(engine)
    server(engine)
    prices(engine)
    category(engine)
    webhook(engine)
    return address


def sender(engine: Engine) -> str:
    """A sender whose account is suspended."""
    account(engine)
    with engine.connect() as connection:
        made = connection.scalar(text("select id from sender where name = 'default'"))
    return f"/settings/senders/{made}"


def server(engine: Engine) -> str:
    """A server that the last look did not reach, with a feed on it."""
    with engine.begin() as connection:
        made = connection.execute(
            text(
                "insert into sftp_server (name, host, username, private_key_secret, host_key, root, provisioned_by, looked_at, "
                "failed_at, failure) values ('files', 'sftp.acme.example', 'nightmail', 'file:/run/secrets/sftp_key', :key, "
                "'/data', 'acme', now() - interval '3 hours', now() - interval '1 minute', "
                "'The SFTP server files does not answer.') returning id"
            ),
            {"key": HOST_KEY},
        ).scalar_one()
        connection.execute(
            text(
                "update feed set sftp_server_id = :server, folder = '/billing/visits' "
                "where team_id = (select id from team where path = 'acme.billing')"
            ),
            {"server": made},
        )
        raise_alert(
            connection,
            reason="sftp_unreachable",
            subject="sftp:files",
            message="The SFTP server files does not answer.",
        )
    return f"/settings/sftp-servers/{made}"


def prices(engine: Engine, address: str = "/settings/prices") -> str:
    """A price for all countries, one for Germany that changes soon, and calls that have prices for two countries alone."""
    rows = (
        ("twilio", "sms", None, "0.0500", "2026-01-01"),
        ("twilio", "sms", "DE", "0.0915", "2026-01-01"),
        ("twilio", "sms", "DE", "0.0950", "2099-01-01"),
        ("twilio", "voice", "GB", "0.012", "2026-01-01"),
        ("twilio", "voice", "AT", "0.0145", "2026-01-01"),
    )
    with engine.begin() as connection:
        for carrier, channel, country, amount, since in rows:
            connection.execute(
                text(
                    "insert into price (carrier, channel, country, amount, currency, effective_from, provisioned_by) "
                    "values (:carrier, :channel, :country, :amount, 'USD', cast(:since as date), 'acme')"
                ),
                {"carrier": carrier, "channel": channel, "country": country, "amount": amount, "since": since},
            )
    return address


def category(engine: Engine, address: str = "/settings/categories") -> str:
    """A category of a team's own."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into category (team_id, name, kind, needs_consent, urgent, resend_if_absent) "
                "select id, 'flood_warning', 'service', false, true, true from team where path = 'acme'"
            )
        )
    return address


def team(engine: Engine) -> str:
    """A team with settings of its own, and some from above."""
    with engine.begin() as connection:
        for path, settings in (
            ("acme", {"four_eyes": {"over_contacts": 10_000}, "when_suspended": {"sms": "fall"}}),
            ("acme.billing", {"report": {"folder": "/billing/reports", "format": "parquet", "at": "06:00"}}),
        ):
            connection.execute(
                text("update team set settings = cast(:settings as jsonb) where path = :path"),
                {"path": path, "settings": json.dumps(settings)},
            )
    return "/settings/teams/acme.billing"


def webhook(engine: Engine, ending: str = "") -> str:
    """A webhook with calls that were taken, are tried again, and were given up."""
    with engine.begin() as connection:
        made = connection.execute(
            text(
                "insert into webhook (team_id, url, events, secret) select id, 'https://hooks.acme.example/nightmail/events', "
                "array['campaign.finished', 'reply.received'], 'derived:0123' from team where path = 'acme.billing' returning id"
            )
        ).scalar_one()
        for values in (
            "'campaign.finished', 9, null, now(), 500",
            "'campaign.finished', 1, now(), null, 204",
            "'reply.received', 2, null, null, 503",
        ):
            connection.execute(
                text(
                    "insert into webhook_call (webhook_id, event, attempts, delivered_at, given_up_at, last_status, body, due_at) "
                    f"values (:webhook, {values}, '{{}}', now() + interval '1 hour')"
                ),
                {"webhook": made},
            )
    return f"/settings/webhooks/{made}{ending}"


webhook_rotate = partial(webhook, ending="/rotate")
webhook_end = partial(webhook, ending="/end")
