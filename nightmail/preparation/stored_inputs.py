"""What the stages of a campaign are given besides its settings, read from the store.

The prices, the carriers, what contacts chose, and the campaigns that came before it.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, text

from nightmail.audience import CONSENTS, PREFERENCES, SUPPRESSIONS, KnownPreferences
from nightmail.audience.joined_choices import joined_choices
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.consent.suppressions import ASKED_FOR
from nightmail.lake import Lake
from nightmail.organisation.feeds import feed_settings
from nightmail.organisation.prices import Price, PriceList
from nightmail.preparation import queries
from nightmail.row_checks import EarlierCampaign
from nightmail.store.copying import copy_table


def price_list(connection: Connection) -> PriceList | None:
    """Return the prices in the store; ``None`` when there are none."""
    rows = connection.execute(
        text("select carrier, channel, country, amount, currency, effective_from from price limit 100000")
    ).all()
    return PriceList(Price(**row._mapping) for row in rows) if rows else None


def carriers_by_channel(connection: Connection, team: str) -> dict[str, str]:
    """Return the carrier that each channel of a team goes out by first: of the nearest account above, by its priority."""
    found: dict[str, str] = {}
    for row in connection.execute(text(queries.CARRIERS_OF_TEAM), {"team": team}):
        found.setdefault(row.channel, row.carrier)
    return found


def known_preferences(connection: Connection, team: str) -> KnownPreferences:
    """Return the suppressions, preferences and consents that hold for a team, as Arrow tables.

    What was stated to a team above holds below it.
    """
    values = {"team": team, "asked_for": sorted(ASKED_FOR)}
    suppressions = copy_table(connection, queries.SUPPRESSIONS, values, SUPPRESSIONS)
    consents = copy_table(connection, queries.CONSENTS, values, CONSENTS)
    flat = pa.schema([pa.field(f.name, pa.string() if pa.types.is_list(f.type) else f.type) for f in PREFERENCES])
    preferences = copy_table(connection, queries.PREFERENCES, values, flat)
    columns = {name: preferences[name] for name in flat.names}
    for name in ("channels", "categories_in", "categories_out"):
        # Split, an empty text would be a list of one empty name.
        empty = pc.equal(preferences[name], "")
        split = pc.split_pattern(preferences[name], ",")
        columns[name] = pc.if_else(empty, pa.scalar([], pa.list_(pa.string())), split)
    return KnownPreferences(suppressions, joined_choices(pa.table(columns).cast(PREFERENCES)), consents)


def earlier_campaigns(connection: Connection, campaign: CampaignRow, lake: Lake) -> tuple[EarlierCampaign, ...]:
    """Return the campaigns whose contacts are not sent to again: those inside the feed's window, and those it continues."""
    if campaign.feed_id is None:
        return ()
    days = feed_settings(campaign.settings).window_days
    values = {"feed": campaign.feed_id, "campaign": campaign.id, "created_at": campaign.created_at, "days": days}
    keys = connection.scalars(text(queries.EARLIER_CAMPAIGNS), values).all()
    tables = [(key, lake.table("contacts", key)) for key in keys]
    return tuple(EarlierCampaign(campaign=key, contacts=table) for key, table in tables if table.exists())
