"""Carriers: one folder for each company, holding all that is the company's.

What belongs here: a folder per carrier (hand-off per channel, records, webhooks, signatures, error table, and its description in
``carrier.py``), and what several of them use (``keep_alive``, ``answers``). What does not: anything that another room has to know
about carriers in general (:mod:`nightmail.carriers`). docs/carriers.md says how to add one.

>>> carrier = CARRIERS.build(CarrierSettings(adapter="twilio_sms", account="AC...", secret="..."))
>>> carrier.hand_off([message])

Functions that make an adapter, or verify a signature, import what they need then, and with it the SDK (0.3 to 0.5 s): the command
line asks for lists only.
"""

from __future__ import annotations

from resources.carriers.registry import CARRIERS, Carriers

__all__ = ["CARRIERS", "Carriers"]
