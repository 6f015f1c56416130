"""Which emails share a request, and how a request that is refused as a whole is taken apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from nightmail.carriers.protocol import MayGo, OutgoingMessage
from resources.carriers.sendgrid.limits import MAXIMUM_RECIPIENTS, SUBSTITUTION_LIMIT
from resources.carriers.sendgrid.shared_text import SharedText

_PROBES = 16
REPLY_TAG = "-nightmail-reply-"
"""Stands in a request's reply address for each message's own token."""


@dataclass(frozen=True)
class Group:
    """Messages that can share a request."""

    messages: tuple[OutgoingMessage, ...]
    shared: tuple[SharedText, SharedText] | None = None
    """Their texts and pages taken apart, where that was done already."""

    def kept_by(self, may_go: MayGo) -> Group:
        """Those of the group that may go yet."""
        kept = may_go(self.messages)
        return self if len(kept) == len(self.messages) else Group(tuple(kept))

    def halves(self) -> tuple[Group, Group]:
        """The group in two."""
        middle = len(self.messages) // 2
        return Group(self.messages[:middle]), Group(self.messages[middle:])

    def without(self, index: int) -> tuple[Group, Group]:
        """The group without one message, and that message."""
        return (
            Group((*self.messages[:index], *self.messages[index + 1 :])),
            Group((self.messages[index],)),
        )


def grouped(messages: Iterable[OutgoingMessage], sender: Callable[[OutgoingMessage], str | None]) -> Iterator[Group]:
    """Messages sorted into requests; see the module."""
    alike: dict[tuple[object, ...], list[OutgoingMessage]] = {}
    seen: dict[str, int] = {}
    for message in messages:
        # A second message to one address in one request is refused by SendGrid: it goes into another.
        turn = seen[message.address.casefold()] = seen.get(message.address.casefold(), -1) + 1
        key = (
            sender(message),
            message.sender_name,
            shared_reply_to(message),
            message.categories,
            message.html is not None,
            turn,
        )
        alike.setdefault(key, []).append(message)
    for group in alike.values():
        yield from _fitting(group)


def shared_reply_to(message: OutgoingMessage, instead: str = REPLY_TAG) -> str | None:
    """The reply address with ``instead`` in place of the message's own token: what it has in common with others."""
    if message.reply_to and message.reply_token:
        return message.reply_to.replace(message.reply_token, instead)
    return message.reply_to


def _fitting(group: list[OutgoingMessage], apart: bool = False) -> Iterator[Group]:
    """One kind's messages in requests that keep to the limits.

    Texts too large for substitutions are compared again ``apart``: those of one campaign and language among themselves,
    which are alike as a rule. What is still too large goes alone.
    """
    if len(group) > MAXIMUM_RECIPIENTS:
        for start in range(0, len(group), MAXIMUM_RECIPIENTS):
            yield from _fitting(group[start : start + MAXIMUM_RECIPIENTS], apart)
        return
    if len(group) == 1:
        yield Group(tuple(group))
        return
    shared = take_apart(group)
    own = [text + page for text, page in zip(*(part.sizes(len(group)) for part in shared), strict=True)]
    small = [message for message, size in zip(group, own, strict=True) if size <= SUBSTITUTION_LIMIT]
    large = [message for message, size in zip(group, own, strict=True) if size > SUBSTITUTION_LIMIT]
    if small:
        yield Group(tuple(small), None if large else shared)
    if apart:
        yield from (Group((message,)) for message in large)
        return
    alike: dict[tuple[str, str | None], list[OutgoingMessage]] = {}
    for message in large:
        alike.setdefault((message.message_id.partition("-")[0], message.language), []).append(message)
    for part in alike.values():
        yield from _fitting(part, apart=True)


def take_apart(messages: Sequence[OutgoingMessage]) -> tuple[SharedText, SharedText]:
    """The messages' texts, and their pages."""
    return (
        SharedText.of([message.body for message in messages]),
        SharedText.of([message.html or "" for message in messages]),
    )


def with_probes_first(waiting: Sequence[Group]) -> tuple[list[Group], int]:
    """What waits, last to go first, with some messages from all over it to be tried by themselves; and how many."""
    rest = [message for group in reversed(waiting) for message in group.messages]
    step = max(len(rest) / _PROBES, 1.0)
    chosen = {int(place * step) for place in range(_PROBES) if int(place * step) < len(rest)}
    others = Group(tuple(message for place, message in enumerate(rest) if place not in chosen))
    return [others, *(Group((rest[place],)) for place in sorted(chosen, reverse=True))], len(chosen)
