"""The generated parts of the docs: ``make docs`` writes them, and a test fails when they are not as they would be written.

A generated part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``; all around it is written by hand. What
can be derived from the code is derived: options of commands, settings, columns and their types, reasons. The meanings of
columns stand in :mod:`commands.column_meanings`; a column without one fails the test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.code_values import code_values
from commands.column_meanings import PARTITIONS, meaning
from commands.local import CHECKOUT
from nightmail.reasons import Reason, Surface

if TYPE_CHECKING:
    import pyarrow as pa

    from nightmail.carriers.descriptors import Support
    from nightmail.carriers.error_tables import ErrorEntry

DOCS = CHECKOUT / "docs"
_SURFACES = {
    Surface.SHELL: "On the command line",
    Surface.API: "In the API",
    Surface.PAGE: "On a page",
    Surface.FILE: "Beside the file",
}
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def lake_tables() -> dict[str, tuple[pa.Schema, str]]:
    """Every lake table with a fixed schema: its name, columns and partition."""
    from nightmail.lake import schemas as lake_schemas

    by_campaign = ("CONTACTS", "REJECTS", "WARNINGS", "AUDIENCE", "AUDIENCE_DECISIONS", "MESSAGES", "SENDS")
    by_day = ("RECEIPTS", "REPLIES", "OPT_OUTS", "QUESTIONS", "DELIVERY_REPORT", "USAGE_REPORT")
    return {
        **{name.lower(): (getattr(lake_schemas, name), "campaign") for name in by_campaign},
        **{name.lower(): (getattr(lake_schemas, name), "day") for name in by_day},
    }


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
        says = PARTITIONS.get(name, PARTITIONS[kind])
        rows.insert(0, (f"`{kind}`", "in the folder's name", "yes", says))
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
        (f"`{entry.code}`", entry.kind.value, entry.sentence, _remedies(entry))
        for entry in sorted(REASONS.values(), key=lambda entry: (entry.kind.value, entry.code))
    ]
    return "\n" + _markdown(("reason", "of a", "sentence", "remedy"), rows) + "\n"


def _remedies(reason: Reason) -> str:
    """The remedy of every surface, then those of the surfaces that have their own."""
    return " ".join((reason.remedy, *(f"*{_SURFACES[surface]}:* {text}" for surface, text in reason.on.items())))


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
            *_ways(adapter.receipts_by_webhook, adapter.receipts_by_polling, adapter.mailbox is not None),
            *_ways(adapter.replies_by_webhook, adapter.replies_by_polling, adapter.mailbox is not None),
            str(adapter.records),
        )
        for carrier in CARRIERS.values()
        for adapter in carrier.adapters
    ]
    header = ("adapter", "carrier", "channel", "messages a request", "receipts", "replies", "records for doubts")
    return "\n" + _markdown(header, rows) + "\n"


def _ways(webhook: Support, polling: Support, mailbox: bool) -> tuple[str]:
    ways = {"webhook": webhook, "polled": polling}
    said = [name if str(how) == "yes" else f"{name} {how}" for name, how in ways.items() if str(how) != "no"]
    if mailbox:
        said.append("mailbox")
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
        for option, means in adapter.options.items():
            read.setdefault((option, means), []).append(f"`{name}`")
    rows = [(f"`{option}`", ", ".join(adapters), means) for (option, means), adapters in sorted(read.items())]
    return "\n" + _markdown(("option", "read by", "is"), rows) + "\n"


def carrier_webhooks_table() -> str:
    """The paths that carriers post to."""
    from resources.carriers import CARRIERS

    rows = [
        (f"`{route.path}`", carrier.label, route.purpose) for carrier in CARRIERS.values() for route in carrier.webhooks
    ]
    return "\n" + _markdown(("address", "posted to by", "what"), rows) + "\n"


def permissions_table() -> str:
    """Every permission and what it lets somebody do."""
    from nightmail.access.permissions import PERMISSION_MEANINGS

    rows = [(f"`{permission}`", meaning) for permission, meaning in PERMISSION_MEANINGS.items()]
    return "\n" + _markdown(("permission", "lets somebody"), rows) + "\n"


def scopes_table() -> str:
    """The scopes that API keys had before, and the permissions that each became."""
    from nightmail.access.permissions import PERMISSIONS_OF_SCOPE

    rows = [
        (f"`{scope}`", ", ".join(f"`{permission}`" for permission in permissions))
        for scope, permissions in PERMISSIONS_OF_SCOPE.items()
    ]
    return "\n" + _markdown(("scope before", "permissions"), rows) + "\n"


def account_ages_table() -> str:
    """The countries where somebody is of age at another age than the default, or at several."""
    from nightmail.organisation.account_ages import ACCOUNT_AGES

    rows = [(f"`{entry.country}`", entry.age, entry.note, entry.source) for entry in ACCOUNT_AGES.values()]
    return "\n" + _markdown(("country", "age", "but", "by"), rows) + "\n"


def roles_table() -> str:
    """The ready-made roles and what each adds to the viewer's."""
    from nightmail.access.ready_made_roles import READY_MADE

    viewer = READY_MADE[0].permissions
    rows = [
        (
            f"`{role.name}`",
            role.description,
            "everything"
            if len(role.permissions) > 40
            else ", ".join(f"`{p}`" for p in sorted(role.permissions - viewer)),
        )
        for role in READY_MADE
    ]
    rows[0] = (*rows[0][:2], ", ".join(f"`{p}`" for p in sorted(viewer)))
    return "\n" + _markdown(("role", "is", "permissions; those after the first have the viewer's too"), rows) + "\n"


def endpoint_rights_table() -> str:
    """Every endpoint of the API: the permissions that it needs, and what it does without the one for personal data."""
    from portal.api.rights import PERSONAL_DATA, api_routes

    rows = [
        (f"`{method} {path}`", ", ".join(f"`{p}`" for p in permissions), PERSONAL_DATA.get((method, path), "undecided"))
        for method, path, permissions in api_routes()
    ]
    return "\n" + _markdown(("endpoint", "needs", "without `personal.see`"), rows) + "\n"


def command_reference() -> str:
    """Every command with its arguments and options."""
    parts = []
    for name, command in commands():
        usage = [parameter for parameter in command.params if parameter.name != "help"]
        arguments = " ".join(p.name.upper() for p in usage if p.param_type_name == "argument")
        parts.append(
            f"### nightmail {name} {arguments}".rstrip() + f"\n\n{_first_paragraph(command.help)}\n{_needs(name)}"
        )
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


def _needs(command: str) -> str:
    from commands.needed_permissions import MACHINE, NEEDED

    needed = NEEDED.get(command, MACHINE)
    return "" if needed == MACHINE else f"Needs `{needed}`.\n"


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
    "code_values": code_values,
    "settings": settings_table,
    "feed_settings": feed_settings_table,
    "reasons": reasons_table,
    "error_codes": error_codes_table,
    "carriers": carriers_table,
    "carrier_settings": carrier_settings_table,
    "carrier_options": carrier_options_table,
    "carrier_webhooks": carrier_webhooks_table,
    "commands": command_reference,
    "permissions": permissions_table,
    "scopes": scopes_table,
    "account_ages": account_ages_table,
    "roles": roles_table,
    "endpoint_rights": endpoint_rights_table,
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
