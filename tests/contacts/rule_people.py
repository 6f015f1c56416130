"""Contacts with every kind of value in every place, in plain Python and in a database."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
from typing import Any

from sqlalchemy import Connection, text

from nightmail.campaigns.creation import create_campaign
from nightmail.contacts.segment_rules import Kind
from nightmail.store.partitions import ensure_partitions, month_of
from tests.contacts.rule_cases import Known

NOW = dt.datetime(2028, 2, 29, 12, tzinfo=dt.UTC)
ATTRIBUTES = {"tariff": Kind.TEXT, "balance": Kind.NUMBER, "since": Kind.DATE, "staff": Kind.BOOLEAN}
TEXTS = ("gold", "Gold", "go", "", "100%", "'; drop table contact; --", "straße", "12")
_BORN = (None, "2010-02-28", "2010-03-01", "1928-02-29", "2028-02-29", "2028-03-01", "1990-06-15", "2009-12-31")
_ANY_VALUE: tuple[Any, ...] = (
    *TEXTS, 12, 12.5, -3, 0, True, False, None, "2028-02-29", "2028-02-20", "2027-01-01", "2028-2-9", "9999-12-31",
)  # fmt: skip


def _born(index: int) -> dt.date | None:
    written = _BORN[index % len(_BORN)]
    return None if written is None else dt.date.fromisoformat(written)


def people_of_every_kind() -> list[Known]:
    """Contacts with every kind of value in every place, chosen at random but always alike."""
    chance = random.Random(7)
    made = []
    for number in range(240):
        fields = {
            "external_id": f"{chance.choice(TEXTS)}{number}",
            "email": chance.choice((None, "a@b.example", "")),
            "country": chance.choice((None, "DE", "AT", "")),
            "time_zone": chance.choice((None, "Europe/Berlin", "Asia/Tokyo")),
            "birth_date": _born(number),
        }
        attributes = {name: chance.choice(_ANY_VALUE) for name in ATTRIBUTES if chance.random() < 0.8}
        chosen = {
            "channels": chance.choice((None, [], ["sms"], ["email", "sms"])),
            "categories_in": chance.choice((None, [], ["newsletter"])),
            "categories_out": chance.choice((None, [], ["billing", "newsletter"])),
            "paused_until": chance.choice((None, NOW, NOW + dt.timedelta(seconds=1))),
        }
        consents = [
            {
                "category": chance.choice(("billing", "newsletter")),
                "channel": chance.choice((None, "sms", "email")),
                "captured_at": (captured := NOW - dt.timedelta(days=chance.randrange(1, 5))),
                "expires_at": chance.choice((None, None, NOW, NOW + dt.timedelta(days=9))),
                "withdrawn_at": chance.choice((None, None, captured + dt.timedelta(days=chance.randrange(3)))),
            }
            for _ in range(chance.randrange(5))
        ]
        messages = [
            {
                "category": chance.choice(("billing", "newsletter")),
                "handed_off_at": chance.choice((None, NOW - dt.timedelta(days=chance.choice((0, 5, 10, 20, 400))))),
                "opened_at": chance.choice((None, NOW)),
                "replied_at": chance.choice((None, NOW)),
            }
            for _ in range(chance.randrange(3))
        ]
        preference = chosen if chance.random() < 0.7 else None
        made.append(
            Known(fields, attributes, preference=preference, consents=tuple(consents), messages=tuple(messages))
        )
    return made


def fill(connection: Connection, people: list[Known]) -> None:
    """Store contacts with all that is known of them; their ids count from 1."""
    team = connection.scalar(text("insert into team (path, name) values ('acme', 'Acme') returning id"))
    campaigns = _campaigns(connection, int(team or 0))
    group = connection.scalar(
        text("insert into contact_group (team_id, name, changed_by) values (:team, 'board', 'test') returning id"),
        {"team": team},
    )
    key = itertools.count(1)
    month = month_of(NOW)
    ensure_partitions(connection, month)
    for number, known in enumerate(people, start=1):
        contact = f"{number:032x}"
        row = {"team": team, "contact": contact, "attributes": json.dumps(known.attributes), **known.fields}
        connection.execute(
            text(
                "insert into contact (id, team_id, contact_id, external_id, email, country, time_zone, birth_date, attributes) "
                "overriding system value values (:number, :team, :contact, :external_id, :email, :country, :time_zone, "
                ":birth_date, cast(:attributes as jsonb))"
            ),
            {**row, "number": number},
        )
        for tag in known.tags:
            connection.execute(
                text("insert into contact_tag (contact_id, tag) values (:number, :tag)"), {"number": number, "tag": tag}
            )
        if known.groups:
            connection.execute(
                text(
                    "insert into contact_group_member (group_id, contact_id, added_by) values (:group, :number, 'test')"
                ),
                {"group": group, "number": number},
            )
        if known.preference is not None:
            connection.execute(
                text(
                    "insert into preference (team_id, contact_id, channels, categories_in, categories_out, paused_until) "
                    "values (:team, :contact, :channels, :categories_in, :categories_out, :paused_until)"
                ),
                {"team": team, "contact": contact, **known.preference},
            )
        for consent in known.consents:
            connection.execute(
                text(
                    "insert into consent (team_id, contact_id, category, channel, captured_at, captured_how, expires_at, withdrawn_at) "
                    "values (:team, :contact, :category, :channel, :captured_at, 'form', :expires_at, :withdrawn_at)"
                ),
                {"team": team, "contact": contact, **consent},
            )
        for message in known.messages:
            connection.execute(
                text(
                    "insert into message (ledger_month, message_key, campaign_id, line, channel, step, state, due_at, "
                    "contact_id, address_hash, segments, handed_off_at, opened_at, replied_at) values (:month, :key, "
                    ":campaign, 2, 'sms', 0, 'accepted', now(), :contact, 'h', 1, :handed_off_at, :opened_at, :replied_at)"
                ),
                {"month": month, "key": next(key), "campaign": campaigns[message["category"]], "contact": contact}
                | {name: message[name] for name in ("handed_off_at", "opened_at", "replied_at")},
            )


def _campaigns(connection: Connection, team: int) -> dict[str, int]:
    """A campaign of each category."""
    made = {}
    for name in ("billing", "newsletter"):
        category = connection.scalar(
            text(
                "insert into category (team_id, name, kind, needs_consent) values (:team, :name, 'service', false) returning id"
            ),
            {"team": team, "name": name},
        )
        template = connection.scalar(
            text("insert into template (team_id, name, category_id) values (:team, :name, :category) returning id"),
            {"team": team, "name": name, "category": category},
        )
        version = connection.scalar(
            text(
                "insert into template_version (template_id, version, content) values (:template, 1, '{}') returning id"
            ),
            {"template": template},
        )
        made[name] = create_campaign(
            connection, team_id=team, template_version_id=int(version or 0), category_id=int(category or 0), source="api",
            actor="test",
        ).id  # fmt: skip
    return made
