"""A contact, a group or a merge of the address book cannot be used, or not as asked."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason

CONTACTS = (
    Reason(
        "contact_unknown",
        Kind.REQUEST,
        "There is no contact {contact} here.",
        "Look it up in the list of contacts.",
        title="There is no such contact.",
    ),
    Reason(
        "contact_exists",
        Kind.REQUEST,
        "The team {team} has a contact with this external id already.",
        "Change that one, or give another external id.",
        title="The external id is taken.",
    ),
    Reason(
        "contact_changed_since",
        Kind.REQUEST,
        "The contact was changed by somebody else since you looked.",
        "Look at it again, then make your change.",
    ),
    Reason(
        "contact_removed",
        Kind.REQUEST,
        "The contact is removed.",
        "Bring it back first.",
    ),
    Reason(
        "contact_field_invalid",
        Kind.REQUEST,
        "{field} cannot be used: {problem}.",
        "Correct it.",
        title="A field of the contact cannot be used.",
    ),
    Reason(
        "contact_addresses_too_many",
        Kind.REQUEST,
        "A contact has {most} addresses at the most.",
        "Take one away that is not used any more.",
        title="The contact has too many addresses.",
    ),
    Reason(
        "contacts_too_many_for_a_sheet",
        Kind.REQUEST,
        "A sheet has {most} rows at the most, and these contacts are more.",
        "Take them out as CSV or Parquet, or fewer of them.",
        title="The contacts are too many for a sheet.",
    ),
    Reason(
        "contact_attribute_unknown",
        Kind.REQUEST,
        "There is no attribute {attribute} here.",
        "Look it up in the list of attributes.",
        title="There is no such attribute.",
    ),
    Reason(
        "contact_attribute_in_use",
        Kind.REQUEST,
        "The attribute cannot be removed: {problem}.",
        "Change the segment first, or say that the values go too.",
        title="The attribute is in use.",
    ),
    Reason(
        "group_unknown",
        Kind.REQUEST,
        "There is no group {group} here.",
        "Look it up in the list of groups.",
        title="There is no such group.",
    ),
    Reason(
        "group_name_taken",
        Kind.REQUEST,
        "The team {team} has a group named {name} already.",
        "Use that one, or choose another name.",
        title="The name of the group is taken.",
    ),
    Reason(
        "group_changed_since",
        Kind.REQUEST,
        "The group was changed by somebody else since you looked.",
        "Look at it again, then make your change.",
    ),
    Reason(
        "group_in_use",
        Kind.REQUEST,
        "The group is part of these lists or segments: {names}.",
        "Take it out of them first.",
        title="The group is part of lists or segments.",
    ),
    Reason(
        "merge_of_two_teams",
        Kind.REQUEST,
        "The contacts belong to two teams, and a contact stays its team's.",
        "Merge contacts of one team only.",
    ),
    Reason(
        "merge_of_one",
        Kind.REQUEST,
        "A contact cannot be merged with itself.",
        "Choose two contacts.",
    ),
    Reason(
        "merge_choices_differ",
        Kind.REQUEST,
        "The quiet hours of the two leave no hour of the day, or are of two time zones.",
        "Ask the person, record their quiet hours with one of the contacts and none with the other, then merge.",
    ),
    Reason(
        "merge_unknown",
        Kind.REQUEST,
        "There is no merge {number} here.",
        "Look it up in the list of duplicates.",
        title="There is no such merge.",
    ),
    Reason(
        "merge_not_undone",
        Kind.REQUEST,
        "The merge cannot be taken back: {problem}.",
        "Correct the contacts by hand.",
        title="The merge cannot be taken back.",
    ),
)
