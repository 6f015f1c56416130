"""What provisioning would change, and changing it.

Both are one pass over the organisation inside one transaction: the plan is the pass rolled back, so that it can never
show anything else than what is then done. What is in the database and not in the file stays, unless it is to be pruned.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from nightmail.provisioning.feeds import set_up_feed, set_up_template
from nightmail.provisioning.organisation import Organisation
from nightmail.provisioning.outside import set_up_carrier_account, set_up_sender, set_up_sftp_server
from nightmail.provisioning.prices import set_up_prices
from nightmail.provisioning.programs import set_up_api_key, set_up_webhook
from nightmail.provisioning.regions import of_region
from nightmail.provisioning.retiring import remove_prices, retire_feeds, retire_others
from nightmail.provisioning.rights import set_up_rights
from nightmail.provisioning.sandbox import end_beside_real_accounts, lock_provisioning
from nightmail.provisioning.setup import NO_CHANGE, Change, NewKey, Setup
from nightmail.provisioning.teams import set_up_category, set_up_predefined_categories, set_up_team
from nightmail.provisioning.work_in_flight import work_in_flight
from nightmail.settings import settings


@dataclass(frozen=True)
class Outcome:
    """What provisioning did."""

    changes: tuple[Change, ...]
    new_keys: tuple[NewKey, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything is different from before."""
        return any(change.action not in NO_CHANGE for change in self.changes)


class _RolledBack(Exception):  # noqa: N818 - not an error: how a plan ends
    pass


def plan(engine: Engine, organisation: Organisation, base: Path, *, prune: bool = False) -> tuple[Change, ...]:
    """What :func:`provision` would do; changes nothing. ``base`` is the folder that the file's paths start from."""
    work = None
    try:
        with engine.begin() as connection:
            work = Setup(connection, base, "plan", organisation.organisation.path)
            _set_up(work, organisation, prune)
            raise _RolledBack
    except _RolledBack:
        assert work is not None
        return tuple(work.changes)


def provision(engine: Engine, organisation: Organisation, base: Path, actor: str, *, prune: bool = False) -> Outcome:
    """Bring the database to what the organisation says, in one transaction. Safe to run again.

    With ``prune`` what the file no longer names is retired (:mod:`nightmail.provisioning.retiring`); what cannot be yet has
    the action ``cannot``.

    Raises :class:`ConfigurationError` (or what loading a template raises) and then changes nothing.
    """
    with engine.begin() as connection:
        work = Setup(connection, base, actor, organisation.organisation.path)
        _set_up(work, organisation, prune)
        work.audit()
    return Outcome(tuple(work.changes), tuple(work.new_keys))


def _set_up(work: Setup, organisation: Organisation, prune: bool) -> None:
    """Bring in every part that this deployment's region hosts, in the order in which they need each other."""
    lock_provisioning(work.connection)
    hosted = of_region(organisation, settings().region)
    organisation = hosted.organisation
    work.changes.extend(hosted.left)
    in_flight = work_in_flight(work.connection) if prune else None
    above: dict[str, dict[str, Any]] = {}
    for path, team in organisation.teams():
        above[path] = set_up_team(work, path, team, above.get(path.rpartition(".")[0], {}))
    set_up_predefined_categories(work)
    for category in organisation.categories:
        set_up_category(work, category)
    prices = set_up_prices(work, organisation)
    if in_flight is not None:
        remove_prices(work, prices)
        retire_feeds(work, organisation, in_flight)
    for server in organisation.sftp_servers:
        set_up_sftp_server(work, server)
    for account in organisation.carrier_accounts:
        set_up_carrier_account(work, account, organisation.organisation.region or "eu")
    end_beside_real_accounts(work)
    for sender in organisation.senders:
        set_up_sender(work, sender)
    for template in organisation.templates:
        set_up_template(work, template)
    for feed in organisation.feeds:
        set_up_feed(work, feed)
    set_up_rights(work, organisation, prune=prune)
    for key in organisation.api_keys:
        set_up_api_key(work, key)
    for webhook in organisation.webhooks:
        set_up_webhook(work, webhook)
    if in_flight is not None:
        retire_others(work, organisation, in_flight)
