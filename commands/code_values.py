"""The values of every code column of the lake, as docs/data-dictionary.md lists them.

Which values there are comes from the enums and registries of the product; what each means stands here. A value without a
meaning, a meaning without a value, and a code column that is not listed each fail a test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nightmail.channels import CHANNELS

CODE_COLUMNS = frozenset(
    {
        "carrier",
        "channel",
        "error_code",
        "fallbacks",
        "how",
        "kind",
        "landline_type",
        "phone_2_type",
        "phone_type",
        "reason",
        "state",
        "status",
    }
)
"""The columns of lake tables that hold codes of Nightmail's own, by name."""

_STATES = {
    "queued": "waits for its time, or for a sender",
    "standby": "a fallback that waits for what becomes of the channel before it",
    "handing_over": "its request is being made",
    "accepted": "the carrier took it: what became of it then is `status`",
    "failed": "the carrier refused it, or it was tried too often: see `reason` and `error_code`",
    "held": "not sent, for the rule that `reason` names",
    "cancelled": "its campaign was cancelled",
    "expired": "its campaign's cut-off had passed",
    "not_needed": "a fallback: the channel before it reached the contact",
    "in_doubt": "the request was made and not answered; never sent again blindly",
}
_STATUSES = {
    "queued": "the carrier has it in a queue",
    "sent": "the carrier passed it on",
    "deferred": "email: the receiving server put it off, and the carrier tries again",
    "ringing": "the phone rings",
    "delivered": "it arrived",
    "answered": "a person took the call",
    "answered_by_machine": "a machine took the call",
    "undelivered": "it did not arrive",
    "failed": "the carrier could not pass it on",
    "bounced": "the receiving server refused it, at once or later",
    "dropped": "email: the carrier did not try, as the address is on its own suppression list",
    "busy": "the line was busy",
    "no_answer": "nobody took the call",
    "cancelled": "the carrier cancelled it",
    "opened": "the email was opened",
    "clicked": "a link in the email was followed",
    "spam_report": "the recipient reported the email as spam",
    "unsubscribed": "the recipient unsubscribed by a link in the email",
}
_REPLY_KINDS = {
    "text": "anything said",
    "key": "a key pressed in a call",
    "stop": "an opt-out, by a word of the message's language or one that carriers honour everywhere",
    "start": "an opt-out taken back",
    "help": "asks for help",
    "probable_stop": "probably an opt-out: a person decides",
}
_OPT_OUTS = {
    "opted_out": "the person asked not to be written to",
    "complaint": "the person reported a message as spam",
}
_OPTED_OUT_BY = {
    "reply": "a reply, such as STOP",
    "unsubscribe_link": "the link in an email",
    "preference_page": "the recipient, on their own page",
    "receipt": "the carrier reported it",
    "hand_off": "the carrier refused a message for it",
    "by_hand": "a person of the team recorded it",
}
_PHONE_TYPES = {
    "mobile": "a mobile phone",
    "fixed": "a fixed line",
    "fixed_or_mobile": "either: the country's plan does not tell them apart, as in the United States",
    "premium": "a premium rate number",
    "shared_cost": "a number whose cost caller and called share",
    "toll_free": "a number that is free to call",
    "voip": "a number of an internet telephone",
    "personal": "a number that follows a person",
    "pager": "a pager",
    "uan": "a company's number for all its places",
    "voicemail": "an answering service",
}


@dataclass(frozen=True)
class CodeList:
    """Columns that share their codes: ``codes`` are those of the product, ``meanings`` say what each is."""

    title: str
    columns: tuple[str, ...]
    """Such as ``sends.state``."""
    codes: tuple[str, ...]
    meanings: Mapping[str, str]
    note: str = ""


def code_lists() -> tuple[CodeList, ...]:
    """Every list of codes, each with the columns that hold it."""
    from nightmail.carriers.protocol import ReceiptStatus, ReplyKind
    from nightmail.consent.opt_out_words import Word
    from nightmail.receipts.replies import PROBABLE_STOP
    from nightmail.reports.delivery_rows import NEVER_HANDED_OFF
    from nightmail.row_checks.phone_types import PHONE_TYPES
    from nightmail.store.states import MessageState
    from resources.carriers import CARRIERS

    planned = {"planned": "sent to, on `channel`", "held": "not sent to, for `reason`"}
    lists = [
        CodeList("Channels", _in_tables("channel", "fallbacks"), tuple(CHANNELS), _labels(CHANNELS)),
        CodeList("Carriers", _in_tables("carrier"), tuple(CARRIERS), _labels(CARRIERS)),
        CodeList("State of a contact", ("audience.state",), tuple(planned), planned),
        CodeList("State of a message before it is loaded", ("messages.state",), ("queued", "standby"), _STATES),
        CodeList("State of a message", ("sends.state",), tuple(MessageState), _STATES),
        CodeList("State in the report", ("delivery_report.state",), ("accepted", *NEVER_HANDED_OFF), _STATES),
        CodeList(
            "Status by receipts",
            ("receipts.status", "delivery_report.status"),
            tuple(sorted(ReceiptStatus, key=_rank)),
            _STATUSES,
            "From the lowest rank to the highest: of all receipts of a message, the one with the highest rank is its status.",
        ),
        CodeList("Kind of a reply", ("replies.kind",), (*ReplyKind, *Word, PROBABLE_STOP), _REPLY_KINDS),
        CodeList("Kind of an opt-out", ("opt_outs.reason",), tuple(_OPT_OUTS), _OPT_OUTS),
        CodeList("How an opt-out came", ("opt_outs.how",), tuple(_OPTED_OUT_BY), _OPTED_OUT_BY),
        CodeList(
            "Type of a number",
            ("contacts.phone_type", "contacts.phone_2_type", "contacts.landline_type"),
            PHONE_TYPES,
            _PHONE_TYPES,
        ),
    ]
    return (*lists, *_reasons(), _error_codes())


def code_values() -> str:
    """A section per list of codes, for the data dictionary."""
    return "\n" + "\n".join(_section(each) for each in code_lists()) + "\n"


def _section(codes: CodeList) -> str:
    from nightmail.carriers.protocol import NOT_REACHED, REACHED

    header, by_status = ["value", "means"], codes.columns[0] == "receipts.status"
    if by_status:
        header.insert(1, "`delivered`")
    lines = [header, ["---"] * len(header)]
    for code in codes.codes:
        cells = [f"`{code}`", codes.meanings[code].replace("|", "\\|").replace("\n", " ")]
        if by_status:
            cells.insert(1, "true" if code in REACHED else "false" if code in NOT_REACHED else "null")
        lines.append(cells)
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines) if codes.codes else ""
    columns = ", ".join(f"`{column}`" for column in codes.columns)
    return f"### {codes.title}\n\n{columns}{f'. {codes.note}' if codes.note else ''}\n" + (
        f"\n{table}" if table else ""
    )


def _in_tables(*names: str) -> tuple[str, ...]:
    from commands.documentation import lake_tables

    return tuple(
        f"{table}.{field.name}"
        for table, (schema, _) in lake_tables().items()
        for field in schema
        if field.name in names
    )


def _labels(things: Mapping[str, object]) -> dict[str, str]:
    return {name: str(getattr(thing, "label", name)) for name, thing in things.items()}


def _rank(status: str) -> int:
    from nightmail.carriers.protocol import STATUS_RANK, ReceiptStatus

    return STATUS_RANK[ReceiptStatus(status)]


def _reasons() -> Iterable[CodeList]:
    """The reasons that each table can name; their sentences and remedies stand in docs/reasons.md."""
    from nightmail.reasons import REASONS, Kind

    note = "Each with its sentence and remedy in [reasons](reasons.md)."
    for title, columns, kinds in (
        ("Reasons of rejects", ("rejects.reason",), (Kind.REJECT, Kind.DUPLICATE)),
        ("Reasons of warnings", ("warnings.reason",), (Kind.WARNING,)),
        ("Reasons of held contacts", ("audience.reason",), (Kind.HOLD,)),
        (
            "Reasons of messages that were not sent",
            ("sends.reason", "delivery_report.reason"),
            (Kind.HOLD, Kind.FAILURE),
        ),
    ):
        found = {
            code: "a row collapsed into another" if reason.kind is Kind.DUPLICATE else reason.title or reason.sentence
            for code, reason in REASONS.items()
            if reason.kind in kinds
        }
        yield CodeList(title, columns, tuple(found), found, note)


def _error_codes() -> CodeList:
    return CodeList(
        "Codes of carriers",
        _in_tables("error_code"),
        (),
        {},
        "The carrier's own code, as it wrote it; those that Nightmail knows stand with their meaning in "
        "[error codes](error-codes.md). A code that stands there for an answer without one is in lower case.",
    )
