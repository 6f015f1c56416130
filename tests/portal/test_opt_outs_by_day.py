"""The lake's ``opt_outs`` and ``questions``: what came through signed webhooks, as analysts read it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from nightmail.lake import TableFile
from nightmail.lake.schemas import OPT_OUTS, QUESTIONS
from nightmail.privacy import address_hash
from nightmail.reports.changed_days import changed_days
from nightmail.reports.receipts_and_replies import write_opt_outs, write_questions
from tests.portal.conftest import SECRET_KEY, Organisation, RunningPortal

PERSON = "+491701234567"


def test_opt_outs_and_questions_of_a_day(
    portal: RunningPortal, organisation: Organisation, sendgrid_key: ec.EllipticCurvePrivateKey, tmp_path: Path
) -> None:
    now = dt.datetime.now(dt.UTC)
    campaign = organisation.campaign()
    text_id = organisation.message(campaign, address=PERSON, carrier_account_id=_account(organisation, "twilio"))
    mail_id = organisation.message(campaign, line=3, channel="email", address="a@example.com")
    call_id = organisation.message(campaign, line=4, channel="voice", address=PERSON, body="<Response/>")
    stop = {"MessageSid": "SM1", "From": PERSON, "To": "+15005550006", "Body": "STOP"}
    assert portal.twilio("/webhooks/twilio/inbound-sms", stop).status_code == 200
    spam = {"event": "spamreport", "email": "a@example.com", "timestamp": int(now.timestamp()), "message_id": mail_id}
    assert portal.sendgrid(sendgrid_key, [spam]).status_code == 204
    for number, key in enumerate("19"):
        call = {"CallSid": f"CA{number}", "To": PERSON, "From": "+15005550006", "Digits": key}
        portal.twilio("/webhooks/twilio/keys", call, call_id)
    organisation.change(
        "insert into suppression (channel, address_hash, reason, source) values ('sms', 'x', 'hard_bounce', 'receipt:twilio'), "
        "('sms', 'y', 'opted_out', 'user:anna')"
    )
    opt_outs, questions = TableFile(f"{tmp_path}/o.parquet"), TableFile(f"{tmp_path}/q.parquet")
    with organisation.engine.connect() as connection:
        day = connection.exec_driver_sql("select (now() at time zone 'UTC')::date").scalar_one()
        assert write_opt_outs(connection, day, opt_outs) == {
            "rows": 3,
            "how": {"reply": 1, "receipt": 1, "by_hand": 1},
        }
        counts = write_questions(connection, day, questions)
        assert day in changed_days(connection, now - dt.timedelta(hours=1), now + dt.timedelta(hours=1))
    assert opt_outs.read().schema.equals(OPT_OUTS)
    found = {row["how"]: row for row in opt_outs.read().to_pylist()}
    shown = ("team", "channel", "address_hash", "category", "reason", "message_id", "campaign", "feed", "contact_id")
    hashed = address_hash(PERSON, SECRET_KEY.encode()).hex()

    def of(how: str) -> list[Any]:
        return [found[how][name] for name in shown]

    contact = f"{2:032x}"
    of_campaign = [campaign.key, "visits"]
    # The number is the account's own: it is that of every team without a sender, from the highest on.
    assert of("reply") == ["acme", "sms", hashed, None, "opted_out", text_id, *of_campaign, contact]
    mail_hash = address_hash("a@example.com", SECRET_KEY.encode()).hex()
    assert of("receipt") == ["acme.billing", "email", mail_hash, None, "complaint", mail_id, *of_campaign, f"{3:032x}"]
    assert of("by_hand") == [None, "sms", b"y".hex(), None, "opted_out", None, None, None, None]

    assert questions.read().schema.equals(QUESTIONS)
    answered = questions.read().to_pylist()
    assert counts["rows"] == len(answered) == 1, "another key has the message said again"
    del answered[0]["answered_at"]
    assert answered == [
        {
            "message_id": call_id,
            "campaign": campaign.key,
            "team": "acme.billing",
            "contact_id": f"{4:032x}",
            "channel": "voice",
            "language": "en",
            "template": "visit",
            "template_version": 1,
            "question": "Press 1 to confirm.",
            "answer": "1",
            "means": "confirm",
        }
    ]


def _account(organisation: Organisation, name: str) -> int:
    (row,) = organisation.rows("select id from carrier_account where name = :name", name=name)
    return int(row["id"])
