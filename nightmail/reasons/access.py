"""Who may do what: a right that is missing, a name of one that does not exist, and what a decision was made by."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason

ACCESS = (
    Reason(
        "permission_missing",
        Kind.REQUEST,
        "The API key does not have the permission {permissions}.",
        "Ask an administrator for a key with the permission.",
        title="The API key does not have the permission that this needs.",
    ),
    Reason(
        "permission_unknown",
        Kind.SETUP,
        "There is no permission {value}.",
        "Use: {known}.",
        title="There is no such permission.",
    ),
    Reason(
        "not_permitted",
        Kind.REQUEST,
        "This needs the permission {permission} at {team}, which you do not have.",
        "Ask an administrator of the team for a role that has it.",
        title="You do not have the permission that this needs.",
    ),
    Reason(
        "person_unknown",
        Kind.SETUP,
        "There is no person {value} here.",
        "List the people and use the address of one.",
        title="There is no such person.",
    ),
    Reason(
        "access_held",
        Kind.DECISION,
        "{who} has {permission} at {team}, by {by}.",
        "Nothing to do.",
    ),
    Reason(
        "access_elsewhere",
        Kind.DECISION,
        "{who} has {permission}, but not at {team}.",
        "A grant of a role with it at the team, or at one above it, would give it.",
    ),
    Reason(
        "access_missing",
        Kind.DECISION,
        "{who} has no role with {permission}.",
        "A grant of a role with it at the team, or at one above it, would give it.",
    ),
)
