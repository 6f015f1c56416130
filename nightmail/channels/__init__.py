"""Channels: one object for each way to reach a person, holding all that differs between them.

What belongs here: names, codes, labels, the addresses a channel goes to, its kind of body, limits, units and defaults.
What does not: how a carrier is spoken to (``resources/carriers``), how bodies are rendered (:mod:`nightmail.templates`).
Other rooms ask the object, and never compare names: ``CHANNELS[name].rate_unit is Unit.SEGMENT``.
"""

from __future__ import annotations

from nightmail.channels.addresses import ADDRESS_FIELDS, EMAIL_FIELD, PHONE_FIELDS, AddressKind
from nightmail.channels.chat import CHAT
from nightmail.channels.email import EMAIL
from nightmail.channels.model import BodyKind, Channel, Unit
from nightmail.channels.registry import CHANNELS, Channels
from nightmail.channels.sms import SMS
from nightmail.channels.voice import VOICE

__all__ = [
    "ADDRESS_FIELDS",
    "CHANNELS",
    "CHAT",
    "EMAIL",
    "EMAIL_FIELD",
    "PHONE_FIELDS",
    "SMS",
    "VOICE",
    "AddressKind",
    "BodyKind",
    "Channel",
    "Channels",
    "Unit",
]
