"""What the stages of a campaign are given besides its settings, read from the store.

The prices, the carriers, what contacts chose, and the campaigns that came before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, text

from nightmail.audience import CONSENTS, PREFERENCES, SUPPRESSIONS, KnownPreferences, People
from nightmail.audience.joined_choices import joined_choices
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.consent.suppressions import ASKED_FOR
from nightmail.lake import Lake, column_of
from nightmail.organisation.feeds import feed_settings
from nightmail.organisation.prices import Price, PriceList
from nightmail.preparation import queries
from nightmail.privacy.keyed_hashes import hex_column
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


def known_preferences(connection: Connection, team: str, people: People | None = None) -> KnownPreferences:
    """Return the suppressions, preferences and consents that hold for a team, as Arrow tables; with ``people`` theirs alone.

    What was stated to a team above holds below it.
    """
    values: dict[str, Any] = {"team": team, "asked_for": sorted(ASKED_FOR)}
    asked = (queries.SUPPRESSIONS, queries.PREFERENCES, queries.CONSENTS)
    if people is not None:
        # One text for each: thousands of parameters would take longer to bind than the look-up does.
        values["contacts"] = "{" + ",".join(hex_column(people.contacts).drop_null().to_pylist()) + "}"
        values["addresses"] = (
            "{" + ",".join(f"\\\\x{each}" for each in hex_column(people.addresses).drop_null().to_pylist()) + "}"
        )
        asked = (queries.SUPPRESSIONS_OF_PEOPLE, queries.PREFERENCES_OF_PEOPLE, queries.CONSENTS_OF_PEOPLE)
    suppressions = copy_table(connection, asked[0], values, SUPPRESSIONS)
    preferences = copy_table(connection, asked[1], values, _FLAT)
    consents = copy_table(connection, asked[2], values, CONSENTS)
    return KnownPreferences(_by_id(suppressions), joined_choices(_unfolded(preferences)), _by_id(consents))


_FLAT = pa.schema(
    [
        pa.field(f.name, pa.int64() if f.name == "statements" else pa.string() if pa.types.is_list(f.type) else f.type)
        for f in PREFERENCES
    ]
    + [pa.field("depth", pa.int64())]
)
"""Preferences as the query gives them, without lists."""


def _unfolded(preferences: pa.Table) -> pa.Table:
    """The preferences with their lists, those with the nearest team first."""
    depth = preferences["depth"].to_numpy()
    if (depth[1:] > depth[:-1]).any():
        preferences = preferences.take(np.argsort(-depth, kind="stable"))
    columns = {name: preferences[name] for name in PREFERENCES.names}
    for name in ("channels", "categories_in", "categories_out"):
        # Split, an empty text would be a list of one empty name.
        empty = pc.equal(preferences[name], "")
        split = pc.split_pattern(preferences[name], ",")
        columns[name] = pc.if_else(empty, pa.scalar([], pa.list_(pa.string())), split)
    statements = column_of(preferences, "statements")
    offsets = pa.array(np.arange(len(statements) + 1, dtype=np.int32))
    columns["statements"] = pa.ListArray.from_arrays(offsets, statements)
    return pa.table(columns).cast(PREFERENCES)


def _by_id(table: pa.Table) -> pa.Table:
    """The rows in the order in which they were recorded: of two that say the same, the first is named."""
    ids = table["id"].to_numpy()
    return table if (ids[1:] >= ids[:-1]).all() else table.take(np.argsort(ids))


def earlier_campaigns(connection: Connection, campaign: CampaignRow, lake: Lake) -> tuple[EarlierCampaign, ...]:
    """Return the campaigns whose contacts are not sent to again: those inside the feed's window, and those it continues."""
    if campaign.feed_id is None:
        return ()
    days = feed_settings(campaign.settings).window_days
    values = {"feed": campaign.feed_id, "campaign": campaign.id, "created_at": campaign.created_at, "days": days}
    keys = connection.scalars(text(queries.EARLIER_CAMPAIGNS), values).all()
    tables = [(key, lake.table("contacts", key)) for key in keys]
    return tuple(EarlierCampaign(campaign=key, contacts=table) for key, table in tables if table.exists())
