"""The channels that there are: each module of this room that defines a :class:`Channel` adds it by being there."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from nightmail.channels.model import Channel, Unit
from nightmail.errors import UsageError


class Channels(Mapping[str, Channel]):
    """All channels by name, in the order of their codes.

    >>> tuple(CHANNELS)
    ('sms', 'email', 'voice', 'chat')
    >>> CHANNELS.with_code(1).label
    'Email'
    """

    def __init__(self) -> None:
        self._by_name: dict[str, Channel] = {}
        self._by_code: dict[int, Channel] = {}

    def __getitem__(self, name: str) -> Channel:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def with_code(self, code: int) -> Channel:
        """The channel of a message key's code. Raises ``KeyError`` where there is none."""
        return self._by_code[code]

    def choice(self, form: str = "{}") -> str:
        """The names for a sentence: ``sms, email, voice or chat``; each is written in ``form``."""
        *others, last = (form.format(name) for name in self)
        return f"{', '.join(others)} or {last}" if others else last

    def bound_by_quiet_hours(self) -> tuple[str, ...]:
        """The names of the channels that a feed's quiet hours bind where the feed does not say which."""
        return tuple(channel.name for channel in self.values() if channel.quiet_hours_bind)

    def for_numbers(self) -> tuple[str, ...]:
        """The names of the channels that go to phone numbers."""
        return tuple(channel.name for channel in self.values() if channel.takes_numbers)

    def for_emails(self) -> tuple[str, ...]:
        """The names of the channels that go to email addresses."""
        return tuple(channel.name for channel in self.values() if channel.takes_emails)

    def rated_by(self, unit: Unit) -> list[str]:
        """The names of the channels whose rates are counted in a unit."""
        return [channel.name for channel in self.values() if channel.rate_unit is unit]

    def named(self, name: str) -> Channel:
        """The channel that a person named. Raises :class:`UsageError` (``channel_unknown``)."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UsageError("channel_unknown", channel=name, known=", ".join(self)) from None

    def register(self, channel: Channel) -> None:
        """Add a channel. Raises ``ValueError`` when its name or its code is another's."""
        for other in self._by_name.values():
            if other != channel and (other.name == channel.name or other.code == channel.code):
                raise ValueError(f"{channel.name} ({channel.code}) is taken: {other.name} ({other.code})")
        every = sorted({*self._by_name.values(), channel}, key=lambda each: each.code)
        self._by_name = {each.name: each for each in every}
        self._by_code = {each.code: each for each in every}

    def withdraw(self, channel: Channel) -> None:
        """Take a channel out again: tests do this with theirs. Its messages can then not be read any more."""
        del self._by_name[channel.name], self._by_code[channel.code]


CHANNELS = Channels()

for _module in pkgutil.iter_modules([str(Path(__file__).parent)]):
    if _module.name != Path(__file__).stem:
        for _value in vars(importlib.import_module(f"nightmail.channels.{_module.name}")).values():
            if isinstance(_value, Channel):
                CHANNELS.register(_value)
