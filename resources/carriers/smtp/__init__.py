"""SMTP: email by any server (RFC 5321, RFC 6409).

What belongs here: all that is SMTP's. :mod:`~resources.carriers.smtp.carrier` describes it to the rest of the product,
``email`` hands off, ``errors`` is its table.
"""
