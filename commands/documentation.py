"""The generated parts of the docs: ``make docs`` writes them, and a test fails when they are not as they would be written.

A generated part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``; all around it is written by hand. What
can be derived from the code is derived: options of commands, settings, columns and their types, reasons. What a column
*means* stands here, in :data:`COLUMNS`, and a column without a meaning fails the test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.local import CHECKOUT
from nightmail.channels import CHANNELS

if TYPE_CHECKING:
    import pyarrow as pa

    from nightmail.carriers.descriptors import Support
    from nightmail.carriers.error_tables import ErrorEntry

DOCS = CHECKOUT / "docs"
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

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
    "carrier_message_id": "The carrier's own id",
    "attempts": "Hand-offs that were tried",
    "handed_off_at": "When the carrier took it",
    "team": "Path of the team, such as `acme.billing`",
    "campaign": "The campaign's key",
    "feed": "Name of the feed; null without one",
    "category": "Category of the template",
    "error_code": "The carrier's code, where something failed",
    "duration_s": "Length of the call",
    "day": "UTC day of first hand-off, or of the decision for what was never handed off",
}
"""Meanings that are the same in every table."""

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "contacts": {
        "external_id": "The team's own id of the person",
        "phone": "Mobile or only number, E.164",
        "phone_type": "`mobile`, `fixed`, `fixed_or_mobile`, `premium`, `shared_cost`, `toll_free`, `voip`, `personal`, `pager`, `uan` or `voicemail`",
        "phone_2": "Second number, E.164",
        "phone_2_type": "As `phone_type`",
        "landline": "Landline, E.164",
        "landline_type": "As `phone_type`",
        "email": "Address, normalised",
        "time_zone": "IANA name: the row's, or the only one of number and country",
        "birth_date": "Date of birth, the latest that the file's value can mean",
        "birth_date_unread": "Whether the file gives a birth date that cannot be read; such a contact is held",
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
        "not_before": "Earliest hand-off: end of quiet hours, or a start in the contact's own zone",
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
        "state": "State in the ledger: `accepted`, `failed`, `held`, `cancelled`, `expired`, `not_needed`, `in_doubt`, "
        "`queued`, `standby` or `handing_over`",
        "reason": "Why it was not accepted",
    },
    "receipts": {
        "received_at": "When it reached us",
        "occurred_at": "When it happened, by the carrier's clock",
        "message_id": "The message it is about; null for one that is not known",
        "status": "`delivered`, `undelivered`, `bounced`, `opened`, `answered` and so on",
    },
    "replies": {
        "received_at": "When it reached us",
        "message_id": "The message it answers, where that is known",
        "address_hash": "Keyed hash of who said it",
        "kind": "`text`, `key`, `stop`, `start` or `help`",
        "text": "What was said. Personal data",
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


def lake_tables() -> dict[str, tuple[pa.Schema, str]]:
    """Every lake table with a fixed schema: its name, columns and partition."""
    from nightmail.lake import schemas as lake_schemas

    by_campaign = ("CONTACTS", "REJECTS", "WARNINGS", "AUDIENCE", "MESSAGES", "SENDS")
    by_day = ("RECEIPTS", "REPLIES", "DELIVERY_REPORT", "USAGE_REPORT")
    return {
        **{name.lower(): (getattr(lake_schemas, name), "campaign") for name in by_campaign},
        **{name.lower(): (getattr(lake_schemas, name), "day") for name in by_day},
    }


def meaning(table: str, column: str) -> str | None:
    """What a column holds; ``None`` where :data:`COLUMNS` does not say."""
    return COLUMNS.get(table, {}).get(column) or _EVERYWHERE.get(column)


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _markdown(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [" | ".join(header), " | ".join("---" for _ in header)]
    lines += [" | ".join(_cell(cell) for cell in row) for row in rows]
    return "".join(f"| {line} |\n" for line in lines)


def data_dictionary() -> str:
    """A section per lake table: where it is, and each column's type and meaning."""
    parts = []
    for name, (schema, kind) in lake_tables().items():
        rows = [
            (f"`{field.name}`", f"`{field.type}`", "" if field.nullable else "yes", meaning(name, field.name) or "")
            for field in schema
        ]
        parts.append(
            f"### {name}\n\n`{name}/{kind}=<{kind}>/{name}.parquet`\n\n"
            + _markdown(("column", "type", "always filled", "holds"), rows)
        )
    return "\n" + "\n".join(parts) + "\n"


def settings_table() -> str:
    """Every setting with its variable, default and meaning."""
    from nightmail.settings import Settings

    rows = [
        (
            f"`NIGHTMAIL_{name.upper()}`",
            "" if field.default is None else f"`{field.default}`",
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]
    return "\n" + _markdown(("variable", "default", "is"), rows) + "\n"


def feed_settings_table() -> str:
    """Every setting of a feed."""
    from nightmail.organisation.feeds import FeedSettings

    rows = []
    for name, field in FeedSettings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if hasattr(default, "model_dump"):
            default = "see below"
        shown = "" if default in (None, (), {}) else f"`{getattr(default, 'value', default)}`"
        rows.append((f"`{name}`", shown, field.description or ""))
    return "\n" + _markdown(("setting", "default", "is"), rows) + "\n"


def reasons_table() -> str:
    """Every reason."""
    from nightmail.reasons import REASONS

    rows = [
        (f"`{entry.code}`", entry.kind.value, entry.sentence, entry.remedy)
        for entry in sorted(REASONS.values(), key=lambda entry: (entry.kind.value, entry.code))
    ]
    return "\n" + _markdown(("reason", "of a", "sentence", "remedy"), rows) + "\n"


def error_codes_table() -> str:
    """Every line of the table of carriers' error codes."""
    from resources.carriers import CARRIERS

    parts = []
    for carrier in CARRIERS.values():
        rows = [
            (
                f"`{line.code}`",
                f"`{line.error_class}`",
                str(line.scope),
                ", ".join(_facts_of(line)),
                line.meaning,
            )
            for line in carrier.errors
        ]
        parts.append(f"### {carrier.label}\n\n{_markdown(('code', 'class', 'about', 'also', 'means'), rows)}")
    return "\n" + "\n".join(parts) + "\n"


def _facts_of(line: ErrorEntry) -> list[str]:
    facts = {"throttles": line.throttles, "credentials": line.credentials}
    suppresses = [f"`{line.suppress_as}`"] if line.suppress_as is not None else []
    return [name for name, holds in facts.items() if holds] + suppresses


def carriers_table() -> str:
    """What each carrier can do on each of its channels."""
    from resources.carriers import CARRIERS

    rows = [
        (
            f"`{carrier.adapter_name(adapter)}`",
            carrier.label,
            adapter.channel.label,
            f"{adapter.maximum_batch:,}",
            *_ways(adapter.receipts_by_webhook, adapter.receipts_by_polling),
            *_ways(adapter.replies_by_webhook, adapter.replies_by_polling),
            str(adapter.records),
        )
        for carrier in CARRIERS.values()
        for adapter in carrier.adapters
    ]
    header = ("adapter", "carrier", "channel", "messages a request", "receipts", "replies", "records for doubts")
    return "\n" + _markdown(header, rows) + "\n"


def _ways(webhook: Support, polling: Support) -> tuple[str]:
    ways = {"webhook": webhook, "polled": polling}
    said = [name if str(how) == "yes" else f"{name} {how}" for name, how in ways.items() if str(how) != "no"]
    return (", ".join(said) or "no",)


def carrier_settings_table() -> str:
    """What an account of each carrier states."""
    from resources.carriers import CARRIERS

    rows = [
        (carrier.label, f"`{name}`", meaning)
        for carrier in CARRIERS.values()
        for name, meaning in carrier.settings.items()
    ]
    return "\n" + _markdown(("carrier", "setting", "is"), rows) + "\n"


def carrier_options_table() -> str:
    """The options of an account, and the adapters that read each."""
    from resources.carriers import CARRIERS

    read: dict[tuple[str, str], list[str]] = {}
    for name, adapter in sorted(CARRIERS.adapters.items()):
        for option, meaning in adapter.options.items():
            read.setdefault((option, meaning), []).append(f"`{name}`")
    rows = [(f"`{option}`", ", ".join(adapters), meaning) for (option, meaning), adapters in sorted(read.items())]
    return "\n" + _markdown(("option", "read by", "is"), rows) + "\n"


def carrier_webhooks_table() -> str:
    """The paths that carriers post to."""
    from resources.carriers import CARRIERS

    rows = [
        (f"`{route.path}`", carrier.label, route.purpose) for carrier in CARRIERS.values() for route in carrier.webhooks
    ]
    return "\n" + _markdown(("address", "posted to by", "what"), rows) + "\n"


def command_reference() -> str:
    """Every command with its arguments and options."""
    parts = []
    for name, command in commands():
        usage = [parameter for parameter in command.params if parameter.name != "help"]
        arguments = " ".join(p.name.upper() for p in usage if p.param_type_name == "argument")
        parts.append(f"### nightmail {name} {arguments}".rstrip() + f"\n\n{_first_paragraph(command.help)}\n")
        rows = [
            (", ".join(f"`{option}`" for option in (*p.opts, *p.secondary_opts)), getattr(p, "help", "") or "")
            for p in usage
            if p.param_type_name == "option"
        ]
        rows = [
            *((f"`{p.name.upper()}`", getattr(p, "help", "") or "") for p in usage if p.param_type_name == "argument"),
            *rows,
        ]
        if rows:
            parts.append(_markdown(("", "is"), rows))
    return "\n" + "\n".join(parts) + "\n"


def commands() -> list[tuple[str, Any]]:
    """Every command by its whole name (``db upgrade``), in the order of the help."""
    from typer.main import get_command

    from commands.main import app

    found: list[tuple[str, Any]] = []

    def walk(prefix: str, group: Any) -> None:
        for name, command in group.commands.items():
            full = f"{prefix} {name}".strip()
            if hasattr(command, "commands"):
                walk(full, command)
            else:
                found.append((full, command))

    walk("", get_command(app))
    return found


def _first_paragraph(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n", 1)[0].split())


PARTS: Mapping[str, Callable[[], str]] = {
    "data_dictionary": data_dictionary,
    "settings": settings_table,
    "feed_settings": feed_settings_table,
    "reasons": reasons_table,
    "error_codes": error_codes_table,
    "carriers": carriers_table,
    "carrier_settings": carrier_settings_table,
    "carrier_options": carrier_options_table,
    "carrier_webhooks": carrier_webhooks_table,
    "commands": command_reference,
}
"""What can stand between the markers, by name."""


def written(text: str) -> str:
    """The text of a page with its generated parts as they are now. Raises ``KeyError`` for an unknown part."""
    return _PART.sub(lambda match: match[1] + PARTS[match[2]]() + match[3], text)


def pages() -> list[Path]:
    """The pages of the docs."""
    return sorted([*DOCS.glob("*.md"), CHECKOUT / "README.md"])


def main() -> None:
    """Write the generated parts of every page again."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        new = written(text)
        if new != text:
            page.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
