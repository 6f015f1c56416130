"""What each column of the lake's tables means, for the data dictionary."""

from __future__ import annotations

from collections.abc import Mapping

from nightmail.channels import CHANNELS

_EVERYWHERE: Mapping[str, str] = {
    "line": "Line of the uploaded file, counted from 1 with the header: a spreadsheet's row number",
    "contact_id": "The person within the team: a keyed hash of `external_id`, else of the address",
    "message_id": "Campaign, line, channel and step in one, such as `c3f0a91b7d0-118-sms-0`",
    "channel": CHANNELS.choice("`{}`"),
    "step": "0 is the first message; fallbacks, reminders and follow-ups count up",
    "address_hash": "Keyed hash of the normalised address; the same person's messages meet in it",
    "country": "ISO 3166-1 code: the row's, else that of the number",
    "language": "BCP 47 tag of the text",
    "segments": "SMS segments; emails count 1, calls their estimated or charged minutes",
    "cost": "Cost by the carrier's price list, exact",
    "currency": "ISO 4217 code of the cost",
    "carrier": "Carrier that took it: the first part of the account's adapter, as in `acme` of `acme_sms`",
    "carrier_account": "Name of the account that it went over last; null where it was never handed off",
    "sent_from": "Number, sender id or mailbox that it went under last; null where none is known",
    "carrier_message_id": "The carrier's own id",
    "attempts": "Hand-offs that were tried",
    "handed_off_at": "When the carrier took it",
    "team": "Path of the team, such as `acme.billing`",
    "campaign": "The campaign's key",
    "feed": "Name of the feed; null without one",
    "category": "Category of the template",
    "error_code": "The carrier's code, where something failed",
    "duration_s": "Length of the call",
}
"""Meanings that are the same in every table."""

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "contacts": {
        "external_id": "The team's own id of the person",
        "phone": "Mobile or only number, E.164",
        "phone_type": "What the number is, by its country's plan",
        "phone_2": "Second number, E.164",
        "phone_2_type": "As `phone_type`",
        "landline": "Landline, E.164",
        "landline_type": "As `phone_type`",
        "email": "Address, normalised",
        "time_zone": "IANA name: the row's, or the only one of number and country",
        "birth_date": "Date of birth, the latest that the file's value can mean",
        "birth_date_unread": "Whether the file gives a birth date that cannot be read; such a contact is held",
        "country_subdivision": "The part of the country (ISO 3166-2), where the file gives the country so: `DE-BY`",
    },
    "rejects": {
        "column": "Column of the value that was judged; null for the row as a whole",
        "value": "The value as it was written",
        "reason": "Reason code (`nightmail explain CODE`); `duplicate_*` for collapsed rows",
        "message": "A sentence: what is wrong and what to do",
        "duplicate_of": "For collapsed rows, the line that was kept",
    },
    "warnings": {
        "line": "Line of the file; null for the file as a whole",
        "column": "Column that it is about",
        "value": "The value as it was written",
        "reason": "Reason code",
        "message": "A sentence: what was noticed",
    },
    "audience": {
        "state": "`planned` or `held`",
        "channel": "First channel of a planned contact",
        "fallbacks": "Further channels, in order",
        "reason": "Why a contact is held",
        "address_hash": "Keyed hash of the address on the first channel",
        "time_zone": "The zone that quiet hours are judged in",
        "not_before": "Earliest hand-off on `channel`: end of quiet hours, or a start in the contact's own zone",
        "fallbacks_not_before": "The same for each of `fallbacks`; null where all channels may go at once",
    },
    "audience_decisions": {
        "line": "The contact, by its line of the file: `audience` has its id",
        "channels": "The campaign's channels in the order of this contact",
        "verdicts": "For each of `channels` why it cannot be used: a reason's code, or null where it can",
        "decided_by": "For each of `channels` what decided: the place of a team's rule, such as `acme/countries/0`, or a word such as `suppression`; null where nothing objected",
        "records": "For each of `channels` the id of the suppression or the consent that decided, or the line of the contact who has the address already; null where none of them has any",
        "consents": "For each of `channels` the id of the consent that let it through, whatever was decided after that",
        "preferences": "The ids of the statements that the contact's choices come to, of each team that they chose with; null: none",
        "rules": "The teams whose rules were followed, each with their version; the rules themselves are in the file's metadata",
    },
    "messages": {
        "state": "`queued`, or `standby` for a fallback that is not needed yet",
        "address": "Where it goes: E.164 or email. Personal data",
        "subject": "Subject of an email",
        "body": "The text that is sent, spoken or shown; the text part of an email. Personal data",
        "html": "HTML part of an email",
        "not_before": "Earliest hand-off",
    },
    "sends": {
        "state": "State in the ledger",
        "reason": "Why it was not accepted",
    },
    "receipts": {
        "received_at": "When it reached us",
        "occurred_at": "When it happened, by the carrier's clock",
        "message_id": "The message it is about; null for one that is not known",
        "status": "What it says",
    },
    "replies": {
        "received_at": "When it reached us",
        "message_id": "The message it answers, where that is known",
        "address_hash": "Keyed hash of who said it",
        "kind": "What it asks for, or its form",
        "text": "What was said. Personal data",
    },
    "opt_outs": {
        "at": "When it came; what was lifted since stays listed",
        "team": "The team that it holds for, with those below; null for all",
        "address_hash": "Keyed hash of whose address it is",
        "category": "The category that was opted out of; null for all",
        "reason": "`opted_out` or `complaint`",
        "how": "`reply`, `unsubscribe_link`, `preference_page`, `receipt` (the carrier reported it), `hand_off` (the carrier refused the message for "
        "it) or `by_hand`",
        "message_id": "The message after which it came, where that is known",
        "campaign": "That message's campaign",
        "feed": "That campaign's feed",
        "contact_id": "That message's contact",
    },
    "questions": {
        "answered_at": "When the answer reached us",
        "message_id": "The message that asked",
        "team": "The team whose message it is",
        "language": "The message's language",
        "template": "Name of the template",
        "template_version": "The template's version that was sent",
        "question": "The question as the template has it, in the message's language; null where it has none",
        "answer": "The key that was pressed",
        "means": "What the template says that the key means; null for another key",
    },
    "delivery_report": {
        "team_date": "The same moment's date in the team's time zone",
        "template": "Name of the template",
        "message_id": "Null for a contact that was held before a message was made",
        "state": "State in the ledger; `held` for contacts that were never planned",
        "reason": "Why it was not sent",
        "delivered": "Whether it arrived, by receipts; false also for what was never sent, null while nothing is known",
        "status": "The carrier's last word: of all receipts, the one that outranks the others (receipts come in any order; "
        "an opening outranks a bounce, a bounce outranks a delivery)",
        "delivered_at": "When it arrived: the first receipt that says so, by the carrier's clock",
        "opened_at": "When an email was first opened; a click counts as an opening",
        "clicked_at": "When a link in it was first followed",
        "cost_estimated": "Cost by the carrier's price list of the day it was rendered; null without a price",
        "cost_estimated_currency": "ISO 4217 code of `cost_estimated`",
        "cost_charged": "What the carrier said that it charges; null until it says so, and for carriers that never do",
        "cost_charged_currency": "ISO 4217 code of `cost_charged`",
        "cost": "`cost_charged`, else `cost_estimated`",
        "currency": "ISO 4217 code of `cost`. Sum only within one currency",
        "planned_at": "When it was loaded into the ledger",
        "status_at": "When that status came",
        "opened": "Whether an email was opened",
        "clicked": "Whether a link in it was followed",
        "replied": "Whether the recipient answered",
    },
    "usage_report": {
        "messages": "Accepted messages",
        "call_seconds": "Seconds of calls",
        "delivered": "Those that arrived",
        "undelivered": "Those that did not",
    },
}
"""What each column of each lake table holds, beside :data:`_EVERYWHERE`."""

PARTITIONS: Mapping[str, str] = {
    "campaign": "The campaign's key",
    "day": "UTC day of arrival",
    "delivery_report": "UTC day of first hand-off, or of the decision for what was never handed off",
    "usage_report": "UTC day of first hand-off",
}
"""What the name of a partition's folder says, by table, else by kind."""


def meaning(table: str, column: str) -> str | None:
    """What a column holds; ``None`` where :data:`COLUMNS` does not say."""
    return COLUMNS.get(table, {}).get(column) or _EVERYWHERE.get(column)
