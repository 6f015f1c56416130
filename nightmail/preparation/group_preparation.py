"""A group of small campaigns prepared together, stage by stage, so that what a stage costs once is paid once for all.

Each campaign stands alone: one whose file cannot be used is stopped with its reason, one that fails otherwise is given back for
a run of its own, and the others go on. Who works with the group is told of each campaign what was made and how it was judged.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sqlalchemy import Engine

from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.errors import NightmailError
from nightmail.lake import Lake
from nightmail.preparation.attempts import retry_or_stop, stop_preparing
from nightmail.preparation.campaign_checks import TableCheck, check_rows
from nightmail.preparation.campaign_preparation import CampaignPreparation, load_preparation
from nightmail.preparation.expectations import Validation
from nightmail.preparation.reconciliation import Reconciled
from nightmail.preparation.waiting_campaigns import SMALL_ROWS, still_with_run
from nightmail.settings import Settings

NO_ROOM = os.strerror(errno.ENOSPC)
"""How the machine and PostgreSQL say that a disk is full."""
Counts = Mapping[str, Any]
ByTable = Mapping[str, Counts]
"""What a stage made of a campaign: counts by the table's name."""


@dataclass(frozen=True)
class GroupStage:
    """A stage: what it makes of one campaign, and how that is judged. ``reconciled`` after the last table."""

    make: Callable[[CampaignPreparation], ByTable]
    check: TableCheck | None = None
    reconciled: bool = False


class Told(Protocol):
    """Who is told what becomes of each campaign of a group; keys are campaigns'."""

    def made(self, of_campaigns: Mapping[str, ByTable]) -> None:
        """A stage has made its tables."""

    def checked(self, table: str, of_campaigns: Mapping[str, Validation]) -> None:
        """A table was judged; a campaign that did not pass is stopped."""

    def reconciled(self, of_campaigns: Mapping[str, Reconciled]) -> None:
        """All rows were counted; a campaign whose rows are not accounted for is stopped."""

    def stopped(self, campaign: str, problem: Mapping[str, str]) -> None:
        """A campaign was stopped for what its owner can mend."""

    def failed(self, campaign: str, error: Exception, followed: str) -> None:
        """A campaign failed for another reason; what ``followed`` was done about it."""


class GroupPreparation:
    """Prepares groups of campaigns that the run ``run_id`` has taken."""

    def __init__(
        self, engine: Engine, lake: Lake, settings: Settings, stages: Sequence[GroupStage], run_id: str, told: Told
    ) -> None:
        self._engine, self._lake, self._settings = engine, lake, settings
        self._stages, self._run_id, self._told = stages, run_id, told

    def prepare(self, campaigns: Sequence[CampaignRow]) -> None:
        """Prepare them all; large ones, which only show when they are read, one by one after the others.

        An error that is nobody's file's, such as a database that is away, may be raised: the campaigns are ``checking`` then.
        """
        first, *others = self._stages
        read = self._stage(first, self._loaded(campaigns))
        small: list[CampaignPreparation] = []
        large: list[CampaignPreparation] = []
        for stored in read:
            (large if int(stored.campaign.counts["rows"]) > SMALL_ROWS else small).append(stored)
        for part in (small, *([stored] for stored in large)):
            left = list(part)
            for stage in others:
                left = self._stage(stage, left)

    def _loaded(self, campaigns: Sequence[CampaignRow]) -> list[CampaignPreparation]:
        loaded: list[CampaignPreparation] = []

        def load(campaign: CampaignRow) -> None:
            with self._engine.connect() as connection:
                loaded.append(load_preparation(connection, campaign, self._lake, self._settings))

        for campaign in campaigns:
            self._stands_alone(campaign.key, lambda campaign=campaign: load(campaign))  # type: ignore[misc]
        return loaded

    def _stage(self, stage: GroupStage, group: Sequence[CampaignPreparation]) -> list[CampaignPreparation]:
        """Run one stage and its checks; return the campaigns that go on."""
        made: dict[str, ByTable] = {}
        for stored in self._as_now(group):
            key = stored.campaign.key

            def make(stored: CampaignPreparation = stored, key: str = key) -> None:
                made[key] = stage.make(stored)

            self._stands_alone(key, make)
        self._told.made(made)
        left = self._as_now([stored for stored in group if stored.campaign.key in made])
        if stage.check is not None:
            left = self._checked(stage.check, left)
        return self._reconciled(left) if stage.reconciled else left

    def _as_now(self, group: Sequence[CampaignPreparation]) -> list[CampaignPreparation]:
        """The group as its campaigns are now, without those that somebody has moved on."""
        if not group:
            return []
        with self._engine.connect() as connection:
            now = still_with_run(connection, [stored.campaign.id for stored in group], self._run_id)
            return [
                replace(stored, campaign=campaign)
                if stored.still_holds_for(campaign)
                else load_preparation(connection, campaign, self._lake, self._settings)
                for stored in group
                if (campaign := now.get(stored.campaign.id)) is not None
            ]

    def _checked(self, check: TableCheck, group: list[CampaignPreparation]) -> list[CampaignPreparation]:
        found: dict[str, Validation] = {}
        try:
            for stored, validation in zip(group, check.of_group(group), strict=True):
                found[stored.campaign.key] = validation
        except Exception:
            # One table of the group could not be looked at: which one shows when each is judged alone.
            for stored in group:

                def judge(stored: CampaignPreparation = stored) -> None:
                    found[stored.campaign.key] = check(stored)

                self._stands_alone(stored.campaign.key, judge)
        for key, validation in found.items():
            if (problem := validation.problem) is not None:
                self._stop(key, problem)
        self._told.checked(check.table, found)
        return [stored for stored in group if (held := found.get(stored.campaign.key)) is not None and held.passed]

    def _reconciled(self, group: list[CampaignPreparation]) -> list[CampaignPreparation]:
        found: dict[str, Reconciled] = {}
        for stored in group:

            def count(stored: CampaignPreparation = stored) -> None:
                found[stored.campaign.key] = check_rows(stored)

            self._stands_alone(stored.campaign.key, count)
        for key, reconciled in found.items():
            if not reconciled.passed:
                self._stop(key, reconciled.problem())
        self._told.reconciled(found)
        return [stored for stored in group if (held := found.get(stored.campaign.key)) is not None and held.passed]

    def _stands_alone(self, campaign: str, work: Callable[[], None]) -> None:
        """Do the work of one campaign; what goes wrong with it is its own."""
        try:
            work()
        except NightmailError as error:
            self._stop(campaign, error.as_dict())
        except Exception as error:
            with self._engine.connect() as connection:
                now = get_campaign(connection, campaign)
            why = f"its preparation failed: {type(error).__name__}"
            followed = "moved on meanwhile"
            if now.run_id == self._run_id:
                followed = retry_or_stop(self._engine, now, why, disk_full=_says_no_room(error))
            self._told.failed(campaign, error, followed)

    def _stop(self, campaign: str, problem: Mapping[str, Any]) -> None:
        stop_preparing(self._engine, campaign, problem)
        self._told.stopped(campaign, {name: str(value) for name, value in problem.items()})


def _says_no_room(error: BaseException | None) -> bool:
    while error is not None:
        if NO_ROOM in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
