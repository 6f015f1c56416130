"""The carriers that there are: each folder of this room is one, described by its module ``carrier``."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module

from nightmail.carriers.descriptors import AdapterDescriptor, CarrierDescriptor
from nightmail.carriers.protocol import Carrier, CarrierSettings
from nightmail.errors import ConfigurationError

DESCRIPTION = "carrier"
"""The module of a folder that holds its ``CARRIER``."""


class Carriers(Mapping[str, CarrierDescriptor]):
    """All carriers by name, in alphabetical order.

    >>> list(CARRIERS)
    ['sendgrid', 'smtp', 'twilio']
    >>> CARRIERS.adapters["twilio_sms"].channel
    'sms'
    """

    def __init__(self) -> None:
        self._by_name: dict[str, CarrierDescriptor] = {}

    def __getitem__(self, name: str) -> CarrierDescriptor:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def discover(self, package: str, path: Sequence[str]) -> None:
        """Register every folder of a package that has a module ``carrier``; imports no SDK."""
        for folder in pkgutil.iter_modules(path):
            if folder.ispkg:
                self.register(import_module(f"{package}.{folder.name}.{DESCRIPTION}").CARRIER)

    def register(self, carrier: CarrierDescriptor) -> None:
        """Add a carrier that has no folder here. Raises ``ValueError`` when its name or a webhook's path is another's."""
        if carrier.name in self._by_name:
            raise ValueError(f"there is a carrier {carrier.name} already")
        if taken := {route.path for route in carrier.webhooks} & self.webhook_paths():
            raise ValueError(f"{', '.join(sorted(taken))} is another carrier's")
        self._by_name = dict(sorted({**self._by_name, carrier.name: carrier}.items()))

    def withdraw(self, name: str) -> None:
        """Take a carrier out again: tests do this with theirs. Raises ``KeyError`` for an unknown one."""
        del self._by_name[name]

    @property
    def adapters(self) -> dict[str, AdapterDescriptor]:
        """Every adapter by its name in organisation files (``acme_sms``)."""
        return {each.adapter_name(adapter): adapter for each in self.values() for adapter in each.adapters}

    def of_account(self, carrier: str) -> CarrierDescriptor | None:
        """The carrier that an account's row names, which may be an adapter's name (``acme_sms``) instead."""
        found = self._by_name.get(carrier)
        return found or next((each for each in self.values() if carrier in map(each.adapter_name, each.adapters)), None)

    def build(self, settings: CarrierSettings) -> Carrier:
        """The adapter of an account. Raises :class:`ConfigurationError` for an unknown name or unusable settings."""
        adapter = self.adapters.get(settings.adapter)
        if adapter is None:
            raise ConfigurationError("carrier_unknown", value=settings.adapter, known=", ".join(sorted(self.adapters)))
        return adapter.build(settings)

    def meaning_of(self, code: str) -> str:
        """What an error code means, in a few words, by the first carrier that has a line for it; empty if none has."""
        return next(filter(None, (carrier.errors.meaning(code) for carrier in self.values())), "")

    def webhook_paths(self) -> set[str]:
        """The paths that carriers post to."""
        return {route.path for carrier in self.values() for route in carrier.webhooks}


CARRIERS = Carriers()
CARRIERS.discover(__package__, import_module(__package__).__path__)
