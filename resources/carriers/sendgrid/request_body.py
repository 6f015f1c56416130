"""The JSON of a request: what all its emails share, and one personalization for each recipient."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from nightmail.carriers.protocol import CarrierSettings, OutgoingMessage
from resources.carriers.sendgrid.groups import Group, shared_reply_to, take_apart
from resources.carriers.sendgrid.shared_text import SharedText

MESSAGE_ID_ARGUMENT = "message_id"
"""The custom argument that carries our message id through events and records."""
_quoted = json.encoder.encode_basestring_ascii


def sender_of(message: OutgoingMessage, settings: CarrierSettings) -> str | None:
    """The message's sender, or the account's."""
    return message.sender or settings.sender


def request_body(group: Group, settings: CarrierSettings) -> bytes:
    """A request's JSON, in bytes."""
    first = group.messages[0]
    sender: dict[str, str] = {"email": str(sender_of(first, settings))}
    sender_name = first.sender_name or (settings.sender_name if first.sender is None else None)
    if sender_name:
        sender["name"] = sender_name
    text, page = group.shared or take_apart(group.messages)
    prefix = _free_prefix(text, page)
    parts = [("text/plain", text)]
    if first.html is not None:
        parts.append(("text/html", page))
    gaps: list[tuple[str, tuple[str, ...]]] = []
    contents = []
    for number, (kind, shared) in enumerate(parts):
        value, tags = shared.tagged(f"{prefix}{number}-")
        contents.append({"type": kind, "value": value or " "})
        gaps.extend(zip(tags, shared.middles, strict=True))
    content: dict[str, Any] = {
        "from": sender,
        "content": contents,
    }
    reply_to = shared_reply_to(first, f"{prefix}reply-") or settings.reply_to
    if reply_to:
        content["reply_to"] = {"email": reply_to}
    if reply_to != (first.reply_to or settings.reply_to):
        # A request has one reply address, and a header Reply-To is refused; substitutions apply to the address as well.
        gaps.append((f"{prefix}reply-", tuple(message.reply_token or "" for message in group.messages)))
    if first.categories:
        content["categories"] = [category[:255] for category in first.categories[:10]]
    if settings.options.get("sandbox_mode") == "on":
        content["mail_settings"] = {"sandbox_mode": {"enable": True}}
    people = ",".join(_people(group.messages, gaps))
    return f'{json.dumps(content)[:-1]}, "personalizations": [{people}]}}'.encode()


def _free_prefix(*parts: SharedText) -> str:
    """The beginning of tags that occur in no text."""
    prefix = "-nightmail-"
    number = 0
    while any(part.holds(prefix) for part in parts):
        number += 1
        prefix = f"-nightmail{number}-"
    return prefix


def _people(messages: Sequence[OutgoingMessage], gaps: Sequence[tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    """Each recipient's part of a request, in JSON.

    Put together from quoted strings: a thousand dictionaries take the JSON encoder most of the time that an email costs.
    """
    substitutions: Iterable[str] = ("",) * len(messages)
    if gaps:
        tags = [f"{_quoted(tag)}:" for tag, _ in gaps]
        substitutions = (
            f',"substitutions":{{{",".join([f"{tag}{_quoted(own)}" for tag, own in zip(tags, middles, strict=True)])}}}'
            for middles in zip(*(column for _, column in gaps), strict=True)
        )
    for message, own in zip(messages, substitutions, strict=True):
        headers = ",".join([f"{_quoted(name)}:{_quoted(text)}" for name, text in unsubscribe_headers(message).items()])
        yield (
            f'{{"to":[{{"email":{_quoted(message.address)}}}],"subject":{_quoted(message.subject or " ")},'
            f'"custom_args":{{"{MESSAGE_ID_ARGUMENT}":{_quoted(message.message_id)}}}{own}'
            + (f',"headers":{{{headers}}}}}' if headers else "}")
        )


def unsubscribe_headers(message: OutgoingMessage) -> dict[str, str]:
    """``List-Unsubscribe`` and ``List-Unsubscribe-Post`` (RFC 2369, RFC 8058); empty without an address for it."""
    if not message.unsubscribe_url:
        return {}
    return {
        "List-Unsubscribe": f"<{message.unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
