"""Recipients: what one of them got or did not get, and why; and messages one by one.

What belongs here: finding a recipient by an address or an external id, putting together what ledger, receipts, replies,
suppressions, consents and the contact files say of them, and lists of messages with filters. What does not: changing any
of it, and what is counted over many recipients (:mod:`nightmail.reports`).

Everything here asks what the reader may see: statements join with the teams at which they hold ``message.see``, and what
is personal is masked or left out where they lack ``personal.see``.
"""
