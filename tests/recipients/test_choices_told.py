"""What contacts chose, as their history tells it: what, when, from where and by whom."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Engine, text

from nightmail.access.principals import system_principal
from nightmail.consent.preferences import record_preferences
from nightmail.recipients.asked import Asked
from nightmail.recipients.campaign_holds import holds_of
from nightmail.recipients.events import EventKind, sentence_of
from nightmail.recipients.said import said_of

CONTACT = "ab" * 16
AT = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def test_each_statement_is_told_with_its_time_origin_and_author(database: Engine) -> None:
    """A pause and its end too, in order of the times at which they were stated; another team's are not told."""
    with database.begin() as connection:
        connection.execute(text("insert into team (path, name) values ('acme', 'Acme'), ('other', 'Other')"))
        teams = dict(connection.execute(text("select path, id from team")).tuples().all())
        pause = {"paused_until": "2026-12-24T00:00:00+00:00"}
        topics = {"topics": {"offers": False, "billing": True}, "channels": ["email", "sms"]}
        for team, at, changes, source, by in (
            ("acme", AT, pause, "preference_page", "recipient"),
            (
                "acme",
                AT + dt.timedelta(hours=2),
                {"paused_until": None, "quiet_from": None, "quiet_until": None},
                "call",
                "user:ada",
            ),
            ("acme", AT + dt.timedelta(hours=1), topics, "api", "key:1"),
            ("other", AT, {"language": "fr"}, "call", "user:eve"),
        ):
            record_preferences(connection, teams[team], [(CONTACT, at, changes)], source=source, actor=by)
        said = said_of(
            connection, system_principal("test"), ([], [CONTACT]), ["acme"], Asked(), [], holds_of(connection, [], [])
        )
    told = sorted((event for event in said.events if event.kind is EventKind.PREFERENCE), key=lambda each: each.at)
    assert [sentence_of(event) for event in told] == [
        "Chose a pause until 2026-12-24 00:00 UTC (preference_page, by recipient)",
        "Chose the channels email, sms, the categories billing, not the categories offers (api, by key:1)",
        "Chose no longer quiet hours, a pause (call, by user:ada)",
    ]
    assert [event.at for event in told] == [AT + dt.timedelta(hours=hours) for hours in range(3)]
    assert told[0].as_dict()["paused_until"] == dt.datetime(2026, 12, 24, tzinfo=dt.UTC)
