"""Twilio: SMS and calls.

What belongs here: all that is Twilio's. :mod:`~resources.carriers.twilio.carrier` describes it to the rest of the product,
``sms`` and ``voice`` hand off, ``records`` reads Twilio's records, ``webhooks`` reads its callbacks, ``errors`` is its table.
Modules that import the SDK (half a second) are imported when an adapter is made: ``carrier`` and ``webhooks`` are not among them.
"""
