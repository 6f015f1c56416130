"""What is known is the same, whether all of it is read or the people of a campaign are looked up."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from nightmail.audience import AudiencePolicy, KnownPreferences, People, people_of, plan_audience
from nightmail.lake import TableFile
from nightmail.lake.schemas import CONTACTS
from nightmail.preparation import stored_preferences
from nightmail.preparation.stored_inputs import known_preferences
from nightmail.preparation.stored_preferences import StoredPreferences, lookup_is_cheaper
from nightmail.privacy import address_hash, contact_ids
from nightmail.privacy.keyed_hashes import hex_column

KEY = b"k" * 32
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
TEAM = "acme.shop.web"
IDS = ["c-1", "c-2", "c-3"]
NUMBERS = ["+447700900123", "+447700900124", "+447700900125"]
EMAILS = ["a@example.com", "B@example.com"]
TEAMS = st.sampled_from(["acme", "acme.shop", TEAM, "acme.shopping", "globex"])
PERSONS = st.sampled_from(IDS)
TOPICS = st.one_of(st.none(), st.lists(st.sampled_from(["offers", "news"]), unique=True, max_size=2))

_SUPPRESSED = st.tuples(
    st.one_of(st.none(), TEAMS),
    st.sampled_from(NUMBERS + EMAILS),
    st.sampled_from(["sms", "email", ""]),
    st.sampled_from([None, "offers", "news"]),
    st.sampled_from(["opted_out", "hard_bounce", "by_hand", "probable_opt_out"]),
    st.booleans(),
)
_CHOSEN = st.tuples(
    TEAMS,
    PERSONS,
    st.fixed_dictionaries(
        {
            "channels": st.sampled_from([None, [], ["email", "sms"]]),
            "in": TOPICS,
            "out": TOPICS,
            "quiet": st.sampled_from([None, "20:00"]),
            "zone": st.sampled_from([None, "Asia/Tokyo", "Europe/Berlin"]),
            "pause": st.sampled_from([None, NOW + dt.timedelta(days=1)]),
        }
    ),
)
_AGREED = st.tuples(
    TEAMS,
    PERSONS,
    st.sampled_from(["offers", "news"]),
    st.sampled_from([None, "sms", "email"]),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from([None, 5, 400]),
)


def _record(connection: Connection, known: dict[str, list[tuple[Any, ...]]]) -> None:
    teams = {row.path: row.id for row in connection.execute(text("select path, id from team"))}
    for team, address, channel, category, reason, lifted in known["suppressed"]:
        connection.execute(
            text(
                "insert into suppression (team_id, channel, address_hash, category, reason, source, lifted_at) "
                "values (:t, :ch, :h, :c, :r, 'test', :l) on conflict do nothing"
            ),
            {
                "t": teams.get(team),
                "ch": channel,
                "h": address_hash(address, KEY),
                "c": category,
                "r": reason,
                "l": NOW if lifted else None,
            },
        )
    for at, (team, person, chosen) in enumerate(known["chosen"]):
        values = {"t": teams[team], "p": contact_ids(TEAM, [person], KEY)[0], "s": 1000 + at, **chosen}
        connection.execute(
            text(
                "insert into preference (team_id, contact_id, channels, categories_in, categories_out, quiet_from, quiet_until, "
                "time_zone, paused_until, statement_id) values (:t, :p, :channels, :in, :out, :quiet, '09:00', :zone, :pause, :s) "
                "on conflict do nothing"
            ),
            values,
        )
    for team, person, category, channel, day, withdrawn, ends in known["agreed"]:
        at = NOW - dt.timedelta(days=30 - day)
        connection.execute(
            text(
                "insert into consent (team_id, contact_id, category, channel, captured_at, captured_how, withdrawn_at, expires_at) "
                "values (:t, :p, :c, :ch, :at, 'form', :w, :e)"
            ),
            {
                "t": teams[team],
                "p": contact_ids(TEAM, [person], KEY)[0],
                "c": category,
                "ch": channel,
                "at": at,
                "w": at if withdrawn else None,
                "e": None if ends is None else NOW - dt.timedelta(days=30 - ends),
            },
        )


@pytest.fixture
def connection(database: Engine) -> Any:
    """A connection with teams, all of whose work is undone."""
    with database.connect() as opened:
        paths = ["acme", "acme.shop", TEAM, "acme.shopping", "globex"]
        opened.execute(text("insert into team (path, name) values (:p, :p)"), [{"p": path} for path in paths])
        yield opened
        opened.rollback()


def _contacts(folder: Path, rows: list[tuple[str, str | None, str | None]]) -> TableFile:
    table = TableFile(f"{folder}/contacts.parquet")
    made = [
        {"line": at + 2, "external_id": who, "phone": phone, "phone_type": "mobile", "email": email}
        for at, (who, phone, email) in enumerate(rows)
    ]
    table.write(pa.Table.from_pylist(made, schema=CONTACTS))
    return table


def _policy(**more: Any) -> AudiencePolicy:
    return AudiencePolicy(
        team=TEAM,
        hash_key=KEY,
        channels=("sms", "email"),
        languages={"sms": ("en",), "email": ("en",)},
        category="offers",
        needs_consent=True,
        now=NOW,
        **more,
    )


def _of_people(known: KnownPreferences, people: People) -> list[list[dict[str, Any]]]:
    """Whatever is known of these people, in one order."""
    contacts, addresses = (set(hex_column(each).to_pylist()) for each in (people.contacts, people.addresses))
    return [
        sorted((row for row in known.suppressions.to_pylist() if row["address_hash"] in addresses), key=str),
        sorted((row for row in known.preferences.to_pylist() if row["contact_id"] in contacts), key=str),
        sorted((row for row in known.consents.to_pylist() if row["contact_id"] in contacts), key=str),
    ]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    known=st.fixed_dictionaries(
        {
            "suppressed": st.lists(_SUPPRESSED, max_size=6),
            "chosen": st.lists(_CHOSEN, max_size=6),
            "agreed": st.lists(_AGREED, max_size=8),
        }
    ),
    rows=st.lists(
        st.tuples(
            PERSONS, st.one_of(st.none(), st.sampled_from(NUMBERS)), st.one_of(st.none(), st.sampled_from(EMAILS))
        ),
        max_size=4,
    ),
)
def test_both_ways_give_the_same(
    connection: Connection,
    tmp_path: Path,
    known: dict[str, list[tuple[Any, ...]]],
    rows: list[tuple[str, str | None, str | None]],
) -> None:
    with connection.begin_nested() as undone:
        _record(connection, known)
        contacts, policy = _contacts(tmp_path, rows), _policy()
        people = people_of(contacts, policy)
        read, looked_up = known_preferences(connection, TEAM), known_preferences(connection, TEAM, people)
        undone.rollback()
    assert _of_people(looked_up, people) == _of_people(read, people)
    # Nobody else is in what was looked up.
    assert _of_people(looked_up, people) == [
        sorted(table.to_pylist(), key=str)
        for table in (looked_up.suppressions, looked_up.preferences, looked_up.consents)
    ]
    answers = []
    for each in (read, looked_up):
        audience, log = (TableFile(f"{tmp_path}/{name}.parquet") for name in ("audience", "decisions"))
        plan_audience(contacts, audience, policy, each, decisions=log)
        answers.append((audience.read().to_pylist(), log.read().to_pylist()))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("contacts", "known", "of_team", "looked_up"),
    [
        (10, 0, TEAM, True),  # few contacts always
        (600, 100, TEAM, False),
        (600, 4000, TEAM, True),
        (600, 4000, "acme", True),  # what a team above knows is read as well
        (600, 4000, "globex", False),  # what others know is not
        (stored_preferences.MOST_LOOKED_UP + 1, 4000, TEAM, False),
    ],
)
def test_the_way_goes_by_the_numbers(
    connection: Connection, contacts: int, known: int, of_team: str, looked_up: bool
) -> None:
    connection.execute(
        text(
            "insert into suppression (team_id, channel, address_hash, reason, source) "
            "select t.id, 'sms', decode(md5(n::text), 'hex'), 'by_hand', 'test' from team t, generate_series(1, :n) n where path = :p"
        ),
        {"n": known, "p": of_team},
    )
    assert lookup_is_cheaper(connection, TEAM, contacts) is looked_up


def test_a_campaign_of_the_store_holds_whom_it_knows(database: Engine, tmp_path: Path) -> None:
    with database.begin() as connection:
        connection.execute(text("insert into team (path, name) values (:p, :p)"), {"p": TEAM})
        _record(
            connection,
            {
                "suppressed": [(None, NUMBERS[0], "sms", None, "opted_out", False)],
                "chosen": [],
                "agreed": [(TEAM, "c-1", "offers", None, 1, False, None)],
            },
        )
    contacts, audience = _contacts(tmp_path, [("c-1", NUMBERS[0], EMAILS[0])]), TableFile(f"{tmp_path}/a.parquet")
    plan_audience(contacts, audience, _policy(), StoredPreferences(database, TEAM))
    assert audience.read().to_pylist()[0]["channel"] == "email"
