"""What ``nightmail check`` prepares a file with: template, feed settings, team, prices, from the options and the database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightmail.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from nightmail.organisation.categories import Category
    from nightmail.organisation.feeds import FeedSettings
    from nightmail.organisation.prices import PriceList
    from nightmail.preparation.preparation_settings import Preparation
    from nightmail.templates import Template

KEY_WITHOUT_SETTINGS = b"nightmail check without a deployment"
"""Hashes need a key; a check must not make a data folder for one. Its tables hold the addresses anyway."""


@dataclass(frozen=True, kw_only=True)
class CheckRequest:
    """What was asked for."""

    file: Path
    template: str | None
    country: str | None
    folder: Path
    feed_settings: Path | None
    known: bool
    team: str | None
    feed: str | None = None
    """A feed that decides everything else, as ``team.path/name``."""


def check_preparation(request: CheckRequest, engine: Engine | None) -> Preparation:
    """The settings of the preparation, as the pipeline would have them for the same file.

    Raises :class:`UsageError` (``country_unknown``, ``feed_settings_invalid``, ``template_unknown``).
    """
    from commands.template_choice import choose_template
    from nightmail.preparation.preparation_settings import Preparation
    from nightmail.settings import settings

    configured = settings()
    has_key = configured.secret_key is not None or (configured.data_dir / "secret_key").exists()
    feed = _feed_settings(request.feed_settings)
    template = choose_template(request.template, engine)
    return Preparation(
        template=template,
        hash_key=configured.key() if has_key else KEY_WITHOUT_SETTINGS,
        feed=feed,
        team=request.team or "check",
        default_country=_country(request.country) or configured.default_country,
        public_url=configured.public_url,
        hosting_region=configured.region,
        prices=_prices(engine),
        file_name=request.file.name,
        limits={
            "size_limit": configured.maximum_file_bytes,
            "expanded_limit": configured.maximum_expanded_bytes,
            "row_limit": configured.maximum_rows,
            "column_limit": configured.maximum_columns,
        },
        work_folder=request.folder,
        **_of_team(engine, request.team, feed, template),
    )


def _of_team(engine: Engine | None, team: str | None, feed: FeedSettings, template: Template) -> dict[str, Any]:
    """What the team decides, where it is known: its category, and when the feed's settings would have this file sent."""
    from nightmail.campaigns.start_times import start_times
    from nightmail.organisation.audience_rules import rules_above
    from nightmail.organisation.categories import find_category, named_category
    from nightmail.organisation.teams import find_team
    from nightmail.store.clock import database_time

    if engine is None or team is None:
        return {}
    with engine.connect() as connection:
        found = find_team(connection, team)
        if found is None:
            return {}
        now = database_time(connection)
        if feed.category is not None:
            category: Category | None = named_category(connection, team, feed.category, by="the feed")
        else:
            category = find_category(connection, team, template.category)
        rules = rules_above(connection, team)
    times = start_times(feed, found.time_zone, now)
    return {
        "category": category,
        "rules": rules,
        "default_time_zone": found.time_zone,
        "now": now,
        "starts_at": times.scheduled_at,
        "local_start": times.local_start,
        "cut_off": times.cut_off_at,
    }


def _country(code: str | None) -> str | None:
    if code is None:
        return None
    from nightmail.row_checks.countries import country_code

    found = country_code(code)
    if found is None:
        raise UsageError("country_unknown", value=code)
    return found


def _feed_settings(file: Path | None) -> FeedSettings:
    from nightmail.organisation.feeds import feed_settings

    if file is None:
        # Without a feed there is no agreed limit of rejects: the counts speak for themselves.
        return feed_settings({"reject_limit": 1.0, "shared_key_limit": 1.0})
    import yaml

    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = f"it cannot be read as YAML: {' '.join(str(error).split())}"
        raise UsageError("feed_settings_invalid", feed=file, problem=problem) from error
    if values is not None and not isinstance(values, dict):
        raise UsageError("feed_settings_invalid", feed=file, problem="they are not a mapping")
    return feed_settings(values, file.name)


def _prices(engine: Engine | None) -> PriceList | None:
    """The deployment's prices, else the sample list, so that a cost can be shown with nothing set up."""
    from nightmail.organisation.prices import SAMPLE_PRICES, load_prices

    if engine is not None:
        from nightmail.preparation.stored_inputs import price_list

        with engine.connect() as connection:
            stored = price_list(connection)
        if stored is not None:
            return stored
    return load_prices(SAMPLE_PRICES) if SAMPLE_PRICES.is_file() else None
