"""SendGrid: email.

What belongs here: all that is SendGrid's. :mod:`~resources.carriers.sendgrid.carrier` describes it to the rest of the product,
``email`` hands off, ``webhooks`` reads its batches of events, ``errors`` is its table. Modules that import the SDK are imported
when an adapter is made: ``carrier`` and ``webhooks`` are not among them.
"""
