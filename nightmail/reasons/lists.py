"""A segment or a distribution list cannot be used, or not as asked."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason

LISTS = (
    Reason(
        "segment_rule_invalid",
        Kind.REQUEST,
        "The segment's rule cannot be used at {place}: {problem}.",
        "Correct it there; docs/lists.md lists what a rule may say.",
        title="The segment's rule cannot be used.",
    ),
    Reason(
        "segment_name_unknown",
        Kind.REQUEST,
        "The segment's rule names the {what} {name} at {place}, which this team does not have.",
        "Use one of these, or make it first: {known}.",
        title="The segment's rule names something that the team does not have.",
    ),
    Reason(
        "segment_zone_unknown",
        Kind.REQUEST,
        "The segment's rule names the time zone {value} at {place}, which does not exist.",
        "Use an IANA name such as Europe/Berlin.",
        title="The segment's rule names a time zone that does not exist.",
    ),
    Reason(
        "segment_unknown",
        Kind.REQUEST,
        "There is no segment {segment} here.",
        "Use one of these: {known}.",
        title="There is no such segment.",
    ),
    Reason(
        "list_unknown",
        Kind.REQUEST,
        "There is no distribution list {list} here.",
        "Use one of these: {known}.",
        title="There is no such distribution list.",
    ),
    Reason(
        "list_name_invalid",
        Kind.REQUEST,
        "{value} cannot be the name of a segment or list: {problem}.",
        "Give a name of 1 to 100 letters, digits, spaces and signs such as a hyphen.",
        title="This cannot be the name of a segment or list.",
    ),
    Reason(
        "list_name_taken",
        Kind.REQUEST,
        "The team {team} has a {what} named {name} already.",
        "Change that one, or choose another name.",
        title="The name is taken.",
    ),
    Reason(
        "list_entry_invalid",
        Kind.REQUEST,
        "Entry {number} of the list cannot be used: {problem}.",
        "Correct it: an entry names a contact, a group, a segment or a list that this team sees.",
        title="An entry of the list cannot be used.",
    ),
    Reason(
        "list_entry_unknown",
        Kind.REQUEST,
        "The team {team} sees {count} of the name {name} that is a {kind}.",
        "Name one that there is once: a group by its name, a contact by its external id.",
        title="The entry's name does not say which one is meant.",
    ),
    Reason(
        "list_cycle",
        Kind.REQUEST,
        "The list would contain itself: {path}.",
        "Take one of these lists out of the one before it.",
        title="The list would contain itself.",
    ),
    Reason(
        "list_too_deep",
        Kind.REQUEST,
        "The list holds lists in lists more than {most} deep: {path}.",
        "Put the contacts, groups and segments of the innermost lists into one further out.",
        title="The list holds lists in lists too deep.",
    ),
    Reason(
        "list_in_use",
        Kind.REQUEST,
        "{name} is part of these lists: {lists}.",
        "Take it out of them first.",
        title="It is part of lists.",
    ),
    Reason(
        "list_changed_since",
        Kind.REQUEST,
        "{name} was changed by somebody else since you looked.",
        "Look at it again, then make your change.",
        title="It was changed by somebody else since you looked.",
    ),
    Reason(
        "list_nobody",
        Kind.FILE,
        "Nobody is in {name} now.",
        "Look at the list: perhaps what it excludes is all that it includes.",
        title="Nobody is in the list or segment now.",
    ),
    Reason(
        "list_audience_changed",
        Kind.REQUEST,
        "Since you looked at who is in {name}, it has changed: {then} contacts then, {now} now.",
        "Look again at who gets the messages, then send. Nothing was sent.",
        title="Who is in the list or segment has changed since you looked.",
    ),
)
