"""A campaign waits for a person's approval, or a schedule's time was missed."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason, Surface

_APPROVE = "Look at its counts and samples, then approve or cancel it."
_APPROVE_ON = {
    Surface.SHELL: "Look at its counts and samples, then `nightmail approve {campaign}` or `nightmail cancel {campaign}`.",
    Surface.API: "Look at its counts and samples, then POST /v1/campaigns/{campaign}/approve or .../cancel.",
    Surface.FILE: "Ask whoever may approve the team's campaigns.",
}

APPROVALS = (
    Reason(
        "approval_always",
        Kind.APPROVAL,
        "Every campaign of this feed waits for approval.",
        _APPROVE,
        on=_APPROVE_ON,
    ),
    Reason(
        "approval_over_contacts",
        Kind.APPROVAL,
        "The campaign has {contacts} contacts; over {limit} it waits for approval.",
        _APPROVE,
        title="The campaign has more contacts than may go without approval.",
        on=_APPROVE_ON,
    ),
    Reason(
        "approval_four_eyes_always",
        Kind.APPROVAL,
        "Another person than who made it must approve it: {who} demands that of every campaign.",
        _APPROVE,
        title="Another person than who made the campaign must approve it.",
        on=_APPROVE_ON,
    ),
    Reason(
        "approval_four_eyes_contacts",
        Kind.APPROVAL,
        "Another person than who made it must approve it: {who} demands that of campaigns of so many contacts.",
        _APPROVE,
        title="Another person than who made the campaign must approve one of so many contacts.",
        on=_APPROVE_ON,
    ),
    Reason(
        "approval_four_eyes_cost",
        Kind.APPROVAL,
        "Another person than who made it must approve it: {who} demands that of campaigns of such a cost.",
        _APPROVE,
        title="Another person than who made the campaign must approve one of such a cost.",
        on=_APPROVE_ON,
    ),
    Reason(
        "more_than_shown",
        Kind.APPROVAL,
        "It has grown since it was looked at before it was sent: {now} now, {then} then.",
        _APPROVE,
        title="It has grown since it was looked at before it was sent.",
        on=_APPROVE_ON,
    ),
    Reason(
        "approval_changed",
        Kind.APPROVAL,
        "It is not as it was approved any more ({parts}): that approval is void.",
        _APPROVE,
        title="It was changed after it was approved.",
        on=_APPROVE_ON,
    ),
    Reason(
        "approval_void",
        Kind.REQUEST,
        "The campaign {campaign} may not go as it is: {parts}.",
        "Have it approved as it is now.",
        title="The campaign is not approved as it is now.",
    ),
    Reason(
        "approval_outdated",
        Kind.REQUEST,
        "The campaign {campaign} is not as it was when approval was asked for: {parts} changed.",
        "Look at it as it is now, and approve that.",
        title="The campaign changed before it was approved.",
    ),
    Reason(
        "approval_by_another",
        Kind.REQUEST,
        "The campaign {campaign} must be approved by somebody who did not make, change or ask for it.",
        "Ask somebody else who may approve the team's campaigns.",
        title="Another person must approve the campaign.",
    ),
    Reason(
        "budget_campaign",
        Kind.APPROVAL,
        "It is estimated to cost {cost}; the team {team} allows {limit} for one campaign.",
        _APPROVE,
        title="The campaign is estimated to cost more than the team's budget for one.",
        on=_APPROVE_ON,
    ),
    Reason(
        "budget_month",
        Kind.APPROVAL,
        "With it, campaigns of {month} are estimated to cost {cost}; the team {team} allows {limit} a month.",
        _APPROVE,
        title="With the campaign, the month is estimated to cost more than the team's budget.",
        on=_APPROVE_ON,
    ),
    Reason(
        "budget_unpriced",
        Kind.APPROVAL,
        "The team {team} has a budget, and for {messages} messages no price is known.",
        "Enter the missing prices and send again, or approve it as it is.",
        title="The team has a budget, and some prices are not known.",
        on=_APPROVE_ON,
    ),
    Reason("approval_first_file", Kind.APPROVAL, "It is the feed's first file.", _APPROVE, on=_APPROVE_ON),
    Reason(
        "approval_unusual_volume",
        Kind.APPROVAL,
        "The file has {rows} rows; the feed's last files had about {usual}.",
        _APPROVE,
        title="The file is far larger or smaller than the feed's last ones.",
        on=_APPROVE_ON,
    ),
    Reason(
        "start_long_past",
        Kind.APPROVAL,
        "It was to start at {due}, which is {late} ago: it is not sent without being asked about.",
        "If it is still wanted now, approve it; else cancel it.",
        title="Its start is long past.",
        on={
            Surface.SHELL: "If it is still wanted now, `nightmail approve {campaign}`; else `nightmail cancel {campaign}`.",
            Surface.API: "If it is still wanted now, POST /v1/campaigns/{campaign}/approve; else .../cancel.",
        },
    ),
    Reason(
        "schedule_before_restore",
        Kind.APPROVAL,
        "Its schedule's time, {due}, was before the database was restored at {restored}: the lost database may have sent it.",
        "Look into the carrier's records; if it was not sent, approve it, else cancel it.",
        title="Its schedule's time was before a restore.",
        on={
            Surface.SHELL: "Look into the carrier's records; if it was not sent, `nightmail approve {campaign}`, else "
            "`nightmail cancel {campaign}`.",
        },
    ),
    Reason(
        "schedule_missed",
        Kind.APPROVAL,
        "The schedule of the feed {feed} was missed at {due}, and its cut-off at {cut_off} is over: nothing was sent.",
        "If it is still wanted, send it by hand; else wait for the schedule's next time.",
        title="A schedule's time was missed until after its cut-off.",
    ),
    Reason(
        "contact_book_empty",
        Kind.FILE,
        "The contact book of the team {team} is empty.",
        "Fill it, or have the feed take files (standing_source: folder).",
        title="The team's contact book is empty.",
    ),
)
