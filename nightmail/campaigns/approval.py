"""Approval by a person: of a feed's first file, a campaign over its approval size, a file of unusual volume; by another one.

What is approved is the campaign as it is, bound by hashes (:mod:`nightmail.campaigns.approval_bindings`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from statistics import median
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.access.decisions import allowed, require, teams_with
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal, person_principal
from nightmail.audit import write_entry
from nightmail.campaigns.approval_bindings import binding_of
from nightmail.campaigns.approval_queries import APPROVING_TEAMS, AWAY_FOR_DEPUTY, WAITING_APPROVALS
from nightmail.campaigns.approval_records import ask_for_approval, demands_four_eyes, standing_approval
from nightmail.campaigns.authorship import authors_of, authors_of_all, with_makers
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.holding_back import hold_back
from nightmail.campaigns.queries import ROWS_OF_EARLIER
from nightmail.campaigns.shown_before import more_than_shown
from nightmail.campaigns.transitions import move_campaign, state_after_loading, wrong_state
from nightmail.errors import UsageError
from nightmail.organisation.feeds import FeedSettings
from nightmail.organisation.four_eyes import four_eyes_demanded
from nightmail.reasons import Surface, remedy
from nightmail.reasons.problems import stated_problem
from nightmail.store.clock import database_time
from nightmail.store.states import CampaignState

HISTORY = 10
"""How many earlier campaigns of a feed say what is usual."""
ENOUGH_HISTORY = 3
"""With fewer, nothing is unusual."""


def usual_rows(connection: Connection, campaign: CampaignRow) -> float | None:
    """The median number of rows of the feed's last campaigns; ``None`` while there are too few."""
    if campaign.feed_id is None:
        return None
    rows = connection.scalars(
        text(ROWS_OF_EARLIER), {"feed": campaign.feed_id, "id": campaign.id, "history": HISTORY}
    ).all()
    return float(median(rows)) if len(rows) >= ENOUGH_HISTORY else None


def approval_needed(
    connection: Connection,
    campaign: CampaignRow,
    settings: FeedSettings,
    *,
    rows: int,
    contacts: int,
    corrections: bool,
) -> dict[str, str] | None:
    """Why a campaign must wait for a person: ``reason``, ``message``, ``remedy``; ``None`` when it may go.

    Corrections (a corrected reject file) belong to a file that was let go before: only the size rule holds for them.
    Campaigns without a feed come from a person who looked at them. Where another person is demanded, that holds for all, but for a
    test message, which goes to nobody else than who sent it. More than that person looked at waits too.
    """
    if campaign.trial:
        return None
    rules = settings.approval
    another = four_eyes_demanded(
        connection, campaign.team, rules.four_eyes, contacts=contacts, costs=campaign.counts.get("costs") or {}
    )
    if another is not None:
        return stated_problem(f"approval_four_eyes_{another[1]}", who=another[0], campaign=campaign.key)
    if campaign.feed_id is None:
        return more_than_shown(campaign)
    if rules.always:
        return stated_problem("approval_always", campaign=campaign.key)
    if rules.over_contacts is not None and contacts > rules.over_contacts:
        return stated_problem(
            "approval_over_contacts", campaign=campaign.key, contacts=contacts, limit=rules.over_contacts
        )
    if corrections or campaign.source == "single":
        return None
    if rules.first_file:
        earlier = connection.scalar(
            text(
                "select exists (select from campaign where feed_id = :feed and id < :id "
                "and first_hand_off_at is not null)"
            ),
            {"feed": campaign.feed_id, "id": campaign.id},
        )
        if not earlier:
            return stated_problem("approval_first_file", campaign=campaign.key)
    if rules.unusual_volume:
        usual = usual_rows(connection, campaign)
        if usual is not None and usual > 0 and not usual / rules.volume_factor <= rows <= usual * rules.volume_factor:
            return stated_problem("approval_unusual_volume", campaign=campaign.key, rows=rows, usual=f"{usual:.0f}")
    return None


def waits_for_approval(campaign: CampaignRow, surface: Surface | None = None) -> dict[str, str] | None:
    """Why a campaign waits for a person now: ``reason``, ``message``, and the ``remedy`` as read on ``surface``.

    ``None`` for one that does not wait.
    """
    if campaign.state is not CampaignState.AWAITING_APPROVAL:
        return None
    # Before the reason was kept beside it, there was a sentence alone.
    earlier = {"reason": "approval_always", "message": str(campaign.counts.get("approval", ""))}
    kept = {**earlier, **campaign.counts.get("waits_for_approval", {})}
    return {**kept, "remedy": remedy(kept["reason"], surface, campaign=campaign.key)}


@dataclass(frozen=True, slots=True)
class _Approver:
    """Who approves: every actor that this is, and the absent person whose permission is used."""

    actors: frozenset[str]
    deputising_for: int | None


def approve(
    engine: Engine, campaign: str | int, *, actor: str, principal: Principal | None = None, seen: str | None = None
) -> CampaignRow:
    """Let a campaign that awaits approval go, as it is: to its schedule, or straight to sending.

    Without ``principal`` the machine's user approves, who may do everything. ``seen`` is the hash of what the approver
    looked at. Where another person is demanded, nobody approves what they, their keys or who made them made, changed or asked
    for; elsewhere that is possible, and recorded as such. A deputy uses the permission of who is away.

    It ends later than was forecast: :func:`nightmail.forecasts.recorded_forecasts.renew_forecast` says when.

    Raises :class:`UsageError` (``campaign_state``, ``approval_by_another``, ``approval_outdated``: it changed since it was
    asked for or looked at, and is asked for anew) and :class:`NightmailError` (``not_permitted``).
    """
    with engine.begin() as connection:
        found = _lock_waiting(connection, campaign)
        approver = _approver(connection, found, actor, principal)
        standing = standing_approval(connection, found.id)
        binding = binding_of(connection, found)
        different = () if standing is None else binding.different(standing.bound)
        outdated = different or (seen is not None and seen != binding.hash)
        if standing is None or different:
            because = waits_for_approval(found) or stated_problem("approval_always", campaign=found.key)
            ask_for_approval(connection, found, because, actor=actor, void="changed before it was approved")
        if not outdated:
            authors = authors_of(connection, found)
            own = bool(authors & approver.actors)
            # A rule that was lifted since it was asked for holds for this request still.
            demanded = (standing is not None and standing.four_eyes) or demands_four_eyes(connection, found)
            if own and demanded:
                raise UsageError("approval_by_another", campaign=found.key)
            return _give(connection, found, approver, actor, own=own)
    raise UsageError("approval_outdated", campaign=found.key, parts=", ".join(different) or "what you looked at")


def _lock_waiting(connection: Connection, campaign: str | int) -> CampaignRow:
    found = get_campaign(connection, campaign)
    connection.execute(text("select from campaign where id = :id for update"), {"id": found.id})
    found = get_campaign(connection, found.id)
    if found.state not in (CampaignState.AWAITING_APPROVAL, CampaignState.READY):
        raise wrong_state(found.key, found.state, "it does not await approval")
    return found


def _approver(connection: Connection, campaign: CampaignRow, actor: str, principal: Principal | None) -> _Approver:
    actors = with_makers(connection, [actor])
    if principal is None or allowed(principal, Permission.CAMPAIGN_APPROVE, campaign.team).yes:
        return _Approver(actors, None)
    if principal.kind == "person":
        authors = authors_of(connection, campaign)
        for away in connection.scalars(text(AWAY_FOR_DEPUTY), {"person": principal.id}).all():
            # What somebody may not approve themselves, their deputy may not approve for them.
            may = allowed(person_principal(connection, away), Permission.CAMPAIGN_APPROVE, campaign.team).yes
            if may and f"person:{away}" not in authors:
                return _Approver(actors, away)
    require(principal, Permission.CAMPAIGN_APPROVE, campaign.team)
    raise AssertionError("a permission that is missing was found")


def _give(connection: Connection, campaign: CampaignRow, approver: _Approver, actor: str, *, own: bool) -> CampaignRow:
    given = connection.execute(
        text(
            "update approval set approved_by = :actor, approved_for = :away, approved_at = now(), same_person = :own "
            "where campaign_id = :id and void_at is null returning hash, four_eyes"
        ),
        {"id": campaign.id, "actor": actor, "away": approver.deputising_for, "own": own},
    ).one()
    detail = {"hash": given.hash, "four_eyes": given.four_eyes, "same_person": own}
    if approver.deputising_for is not None:
        detail["deputy_for"] = f"person:{approver.deputising_for}"
    write_entry(
        connection,
        actor=actor,
        action="approval.given",
        subject=campaign.key,
        team_id=campaign.team_id,
        detail=detail,
    )
    now = database_time(connection)
    campaign = hold_back(connection, campaign, now)
    return move_campaign(connection, campaign.id, state_after_loading(campaign, now), actor=actor)


@dataclass(frozen=True, slots=True)
class WaitingApproval:
    """A campaign that waits, as people who may approve it are shown it."""

    campaign: str
    team: str
    feed: str | None
    template: str
    version: int
    template_content: dict[str, Any]
    asked_at: dt.datetime
    because: dict[str, Any]
    four_eyes: bool
    bound: dict[str, Any]
    hash: str
    own: bool
    """Whether the one who looks made, changed or asked for it."""

    @property
    def costs(self) -> str:
        """The estimated cost by currency, as it is bound; empty where no price is known."""
        return ", ".join(
            f"{amount} {name}" for name, amount in self.bound["cost"].items() if name not in ("", "segments")
        )


def waiting_approvals(connection: Connection, principal: Principal, limit: int = 100) -> list[WaitingApproval]:
    """What waits for somebody's approval, or for that of those whose deputy they are now; the oldest first."""
    actors = with_makers(connection, [principal.actor])
    found = connection.execute(text(WAITING_APPROVALS), {**_approves_for(principal), "limit": limit}).all()
    authors = authors_of_all(connection, [row.campaign_id for row in found])
    return [
        WaitingApproval(
            campaign=row.key,
            team=row.team,
            feed=row.feed,
            template=row.template,
            version=row.version,
            template_content=row.template_content,
            asked_at=row.asked_at,
            because=row.because,
            four_eyes=row.four_eyes,
            bound=row.bound,
            hash=row.hash,
            own=bool(actors & authors[row.campaign_id]),
        )
        for row in found
    ]


def count_waiting(connection: Connection, principal: Principal) -> int:
    """How many campaigns wait for somebody's approval that they may give: the figure of a badge, at most 20."""
    return sum(not (row.own and row.four_eyes) for row in waiting_approvals(connection, principal, limit=20))


def approving_teams(connection: Connection, principal: Principal) -> tuple[str, ...]:
    """The teams whose campaigns somebody may approve, by their own permission or as a deputy; empty: nobody's."""
    return tuple(connection.scalars(text(APPROVING_TEAMS), _approves_for(principal)))


def _approves_for(principal: Principal) -> dict[str, Any]:
    """What statements need to know the teams for which somebody may approve."""
    return {
        "teams": list(teams_with(principal, Permission.CAMPAIGN_APPROVE)),
        "deputy": principal.id if principal.kind == "person" else None,
    }
