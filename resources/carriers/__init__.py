"""Carriers: one file per adapter, named after what it speaks and the channel it serves (``twilio_sms.py``).

An adapter's file has a function ``build(settings: CarrierSettings) -> Carrier``. Its name ends with its channel; that
is all the registration there is:

>>> carrier = build_carrier(CarrierSettings(adapter="twilio_sms", account="AC...", secret="..."))
>>> carrier.hand_off([message])
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import cast

from nightmail.carriers.error_tables import ErrorTable
from nightmail.carriers.protocol import Carrier, CarrierSettings
from nightmail.channels import CHANNELS
from nightmail.errors import ConfigurationError


def known_carriers() -> dict[str, str]:
    """Every adapter's name and the channel it serves, without importing any."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        channel = module.name.rpartition("_")[2]
        if channel in CHANNELS:
            found[module.name] = channel
    return found


def error_tables() -> dict[str, ErrorTable]:
    """The error codes of every carrier that has a folder, by the folder's name; imports no SDK."""
    folders = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)
    return {name: cast(ErrorTable, import_module(f"{__name__}.{name}.errors").ERRORS) for name in folders}


def meaning_of(code: str) -> str:
    """What a carrier's error code means, in a few words, by the first carrier that knows it; empty if none does."""
    return next(filter(None, (table.meaning(code) for table in error_tables().values())), "")


def build_carrier(settings: CarrierSettings) -> Carrier:
    """The adapter for an account. Raises :class:`ConfigurationError` for an unknown name or unusable settings."""
    known = known_carriers()
    if settings.adapter not in known:
        raise ConfigurationError(
            "carrier_unknown",
            f"There is no carrier {settings.adapter}.",
            f"Use one of: {', '.join(sorted(known))}.",
        )
    build = cast(Callable[[CarrierSettings], Carrier], import_module(f"{__name__}.{settings.adapter}").build)
    return build(settings)
