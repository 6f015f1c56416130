"""What needs people in the tests' organisation: alerts, suspensions, doubts, opt-outs, replies."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, text

from nightmail.campaigns.alerts import close_alerts, raise_alert
from nightmail.campaigns.campaign_rows import CampaignRow, campaign_of_token
from nightmail.campaigns.creation import create_campaign
from nightmail.campaigns.suspensions import lift_suspension, suspend_channel
from nightmail.consent.suppressing import lift_suppressions
from nightmail.consent.suppressions import (
    BY_HAND,
    COMPLAINT,
    HARD_BOUNCE,
    OPTED_OUT,
    find_suppression,
    record_suppressions,
)
from nightmail.message_ids import parse_message_id
from nightmail.privacy import address_hash
from tests.portal.conftest import SECRET_KEY, Organisation


def raise_alert_of(
    organisation: Organisation, team: str | None, subject: str, reason: str = "carrier_unavailable"
) -> int:
    """A new open alert of a team, or of none; its number."""
    return _raised(
        organisation.engine, organisation.teams[team] if team else None, subject, reason, "It does not answer."
    )


def _raised(engine: Engine, team_id: int | None, subject: str, reason: str, message: str) -> int:
    with engine.begin() as connection:
        raise_alert(connection, reason=reason, subject=subject, message=message, team_id=team_id)
        statement = text("select id from alert where subject = :subject and reason = :reason and resolved_at is null")
        return int(connection.execute(statement, {"subject": subject, "reason": reason}).scalar_one())


def alerts(engine: Engine) -> list[int]:
    """Alerts of several kinds, two of them over; the numbers of those that are open."""
    with engine.connect() as connection:
        team_id = connection.scalar(text("select id from team where path = 'acme.billing'"))
    made = [
        _raised(
            engine,
            team_id,
            "carrier:acme-sms",
            "carrier_unavailable",
            "acme-sms gave no clear answer to 5 hand-offs in a row (timeout).",
        ),
        _raised(
            engine,
            team_id,
            "campaign:2026-11-30.acme.billing.7f3a9c",
            "in_doubt",
            "3 messages are in doubt: it is not known whether the carrier took them.",
        ),
        _raised(
            engine,
            team_id,
            "feed:acme.billing/invoices",
            "feed_late",
            "The feed acme.billing/invoices had no file by 06:00.",
        ),
        _raised(engine, None, "job:report", "run_failed", "2 runs of the job report failed, the last one 1b9e0f2c."),
        _raised(
            engine,
            None,
            "sftp:north:/in/" + "rechnungen_" * 30 + ".csv",
            "sftp_look_failed",
            "north cannot be looked at: " + "permission denied; " * 20,
        ),
    ]
    over = _raised(
        engine, team_id, "carrier:acme-mail", "carrier_failed_over", "acme-mail gave 20 doubtful answers within 60 s."
    )
    ended = _raised(
        engine, team_id, "campaign:x", "cut_off_at_risk", "The campaign ends about 23:40, after its cut-off at 22:00."
    )
    with engine.begin() as connection:
        close_alerts(connection, [over], actor="user:anna", why="The carrier mended it; asked them by telephone.")
        connection.execute(text("update alert set resolved_at = now() where id = :id"), {"id": ended})
    return made


def alerts_address(address: str, engine: Engine) -> str:
    """A list of alerts, with some in it."""
    alerts(engine)
    return address


def alert_address(engine: Engine) -> str:
    """An open alert."""
    return f"/alerts/{alerts(engine)[0]}"


def close_alerts_address(engine: Engine) -> str:
    """The question before alerts are closed."""
    return "/alerts/close?" + "&".join(f"alert={each}" for each in alerts(engine)[:3])


def suspensions(engine: Engine) -> list[int]:
    """A channel that a person suspended, with messages that wait, one of an account that the senders did, and one that is over."""
    with engine.connect() as connection:
        team_id = connection.scalar(text("select id from team where path = 'acme.billing'"))
        account_id = connection.scalar(text("select id from carrier_account where channel = 'email'"))
    for number in (1, 2):
        campaign = campaign_of(engine, "acme.billing", "sending")
        for line in range(2, 2 + 3 * number):
            message_of(engine, campaign, line=line, state="queued")
    by_hand = suspend_channel(
        engine, "sms", reason="The texts of this week state a wrong price.", by="user:anna", team_id=team_id
    )
    over = suspend_channel(engine, "voice", reason="Nobody may be called today.", by="user:anna")
    lift_suspension(engine, over.id, by="user:ben", why="The day is over.")
    by_senders = suspend_channel(
        engine,
        "email",
        reason="sendgrid answered 401: the key is not valid",
        by="senders",
        carrier_account_id=account_id,
    )
    return [by_hand.id, by_senders.id, over.id]


def suspensions_address(address: str, engine: Engine) -> str:
    """A list of suspensions, with some in it."""
    suspensions(engine)
    return address


def suspension_address(which: int, engine: Engine) -> str:
    """A suspension: 0 by hand, 1 by the senders, 2 over."""
    return f"/suspensions/{suspensions(engine)[which]}"


def campaign_of(engine: Engine, team: str, *states: str) -> CampaignRow:
    """A new campaign of a team, moved through states."""
    with engine.begin() as connection:
        version = connection.execute(
            text(
                "select v.id, p.category_id, f.id as feed_id, t.id as team_id from template_version v "
                "join template p on p.id = v.template_id join team t on t.path = :team "
                "left join feed f on f.team_id = t.id order by v.id limit 1"
            ),
            {"team": team},
        ).one()
        made = create_campaign(
            connection,
            team_id=version.team_id,
            feed_id=version.feed_id,
            template_version_id=version.id,
            category_id=version.category_id,
            actor="tests",
            source="api",
        )
        for state in ("checking", *states):
            connection.execute(
                text("update campaign set state = :state where id = :id"), {"state": state, "id": made.id}
            )
    return made


def message_of(engine: Engine, campaign: CampaignRow, **values: Any) -> str:
    """A message of a campaign; its id."""
    return Organisation(engine, {}, {}, 0, 0).message(campaign, **values)


def doubts(engine: Engine) -> list[str]:
    """Two campaigns with messages in doubt, one with an attempt and a fallback; the messages' ids."""
    with engine.connect() as connection:
        account = connection.execute(text("select id from carrier_account where channel = 'sms'")).scalar_one()
    made = []
    for team, state in (("acme.billing", "sending"), ("acme.care", "finished")):
        campaign = campaign_of(engine, team, *(("sending", "finished") if state == "finished" else (state,)))
        made += [
            message_of(
                engine,
                campaign,
                line=line,
                state="in_doubt",
                error_code="timeout",
                reason="in_doubt",
                carrier_account_id=account,
                attempts=1,
                address=f"+4917012345{line:02d}",
            )
            for line in (2, 3, 4)
        ]
        message_of(engine, campaign, line=2, channel="email", address="ann@example.org", state="standby")
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into attempt (ledger_month, message_key, number, sender_run_id, carrier_account_id, outcome, error_code, "
                "error_class) select ledger_month, message_key, 1, 1, carrier_account_id, 'in_doubt', 'timeout', 'in_doubt' "
                "from message where state = 'in_doubt'"
            )
        )
    return made


def doubts_address(address: str, engine: Engine) -> str:
    """A list of messages in doubt, with some in it."""
    doubts(engine)
    return address


def doubt_address(engine: Engine) -> str:
    """A message in doubt."""
    return f"/doubts/{doubts(engine)[0]}"


def doubts_of_campaign_address(engine: Engine) -> str:
    """All messages in doubt of a campaign."""
    doubts(engine)
    with engine.connect() as connection:
        return f"/doubts/campaign/{connection.scalar(text('select key from campaign order by id limit 1'))}"


def opt_outs(engine: Engine) -> list[int]:
    """Suppressions of every reason, two of them of one address; their numbers, the oldest first."""
    campaign = campaign_of(engine, "acme.billing", "sending")
    message = message_of(engine, campaign)
    with engine.begin() as connection:
        team_id = connection.execute(text("select id from team where path = 'acme.billing'")).scalar_one()
        made: list[int] = []
        for number, (channel, reason, source) in enumerate(
            (
                ("sms", OPTED_OUT, "reply"),
                ("email", COMPLAINT, "receipt:sendgrid"),
                ("email", HARD_BOUNCE, "carrier:550"),
                ("sms", BY_HAND, "user:anna"),
            )
        ):
            made += record_suppressions(
                connection,
                [(channel, address_hash(f"+49170123456{number}", b"sample"))],
                team_id=team_id,
                reason=reason,
                source=source,
                message_id=message if reason == OPTED_OUT else None,
                why="Asked us by telephone, 30 November." if reason == BY_HAND else None,
            )
        pair = [("voice", address_hash("+491701234560", b"sample"))]
        made += record_suppressions(
            connection, pair, team_id=None, reason=HARD_BOUNCE, source="receipt:twilio", category="appointment"
        )
    return made


def opt_outs_address(address: str, engine: Engine) -> str:
    """A list of suppressions, with some in it."""
    opt_outs(engine)
    return address


def opt_out_address(engine: Engine) -> str:
    """What somebody asked for by a reply."""
    return f"/opt-outs/{opt_outs(engine)[0]}"


def lifted_address(engine: Engine) -> str:
    """A suppression that was lifted."""
    number = opt_outs(engine)[3]
    with engine.begin() as connection:
        row = find_suppression(connection, number, team="acme.billing")
        lift_suppressions(connection, [row], actor="user:anna", why="The number is theirs again.")
    return f"/opt-outs/{number}"


def reply_of(
    engine: Engine,
    team: str | None,
    said: str = "please stop texting me",
    kind: str = "probable_stop",
    message: str | None = None,
    address: str = "+491701234567",
) -> int:
    """A reply to a team's number, stored as the receiver of webhooks does; its number."""
    parsed = parse_message_id(message) if message else None
    with engine.begin() as connection:
        campaign = campaign_of_token(connection, parsed.token) if parsed else None
        team_id = connection.scalar(text("select id from team where path = :team"), {"team": team})
        statement = text(
            "insert into reply (event_key, team_id, channel, kind, address, address_hash, text, ledger_month, message_key, "
            "campaign_id, sent_to, using_teams) values (:event, :team, 'sms', :kind, :address, :hash, :said, :month, :key, "
            ":campaign, '+15005550006', cast(:teams as jsonb)) returning id"
        )
        values = {
            "event": f"sample:{uuid4()}",
            "team": team_id,
            "kind": kind,
            "address": address,
            "hash": address_hash(address, SECRET_KEY.encode()),
            "said": said,
            "month": campaign.ledger_month if campaign else None,
            "key": parsed.key(campaign.id) if parsed and campaign else None,
            "campaign": campaign.id if campaign else None,
            "teams": json.dumps([team_id] if team_id else []),
        }
        return int(connection.execute(statement, values).scalar_one())


def replies(engine: Engine) -> list[int]:
    """Replies of every kind to a campaign's messages, and one of somebody unknown; their numbers."""
    campaign = campaign_of(engine, "acme.billing", "sending")
    made = []
    for line, (kind, said) in enumerate(
        (
            ("text", "Danke, bis morgen! 🙂"),
            ("stop", "STOP"),
            ("key", "1"),
            ("help", "HELP"),
            ("probable_stop", "لا أريد رسائل أخرى من فضلكم.\nIch möchte wirklich nichts mehr von Ihnen bekommen."),
            ("probable_stop", "please stop texting me"),
        ),
        start=2,
    ):
        address = f"+49170123456{line}"
        message = message_of(engine, campaign, line=line, address=address)
        made.append(reply_of(engine, "acme.billing", said, kind, message, address))
    made.append(reply_of(engine, "acme.care", "Who is this?", "text", address="+447700900123"))
    return made


def replies_address(address: str, engine: Engine) -> str:
    """A list of replies, with some in it."""
    replies(engine)
    return address


def reply_address(form: str, engine: Engine) -> str:
    """A page of a reply that waits for a decision."""
    return form.format(replies(engine)[4])
