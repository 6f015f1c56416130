"""Teams and categories of an organisation, brought into the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select

from nightmail.organisation.categories import PREDEFINED_CATEGORIES
from nightmail.provisioning.organisation import CategoryPart, TeamPart
from nightmail.provisioning.setup import CREATE, Change, Setup
from nightmail.store import tables


def set_up_team(work: Setup, path: str, part: TeamPart, above: Mapping[str, Any]) -> dict[str, Any]:
    """Bring in one team and give its values; what it does not state is taken from ``above``, those of the team above it."""
    parent = path.rpartition(".")[0]
    values: dict[str, Any] = {
        "parent_id": work.team_ids[parent] if parent else None,
        "name": part.name,
        "region": part.region or above.get("region", "eu"),
        "country": part.country or above.get("country"),
        "time_zone": part.time_zone or above.get("time_zone", "UTC"),
        "currency": part.currency or above.get("currency", "EUR"),
        "retention_days": part.retention_days or above.get("retention_days", 90),
        "settings": part.settings.model_dump(mode="json", exclude_none=True),
    }
    work.team_ids[path] = work.settle("team", path, tables.Team, {"path": path}, values)
    return values


def set_up_predefined_categories(work: Setup) -> None:
    """Bring in the categories that every organisation has."""
    rows = [
        {
            "name": name,
            "kind": kind,
            "needs_consent": kind == "marketing",
            "urgent": name in ("emergency", "outage"),
        }
        for name, kind in PREDEFINED_CATEGORIES.items()
    ]
    known = set(
        work.connection.execute(select(tables.Category.name).where(tables.Category.team_id.is_(None))).scalars()
    )
    missing = [row for row in rows if row["name"] not in known]
    if missing:
        work.connection.execute(insert(tables.Category), missing)
        names = ", ".join(str(row["name"]) for row in missing)
        work.changes.append(Change(CREATE, "categories", "predefined", (names,)))


def set_up_category(work: Setup, part: CategoryPart) -> None:
    """Bring in one category of a team, or of all."""
    consent = part.kind == "marketing" if part.needs_consent is None else part.needs_consent
    work.settle(
        "category",
        part.name if part.team is None else f"{part.team}/{part.name}",
        tables.Category,
        {"team_id": work.team_id(part.team), "name": part.name},
        {
            "kind": part.kind,
            "needs_consent": consent,
            "urgent": part.urgent,
            "resend_if_absent": part.resend_if_absent,
        },
    )
