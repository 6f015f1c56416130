"""How the pipeline's work is cut: by campaign, and by UTC day. Only the definitions, which assets and jobs share."""

from __future__ import annotations

import dagster as dg

FIRST_DAY = "2026-01-01"

campaigns = dg.DynamicPartitionsDefinition(name="campaign")
"""One partition per campaign, such as ``2026-11-23.acme.billing.7f3a9c``; sensors add the keys."""

days = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", end_offset=1)
"""One partition per UTC day, today included."""
