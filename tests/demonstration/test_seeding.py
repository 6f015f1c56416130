"""What the demo makes up adds up, is marked, and is made up nowhere but in a sandbox of its own."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from commands.demonstration.customers import KINDS, Customers
from commands.demonstration.seeding import Seeding
from commands.demonstration.tour import ORGANISATION
from commands.demonstration.two_weeks import PLAN
from commands.deployment import SAMPLE_ORGANISATION
from nightmail.access.roles import ensure_ready_made
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.counts import message_counts
from nightmail.campaigns.creation import create_campaign
from nightmail.demonstration import ACTOR
from nightmail.demonstration.people import let_people_in
from nightmail.demonstration.refusals import refuse_where_real
from nightmail.demonstration.reservations import reserve
from nightmail.errors import UsageError
from nightmail.lake import Lake
from nightmail.preparation.reconciliation import reconcile_preparation
from nightmail.preparation.stage_tables import StageTables
from nightmail.provisioning import load_organisation, provision
from nightmail.reports.progress import campaign_progress
from nightmail.settings import Settings
from nightmail.store.states import CampaignState
from resources.carriers import CARRIERS
from tests.provisioning.test_sandbox import bring_in


@dataclass
class Seeded:
    engine: Engine
    lake: Lake
    campaigns: list[CampaignRow]


def sandbox_to_seed(engine: Engine, folder: Path) -> Seeding:
    bring_in(engine, folder)
    with engine.begin() as connection:
        ensure_ready_made(connection)
    for file in (SAMPLE_ORGANISATION, ORGANISATION):
        made = load_organisation(file, CARRIERS.adapters)
        provision(engine, made, file.parent, "tests")
    with engine.begin() as connection:
        people = let_people_in(connection, [person.email for person in made.people], "no hash")
        reserved = reserve(connection)
    settings = Settings(
        data_dir=folder, secret_key="a key of tests that is long enough", public_url="http://127.0.0.1:1"
    )
    return Seeding(engine, Lake(str(folder / "lake")), settings, folder / "files", reserved, people)


def test_two_weeks_that_add_up_say_what_they_are_and_are_reported(database: Engine, tmp_path: Path) -> None:
    seeding = sandbox_to_seed(database, tmp_path)
    seeded = Seeded(database, seeding.lake, seeding.run(()))
    _every_state_and_all_of_it_reconciles(seeded)
    _marked_in_the_audit_log(seeded)
    _each_day_has_its_report(seeded)


def _every_state_and_all_of_it_reconciles(seeded: Seeded) -> None:
    """Rows, contacts, messages and what became of them add up, by the product's own functions and in the ledger."""
    assert len(seeded.campaigns) == len(PLAN)
    assert {str(each.state) for each in seeded.campaigns} >= {planned.end for planned in PLAN}
    totals: Counter[str] = Counter()
    with seeded.engine.connect() as connection:
        for campaign in seeded.campaigns:
            counts = campaign.counts
            assert counts["seeded"] is True
            if campaign.state is CampaignState.STOPPED:
                assert campaign.problem and campaign.problem["remedy"]
                continue
            found = reconcile_preparation(StageTables.of_campaign(seeded.lake, campaign.key), counts["rows"])
            assert found.differences == ()
            assert found.counts == {name: counts[name] for name in found.counts}
            states = message_counts(connection, campaign.id)
            assert sum(states.values()) == counts["messages"]
            progress = campaign_progress(connection, campaign.id)
            assert progress.states == states
            if campaign.state is CampaignState.FINISHED:
                assert not set(states) & {"queued", "standby", "handing_over"}
                assert campaign.first_hand_off_at and campaign.finished_at
                assert campaign.created_at < campaign.first_hand_off_at < campaign.finished_at
            totals.update(states)
            totals.update({name: counts[name] for name in ("rejects", "duplicates", "held")})
        sums = connection.execute(text(_SUMS)).one()._mapping
        assert {row.currency for row in connection.execute(text("select distinct currency from message"))} >= {
            "USD",
            "EUR",
        }
    assert (
        min(totals[name] for name in ("rejects", "duplicates", "held", "failed", "in_doubt", "cancelled", "queued")) > 0
    )
    assert {name: value for name, value in sums.items() if not value} == {}, sums
    assert sums["wrong_attempts"] is True
    assert sums["wrong_replies"] is True


_SUMS = """
    select (select count(*) from message where delivery = 'undelivered') as undelivered,
        (select count(*) from message where opened_at is not null) as opened,
        (select count(*) from reply where kind = 'stop') as stops,
        (select count(*) from reply where kind = 'probable_stop') as probable_stops,
        (select count(*) from suppression where reason = 'opted_out') as opt_outs,
        (select count(*) from suppression where reason = 'hard_bounce') as bounces,
        (select count(*) from alert where resolved_at is null) as open_alerts,
        (select count(*) from alert where resolved_at is not null) as closed_alerts,
        (select count(*) from suspension where lifted_at is null) as suspended,
        (select count(*) from suspension where lifted_at is not null) as lifted,
        (select count(*) from approval where approved_at is null) as waiting,
        (select count(*) from received_file where source = 'sftp') as by_sftp,
        (select count(*) from received_file where source = 'api') as by_api,
        not exists (
            select from message m where m.state in ('failed', 'in_doubt') and not exists (
                select from attempt a where a.ledger_month = m.ledger_month and a.message_key = m.message_key
            )) as wrong_attempts,
        not exists (
            select from reply r left join message m on m.ledger_month = r.ledger_month and m.message_key = r.message_key
            where m.replied_at is distinct from r.received_at or m.address_hash <> r.address_hash) as wrong_replies,
        not exists (select from receipt where received_at > now() or occurred_at > now()) as nothing_to_come
"""


def _marked_in_the_audit_log(seeded: Seeded) -> None:
    with seeded.engine.connect() as connection:
        entries = connection.execute(
            text("select actor, action, detail from audit where object = any(:keys)"),
            {"keys": [each.key for each in seeded.campaigns]},
        ).all()
    assert {entry.actor for entry in entries} == {ACTOR}
    moves = [entry for entry in entries if entry.action.startswith("campaign.")]
    assert len(moves) > 3 * len(PLAN) - 20
    assert all(entry.detail["seeded"] and entry.detail["as_of"] for entry in moves)


def _each_day_has_its_report(seeded: Seeded) -> None:
    reported = 0
    for day in seeded.lake.partitions("delivery_report", "day"):
        report = seeded.lake.table("delivery_report", day, "day").read(["state"])
        reported += report["state"].to_pylist().count("accepted")
    today = dt.datetime.now(dt.UTC).date()
    with seeded.engine.connect() as connection:
        handed_off = connection.scalar(
            text("select count(*) from message where state = 'accepted' and handed_off_at < :today"), {"today": today}
        )
    assert reported == handed_off > 2000


def test_nothing_is_made_up_beside_real_accounts_or_somebody_elses_campaigns(database: Engine, tmp_path: Path) -> None:
    seeding = sandbox_to_seed(database, tmp_path)
    with database.begin() as connection:
        refuse_where_real(connection)
        team, version, category = (
            connection.execute(text(f"select min(id) from {table}")).scalar_one()
            for table in ("team", "template_version", "category")
        )
        campaign = create_campaign(
            connection,
            team_id=team,
            template_version_id=version,
            category_id=category,
            source="api",
            actor="user:root",
        )
        refuse_where_real(connection, [campaign.key])
    assert _refusal(lambda: seeding.run(())) == "demonstration_not_empty"
    with database.begin() as connection:
        connection.execute(
            text("update carrier_account set settings = settings - 'sandbox', active = false where channel = 'sms'")
        )
    assert _refusal(lambda: seeding.run([campaign.key])) == "demonstration_refused"
    with database.connect() as connection:
        assert connection.scalar(text("select count(*) from campaign")) == 1


def _refusal(action: Callable[[], object]) -> str:
    with pytest.raises(UsageError) as refused:
        action()
    return refused.value.reason


def test_the_same_seed_makes_the_same_customers_and_files(tmp_path: Path) -> None:
    day = dt.date(2026, 11, 23)
    first, second = (
        [Customers(tmp_path / name).write(kind, "file.csv", 60, day).read_bytes() for kind in KINDS] for name in "ab"
    )
    assert first == second
