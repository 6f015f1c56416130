"""What the stages of a campaign are given besides its settings, read from the store.

Its files, the prices, what contacts chose, and the campaigns that came before it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.contact_files.part_names import part_name
from nightmail.lake import Lake
from nightmail.organisation.feeds import feed_settings
from nightmail.store.copying import copy_table

if TYPE_CHECKING:
    from nightmail.audience import KnownPreferences
    from nightmail.organisation.prices import PriceList
    from nightmail.row_checks import EarlierCampaign


def source_files(connection: Connection, campaign: CampaignRow) -> list[Path]:
    """The stored files of a campaign: one, several parts in their order, or none (single messages, the contact book)."""
    rows = connection.execute(
        text(
            "select name, stored_path from received_file where campaign_id = :id and stored_path is not null "
            "and state not in ('repeated', 'answer') order by id"
        ),
        {"id": campaign.id},
    ).all()
    numbered = [(part_name(row.name) if len(rows) > 1 else None, Path(row.stored_path)) for row in rows]
    numbered.sort(key=lambda entry: entry[0].number if entry[0] is not None else 0)
    return [path for _, path in numbered]


def price_list(connection: Connection) -> PriceList | None:
    """The prices in the store; ``None`` when there are none."""
    from nightmail.organisation.prices import Price, PriceList

    rows = connection.execute(
        text("select carrier, channel, country, amount, currency, effective_from from price limit 100000")
    ).all()
    return PriceList(Price(*row) for row in rows) if rows else None


def carriers_by_channel(connection: Connection, team: str) -> dict[str, str]:
    """The carrier that each channel of a team goes out by first: the nearest account above, by its priority."""
    rows = connection.execute(
        text(
            "select a.channel, a.carrier from carrier_account a left join team t on t.id = a.team_id where a.active "
            "and (a.team_id is null or t.path = :team or starts_with(:team, t.path || '.')) "
            "order by length(t.path) desc nulls last, a.priority, a.id"
        ),
        {"team": team},
    )
    found: dict[str, str] = {}
    for row in rows:
        found.setdefault(row.channel, row.carrier)
    return found


def known_preferences(connection: Connection, team: str) -> KnownPreferences:
    """Suppressions, preferences and consents that hold for a team, by COPY into Arrow tables.

    A suppression of a team above holds below it; preferences and consents are a team's own.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from nightmail.audience import CONSENTS, PREFERENCES, SUPPRESSIONS, KnownPreferences
    from nightmail.consent.suppressions import IS_ASKED_FOR

    suppressions = copy_table(
        connection,
        f"select s.address_hash, nullif(s.channel, ''), s.category, {IS_ASKED_FOR} from suppression s "  # noqa: S608
        "left join team t on t.id = s.team_id "
        "where s.lifted_at is null and (s.team_id is null or t.path = %(team)s or starts_with(%(team)s, t.path || '.'))",
        {"team": team},
        SUPPRESSIONS,
    )
    lists = ("channels", "categories_in", "categories_out")
    flat = pa.schema([pa.field(f.name, pa.string()) for f in PREFERENCES])
    preferences = copy_table(
        connection,
        "select p.contact_id, array_to_string(p.channels, ','), array_to_string(p.categories_in, ','), "
        "array_to_string(p.categories_out, ','), p.quiet_from, p.quiet_until, p.time_zone, p.language "
        "from preference p join team t on t.id = p.team_id where t.path = %(team)s",
        {"team": team},
        flat,
    )
    columns = {
        name: pc.split_pattern(preferences[name], ",") if name in lists else preferences[name] for name in flat.names
    }
    for name in lists:
        # An empty list reads as one empty name.
        empty = pc.equal(preferences[name], "")
        columns[name] = pc.if_else(empty, pa.scalar([], pa.list_(pa.string())), columns[name])
    consents = copy_table(
        connection,
        "select c.contact_id, c.category, c.channel from consent c join team t on t.id = c.team_id "
        "where c.withdrawn_at is null and t.path = %(team)s",
        {"team": team},
        CONSENTS,
    )
    return KnownPreferences(suppressions, pa.table(columns).cast(PREFERENCES), consents)


def earlier_campaigns(connection: Connection, campaign: CampaignRow, lake: Lake) -> tuple[EarlierCampaign, ...]:
    """The feed's campaigns inside the window that the feed sets, whose contacts are not sent to again."""
    from nightmail.row_checks import EarlierCampaign

    feed = feed_settings(campaign.settings)
    if campaign.feed_id is None or feed.window_days == 0:
        return ()
    keys = connection.scalars(
        text(
            "select key from campaign where feed_id = :feed and id < :id and loaded_at is not null "
            "and state not in ('cancelled', 'stopped') "
            "and created_at > cast(:created as timestamptz) - make_interval(days => :days) order by id"
        ),
        {"feed": campaign.feed_id, "id": campaign.id, "created": campaign.created_at, "days": feed.window_days},
    ).all()
    tables = [(key, lake.table("contacts", key)) for key in keys]
    return tuple(EarlierCampaign(campaign=key, contacts=table) for key, table in tables if table.exists())
